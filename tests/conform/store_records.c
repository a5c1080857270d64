/* SPDX-License-Identifier: Apache-2.0 */
/* The audit trail, attempt records, and instruction documents. */
#include "conform/store.h"

static void audit(struct store_lab *l, const char *actor, const char *subject)
{
    struct fr_store_audit line = {
        .at = 5, .action = "test", .decision = "noted", .reason = "r", .text = "words"};

    snprintf(line.actor, sizeof line.actor, "%s", actor);
    snprintf(line.subject, sizeof line.subject, "%s", subject);
    store_audit(l, &line);
}

struct trail {
    struct fr_store_audit line[8];
    size_t n;
};

static enum fr_code audit_row(void *ctx, const struct fr_store_audit *line,
                              struct fr_err *err)
{
    struct trail *t = ctx;

    (void)err;
    assert_true(t->n < 8);
    t->line[t->n++] = *line;
    return FR_OK;
}

static void walk(struct store_lab *l, uint64_t after, size_t limit, struct trail *to)
{
    to->n = 0;
    DO(l, audit_walk, STORE_NODE, after, limit,
       ((struct fr_store_audit_rows){.row = audit_row, .ctx = to}));
}

static void lines_are_chained_from_the_root(void **state)
{
    char hash[2 * FR_SHA256_LEN + 1];
    char prev[2 * FR_SHA256_LEN + 1];
    struct store_lab *l = *state;
    struct fr_err err = {0};
    struct trail t;

    assert_ok(fr_store_audit_root(STORE_NODE, prev, &err));
    audit(l, "a", "x");
    audit(l, "b", "y");
    store_lab_reopen(l);
    audit(l, "c", "z");
    walk(l, 0, 8, &t);
    assert_int_equal(t.n, 3);
    for (size_t i = 0; i < t.n; i++) {
        assert_true(t.line[i].seq == i + 1);
        assert_string_equal(t.line[i].prev, prev);
        assert_ok(fr_store_audit_hash(&t.line[i], prev, hash, &err));
        assert_string_equal(t.line[i].hash, hash);
        memcpy(prev, hash, sizeof prev);
    }
    assert_string_equal(t.line[2].text, "words");
}

static void trail_is_walked_in_pages(void **state)
{
    struct store_lab *l = *state;
    struct trail t;

    audit(l, "a", "x");
    audit(l, "b", "y");
    audit(l, "c", "z");
    walk(l, 1, 1, &t);
    assert_int_equal(t.n, 1);
    assert_string_equal(t.line[0].actor, "b");
    walk(l, 3, 8, &t);
    assert_int_equal(t.n, 0);
}

static void last_lines_are_found_by_actor_or_subject(void **state)
{
    const struct fr_store_audit_query all = {.limit = 2};
    const struct fr_store_audit_query of = {
        .who = {"dev1", "z"}, .n_who = 2, .limit = 8};
    struct store_lab *l = *state;
    struct trail t = {.n = 0};
    const struct fr_store_audit_rows rows = {.row = audit_row, .ctx = &t};

    audit(l, "dev1", "x");
    audit(l, "b", "dev1");
    audit(l, "c", "y");
    audit(l, "d", "z");
    DO(l, audit_last, &all, rows);
    assert_int_equal(t.n, 2);
    assert_string_equal(t.line[0].actor, "c"); /* the oldest of them first */
    t.n = 0;
    DO(l, audit_last, &of, rows);
    assert_int_equal(t.n, 3);
    assert_string_equal(t.line[0].actor, "dev1");
    assert_string_equal(t.line[2].actor, "d");
}

/* ---- attempts ---- */

static void attempt(struct store_lab *l, const char *identity, const char *json)
{
    const struct fr_store_attempt a = {.at = 7, .json = fr_slice_str(json)};

    DO(l, attempt_add, identity, &a, (size_t)3);
}

static enum fr_code attempt_row(void *ctx, const struct fr_store_attempt *a,
                                struct fr_err *err)
{
    (void)err;
    fr_buf_put(ctx, a->json.data, a->json.len);
    return FR_OK;
}

static void only_the_last_attempts_of_each_enrolee_are_kept(void **state)
{
    FR_AUTO_CLEAR(buf) all = FR_BUF_INIT(64);
    FR_AUTO_CLEAR(buf) two = FR_BUF_INIT(64);
    struct store_lab *l = *state;

    attempt(l, "other", "x");
    for (const char *s = "12345"; *s; s++)
        attempt(l, "dev1", (const char[]){*s, 0});
    DO(l, attempt_last, "dev1", (size_t)10,
       ((struct fr_store_attempt_rows){.row = attempt_row, .ctx = &all}));
    assert_string_equal(fr_buf_cstr(&all), "345");
    DO(l, attempt_last, "dev1", (size_t)2,
       ((struct fr_store_attempt_rows){.row = attempt_row, .ctx = &two}));
    assert_string_equal(fr_buf_cstr(&two), "45");
    fr_buf_reset(&all);
    DO(l, attempt_last, "other", (size_t)10,
       ((struct fr_store_attempt_rows){.row = attempt_row, .ctx = &all}));
    assert_string_equal(fr_buf_cstr(&all), "x");
}

/* ---- documents ---- */

static void set_document(struct store_lab *l, const char *name, const char *body)
{
    struct fr_store_document d = {.body = fr_slice_str(body), .updated = 3};

    snprintf(d.name, sizeof d.name, "%s", name);
    DO(l, document_set, &d);
}

static void assert_document_for(struct store_lab *l, const char *enrolee,
                                const char *want)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(64);

    DO(l, document_for, enrolee, &body);
    assert_string_equal(fr_buf_cstr(&body), want);
}

static void own_document_comes_before_that_of_all(void **state)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(64);
    struct store_lab *l = *state;

    store_populate(l);
    assert_int_equal(ASK(l, document_for, "dev1", &body), FR_ENOTFOUND);
    set_document(l, "all", "for all");
    set_document(l, "own", "for dev1");
    DO(l, document_assign, "all", "*");
    assert_document_for(l, "dev1", "for all");
    DO(l, document_assign, "own", "dev1");
    assert_document_for(l, "dev1", "for dev1");
    assert_document_for(l, "dev2", "for all");
}

static void removed_document_is_assigned_to_nobody(void **state)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(64);
    struct store_lab *l = *state;

    set_document(l, "all", "for all");
    DO(l, document_assign, "all", "*");
    DO(l, document_remove, "all");
    assert_int_equal(ASK(l, document_for, "dev1", &body), FR_ENOTFOUND);
    assert_int_equal(ASK(l, document_remove, "all"), FR_ENOTFOUND);
    assert_int_equal(ASK(l, document_assign, "all", "*"), FR_ENOTFOUND);
}

static void document_is_replaced_under_its_name(void **state)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(64);
    struct store_lab *l = *state;

    set_document(l, "all", "old");
    DO(l, document_assign, "all", "*");
    set_document(l, "all", "new");
    assert_document_for(l, "dev1", "new");
    DO(l, document_find, "all", &body);
    assert_string_equal(fr_buf_cstr(&body), "new");
}

static void removed_enrolee_loses_its_assignment(void **state)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(64);
    struct store_lab *l = *state;

    store_populate(l);
    set_document(l, "own", "for dev1");
    DO(l, document_assign, "own", "dev1");
    DO(l, enrolee_remove, "dev1");
    assert_int_equal(ASK(l, document_for, "dev1", &body), FR_ENOTFOUND);
}

static void counts_are_of_everything(void **state)
{
    struct fr_store_credential c = store_credential("1@mef.example.com");
    struct fr_store_displaced d;
    struct store_lab *l = *state;
    struct fr_store_counts n;

    store_populate(l);
    DO(l, credential_commit, &c, fr_slice_str("{}"), &d);
    set_document(l, "all", "x");
    audit(l, "a", "x");
    audit(l, "a", "x");
    DO(l, counts, &n);
    assert_true(n.enrolees == 1 && n.targets == 1 && n.credentials == 1);
    assert_true(n.documents == 1 && n.audit_lines == 2 && n.feed_seq == 1);
}

const struct CMUnitTest store_records[] = {
    STORE(lines_are_chained_from_the_root),
    STORE(trail_is_walked_in_pages),
    STORE(last_lines_are_found_by_actor_or_subject),
    STORE(only_the_last_attempts_of_each_enrolee_are_kept),
    STORE(own_document_comes_before_that_of_all),
    STORE(removed_document_is_assigned_to_nobody),
    STORE(document_is_replaced_under_its_name),
    STORE(removed_enrolee_loses_its_assignment),
    STORE(counts_are_of_everything),
    {0},
};
