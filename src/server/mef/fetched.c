/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has the target fetched its key? Our extension below symmKeyReg, for a device that
 * wants to know (`provision --wait-target`). Only the enrolee of the key is answered.
 */
#include "server/http/wait.h"
#include "server/mef/session.h"

static void looked_up(struct fr_exchange *x, const struct fr_msg *reply)
{
    const struct fr_mef_session *s = x->session;

    fr_wait_hear(s->wait, reply);
}

static void ask(struct fr_exchange *x)
{
    struct fr_msg m = fr_exchange_message(x, FR_MSG_LOOKUP);
    char key_id[FR_KEYID_MAX + 1];

    (void)fr_mef_key_id_of(x, key_id);
    fr_msg_set_str(&m, FR_F_KEY_ID, key_id);
    fr_exchange_ask(x, &m, looked_up);
}

void fr_mef_fetched(struct fr_exchange *x)
{
    struct fr_mef_session *s = x->session;
    char key_id[FR_KEYID_MAX + 1];
    struct fr_err err;

    if (fr_mef_key_id_of(x, key_id)) {
        fr_wait_begin(&s->wait, x, ask);
        return;
    }
    (void)FR_FAIL_AS(&err, FR_ENOTFOUND, "no-such-registration",
                     "no such registration");
    fr_exchange_fail(x, &err);
}
