/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request and the answer in the making: what a service's handlers see. They never
 * touch a socket: they ask the vault, and answer, now or later. The connection (or a
 * test) owns the exchange and is told by `done`.
 */
#ifndef FR_SERVER_HTTP_EXCHANGE_H
#define FR_SERVER_HTTP_EXCHANGE_H

#include "base/env.h"
#include "server/config.h"
#include "server/http/request.h"
#include "server/http/route.h"
#include "server/worker/flood.h"
#include "server/worker/vaultlink.h"

#define FR_EXCHANGE_HEADERS_MAX 8
#define FR_JSON_TYPE            "application/json"

/* What all of a worker's connections share. */
struct fr_worker_context {
    enum fr_worker type;
    const struct fr_server_config *config;
    const struct fr_env *env;
    struct event_base *base;
    struct fr_vaultlink *vault;
    struct fr_flood *flood; /* of all workers; NULL: no limit */
    void *service;          /* the service's own, made by its start() */
};

/* Who is at the other end, as of the handshake. */
struct fr_client {
    struct fr_peer peer;
    char address[64];           /* text, without the port */
    struct fr_secret *exported; /* 48 octets, or NULL when the service asks for none */
};

struct fr_exchange_header {
    const char *name; /* borrowed */
    char value[FR_ID_MAX + 1];
};

struct fr_exchange {
    const struct fr_request *request;
    const struct fr_worker_context *worker;
    const struct fr_client *client;
    void *session; /* the service's, of this connection */
    struct fr_route_match match;

    /* the answer */
    int status;
    struct fr_exchange_header header[FR_EXCHANGE_HEADERS_MAX];
    size_t n_headers;
    struct fr_buf more; /* headers longer than that, as lines */
    struct fr_buf body; /* wiping */
    bool answered;

    uint32_t call; /* the vault request that is under way; 0: none */
    void (*next)(struct fr_exchange *x, const struct fr_msg *reply);
    struct fr_buf peer; /* packed, lent to messages */
    void (*done)(struct fr_exchange *x, void *arg);
    void *done_arg;
};

/* A service is what a listener offers; one const struct each. */
struct fr_service {
    const char *name;
    bool exports;      /* its handlers need the bootstrap export */
    bool is_anonymous; /* its clients show no certificate */
    const struct fr_route *routes;
    const char *(*base)(const struct fr_server_config *c); /* NULL: "" */
    /* Before any handler of a route that was found; may be NULL. */
    enum fr_code (*admit)(struct fr_exchange *x, struct fr_err *err);
    /* Worker-wide; both may be NULL. */
    enum fr_code (*start)(struct fr_worker_context *w, struct fr_err *err);
    void (*stop)(struct fr_worker_context *w);
    void (*wake)(struct fr_worker_context *w, const char *target_fqdn);
    void (*drain)(struct fr_worker_context *w); /* answer what waits, now */
    /* Of a connection; all may be NULL. */
    enum fr_code (*session_new)(const struct fr_worker_context *w,
                                const struct fr_client *client, void **ret,
                                struct fr_err *err);
    void (*session_free)(void *session);
    bool (*session_is_busy)(const void *session); /* an exchange is half way */
};

void fr_exchange_init(struct fr_exchange *x);  /* everything else is zero */
void fr_exchange_reset(struct fr_exchange *x); /* for the next request */
void fr_exchange_clear(struct fr_exchange *x); /* cancels its call to the vault */

/* Finds the route and runs it; answers 400, 404 and 405 itself. */
void fr_exchange_run(struct fr_exchange *x, const struct fr_service *service);

/* Adds a header to the answer; a value that would break the framing is left out. */
void fr_exchange_header(struct fr_exchange *x, const char *name, const char *value);
/* Ends the exchange with x->body as it is; type NULL: no body. rsc 0: no X-M2M-RSC. */
void fr_exchange_answer(struct fr_exchange *x, int status, int rsc, const char *type);
/* Ends it with the status of err's code and a problem body. */
void fr_exchange_fail(struct fr_exchange *x, const struct fr_err *err);
/* The same for what the worker refuses by itself: an FR_EREFUSED goes to the audit
 * trail, as the vault's own refusals do. */
void fr_exchange_refuse(struct fr_exchange *x, const struct fr_err *err);
/* Like fail, with status and rsc given. */
void fr_exchange_fail_as(struct fr_exchange *x, int status, int rsc,
                         const struct fr_err *err);

/* A message to the vault with PEER and ADDRESS of this client. */
struct fr_msg fr_exchange_message(struct fr_exchange *x, enum fr_msg_type type);
/* A line for the audit trail. */
void fr_exchange_note(struct fr_exchange *x, const struct fr_err *err);
/* Sends it; next gets the reply (NULL: the vault is gone). A failure to send ends the
 * exchange. */
void fr_exchange_ask(struct fr_exchange *x, struct fr_msg *m,
                     void (*next)(struct fr_exchange *x, const struct fr_msg *reply));

const char *fr_status_text(int status);

#endif
