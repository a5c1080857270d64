/* SPDX-License-Identifier: Apache-2.0 */
/* The two slots of a place, and the feed. */
#include "conform/store.h"

#define KEY(n) #n "@mef.example.com"

static struct fr_store_displaced commit(struct store_lab *l, const char *key_id)
{
    struct fr_store_credential c = store_credential(key_id);
    struct fr_store_displaced d;

    memset(&d, 0xff, sizeof d);
    DO(l, credential_commit, &c, fr_slice_str("{\"b\":2}"), &d);
    return d;
}

static enum fr_store_slot slot_of(struct store_lab *l, const char *key_id)
{
    struct fr_store_credential c;

    DO(l, credential_find, key_id, &c);
    return c.slot;
}

static void assert_gone(struct store_lab *l, const char *key_id)
{
    struct fr_store_credential c;

    assert_int_equal(ASK(l, credential_find, key_id, &c), FR_ENOTFOUND);
}

static void credential_comes_back_as_it_was(void **state)
{
    struct fr_store_credential c = store_credential(KEY(1)), back;
    FR_AUTO_CLEAR(buf) response = FR_BUF_INIT(64);
    struct store_lab *l = *state;

    store_populate(l);
    commit(l, KEY(1));
    store_lab_reopen(l);
    DO(l, credential_find, KEY(1), &back);
    assert_string_equal(back.place.identity, c.place.identity);
    assert_string_equal(back.place.admin_fqdn, c.place.admin_fqdn);
    assert_string_equal(back.place.target, c.place.target);
    assert_int_equal(back.place.suid, 22);
    assert_string_equal(back.enrolee, "dev1");
    assert_string_equal(back.san, c.san);
    assert_string_equal(back.target_fqdn, c.target_fqdn);
    assert_int_equal(back.wrapped_len, c.wrapped_len);
    assert_memory_equal(back.wrapped, c.wrapped, c.wrapped_len);
    assert_memory_equal(back.request_sha, c.request_sha, FR_SHA256_LEN);
    assert_memory_equal(back.response_sha, c.response_sha, FR_SHA256_LEN);
    assert_string_equal(back.method, c.method);
    assert_string_equal(back.credential_ref, c.credential_ref);
    assert_string_equal(back.client_reg, c.client_reg);
    assert_true(back.confirmed);
    assert_true(back.created == 1000 && back.expires == 9000);
    assert_true(back.acked == 0 && back.retires == 0 && back.fetched == 0);
    DO(l, credential_response, KEY(1), &response);
    assert_string_equal(fr_buf_cstr(&response), "{\"b\":2}");
}

static void a_tmpi_leads_to_its_credential_as_long_as_it_is(void **state)
{
    struct store_lab *l = *state;
    struct fr_store_credential c = store_credential(KEY(1)), back;
    struct fr_store_displaced d;

    store_populate(l);
    snprintf(c.tmpi, sizeof c.tmpi, "7g8A0RHDuCXlCTm8IzQ29xYou4F13lIQ");
    DO(l, credential_commit, &c, fr_slice_str("{}"), &d);
    commit(l, KEY(2));
    store_lab_reopen(l);
    DO(l, credential_find_tmpi, c.tmpi, &back);
    assert_string_equal(back.key_id, KEY(1));
    assert_string_equal(back.tmpi, c.tmpi);
    assert_int_equal(back.slot, FR_SLOT_PREVIOUS);
    assert_int_equal(
        ASK(l, credential_find_tmpi, "7G8A0RHDuCXlCTm8IzQ29xYou4F13lIQ", &back),
        FR_ENOTFOUND);
    DO(l, credential_remove, KEY(1), FR_EVENT_REVOKED, (int64_t)1100);
    assert_int_equal(ASK(l, credential_find_tmpi, c.tmpi, &back), FR_ENOTFOUND);
}

static void without_a_tmpi_nothing_is_found_by_none(void **state)
{
    struct store_lab *l = *state;
    struct fr_store_credential back;

    store_populate(l);
    commit(l, KEY(1));
    assert_int_equal(ASK(l, credential_find_tmpi, "", &back), FR_ENOTFOUND);
}

static void commit_moves_the_slots_on(void **state)
{
    struct store_lab *l = *state;
    struct fr_store_displaced d;

    store_populate(l);
    d = commit(l, KEY(1));
    assert_string_equal(d.previous, "");
    assert_string_equal(d.removed, "");
    d = commit(l, KEY(2));
    assert_string_equal(d.previous, KEY(1));
    assert_false(d.was_acked);
    assert_string_equal(d.removed, "");
    d = commit(l, KEY(3));
    assert_string_equal(d.previous, KEY(2));
    assert_string_equal(d.removed, KEY(1));
    assert_int_equal(slot_of(l, KEY(3)), FR_SLOT_CURRENT);
    assert_int_equal(slot_of(l, KEY(2)), FR_SLOT_PREVIOUS);
    assert_gone(l, KEY(1));
}

/* The device may use either: what was cut may have been the answer or the ack. */
static void acknowledged_key_and_the_one_after_it_both_stay(void **state)
{
    struct store_lab *l = *state;
    struct fr_store_credential c;
    struct fr_store_displaced d;
    bool first;

    store_populate(l);
    commit(l, KEY(1));
    DO(l, credential_ack, KEY(1), (int64_t)1100, (int64_t)1200, &first);
    commit(l, KEY(2));
    d = commit(l, KEY(3));
    assert_string_equal(d.previous, KEY(2));
    assert_string_equal(d.removed, "");
    assert_int_equal(slot_of(l, KEY(1)), FR_SLOT_PREVIOUS);
    assert_int_equal(slot_of(l, KEY(2)), FR_SLOT_PREVIOUS);
    d = commit(l, KEY(4));
    assert_string_equal(d.previous, KEY(3));
    assert_string_equal(d.removed, KEY(2));
    assert_gone(l, KEY(2));
    DO(l, credential_ack, KEY(4), (int64_t)1300, (int64_t)1400, &first);
    assert_true(first);
    DO(l, credential_find, KEY(1), &c);
    assert_int_equal(c.retires, 1400);
    DO(l, credential_find, KEY(3), &c);
    assert_int_equal(c.retires, 1400);
    commit(l, KEY(5));
    assert_gone(l, KEY(1));
    assert_gone(l, KEY(3));
    assert_int_equal(slot_of(l, KEY(4)), FR_SLOT_PREVIOUS);
}

static void commit_says_whether_the_old_key_was_acknowledged(void **state)
{
    struct store_lab *l = *state;
    bool first;

    store_populate(l);
    commit(l, KEY(1));
    DO(l, credential_ack, KEY(1), (int64_t)1100, (int64_t)1200, &first);
    assert_true(first);
    assert_true(commit(l, KEY(2)).was_acked);
}

static void key_id_is_taken_for_good(void **state)
{
    struct fr_store_credential c = store_credential(KEY(1));
    struct fr_store_displaced d;
    struct store_lab *l = *state;

    store_populate(l);
    commit(l, KEY(1));
    assert_int_equal(ASK(l, credential_commit, &c, fr_slice_str("{}"), &d),
                     FR_ECONFLICT);
    assert_string_equal(l->err.reason, "key-id-exists");
    DO(l, credential_remove, KEY(1), FR_EVENT_REVOKED, (int64_t)2000);
    assert_int_equal(ASK(l, credential_commit, &c, fr_slice_str("{}"), &d),
                     FR_ECONFLICT);
}

static void key_id_that_was_denied_to_its_device_is_taken(void **state)
{
    struct fr_store_audit denied = {.at = 1,
                                    .actor = "dns:dev1.example.com",
                                    .action = "lookup",
                                    .subject = KEY(1),
                                    .decision = "refused",
                                    .reason = "unknown-key"};
    struct fr_store_credential c = store_credential(KEY(1));
    struct fr_store_displaced d;
    struct store_lab *l = *state;

    store_populate(l);
    store_audit(l, &denied);
    assert_int_equal(ASK(l, credential_commit, &c, fr_slice_str("{}"), &d),
                     FR_ECONFLICT);
    assert_string_equal(l->err.reason, "key-id-exists");
    commit(l, KEY(2));
}

static void enrolee_of_a_credential_must_be_listed(void **state)
{
    struct fr_store_credential c = store_credential(KEY(1));
    struct fr_store_displaced d;
    struct store_lab *l = *state;

    assert_int_equal(ASK(l, credential_commit, &c, fr_slice_str("{}"), &d),
                     FR_ECONFLICT);
}

static void ack_retires_the_previous_key_once(void **state)
{
    struct store_lab *l = *state;
    struct fr_store_credential c;
    bool first;

    store_populate(l);
    commit(l, KEY(1));
    commit(l, KEY(2));
    DO(l, credential_ack, KEY(2), (int64_t)1100, (int64_t)5000, &first);
    assert_true(first);
    DO(l, credential_ack, KEY(2), (int64_t)1200, (int64_t)6000, &first);
    assert_false(first);
    DO(l, credential_find, KEY(1), &c);
    assert_true(c.retires == 5000);
    DO(l, credential_find, KEY(2), &c);
    assert_true(c.acked == 1100);
    DO(l, credential_ack, KEY(1), (int64_t)1300, (int64_t)7000, &first);
    assert_false(first); /* of a previous key */
    assert_int_equal(
        ASK(l, credential_ack, KEY(9), (int64_t)1300, (int64_t)7000, &first),
        FR_ENOTFOUND);
}

static void first_fetch_is_remembered(void **state)
{
    struct store_lab *l = *state;
    struct fr_store_credential c;

    store_populate(l);
    commit(l, KEY(1));
    DO(l, credential_fetched, KEY(1), (int64_t)1500);
    DO(l, credential_fetched, KEY(1), (int64_t)1600);
    DO(l, credential_find, KEY(1), &c);
    assert_true(c.fetched == 1500);
}

/* ---- what is due, and lists ---- */

struct names {
    char text[512];
};

static enum fr_code key_row(void *ctx, const struct fr_store_credential *c,
                            struct fr_err *err)
{
    struct names *n = ctx;
    size_t len = strlen(n->text);

    (void)err;
    snprintf(n->text + len, sizeof n->text - len, "%s%.1s", len ? " " : "", c->key_id);
    return FR_OK;
}

static void assert_due(struct store_lab *l, int64_t now, const char *want)
{
    struct names got = {0};

    DO(l, credential_due, now, (size_t)10,
       ((struct fr_store_credential_rows){.row = key_row, .ctx = &got}));
    assert_string_equal(got.text, want);
}

static void key_is_due_at_retirement_or_expiry(void **state)
{
    struct store_lab *l = *state;
    int64_t due;
    bool first;

    store_populate(l);
    DO(l, credential_next_due, &due);
    assert_true(due == INT64_MAX);
    commit(l, KEY(1));
    commit(l, KEY(2));
    DO(l, credential_ack, KEY(2), (int64_t)1100, (int64_t)5000, &first);
    DO(l, credential_next_due, &due);
    assert_true(due == 5000);
    assert_due(l, 4999, "");
    assert_due(l, 5000, "1");
    assert_due(l, 9000, "1 2");
}

static void retirement_never_prolongs_a_key(void **state)
{
    struct store_lab *l = *state;
    bool first;

    store_populate(l);
    commit(l, KEY(1));
    commit(l, KEY(2));
    DO(l, credential_ack, KEY(2), (int64_t)1100, (int64_t)99999, &first);
    assert_due(l, 8999, "");
    assert_due(l, 9000, "1 2");
}

static void assert_listed(struct store_lab *l, struct fr_store_page page,
                          const char *want)
{
    struct names got = {0};

    page.limit = page.limit ? page.limit : 10;
    DO(l, credential_list, &page,
       ((struct fr_store_credential_rows){.row = key_row, .ctx = &got}));
    assert_string_equal(got.text, want);
}

static void credentials_are_listed_by_every_filter(void **state)
{
    struct store_lab *l = *state;
    struct fr_store_page page = {0};

    store_populate(l);
    commit(l, KEY(2));
    commit(l, KEY(1));
    assert_listed(l, page, "1 2");
    assert_listed(l, (struct fr_store_page){.limit = 1}, "1");
    assert_listed(l, (struct fr_store_page){.after = KEY(1)}, "2");
    assert_listed(l, (struct fr_store_page){.enrolee = "dev1"}, "1 2");
    assert_listed(l, (struct fr_store_page){.enrolee = "dev2"}, "");
    assert_listed(l, (struct fr_store_page){.target = "broker.example.com"}, "1 2");
    assert_listed(l, (struct fr_store_page){.target = "x.example"}, "");
    assert_listed(l, (struct fr_store_page){.san = "dns:dev1.example.com"}, "1 2");
    assert_listed(l, (struct fr_store_page){.san = "dns:dev2.example.com"}, "");
    assert_listed(l, (struct fr_store_page){.enrolee = "dev1", .target = "x.example"},
                  "");
    assert_listed(l,
                  (struct fr_store_page){.san = "dns:dev1.example.com",
                                         .enrolee = "dev1",
                                         .target = "broker.example.com",
                                         .after = KEY(1)},
                  "2");
}

/* ---- feed ---- */

static enum fr_code change_row(void *ctx, const struct fr_store_change *c,
                               struct fr_err *err)
{
    static const char *const events[] = {"added", "retired", "revoked"};
    struct names *n = ctx;
    size_t len = strlen(n->text);

    (void)err;
    assert_string_equal(c->target_fqdn, "broker.example.com");
    assert_string_equal(c->san, "dns:dev1.example.com");
    snprintf(n->text + len, sizeof n->text - len, "%s%.1s %s", len ? ", " : "",
             c->key_id, events[c->event]);
    return FR_OK;
}

static void assert_feed(struct store_lab *l, struct fr_store_feed_query query,
                        const char *want)
{
    struct names got = {0};

    query.limit = query.limit ? query.limit : 10;
    DO(l, feed, &query,
       ((struct fr_store_change_rows){.row = change_row, .ctx = &got}));
    assert_string_equal(got.text, want);
}

static void feed_tells_each_change_to_its_target(void **state)
{
    const struct fr_store_feed_query mine = {
        .fqdns = {"x.example", "broker.example.com"}, .n_fqdns = 2};
    const struct fr_store_feed_query theirs = {.fqdns = {"x.example"}, .n_fqdns = 1};
    struct store_lab *l = *state;

    store_populate(l);
    commit(l, KEY(1));
    commit(l, KEY(2));
    commit(l, KEY(3));
    DO(l, credential_remove, KEY(3), FR_EVENT_REVOKED, (int64_t)2000);
    assert_feed(l, mine, "1 added, 2 added, 1 retired, 3 added, 3 revoked");
    assert_feed(l, theirs, "");
}

static void feed_goes_on_behind_its_cursor(void **state)
{
    struct fr_store_feed_query query = {.fqdns = {"broker.example.com"}, .n_fqdns = 1};
    struct store_lab *l = *state;
    uint64_t last;

    store_populate(l);
    DO(l, feed_last, &last);
    assert_true(last == 0);
    commit(l, KEY(1));
    DO(l, feed_last, &query.since);
    assert_true(query.since > 0);
    assert_feed(l, query, "");
    commit(l, KEY(2));
    assert_feed(l, query, "2 added");
    query.since = UINT64_MAX;
    assert_feed(l, query, "");
    query.since = 0;
    query.limit = 1;
    assert_feed(l, query, "1 added");
}

static void feed_forgets_what_nobody_can_need(void **state)
{
    struct fr_store_feed_query query = {.fqdns = {"broker.example.com"}, .n_fqdns = 1};
    const int64_t ever = INT64_MAX / 2;
    struct store_lab *l = *state;
    struct fr_store_credential c = store_credential(KEY(1));
    uint64_t last, after;
    int64_t oldest;
    size_t n;

    DO(l, feed_oldest, &oldest);
    assert_true(oldest == INT64_MAX);
    store_populate(l);
    commit(l, KEY(1));
    DO(l, credential_remove, KEY(1), FR_EVENT_REVOKED, (int64_t)2000);
    commit(l, KEY(2));
    DO(l, feed_last, &last);
    DO(l, feed_oldest, &oldest);
    assert_true(oldest == c.expires);
    DO(l, feed_prune, c.expires, (size_t)10, &n); /* not over yet */
    assert_int_equal(n, 0);
    DO(l, feed_prune, ever, (size_t)1, &n);
    assert_int_equal(n, 1);
    DO(l, feed_prune, ever, (size_t)10, &n);
    assert_int_equal(n, 1);
    assert_feed(l, query, "2 added"); /* it has its credential */
    DO(l, feed_last, &after);
    assert_true(after == last);
    DO(l, credential_remove, KEY(2), FR_EVENT_RETIRED, (int64_t)3000);
    DO(l, feed_prune, ever, (size_t)10, &n);
    assert_feed(l, query, "2 retired"); /* the last: cursors go by it */
}

/* ---- other targets of a Ks ---- */

#define ANOTHER "other.example.com"

static struct fr_store_credential commit_ks(struct store_lab *l, const char *key_id)
{
    struct fr_store_credential c = store_credential(key_id);
    struct fr_store_displaced d;

    c.derivation = FR_DERIVE_GBA;
    DO(l, credential_commit, &c, fr_slice_str("{}"), &d);
    return c;
}

static void tell(struct store_lab *l, const struct fr_store_credential *c)
{
    DO(l, credential_tell, c, ANOTHER, 32, (int64_t)1050);
}

static enum fr_code told_row(void *ctx, const struct fr_store_change *c,
                             struct fr_err *err)
{
    struct fr_store_change mine = *c;

    assert_string_equal(c->target_fqdn, ANOTHER);
    assert_int_equal(c->suid, 32);
    snprintf(mine.target_fqdn, sizeof mine.target_fqdn, "broker.example.com");
    return change_row(ctx, &mine, err);
}

static void assert_told(struct store_lab *l, const char *want)
{
    const struct fr_store_feed_query query = {
        .fqdns = {ANOTHER}, .n_fqdns = 1, .limit = 10};
    struct names got = {0};

    DO(l, feed, &query, ((struct fr_store_change_rows){.row = told_row, .ctx = &got}));
    assert_string_equal(got.text, want);
}

static void who_was_told_of_a_key_is_told_of_its_end(void **state)
{
    const struct fr_store_feed_query own = {.fqdns = {"broker.example.com"},
                                            .n_fqdns = 1};
    struct store_lab *l = *state;
    struct fr_store_credential c;
    struct fr_store_told told;

    store_populate(l);
    c = commit_ks(l, KEY(1));
    DO(l, credential_told, &c, &told);
    assert_int_equal(told.n, 0);
    tell(l, &c);
    store_lab_reopen(l);
    DO(l, credential_told, &c, &told);
    assert_int_equal(told.n, 1);
    assert_string_equal(told.list[0].fqdn, ANOTHER);
    assert_int_equal(told.list[0].suid, 32);
    DO(l, credential_remove, KEY(1), FR_EVENT_REVOKED, (int64_t)2000);
    assert_told(l, "1 added, 1 revoked");
    assert_feed(l, own, "1 added, 1 revoked");
}

static void who_was_told_hears_of_a_key_that_is_pushed_out(void **state)
{
    struct store_lab *l = *state;
    struct fr_store_credential c;

    store_populate(l);
    c = commit_ks(l, KEY(1));
    tell(l, &c);
    commit_ks(l, KEY(2));
    assert_told(l, "1 added");
    commit_ks(l, KEY(3));
    assert_told(l, "1 added, 1 retired");
}

static void a_key_that_serves_others_is_not_retired_by_an_ack(void **state)
{
    struct store_lab *l = *state;
    struct fr_store_credential c;
    bool first;

    store_populate(l);
    c = commit_ks(l, KEY(1));
    tell(l, &c);
    commit_ks(l, KEY(2));
    DO(l, credential_ack, KEY(2), (int64_t)1100, (int64_t)5000, &first);
    assert_true(first);
    DO(l, credential_find, KEY(1), &c);
    assert_int_equal(c.retires, 0);
    assert_due(l, 8999, "");
    assert_due(l, 9000, "1 2");
}

static void previous_key_follows_its_successor_to_its_listing(void **state)
{
    const struct fr_store_page page = {.enrolee = "dev2", .limit = 10};
    struct fr_store_enrolee other = store_enrolee("dev2", "");
    struct fr_store_credential c = store_credential(KEY(2));
    struct store_lab *l = *state;
    struct fr_store_displaced d;

    store_populate(l);
    DO(l, enrolee_add, &other);
    commit(l, KEY(1));
    snprintf(c.enrolee, sizeof c.enrolee, "dev2");
    DO(l, credential_commit, &c, fr_slice_str("{}"), &d);
    assert_listed(l, page, "1 2");
}

const struct CMUnitTest store_credentials[] = {
    STORE(feed_forgets_what_nobody_can_need),
    STORE(previous_key_follows_its_successor_to_its_listing),
    STORE(credential_comes_back_as_it_was),
    STORE(a_tmpi_leads_to_its_credential_as_long_as_it_is),
    STORE(without_a_tmpi_nothing_is_found_by_none),
    STORE(commit_moves_the_slots_on),
    STORE(acknowledged_key_and_the_one_after_it_both_stay),
    STORE(commit_says_whether_the_old_key_was_acknowledged),
    STORE(key_id_is_taken_for_good),
    STORE(key_id_that_was_denied_to_its_device_is_taken),
    STORE(enrolee_of_a_credential_must_be_listed),
    STORE(ack_retires_the_previous_key_once),
    STORE(first_fetch_is_remembered),
    STORE(key_is_due_at_retirement_or_expiry),
    STORE(retirement_never_prolongs_a_key),
    STORE(credentials_are_listed_by_every_filter),
    STORE(feed_tells_each_change_to_its_target),
    STORE(feed_goes_on_behind_its_cursor),
    STORE(who_was_told_of_a_key_is_told_of_its_end),
    STORE(who_was_told_hears_of_a_key_that_is_pushed_out),
    STORE(a_key_that_serves_others_is_not_retired_by_an_ack),
    {0},
};
