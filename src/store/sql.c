/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sql.h"

#include <string.h>

struct fr_sql_store *fr_sql_of(struct fr_store *s)
{
    return (struct fr_sql_store *)s;
}

static void sql_close(struct fr_store *store)
{
    fr_sql_of(store)->driver->close(fr_sql_of(store));
}

static enum fr_code sql_wait(struct fr_store *store, struct fr_err *err)
{
    return fr_sql_of(store)->driver->wait(fr_sql_of(store), err);
}

enum fr_code fr_sql_changed_meanwhile(struct fr_err *err)
{
    return FR_FAIL_AS(err, FR_EBUSY, "batch-retry",
                      "the database was changed by another node meanwhile");
}

void fr_sql_init(struct fr_sql_store *s, const struct fr_sql_driver *driver)
{
    s->driver = driver;
    s->methods.name = driver->name;
    s->methods.close = sql_close;
    s->methods.wait = sql_wait;
    s->methods.is_shared = driver->is_shared;
    s->ground.feed = s->ground.policy = -1;
#define X(subject) fr_sql_##subject##_ops(&s->methods);
    FR_SQL_OPS(X)
#undef X
    s->super.methods = &s->methods;
}

void fr_sql_done(struct fr_store_call call, enum fr_code rc, struct fr_err *err)
{
    call.done(call.ctx, rc, err);
}

struct fr_sql_value fr_sql_text_value(const char *s)
{
    return (struct fr_sql_value){.type = FR_SQL_TEXT,
                                 .octets = fr_slice_str(s ? s : "")};
}

enum fr_code fr_sql_query(struct fr_sql_store *s, int sql,
                          const struct fr_sql_value *values, struct fr_sql_rows *ret,
                          struct fr_err *err)
{
    return s->driver->query(s, sql, values, ret, err);
}

void fr_sql_rows_clear(struct fr_sql_rows *rows)
{
    if (rows->s)
        rows->s->driver->clear(rows);
}

enum fr_code fr_sql_next(struct fr_sql_rows *rows, struct fr_err *err)
{
    return rows->s->driver->next(rows, err);
}

enum fr_code fr_sql_end(enum fr_code rc)
{
    return rc == FR_ENOTFOUND ? FR_OK : rc;
}

enum fr_code fr_sql_run(struct fr_sql_store *s, int sql,
                        const struct fr_sql_value *values, int *changed,
                        struct fr_err *err)
{
    return s->driver->run(s, sql, values, changed, err);
}

enum fr_code fr_sql_run_one(struct fr_sql_store *s, int sql,
                            const struct fr_sql_value *values, const char *what,
                            struct fr_err *err)
{
    int changed;

    FR_TRY(fr_sql_run(s, sql, values, &changed, err));
    if (changed == 0)
        return FR_FAIL(err, FR_ENOTFOUND, "no such %s", what);
    return FR_OK;
}

enum fr_code fr_sql_expect(struct fr_sql_store *s, int sql,
                           const struct fr_sql_value *values, struct fr_err *err)
{
    return s->driver->expect(s, sql, values, err);
}

enum fr_code fr_sql_name_missing(enum fr_code rc, const char *what, const char *name,
                                 struct fr_err *err)
{
    if (rc == FR_ENOTFOUND)
        return FR_FAIL(err, rc, "no %s \"%s\"", what, name);
    return rc;
}

int64_t fr_page_limit(const struct fr_store_page *page)
{
    return page->limit > INT32_MAX ? INT32_MAX : (int64_t)page->limit;
}

int64_t fr_col_int(struct fr_sql_rows *rows, int *i)
{
    return rows->s->driver->number(rows, (*i)++);
}

struct fr_slice fr_col_slice(struct fr_sql_rows *rows, int *i)
{
    return rows->s->driver->octets(rows, (*i)++);
}

void fr_col_octets(struct fr_sql_rows *rows, int *i, uint8_t *to, size_t size,
                   size_t *ret_len)
{
    struct fr_slice s = fr_col_slice(rows, i);
    size_t len = s.len < size ? s.len : size;

    if (len)
        memcpy(to, s.data, len);
    if (ret_len)
        *ret_len = len;
}

void fr_col_text(struct fr_sql_rows *rows, int *i, char *to, size_t size)
{
    size_t len;

    fr_col_octets(rows, i, (uint8_t *)to, size - 1, &len);
    to[len] = 0;
}
