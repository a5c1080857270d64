/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision: who is listed, and for which target. Default deny; nothing here writes.
 */
#include <string.h>

#include "base/str.h"
#include "model/instruction.h"
#include "server/vault/internal.h"

enum fr_code fr_who_take(const struct fr_msg *m, struct fr_who *ret, struct fr_err *err)
{
    FR_TRY(fr_peer_unpack(m->field[FR_F_PEER], &ret->peer, err));
    fr_msg_text(m, FR_F_ADDRESS, ret->address, sizeof ret->address);
    fr_peer_format(&ret->peer, ret->name);
    return FR_OK;
}

char *fr_who_identity(const char *anchor, const char *san,
                      char to[FR_STORE_IDENTITY_MAX + 1])
{
    snprintf(to, FR_STORE_IDENTITY_MAX + 1, "%s/%s", anchor, san);
    return to;
}

bool fr_who_owns(const struct fr_who *who, const struct fr_store_credential *c)
{
    char san[FR_SAN_TEXT_MAX + 1], identity[FR_STORE_IDENTITY_MAX + 1];

    for (size_t i = 0; i < who->peer.n_sans; i++) {
        fr_san_format(&who->peer.sans[i], san);
        if (fr_str_equal(fr_who_identity(who->peer.anchor, san, identity),
                         c->place.identity))
            return true;
    }
    return false;
}

static enum fr_code not_listed(const struct fr_who *who, struct fr_err *err)
{
    return FR_FAIL_AS(
        err, FR_EREFUSED, "enrolee-not-listed",
        "%s under trust anchor %.16s... is not listed, nor is that anchor", who->name,
        who->peer.anchor);
}

enum fr_code fr_who_listed(struct fr_vault *v, struct fr_who *who, struct fr_err *err)
{
    const struct fr_peer *peer = &who->peer;
    enum fr_code rc = FR_ENOTFOUND;

    for (size_t i = 0; i < peer->n_sans && rc == FR_ENOTFOUND; i++) {
        fr_san_format(&peer->sans[i], who->san);
        rc = FR_ASK(v, err, enrolee_match, peer->anchor, who->san, &who->listing);
    }
    if (rc == FR_ENOTFOUND) {
        fr_san_format(&peer->sans[0], who->san);
        rc = FR_ASK(v, err, enrolee_match, peer->anchor, "", &who->listing);
    }
    if (rc == FR_ENOTFOUND)
        return not_listed(who, err);
    FR_TRY(rc);
    fr_who_identity(peer->anchor, who->san, who->identity);
    return FR_OK;
}

/* ---- target ---- */

static bool is_own(const struct fr_vault *v, const char *target)
{
    return fr_ascii_equal_fold(target, v->config.mef_fqdn);
}

/* The MEF itself is always a legal target (DESIGN 4). */
static void own_target(const struct fr_vault *v, struct fr_store_target *ret)
{
    *ret = (struct fr_store_target){.derivation = FR_DERIVE_USAGE};
    snprintf(ret->id, sizeof ret->id, "%s", v->config.mef_fqdn);
    snprintf(ret->fqdn, sizeof ret->fqdn, "%s", v->config.mef_fqdn);
}

struct choice {
    const char *wanted; /* "": the operator's */
    struct fr_store_target target;
    size_t n;
    bool found;
};

/* Rows come with the default first. */
static enum fr_code consider(void *ctx, const struct fr_store_allowed *row,
                             struct fr_err *err)
{
    struct choice *c = ctx;
    bool fits = *c->wanted ? fr_str_equal(row->target.id, c->wanted)
                           : row->is_default || c->n == 0;

    (void)err;
    if (fits && !c->found) {
        c->target = row->target;
        c->found = *c->wanted || row->is_default;
    }
    c->n++;
    return FR_OK;
}

static enum fr_code wanted_target(struct fr_vault *v, const char *enrolee,
                                  const char *wanted, struct fr_store_target *ret,
                                  struct fr_err *err)
{
    struct choice c = {.wanted = wanted};
    struct fr_store_allowed_rows rows = {.row = consider, .ctx = &c};
    enum fr_code rc = FR_ASK(v, err, target_find, wanted, &c.target);

    if (rc == FR_ENOTFOUND)
        return FR_FAIL_AS(err, FR_EREFUSED, "target-not-registered",
                          "target \"%s\" is not registered", wanted);
    FR_TRY(rc);
    FR_TRY(FR_ASK(v, err, allowed, enrolee, rows));
    if (!c.found)
        return FR_FAIL_AS(err, FR_EREFUSED, "target-not-allowed",
                          "enrolee \"%s\" is not allowed for target \"%s\"", enrolee,
                          wanted);
    *ret = c.target;
    return FR_OK;
}

static enum fr_code assigned_target(struct fr_vault *v, const char *enrolee,
                                    struct fr_store_target *ret, struct fr_err *err)
{
    struct choice c = {.wanted = ""};
    struct fr_store_allowed_rows rows = {.row = consider, .ctx = &c};

    FR_TRY(FR_ASK(v, err, allowed, enrolee, rows));
    if (c.found || c.n == 1)
        *ret = c.target;
    else
        own_target(v, ret);
    return FR_OK;
}

enum fr_code fr_grant_target(struct fr_vault *v, const char *enrolee,
                             const char *target, struct fr_store_target *ret,
                             struct fr_err *err)
{
    char wanted[FR_ID_MAX + 1];

    if (!*target)
        return assigned_target(v, enrolee, ret, err);
    if (is_own(v, target)) {
        own_target(v, ret);
        return FR_OK;
    }
    snprintf(wanted, sizeof wanted, "%s", target);
    if (fr_fqdn_is_valid(fr_slice_str(wanted)))
        fr_ascii_fold(wanted);
    return wanted_target(v, enrolee, wanted, ret, err);
}

/* ---- the rest of a grant ---- */

static enum fr_code decide_admin(const struct fr_request *q, struct fr_grant *g,
                                 struct fr_err *err)
{
    const struct fr_vault_config *config = &q->v->config;

    fr_msg_text(q->m, FR_F_ADMIN_FQDN, g->admin_fqdn, sizeof g->admin_fqdn);
    fr_ascii_fold(g->admin_fqdn);
    if (!g->admin_fqdn[0]) {
        snprintf(g->admin_fqdn, sizeof g->admin_fqdn, "%s", config->mef_fqdn);
        return FR_OK;
    }
    if (fr_str_equal(g->admin_fqdn, config->mef_fqdn))
        return FR_OK;
    for (size_t i = 0; i < config->n_admin_fqdns; i++)
        if (fr_ascii_equal_fold(g->admin_fqdn, config->admin_fqdns[i]))
            return FR_OK;
    return FR_FAIL_AS(err, FR_EREFUSED, "admin-unknown",
                      "this MEF does not serve \"%s\" (admin-fqdns)", g->admin_fqdn);
}

static enum fr_code decide_expiry(const struct fr_request *q, struct fr_grant *g,
                                  struct fr_err *err)
{
    int64_t longest = q->now + q->v->config.expiry_max_s;
    uint64_t wanted = fr_msg_u64(q->m, FR_F_EXPIRES);

    g->expires = wanted == 0 || wanted > (uint64_t)longest ? longest : (int64_t)wanted;
    if (g->expires <= q->now)
        return FR_FAIL_AS(err, FR_EPARSE, "expiry-past",
                          "the expiry asked for is in the past");
    return FR_OK;
}

enum fr_code fr_grant_decide(const struct fr_request *q, struct fr_grant *ret,
                             struct fr_err *err)
{
    char target[FR_ID_MAX + 1];
    struct fr_grant g = {.suid = fr_msg_u8(q->m, FR_F_SUID)};

    if (!fr_suid_is_defined(g.suid))
        return FR_FAIL_AS(err, FR_EPARSE, "suid-undefined", "SUID %d is not defined",
                          g.suid);
    FR_TRY(decide_admin(q, &g, err));
    FR_TRY(decide_expiry(q, &g, err));
    fr_msg_text(q->m, FR_F_TARGET, target, sizeof target);
    FR_TRY(fr_grant_target(q->v, q->who.listing.name, target, &g.target, err));
    *ret = g;
    return FR_OK;
}
