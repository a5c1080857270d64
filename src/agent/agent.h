/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `fieldroot agent`: keeps the device provisioned. Holds the state folder's lock for
 * its life. With a valid credential it sleeps until two thirds of its life are over and
 * renews it; without one it triggers the configured list at once, and again after each
 * failure, with exponential delay and full jitter.
 *
 * Its Unix socket (0600) takes one JSON line, at most FR_AGENT_LINE_MAX octets:
 *
 *     {"op":"provision","document":{...},"renew":false,
 *      "hosts":[{"name":"mef.example.com","address":"192.0.2.1"}],"waitTargetMs":0}
 *     {"op":"trigger"}
 *     {"op":"status"}
 *
 * (hosts, if there, go before those of the config, in this run only), and answers with
 * JSON lines: the events of the run, the outcome last, with a member
 * "exit". During a run a further provision or trigger is refused at once: one line
 * {"event":"outcome","outcome":"refused","reason":"busy","exit":75}.
 */
#ifndef FR_AGENT_AGENT_H
#define FR_AGENT_AGENT_H

#include "agent/run.h"

#define FR_AGENT_LINE_MAX    (FR_DOCUMENT_MAX + 8192) /* octets */
#define FR_AGENT_HOSTS_MAX   16
#define FR_AGENT_CLIENTS_MAX 8 /* further ones wait in listen(2) */

struct fr_agent_setup {
    const struct fr_device *device;
    int stop_fd;    /* readable: end in order; see fr_stop_fd_open() */
    fr_event_fn fn; /* told every event as well (the program logs them); may be NULL */
    void *ctx;
    void (*ready)(void *ctx); /* called once the socket listens; may be NULL */
};

/* Until stop_fd. Returns an exit status; 0 after an orderly stop; err says why not. */
int fr_agent_run(const struct fr_agent_setup *setup, struct fr_err *err);

/* For programs: blocks SIGTERM and SIGINT, ignores SIGPIPE, and returns a descriptor
 * that becomes readable when one of the two arrives. */
FR_MUST_USE enum fr_code fr_stop_fd_open(int *ret, struct fr_err *err);

/* Who asks: hears each line that comes back. */
struct fr_agent_asker {
    void (*fn)(void *ctx, struct fr_slice line);
    void *ctx;
    int stop_fd; /* readable (or hung up): stop asking; -1: none */
};

/* The other end of the socket. Sends the line (a JSON object without newline).
 * *ret_exit is the "exit" of the last answer. FR_ENOTFOUND: no agent listens there.
 * FR_EBUSY: more clients wait than it can take. FR_EINTERRUPTED: stop_fd. */
FR_MUST_USE enum fr_code fr_agent_ask(const char *socket_path, struct fr_slice line,
                                      const struct fr_agent_asker *asker, int *ret_exit,
                                      struct fr_err *err);

#endif
