/* SPDX-License-Identifier: Apache-2.0 */
/* Who may have a challenge: default deny, and the target first, before the HSS is
 * asked for a vector. */
#include <string.h>

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

const char *fr_ub_impi(const struct fr_request *q)
{
    return q->who.san + strlen("impi:");
}

static enum fr_code find_listing(struct fr_request *q, const char *impi,
                                 struct fr_err *err)
{
    struct fr_who *who = &q->who;
    char imsi[FR_IMSI_MAX + 1];
    enum fr_code rc;

    name_subscriber(who, impi);
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

static enum fr_code tmpi_unknown(struct fr_err *err)
{
    return FR_FAIL_AS(err, FR_EREFUSED, "tmpi-unknown",
                      "that TMPI is nobody's: say the IMPI");
}

static bool is_over(const struct fr_store_credential *c, int64_t now)
{
    return c->expires <= now || (c->retires && c->retires <= now);
}

/* A TMPI is a name of who has its Ks, and as long as that is a credential of its
 * listing. What it is the name of must not be known to who made it up: every refusal
 * is the same. */
static enum fr_code find_by_tmpi(struct fr_request *q, const char *user,
                                 struct fr_err *err)
{
    struct fr_store_credential c = {0};
    enum fr_code rc = FR_ENOTFOUND;

    if (q->v->config.gba.tmpi)
        rc = FR_ASK(q->v, err, credential_find_tmpi, user, &c);
    if (rc == FR_ENOTFOUND || (rc == FR_OK && is_over(&c, q->now)))
        return tmpi_unknown(err);
    FR_TRY(rc);
    rc = find_listing(q, fr_ub_impi_of(&c), err);
    if (rc == FR_EREFUSED ||
        (rc == FR_OK && !fr_str_equal(q->who.listing.name, c.enrolee)))
        return tmpi_unknown(err);
    return rc;
}

static enum fr_code find_subscriber(struct fr_request *q, const char *username,
                                    struct fr_err *err)
{
    char user[FR_TMPI_USER_LEN + 1];

    return fr_tmpi_user(username, user) ? find_by_tmpi(q, user, err)
                                        : find_listing(q, username, err);
}

/* ---- what it gets ---- */

enum fr_code fr_ub_grant(struct fr_request *q, const char *username,
                         struct fr_grant *ret, struct fr_err *err)
{
    struct fr_request with_suid = *q;
    struct fr_msg m = *q->m;
    uint8_t suid[8];
    int64_t lifetime;

    FR_TRY(find_subscriber(q, username, err));
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
    char username[FR_IMPI_MAX + 1];
    const struct fr_ub_wish wish = {.username = username};
    struct fr_grant unused;

    fr_msg_text(q->m, FR_F_SUBSCRIBER, username, sizeof username);
    FR_TRY(fr_ub_grant(q, username, &unused, err));
    return fr_ub_ask_hss(q, &wish, err);
}

/* The password is empty: only that the challenge was ours says anything. The HSS
 * believes AUTS by its MAC-S alone. */
enum fr_code fr_vault_ub_resync(struct fr_request *q, struct fr_err *err)
{
    struct fr_digest_auth a;
    struct fr_ub_wish wish = {.username = a.username};
    struct fr_grant unused;
    struct fr_entry *e;

    FR_TRY(fr_digest_unpack(q->m->field[FR_F_DIGEST], &a, err));
    FR_TRY(fr_ub_grant_answer(q, &a, &e, &unused, err));
    FR_TRY(fr_ub_check_form(q->v, &a, err));
    if (e && a.has_auts) {
        fr_journal_take(fr_ub_table(q->v->ub), e);
        FR_TRY(fr_ub_check_response(&a, NULL, err));
        wish.rand = ((const struct fr_ub_run *)e->data)->rand;
        wish.auts = a.auts;
    }
    return fr_ub_ask_hss(q, &wish, err);
}
