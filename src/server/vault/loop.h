/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the vault's loop: its workers, and what waits at them. */
#ifndef FR_SERVER_VAULT_LOOP_H
#define FR_SERVER_VAULT_LOOP_H

#include "server/vault/internal.h"
#include "server/vault/rate.h"

enum {
    FR_LOOP_OUT_BUSY = 2 * FR_MSG_MAX /* above it, no more of its requests are taken */
};

struct fr_loop_worker {
    int fd;
    uint32_t number; /* never another's */
    enum fr_worker type;
    struct fr_buf in, out;
    size_t used;        /* of in, by the batch */
    struct fr_buf held; /* replies that wait for the commit */
    bool is_ended;      /* at its end, or by us: closed when it got its replies */
    bool is_expelled;   /* broke the rules: nothing more of it is taken */
    struct fr_vault_rates rates;
};

/* A message of the batch, which borrows from its worker's input. */
struct fr_loop_taken {
    struct fr_loop_worker *worker;
    struct fr_msg m;
    bool is_malformed; /* what broke the rules is all that its worker gets to do */
    bool is_too_often; /* refused, for why */
    bool is_done;
    struct fr_err why;
};

struct fr_loop {
    struct fr_vault *v;
    int control;
    bool is_over;
    struct fr_loop_worker worker[FR_VAULT_WORKERS_MAX];
    size_t n;
    uint32_t last_number;
    struct fr_loop_taken taken[FR_VAULT_BATCH_MAX];
    size_t n_taken;
    int64_t due, last_tick_ms;      /* wall clock; monotonic */
    int64_t looked_ms;              /* at what other nodes did */
    int64_t ub_ms;                  /* when waits and challenges were looked at */
    int64_t rekey_ms;               /* when to go on with a rekeying */
    bool is_stale;                  /* something was written: due may have changed */
    char complaint[FR_ERR_MSG_MAX]; /* of the store, until it has written again */
};

/* Takes a descriptor that the parent announces. False when there are no more. */
bool fr_loop_read_control(struct fr_loop *l);
void fr_loop_read_worker(struct fr_loop_worker *w);
void fr_loop_flush_worker(struct fr_loop_worker *w);
void fr_loop_clear_worker(struct fr_loop_worker *w);
/* Closes those that are at their end. */
void fr_loop_drop_ended(struct fr_loop *l);
/* The vault's letters go to whom they are for. */
void fr_loop_deliver_letters(struct fr_loop *l);

#endif
