/* SPDX-License-Identifier: Apache-2.0 */
/* Who may have a challenge: default deny, and the target first, before the HSS is
 * asked for a vector. */
#include "base/str.h"
#include "model/instruction.h"
#include "server/ipc/digest_pack.h"
#include "server/vault/ub.h"

/* ---- who ---- */

/* A subscriber goes by its IMSI where it has one. */
static void name_subscriber(struct fr_who *who, const char *impi)
{
    char imsi[FR_IMSI_MAX + 1];

    if (fr_imsi_of_impi(impi, imsi))
        snprintf(who->name, sizeof who->name, "imsi:%s", imsi);
    else
        snprintf(who->name, sizeof who->name, "impi:%s", impi);
}

enum fr_code fr_ub_who_take(const struct fr_msg *m, struct fr_who *ret,
                            struct fr_err *err)
{
    char impi[FR_IMPI_MAX + 1];
    struct fr_digest_auth a;

    fr_msg_text(m, FR_F_ADDRESS, ret->address, sizeof ret->address);
    if (fr_msg_has(m, FR_F_DIGEST)) {
        FR_TRY(fr_digest_unpack(m->field[FR_F_DIGEST], &a, err));
        name_subscriber(ret, a.username);
    } else if (fr_msg_has(m, FR_F_SUBSCRIBER)) {
        name_subscriber(ret, fr_msg_text(m, FR_F_SUBSCRIBER, impi, sizeof impi));
    } else {
        snprintf(ret->name, sizeof ret->name, "unknown");
    }
    return FR_OK;
}

static enum fr_code find_listing(struct fr_request *q, const char *impi,
                                 struct fr_err *err)
{
    struct fr_who *who = &q->who;
    char imsi[FR_IMSI_MAX + 1];
    enum fr_code rc;

    if (!fr_imsi_of_impi(impi, imsi))
        return FR_FAIL_AS(err, FR_EREFUSED, "impi-form",
                          "\"%.100s\" is no IMPI that is made of an IMSI", impi);
    rc = FR_ASK(q->v, err, enrolee_match_imsi, imsi, &who->listing);
    if (rc == FR_ENOTFOUND)
        return FR_FAIL_AS(err, FR_EREFUSED, "enrolee-not-listed",
                          "IMSI %s is not listed", imsi);
    FR_TRY(rc);
    snprintf(who->identity, sizeof who->identity, "imsi:%s", imsi);
    snprintf(who->san, sizeof who->san, "impi:%s", impi);
    return FR_OK;
}

/* ---- what it gets ---- */

enum fr_code fr_ub_grant(struct fr_request *q, const char *impi, struct fr_grant *ret,
                         struct fr_err *err)
{
    struct fr_request with_suid = *q;
    struct fr_msg m = *q->m;
    uint8_t suid[8];
    int64_t lifetime;

    FR_TRY(find_listing(q, impi, err));
    if (!fr_msg_has(&m, FR_F_SUID))
        fr_msg_set_u8(&m, FR_F_SUID, FR_SUID_DEFAULT, suid);
    with_suid.m = &m;
    with_suid.who = q->who;
    FR_TRY(fr_grant_decide(&with_suid, ret, err));
    lifetime =
        q->who.listing.lifetime ? q->who.listing.lifetime : q->v->config.gba.lifetime_s;
    if (ret->expires > q->now + lifetime)
        ret->expires = q->now + lifetime;
    return FR_OK;
}

/* ---- the requests ---- */

enum fr_code fr_vault_ub_begin(struct fr_request *q, struct fr_err *err)
{
    char impi[FR_IMPI_MAX + 1];
    const struct fr_ub_wish wish = {.impi = impi};
    struct fr_grant unused;

    fr_msg_text(q->m, FR_F_SUBSCRIBER, impi, sizeof impi);
    FR_TRY(fr_ub_grant(q, impi, &unused, err));
    return fr_ub_ask_hss(q, &wish, err);
}

/* The password is empty: only that the challenge was ours says anything. The HSS
 * believes AUTS by its MAC-S alone. */
enum fr_code fr_vault_ub_resync(struct fr_request *q, struct fr_err *err)
{
    struct fr_digest_auth a;
    struct fr_ub_wish wish = {.impi = a.username};
    struct fr_grant unused;
    struct fr_entry *e;

    FR_TRY(fr_digest_unpack(q->m->field[FR_F_DIGEST], &a, err));
    FR_TRY(fr_ub_grant(q, a.username, &unused, err));
    FR_TRY(fr_ub_check_form(q->v, &a, err));
    e = fr_ub_find_challenge(q, &a);
    if (e && a.has_auts) {
        fr_journal_take(fr_ub_table(q->v->ub), e);
        FR_TRY(fr_ub_check_response(&a, NULL, err));
        wish.rand = ((const struct fr_ub_run *)e->data)->rand;
        wish.auts = a.auts;
    }
    return fr_ub_ask_hss(q, &wish, err);
}
