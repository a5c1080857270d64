/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's calls. */
#include "vault_lab.h"

static void enrolees_are_listed_with_their_targets(void **state)
{
    struct lab *l = *state;
    json_auto_t *list = NULL;
    const json_t *dev1;

    lab_populate(l);
    lab_do(l, "{'op':'enrolee.add','name':'fleet','anchor':'" ANCHOR_2 "'}");
    list = lab_admin(l, "{'op':'enrolee.list'}");
    assert_int_equal(json_array_size(list), 2);
    dev1 = json_array_get(list, 0);
    assert_string_equal(json_string_value(json_object_get(dev1, "name")), "dev1");
    assert_string_equal(json_string_value(json_object_get(dev1, "san")),
                        "dns:dev1.example.com");
    assert_int_equal(json_array_size(json_object_get(dev1, "targets")), 1);
    assert_null(json_object_get(json_array_get(list, 1), "san"));
}

static void lists_go_on_behind_a_name(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    assert_string_equal(lab_say(l, "{'op':'target.list','after':'" OTHER "'}"), "[]");
    assert_null(strstr(lab_say(l, "{'op':'target.list','limit':1}"), OTHER));
    assert_call_fails(l, "{'op':'target.list','limit':0}", FR_EUSAGE);
    assert_call_fails(l, "{'op':'target.list','limit':'all'}", FR_EUSAGE);
}

static void enrolee_must_be_well_formed(void **state)
{
    static const char *const bad[] = {
        "{'op':'enrolee.add'}",
        "{'op':'enrolee.add','name':'x'}",
        "{'op':'enrolee.add','name':'','anchor':'" ANCHOR "'}",
        "{'op':'enrolee.add','name':'*','anchor':'" ANCHOR "'}",
        "{'op':'enrolee.add','name':'x\\u0007','anchor':'" ANCHOR "'}",
        "{'op':'enrolee.add','name':7,'anchor':'" ANCHOR "'}",
        "{'op':'enrolee.add','name':'x','anchor':'abcd'}",
        "{'op':'enrolee.add','name':'x','anchor':'" ANCHOR "','san':'dev1'}",
        "{'op':'enrolee.add','name':'x','anchor':'" ANCHOR "','san':'dns:*.x.example'}",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_call_fails(*state, bad[i], FR_EUSAGE);
}

static void enrolee_is_listed_once(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    assert_call_fails_as(l,
                         "{'op':'enrolee.add','name':'dev1','anchor':'" ANCHOR_2 "'}",
                         FR_ECONFLICT, "enrolee-exists");
    assert_call_fails_as(l,
                         "{'op':'enrolee.add','name':'again','anchor':'" ANCHOR
                         "','san':'dns:dev1.example.com'}",
                         FR_ECONFLICT, "enrolee-exists");
    lab_do(l, "{'op':'enrolee.add','name':'fleet','anchor':'" ANCHOR "'}");
    assert_call_fails_as(l, "{'op':'enrolee.add','name':'all','anchor':'" ANCHOR "'}",
                         FR_ECONFLICT, "enrolee-exists");
}

static void allowing_needs_both_to_exist(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    assert_call_fails_as(l,
                         "{'op':'enrolee.allow','name':'dev1','target':'no.example'}",
                         FR_ENOTFOUND, "target-not-registered");
    assert_call_fails(l, "{'op':'enrolee.allow','name':'dev9','target':'" BROKER "'}",
                      FR_ENOTFOUND);
    assert_call_fails(l, "{'op':'enrolee.deny','name':'dev1','target':'" OTHER "'}",
                      FR_ENOTFOUND);
    assert_call_fails(l, "{'op':'enrolee.show','name':'dev9'}", FR_ENOTFOUND);
    assert_call_fails(l, "{'op':'enrolee.remove','name':'dev9'}", FR_ENOTFOUND);
}

static void removed_enrolee_takes_its_keys_along(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    lab_enrol(l, KEY_ID(2));
    assert_contains(lab_say(l, "{'op':'enrolee.remove','name':'dev1'}"),
                    "\"revoked\":2");
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(2), 22), FR_ENOTFOUND);
    assert_string_equal(lab_say(l, "{'op':'enrolee.list'}"), "[]");
    assert_int_equal(lab_count_reason(l, "enrolee-removed"), 2);
}

/* ---- SIMs ---- */

#define SIM(n) "00101000000000" #n
/* As Ub leaves it. */
static void give_key(struct lab *l, const char *enrolee, const char *imsi)
{
    char sql[512];

    lab_enrol(l, KEY_ID(1));
    snprintf(
        sql, sizeof sql,
        "UPDATE credential SET identity = 'imsi:%s', enrolee = '%s', method = 'gba',"
        " san = 'impi:%s@ims.mnc001.mcc001.3gppnetwork.org'",
        imsi, enrolee, imsi);
    lab_sql(l, sql);
}

static void sim_is_listed_alone_or_with_a_certificate(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    assert_contains(lab_say(l, "{'op':'enrolee.add','name':'meter','imsi':'" SIM(1) //
                            "','lifetime':3600,'gbaU':true}"),
                    "\"imsi\":\"" SIM(1) "\",\"lifetime\":3600,\"gbaU\":true");
    assert_contains(
        lab_say(l, "{'op':'enrolee.sim','name':'dev1','imsi':'" SIM(2) "'}"),
        "\"imsi\":\"" SIM(2) "\"");
    assert_contains(lab_say(l, "{'op':'enrolee.show','name':'dev1'}"), SIM(2));
    assert_contains(lab_say(l, "{'op':'enrolee.list'}"), SIM(1));
    assert_contains(lab_say(l, "{'op':'audit'}"), "enrolee.sim");
}

static void sim_must_be_well_formed_and_new(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_do(l, "{'op':'enrolee.add','name':'meter','imsi':'" SIM(1) "'}");
    lab_do(l, "{'op':'enrolee.add','name':'all','anchor':'" ANCHOR_2 "'}");
    assert_call_fails_as(l, "{'op':'enrolee.add','name':'m2','imsi':'" SIM(1) "'}",
                         FR_ECONFLICT, "enrolee-exists");
    assert_call_fails_as(l, "{'op':'enrolee.sim','name':'dev1','imsi':'" SIM(1) "'}",
                         FR_ECONFLICT, "enrolee-exists");
    assert_call_fails(l, "{'op':'enrolee.add','name':'m2','imsi':'12345'}", FR_EUSAGE);
    assert_call_fails(l, "{'op':'enrolee.add','name':'m2','imsi':'0010100000000x'}",
                      FR_EUSAGE);
    assert_call_fails(l, "{'op':'enrolee.add','name':'m2'}", FR_EUSAGE);
    assert_call_fails(
        l, "{'op':'enrolee.add','name':'m2','imsi':'" SIM(2) "','lifetime':1}",
        FR_EUSAGE);
    assert_call_fails(
        l, "{'op':'enrolee.add','name':'m2','imsi':'" SIM(2) "','san':'dns:a'}",
        FR_EUSAGE);
    assert_call_fails(l, "{'op':'enrolee.sim','name':'all','imsi':'" SIM(2) "'}",
                      FR_EUSAGE);
    assert_call_fails(l, "{'op':'enrolee.sim','name':'meter'}", FR_EUSAGE);
    assert_call_fails(l, "{'op':'enrolee.sim','name':'dev1','gbaU':true}", FR_EUSAGE);
    assert_call_fails(l, "{'op':'enrolee.sim','name':'nobody','imsi':'" SIM(2) "'}",
                      FR_ENOTFOUND);
}

static void another_sim_takes_the_keys_of_the_first_away(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_do(l, "{'op':'enrolee.sim','name':'dev1','imsi':'" SIM(1) "'}");
    give_key(l, "dev1", SIM(1));
    lab_enrol(l, KEY_ID(2));
    assert_contains(lab_say(l, "{'op':'enrolee.sim','name':'dev1','imsi':'" SIM(1) //
                            "','lifetime':60}"),
                    "\"revoked\":0");
    assert_contains(lab_say(l, "{'op':'enrolee.sim','name':'dev1'}"), "\"revoked\":1");
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(1), 22), FR_ENOTFOUND);
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(2), 22), FR_OK);
}

static void explain_tells_the_story_of_a_sim_and_of_a_certificate(void **state)
{
    static const char *const subjects[] = {
        "dev1", SIM(1), "imsi:" SIM(1), SIM(1) "@ims.mnc001.mcc001.3gppnetwork.org",
        "impi:" SIM(1) "@ims.mnc001.mcc001.3gppnetwork.org"};
    struct lab *l = *state;
    char call[256];

    lab_populate(l);
    lab_do(l, "{'op':'enrolee.sim','name':'dev1','imsi':'" SIM(1) "'}");
    give_key(l, "dev1", SIM(1));
    lab_enrol(l, KEY_ID(2));
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        const char *said;

        snprintf(call, sizeof call, "{'op':'explain','subject':'%s'}", subjects[i]);
        said = lab_say(l, call);
        assert_contains(said, "by its SIM (IMSI " SIM(1) "): has a valid credential");
        assert_contains(said, "by its certificate (dns:dev1.example.com): has a valid");
        assert_contains(said, KEY_ID(1));
        assert_contains(said, KEY_ID(2));
    }
    assert_contains(lab_say(l, "{'op':'explain','subject':'" SIM(9) "'}"),
                    "enrolee-not-listed");
}

static void target_takes_its_fqdn_from_its_id(void **state)
{
    struct lab *l = *state;

    assert_contains(lab_say(l, "{'op':'target.add','id':'Broker.Example.com'}"),
                    "\"fqdn\":\"broker.example.com\"");
    lab_do(l, "{'op':'target.show','id':'BROKER.example.com'}");
}

static void target_must_be_well_formed_and_new(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    assert_call_fails(l, "{'op':'target.add','id':'//sp.example/cse'}", FR_EUSAGE);
    assert_call_fails(l, "{'op':'target.add','id':'not a name'}", FR_EUSAGE);
    assert_call_fails(l, "{'op':'target.add','id':'x.example','derivation':'magic'}",
                      FR_EUSAGE);
    assert_call_fails_as(l, "{'op':'target.add','id':'" BROKER "'}", FR_ECONFLICT,
                         "target-exists");
    assert_call_fails_as(l, "{'op':'target.add','id':'x.example','fqdn':'" BROKER "'}",
                         FR_ECONFLICT, "target-exists");
    assert_call_fails_as(l, "{'op':'target.add','id':'" MEF "'}", FR_ECONFLICT,
                         "target-exists");
    assert_call_fails(l, "{'op':'target.show','id':'no.example'}", FR_ENOTFOUND);
}

static void target_with_keys_is_not_removed(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_call_fails_as(l, "{'op':'target.remove','id':'" BROKER "'}", FR_ECONFLICT,
                         "target-in-use");
    lab_do(l, "{'op':'credential.revoke','keyId':'" KEY_ID(1) "'}");
    lab_do(l, "{'op':'target.remove','id':'" BROKER "'}");
    assert_call_fails(l, "{'op':'target.remove','id':'" BROKER "'}", FR_ENOTFOUND);
}

/* ---- instructions ---- */

#define DOCUMENT                                                                       \
    "{'version':1,'instructions':[{'bootstrap':'certificate','mef':'" MEF "'}]}"

static void instructions_are_shown_with_who_gets_them(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_do(l, "{'op':'instructions.set','name':'fleet','document':" DOCUMENT "}");
    lab_do(l, "{'op':'instructions.assign','name':'fleet','enrolee':'dev1'}");
    lab_do(l, "{'op':'instructions.assign','name':'fleet','enrolee':'*'}");
    assert_contains(lab_say(l, "{'op':'instructions.list'}"),
                    "\"assigned\":[\"*\",\"dev1\"],\"entries\":1");
    assert_contains(lab_say(l, "{'op':'instructions.show','name':'fleet'}"),
                    "\"document\":{\"version\":1");
    lab_do(l, "{'op':'instructions.remove','name':'fleet'}");
    assert_string_equal(lab_say(l, "{'op':'instructions.list'}"), "[]");
}

static void document_that_devices_would_refuse_is_not_kept(void **state)
{
    struct lab *l = *state;

    assert_call_fails_as(l,
                         "{'op':'instructions.set','name':'x','document':{'version':1,"
                         "'instructions':[{'discovery':'https','resource':"
                         "'https://d.example/'}]}}",
                         FR_EPARSE, "document-nested-discovery");
    assert_call_fails(l, "{'op':'instructions.set','name':'x','document':[]}",
                      FR_EUSAGE);
    assert_call_fails(l, "{'op':'instructions.show','name':'x'}", FR_ENOTFOUND);
    assert_call_fails(l, "{'op':'instructions.remove','name':'x'}", FR_ENOTFOUND);
}

static void instructions_are_assigned_to_whom_there_is(void **state)
{
    struct lab *l = *state;

    lab_do(l, "{'op':'instructions.set','name':'fleet','document':" DOCUMENT "}");
    assert_call_fails(l, "{'op':'instructions.assign','name':'fleet','enrolee':'dev9'}",
                      FR_ENOTFOUND);
    assert_call_fails(l, "{'op':'instructions.assign','name':'no','enrolee':'*'}",
                      FR_ENOTFOUND);
}

/* ---- credentials ---- */

static void credential_shows_a_fingerprint_and_no_key(void **state)
{
    struct lab *l = *state;
    char hex[2 * FR_KE_LEN + 1], want[96], fingerprint[FR_FINGERPRINT_LEN + 1];
    FR_AUTO(secret) *ke = NULL;
    const char *said;
    struct fr_err err = {0};

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_ok(fr_secret_from(KEY_ID(1), FR_KE_LEN, &ke, &err));
    assert_ok(fr_secret_fingerprint(ke, fingerprint, &err));
    snprintf(want, sizeof want, "\"fingerprint\":\"%s\"", fingerprint);
    fr_hex_encode(fr_slice_of(KEY_ID(1), FR_KE_LEN), hex, false);
    said = lab_say(l, "{'op':'credential.show','keyId':'" KEY_ID(1) "'}");
    assert_contains(said, want);
    assert_contains(said, "\"slot\":\"current\"");
    assert_null(strstr(said, hex));
}

static void credentials_are_filtered(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_contains(lab_say(l, "{'op':'credential.list','enrolee':'dev1'}"), KEY_ID(1));
    assert_contains(lab_say(l, "{'op':'credential.list','target':'" BROKER "'}"),
                    KEY_ID(1));
    assert_contains(
        lab_say(l, "{'op':'credential.list','enrolee':'dev1','target':'" BROKER "'}"),
        KEY_ID(1));
    assert_string_equal(lab_say(l, "{'op':'credential.list','target':'" OTHER "'}"),
                        "[]");
    assert_string_equal(lab_say(l, "{'op':'credential.list','enrolee':'x'}"), "[]");
}

static void revoking_the_previous_key_leaves_the_current_one(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    lab_enrol(l, KEY_ID(2));
    lab_do(l, "{'op':'credential.revoke','keyId':'" KEY_ID(1) "'}");
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(2), 22), FR_OK);
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(1), 22), FR_ENOTFOUND);
}

static void revoking_reaches_both_keys_that_a_device_may_use(void **state)
{
    struct fr_peer peer = lab_device();
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_int_equal(lab_ack(l, &peer, KEY_ID(1)), FR_OK);
    lab_enrol(l, KEY_ID(2));
    lab_enrol(l, KEY_ID(3));
    assert_contains(lab_say(l, "{'op':'credential.revoke','keyId':'" KEY_ID(3) "'}"),
                    "\"revoked\":3");
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(1), 22), FR_ENOTFOUND);
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(2), 22), FR_ENOTFOUND);
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(3), 22), FR_ENOTFOUND);
}

/* First the anchor lists the device, then a listing of its own: two names, one place.
 */
static void revoking_reaches_the_previous_key_of_an_earlier_listing(void **state)
{
    struct lab *l = *state;

    lab_do(l, "{'op':'target.add','id':'" BROKER "'}");
    lab_do(l, "{'op':'enrolee.add','name':'fleet','anchor':'" ANCHOR "'}");
    lab_do(l, "{'op':'enrolee.allow','name':'fleet','target':'" BROKER "'}");
    lab_enrol(l, KEY_ID(1));
    lab_do(l, "{'op':'enrolee.add','name':'dev1','anchor':'" ANCHOR
              "','san':'dns:dev1.example.com'}");
    lab_do(l, "{'op':'enrolee.allow','name':'dev1','target':'" BROKER "'}");
    lab_enrol(l, KEY_ID(2));
    assert_contains(lab_say(l, "{'op':'credential.revoke','keyId':'" KEY_ID(2) "'}"),
                    "\"revoked\":2");
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(1), 22), FR_ENOTFOUND);
}

static void unknown_key_is_said_to_be_unknown(void **state)
{
    struct lab *l = *state;

    assert_call_fails_as(l, "{'op':'credential.show','keyId':'" KEY_ID(9) "'}",
                         FR_ENOTFOUND, "unknown-key");
    assert_call_fails_as(l, "{'op':'credential.revoke','keyId':'" KEY_ID(9) "'}",
                         FR_ENOTFOUND, "unknown-key");
    assert_call_fails(l, "{'op':'credential.show','keyId':'7'}", FR_EUSAGE);
}

/* ---- the call itself ---- */

static void what_is_no_call_is_answered_all_the_same(void **state)
{
    struct lab *l = *state;

    assert_call_fails(l, "", FR_EUSAGE);
    assert_call_fails(l, "garbage", FR_EUSAGE);
    assert_call_fails(l, "[]", FR_EUSAGE);
    assert_call_fails(l, "{}", FR_EUSAGE);
    assert_call_fails(l, "{'op':'status','op':'status'}", FR_EUSAGE);
    assert_call_fails_as(l, "{'op':'enrolee.lst'}", FR_EUSAGE, "op-unknown");
    assert_contains(l->err.msg, "enrolee.list");
}

static void failed_call_leaves_nothing_behind(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    lab_sql(l, "CREATE TRIGGER broken BEFORE DELETE ON enrolee"
               " BEGIN SELECT RAISE(ABORT, 'broken'); END");
    assert_call_fails(l, "{'op':'enrolee.remove','name':'dev1'}", FR_ECONFLICT);
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(1), 22), FR_OK); /* not revoked */
    assert_int_equal(lab_count_reason(l, "enrolee-removed"), 0);
}

static void answer_too_large_for_a_message_is_refused_in_words(void **state)
{
    struct lab *l = *state;

    lab_sql(l, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
               " WHERE i < 500) INSERT INTO target SELECT printf('%0250d', i),"
               " printf('%0250d.example', i), 0, 1 FROM n;"
               "INSERT INTO enrolee (name, anchor, san, created) SELECT "
               "printf('%0250d', 1), 'a', 'b', 1;"
               "INSERT INTO allowed SELECT printf('%0250d', 1), id, 0 FROM target;"
               "INSERT INTO enrolee (name, anchor, san, created) SELECT "
               "printf('%0250d', 2), 'a', 'c', 1;"
               "INSERT INTO allowed SELECT printf('%0250d', 2), id, 0 FROM target;"
               "INSERT INTO enrolee (name, anchor, san, created) SELECT "
               "printf('%0250d', 3), 'a', 'd', 1;"
               "INSERT INTO allowed SELECT printf('%0250d', 3), id, 0 FROM target;"
               "INSERT INTO enrolee (name, anchor, san, created) SELECT "
               "printf('%0250d', 4), 'a', 'e', 1;"
               "INSERT INTO allowed SELECT printf('%0250d', 4), id, 0 FROM target");
    assert_call_fails(l, "{'op':'enrolee.list'}", FR_ELIMIT);
    lab_do(l, "{'op':'enrolee.list','limit':1}");
}

static void changes_are_audited_and_questions_are_not(void **state)
{
    struct lab *l = *state;
    json_auto_t *before = NULL, *after = NULL;

    lab_populate(l);
    before = lab_admin(l, "{'op':'audit','limit':500}");
    assert_int_equal(json_array_size(before), 4); /* what lab_populate() did */
    lab_do(l, "{'op':'enrolee.list'}");
    lab_do(l, "{'op':'status'}");
    after = lab_admin(l, "{'op':'audit','limit':500}");
    assert_int_equal(json_array_size(after), 4);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(after, 3), "event")),
        "enrolee.allow");
}

int main(void)
{
#define LAB(test) cmocka_unit_test_setup_teardown(test, lab_setup, lab_teardown)
    const struct CMUnitTest tests[] = {
        LAB(enrolees_are_listed_with_their_targets),
        LAB(lists_go_on_behind_a_name),
        LAB(enrolee_must_be_well_formed),
        LAB(enrolee_is_listed_once),
        LAB(allowing_needs_both_to_exist),
        LAB(removed_enrolee_takes_its_keys_along),
        LAB(sim_is_listed_alone_or_with_a_certificate),
        LAB(sim_must_be_well_formed_and_new),
        LAB(another_sim_takes_the_keys_of_the_first_away),
        LAB(explain_tells_the_story_of_a_sim_and_of_a_certificate),
        LAB(target_takes_its_fqdn_from_its_id),
        LAB(target_must_be_well_formed_and_new),
        LAB(target_with_keys_is_not_removed),
        LAB(instructions_are_shown_with_who_gets_them),
        LAB(document_that_devices_would_refuse_is_not_kept),
        LAB(instructions_are_assigned_to_whom_there_is),
        LAB(credential_shows_a_fingerprint_and_no_key),
        LAB(credentials_are_filtered),
        LAB(revoking_the_previous_key_leaves_the_current_one),
        LAB(revoking_reaches_both_keys_that_a_device_may_use),
        LAB(revoking_reaches_the_previous_key_of_an_earlier_listing),
        LAB(unknown_key_is_said_to_be_unknown),
        LAB(what_is_no_call_is_answered_all_the_same),
        LAB(failed_call_leaves_nothing_behind),
        LAB(answer_too_large_for_a_message_is_refused_in_words),
        LAB(changes_are_audited_and_questions_are_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
