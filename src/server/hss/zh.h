/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zh: asking an HSS for authentication vectors. One const struct a protocol; so far
 * GSUP (gsup_zh.c), as osmo-hlr speaks it.
 *
 * Each ask is answered exactly once, by hooks.answer, possibly from inside ask(): with
 * a fresh vector, or with why there is none. A vector is asked for singly and handed
 * over once; what comes too late, or that nobody asked for, is wiped and logged. Never
 * blocks: whoever owns it polls what interest() says and calls step().
 *
 * Codes: FR_EREFUSED "subscriber-unknown", "subscriber-2g", "resync-refused" (the HSS
 * knows the IMSI not, or does not believe AUTS), "hss-refused"; FR_EINVALID where the
 * HSS breaks the rules; FR_EUNREACHABLE "hss-timeout" (connected, no answer),
 * "hss-unreachable" (no connection, or it broke), "hss-busy" (too many asks at once).
 */
#ifndef FR_SERVER_HSS_ZH_H
#define FR_SERVER_HSS_ZH_H

#include <sys/socket.h>

#include "base/env.h"
#include "crypto/gba.h"

#define FR_ZH_ASKS_MAX 4096 /* at once */

/* Octets of RAND, AUTN, CK and IK, then RES: as in FR_F_VECTOR. */
#define FR_ZH_VECTOR_HEAD (FR_AKA_RAND_LEN + FR_AKA_AUTN_LEN + 2 * FR_AKA_KEY_LEN)
#define FR_ZH_VECTOR_MAX  (FR_ZH_VECTOR_HEAD + FR_AKA_RES_MAX)

struct fr_zh_ask {
    uint64_t ticket;
    const char *imsi;
    struct fr_slice rand, auts; /* resynchronisation; else both empty */
};

struct fr_zh_hooks {
    /* vector: borrowed, secret; empty if rc is not FR_OK, and then why says more. */
    void (*answer)(void *arg, uint64_t ticket, enum fr_code rc, struct fr_slice vector,
                   const struct fr_err *why);
    void *arg;
};

struct fr_zh_config {
    struct sockaddr_storage address;
    socklen_t address_len;
    const char *address_text; /* for people; borrowed, as all of these */
    const char *name;         /* ours, at the HSS */
    int64_t timeout_ms;       /* for an answer, and for a connection */
    const struct fr_env *env;
};

struct fr_zh_interest {
    int fd; /* -1: none */
    short events;
    int64_t at_ms; /* step() is due then, on env's monotonic clock */
};

struct fr_zh; /* embedded first by whoever implements the interface */

struct fr_zh_method {
    const char *name;
    /* Opens no connection yet: step() does. FR_ENOMEM. */
    enum fr_code (*open)(const struct fr_zh_config *config,
                         const struct fr_zh_hooks *hooks, struct fr_zh **ret,
                         struct fr_err *err);
    void (*ask)(struct fr_zh *zh, const struct fr_zh_ask *ask);
    void (*interest)(const struct fr_zh *zh, struct fr_zh_interest *ret);
    void (*step)(struct fr_zh *zh, short events);
    /* All that waits is answered by "hss-unreachable" first. */
    void (*close)(struct fr_zh *zh);
};

struct fr_zh {
    const struct fr_zh_method *method;
};

extern const struct fr_zh_method fr_zh_gsup;

#endif
