/* SPDX-License-Identifier: Apache-2.0 */
/* One Ks, many targets (TS 33.220): where this device has one of this SIM and MEF that
 * is valid still, a further target needs no run of Ub, but the MEF's word alone. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "bootstrap/gba_steps.h"

/* ---- what is here ---- */

/* What the instruction wishes of the key must be true of this one. */
static bool is_as_wished(const struct fr_gba *run, const struct fr_credential *c)
{
    const struct fr_instruction *in = run->in;
    const struct fr_env *env = run->ctx->env;

    if (in->admin_fqdn && !fr_ascii_equal_fold(c->admin_fqdn, in->admin_fqdn))
        return false;
    return !fr_wall_is_synchronised(env) || c->expires - fr_wall_s(env) <= in->expiry_s;
}

/* A Ks in the SIM gives no key here; and what was made for this very target is no
 * reason not to make it anew. */
static bool fits(const void *arg, const struct fr_credential *c)
{
    const struct fr_gba *run = arg;

    return c->derivation == FR_DERIVE_GBA &&
           fr_str_equal(c->method, run->super.method->name) &&
           fr_ascii_equal_fold(c->mef, run->in->mef) &&
           fr_str_equal(c->impi, run->impi) &&
           !fr_str_equal(c->target, run->in->target) && is_as_wished(run, c);
}

static enum fr_code set_text(char **to, const char *text, struct fr_err *err)
{
    free(FR_TAKE(*to));
    return fr_str_dup_opt(text, to, err);
}

/* target_fqdn, if the target's id is none, is what the MEF says. */
static enum fr_code aim(const struct fr_gba *run, struct fr_credential *c,
                        struct fr_err *err)
{
    const struct fr_instruction *in = run->in;
    bool is_fqdn = fr_fqdn_is_valid(fr_slice_str(in->target));

    c->port = in->port;
    c->suid = in->suid;
    FR_TRY(set_text(&c->target, in->target, err));
    FR_TRY(set_text(&c->target_fqdn, is_fqdn ? in->target : in->mef, err));
    FR_TRY(set_text(&c->registration, FR_REUSED_PATH, err));
    return set_text(&c->credential_name, in->credential, err);
}

/* Who waits for the target's fetch makes a Ks for it: the MEF tells that of the target
 * alone that was named at the bootstrap. */
enum fr_code fr_g_find_ks(struct fr_gba *run, struct fr_err *err)
{
    const struct fr_kept *kept = &run->ctx->kept;
    enum fr_code rc;

    if (!kept->find || !run->in->target || run->needs_gba_u || fr_g_waits(run))
        return FR_OK;
    rc = kept->find(kept->device, fits, run, &run->credential, err);
    if (rc != FR_OK)
        return rc == FR_ENOTFOUND ? FR_OK : rc;
    return aim(run, run->credential, err);
}

/* ---- what the MEF says ---- */

enum fr_code fr_g_ask_target(struct fr_gba *run, struct fr_acts *acts,
                             struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) json = FR_BUF_INIT(FR_GBA_WISH_MAX);
    struct fr_gba_wish wish = {.suid = run->credential->suid};

    snprintf(wish.target, sizeof wish.target, "%s", run->credential->target);
    FR_TRY(fr_gba_wish_write(&wish, &json, err));
    run->next = FR_G_TARGETING;
    return fr_g_prove(run, "POST", FR_REUSED_PATH, fr_buf_view(&json), acts, err);
}

enum fr_code fr_g_begin(struct fr_gba *run, struct fr_acts *acts, struct fr_err *err)
{
    FR_TRY(fr_g_meet(run, acts, err));
    return run->credential ? fr_g_ask_target(run, acts, err)
                           : fr_g_ask_first(run, acts, err);
}

/* Its key is in its other slot: what is pending here is nothing but a word of the MEF's
 * that it takes back. */
static enum fr_code drop(struct fr_gba *run, struct fr_acts *acts)
{
    run->next = FR_G_DROPPING;
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_DROP_PENDING});
    return FR_OK;
}

/* The MEF has it no more: it was revoked, or the MEF was restored. */
static enum fr_code bootstrap_anew(struct fr_gba *run, struct fr_acts *acts,
                                   struct fr_err *err)
{
    fr_credential_free(FR_TAKE(run->credential));
    run->next = FR_G_ASKING;
    return fr_g_ask_first(run, acts, err);
}

/* A GBA-BSF of another make gives any NAF its key, and needs no word of it. */
static enum fr_code go_on_without(struct fr_gba *run, struct fr_acts *acts,
                                  struct fr_err *err)
{
    if (!fr_fqdn_is_valid(fr_slice_str(run->in->target)))
        return FR_FAIL_AS(err, FR_EINVALID, "target-fqdn-unknown",
                          "the MEF does not tell the FQDN form of target %s",
                          run->in->target);
    run->credential->confirmed = false;
    fr_g_store_again(run, acts);
    return FR_OK;
}

enum fr_code fr_g_take_target(struct fr_gba *run, struct fr_acts *acts,
                              struct fr_err *err)
{
    const struct fr_http_response *r = run->session.response;
    int status = fr_http_status(r);
    bool changed;

    if (run->pending && status >= 400 && status < 500)
        return drop(run, acts);
    if (status == 404)
        return fr_mmef_rsc(r) == 4004 ? bootstrap_anew(run, acts, err)
                                      : go_on_without(run, acts, err);
    FR_TRY(fr_mmef_session_check(&run->session, "asking for the key of another target",
                                 err));
    FR_TRY(fr_g_check_proof(run, FR_REUSED_PATH, err));
    FR_TRY(fr_g_take_info(run, &changed, err));
    run->credential->confirmed = true;
    fr_g_store_again(run, acts);
    return FR_OK;
}
