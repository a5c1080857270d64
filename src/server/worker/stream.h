/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection on the event loop, with TLS or (ssl NULL) without: octets in by one
 * recv() a turn, octets out by one send() for all that was written, and nothing kept
 * for a connection that is idle.
 *
 * (libevent's bufferevent_openssl made 40 system calls an enrolment more: two reads a
 * record, one to see that there is no more, one write a piece, and registrations with
 * epoll around them.)
 */
#ifndef FR_SERVER_WORKER_STREAM_H
#define FR_SERVER_WORKER_STREAM_H

#include <event2/event.h>
#include <openssl/ssl.h>

#include "base/buf.h"

struct fr_stream;
struct fr_stream_room; /* buffers that the streams of a listener share */

enum fr_stream_end {
    FR_STREAM_REFUSED, /* the handshake failed; its alert is sent */
    FR_STREAM_CLOSED,  /* by the peer, in order: it may read on */
    FR_STREAM_CUT      /* also after FR_STREAM_CLOSED, if it does not */
};

/* Called by the loop only, never from inside a call below. Each may free the stream. */
struct fr_stream_hooks {
    /* The handshake is finished, the peer verified; without TLS: it has said something.
     */
    void (*connected)(void *arg);
    /* Octets came, at most 16 KiB a turn and a record that they complete; borrowed
     * during the call. */
    void (*octets)(void *arg, struct fr_slice octets);
    void (*sent)(void *arg); /* what fr_stream_flush() could not send at once is sent */
    void (*ended)(void *arg, enum fr_stream_end how, unsigned long ossl_error);
    void *arg;
};

/* NULL: no memory. Outlives its streams; base outlives it. */
struct fr_stream_room *fr_stream_room_new(struct event_base *base);
void fr_stream_room_free(struct fr_stream_room *room);

/* The server's end. Takes fd and ssl (NULL: no TLS), whatever happens. */
FR_MUST_USE enum fr_code fr_stream_new(struct fr_stream_room *room, int fd, SSL *ssl,
                                       const struct fr_stream_hooks *hooks,
                                       struct fr_stream **ret, struct fr_err *err);
void fr_stream_free(struct fr_stream *s); /* closes at once; NULL is fine */
FR_DEFINE_AUTO(stream)

SSL *fr_stream_ssl(const struct fr_stream *s); /* borrowed; NULL without TLS */
int fr_stream_fd(const struct fr_stream *s);   /* borrowed */

/* Writes, whole, to what the next flush sends: call it before the loop goes on. False
 * if TLS or memory fails: the stream is of no use then. */
FR_MUST_USE bool fr_stream_write(struct fr_stream *s, struct fr_slice octets);
/* Sends what it can. True: all of it. Else `sent` comes later, or `ended`. */
bool fr_stream_flush(struct fr_stream *s);
/* Takes no more from the peer until told otherwise. */
void fr_stream_pause(struct fr_stream *s, bool pause);
/* With TLS, says close_notify, and sends it if the kernel takes it; the caller frees.
 * last: the descriptor is closed at once, and both go in one segment. */
void fr_stream_goodbye(struct fr_stream *s, bool last);

#endif
