/* SPDX-License-Identifier: Apache-2.0 */
/* What the MEF tells of the key (BootstrappingInfo), judged and kept. */
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "bootstrap/gba_steps.h"

static enum fr_code of_no_use(struct fr_err *err, const char *what)
{
    return FR_FAIL_AS(err, FR_EINVALID, "processing-failed",
                      "the MEF's BootstrappingInfo has %s", what);
}

/* got is the peer's text, and goes to a terminal. */
static enum fr_code not_as_asked(struct fr_err *err, const char *what, const char *got,
                                 const char *asked)
{
    char shown[FR_ID_MAX + 1];

    return FR_FAIL_AS(err, FR_EINVALID, "processing-failed",
                      "the MEF made the key for %s \"%s\" instead of \"%s\"", what,
                      fr_printable(fr_slice_str(got), shown, sizeof shown), asked);
}

/* A device without a clock goes by the MEF's, for what it asks of this MEF only. */
static int64_t now_of(const struct fr_gba *run)
{
    const struct fr_env *env = run->ctx->env;
    const char *date = fr_http_header(run->session.response, "Date");
    int64_t t;

    if (fr_wall_is_synchronised(env))
        return fr_wall_s(env);
    if (run->info.current_time)
        return run->info.current_time;
    return date && fr_http_date_parse(date, &t) ? t : 0;
}

/* The first slot of a run that did not name a target has the MEF's name in its place.
 */
static const char *asked_target(const struct fr_gba *run)
{
    const struct fr_credential *p = run->pending;

    if (p && p->expires == 0 && fr_ascii_equal_fold(p->target, p->mef))
        return NULL;
    return run->in->target;
}

static enum fr_code check_granted(const struct fr_gba *run, struct fr_err *err)
{
    const struct fr_gba_info *info = &run->info;
    const char *target = asked_target(run), *admin = run->in->admin_fqdn;

    if (info->suid != run->in->suid)
        return FR_FAIL_AS(err, FR_EINVALID, "processing-failed",
                          "the MEF made the key for SUID %d instead of %d", info->suid,
                          run->in->suid);
    if (target && !fr_str_equal(info->target, target))
        return not_as_asked(err, "target", info->target, target);
    if (!fr_target_is_valid(fr_slice_str(info->target)))
        return of_no_use(err, "a target that is none");
    if (admin && !fr_ascii_equal_fold(info->admin_fqdn, admin))
        return not_as_asked(err, "adminFQDN", info->admin_fqdn, admin);
    if (info->admin_fqdn[0] && !fr_fqdn_is_valid(fr_slice_str(info->admin_fqdn)))
        return of_no_use(err, "an adminFQDN that is none");
    return FR_OK;
}

/* What the target's key is derived for. A GBA-BSF without our extension grants any NAF;
 * nobody's assignment is the MEF itself. */
static enum fr_code find_naf(const struct fr_gba *run, const char **ret_target,
                             const char **ret_fqdn, struct fr_err *err)
{
    const struct fr_gba_info *info = &run->info;
    const char *asked = asked_target(run);

    *ret_target = asked ? asked : run->in->mef;
    if (info->target[0])
        *ret_target = info->target;
    *ret_fqdn = info->target_fqdn[0] ? info->target_fqdn : *ret_target;
    if (!fr_fqdn_is_valid(fr_slice_str(*ret_fqdn)))
        return FR_FAIL_AS(err, FR_EINVALID, "target-fqdn-unknown",
                          "the MEF does not tell the FQDN form of target %s",
                          *ret_target);
    return FR_OK;
}

static enum fr_code check_info(const struct fr_gba *run, int64_t now,
                               struct fr_err *err)
{
    const struct fr_gba_info *info = &run->info;
    char shown[FR_BTID_MAX + 1];

    if (!fr_btid_is_valid(info->btid, run->in->mef))
        return FR_FAIL_AS(err, FR_EREFUSED, "btid-domain",
                          "%s names the key \"%s\", which is not of its domain",
                          run->in->mef,
                          fr_printable(fr_slice_str(info->btid), shown, sizeof shown));
    if (info->lifetime <= now || info->lifetime <= run->mef_not_before)
        return FR_FAIL_AS(err, FR_EINVALID, "lifetime-over",
                          "%s gives a key whose lifetime is over", run->in->mef);
    if (fr_credential_is_reused(run->credential) &&
        !fr_str_equal(info->btid, run->credential->key_id))
        return of_no_use(err, "another key than the one that was asked about");
    return info->target[0] ? check_granted(run, err) : FR_OK;
}

static enum fr_code set_text(char **to, const char *text, bool *changed,
                             struct fr_err *err)
{
    char *copy = NULL;

    if (fr_str_equal(*to, text))
        return FR_OK;
    FR_TRY(fr_str_dup(text, &copy, err));
    free(*to);
    *to = copy;
    *changed = true;
    return FR_OK;
}

static enum fr_code keep(struct fr_gba *run, int64_t now, bool *changed,
                         struct fr_err *err)
{
    const struct fr_gba_info *info = &run->info;
    struct fr_credential *c = run->credential;
    const char *target, *fqdn;

    FR_TRY(find_naf(run, &target, &fqdn, err));
    FR_TRY(set_text(&c->target, target, changed, err));
    FR_TRY(set_text(&c->target_fqdn, fqdn, changed, err));
    FR_TRY(set_text(&c->key_id, info->btid, changed, err));
    if (info->admin_fqdn[0])
        FR_TRY(set_text(&c->admin_fqdn, info->admin_fqdn, changed, err));
    if (c->expires == 0 && now)
        c->created = now;
    *changed |= c->expires != info->lifetime;
    c->expires = info->lifetime;
    return FR_OK;
}

enum fr_code fr_g_take_info(struct fr_gba *run, bool *ret_changed, struct fr_err *err)
{
    int64_t now;
    bool changed = false;

    FR_TRY(fr_gba_info_parse(fr_http_body(run->session.response), &run->info, err));
    now = now_of(run);
    FR_TRY(check_info(run, now, err));
    FR_TRY(keep(run, now, &changed, err));
    *ret_changed = changed;
    return FR_OK;
}
