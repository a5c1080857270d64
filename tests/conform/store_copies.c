/* SPDX-License-Identifier: Apache-2.0 */
/* Whole rows, and one store made equal to another. */
#include "conform/store.h"

#include "store/ask.h"
#include "store/copy.h"
#include "store/facts.h"

#define K(n) "0000000000000000000000000000000" #n "@mef.example.com"

static void commit_key(struct store_lab *l, const char *key_id)
{
    struct fr_store_credential c = store_credential(key_id);
    struct fr_store_displaced displaced;

    DO(l, credential_commit, &c, fr_slice_str("{}"), &displaced);
}

static const struct fr_table *table_of(const char *name)
{
    for (size_t i = 0; i < FR_N_TABLES; i++)
        if (strcmp(fr_tables[i].name, name) == 0)
            return &fr_tables[i];
    fail_msg("no table %s", name);
    return NULL;
}

/* ---- rows ---- */

static void rows_come_in_the_order_of_their_keys_page_by_page(void **state)
{
    static const char *const names[] = {"dev1", "dev10", "dev2", "d\xc3\xa9v", "Zdev"};
    static const char *const in_order[] = {"Zdev", "dev1", "dev10", "dev2",
                                           "d\xc3\xa9v"};
    struct store_lab *l = *state;
    struct fr_value last[FR_COLUMNS_MAX];
    struct fr_rows page, before;

    for (size_t i = 0; i < 5; i++) {
        struct fr_store_enrolee e = store_enrolee(names[i], names[i]);

        DO(l, enrolee_add, &e);
    }
    fr_rows_init(&before, table_of("enrolee"));
    for (size_t i = 0; i < 5; i++) {
        fr_rows_init(&page, table_of("enrolee"));
        DO(l, rows_list, i ? last : NULL, (size_t)1, &page);
        assert_int_equal(page.n, 1);
        fr_rows_clear(&before);
        before = page;
        fr_rows_values(&before, 0, last);
        assert_true(fr_slice_equal(last[0].octets, fr_slice_str(in_order[i])));
        assert_int_equal(last[3].number, 1000);
    }
    fr_rows_init(&page, table_of("enrolee"));
    DO(l, rows_list, last, (size_t)1, &page);
    assert_int_equal(page.n, 0);
    fr_rows_clear(&page);
    fr_rows_clear(&before);
}

static void a_key_of_two_columns_is_one_place(void **state)
{
    struct store_lab *l = *state;
    struct fr_store_target second = store_target("second.example.com");
    struct fr_value key[FR_COLUMNS_MAX];
    struct fr_rows page, rest;

    store_populate(l);
    DO(l, target_add, &second);
    DO(l, allow, "dev1", "second.example.com", true);
    fr_rows_init(&page, table_of("allowed"));
    fr_rows_init(&rest, table_of("allowed"));
    DO(l, rows_list, NULL, (size_t)1, &page);
    fr_rows_values(&page, 0, key);
    assert_true(fr_slice_equal(key[1].octets, fr_slice_str("broker.example.com")));
    DO(l, rows_list, key, (size_t)10, &rest);
    assert_int_equal(rest.n, 1);
    DO(l, rows_drop, &page);
    fr_rows_clear(&rest);
    DO(l, rows_list, NULL, (size_t)10, &rest);
    assert_int_equal(rest.n, 1);
    fr_rows_clear(&page);
    fr_rows_clear(&rest);
}

static void rows_that_were_dropped_can_be_added_again(void **state)
{
    struct store_lab *l = *state;
    struct fr_store_credential c;
    struct fr_rows page;

    store_populate(l);
    commit_key(l, K(1));
    fr_rows_init(&page, table_of("credential"));
    DO(l, rows_list, NULL, (size_t)10, &page);
    assert_int_equal(page.n, 1);
    DO(l, rows_drop, &page);
    assert_int_equal(ASK(l, credential_find, K(1), &c), FR_ENOTFOUND);
    DO(l, rows_add, &page);
    DO(l, credential_find, K(1), &c);
    assert_int_equal(c.wrapped_len, FR_STORE_WRAPPED_MAX);
    assert_int_equal(c.wrapped[5], 0x77);
    assert_int_not_equal(ASK(l, rows_add, &page), FR_OK); /* twice */
    fr_rows_clear(&page);
}

static void a_snapshot_is_one_moment_and_hinders_no_writer(void **state)
{
    struct store_lab *l = *state;
    struct store_lab writer = {.maker = l->maker, .s = fr_store_maker.open(l->maker)};
    struct fr_rows page;

    store_populate(l);
    DO_PLAIN(l, snapshot);
    commit_key(&writer, K(1));
    fr_rows_init(&page, table_of("credential"));
    DO(l, rows_list, NULL, (size_t)10, &page);
    assert_int_equal(page.n, 0);
    DO_PLAIN(l, rollback);
    DO(l, rows_list, NULL, (size_t)10, &page);
    assert_int_equal(page.n, 1);
    fr_rows_clear(&page);
    fr_store_free(writer.s);
}

static void another_wrapping_takes_the_place_of_the_first(void **state)
{
    static const char other[] = "another wrapping of the same Ke";
    struct store_lab *l = *state;
    struct fr_store_credential c;

    store_populate(l);
    commit_key(l, K(1));
    DO(l, credential_rewrap, K(1), fr_slice_str(other));
    DO(l, credential_find, K(1), &c);
    assert_int_equal(c.wrapped_len, sizeof other - 1);
    assert_memory_equal(c.wrapped, other, c.wrapped_len);
    assert_int_equal(ASK(l, credential_rewrap, K(2), fr_slice_str(other)),
                     FR_ENOTFOUND);
}

/* ---- copies ---- */

static struct store_lab second_store(void)
{
    struct store_lab b = {.maker = fr_store_maker.setup()};

    b.s = fr_store_maker.open(b.maker);
    return b;
}

static void end_second_store(struct store_lab *b)
{
    fr_store_free(b->s);
    fr_store_maker.teardown(b->maker);
}

static void say(struct store_lab *l, const char *text)
{
    struct fr_store_audit line = {.at = 1, .actor = "operator", .action = "test"};

    snprintf(line.text, sizeof line.text, "%s", text);
    store_audit(l, &line);
}

static void fill(struct store_lab *l)
{
    const struct fr_store_enrolee meter = store_subscriber("meter", "001010000000001");
    const struct fr_store_attempt attempt = {.at = 5, .json = fr_slice_str("{}")};
    const struct fr_store_document doc = {
        .name = "list", .body = fr_slice_str("{\"version\":1}"), .updated = 7};

    store_populate(l);
    DO(l, enrolee_add, &meter);
    commit_key(l, K(1));
    say(l, "first");
    DO(l, attempt_add, "someone", &attempt, (size_t)5);
    DO(l, document_set, &doc);
    DO(l, document_assign, "list", "dev1");
    DO(l, meta_set, FR_FACT_KEK, "0011223344556677");
    DO(l, meta_set, FR_FACT_GENERATION, "of the first place");
}

static struct fr_copy_report copy(struct store_lab *from, struct store_lab *to)
{
    struct fr_copy_report report;
    struct fr_err err = {0};

    if (fr_store_copy(from->s, to->s, &report, &err) != FR_OK)
        fail_msg("copying: %s", err.msg);
    return report;
}

static uint64_t changes_of(const struct fr_copy_report *r)
{
    uint64_t n = 0;

    for (size_t i = 0; i < FR_N_TABLES; i++)
        n += r->table[i].added + r->table[i].dropped;
    return n;
}

static void a_copy_holds_every_row_and_a_second_pass_finds_nothing(void **state)
{
    struct store_lab *l = *state, b = second_store();
    struct fr_copy_report report;
    struct fr_store_credential c;
    struct fr_store_enrolee e;
    char fact[FR_FACT_MAX];
    struct fr_err err = {0};

    fill(l);
    report = copy(l, &b);
    for (size_t i = 0; i < FR_N_TABLES; i++) {
        assert_true(report.table[i].rows > 0); /* the test fills each */
        assert_int_equal(report.table[i].rows, report.table[i].added);
        assert_int_equal(strlen(report.table[i].hash), 64);
    }
    assert_int_equal(report.audit_lines, 1);
    DO(&b, credential_find, K(1), &c);
    assert_string_equal(c.context, "of the key");
    DO(&b, enrolee_match_imsi, "001010000000001", &e);
    assert_true(e.gba_u && e.lifetime == 3600);
    assert_ok(fr_fact_get(b.s, FR_FACT_KEK, fact, &err));
    assert_string_equal(fact, "0011223344556677");
    assert_ok(fr_fact_get(b.s, FR_FACT_GENERATION, fact, &err));
    assert_string_equal(fact, ""); /* a fact of the place */
    report = copy(l, &b);
    assert_int_equal(changes_of(&report), 0);
    end_second_store(&b);
}

/* The slots move, a row goes, the trail grows, a name is listed anew. */
static void a_second_pass_brings_what_has_changed_since(void **state)
{
    struct store_lab *l = *state, b = second_store();
    struct fr_store_enrolee again = store_enrolee("dev2", "dns:dev2.example.com");
    struct fr_store_credential c;
    struct fr_copy_report report;
    uint64_t last, after;

    fill(l);
    DO(l, enrolee_add, &again);
    DO(l, allow, "dev2", "broker.example.com", true);
    commit_key(l, K(2));
    copy(l, &b);
    commit_key(l, K(3)); /* 1 goes, 2 becomes previous */
    say(l, "second");
    DO(l, enrolee_remove, "dev2");
    again.created = 2000;
    DO(l, enrolee_add, &again);
    DO(l, document_remove, "list");
    report = copy(l, &b);
    assert_true(changes_of(&report) > 0);
    assert_int_equal(report.audit_lines, 2);
    assert_int_equal(ASK(&b, credential_find, K(1), &c), FR_ENOTFOUND);
    DO(&b, credential_find, K(2), &c);
    assert_int_equal(c.slot, FR_SLOT_PREVIOUS);
    DO(&b, credential_find, K(3), &c);
    assert_int_equal(c.slot, FR_SLOT_CURRENT);
    DO(&b, feed_last, &last);
    commit_key(&b, K(4)); /* its own counting goes on behind */
    DO(&b, feed_last, &after);
    assert_true(after > last);
    end_second_store(&b);
}

static void more_rows_than_a_page_are_copied(void **state)
{
    struct store_lab *l = *state, b = second_store();
    struct fr_copy_report report;

    for (int i = 0; i < 2 * FR_ROWS_MAX + 1; i++) {
        char name[32];
        struct fr_store_enrolee e;

        snprintf(name, sizeof name, "dev%04d", i);
        e = store_enrolee(name, name);
        DO(l, enrolee_add, &e);
    }
    report = copy(l, &b);
    assert_int_equal(report.table[table_of("enrolee") - fr_tables].rows,
                     2 * FR_ROWS_MAX + 1);
    DO(l, enrolee_remove, "dev0300");
    report = copy(l, &b);
    assert_int_equal(changes_of(&report), 3); /* it, and the row that counts policies */
    end_second_store(&b);
}

static void a_trail_that_was_changed_is_not_called_a_copy(void **state)
{
    struct store_lab *l = *state, b = second_store();
    struct fr_copy_report report;
    struct fr_rows page, changed;
    struct fr_value row[FR_COLUMNS_MAX];
    struct fr_err err = {0};

    fill(l);
    say(l, "second");
    fr_rows_init(&page, table_of("audit"));
    fr_rows_init(&changed, table_of("audit"));
    DO(l, rows_list, NULL, (size_t)1, &page);
    fr_rows_values(&page, 0, row);
    row[8].octets = fr_slice_str("never said");
    assert_ok(fr_rows_put(&changed, row, &err));
    DO(l, rows_drop, &page);
    DO(l, rows_add, &changed);
    assert_fails_as(fr_store_copy(l->s, b.s, &report, &err), FR_ESTORE, "audit-broken");
    fr_rows_clear(&page);
    fr_rows_clear(&changed);
    end_second_store(&b);
}

const struct CMUnitTest store_copies[] = {
    STORE(rows_come_in_the_order_of_their_keys_page_by_page),
    STORE(a_key_of_two_columns_is_one_place),
    STORE(rows_that_were_dropped_can_be_added_again),
    STORE(a_snapshot_is_one_moment_and_hinders_no_writer),
    STORE(another_wrapping_takes_the_place_of_the_first),
    STORE(a_copy_holds_every_row_and_a_second_pass_finds_nothing),
    STORE(a_second_pass_brings_what_has_changed_since),
    STORE(more_rows_than_a_page_are_copied),
    STORE(a_trail_that_was_changed_is_not_called_a_copy),
    {0}};
