/* SPDX-License-Identifier: Apache-2.0 */
/* The commit protocol at the MEF's side (DESIGN 6). */
#include "base/file.h"
#include "crypto/confirm.h"
#include "vault_lab.h"

static void assert_slots(struct lab *l, const char *current, const char *previous)
{
    json_auto_t *list = lab_admin(l, "{'op':'credential.list'}");
    const json_t *item;
    size_t i;

    assert_int_equal(json_array_size(list),
                     (current != NULL) + (size_t)(previous != NULL));
    json_array_foreach (list, i, item) {
        const char *slot = json_string_value(json_object_get(item, "slot"));
        const char *want = strcmp(slot, "current") == 0 ? current : previous;

        assert_string_equal(json_string_value(json_object_get(item, "keyId")), want);
    }
}

static void assert_refused(struct lab *l, const struct lab_commit *c, enum fr_code code,
                           const char *reason)
{
    assert_int_equal(lab_commit(l, c), code);
    assert_string_equal(l->err.reason, reason);
    assert_int_equal(lab_count_reason(l, reason), 1);
    assert_slots(l, NULL, NULL);
}

static void confirmed_key_is_committed_and_answered_with_the_mefs_own_mac(void **state)
{
    struct lab *l = *state;
    struct lab_commit c;
    struct fr_confirm_fields fields;
    FR_AUTO(secret) *ke = NULL;
    struct fr_err err = {0};

    lab_populate(l);
    c = lab_commit_of(l, KEY_ID(1));
    assert_int_equal(lab_commit(l, &c), FR_OK);
    fields = (struct fr_confirm_fields){
        .key_id = c.key_id, .mef_fqdn = MEF, .credential = c.ref};
    assert_ok(fr_sha256(fr_slice_str(c.request), fields.request_sha256, &err));
    assert_ok(fr_sha256(fr_slice_str(c.response), fields.response_sha256, &err));
    assert_ok(fr_secret_from(c.ke, sizeof c.ke, &ke, &err));
    assert_ok(
        fr_confirm_check(ke, FR_CONFIRM_MEF, &fields, l->answer.field[FR_F_MAC], &err));
    assert_slots(l, KEY_ID(1), NULL);
    assert_int_equal(lab_count_reason(l, "confirmed"), 1);
}

static void wrong_mac_is_refused(void **state)
{
    struct lab *l = *state;
    struct lab_commit c;

    lab_populate(l);
    c = lab_commit_of(l, KEY_ID(1));
    c.mac[31] ^= 1;
    assert_refused(l, &c, FR_EREFUSED, "confirmation-mismatch");
}

static void mac_over_another_request_is_refused(void **state)
{
    struct lab *l = *state;
    struct lab_commit c;

    lab_populate(l);
    c = lab_commit_of(l, KEY_ID(1));
    c.request = "{\"a\":2}";
    assert_refused(l, &c, FR_EREFUSED, "confirmation-mismatch");
}

static void missing_mac_is_accepted_as_unconfirmed_where_optional(void **state)
{
    struct lab *l = *state;
    struct lab_commit c;

    lab_populate(l);
    c = lab_commit_of(l, KEY_ID(1));
    c.has_mac = false;
    assert_int_equal(lab_commit(l, &c), FR_OK);
    assert_int_equal(lab_count_reason(l, "unconfirmed"), 1);
    assert_contains(lab_say(l, "{'op':'credential.list'}"), "\"confirmed\":false");
}

static void missing_mac_is_refused_where_required(void **state)
{
    struct lab *l = *state;
    struct lab_commit c;

    lab_close(l);
    l->config.confirmation_required = true;
    lab_open(l);
    lab_populate(l);
    c = lab_commit_of(l, KEY_ID(1));
    c.has_mac = false;
    assert_refused(l, &c, FR_EREFUSED, "confirmation-missing");
}

static void commit_checks_again_what_authorise_allowed(void **state)
{
    struct lab *l = *state;
    struct lab_commit c;

    lab_populate(l);
    c = lab_commit_of(l, KEY_ID(1));
    assert_int_equal(lab_authorise(l, &c.peer, BROKER, NULL), FR_OK);
    lab_do(l, "{'op':'enrolee.deny','name':'dev1','target':'" BROKER "'}");
    assert_refused(l, &c, FR_EREFUSED, "target-not-allowed");
    lab_do(l, "{'op':'enrolee.remove','name':'dev1'}");
    assert_refused(l, &c, FR_EREFUSED, "enrolee-not-listed");
}

static void key_id_of_another_mef_is_malformed(void **state)
{
    struct lab *l = *state;
    struct lab_commit c;

    lab_populate(l);
    c = lab_commit_of(l, "00000000000000000000000000000001@other-mef.example.com");
    assert_int_equal(lab_commit(l, &c), FR_EPARSE);
    assert_string_equal(l->err.reason, "key-id-form");
    c = lab_commit_of(l, "00000000000000000000000000000001-not-a-key-id");
    assert_int_equal(lab_commit(l, &c), FR_EPARSE);
}

static void credential_reference_must_be_of_the_peers_certificate(void **state)
{
    struct lab *l = *state;
    struct lab_commit c;

    lab_populate(l);
    c = lab_commit_of(l, KEY_ID(1));
    c.peer.leaf_sha256[0] ^= 1;
    assert_int_equal(lab_commit(l, &c), FR_EPARSE);
    assert_string_equal(l->err.reason, "credential-ref");
}

static void repeat_gets_the_same_answer_and_changes_nothing(void **state)
{
    struct lab *l = *state;
    uint8_t first[FR_SHA256_LEN];
    struct lab_commit c;

    lab_populate(l);
    c = lab_commit_of(l, KEY_ID(1));
    assert_int_equal(lab_commit(l, &c), FR_OK);
    memcpy(first, l->answer.field[FR_F_MAC].data, sizeof first);
    assert_int_equal(lab_commit(l, &c), FR_OK);
    assert_memory_equal(l->answer.field[FR_F_MAC].data, first, sizeof first);
    assert_slots(l, KEY_ID(1), NULL);
    assert_int_equal(lab_count_reason(l, "possible-clone"), 0);
    assert_int_equal(lab_count_reason(l, "confirmed"), 1);
}

static void repeat_with_another_body_is_a_conflict(void **state)
{
    struct lab *l = *state;
    struct lab_commit c;

    lab_populate(l);
    c = lab_commit_of(l, KEY_ID(1));
    assert_int_equal(lab_commit(l, &c), FR_OK);
    c.request = "{\"a\":2}";
    lab_sign(&c);
    assert_int_equal(lab_commit(l, &c), FR_ECONFLICT);
    assert_string_equal(l->err.reason, "key-id-exists");
}

static void key_id_of_another_enrolee_is_a_conflict(void **state)
{
    struct lab *l = *state;
    struct lab_commit c;

    lab_populate(l);
    lab_do(l, "{'op':'enrolee.add','name':'dev2','anchor':'" ANCHOR
              "','san':'dns:dev2.example.com'}");
    lab_do(l, "{'op':'enrolee.allow','name':'dev2','target':'" BROKER "'}");
    lab_enrol(l, KEY_ID(1));
    c = lab_commit_of(l, KEY_ID(1));
    c.peer = lab_peer(ANCHOR, "dns:dev2.example.com");
    assert_int_equal(lab_commit(l, &c), FR_ECONFLICT);
    assert_string_equal(l->err.reason, "key-id-exists");
}

static void repeat_with_another_key_is_a_conflict(void **state)
{
    struct lab *l = *state;
    struct lab_commit c;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    c = lab_commit_of(l, KEY_ID(1));
    c.ke[0] ^= 1;
    lab_sign(&c);
    assert_int_equal(lab_commit(l, &c), FR_ECONFLICT);
}

static void revoked_key_cannot_be_committed_again(void **state)
{
    struct lab *l = *state;
    struct lab_commit c;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    lab_do(l, "{'op':'credential.revoke','keyId':'" KEY_ID(1) "'}");
    c = lab_commit_of(l, KEY_ID(1));
    assert_refused(l, &c, FR_ECONFLICT, "key-id-exists");
}

/* Not even when the feed has forgotten it. */
static void key_that_only_the_trail_remembers_cannot_be_committed_again(void **state)
{
    struct lab *l = *state;
    struct lab_commit c;

    lab_populate(l);
    c = lab_commit_of(l, KEY_ID(1));
    assert_int_equal(lab_commit(l, &c), FR_OK);
    lab_do(l, "{'op':'credential.revoke','keyId':'" KEY_ID(1) "'}");
    lab_sql(l, "DELETE FROM feed");
    assert_int_equal(lab_commit(l, &c), FR_ECONFLICT);
    assert_string_equal(l->err.reason, "key-id-exists");
}

static void new_key_pushes_the_old_one_to_previous_and_the_oldest_out(void **state)
{
    struct fr_peer peer = lab_device();
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_int_equal(lab_ack(l, &peer, KEY_ID(1)), FR_OK);
    lab_enrol(l, KEY_ID(2));
    assert_slots(l, KEY_ID(2), KEY_ID(1));
    assert_int_equal(lab_ack(l, &peer, KEY_ID(2)), FR_OK);
    lab_enrol(l, KEY_ID(3));
    assert_slots(l, KEY_ID(3), KEY_ID(2));
    assert_int_equal(lab_count_reason(l, "possible-clone"), 0);
}

static void keys_of_different_places_do_not_displace_each_other(void **state)
{
    struct lab *l = *state;
    struct lab_commit suid, target, admin;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    suid = lab_commit_of(l, KEY_ID(2));
    suid.suid = 21;
    assert_int_equal(lab_commit(l, &suid), FR_OK);
    target = lab_commit_of(l, KEY_ID(3));
    target.target = MEF;
    assert_int_equal(lab_commit(l, &target), FR_OK);
    admin = lab_commit_of(l, KEY_ID(4));
    admin.admin_fqdn = "sp.example.com";
    assert_int_equal(lab_commit(l, &admin), FR_OK);
    assert_null(strstr(lab_say(l, "{'op':'credential.list'}"), "previous"));
}

static void key_replaced_before_its_ack_may_be_a_clones(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    lab_enrol(l, KEY_ID(2));
    assert_slots(l, KEY_ID(2), KEY_ID(1));
    assert_int_equal(lab_count_reason(l, "possible-clone"), 1);
}

static void two_enrolments_of_one_device_at_once_follow_each_other(void **state)
{
    struct lab *l = *state;
    struct lab_commit first, second;
    struct fr_peer peer = lab_device();

    lab_populate(l);
    first = lab_commit_of(l, KEY_ID(1));
    second = lab_commit_of(l, KEY_ID(2));
    assert_int_equal(lab_authorise(l, &first.peer, BROKER, NULL), FR_OK);
    assert_int_equal(lab_authorise(l, &second.peer, BROKER, NULL), FR_OK);
    assert_int_equal(lab_commit(l, &second), FR_OK);
    assert_int_equal(lab_commit(l, &first), FR_OK);
    assert_slots(l, KEY_ID(1), KEY_ID(2));
    assert_int_equal(lab_lookup(l, &peer, KEY_ID(1)), FR_OK); /* both can resolve */
    assert_int_equal(lab_lookup(l, &peer, KEY_ID(2)), FR_OK);
}

/* ---- ack and retirement ---- */

static void ack_retires_the_previous_key_after_the_grace(void **state)
{
    struct fr_peer peer = lab_device();
    struct lab *l = *state;
    struct fr_err err = {0};
    int64_t due;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_int_equal(lab_ack(l, &peer, KEY_ID(1)), FR_OK);
    lab_enrol(l, KEY_ID(2));
    assert_int_equal(lab_ack(l, &peer, KEY_ID(2)), FR_OK);
    assert_ok(fr_vault_tick(l->vault, &due, &err));
    assert_true(due == l->fake.wall_s + FR_VAULT_GRACE_S);
    assert_slots(l, KEY_ID(2), KEY_ID(1));
    fr_fake_env_advance(&l->fake, (int64_t)FR_VAULT_GRACE_S * 1000);
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(1), 22), FR_ENOTFOUND); /* at once */
    assert_ok(fr_vault_tick(l->vault, &due, &err));
    assert_int_equal(fr_vault_grown(l->vault), 1);
    assert_string_equal(fr_vault_grown_at(l->vault, 0), BROKER);
    assert_slots(l, KEY_ID(2), NULL);
}

static void second_ack_does_not_prolong_the_previous_keys_life(void **state)
{
    struct fr_peer peer = lab_device();
    struct lab *l = *state;
    struct fr_err err = {0};
    int64_t first, second;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    lab_enrol(l, KEY_ID(2));
    assert_int_equal(lab_ack(l, &peer, KEY_ID(2)), FR_OK);
    assert_ok(fr_vault_tick(l->vault, &first, &err));
    fr_fake_env_advance(&l->fake, 3600 * 1000);
    assert_int_equal(lab_ack(l, &peer, KEY_ID(2)), FR_OK);
    assert_ok(fr_vault_tick(l->vault, &second, &err));
    assert_true(first == second);
    assert_int_equal(lab_count_reason(l, "acknowledged"), 1);
}

static void previous_key_stays_until_an_ack(void **state)
{
    struct lab *l = *state;
    struct fr_err err = {0};
    int64_t due;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    lab_enrol(l, KEY_ID(2));
    fr_fake_env_advance(&l->fake, INT64_C(30) * 86400 * 1000);
    assert_ok(fr_vault_tick(l->vault, &due, &err));
    assert_slots(l, KEY_ID(2), KEY_ID(1));
}

static void failed_retirement_changes_nothing_and_is_tried_again(void **state)
{
    struct lab *l = *state;
    struct fr_err err = {0};
    int64_t due;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    fr_fake_env_advance(&l->fake, INT64_C(90) * 86400 * 1000);
    l->commits_fail = true;
    assert_fails_as(fr_vault_tick(l->vault, &due, &err), FR_ESTORE, "commit-failed");
    assert_int_equal(fr_vault_grown(l->vault), 0);
    l->commits_fail = false;
    assert_slots(l, KEY_ID(1), NULL);
    assert_ok(fr_vault_tick(l->vault, &due, &err));
    assert_slots(l, NULL, NULL);
}

static void every_key_ends_at_its_own_expiry(void **state)
{
    struct lab *l = *state;
    struct fr_err err = {0};
    int64_t due;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    fr_fake_env_advance(&l->fake, INT64_C(90) * 86400 * 1000);
    assert_ok(fr_vault_tick(l->vault, &due, &err));
    assert_slots(l, NULL, NULL);
    assert_true(due == INT64_MAX);
    assert_int_equal(lab_count_reason(l, "expired"), 1);
}

static void ack_of_anothers_key_is_not_found(void **state)
{
    struct fr_peer stranger = lab_peer(ANCHOR, "dns:dev2.example.com");
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_int_equal(lab_ack(l, &stranger, KEY_ID(1)), FR_ENOTFOUND);
    assert_string_equal(l->err.reason, "unknown-key");
    assert_int_equal(lab_ack(l, &stranger, "nonsense"), FR_ENOTFOUND);
}

/* ---- resolve ---- */

static void device_finds_its_own_registration_again(void **state)
{
    struct fr_peer peer = lab_device();
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_int_equal(lab_lookup(l, &peer, KEY_ID(1)), FR_OK);
    assert_string_equal(lab_text(l, FR_F_RESPONSE), "{\"b\":2}");
}

static void nobody_else_finds_it(void **state)
{
    struct fr_peer other_name = lab_peer(ANCHOR, "dns:dev2.example.com");
    struct fr_peer other_anchor = lab_peer(ANCHOR_2, "dns:dev1.example.com");
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_int_equal(lab_lookup(l, &other_name, KEY_ID(1)), FR_ENOTFOUND);
    assert_int_equal(lab_lookup(l, &other_anchor, KEY_ID(1)), FR_ENOTFOUND);
    assert_string_equal(l->err.reason, "unknown-key");
}

static void provisional_key_is_not_found(void **state)
{
    struct fr_peer peer = lab_device();
    struct lab *l = *state;

    lab_populate(l);
    assert_int_equal(lab_authorise(l, &peer, BROKER, NULL), FR_OK);
    assert_int_equal(lab_lookup(l, &peer, KEY_ID(1)), FR_ENOTFOUND);
}

/* The commit was held up on its way, and its device has heard that there is none. */
static void key_that_a_resolve_did_not_find_cannot_be_committed_later(void **state)
{
    struct fr_peer peer = lab_device();
    struct lab *l = *state;
    struct lab_commit c;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    c = lab_commit_of(l, KEY_ID(2));
    assert_int_equal(lab_lookup(l, &peer, KEY_ID(2)), FR_ENOTFOUND);
    assert_int_equal(lab_commit(l, &c), FR_ECONFLICT);
    assert_string_equal(l->err.reason, "key-id-exists");
    assert_slots(l, KEY_ID(1), NULL);
}

static void no_key_is_denied_without_a_line_that_says_so(void **state)
{
    struct fr_peer peer = lab_device();
    struct lab *l = *state;
    struct lab_commit c;
    enum fr_code rc = FR_ENOTFOUND;

    lab_populate(l);
    for (int i = 0; i < 1000 && rc == FR_ENOTFOUND; i++)
        rc = lab_lookup(l, &peer, KEY_ID(1));
    assert_int_equal(rc, FR_ECONFLICT);
    assert_string_equal(l->err.reason, "too-many-lookups");
    assert_int_equal(lab_lookup(l, &peer, KEY_ID(2)), FR_ECONFLICT);
    c = lab_commit_of(l, KEY_ID(2)); /* was not denied */
    assert_int_equal(lab_commit(l, &c), FR_OK);
    fr_fake_env_advance(&l->fake, 1000);
    assert_int_equal(lab_lookup(l, &peer, KEY_ID(3)), FR_ENOTFOUND);
}

/* ---- durability ---- */

static void acknowledged_key_survives_a_kill(void **state)
{
    struct fr_peer peer = lab_device();
    struct lab *l = *state;
    uint8_t before[FR_KE_LEN];

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(1), 22), FR_OK);
    memcpy(before, l->answer.field[FR_F_KEY].data, sizeof before);
    assert_int_equal(lab_ack(l, &peer, KEY_ID(1)), FR_OK);
    lab_kill(l);
    lab_open(l);
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(1), 22), FR_OK);
    assert_memory_equal(l->answer.field[FR_F_KEY].data, before, sizeof before);
}

static void uncommitted_batch_leaves_nothing_after_a_kill(void **state)
{
    struct lab *l = *state;
    struct fr_err err = {0};

    lab_populate(l);
    assert_ok(fr_vault_begin(l->vault, &err));
    lab_kill(l);
    lab_open(l);
    assert_slots(l, NULL, NULL);
}

static void stored_key_is_not_in_the_clear(void **state)
{
    FR_AUTO_CLEAR(buf) octets = FR_BUF_INIT(64 << 20);
    struct lab *l = *state;
    struct lab_commit c;
    struct fr_err err = {0};

    lab_populate(l);
    c = lab_commit_of(l, KEY_ID(1));
    memset(c.ke, 0xc3, sizeof c.ke);
    lab_sign(&c);
    assert_int_equal(lab_commit(l, &c), FR_OK);
    lab_kill(l);
    lab_sql(l, "PRAGMA wal_checkpoint(TRUNCATE)");
    assert_ok(fr_file_read(l->database, &octets, &err));
    assert_null(memmem(octets.data, octets.len, c.ke, sizeof c.ke));
    assert_non_null(memmem(octets.data, octets.len, KEY_ID(1), strlen(KEY_ID(1))));
    lab_open(l);
}

static void wrapped_key_moved_to_another_row_does_not_open(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    lab_enrol(l, KEY_ID(2));
    lab_sql(l, "UPDATE credential SET wrapped = (SELECT wrapped FROM credential"
               " WHERE key_id = '" KEY_ID(1) "') WHERE key_id = '" KEY_ID(2) "'");
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(2), 22), FR_ESTORE);
    assert_string_equal(l->err.reason, "wrap-broken");
    assert_false(fr_msg_has(&l->answer, FR_F_KEY));
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(1), 22), FR_OK);
}

int main(void)
{
#define LAB(test) cmocka_unit_test_setup_teardown(test, lab_setup, lab_teardown)
    const struct CMUnitTest tests[] = {
        LAB(confirmed_key_is_committed_and_answered_with_the_mefs_own_mac),
        LAB(wrong_mac_is_refused),
        LAB(mac_over_another_request_is_refused),
        LAB(missing_mac_is_accepted_as_unconfirmed_where_optional),
        LAB(missing_mac_is_refused_where_required),
        LAB(commit_checks_again_what_authorise_allowed),
        LAB(key_id_of_another_mef_is_malformed),
        LAB(credential_reference_must_be_of_the_peers_certificate),
        LAB(repeat_gets_the_same_answer_and_changes_nothing),
        LAB(repeat_with_another_body_is_a_conflict),
        LAB(key_id_of_another_enrolee_is_a_conflict),
        LAB(repeat_with_another_key_is_a_conflict),
        LAB(revoked_key_cannot_be_committed_again),
        LAB(key_that_only_the_trail_remembers_cannot_be_committed_again),
        LAB(new_key_pushes_the_old_one_to_previous_and_the_oldest_out),
        LAB(keys_of_different_places_do_not_displace_each_other),
        LAB(key_replaced_before_its_ack_may_be_a_clones),
        LAB(two_enrolments_of_one_device_at_once_follow_each_other),
        LAB(ack_retires_the_previous_key_after_the_grace),
        LAB(second_ack_does_not_prolong_the_previous_keys_life),
        LAB(previous_key_stays_until_an_ack),
        LAB(failed_retirement_changes_nothing_and_is_tried_again),
        LAB(every_key_ends_at_its_own_expiry),
        LAB(ack_of_anothers_key_is_not_found),
        LAB(device_finds_its_own_registration_again),
        LAB(nobody_else_finds_it),
        LAB(provisional_key_is_not_found),
        LAB(key_that_a_resolve_did_not_find_cannot_be_committed_later),
        LAB(no_key_is_denied_without_a_line_that_says_so),
        LAB(acknowledged_key_survives_a_kill),
        LAB(uncommitted_batch_leaves_nothing_after_a_kill),
        LAB(stored_key_is_not_in_the_clear),
        LAB(wrapped_key_moved_to_another_row_does_not_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
