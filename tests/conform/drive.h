/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does what a run's actions say, in memory: the driver of every test of a method. The
 * peer, the disk and the wire are the test's; what the run may never do (send before it
 * is connected, flip what is not stored, act after DONE) fails the test here.
 */
#ifndef FR_CONFORM_DRIVE_H
#define FR_CONFORM_DRIVE_H

#include "bootstrap/bootstrap.h"
#include "discovery/discovery.h"
#include "fake/env.h"
#include "fake/usim.h"

struct fr_drive_peer {
    void *state;
    /* The run sent this: appends the answer. False: closes the stream after it. */
    bool (*answer)(void *state, struct fr_slice sent, struct fr_buf *reply);
};

#define FR_DRIVE_LOG_MAX 1024

struct fr_drive {
    /* set before */
    const struct fr_bootstrap_method *bootstrap; /* this one, or */
    const struct fr_discovery_method *discovery;
    struct fr_fake_env env;
    struct fr_run_context ctx; /* .env is set by fr_drive_init() */
    struct fr_instruction in;
    const struct fr_credential *pending;
    struct fr_link link;
    struct fr_drive_peer peer;
    bool needs_gba_u;     /* the device's config says so */
    bool has_akav2;       /* it says that too */
    const char *tmpi;     /* what the SIM has at this MEF; NULL: nothing */
    struct fr_slice file; /* what FR_ACT_READ_FILE finds */
    size_t portion;       /* octets of one FR_EV_BYTES; 0: all there are */
    int stop_after;       /* leave the loop after so many events; 0: never */
    int cut_before;       /* event number before which cut comes; 0: never */
    struct fr_ev cut;     /* FR_EV_CLOSED or FR_EV_FAILED */

    /* seen */
    struct fr_bootstrap *run;
    struct fr_discovery *search;
    int n_events;
    int n_stored;
    struct fr_credential *stored; /* copy of what the pending slot has */
    bool connected, is_stored, flipped, dropped, done, was_cut;
    int n_warnings;
    char warning[FR_ERR_MSG_MAX];
    struct fr_connect connect;
    enum fr_phase phase;        /* last reported */
    char log[FR_DRIVE_LOG_MAX]; /* " connect send store flip ..." */

    /* its own */
    struct fr_buf replies;
    size_t taken;
    bool peer_closed;
    struct fr_usim *usim; /* fr_fake_usim, once it was asked something */
    char impi[FR_IMPI_MAX + 1];
    struct fr_aka_answer answer;
    struct fr_secret *naf_key;
    struct fr_usim_ev usim_ev;
    struct fr_err usim_err;
    int waiting; /* enum fr_ev_kind to deliver next; -1: octets, or none */
};

void fr_drive_init(struct fr_drive *d);
void fr_drive_clear(struct fr_drive *d); /* closes the run in whatever state it is */

/* Opens the run; then delivers events until DONE (FR_OK), a failure, or .stop_after
 * (FR_OK, .done is false). A run that waits for nothing fails the test. */
FR_MUST_USE enum fr_code fr_drive_run(struct fr_drive *d, struct fr_err *err);
/* One event more, whatever it is. */
FR_MUST_USE enum fr_code fr_drive_step(struct fr_drive *d, const struct fr_ev *ev,
                                       struct fr_err *err);

#endif
