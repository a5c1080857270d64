/* SPDX-License-Identifier: Apache-2.0 */
#include "store/rows.h"

#include <assert.h>
#include <string.h>

#define INT(name)                                                                      \
    {                                                                                  \
        name, FR_VALUE_INT                                                             \
    }
#define TEXT(name)                                                                     \
    {                                                                                  \
        name, FR_VALUE_TEXT                                                            \
    }
#define BLOB(name)                                                                     \
    {                                                                                  \
        name, FR_VALUE_BLOB                                                            \
    }

const struct fr_table fr_tables[FR_N_TABLES] = {
    {"meta", 1, 2, {TEXT("name"), TEXT("value")}},
    {"enrolee",
     1,
     7,
     {TEXT("name"), TEXT("anchor"), TEXT("san"), INT("created"), TEXT("imsi"),
      INT("lifetime"), INT("gba_u")}},
    {"target", 1, 4, {TEXT("id"), TEXT("fqdn"), INT("derivation"), INT("created")}},
    {"allowed", 2, 3, {TEXT("enrolee"), TEXT("target"), INT("is_default")}},
    {"credential", 1, 26, {TEXT("key_id"),       TEXT("identity"),
                           TEXT("admin_fqdn"),   INT("suid"),
                           TEXT("target"),       INT("slot"),
                           TEXT("enrolee"),      TEXT("san"),
                           TEXT("target_fqdn"),  INT("derivation"),
                           BLOB("wrapped"),      INT("created"),
                           INT("expires"),       INT("acked"),
                           INT("retires"),       INT("fetched"),
                           INT("due"),           INT("confirmed"),
                           TEXT("method"),       TEXT("credential_ref"),
                           TEXT("client_reg"),   BLOB("request_sha"),
                           BLOB("response_sha"), BLOB("response"),
                           TEXT("context"),      TEXT("tmpi")}},
    {"feed",
     1,
     8,
     {INT("seq"), INT("event"), TEXT("target_fqdn"), TEXT("key_id"), INT("suid"),
      TEXT("san"), INT("expires"), INT("at")}},
    {"progress", 1, 3, {INT("id"), INT("feed"), INT("policy")}},
    {"node",
     1,
     6,
     {TEXT("name"), TEXT("instance"), INT("seen"), INT("seq"), TEXT("hash"),
      TEXT("seal")}},
    {"audit",
     2,
     11,
     {TEXT("node"), INT("seq"), INT("at"), TEXT("actor"), TEXT("action"),
      TEXT("subject"), TEXT("decision"), TEXT("reason"), TEXT("text"), TEXT("prev"),
      TEXT("hash")}},
    {"attempt", 2, 4, {TEXT("identity"), INT("seq"), INT("at"), TEXT("record")}},
    {"document", 1, 3, {TEXT("name"), TEXT("body"), INT("updated")}},
    {"assignment", 1, 2, {TEXT("enrolee"), TEXT("document")}},
};

/* ---- statements ---- */

static void put_columns(const struct fr_table *t, size_t n, struct fr_buf *to)
{
    for (size_t i = 0; i < n; i++)
        fr_buf_fmt(to, "%s%s", i ? ", " : "", t->column[i].name);
}

static void put_marks(size_t n, char mark, struct fr_buf *to)
{
    for (size_t i = 0; i < n; i++)
        fr_buf_fmt(to, "%s%c%zu", i ? ", " : "", mark, i + 1);
}

void fr_rows_select(const struct fr_table *t, bool is_first, char mark,
                    struct fr_buf *to)
{
    fr_buf_str(to, "SELECT ");
    put_columns(t, t->n, to);
    fr_buf_fmt(to, " FROM %s", t->name);
    if (!is_first) {
        fr_buf_str(to, " WHERE (");
        put_columns(t, t->n_keys, to);
        fr_buf_str(to, ") > (");
        put_marks(t->n_keys, mark, to);
        fr_buf_str(to, ")");
    }
    fr_buf_str(to, " ORDER BY ");
    put_columns(t, t->n_keys, to);
    fr_buf_fmt(to, " LIMIT %c%zu", mark, is_first ? 1 : t->n_keys + 1);
}

void fr_rows_insert(const struct fr_table *t, char mark, struct fr_buf *to)
{
    fr_buf_fmt(to, "INSERT INTO %s (", t->name);
    put_columns(t, t->n, to);
    fr_buf_str(to, ") VALUES (");
    put_marks(t->n, mark, to);
    fr_buf_str(to, ")");
}

void fr_rows_delete(const struct fr_table *t, char mark, struct fr_buf *to)
{
    fr_buf_fmt(to, "DELETE FROM %s WHERE (", t->name);
    put_columns(t, t->n_keys, to);
    fr_buf_str(to, ") = (");
    put_marks(t->n_keys, mark, to);
    fr_buf_str(to, ")");
}

/* ---- a page ---- */

enum { PAGE_MAX = 256 << 20 };

void fr_rows_init(struct fr_rows *r, const struct fr_table *t)
{
    r->table = t;
    r->octets = (struct fr_buf)FR_BUF_INIT(PAGE_MAX);
    r->n = 0;
}

void fr_rows_clear(struct fr_rows *r)
{
    fr_buf_clear(&r->octets);
    r->n = 0;
}

void fr_rows_reset(struct fr_rows *r)
{
    fr_buf_reset(&r->octets);
    r->n = 0;
}

enum fr_code fr_rows_put(struct fr_rows *r, const struct fr_value *values,
                         struct fr_err *err)
{
    if (r->n == FR_ROWS_MAX)
        return FR_FAIL(err, FR_ELIMIT, "more than %d rows of %s", FR_ROWS_MAX,
                       r->table->name);
    for (size_t i = 0; i < r->table->n; i++) {
        if (r->table->column[i].type == FR_VALUE_INT) {
            fr_buf_u64(&r->octets, (uint64_t)values[i].number);
            continue;
        }
        fr_buf_u32(&r->octets, (uint32_t)values[i].octets.len);
        fr_buf_put(&r->octets, values[i].octets.data, values[i].octets.len);
    }
    FR_TRY(fr_buf_check(&r->octets, err));
    r->end[r->n++] = r->octets.len;
    return FR_OK;
}

struct fr_slice fr_rows_at(const struct fr_rows *r, size_t i)
{
    size_t start = i ? r->end[i - 1] : 0;

    return fr_slice_of(r->octets.data + start, r->end[i] - start);
}

void fr_rows_values(const struct fr_rows *r, size_t i, struct fr_value *ret)
{
    struct fr_cursor c = fr_cursor_of(fr_rows_at(r, i));

    for (size_t k = 0; k < r->table->n; k++) {
        ret[k] = (struct fr_value){.type = r->table->column[k].type};
        if (ret[k].type == FR_VALUE_INT)
            ret[k].number = (int64_t)fr_take_u64(&c);
        else
            ret[k].octets = fr_take_slice(&c, fr_take_u32(&c));
    }
    assert(!c.bad && c.left == 0); /* we wrote it */
}

static int compare_octets(struct fr_slice a, struct fr_slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.data, b.data, n) : 0;

    if (order)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

int fr_row_compare(const struct fr_table *t, const struct fr_value *a,
                   const struct fr_value *b)
{
    int order = 0;

    for (size_t i = 0; i < t->n_keys && order == 0; i++) {
        if (t->column[i].type == FR_VALUE_INT)
            order = a[i].number < b[i].number ? -1 : a[i].number > b[i].number;
        else
            order = compare_octets(a[i].octets, b[i].octets);
    }
    return order;
}
