/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials in their slots. */
#include "store/sql.h"

#include <string.h>

/* The column's value for a second previous credential: see make_room(). */
enum { BESIDE_PREVIOUS = 2 * FR_SLOT_PREVIOUS };

static void read_credential(struct fr_sql_rows *rows, struct fr_store_credential *c)
{
    int i = 0;

    *c = (struct fr_store_credential){0};
    FR_COL_TEXT(rows, &i, c->place.identity);
    FR_COL_TEXT(rows, &i, c->place.admin_fqdn);
    c->place.suid = (int)fr_col_int(rows, &i);
    FR_COL_TEXT(rows, &i, c->place.target);
    c->slot = fr_col_int(rows, &i) == 0 ? FR_SLOT_CURRENT : FR_SLOT_PREVIOUS;
    FR_COL_TEXT(rows, &i, c->key_id);
    FR_COL_TEXT(rows, &i, c->enrolee);
    FR_COL_TEXT(rows, &i, c->san);
    FR_COL_TEXT(rows, &i, c->target_fqdn);
    c->derivation = (enum fr_derivation)fr_col_int(rows, &i);
    fr_col_octets(rows, &i, c->wrapped, sizeof c->wrapped, &c->wrapped_len);
    c->created = fr_col_int(rows, &i);
    c->expires = fr_col_int(rows, &i);
    c->acked = fr_col_int(rows, &i);
    c->retires = fr_col_int(rows, &i);
    c->fetched = fr_col_int(rows, &i);
    c->confirmed = fr_col_int(rows, &i) != 0;
    FR_COL_TEXT(rows, &i, c->method);
    FR_COL_TEXT(rows, &i, c->credential_ref);
    FR_COL_TEXT(rows, &i, c->client_reg);
    fr_col_octets(rows, &i, c->request_sha, sizeof c->request_sha, NULL);
    fr_col_octets(rows, &i, c->response_sha, sizeof c->response_sha, NULL);
    FR_COL_TEXT(rows, &i, c->context);
    FR_COL_TEXT(rows, &i, c->tmpi);
}

static enum fr_code one(struct fr_sql_store *s, int sql,
                        const struct fr_sql_value *values,
                        struct fr_store_credential *ret, struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};

    FR_TRY(fr_sql_query(s, sql, values, &rows, err));
    FR_TRY(fr_sql_next(&rows, err));
    read_credential(&rows, ret);
    return FR_OK;
}

static enum fr_code find(struct fr_sql_store *s, const char *key_id,
                         struct fr_store_credential *ret, struct fr_err *err)
{
    enum fr_code rc =
        one(s, FR_SQL_CREDENTIAL_FIND, FR_VALUES(FR_VTEXT(key_id)), ret, err);

    return fr_sql_name_missing(rc, "credential", key_id, err);
}

static void credential_find(struct fr_store *store, const char *key_id,
                            struct fr_store_credential *ret, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, find(fr_sql_of(store), key_id, ret, &err), &err);
}

static void credential_find_tmpi(struct fr_store *store, const char *tmpi,
                                 struct fr_store_credential *ret,
                                 struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call,
                one(fr_sql_of(store), FR_SQL_CREDENTIAL_FIND_TMPI,
                    FR_VALUES(FR_VTEXT(tmpi)), ret, &err),
                &err);
}

/* An empty KeID in *ret: the slot is empty. */
static enum fr_code in_slot(struct fr_sql_store *s, const struct fr_store_place *place,
                            int slot, struct fr_store_credential *ret,
                            struct fr_err *err)
{
    ret->key_id[0] = 0;
    return fr_sql_end(
        one(s, FR_SQL_CREDENTIAL_SLOT,
            FR_VALUES(FR_VTEXT(place->identity), FR_VTEXT(place->admin_fqdn),
                      FR_VINT(place->suid), FR_VTEXT(place->target), FR_VINT(slot)),
            ret, err));
}

/* ---- commit ---- */

static enum fr_code insert(struct fr_sql_store *s, const struct fr_store_credential *c,
                           struct fr_slice response, struct fr_err *err)
{
    return fr_sql_run(
        s, FR_SQL_CREDENTIAL_ADD,
        FR_VALUES(
            FR_VTEXT(c->place.identity), FR_VTEXT(c->place.admin_fqdn),
            FR_VINT(c->place.suid), FR_VTEXT(c->place.target), FR_VTEXT(c->key_id),
            FR_VTEXT(c->enrolee), FR_VTEXT(c->san), FR_VTEXT(c->target_fqdn),
            FR_VINT(c->derivation), FR_VBLOB(fr_slice_of(c->wrapped, c->wrapped_len)),
            FR_VINT(c->created), FR_VINT(c->expires), FR_VINT(c->confirmed),
            FR_VTEXT(c->method), FR_VTEXT(c->credential_ref), FR_VTEXT(c->client_reg),
            FR_VBLOB(fr_slice_of(c->request_sha, sizeof c->request_sha)),
            FR_VBLOB(fr_slice_of(c->response_sha, sizeof c->response_sha)),
            FR_VBLOB(response), FR_VTEXT(c->context), FR_VTEXT(c->tmpi)),
        NULL, err);
}

/* FR_EBUSY if it is not as it was read. */
static enum fr_code drop(struct fr_sql_store *s, const struct fr_store_credential *c,
                         enum fr_store_event event, int64_t at, struct fr_err *err)
{
    struct fr_store_told told = {0};

    FR_TRY(fr_sql_feed_told(s, c, &told, err));
    FR_TRY(fr_sql_expect(
        s, FR_SQL_CREDENTIAL_DELETE,
        FR_VALUES(FR_VTEXT(c->key_id), FR_VINT(c->slot), FR_VINT(c->acked)), err));
    FR_TRY(fr_sql_feed_add(s, c, event, at, err));
    return fr_sql_feed_tell(s, c, &told, event, at, err);
}

/* A KeID that is gone stays taken: else a replayed commit would bring back a revoked
 * key. So does one that a resolve did not find: its device has dropped the key, and a
 * commit that was held up on its way must not take the place of what works. */
static enum fr_code refuse_known_key(struct fr_sql_store *s, const char *key_id,
                                     struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    enum fr_code rc;

    FR_TRY(
        fr_sql_query(s, FR_SQL_KEY_WAS_HERE, FR_VALUES(FR_VTEXT(key_id)), &rows, err));
    rc = fr_sql_next(&rows, err);
    if (rc == FR_OK)
        return FR_FAIL_AS(err, FR_ECONFLICT, "key-id-exists",
                          "KeID %s is, or was, a credential's, or was denied to its "
                          "device",
                          key_id);
    return fr_sql_end(rc);
}

static enum fr_code demote(struct fr_sql_store *s,
                           const struct fr_store_credential *current,
                           const char *enrolee, int slot, struct fr_err *err)
{
    return fr_sql_expect(s, FR_SQL_CREDENTIAL_DEMOTE,
                         FR_VALUES(FR_VTEXT(current->key_id), FR_VTEXT(enrolee),
                                   FR_VINT(current->acked), FR_VINT(slot)),
                         err);
}

static enum fr_code drop_if_any(struct fr_sql_store *s,
                                const struct fr_store_credential *c, int64_t at,
                                struct fr_err *err)
{
    return c->key_id[0] ? drop(s, c, FR_EVENT_RETIRED, at, err) : FR_OK;
}

/*
 * Which key the device uses is known by its last ack only. A key that it acknowledged,
 * and the one after it that it did not: it may have either, since what was cut may have
 * been the answer, or the ack. So the first stays where it is, and the second goes
 * beside it. Who revokes by the listing that the place has now must find them.
 */
static enum fr_code make_room(struct fr_sql_store *s,
                              const struct fr_store_credential *c,
                              struct fr_store_displaced *ret, struct fr_err *err)
{
    struct fr_store_credential current = {0}, previous = {0}, beside = {0};
    bool stays;

    FR_TRY(in_slot(s, &c->place, FR_SLOT_CURRENT, &current, err));
    if (!current.key_id[0])
        return FR_OK;
    FR_TRY(in_slot(s, &c->place, FR_SLOT_PREVIOUS, &previous, err));
    FR_TRY(in_slot(s, &c->place, BESIDE_PREVIOUS, &beside, err));
    stays = previous.key_id[0] && previous.acked && !current.acked;
    memcpy(ret->previous, current.key_id, sizeof ret->previous);
    ret->was_acked = current.acked != 0;
    memcpy(ret->removed, stays ? beside.key_id : previous.key_id, sizeof ret->removed);
    FR_TRY(drop_if_any(s, &beside, c->created, err));
    if (stays)
        FR_TRY(fr_sql_expect(s, FR_SQL_CREDENTIAL_FOLLOW,
                             FR_VALUES(FR_VTEXT(previous.key_id), FR_VTEXT(c->enrolee)),
                             err));
    else
        FR_TRY(drop_if_any(s, &previous, c->created, err));
    return demote(s, &current, c->enrolee, stays ? BESIDE_PREVIOUS : FR_SLOT_PREVIOUS,
                  err);
}

static enum fr_code commit(struct fr_sql_store *s, const struct fr_store_credential *c,
                           struct fr_slice response, struct fr_store_displaced *ret,
                           struct fr_err *err)
{
    struct fr_store_displaced displaced = {0};

    FR_TRY(refuse_known_key(s, c->key_id, err));
    FR_TRY(make_room(s, c, &displaced, err));
    FR_TRY(insert(s, c, response, err));
    FR_TRY(fr_sql_feed_add(s, c, FR_EVENT_ADDED, c->created, err));
    *ret = displaced;
    return FR_OK;
}

static void credential_commit(struct fr_store *store,
                              const struct fr_store_credential *c,
                              struct fr_slice response, struct fr_store_displaced *ret,
                              struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, commit(fr_sql_of(store), c, response, ret, &err), &err);
}

/* ---- the life after it ---- */

static enum fr_code response(struct fr_sql_store *s, const char *key_id,
                             struct fr_buf *ret, struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    struct fr_slice body;
    int i = 0;

    FR_TRY(fr_sql_query(s, FR_SQL_CREDENTIAL_RESPONSE, FR_VALUES(FR_VTEXT(key_id)),
                        &rows, err));
    FR_TRY(fr_sql_next(&rows, err));
    body = fr_col_slice(&rows, &i);
    fr_buf_put(ret, body.data, body.len);
    return fr_buf_check(ret, err);
}

static void credential_response(struct fr_store *store, const char *key_id,
                                struct fr_buf *ret, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, response(fr_sql_of(store), key_id, ret, &err), &err);
}

static enum fr_code each(struct fr_sql_rows *rows, struct fr_store_credential_rows out,
                         struct fr_err *err)
{
    struct fr_store_credential c;
    enum fr_code rc;

    while ((rc = fr_sql_next(rows, err)) == FR_OK) {
        read_credential(rows, &c);
        FR_TRY(out.row(out.ctx, &c, err));
    }
    return fr_sql_end(rc);
}

static bool given(const char *s)
{
    return s && *s;
}

static enum fr_code list(struct fr_sql_store *s, const struct fr_store_page *page,
                         struct fr_store_credential_rows out, struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    struct fr_sql_value values[] = {
        FR_VTEXT(page->after),  FR_VINT(fr_page_limit(page)), FR_VTEXT(page->enrolee),
        FR_VTEXT(page->target), FR_VTEXT(page->san),          {.type = FR_SQL_END}};
    int sql = given(page->san)       ? FR_SQL_CREDENTIAL_LIST_SAN
              : given(page->enrolee) ? FR_SQL_CREDENTIAL_LIST_ENROLEE
              : given(page->target)  ? FR_SQL_CREDENTIAL_LIST_TARGET
                                     : FR_SQL_CREDENTIAL_LIST;

    if (sql == FR_SQL_CREDENTIAL_LIST)
        values[2].type = FR_SQL_END; /* it has no filter */
    FR_TRY(fr_sql_query(s, sql, values, &rows, err));
    return each(&rows, out, err);
}

static void credential_list(struct fr_store *store, const struct fr_store_page *page,
                            struct fr_store_credential_rows rows,
                            struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, list(fr_sql_of(store), page, rows, &err), &err);
}

static enum fr_code retire_if_any(struct fr_sql_store *s,
                                  const struct fr_store_credential *c, int64_t at,
                                  struct fr_err *err)
{
    if (!c->key_id[0])
        return FR_OK;
    return fr_sql_run(s, FR_SQL_CREDENTIAL_RETIRES,
                      FR_VALUES(FR_VTEXT(c->key_id), FR_VINT(at)), NULL, err);
}

/* What other targets have keys of stays until its own end: nobody tells the device that
 * it should ask for them anew. */
static enum fr_code spare_if_told(struct fr_sql_store *s, struct fr_store_credential *c,
                                  struct fr_err *err)
{
    struct fr_store_told told = {0};

    FR_TRY(fr_sql_feed_told(s, c, &told, err));
    if (told.n > 0)
        c->key_id[0] = 0;
    return FR_OK;
}

/* All reading first: what is read after a write has to wait for it. */
static enum fr_code ack(struct fr_sql_store *s, const char *key_id, int64_t at,
                        int64_t retires, bool *ret_first, struct fr_err *err)
{
    struct fr_store_credential c = {0}, previous = {0}, beside = {0};

    FR_TRY(find(s, key_id, &c, err));
    if (c.slot != FR_SLOT_CURRENT || c.acked != 0) {
        *ret_first = false;
        return FR_OK;
    }
    FR_TRY(in_slot(s, &c.place, FR_SLOT_PREVIOUS, &previous, err));
    FR_TRY(in_slot(s, &c.place, BESIDE_PREVIOUS, &beside, err));
    FR_TRY(spare_if_told(s, &previous, err));
    FR_TRY(spare_if_told(s, &beside, err));
    FR_TRY(fr_sql_expect(s, FR_SQL_CREDENTIAL_ACK,
                         FR_VALUES(FR_VTEXT(key_id), FR_VINT(at)), err));
    FR_TRY(retire_if_any(s, &previous, retires, err));
    FR_TRY(retire_if_any(s, &beside, retires, err));
    *ret_first = true;
    return FR_OK;
}

static void credential_ack(struct fr_store *store, const char *key_id, int64_t at,
                           int64_t retires, bool *ret_first, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, ack(fr_sql_of(store), key_id, at, retires, ret_first, &err),
                &err);
}

static void credential_rewrap(struct fr_store *store, const char *key_id,
                              struct fr_slice wrapped, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call,
                fr_sql_run_one(fr_sql_of(store), FR_SQL_CREDENTIAL_REWRAP,
                               FR_VALUES(FR_VTEXT(key_id), FR_VBLOB(wrapped)),
                               "credential", &err),
                &err);
}

static void credential_fetched(struct fr_store *store, const char *key_id, int64_t at,
                               struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call,
                fr_sql_run(fr_sql_of(store), FR_SQL_CREDENTIAL_FETCHED,
                           FR_VALUES(FR_VTEXT(key_id), FR_VINT(at)), NULL, &err),
                &err);
}

static enum fr_code tell(struct fr_sql_store *s, const struct fr_store_credential *c,
                         const char *fqdn, int suid, int64_t at, struct fr_err *err)
{
    struct fr_store_told told = {.n = 1};

    snprintf(told.list[0].fqdn, sizeof told.list[0].fqdn, "%s", fqdn);
    told.list[0].suid = suid;
    return fr_sql_feed_tell(s, c, &told, FR_EVENT_ADDED, at, err);
}

static void credential_tell(struct fr_store *store, const struct fr_store_credential *c,
                            const char *fqdn, int suid, int64_t at,
                            struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, tell(fr_sql_of(store), c, fqdn, suid, at, &err), &err);
}

static void credential_told(struct fr_store *store, const struct fr_store_credential *c,
                            struct fr_store_told *ret, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, fr_sql_feed_told(fr_sql_of(store), c, ret, &err), &err);
}

static enum fr_code remove_one(struct fr_sql_store *s, const char *key_id,
                               enum fr_store_event event, int64_t at,
                               struct fr_err *err)
{
    struct fr_store_credential c = {0};

    FR_TRY(find(s, key_id, &c, err));
    return drop(s, &c, event, at, err);
}

static void credential_remove(struct fr_store *store, const char *key_id,
                              enum fr_store_event event, int64_t at,
                              struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, remove_one(fr_sql_of(store), key_id, event, at, &err), &err);
}

static enum fr_code due(struct fr_sql_store *s, int64_t now, size_t limit,
                        struct fr_store_credential_rows out, struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};

    FR_TRY(fr_sql_query(s, FR_SQL_CREDENTIAL_DUE,
                        FR_VALUES(FR_VINT(now), FR_VINT(limit)), &rows, err));
    return each(&rows, out, err);
}

static void credential_due(struct fr_store *store, int64_t now, size_t limit,
                           struct fr_store_credential_rows rows,
                           struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, due(fr_sql_of(store), now, limit, rows, &err), &err);
}

static void credential_next_due(struct fr_store *store, int64_t *ret,
                                struct fr_store_call call)
{
    fr_sql_least(store, FR_SQL_CREDENTIAL_NEXT_DUE, ret, call);
}

void fr_sql_credential_ops(struct fr_store_methods *m)
{
    m->credential_commit = credential_commit;
    m->credential_find = credential_find;
    m->credential_find_tmpi = credential_find_tmpi;
    m->credential_response = credential_response;
    m->credential_list = credential_list;
    m->credential_ack = credential_ack;
    m->credential_rewrap = credential_rewrap;
    m->credential_fetched = credential_fetched;
    m->credential_tell = credential_tell;
    m->credential_told = credential_told;
    m->credential_remove = credential_remove;
    m->credential_due = credential_due;
    m->credential_next_due = credential_next_due;
}
