/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sim.h"

#include "agent/keyring.h"
#include "base/str.h"

void fr_sim_forget(struct fr_sim *s)
{
    fr_aka_answer_clear(&s->answer);
    fr_secret_free(s->naf_key);
    s->naf_key = NULL;
    s->ev = (struct fr_usim_ev){0};
}

void fr_sim_clear(struct fr_sim *s)
{
    fr_sim_forget(s);
    if (s->usim)
        s->usim->method->close(s->usim);
    s->usim = NULL;
}

static enum fr_code open_sim(struct fr_sim *s, const char *name, struct fr_err *err)
{
    const struct fr_config *config = s->device->config;
    const struct fr_keyring_need need = {
        .kind = FR_KEY_SIM, .name = name, .is_plain = true}; /* trust is not asked */
    const struct fr_usim_method *method;

    FR_TRY(fr_keyring_check(config, &need, err));
    s->entry = fr_config_credential(config, FR_KEY_SIM, name);
    method = fr_usim_find(s->device->usims, s->entry->sim);
    if (!method)
        return FR_FAIL_AS(err, FR_EUNSUPPORTED, "no-sim",
                          "no way to a SIM of kind %s is built in", s->entry->sim);
    return method->open(&s->entry->usim, &s->usim, err);
}

struct ks_of {
    const char *mef, *impi;
};

/* What the SIM keeps (GBA_U) is no Ks. */
static bool is_ks_of(const void *arg, const struct fr_credential *c)
{
    const struct ks_of *of = arg;

    return c->derivation == FR_DERIVE_GBA && fr_ascii_equal_fold(c->mef, of->mef) &&
           fr_str_equal(c->impi, of->impi);
}

/* Of the last Ks that this SIM made with that MEF, valid or not; "": none. */
static enum fr_code make_tmpi(struct fr_sim *s, const char *mef, struct fr_err *err)
{
    FR_AUTO(credential) *c = NULL;
    const struct ks_of of = {mef, s->impi};
    enum fr_code rc = FR_ENOTFOUND;

    s->tmpi[0] = 0;
    if (s->entry->tmpi)
        rc = fr_state_find_fit(s->device->state, is_ks_of, &of, &c, err);
    if (rc != FR_OK)
        return rc == FR_ENOTFOUND ? FR_OK : rc;
    return fr_gba_tmpi(c->ke, fr_slice_of(c->rand, sizeof c->rand), c->impi, mef,
                       s->tmpi, err);
}

static enum fr_code identify(struct fr_sim *s, const char *mef, struct fr_err *err)
{
    const struct fr_usim_method *m = s->usim->method;
    bool has_gba_u = s->entry->gba_u != FR_GBA_U_OFF && m->has_gba_u(s->usim);

    FR_TRY(m->impi(s->usim, s->impi, err));
    if (s->entry->gba_u == FR_GBA_U_REQUIRED && !has_gba_u)
        return FR_FAIL_AS(err, FR_EUNSUPPORTED, "no-gba-u",
                          "the SIM of credential %s cannot keep the key in it, as "
                          "gba-u = required wants",
                          s->entry->name);
    FR_TRY(make_tmpi(s, mef, err));
    s->ev = (struct fr_usim_ev){.impi = s->impi,
                                .tmpi = s->tmpi[0] ? s->tmpi : NULL,
                                .has_gba_u = has_gba_u,
                                .has_akav2 = s->entry->akav2,
                                .needs_gba_u = s->entry->gba_u == FR_GBA_U_REQUIRED};
    return FR_OK;
}

static enum fr_code authenticate(struct fr_sim *s, const struct fr_usim_ask *ask,
                                 struct fr_err *err)
{
    FR_TRY(s->usim->method->authenticate(s->usim, ask->rand, ask->autn, ask->gba_u,
                                         &s->answer, err));
    s->ev.answer = &s->answer;
    return FR_OK;
}

static enum fr_code derive(struct fr_sim *s, const struct fr_usim_ask *ask,
                           struct fr_err *err)
{
    FR_TRY(s->usim->method->naf_key(s->usim, ask->naf, &s->naf_key, err));
    s->ev.naf_key = s->naf_key;
    return FR_OK;
}

enum fr_code fr_sim_ask(struct fr_sim *s, const struct fr_usim_ask *ask,
                        struct fr_err *err)
{
    fr_sim_forget(s);
    if (!s->usim)
        FR_TRY(open_sim(s, ask->instruction->credential, err));
    switch (ask->question) {
    case FR_USIM_IDENTIFY:
        return identify(s, ask->instruction->mef, err);
    case FR_USIM_AUTHENTICATE:
        return authenticate(s, ask, err);
    case FR_USIM_NAF_KEY:
        return derive(s, ask, err);
    }
    return FR_FAIL(err, FR_EINTERNAL, "a question that no SIM knows");
}
