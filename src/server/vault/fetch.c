/* SPDX-License-Identifier: Apache-2.0 */
/* The target's side: its keys, and the feed of what changed. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/instruction.h"
#include "proto/mmef.h"
#include "server/vault/internal.h"
#include "server/vault/source.h"

/* A SAN's value: what the standard calls the EnroleeID. */
static const char *value_of(const char *san)
{
    const char *colon = strchr(san, ':');

    return colon ? colon + 1 : san;
}

enum fr_code fr_vault_unknown_key(const char *key_id, const char *whose,
                                  struct fr_err *err)
{
    return FR_FAIL_AS(err, FR_ENOTFOUND, "unknown-key", "no credential \"%s\"%s",
                      key_id, whose);
}

enum fr_code fr_vault_find_key(const struct fr_request *q, const char *whose,
                               struct fr_store_credential *ret, struct fr_err *err)
{
    char key_id[FR_KEYID_MAX + 1], text[FR_KEYID_MAX + 1];
    enum fr_code rc;

    fr_msg_text(q->m, FR_F_KEY_ID, text, sizeof text);
    if (!fr_keyid_any_parse(q->m->field[FR_F_KEY_ID], key_id))
        return fr_vault_unknown_key(text, whose, err);
    rc = FR_ASK(q->v, err, credential_find, key_id, ret);
    if (rc == FR_ENOTFOUND)
        return fr_vault_unknown_key(key_id, whose, err);
    return rc;
}

int64_t fr_vault_end_of(const struct fr_store_credential *c)
{
    return c->retires && c->retires < c->expires ? c->retires : c->expires;
}

/* A target that asks, and what it shall get. */
struct fetch {
    struct fr_store_credential c;
    const struct fr_source *source;
    struct fr_store_target other; /* that asks, if it is not the one of c */
    bool is_other;
    enum fr_ua ua;
};

static enum fr_code not_your_key(const struct fr_request *q, struct fr_err *err)
{
    return FR_FAIL_AS(err, FR_EREFUSED, "not-your-key",
                      "%s is not the target of that credential", q->who.name);
}

/* The peer's own name, of a target that the enrolee is allowed for now. */
static enum fr_code find_other(const struct fr_request *q, struct fetch *f,
                               struct fr_err *err)
{
    const struct fr_peer *peer = &q->who.peer;
    struct fr_store_target t;
    enum fr_code rc;

    for (size_t i = 0; i < peer->n_sans; i++) {
        if (!fr_peer_has_fqdn(peer, peer->sans[i].value))
            continue;
        rc = FR_ASK(q->v, err, target_find_fqdn, peer->sans[i].value, &t);
        if (rc == FR_OK)
            rc = fr_grant_target(q->v, f->c.enrolee, t.id, &f->other, err);
        if (rc == FR_OK) {
            f->is_other = true;
            return FR_OK;
        }
        if (rc != FR_ENOTFOUND && rc != FR_EREFUSED)
            return rc;
    }
    return not_your_key(q, err);
}

static enum fr_code check_target(const struct fr_request *q, struct fetch *f, int suid,
                                 struct fr_err *err)
{
    if (!fr_peer_has_fqdn(&q->who.peer, f->c.target_fqdn))
        return f->source->is_for_all_allowed ? find_other(q, f, err)
                                             : not_your_key(q, err);
    if (suid != f->c.place.suid)
        return FR_FAIL_AS(err, FR_EREFUSED, "unknown-suid",
                          "that credential is for SUID %d, not %d", f->c.place.suid,
                          suid);
    return FR_OK;
}

static enum fr_code check_ua(const struct fr_request *q, struct fetch *f,
                             struct fr_err *err)
{
    char name[16];

    if (!fr_msg_has(q->m, FR_F_UA))
        return FR_OK;
    if (q->m->field[FR_F_UA].len >= sizeof name ||
        !fr_ua_by_name(fr_msg_text(q->m, FR_F_UA, name, sizeof name), &f->ua) ||
        f->ua == FR_UA_HTTP_DIGEST)
        return FR_FAIL_AS(err, FR_EPARSE, "ua",
                          "that is no protocol to have a key for");
    return FR_OK;
}

static enum fr_code check_fetch(const struct fr_request *q, struct fetch *f,
                                struct fr_err *err)
{
    int suid = fr_msg_u8(q->m, FR_F_SUID);

    if (!fr_suid_is_defined(suid))
        return FR_FAIL_AS(err, FR_EPARSE, "suid-undefined", "SUID %d is not defined",
                          suid);
    FR_TRY(check_ua(q, f, err));
    FR_TRY(fr_vault_find_key(q, "", &f->c, err));
    f->source = fr_source_of(f->c.derivation);
    FR_TRY(check_target(q, f, suid, err));
    if (fr_vault_end_of(&f->c) <= q->now)
        return FR_FAIL_AS(err, FR_ENOTFOUND, "key-expired",
                          "that credential has expired");
    return FR_OK;
}

static enum fr_code derive(const struct fr_request *q, const struct fetch *f,
                           struct fr_err *err)
{
    const struct fr_source_ask ask = {
        .id = f->is_other ? f->other.id : f->c.place.target,
        .fqdn = f->is_other ? f->other.fqdn : f->c.target_fqdn,
        .suid = f->c.place.suid,
        .ua = f->ua};
    FR_AUTO(secret) *ke = NULL;
    FR_AUTO_CLEAR(source_keys) keys = {0};

    FR_TRY(fr_vault_unwrap(q->v, &f->c, &ke, err));
    FR_TRY(f->source->derive(&f->c, ke, &ask, &keys, err));
    fr_reply_put(q->reply, FR_F_KEY, fr_secret_view(keys.key));
    if (keys.uicc)
        fr_reply_put(q->reply, FR_F_UICC_KEY, fr_secret_view(keys.uicc));
    if (f->source->has_ua)
        fr_reply_str(q->reply, FR_F_UA, fr_ua_name(f->ua));
    return FR_OK;
}

static enum fr_code note_fetch(const struct fr_request *q, const struct fetch *f,
                               struct fr_err *err)
{
    const struct fr_said said = {.actor = q->who.name,
                                 .action = "fetch",
                                 .subject = f->c.key_id,
                                 .decision = "allowed",
                                 .reason = "fetched"};
    char text[2 * FR_ERR_MSG_MAX + FR_SAN_TEXT_MAX];

    snprintf(text, sizeof text, "%s from %s fetched the key of %s (\"%s\")%s%s",
             q->who.name, q->who.address, f->c.san, f->c.enrolee,
             f->source->has_ua ? " for " : "",
             f->source->has_ua ? fr_ua_name(f->ua) : "");
    if (!f->c.fetched && !f->is_other)
        return fr_vault_audit(q->v, &said, err, "%s", text);
    return fr_vault_audit_rated(q->v, &q->v->rates.refetches, &said, text, err);
}

/* fetched is what the device waits for: by the target that it named. */
enum fr_code fr_vault_fetch(struct fr_request *q, struct fr_err *err)
{
    struct fetch f = {.ua = FR_UA_TLS12};

    FR_TRY(check_fetch(q, &f, err));
    FR_TRY(derive(q, &f, err));
    fr_reply_str(q->reply, FR_F_ENROLEE, value_of(f.c.san));
    fr_reply_u64(q->reply, FR_F_EXPIRES, (uint64_t)fr_vault_end_of(&f.c));
    if (!f.is_other)
        FR_TRY(FR_ASK(q->v, err, credential_fetched, f.c.key_id, q->now));
    return note_fetch(q, &f, err);
}

/* ---- feed ---- */

/* The peer's names that are registered targets, and the MEF's own. */
static enum fr_code names_of_target(const struct fr_request *q,
                                    struct fr_store_feed_query *ret, struct fr_err *err)
{
    const struct fr_peer *peer = &q->who.peer;
    struct fr_store_target t;

    for (size_t i = 0; i < peer->n_sans; i++) {
        const char *fqdn = peer->sans[i].value;
        enum fr_code rc = FR_OK;

        if (!fr_peer_has_fqdn(peer, fqdn))
            continue;
        if (!fr_str_equal(fqdn, q->v->config.mef_fqdn))
            rc = FR_ASK(q->v, err, target_find_fqdn, fqdn, &t);
        if (rc == FR_OK)
            ret->fqdns[ret->n_fqdns++] = fqdn;
        else if (rc != FR_ENOTFOUND)
            return rc;
    }
    if (ret->n_fqdns == 0)
        return FR_FAIL_AS(err, FR_EREFUSED, "target-not-registered",
                          "%s is not the name of a registered target", q->who.name);
    return FR_OK;
}

struct feed {
    struct fr_mmef_changes *changes;
    uint64_t base; /* what cursors are above; grows when the store is restored */
};

static enum fr_code add_change(void *ctx, const struct fr_store_change *row,
                               struct fr_err *err)
{
    static const enum fr_change_kind kinds[] = {
        [FR_EVENT_ADDED] = FR_CHANGE_ADDED,
        [FR_EVENT_RETIRED] = FR_CHANGE_RETIRED,
        [FR_EVENT_REVOKED] = FR_CHANGE_REVOKED,
    };
    const struct feed *feed = ctx;
    struct fr_mmef_changes *changes = feed->changes;
    struct fr_mmef_change *to = &changes->list[changes->n];

    if (changes->n == FR_CHANGES_MAX || row->event > FR_EVENT_REVOKED)
        return FR_FAIL(err, FR_ESTORE, "the feed is not as it must be");
    to->seq = feed->base + row->seq;
    to->kind = kinds[row->event];
    to->suid = row->suid;
    to->expires = row->expires;
    memcpy(to->key_id, row->key_id, sizeof to->key_id);
    snprintf(to->enrolee, sizeof to->enrolee, "%.*s", FR_ID_MAX, value_of(row->san));
    changes->cursor = to->seq;
    changes->n++;
    return FR_OK;
}

/* A cursor from before the store was restored says nothing of what it holds now. */
static bool is_of_another_life(uint64_t since, uint64_t base, uint64_t last)
{
    return since > base + last || (since != 0 && since < base);
}

struct place {
    const struct fr_request *q;
    uint64_t seq;
    bool is_known;
};

static enum fr_code see_change(void *ctx, const struct fr_store_change *row,
                               struct fr_err *err)
{
    struct place *p = ctx;
    struct fr_slice last = p->q->m->field[FR_F_KEY_ID];

    (void)err;
    p->is_known = row->seq == p->seq && strlen(row->key_id) > last.len &&
                  row->key_id[last.len] == '@' &&
                  memcmp(row->key_id, last.data, last.len) == 0;
    return FR_OK;
}

/* A database that was put back to an older one counts on from there: the target's
 * cursor would pass over what it has not seen. What was pruned is not known either;
 * reading all of it again does no harm. */
static enum fr_code check_cursor(const struct fr_request *q,
                                 const struct fr_store_feed_query *query,
                                 bool *ret_known, struct fr_err *err)
{
    struct fr_store_feed_query one = *query;
    struct place place = {.q = q, .seq = query->since};

    if (!fr_msg_has(q->m, FR_F_KEY_ID))
        return FR_OK;
    one.since--;
    one.limit = 1;
    FR_TRY(FR_ASK(q->v, err, feed, &one,
                  ((struct fr_store_change_rows){.row = see_change, .ctx = &place})));
    *ret_known = place.is_known;
    return FR_OK;
}

static enum fr_code read_changes(const struct fr_request *q,
                                 struct fr_store_feed_query *query,
                                 struct fr_mmef_changes *ret, struct fr_err *err)
{
    struct feed feed = {.changes = ret, .base = q->v->feed_base};
    uint64_t last = 0;
    bool known = true;

    FR_TRY(FR_ASK(q->v, err, feed_last, &last));
    FR_TRY(fr_mmef_changes_make(ret, FR_CHANGES_MAX, err));
    ret->reset = is_of_another_life(query->since, feed.base, last);
    query->since =
        ret->reset || query->since < feed.base ? 0 : query->since - feed.base;
    if (query->since > 0)
        FR_TRY(check_cursor(q, query, &known, err));
    if (!known) {
        ret->reset = true;
        query->since = 0;
    }
    ret->cursor = feed.base + query->since;
    return FR_ASK(q->v, err, feed, query,
                  ((struct fr_store_change_rows){.row = add_change, .ctx = &feed}));
}

enum fr_code fr_vault_feed(struct fr_request *q, struct fr_err *err)
{
    struct fr_store_feed_query query = {.since = fr_msg_u64(q->m, FR_F_SINCE),
                                        .limit = FR_CHANGES_MAX};
    FR_AUTO_CLEAR(buf) json = FR_BUF_INIT(FR_MSG_MAX);
    FR_AUTO_CLEAR(mmef_changes) changes = {0};

    FR_TRY(names_of_target(q, &query, err));
    FR_TRY(read_changes(q, &query, &changes, err));
    FR_TRY(fr_mmef_changes_encode(&changes, &json, err));
    fr_reply_put(q->reply, FR_F_JSON, fr_buf_view(&json));
    return FR_OK;
}
