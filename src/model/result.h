/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an instruction ends: one class, which alone decides what comes next (DESIGN 3),
 * a stable reason token, and words for a person.
 */
#ifndef FR_MODEL_RESULT_H
#define FR_MODEL_RESULT_H

#include "base/buf.h"

/* X(id, name, retry, exit): retry inside the budget; exit status of a list of which
 * this class decides (DESIGN 4). */
#define FR_CLASSES(X)                                                                  \
    X(FR_CLASS_PROVISIONED, "provisioned", 0, 0)                                       \
    X(FR_CLASS_UNSUPPORTED, "unsupported", 0, 78)                                      \
    X(FR_CLASS_INVALID, "invalid", 0, 76)                                              \
    X(FR_CLASS_REFUSED, "refused", 0, 77)                                              \
    X(FR_CLASS_UNREACHABLE, "unreachable", 1, 69)                                      \
    X(FR_CLASS_INTERRUPTED, "interrupted", 0, 75)                                      \
    /* of a record only: a discovery yielded a list, whose entries have classes */     \
    X(FR_CLASS_DISCOVERED, "discovered", 0, 0)
enum fr_class {
#define X(id, name, retry, exit) id,
    FR_CLASSES(X)
#undef X
};

/* The farthest point that an attempt reached. */
#define FR_PHASES(X)                                                                   \
    X(FR_PHASE_TRIGGER, "trigger")     /* nothing was opened */                        \
    X(FR_PHASE_DISCOVERY, "discovery") /* asked a discovery resource */                \
    X(FR_PHASE_CONNECT, "connect")     /* resolving, connecting */                     \
    X(FR_PHASE_HANDSHAKE, "handshake") /* (D)TLS under way */                          \
    X(FR_PHASE_REGISTER, "register")   /* mefClientReg, symmKeyReg */                  \
    X(FR_PHASE_CONFIRM, "confirm")     /* pending slot written, key confirmation */    \
    X(FR_PHASE_COMMIT, "commit")       /* slots flipped */                             \
    X(FR_PHASE_DONE, "done")           /* command loop over */
enum fr_phase {
#define X(id, name) id,
    FR_PHASES(X)
#undef X
};

struct fr_result {
    enum fr_class class;
    enum fr_phase phase;
    char reason[FR_ERR_REASON_MAX];
    char text[FR_ERR_MSG_MAX];
    int64_t retry_after_ms; /* -1: the peer did not say */
    int fr_exit;            /* 0, or 73/70 where the class's own status is not exact */
};

const char *fr_class_name(enum fr_class c);
bool fr_class_by_name(const char *name, enum fr_class *ret);
bool fr_class_retries(enum fr_class c);
int fr_class_exit(enum fr_class c);
const char *fr_phase_name(enum fr_phase p);
bool fr_phase_by_name(const char *name, enum fr_phase *ret);

/* EPARSE, EINVALID, ELIMIT -> invalid; EREFUSED -> refused; EUNSUPPORTED ->
 * unsupported; EUNREACHABLE, EBUSY -> unreachable; ESTORE, EINTERRUPTED, ENOMEM,
 * EINTERNAL -> interrupted (with fr_exit 73, 75, 70, 70). */
struct fr_result fr_result_of_err(const struct fr_err *err, enum fr_phase phase);

/* TLS alert received from the peer -> code by the table of DESIGN 3; the reason is
 * "tls-alert-<n>", the message names the alert. Always returns a failure. */
enum fr_code fr_alert_fail(int alert, const char *peer, struct fr_err *err);

/* Response status code (X-M2M-RSC) -> FR_OK for 2xxx; 40xx EINVALID; 41xx EREFUSED but
 * 4105 EUNREACHABLE; 5xxx EUNREACHABLE; other EINVALID. 4004 is EINVALID here: callers
 * that expect it look first. text (may be empty) is the peer's own words, quoted. */
enum fr_code fr_rsc_check(int rsc, struct fr_slice text, const char *doing,
                          struct fr_err *err);

#endif
