/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another key-encryption key, while the vault serves. The store says which key takes
 * over; from then on all that is new is wrapped by it, what is old opens with either,
 * and small batches rewrap the rest in the order of KeIDs. How far they came is in the
 * store, in the same transaction as what they did, so that a kill loses nothing.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "server/vault/admin.h"

enum { STEP_ROWS = 64, TAKE_OVER_MS = 3000 };

/* ---- the start ---- */

/* On one node the vault makes the key; where others serve from the same store, they
 * must have it first. */
static enum fr_code read_next(struct fr_vault *v, struct fr_vault_key *ret,
                              struct fr_err *err)
{
    FR_AUTO_STR(path) = NULL;
    enum fr_code rc;

    FR_TRY(fr_vault_next_path(v, &path, err));
    rc = fr_vault_key_read(path, ret, err);
    if (rc != FR_ENOTFOUND)
        return rc;
    if (!fr_str_equal(v->store->methods->name, "sqlite"))
        return FR_FAIL_AS(err, FR_ECONFIG, "key-next-missing",
                          "%s is not there: put a new key there, the same on every "
                          "node, and ask again",
                          path);
    FR_TRY(fr_vault_key_make(v->env, path, err));
    return fr_vault_key_read(path, ret, err);
}

static enum fr_code begin(struct fr_vault *v, const char *next, struct fr_err *err)
{
    if (fr_str_equal(next, fr_kek_id(v->key.kek)))
        return FR_FAIL_AS(err, FR_ECONFLICT, "key-same",
                          "%s.next is the key that is in use: put a new one there",
                          v->config.key_file);
    FR_TRY(fr_fact_set(v->store, FR_FACT_KEK_NEXT, next, err));
    FR_TRY(fr_fact_set(v->store, FR_FACT_REKEYED, "0 ", err));
    v->rekey.is_ours = v->rekey.is_asked = true;
    return fr_vault_change_rules(v, err);
}

/* The next batch heeds what this one wrote; should it not be kept, nothing was. */
enum fr_code fr_admin_rekey(const struct fr_call *c, json_t **ret, struct fr_err *err)
{
    struct fr_vault *v = c->v;
    struct fr_vault_key next = {0};
    char id[FR_KEK_ID_LEN + 1];

    if (v->rekey.is_on)
        return FR_FAIL_AS(err, FR_ECONFLICT, "rekeying",
                          "the store is being rekeyed already: `status` says how far");
    FR_TRY(read_next(v, &next, err));
    snprintf(id, sizeof id, "%s", fr_kek_id(next.kek));
    fr_vault_key_clear(&next);
    FR_TRY(begin(v, id, err));
    return fr_call_result(
        json_pack("{s:s, s:s}", "from", fr_kek_id(v->key.kek), "to", id), ret, err);
}

/* ---- the work ---- */

struct progress {
    uint64_t n;
    char key_id[FR_KEYID_MAX + 1];
};

static enum fr_code read_progress(struct fr_vault *v, struct progress *ret,
                                  char fact[FR_FACT_MAX], struct fr_err *err)
{
    const char *space;

    FR_TRY(fr_fact_get(v->store, FR_FACT_REKEYED, fact, err));
    space = strchr(fact, ' ');
    if (!space ||
        !fr_uint_parse(fr_slice_of(fact, (size_t)(space - fact)), INT64_MAX, &ret->n))
        return FR_FAIL(err, FR_ESTORE, "the store's fact \"%s\" is not as it must be",
                       FR_FACT_REKEYED);
    snprintf(ret->key_id, sizeof ret->key_id, "%s", space + 1);
    return FR_OK;
}

static enum fr_code write_progress(struct fr_vault *v, const struct progress *p,
                                   struct fr_err *err)
{
    char fact[FR_FACT_MAX];

    snprintf(fact, sizeof fact, "%llu %s", (unsigned long long)p->n, p->key_id);
    return fr_fact_set(v->store, FR_FACT_REKEYED, fact, err);
}

/* A key that opens with neither is broken already; it must not keep the others back. */
static enum fr_code note_broken(struct fr_vault *v, const struct fr_store_credential *c,
                                struct fr_err *err)
{
    const struct fr_said said = {.actor = "vault",
                                 .action = "rekey",
                                 .subject = c->key_id,
                                 .decision = "refused",
                                 .reason = "wrap-broken"};

    return fr_vault_audit(v, &said, err, "the stored key does not open: it is left");
}

static enum fr_code rewrap(struct fr_vault *v, struct fr_store_credential *c,
                           struct fr_err *err)
{
    FR_AUTO(secret) *ke = NULL;

    if (fr_vault_unwrap(v, c, &ke, err) != FR_OK)
        return note_broken(v, c, err);
    FR_TRY(fr_vault_wrap(v, c, ke, err));
    return FR_ASK(v, err, credential_rewrap, c->key_id,
                  fr_slice_of(c->wrapped, c->wrapped_len));
}

struct page {
    struct fr_store_credential *list;
    size_t n;
};

static enum fr_code collect(void *ctx, const struct fr_store_credential *row,
                            struct fr_err *err)
{
    struct page *page = ctx;

    if (page->n == STEP_ROWS)
        return FR_FAIL(err, FR_ESTORE, "more credentials than asked for");
    page->list[page->n++] = *row;
    return FR_OK;
}

static enum fr_code rewrap_page(struct fr_vault *v, struct progress *p,
                                struct page *page, struct fr_err *err)
{
    const struct fr_store_page query = {.after = p->key_id, .limit = STEP_ROWS};
    const struct fr_store_credential_rows rows = {.row = collect, .ctx = page};

    FR_TRY(FR_ASK(v, err, credential_list, &query, rows));
    for (size_t i = 0; i < page->n; i++)
        FR_TRY(rewrap(v, &page->list[i], err));
    if (page->n == 0)
        return FR_OK;
    p->n += page->n;
    snprintf(p->key_id, sizeof p->key_id, "%s", page->list[page->n - 1].key_id);
    return write_progress(v, p, err);
}

static enum fr_code end(struct fr_vault *v, const struct progress *p,
                        struct fr_err *err)
{
    const char *id = fr_kek_id(v->key.kek);
    const struct fr_said said = {.actor = "vault",
                                 .action = "rekey",
                                 .subject = id,
                                 .decision = "allowed",
                                 .reason = "rekeyed"};

    FR_TRY(fr_fact_set(v->store, FR_FACT_KEK, id, err));
    FR_TRY(fr_fact_set(v->store, FR_FACT_KEK_NEXT, "", err));
    FR_TRY(fr_fact_set(v->store, FR_FACT_REKEYED, "", err));
    FR_TRY(fr_vault_change_rules(v, err));
    return fr_vault_audit(v, &said, err,
                          "%llu credentials were wrapped again; key %s is of no more "
                          "use here",
                          (unsigned long long)p->n, fr_kek_id(v->old_key.kek));
}

/* Of many nodes one does the work; another takes over when it sees it standing still.
 */
static bool is_ours(struct fr_vault *v, const char *fact)
{
    int64_t now = fr_mono_ms(v->env);

    if (!fr_str_equal(fact, v->rekey.seen)) {
        snprintf(v->rekey.seen, sizeof v->rekey.seen, "%s", fact);
        v->rekey.seen_ms = now;
    }
    if (now - v->rekey.seen_ms >= TAKE_OVER_MS ||
        fr_str_equal(v->store->methods->name, "sqlite"))
        v->rekey.is_ours = true;
    return v->rekey.is_ours;
}

/* A batch without a line of the audit trail ends like one with: who changes the rules
 * waits for this node's record, or has done so before. Else a node that was held up
 * would wrap by, and say how far it is with, the key of a rekeying that is over. */
static enum fr_code recheck(struct fr_vault *v, struct fr_err *err)
{
    FR_TRY(FR_ASK(v, err, node_seen, fr_wall_s(v->env)));
    return fr_vault_recheck(v, err);
}

static enum fr_code work(struct fr_vault *v, struct page *page, bool *ret_worked,
                         struct fr_err *err)
{
    char fact[FR_FACT_MAX];
    struct progress p = {0};

    *ret_worked = false;
    if (!v->rekey.is_on) /* another node has ended it */
        return FR_OK;
    FR_TRY(read_progress(v, &p, fact, err));
    if (!is_ours(v, fact))
        return FR_OK;
    *ret_worked = true;
    FR_TRY(rewrap_page(v, &p, page, err));
    return page->n < STEP_ROWS ? end(v, &p, err) : recheck(v, err);
}

static enum fr_code step(struct fr_vault *v, struct page *page, bool *ret_worked,
                         struct fr_err *err)
{
    enum fr_code rc;

    v->rekey.is_asked = false;
    FR_TRY(fr_vault_begin(v, err)); /* heeds what was asked, if it was kept */
    rc = work(v, page, ret_worked, err);
    if (rc == FR_OK)
        return fr_vault_commit(v, err);
    fr_vault_rollback(v);
    return rc;
}

bool fr_vault_is_rekeying(const struct fr_vault *v)
{
    return v->rekey.is_on || v->rekey.is_asked;
}

enum fr_code fr_vault_rekey_step(struct fr_vault *v, bool *ret_worked,
                                 struct fr_err *err)
{
    struct page page = {.list = calloc(STEP_ROWS, sizeof *page.list)};
    enum fr_code rc;

    if (!page.list)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    rc = step(v, &page, ret_worked, err);
    free(page.list);
    return rc;
}

/* ---- the report ---- */

enum fr_code fr_json_rekey(struct fr_vault *v, json_t **ret, struct fr_err *err)
{
    char fact[FR_FACT_MAX];
    struct progress p = {0};

    if (!v->rekey.is_on)
        return fr_call_result(json_null(), ret, err);
    FR_TRY(read_progress(v, &p, fact, err));
    return fr_call_result(json_pack("{s:s, s:s, s:I}", "from",
                                    fr_kek_id(v->old_key.kek), "to",
                                    fr_kek_id(v->key.kek), "done", (json_int_t)p.n),
                          ret, err);
}
