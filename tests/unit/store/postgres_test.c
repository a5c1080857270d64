/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is PostgreSQL's own: several nodes on one database, a connection that is lost, a
 * schema that goes up and down. What any store does is in tests/conform/store_*.c.
 */
#include "test.h"

#include <libpq-fe.h>
#include <stdlib.h>

#include "conform/cluster.h"
#include "conform/store.h"

#define KEY(n) #n "@mef.example.com"

static struct cluster cluster;
static char where[512]; /* of the test's own schema */
static int n_schemas;

static void sql(const char *text)
{
    PGconn *conn = PQconnectdb(where);
    PGresult *result = PQexec(conn, text);

    if (PQresultStatus(result) != PGRES_COMMAND_OK &&
        PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", text, PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
}

static long number(const char *text)
{
    PGconn *conn = PQconnectdb(where);
    PGresult *result = PQexec(conn, text);
    long n;

    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", text, PQerrorMessage(conn));
    n = atol(PQgetvalue(result, 0, 0));
    PQclear(result);
    PQfinish(conn);
    return n;
}

/* Two nodes on one database; the suite's helpers ask either. */
struct two {
    struct store_lab a, b;
};

static void enter(struct store_lab *l, const char *name)
{
    struct fr_store_node node = {.instance = "i", .seen = 7};
    struct fr_err err = {0};

    snprintf(node.name, sizeof node.name, "%s", name);
    assert_ok(fr_store_postgres_open(where, &l->s, &err));
    DO(l, node_enter, &node);
}

static int setup(void **state)
{
    struct two *t = calloc(1, sizeof *t);
    char text[64], more[64];

    assert_non_null(t);
    *state = t;
    if (cluster.missing)
        return 0;
    cluster_conninfo(&cluster, "", where);
    snprintf(text, sizeof text, "CREATE SCHEMA t%d", ++n_schemas);
    sql(text);
    snprintf(more, sizeof more, "options=-csearch_path=t%d", n_schemas);
    cluster_conninfo(&cluster, more, where);
    enter(&t->a, "a");
    enter(&t->b, "b");
    store_populate(&t->a);
    return 0;
}

static int teardown(void **state)
{
    struct two *t = *state;

    fr_store_free(t->a.s);
    fr_store_free(t->b.s);
    free(t);
    return 0;
}

static struct two *nodes(void **state)
{
    if (cluster.missing)
        skip();
    return *state;
}

static enum fr_code commit_key(struct store_lab *l, const char *key_id,
                               struct fr_store_displaced *d)
{
    struct fr_store_credential c = store_credential(key_id);

    return ASK(l, credential_commit, &c, fr_slice_str("{}"), d);
}

static void commit_alone(struct store_lab *l, const char *key_id)
{
    struct fr_store_displaced d;

    DO_PLAIN(l, begin);
    assert_int_equal(commit_key(l, key_id, &d), FR_OK);
    DO_PLAIN(l, commit);
}

static void assert_retry(struct store_lab *l, enum fr_code rc)
{
    assert_int_equal(rc, FR_EBUSY);
    assert_string_equal(l->err.reason, "batch-retry");
}

/* ---- who comes between ---- */

static void two_nodes_that_fill_one_place_follow_each_other(void **state)
{
    struct two *t = nodes(state);
    struct fr_store_displaced d;
    struct fr_store_credential c;

    DO_PLAIN(&t->a, begin);
    assert_int_equal(commit_key(&t->a, KEY(1), &d), FR_OK); /* it found nobody there */
    commit_alone(&t->b, KEY(2));
    assert_retry(&t->a, ASK_PLAIN(&t->a, commit));
    DO_PLAIN(&t->a, begin);
    assert_int_equal(commit_key(&t->a, KEY(1), &d), FR_OK);
    DO_PLAIN(&t->a, commit);
    assert_string_equal(d.previous, KEY(2));
    DO(&t->b, credential_find, KEY(2), &c);
    assert_int_equal(c.slot, FR_SLOT_PREVIOUS);
}

/* The ack of one node and the commit of another: what was acknowledged must stay. */
static void ack_that_comes_between_saves_its_key(void **state)
{
    struct two *t = nodes(state);
    struct fr_store_displaced d;
    struct fr_store_credential c;
    bool first;

    commit_alone(&t->a, KEY(1));
    DO(&t->a, credential_ack, KEY(1), (int64_t)1100, (int64_t)5000, &first);
    commit_alone(&t->a, KEY(2));
    DO_PLAIN(&t->a, begin);
    assert_int_equal(commit_key(&t->a, KEY(3), &d), FR_OK);
    DO(&t->b, credential_ack, KEY(2), (int64_t)1200, (int64_t)5000, &first);
    assert_true(first);
    assert_retry(&t->a, ASK_PLAIN(&t->a, commit));
    DO_PLAIN(&t->a, begin);
    assert_int_equal(commit_key(&t->a, KEY(3), &d), FR_OK);
    DO_PLAIN(&t->a, commit);
    assert_string_equal(d.previous, KEY(2));
    DO(&t->a, credential_find, KEY(2), &c);
}

static void right_that_is_taken_away_holds_before_the_next_commit(void **state)
{
    struct two *t = nodes(state);
    struct fr_store_displaced d;

    DO_PLAIN(&t->a, begin);
    assert_int_equal(commit_key(&t->a, KEY(1), &d), FR_OK);
    DO(&t->b, deny, "dev1", "broker.example.com");
    assert_retry(&t->a, ASK_PLAIN(&t->a, commit));
}

static void refusal_that_is_a_promise_holds_before_the_next_commit(void **state)
{
    struct two *t = nodes(state);
    struct fr_store_displaced d;

    DO_PLAIN(&t->a, begin);
    assert_int_equal(commit_key(&t->a, KEY(1), &d), FR_OK);
    DO_PLAIN(&t->b, policy_changed);
    assert_retry(&t->a, ASK_PLAIN(&t->a, commit));
    commit_alone(&t->a, KEY(3));
    DO_PLAIN(&t->a, begin);
    DO_PLAIN(&t->a, policy_changed);
    commit_alone(&t->b, KEY(2));
    assert_retry(&t->a, ASK_PLAIN(&t->a, commit));
}

/* As the vault's loop does it: what requests ask is read before any of them writes. */
static void key_is_not_denied_and_committed_by_one_batch(void **state)
{
    struct fr_store_audit denied = {
        .at = 1, .action = "lookup", .subject = KEY(1), .decision = "refused"};
    struct two *t = nodes(state);
    struct fr_store_displaced d;

    DO_PLAIN(&t->a, begin);
    t->a.s->methods->gather(t->a.s, true);
    assert_int_equal(commit_key(&t->a, KEY(1), &d), FR_EBUSY);
    t->a.s->methods->gather(t->a.s, false);
    assert_int_equal(t->a.s->methods->wait(t->a.s, &t->a.err), FR_OK);
    DO(&t->a, audit_add, &denied);
    DO_PLAIN(&t->a, policy_changed);
    DO_PLAIN(&t->a, mark);
    assert_int_equal(commit_key(&t->a, KEY(1), &d), FR_OK);
    assert_retry(&t->a, ASK_PLAIN(&t->a, commit));
    DO_PLAIN(&t->a, begin);
    DO(&t->a, audit_add, &denied);
    DO_PLAIN(&t->a, policy_changed);
    DO_PLAIN(&t->a, mark);
    assert_int_equal(commit_key(&t->a, KEY(1), &d), FR_ECONFLICT);
    assert_int_equal(commit_key(&t->a, KEY(2), &d), FR_OK); /* alone, it may do both */
    DO_PLAIN(&t->a, keep);
    DO_PLAIN(&t->a, commit);
    assert_int_equal(number("SELECT COUNT(*) FROM credential"), 1);
}

static void line_under_a_name_that_another_took_is_refused(void **state)
{
    const struct fr_store_node taken = {.name = "a", .instance = "other", .seen = 9};
    struct two *t = nodes(state);

    DO(&t->b, node_enter, &taken);
    assert_int_equal(ASK_PLAIN(&t->a, begin), FR_ESTORE);
    assert_string_equal(t->a.err.reason, "node-taken");
    assert_int_equal(ASK(&t->a, node_seen, (int64_t)10), FR_ENOTFOUND);
}

/* ---- in few flights ---- */

static void answers_are_gathered_and_then_at_hand(void **state)
{
    struct two *t = nodes(state);
    struct fr_store_enrolee e;
    struct fr_store_target found;

    DO_PLAIN(&t->a, begin);
    t->a.s->methods->gather(t->a.s, true);
    assert_int_equal(ASK(&t->a, enrolee_find, "dev1", &e), FR_EBUSY);
    assert_string_equal(t->a.err.reason, "not-yet");
    assert_int_equal(ASK(&t->a, target_find, "broker.example.com", &found), FR_EBUSY);
    assert_int_equal(t->a.s->methods->wait(t->a.s, &t->a.err), FR_OK);
    DO(&t->a, enrolee_find, "dev1", &e);
    DO(&t->a, target_find, "broker.example.com", &found);
    assert_string_equal(e.san, "dns:dev1.example.com");
    t->a.s->methods->gather(t->a.s, false);
    assert_int_equal(t->a.s->methods->wait(t->a.s, &t->a.err), FR_EINTERNAL);
    DO_PLAIN(&t->a, rollback);
}

static void request_sees_what_it_wrote_itself(void **state)
{
    struct fr_store_enrolee e = store_enrolee("dev9", "dns:dev9"), found;
    struct two *t = nodes(state);

    DO_PLAIN(&t->a, begin);
    DO_PLAIN(&t->a, mark);
    DO(&t->a, enrolee_add, &e);
    DO(&t->a, enrolee_find, "dev9", &found);
    assert_retry(&t->a, ASK_PLAIN(&t->a, undo)); /* it was sent: alone, it can be */
    DO_PLAIN(&t->a, rollback);
    DO_PLAIN(&t->a, begin);
    DO_PLAIN(&t->a, mark);
    DO(&t->a, enrolee_add, &e);
    DO(&t->a, enrolee_find, "dev9", &found);
    DO_PLAIN(&t->a, undo);
    DO_PLAIN(&t->a, commit);
    assert_int_equal(ASK(&t->a, enrolee_find, "dev9", &found), FR_ENOTFOUND);
}

/* ---- what is lost ---- */

static void batch_that_could_not_begin_spoils_no_other(void **state)
{
    struct two *t = nodes(state);
    struct fr_store_displaced d;

    DO_PLAIN(&t->a, begin);
    assert_int_equal(commit_key(&t->a, KEY(1), &d), FR_OK);
    DO_PLAIN(&t->b, policy_changed);
    assert_retry(&t->a, ASK_PLAIN(&t->a, commit)); /* the next is done alone */
    sql("ALTER TABLE progress RENAME TO elsewhere");
    assert_int_equal(ASK_PLAIN(&t->a, begin), FR_ESTORE);
    sql("ALTER TABLE elsewhere RENAME TO progress");
    commit_alone(&t->a, KEY(1));
}

static void lost_connection_fails_its_batch_and_no_other(void **state)
{
    struct two *t = nodes(state);
    struct fr_store_displaced d;
    struct fr_store_credential c;

    DO_PLAIN(&t->a, begin);
    assert_int_equal(commit_key(&t->a, KEY(1), &d), FR_OK);
    sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'fieldrootd'");
    assert_int_equal(ASK_PLAIN(&t->a, commit), FR_ESTORE);
    assert_int_equal(ASK_PLAIN(&t->a, mark), FR_ESTORE);
    assert_string_equal(t->a.err.reason, "batch-lost");
    while (ASK_PLAIN(&t->a, begin) != FR_OK) /* at most one attempt a second */
        assert_string_equal(t->a.err.reason, "database-unreachable");
    assert_int_equal(ASK(&t->a, credential_find, KEY(1), &c), FR_ENOTFOUND);
    assert_int_equal(commit_key(&t->a, KEY(1), &d), FR_OK);
    DO_PLAIN(&t->a, commit);
    DO(&t->a, credential_find, KEY(1), &c);
}

/* ---- the schema ---- */

static void newer_schema_is_refused_and_left_alone(void **state)
{
    struct fr_store *s = NULL;
    struct fr_err err = {0};

    (void)nodes(state);
    sql("INSERT INTO schema_version VALUES (99)");
    assert_fails_as(fr_store_postgres_open(where, &s, &err), FR_ESTORE, "schema-newer");
    assert_int_equal(number("SELECT MAX(version) FROM schema_version"), 99);
}

static void schema_goes_down_and_up_again(void **state)
{
    struct two *t = nodes(state);
    struct fr_store_audit line = {.at = 5, .actor = "a", .action = "x"};
    struct fr_store_enrolee meter = store_subscriber("meter", "001010000000001");
    struct fr_err err = {0};

    commit_alone(&t->a, KEY(1));
    DO(&t->a, enrolee_add, &meter);
    store_audit(&t->a, &line);
    store_audit(&t->b, &line);
    assert_ok(fr_store_postgres_migrate(where, 1, &err));
    assert_int_equal(number("SELECT MAX(version) FROM schema_version"), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM audit"), 2);
    assert_int_equal(number("SELECT MAX(seq) FROM feed"), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM credential"), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM enrolee"), 1);
    assert_ok(fr_store_postgres_migrate(where, 2, &err));
    assert_int_equal(number("SELECT feed FROM progress"), 1);
    assert_int_equal(number("SELECT seq FROM node WHERE name = ''"), 2);
    assert_fails(fr_store_postgres_migrate(where, 5, &err), FR_EUSAGE);
}

static void password_in_the_config_is_refused(void **state)
{
    static const char *const bad[] = {"host=h password=s3cret",
                                      "postgresql://u:s3cret@h/d",
                                      "dbname=d sslpassword=x"};
    struct fr_err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_fails_as(fr_store_postgres_check(bad[i], &err), FR_ECONFIG,
                        "password-in-config");
        assert_null(strstr(err.msg, "s3cret"));
    }
    assert_fails(fr_store_postgres_check("host=h s3cret", &err), FR_ECONFIG);
    assert_null(strstr(err.msg, "s3cret"));
    assert_ok(fr_store_postgres_check("service=fieldroot passfile=/x", &err));
}

static int start(void **state)
{
    (void)state;
    if (!cluster_start(&cluster, NULL))
        print_message("# skipped: %s\n", cluster.missing);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    cluster_stop(&cluster);
    return 0;
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(two_nodes_that_fill_one_place_follow_each_other),
        T(ack_that_comes_between_saves_its_key),
        T(right_that_is_taken_away_holds_before_the_next_commit),
        T(refusal_that_is_a_promise_holds_before_the_next_commit),
        T(key_is_not_denied_and_committed_by_one_batch),
        T(line_under_a_name_that_another_took_is_refused),
        T(answers_are_gathered_and_then_at_hand),
        T(request_sees_what_it_wrote_itself),
        T(batch_that_could_not_begin_spoils_no_other),
        T(lost_connection_fails_its_batch_and_no_other),
        T(newer_schema_is_refused_and_left_alone),
        T(schema_goes_down_and_up_again),
        cmocka_unit_test(password_in_the_config_is_refused),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
