/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service with everything around it but the socket: requests go in as octets, the
 * test plays the vault at the other end of a real line, answers come out.
 */
#ifndef FR_SERVICE_FIXTURE_H
#define FR_SERVICE_FIXTURE_H

#include "fake/env.h"
#include "server/http/exchange.h"
#include "test.h"

#define FIXTURE_ENROLEE "dev1.example.com"
#define FIXTURE_TARGET  "broker.example.com"

struct fixture {
    const struct fr_service *service;
    struct fr_fake_env env;
    struct fr_server_config config;
    struct fr_worker_context worker;
    struct fr_client client;
    void *session;
    struct fr_request *request;
    struct fr_exchange exchange;
    bool answered;
    int vault_fd;     /* the test is the vault */
    struct fr_buf in; /* what the worker sent to it */
    size_t used;
    uint32_t last_id; /* of the message heard last */
    struct fr_err err;
};

/* The peer is certified as name; exports are octets 0, 1, ... */
void fixture_open(struct fixture *f, const struct fr_service *service,
                  const char *name);
void fixture_close(struct fixture *f);
/* The connection is cut: session and exchange go, the worker stays. */
void fixture_cut(struct fixture *f);

/* Starts a request; headers: lines with CRLF, or NULL. */
void fixture_send(struct fixture *f, const char *method, const char *path,
                  const char *headers, const char *body);
/* Lets the worker run for what is ready now. */
void fixture_turn(struct fixture *f);

/* The next message that the vault gets; fails the test if there is none. Borrowed
 * until the next call. */
struct fr_msg fixture_heard(struct fixture *f, enum fr_msg_type type);
/* Fails the test if the worker has said anything to the vault. */
void fixture_heard_nothing(struct fixture *f);
/* The vault's words; a reply to the message heard last unless reply has an id. */
void fixture_say(struct fixture *f, struct fr_msg *reply);
void fixture_say_code(struct fixture *f, enum fr_code code, const char *reason);
/* The vault dies. */
void fixture_vault_dies(struct fixture *f);

/* The answer, which must be there. */
void fixture_answer_is(struct fixture *f, int status, int rsc);
const char *fixture_body(struct fixture *f);
/* A header of the answer; NULL if absent. */
const char *fixture_header(struct fixture *f, const char *name);

#endif
