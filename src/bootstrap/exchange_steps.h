/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of exchange.h share: its state, and the handlers of its table, by the
 * stage that they belong to. A handler says what to do next in acts; it may set x->next
 * where the table's own next is not it.
 */
#ifndef FR_BOOTSTRAP_EXCHANGE_STEPS_H
#define FR_BOOTSTRAP_EXCHANGE_STEPS_H

#include "bootstrap/exchange.h"
#include "crypto/confirm.h"
#include "proto/mmef_session.h"
#include "proto/registration.h"

#define FR_X_TYPE_JSON "application/json"

struct fr_exchange {
    struct fr_exchange_config config;
    enum fr_exchange_phase phase, next;
    struct fr_mmef_session session;
    bool flipped; /* the credential is current: nothing can take it away any more */
    bool misused; /* the last event did not fit its phase */
    const struct fr_link *link; /* of FR_EV_CONNECTED, while it is handled */
    char *credential_ref;
    int64_t mef_not_before; /* of its certificate */
    struct fr_secret *ke;   /* until the credential has it */
    struct fr_confirm_fields confirm;
    char *client_registration; /* until the credential has it */
    struct fr_credential *credential;
    struct fr_mmef_cmd first_cmd; /* of the answer that was a commit; status 0: none */
    char last_cmd[sizeof(((struct fr_mmef_cmd *)0)->id)];
    unsigned n_commands;
    int64_t wait_until; /* mono_ms */
    int64_t n_polls;
    struct fr_err warning;
};

/* ---- tools ---- */

const char *fr_x_mef(const struct fr_exchange *x);
enum fr_code fr_x_ask(struct fr_exchange *x, const struct fr_mmef_ask *ask,
                      struct fr_acts *acts, struct fr_err *err);
struct fr_slice fr_x_answer(const struct fr_exchange *x);
void fr_x_reach(struct fr_acts *acts, enum fr_phase phase);
bool fr_x_waits(const struct fr_exchange *x); /* for the target's first fetch */
void fr_x_flip(struct fr_exchange *x, struct fr_acts *acts);
void fr_x_end(struct fr_exchange *x, struct fr_acts *acts);
enum fr_code fr_x_retrieve_command(struct fr_exchange *x, struct fr_acts *acts,
                                   struct fr_err *err);

/* ---- handlers ---- */

typedef enum fr_code fr_x_handler(struct fr_exchange *x, struct fr_acts *acts,
                                  struct fr_err *err);

/* exchange_enrol.c */
fr_x_handler fr_x_connect, fr_x_begin_enrolment, fr_x_create_key_reg,
    fr_x_store_pending, fr_x_send_confirmation, fr_x_check_confirmation,
    fr_x_take_commit;
/* exchange_enrol.c, resolve */
fr_x_handler fr_x_look_up, fr_x_judge_pending, fr_x_register_again,
    fr_x_acknowledge_resolved, fr_x_forget_pending;
/* exchange_after.c */
fr_x_handler fr_x_acknowledge, fr_x_take_command, fr_x_finish_report, fr_x_take_fetched;

#endif
