/* SPDX-License-Identifier: Apache-2.0 */
#include "store/copy.h"

#include <string.h>

#include "base/str.h"
#include "store/ask.h"
#include "store/facts.h"

/* ---- one side ---- */

/* Reads a table from its start to its end, page by page. */
struct fr_reader {
    struct fr_store *store;
    struct fr_rows page;
    size_t at;
    bool is_end;
    struct fr_value row[FR_COLUMNS_MAX]; /* the present one, unless at the end */
};
static void fr_reader_clear(struct fr_reader *r)
{
    fr_rows_clear(&r->page);
}

static enum fr_code read_page(struct fr_reader *r, const struct fr_value *after,
                              struct fr_err *err)
{
    struct fr_rows next;
    enum fr_code rc;

    fr_rows_init(&next, r->page.table);
    rc = FR_STORE_ASK(r->store, err, rows_list, after, (size_t)FR_ROWS_MAX, &next);
    if (rc != FR_OK) {
        fr_rows_clear(&next);
        return rc;
    }
    fr_rows_clear(&r->page); /* after pointed into it */
    r->page = next;
    r->at = 0;
    return FR_OK;
}

static bool is_of_the_place(const struct fr_reader *r)
{
    static const char *const names[] = {FR_FACT_COPY, FR_FACT_MOVED,
                                        FR_FACT_GENERATION};

    if (r->page.table != &fr_tables[0])
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (fr_slice_equal(r->row[0].octets, fr_slice_str(names[i])))
            return true;
    return false;
}

/* The row at r->at, or the end. */
static enum fr_code settle(struct fr_reader *r, struct fr_err *err)
{
    if (r->at == r->page.n && r->page.n == FR_ROWS_MAX)
        FR_TRY(read_page(r, r->row, err));
    r->is_end = r->at == r->page.n;
    if (!r->is_end)
        fr_rows_values(&r->page, r->at, r->row);
    return FR_OK;
}

static enum fr_code advance(struct fr_reader *r, struct fr_err *err)
{
    do {
        r->at++;
        FR_TRY(settle(r, err));
    } while (!r->is_end && is_of_the_place(r));
    return FR_OK;
}

static enum fr_code start(struct fr_reader *r, struct fr_store *s,
                          const struct fr_table *t, struct fr_err *err)
{
    r->store = s;
    fr_rows_init(&r->page, t);
    FR_TRY(read_page(r, NULL, err));
    FR_TRY(settle(r, err));
    if (!r->is_end && is_of_the_place(r))
        return advance(r, err);
    return FR_OK;
}

/* ---- both sides ---- */

struct fr_merge {
    struct fr_reader from, to;
    struct fr_rows held; /* to be written */
    struct fr_copy_table *table;
};
static void fr_merge_clear(struct fr_merge *m)
{
    fr_reader_clear(&m->from);
    fr_reader_clear(&m->to);
    fr_rows_clear(&m->held);
}

enum side { ONLY_FROM, ONLY_TO, BOTH, END };

static enum side side_of(const struct fr_merge *m)
{
    int order;

    if (m->from.is_end && m->to.is_end)
        return END;
    if (m->from.is_end)
        return ONLY_TO;
    if (m->to.is_end)
        return ONLY_FROM;
    order = fr_row_compare(m->from.page.table, m->from.row, m->to.row);
    return order == 0 ? BOTH : order < 0 ? ONLY_FROM : ONLY_TO;
}

static bool are_equal(const struct fr_merge *m)
{
    return fr_slice_equal(fr_rows_at(&m->from.page, m->from.at),
                          fr_rows_at(&m->to.page, m->to.at));
}

static enum fr_code step(struct fr_merge *m, enum side side, struct fr_err *err)
{
    if (side != ONLY_TO)
        FR_TRY(advance(&m->from, err));
    if (side != ONLY_FROM)
        FR_TRY(advance(&m->to, err));
    return FR_OK;
}

static enum fr_code begin(struct fr_merge *m, struct fr_store *from,
                          struct fr_store *to, const struct fr_table *t,
                          struct fr_err *err)
{
    fr_rows_init(&m->held, t);
    FR_TRY(start(&m->from, from, t, err));
    return start(&m->to, to, t, err);
}

/* ---- writing ---- */

typedef enum fr_code writer(struct fr_store *s, const struct fr_rows *rows,
                            struct fr_err *err);

static enum fr_code add(struct fr_store *s, const struct fr_rows *rows,
                        struct fr_err *err)
{
    return FR_STORE_ASK(s, err, rows_add, rows);
}

static enum fr_code drop(struct fr_store *s, const struct fr_rows *rows,
                         struct fr_err *err)
{
    return FR_STORE_ASK(s, err, rows_drop, rows);
}

/* Held rows are one transaction. */
static enum fr_code flush(struct fr_merge *m, writer *write, struct fr_err *err)
{
    struct fr_store *s = m->to.store;
    enum fr_code rc;

    if (m->held.n == 0)
        return FR_OK;
    FR_TRY(FR_STORE_ASK_PLAIN(s, err, begin));
    rc = write(s, &m->held, err);
    fr_rows_reset(&m->held);
    if (rc == FR_OK)
        return FR_STORE_ASK_PLAIN(s, err, commit);
    (void)FR_STORE_ASK_PLAIN(s, NULL, rollback);
    return fr_err_wrap(err, rc, "writing table %s", m->held.table->name);
}

static enum fr_code hold(struct fr_merge *m, const struct fr_value *row, writer *write,
                         struct fr_err *err)
{
    FR_TRY(fr_rows_put(&m->held, row, err));
    return m->held.n == FR_ROWS_MAX ? flush(m, write, err) : FR_OK;
}

/* All that is not as it must be goes first: a credential that has changed its slot
 * would else be in the way of the one that has it now. */
static enum fr_code drop_others(struct fr_merge *m, struct fr_err *err)
{
    for (enum side side; (side = side_of(m)) != END;) {
        if (side == ONLY_TO || (side == BOTH && !are_equal(m))) {
            m->table->dropped++;
            FR_TRY(hold(m, m->to.row, drop, err));
        }
        FR_TRY(step(m, side, err));
    }
    return flush(m, drop, err);
}

static enum fr_code add_missing(struct fr_merge *m, struct fr_err *err)
{
    for (enum side side; (side = side_of(m)) != END;) {
        if (side == ONLY_FROM) {
            m->table->added++;
            FR_TRY(hold(m, m->from.row, add, err));
        }
        FR_TRY(step(m, side, err));
    }
    return flush(m, add, err);
}

/* ---- the proof ---- */

static enum fr_code hash_on(char hash[2 * FR_SHA256_LEN + 1], struct fr_slice row,
                            struct fr_buf *scratch, struct fr_err *err)
{
    uint8_t digest[FR_SHA256_LEN];

    fr_buf_reset(scratch);
    fr_buf_put(scratch, hash, strlen(hash));
    fr_buf_put(scratch, row.data, row.len);
    FR_TRY(fr_buf_check(scratch, err));
    FR_TRY(fr_sha256(fr_buf_view(scratch), digest, err));
    fr_hex_encode(fr_slice_of(digest, sizeof digest), hash, false);
    return FR_OK;
}

static enum fr_code compare(struct fr_merge *m, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) scratch = FR_BUF_INIT(64 << 20);
    enum side side;

    m->table->rows = 0;
    m->table->hash[0] = 0;
    while ((side = side_of(m)) != END) {
        if (side != BOTH || !are_equal(m))
            return FR_FAIL_AS(err, FR_ESTORE, "copy-differs",
                              "table %s differs at its row %llu: something else writes "
                              "to the copy",
                              m->from.page.table->name,
                              (unsigned long long)m->table->rows + 1);
        FR_TRY(hash_on(m->table->hash, fr_rows_at(&m->from.page, m->from.at), &scratch,
                       err));
        m->table->rows++;
        FR_TRY(step(m, side, err));
    }
    return FR_OK;
}

/* ---- a pass ---- */

static enum fr_code over(struct fr_store *from, struct fr_store *to, size_t table,
                         struct fr_copy_report *report,
                         enum fr_code (*what)(struct fr_merge *m, struct fr_err *err),
                         struct fr_err *err)
{
    FR_AUTO_CLEAR(merge) m = {.table = &report->table[table]};

    FR_TRY(begin(&m, from, to, &fr_tables[table], err));
    return what(&m, err);
}

static enum fr_code check_chain(struct fr_store *to, struct fr_copy_report *report,
                                struct fr_err *err)
{
    FR_AUTO_CLEAR(store_nodes) nodes = {0};
    struct fr_store_chain chain;

    FR_TRY(fr_store_nodes_read(to, &nodes, err));
    for (size_t i = 0; i < nodes.n; i++) {
        FR_TRY(fr_store_audit_verify(to, nodes.list[i].name, &chain, err));
        if (chain.broken_at)
            return FR_FAIL_AS(
                err, FR_ESTORE, "audit-broken",
                "the audit trail of node \"%s\" is broken at line %llu: it "
                "was so before, since every row was copied as it is",
                chain.at.name, (unsigned long long)chain.broken_at);
        report->audit_lines += chain.lines;
    }
    return FR_OK;
}

static enum fr_code pass(struct fr_store *from, struct fr_store *to,
                         struct fr_copy_report *ret, struct fr_err *err)
{
    for (size_t i = FR_N_TABLES; i-- > 0;)
        FR_TRY(over(from, to, i, ret, drop_others, err));
    for (size_t i = 0; i < FR_N_TABLES; i++)
        FR_TRY(over(from, to, i, ret, add_missing, err));
    for (size_t i = 0; i < FR_N_TABLES; i++)
        FR_TRY(over(from, to, i, ret, compare, err));
    return check_chain(to, ret, err);
}

enum fr_code fr_store_copy(struct fr_store *from, struct fr_store *to,
                           struct fr_copy_report *ret, struct fr_err *err)
{
    struct fr_copy_report report = {0};
    enum fr_code rc;

    FR_TRY(FR_STORE_ASK_PLAIN(from, err, snapshot));
    rc = pass(from, to, &report, err);
    (void)FR_STORE_ASK_PLAIN(from, NULL, rollback);
    if (rc == FR_OK)
        *ret = report;
    return rc;
}
