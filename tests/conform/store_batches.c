/* SPDX-License-Identifier: Apache-2.0 */
/* Batches: all or nothing, and one request's failure is its own. */
#include "conform/store.h"

static bool has_enrolee(struct store_lab *l, const char *name)
{
    struct fr_store_enrolee e;
    enum fr_code rc = ASK(l, enrolee_find, name, &e);

    assert_true(rc == FR_OK || rc == FR_ENOTFOUND);
    return rc == FR_OK;
}

static void add_enrolee(struct store_lab *l, const char *name)
{
    char san[64];
    struct fr_store_enrolee e;

    snprintf(san, sizeof san, "dns:%s", name);
    e = store_enrolee(name, san);
    DO(l, enrolee_add, &e);
}

static void committed_batch_is_there_after_a_restart(void **state)
{
    struct store_lab *l = *state;

    DO_PLAIN(l, begin);
    add_enrolee(l, "a");
    add_enrolee(l, "b");
    DO_PLAIN(l, commit);
    store_lab_reopen(l);
    assert_true(has_enrolee(l, "a"));
    assert_true(has_enrolee(l, "b"));
}

static void uncommitted_batch_is_not(void **state)
{
    struct store_lab *l = *state;

    DO_PLAIN(l, begin);
    add_enrolee(l, "a");
    store_lab_reopen(l);
    assert_false(has_enrolee(l, "a"));
}

static void rolled_back_batch_is_not(void **state)
{
    struct store_lab *l = *state;

    DO_PLAIN(l, begin);
    add_enrolee(l, "a");
    DO_PLAIN(l, rollback);
    assert_false(has_enrolee(l, "a"));
}

/* FR_EBUSY: the store wants the batch once more. */
static enum fr_code batch_with_an_undo(struct store_lab *l)
{
    enum fr_code rc;

    DO_PLAIN(l, begin);
    DO_PLAIN(l, mark);
    add_enrolee(l, "a");
    DO_PLAIN(l, keep);
    DO_PLAIN(l, mark);
    add_enrolee(l, "b");
    rc = ASK_PLAIN(l, undo);
    if (rc != FR_OK) {
        DO_PLAIN(l, rollback);
        return rc;
    }
    DO_PLAIN(l, mark);
    add_enrolee(l, "c");
    DO_PLAIN(l, keep);
    DO_PLAIN(l, commit);
    return FR_OK;
}

static void undone_request_leaves_the_others(void **state)
{
    struct store_lab *l = *state;
    enum fr_code rc = batch_with_an_undo(l);

    if (rc == FR_EBUSY) {
        assert_string_equal(l->err.reason, "batch-retry");
        assert_false(has_enrolee(l, "a"));
        rc = batch_with_an_undo(l);
    }
    assert_int_equal(rc, FR_OK);
    assert_true(has_enrolee(l, "a"));
    assert_false(has_enrolee(l, "b"));
    assert_true(has_enrolee(l, "c"));
}

/* A store may find out as late as by the commit, and want the batch once more. */
static enum fr_code batch_with_a_conflict(struct store_lab *l)
{
    struct fr_store_enrolee again = store_enrolee("a", "dns:other");
    enum fr_code rc;

    DO_PLAIN(l, begin);
    DO_PLAIN(l, mark);
    add_enrolee(l, "a");
    DO_PLAIN(l, keep);
    DO_PLAIN(l, mark);
    rc = ASK(l, enrolee_add, &again);
    assert_true(rc == FR_ECONFLICT || rc == FR_OK);
    if (rc == FR_OK)
        DO_PLAIN(l, keep);
    else if (ASK_PLAIN(l, undo) != FR_OK) {
        DO_PLAIN(l, rollback);
        return l->err.code;
    }
    DO_PLAIN(l, mark);
    add_enrolee(l, "b");
    DO_PLAIN(l, keep);
    return ASK_PLAIN(l, commit);
}

static void failed_operation_does_not_poison_the_batch(void **state)
{
    struct store_lab *l = *state;
    enum fr_code rc = batch_with_a_conflict(l);

    if (rc == FR_EBUSY) {
        assert_false(has_enrolee(l, "a"));
        rc = batch_with_a_conflict(l);
    }
    assert_int_equal(rc, FR_OK);
    assert_true(has_enrolee(l, "a"));
    assert_true(has_enrolee(l, "b"));
}

static bool say_no(void *ctx)
{
    return --*(int *)ctx < 0;
}

/* As when the disk is full: the rest of the batch must not be kept by itself. */
static void batch_that_is_lost_takes_no_more(void **state)
{
    struct store_lab *l = *state;
    struct fr_store_enrolee found;

    DO_PLAIN(l, begin);
    DO_PLAIN(l, mark);
    add_enrolee(l, "a");
    DO_PLAIN(l, keep);
    DO_PLAIN(l, rollback);
    assert_int_equal(ASK_PLAIN(l, mark), FR_ESTORE);
    assert_string_equal(l->err.reason, "batch-lost");
    assert_int_equal(ASK_PLAIN(l, commit), FR_ESTORE);
    assert_int_equal(ASK(l, enrolee_find, "a", &found), FR_ENOTFOUND);
}

static void failed_commit_undoes_all_and_the_next_batch_works(void **state)
{
    struct store_lab *l = *state;
    int refusals = 1;

    l->s->on_commit = say_no;
    l->s->on_commit_ctx = &refusals;
    DO_PLAIN(l, begin);
    add_enrolee(l, "a");
    assert_int_equal(ASK_PLAIN(l, commit), FR_ESTORE);
    assert_false(has_enrolee(l, "a"));
    DO_PLAIN(l, begin);
    add_enrolee(l, "b");
    DO_PLAIN(l, commit);
    assert_true(has_enrolee(l, "b"));
}

static void facts_are_kept_and_replaced(void **state)
{
    FR_AUTO_CLEAR(buf) value = FR_BUF_INIT(64);
    struct store_lab *l = *state;

    assert_int_equal(ASK(l, meta_get, "kek", &value), FR_ENOTFOUND);
    DO(l, meta_set, "kek", "one");
    DO(l, meta_set, "kek", "two");
    store_lab_reopen(l);
    DO(l, meta_get, "kek", &value);
    assert_string_equal(fr_buf_cstr(&value), "two");
}

const struct CMUnitTest store_batches[] = {
    STORE(committed_batch_is_there_after_a_restart),
    STORE(uncommitted_batch_is_not),
    STORE(rolled_back_batch_is_not),
    STORE(undone_request_leaves_the_others),
    STORE(failed_operation_does_not_poison_the_batch),
    STORE(batch_that_is_lost_takes_no_more),
    STORE(failed_commit_undoes_all_and_the_next_batch_works),
    STORE(facts_are_kept_and_replaced),
    {0},
};
