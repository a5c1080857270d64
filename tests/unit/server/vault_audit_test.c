/* SPDX-License-Identifier: Apache-2.0 */
/* What the audit trail is good for: a chain that shows what was done to it, and the
 * story of a device. */
#include "vault_lab.h"

/* ---- the audit trail ---- */

static void audit_is_filtered_by_subject(void **state)
{
    struct lab *l = *state;
    json_auto_t *lines = NULL;

    lab_populate(l);
    lines = lab_admin(l, "{'op':'audit','subject':'dev1'}");
    assert_int_equal(json_array_size(lines), 2); /* add, allow */
}

static void intact_chain_is_said_to_be(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_contains(lab_say(l, "{'op':'audit','verify':true}"), "\"intact\":true");
}

static void assert_found_broken(struct lab *l, const char *sql, const char *at)
{
    lab_populate(l);
    lab_sql(l, sql);
    assert_call_fails_as(l, "{'op':'audit','verify':true}", FR_ESTORE, "audit-broken");
    assert_contains(l->err.msg, at);
}

static void changed_line_breaks_the_chain(void **state)
{
    assert_found_broken(*state, "UPDATE audit SET text = 'nothing' WHERE seq = 2",
                        "line 2");
}

static void removed_line_breaks_the_chain(void **state)
{
    assert_found_broken(*state, "DELETE FROM audit WHERE seq = 2", "line 3");
}

static void exchanged_lines_break_the_chain(void **state)
{
    assert_found_broken(*state,
                        "UPDATE audit SET seq = 99 WHERE seq = 2;"
                        "UPDATE audit SET seq = 2 WHERE seq = 3;"
                        "UPDATE audit SET seq = 3 WHERE seq = 99",
                        "line 2");
}

static void forged_first_line_breaks_the_chain(void **state)
{
    assert_found_broken(*state, "UPDATE audit SET prev = hash WHERE seq = 1", "line 1");
}

static void cut_off_end_is_noticed(void **state)
{
    assert_found_broken(*state,
                        "DELETE FROM audit WHERE seq = (SELECT MAX(seq) FROM audit)",
                        "does not end");
}

static void end_that_was_cut_off_with_its_seal_is_noticed(void **state)
{
    assert_found_broken(*state,
                        "DELETE FROM audit WHERE seq > 2;"
                        "UPDATE node SET seq = 2, hash = (SELECT hash FROM audit"
                        " WHERE seq = 2)",
                        "does not end");
}

/* The chain has no key: whoever knows how can add a line to it, but not seal it. */
static void line_that_the_vault_did_not_write_is_noticed(void **state)
{
    struct fr_store_audit line = {.at = 7,
                                  .actor = "operator",
                                  .action = "enrolee.add",
                                  .decision = "allowed",
                                  .reason = "changed"};
    char last[2 * FR_SHA256_LEN + 1], sql[1024];
    struct fr_err err = {0};
    struct lab *l = *state;
    const char *trail, *hash;

    lab_populate(l);
    trail = lab_say(l, "{'op':'audit','limit':1}");
    hash = strstr(trail, "\"hash\":\"");
    assert_non_null(hash);
    snprintf(last, sizeof last, "%s", hash + strlen("\"hash\":\""));
    line.seq = strtoull(strstr(trail, "\"seq\":") + strlen("\"seq\":"), NULL, 10) + 1;
    assert_ok(fr_store_audit_hash(&line, last, line.hash, &err));
    snprintf(sql, sizeof sql,
             "INSERT INTO audit VALUES ('node', %llu, 7, 'operator', 'enrolee.add', '',"
             " 'allowed', 'changed', '', '%s', '%s')",
             (unsigned long long)line.seq, last, line.hash);
    lab_sql(l, sql);
    assert_call_fails_as(l, "{'op':'audit','verify':true}", FR_ESTORE, "audit-broken");
    assert_contains(l->err.msg, "does not end");
}

/* ---- explain ---- */

static void assert_verdict(struct lab *l, const char *subject, const char *words)
{
    char call[256];
    json_auto_t *told = NULL;

    snprintf(call, sizeof call, "{'op':'explain','subject':'%s'}", subject);
    told = lab_admin(l, call);
    assert_non_null(told);
    assert_contains(json_string_value(json_object_get(told, "verdict")), words);
}

static void explain_follows_a_device_through_its_life(void **state)
{
    struct fr_peer peer = lab_device();
    struct lab *l = *state;

    assert_verdict(l, "dev1", "would be refused now: enrolee-not-listed");
    lab_populate(l);
    assert_verdict(l, "dev1", "would be accepted now for target " BROKER);
    lab_enrol(l, KEY_ID(1));
    assert_verdict(l, "dev1", "has a valid credential for " BROKER);
    assert_verdict(l, "dev1", "has not acknowledged it");
    assert_int_equal(lab_ack(l, &peer, KEY_ID(1)), FR_OK);
    assert_verdict(l, "dns:dev1.example.com", "has not fetched it");
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(1), 22), FR_OK);
    assert_verdict(l, KEY_ID(1), "has a valid credential");
    lab_do(l, "{'op':'credential.revoke','keyId':'" KEY_ID(1) "'}");
    assert_verdict(l, KEY_ID(1), "would be refused now: unknown-key");
    assert_verdict(l, "dev1.example.com", "has no valid credential");
}

static void explain_says_why_it_was_refused_last(void **state)
{
    struct fr_peer peer = lab_device();
    struct lab *l = *state;

    lab_populate(l);
    assert_int_equal(lab_authorise(l, &peer, OTHER, NULL), FR_EREFUSED);
    assert_contains(lab_say(l, "{'op':'explain','subject':'dev1'}"),
                    "last refused at 2027-01-15T08:00:00Z: target-not-allowed");
}

static void explain_knows_a_device_that_only_its_anchor_lists(void **state)
{
    struct lab *l = *state;
    struct lab_commit c;

    lab_populate(l);
    lab_do(l, "{'op':'enrolee.add','name':'fleet','anchor':'" ANCHOR "'}");
    c = lab_commit_of(l, KEY_ID(1));
    c.peer = lab_peer(ANCHOR, "dns:dev7.example.com");
    c.target = MEF;
    assert_int_equal(lab_commit(l, &c), FR_OK);
    assert_verdict(l, "dns:dev7.example.com", "has a valid credential for " MEF);
    assert_contains(lab_say(l, "{'op':'explain','subject':'dns:dev7.example.com'}"),
                    "with every device of its anchor");
}

static void status_counts_and_names_the_key(void **state)
{
    struct lab *l = *state;
    const char *said;

    lab_populate(l);
    said = lab_say(l, "{'op':'status'}");
    assert_contains(said, "\"mef\":\"" MEF "\"");
    assert_contains(said, "\"targets\":2");
    assert_contains(said, "\"confirmation\":\"optional\"");
}

int main(void)
{
#define LAB(test) cmocka_unit_test_setup_teardown(test, lab_setup, lab_teardown)
    const struct CMUnitTest tests[] = {
        LAB(audit_is_filtered_by_subject),
        LAB(intact_chain_is_said_to_be),
        LAB(changed_line_breaks_the_chain),
        LAB(removed_line_breaks_the_chain),
        LAB(exchanged_lines_break_the_chain),
        LAB(forged_first_line_breaks_the_chain),
        LAB(cut_off_end_is_noticed),
        LAB(end_that_was_cut_off_with_its_seal_is_noticed),
        LAB(line_that_the_vault_did_not_write_is_noticed),
        LAB(explain_follows_a_device_through_its_life),
        LAB(explain_says_why_it_was_refused_last),
        LAB(explain_knows_a_device_that_only_its_anchor_lists),
        LAB(status_counts_and_names_the_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
