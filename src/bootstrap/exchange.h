/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Enrolment Exchange of the enrolee (RSPF 7, DESIGN 6), from the finished handshake
 * to the last command: what `certificate` and `psk` have in common. Pure: the events
 * and actions are those of a method's run, the steps one table [phase][input].
 *
 *   enrol    connect, create mefClientReg, create symmKeyReg, store pending, key
 *            confirmation, FLIP, Command Retrieve (the ack) to NO_MORE_COMMANDS,
 *            upload of the attempt records, done
 *   resolve  connect, retrieve symmKeyReg of the pending slot; 2000: FLIP, create
 *            mefClientReg, commands as above; 4004: DROP_PENDING; done
 *
 * FR_EV_FLIPPED is the success: whatever fails after it is FR_ACT_WARN, then DONE. A
 * failure before it ends the run, with the class of its code. A MEF without the key
 * confirmation (where that is optional) commits at the first Command Retrieve: then the
 * FLIP follows its answer.
 *
 * Where success is also the target's first fetch (wait_target_ms of the context),
 * FR_ACT_WAIT follows the upload, and what fails after the flip is a failure: the key
 * is kept all the same. A MEF that cannot tell costs a warning. A resolve never waits.
 *
 * The exporter's octets are used once, on the connection they are from: no failure is
 * answered by a reconnect.
 *
 * A run that fails after STORE_PENDING, even by the MEF's definite no, leaves the
 * pending slot as it is (actions of a failed step are ignored): the next start resolves
 * it, and drops it, as the MEF then knows nothing of it.
 *
 * Commands: we support no class but NO_MORE_COMMANDS and say so (41); a command whose
 * cmdID was just reported is a repeated one (40); the 33rd ends the loop.
 */
#ifndef FR_BOOTSTRAP_EXCHANGE_H
#define FR_BOOTSTRAP_EXCHANGE_H

#include "engine/io.h"

#define FR_EXCHANGE_COMMANDS_MAX 32

/* X(id, name): what the exchange waits for. */
#define FR_EXCHANGE_PHASES(X)                                                          \
    X(FR_X_IDLE, "idle")                                                               \
    X(FR_X_CONNECTING, "connecting")                                                   \
    X(FR_X_CLIENT_REG, "client-registration")                                          \
    X(FR_X_KEY_REG, "key-registration")                                                \
    X(FR_X_STORING, "storing")                                                         \
    X(FR_X_CONFIRMING, "confirming")                                                   \
    X(FR_X_COMMITTING, "committing")                                                   \
    X(FR_X_FLIPPING, "flipping")                                                       \
    X(FR_X_COMMANDS, "commands")                                                       \
    X(FR_X_REPORTING, "reporting")                                                     \
    X(FR_X_WAITING, "waiting")                                                         \
    X(FR_X_RESOLVE_IDLE, "resolve-idle")                                               \
    X(FR_X_RESOLVE_CONNECTING, "resolve-connecting")                                   \
    X(FR_X_LOOKUP, "lookup")                                                           \
    X(FR_X_RESOLVE_FLIPPING, "resolve-flipping")                                       \
    X(FR_X_RESOLVE_CLIENT_REG, "resolve-client-registration")                          \
    X(FR_X_DROPPING, "dropping")                                                       \
    X(FR_X_DONE, "done")                                                               \
    X(FR_X_FAILED, "failed")
enum fr_exchange_phase {
#define X(id, name) id,
    FR_EXCHANGE_PHASES(X)
#undef X
};

struct fr_exchange;

struct fr_exchange_config { /* all borrowed for the life of the exchange */
    const char *method;     /* for the credential */
    const struct fr_run_context *ctx;
    const struct fr_instruction *in;
    const struct fr_credential *pending; /* NULL: enrol; else resolve this */
};

FR_MUST_USE enum fr_code fr_exchange_new(const struct fr_exchange_config *config,
                                         struct fr_exchange **ret, struct fr_err *err);
void fr_exchange_free(struct fr_exchange *x);
FR_DEFINE_AUTO(exchange)

/*
 * Overwrites acts. What they point to is valid until the next step. Failures:
 * FR_EINTERNAL  an event that the phase does not allow (the exchange is unchanged)
 * FR_EREFUSED   the MEF said no; "confirmation-mismatch"; "unconfirmed": it has no key
 *               confirmation and this device requires it
 * FR_EINVALID   malformed answers; "processing-failed": an answer that is not what we
 *               asked for (RSPF 7.2); "target-fqdn-unknown"
 * FR_EUNREACHABLE  "connection-cut"; answers 5xxx, 5xx
 * and the code of FR_EV_FAILED. err may be NULL.
 */
FR_MUST_USE enum fr_code fr_exchange_step(struct fr_exchange *x, const struct fr_ev *ev,
                                          struct fr_acts *acts, struct fr_err *err);

/* Once, after DONE: the credential (the caller's), or NULL after DROP_PENDING.
 * FR_EINTERNAL otherwise. */
FR_MUST_USE enum fr_code fr_exchange_finish(struct fr_exchange *x,
                                            struct fr_credential **ret,
                                            struct fr_err *err);
/* Of the answer that ended the exchange; -1: none. */
int64_t fr_exchange_retry_after_ms(const struct fr_exchange *x);
enum fr_exchange_phase fr_exchange_phase(const struct fr_exchange *x);
const char *fr_exchange_phase_name(enum fr_exchange_phase phase);

#endif
