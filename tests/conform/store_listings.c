/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolees, targets, and who may what. */
#include "conform/store.h"

/* Names as "a b c". */
struct names {
    char text[512];
};

static void add_name(struct names *n, const char *name)
{
    size_t len = strlen(n->text);

    snprintf(n->text + len, sizeof n->text - len, "%s%s", len ? " " : "", name);
}

static enum fr_code enrolee_row(void *ctx, const struct fr_store_enrolee *e,
                                struct fr_err *err)
{
    (void)err;
    add_name(ctx, e->name);
    return FR_OK;
}

static void assert_enrolees(struct store_lab *l, const struct fr_store_page *page,
                            const char *want)
{
    struct names got = {0};

    DO(l, enrolee_list, page,
       ((struct fr_store_enrolee_rows){.row = enrolee_row, .ctx = &got}));
    assert_string_equal(got.text, want);
}

static enum fr_code allowed_row(void *ctx, const struct fr_store_allowed *a,
                                struct fr_err *err)
{
    (void)err;
    add_name(ctx, a->target.id);
    if (a->is_default)
        add_name(ctx, "(default)");
    return FR_OK;
}

static void assert_allowed(struct store_lab *l, const char *want)
{
    struct names got = {0};

    DO(l, allowed, "dev1",
       ((struct fr_store_allowed_rows){.row = allowed_row, .ctx = &got}));
    assert_string_equal(got.text, want);
}

static void enrolee_is_found_by_name_and_by_identity(void **state)
{
    struct store_lab *l = *state;
    struct fr_store_enrolee e;

    store_populate(l);
    DO(l, enrolee_find, "dev1", &e);
    assert_string_equal(e.san, "dns:dev1.example.com");
    assert_string_equal(e.anchor, STORE_ANCHOR);
    assert_true(e.created == 1000);
    DO(l, enrolee_match, STORE_ANCHOR, "dns:dev1.example.com", &e);
    assert_string_equal(e.name, "dev1");
}

static void identity_is_anchor_and_name_together(void **state)
{
    struct store_lab *l = *state;
    struct fr_store_enrolee e;

    store_populate(l);
    assert_int_equal(ASK(l, enrolee_match, STORE_ANCHOR, "dns:dev2", &e), FR_ENOTFOUND);
    assert_int_equal(ASK(l, enrolee_match, "bb", "dns:dev1.example.com", &e),
                     FR_ENOTFOUND);
    assert_int_equal(ASK(l, enrolee_match, STORE_ANCHOR, "", &e), FR_ENOTFOUND);
}

static void name_and_identity_are_taken_once(void **state)
{
    struct fr_store_enrolee same_name = store_enrolee("dev1", "dns:else");
    struct fr_store_enrolee same_san = store_enrolee("else", "dns:dev1.example.com");
    struct fr_store_enrolee all = store_enrolee("all", "");
    struct fr_store_enrolee all_again = store_enrolee("all again", "");
    struct store_lab *l = *state;

    store_populate(l);
    assert_int_equal(ASK(l, enrolee_add, &same_name), FR_ECONFLICT);
    assert_int_equal(ASK(l, enrolee_add, &same_san), FR_ECONFLICT);
    DO(l, enrolee_add, &all);
    assert_int_equal(ASK(l, enrolee_add, &all_again), FR_ECONFLICT);
    assert_string_equal(l->err.reason, "enrolee-exists");
}

static void sim_alone_is_a_listing(void **state)
{
    struct fr_store_enrolee e = store_subscriber("meter1", "001010000000001");
    struct fr_store_enrolee next = store_subscriber("meter2", "001010000000002");
    struct store_lab *l = *state;

    DO(l, enrolee_add, &e);
    DO(l, enrolee_add, &next);
    e = (struct fr_store_enrolee){0};
    DO(l, enrolee_match_imsi, "001010000000001", &e);
    assert_string_equal(e.name, "meter1");
    assert_string_equal(e.imsi, "001010000000001");
    assert_string_equal(e.anchor, "");
    assert_string_equal(e.san, "");
    assert_true(e.lifetime == 3600 && e.gba_u && e.created == 1000);
    DO(l, enrolee_find, "meter2", &e);
    assert_string_equal(e.imsi, "001010000000002");
    assert_int_equal(ASK(l, enrolee_match_imsi, "00101000000000", &e), FR_ENOTFOUND);
}

static void listing_without_a_sim_or_a_certificate_matches_none(void **state)
{
    struct fr_store_enrolee e = store_subscriber("meter1", "001010000000001");
    struct store_lab *l = *state;

    store_populate(l);
    DO(l, enrolee_add, &e);
    assert_int_equal(ASK(l, enrolee_match_imsi, "", &e), FR_ENOTFOUND);
    assert_int_equal(ASK(l, enrolee_match, "", "", &e), FR_ENOTFOUND);
    assert_int_equal(ASK(l, enrolee_match, "", "meter1", &e), FR_ENOTFOUND);
    assert_enrolees(l, &(struct fr_store_page){.limit = 9, .san = "meter1"}, "");
    DO(l, enrolee_find, "dev1", &e);
    assert_string_equal(e.imsi, "");
    assert_true(e.lifetime == 0 && !e.gba_u);
}

static void imsi_is_of_one_listing(void **state)
{
    struct fr_store_enrolee e = store_subscriber("meter1", "001010000000001");
    struct fr_store_enrolee again = store_subscriber("meter2", "001010000000001");
    struct store_lab *l = *state;

    store_populate(l);
    DO(l, enrolee_add, &e);
    assert_int_equal(ASK(l, enrolee_add, &again), FR_ECONFLICT);
    assert_string_equal(l->err.reason, "enrolee-exists");
    DO(l, enrolee_find, "dev1", &again);
    memcpy(again.imsi, e.imsi, sizeof again.imsi);
    assert_int_equal(ASK(l, enrolee_sim, &again), FR_ECONFLICT);
    assert_string_equal(l->err.reason, "enrolee-exists");
    DO(l, enrolee_remove, "meter1");
    DO(l, enrolee_sim, &again);
    DO(l, enrolee_match_imsi, "001010000000001", &e);
    assert_string_equal(e.name, "dev1");
}

static void sim_of_a_listing_comes_changes_and_goes(void **state)
{
    struct fr_store_enrolee e, nobody = store_subscriber("dev9", "001010000000009");
    struct store_lab *l = *state;

    store_populate(l);
    DO(l, enrolee_find, "dev1", &e);
    snprintf(e.imsi, sizeof e.imsi, "001010000000001");
    e.lifetime = 60;
    DO(l, enrolee_sim, &e);
    DO(l, enrolee_match, STORE_ANCHOR, "dns:dev1.example.com", &e);
    assert_string_equal(e.imsi, "001010000000001");
    assert_true(e.lifetime == 60 && !e.gba_u);
    snprintf(e.imsi, sizeof e.imsi, "001010000000002");
    DO(l, enrolee_sim, &e);
    assert_int_equal(ASK(l, enrolee_match_imsi, "001010000000001", &e), FR_ENOTFOUND);
    DO(l, enrolee_match_imsi, "001010000000002", &e);
    e.imsi[0] = 0;
    DO(l, enrolee_sim, &e);
    assert_int_equal(ASK(l, enrolee_match_imsi, "001010000000002", &e), FR_ENOTFOUND);
    assert_allowed(l, "broker.example.com");
    assert_int_equal(ASK(l, enrolee_sim, &nobody), FR_ENOTFOUND);
}

static void enrolees_are_listed_by_name_in_pages(void **state)
{
    struct store_lab *l = *state;
    struct fr_store_enrolee c = store_enrolee("c", "dns:c"), b = store_enrolee("b", "");

    store_populate(l);
    DO(l, enrolee_add, &c);
    DO(l, enrolee_add, &b);
    assert_enrolees(l, &(struct fr_store_page){.limit = 10}, "b c dev1");
    assert_enrolees(l, &(struct fr_store_page){.limit = 2}, "b c");
    assert_enrolees(l, &(struct fr_store_page){.limit = 2, .after = "c"}, "dev1");
    assert_enrolees(l, &(struct fr_store_page){.limit = 9, .san = "dns:c"}, "c");
}

static void removed_enrolee_takes_its_permissions_along(void **state)
{
    struct fr_store_enrolee e = store_enrolee("dev1", "dns:dev1.example.com");
    struct store_lab *l = *state;

    store_populate(l);
    DO(l, enrolee_remove, "dev1");
    assert_int_equal(ASK(l, enrolee_remove, "dev1"), FR_ENOTFOUND);
    DO(l, enrolee_add, &e);
    assert_allowed(l, "");
}

static void target_is_found_by_id_and_by_fqdn(void **state)
{
    struct fr_store_target t = store_target("cse.example.com"), found;
    struct store_lab *l = *state;

    snprintf(t.id, sizeof t.id, "//sp.example/cse");
    t.derivation = FR_DERIVE_KPSA;
    DO(l, target_add, &t);
    DO(l, target_find, "//sp.example/cse", &found);
    assert_int_equal(found.derivation, FR_DERIVE_KPSA);
    DO(l, target_find_fqdn, "cse.example.com", &found);
    assert_string_equal(found.id, "//sp.example/cse");
    assert_int_equal(ASK(l, target_find, "cse.example.com", &found), FR_ENOTFOUND);
    assert_int_equal(ASK(l, target_find_fqdn, "x.example", &found), FR_ENOTFOUND);
    t = store_target("cse.example.com");
    assert_int_equal(ASK(l, target_add, &t), FR_ECONFLICT);
}

static void permission_needs_both_ends(void **state)
{
    struct store_lab *l = *state;

    store_populate(l);
    assert_int_equal(ASK(l, allow, "dev1", "x.example", false), FR_ENOTFOUND);
    assert_int_equal(ASK(l, allow, "dev9", "broker.example.com", false), FR_ENOTFOUND);
    assert_int_equal(ASK(l, deny, "dev1", "x.example"), FR_ENOTFOUND);
}

static void there_is_one_default_and_it_comes_first(void **state)
{
    struct fr_store_target t = store_target("other.example.com");
    struct store_lab *l = *state;

    store_populate(l);
    DO(l, target_add, &t);
    DO(l, allow, "dev1", "other.example.com", true);
    assert_allowed(l, "other.example.com (default) broker.example.com");
    DO(l, allow, "dev1", "broker.example.com", true);
    assert_allowed(l, "broker.example.com (default) other.example.com");
    DO(l, allow, "dev1", "broker.example.com", false);
    assert_allowed(l, "broker.example.com other.example.com");
    DO(l, deny, "dev1", "broker.example.com");
    assert_allowed(l, "other.example.com");
}

static void what_has_credentials_stays(void **state)
{
    struct fr_store_credential c = store_credential("1@mef.example.com");
    struct fr_store_displaced d;
    struct store_lab *l = *state;

    store_populate(l);
    DO(l, credential_commit, &c, fr_slice_str("{}"), &d);
    assert_int_equal(ASK(l, target_remove, "broker.example.com"), FR_ECONFLICT);
    assert_int_equal(ASK(l, enrolee_remove, "dev1"), FR_ECONFLICT);
    DO(l, credential_remove, c.key_id, FR_EVENT_REVOKED, (int64_t)1);
    DO(l, target_remove, "broker.example.com");
    assert_int_equal(ASK(l, target_remove, "broker.example.com"), FR_ENOTFOUND);
}

static enum fr_code failing_row(void *ctx, const struct fr_store_enrolee *e,
                                struct fr_err *err)
{
    (void)ctx;
    return FR_FAIL(err, FR_ELIMIT, "no more than %s", e->name);
}

static void failure_of_a_row_is_the_calls(void **state)
{
    const struct fr_store_page page = {.limit = 10};
    struct store_lab *l = *state;

    store_populate(l);
    assert_int_equal(ASK(l, enrolee_list, &page,
                         ((struct fr_store_enrolee_rows){.row = failing_row})),
                     FR_ELIMIT);
    assert_string_equal(l->err.msg, "no more than dev1");
    assert_enrolees(l, &page, "dev1");
}

const struct CMUnitTest store_listings[] = {
    STORE(enrolee_is_found_by_name_and_by_identity),
    STORE(identity_is_anchor_and_name_together),
    STORE(name_and_identity_are_taken_once),
    STORE(sim_alone_is_a_listing),
    STORE(listing_without_a_sim_or_a_certificate_matches_none),
    STORE(imsi_is_of_one_listing),
    STORE(sim_of_a_listing_comes_changes_and_goes),
    STORE(enrolees_are_listed_by_name_in_pages),
    STORE(removed_enrolee_takes_its_permissions_along),
    STORE(target_is_found_by_id_and_by_fqdn),
    STORE(permission_needs_both_ends),
    STORE(there_is_one_default_and_it_comes_first),
    STORE(what_has_credentials_stays),
    STORE(failure_of_a_row_is_the_calls),
    {0},
};
