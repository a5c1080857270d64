/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTPS request and response, blocking, on a connection that is kept: for programs
 * that have nothing else to do meanwhile (fieldroot-target). The first call connects;
 * a kept connection that turns out to be closed is replaced once, for a GET.
 */
#ifndef FR_NET_CALL_H
#define FR_NET_CALL_H

#include "net/conn.h"
#include "proto/http.h"

/* All borrowed for the life of the caller object. */
struct fr_call_setup {
    const struct fr_tls *tls;
    const struct fr_env *env;
    const char *host;
    uint16_t port;
    const struct fr_host *hosts;
    size_t n_hosts;
    int cancel_fd;   /* readable (or hung up): FR_EINTERRUPTED; -1: none. Never read */
    size_t body_max; /* octets of a response's body */
};

struct fr_call;

FR_MUST_USE enum fr_code fr_call_new(const struct fr_call_setup *setup,
                                     struct fr_call **ret, struct fr_err *err);
void fr_call_free(struct fr_call *c); /* NULL is fine */
FR_DEFINE_AUTO(call)

/* req's host and port are filled in here. The response is borrowed until the next call;
 * any HTTP status is FR_OK. Errors: those of conn.h and fr_http_feed(); the connection
 * is then gone and the next call makes a new one. */
FR_MUST_USE enum fr_code fr_call_run(struct fr_call *c,
                                     const struct fr_http_request *req,
                                     int64_t timeout_ms,
                                     const struct fr_http_response **ret,
                                     struct fr_err *err);

#endif
