/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of https: the listener as its connections see it. */
#ifndef FR_SERVER_WORKER_HTTPS_CONN_H
#define FR_SERVER_WORKER_HTTPS_CONN_H

#include "server/worker/https.h"
#include "server/worker/limits.h"
#include "server/worker/linger.h"
#include "server/worker/stream.h"
#include "server/worker/tls.h"

struct evconnlistener;

/* X(id): where a connection is. One timer each; a peer cannot move it by trickling. */
enum fr_https_conn_state {
    FR_HTTPS_HANDSHAKE,
    FR_HTTPS_READING, /* idle, or in the middle of a request */
    FR_HTTPS_HANDLING,
    FR_HTTPS_WRITING
};

struct fr_https_conn {
    struct fr_https *owner;
    enum fr_https_conn_state state;
    struct fr_stream *stream;
    struct fr_buf held; /* came before its turn */
    struct fr_tls_verdict verdict;
    struct event *timer;
    struct fr_client client;
    void *session;
    struct fr_request *request;
    struct fr_exchange exchange;
    long n_requests;
    bool begun; /* octets of a request have come */
    bool last;  /* close after this answer */
    struct fr_https_conn *next, **at;
    struct fr_https_conn *next_answered;
    bool is_answered; /* it is in that list */
};

struct fr_https {
    struct fr_https_config config;
    struct evconnlistener *listener;
    struct event *retry; /* accepts again, when that failed */
    struct fr_admission *admission;
    struct fr_lingerers *lingerers;
    struct fr_stream_room *room;
    struct fr_https_conn *first;
    struct fr_https_conn *answered; /* their answers are to be sent: on_answered */
    struct event *on_answered;
    bool draining;
    struct fr_bucket notes, warnings;
};

/* Takes fd, whatever happens; its address has been admitted. */
void fr_https_conn_new(struct fr_https *h, int fd, const char *address);
/* Cuts it: no more is sent. Frees c. */
void fr_https_conn_free(struct fr_https_conn *c);
/* Sends the answers that are there, and goes on with what came meanwhile. */
void fr_https_send_answers(struct fr_https *h);
/* The listener is draining: ends c unless it is half way through something. */
void fr_https_conn_drain(struct fr_https_conn *c);

/* https.c: c is gone. */
void fr_https_left(struct fr_https *h, const char *address);

#endif
