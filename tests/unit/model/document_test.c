/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "model/instruction.h"

static struct fr_document *of_entries(size_t n)
{
    struct fr_document *doc;
    struct fr_instruction *in;
    struct fr_err err = {0};

    assert_ok(fr_document_new(&doc, &err));
    for (size_t i = 0; i < n; i++)
        assert_ok(fr_document_add(doc, FR_BOOTSTRAP, &in, &err));
    return doc;
}

static void a_new_document_is_empty(void **state)
{
    FR_AUTO(document) *doc = of_entries(0);

    (void)state;
    assert_int_equal(doc->n, 0);
    assert_null(doc->name);
    assert_false(doc->has_serial);
}

static void a_bootstrap_entry_has_the_defaults(void **state)
{
    FR_AUTO(document) *doc = of_entries(1);
    const struct fr_instruction *in = &doc->list[0];

    (void)state;
    assert_int_equal(in->kind, FR_BOOTSTRAP);
    assert_int_equal(in->port, 8443);
    assert_int_equal(in->binding, FR_BINDING_HTTP);
    assert_int_equal(in->suid, 22);
    assert_int_equal(in->expiry_s, 365 * 86400);
    assert_int_equal(in->budget_ms, 30000);
    assert_null(in->target);
}

static void a_discovery_entry_has_the_defaults(void **state)
{
    FR_AUTO(document) *doc = of_entries(0);
    struct fr_instruction *in;
    struct fr_err err = {0};

    (void)state;
    assert_ok(fr_document_add(doc, FR_DISCOVERY, &in, &err));
    assert_int_equal(in->kind, FR_DISCOVERY);
    assert_int_equal(in->budget_ms, 30000);
    assert_int_equal(in->port, 0);
}

static void entries_stay_where_they_are(void **state)
{
    FR_AUTO(document) *doc = of_entries(0);
    struct fr_instruction *first, *other;
    struct fr_err err = {0};

    (void)state;
    assert_ok(fr_document_add(doc, FR_BOOTSTRAP, &first, &err));
    for (int i = 0; i < 63; i++)
        assert_ok(fr_document_add(doc, FR_DISCOVERY, &other, &err));
    assert_ptr_equal(first, &doc->list[0]);
}

static void the_65th_entry_is_refused(void **state)
{
    FR_AUTO(document) *doc = of_entries(FR_INSTRUCTIONS_MAX);
    struct fr_instruction *in = NULL;
    struct fr_err err = {0};

    (void)state;
    assert_fails_as(fr_document_add(doc, FR_BOOTSTRAP, &in, &err), FR_EPARSE,
                    "document-too-many");
    assert_null(in);
    assert_int_equal(doc->n, 64);
}

static void splice_moves_all_entries(void **state)
{
    FR_AUTO(document) *doc = of_entries(2), *from = of_entries(3);
    struct fr_err err = {0};

    (void)state;
    from->list[0].port = 1;
    assert_ok(fr_str_dup("mef.example", &from->list[0].mef, &err));
    assert_ok(fr_document_splice(doc, from, &err));
    assert_int_equal(doc->n, 5);
    assert_int_equal(from->n, 0);
    assert_string_equal(doc->list[2].mef, "mef.example");
}

static void a_splice_that_does_not_fit_changes_nothing(void **state)
{
    FR_AUTO(document) *doc = of_entries(60), *from = of_entries(5);
    struct fr_err err = {0};

    (void)state;
    assert_fails_as(fr_document_splice(doc, from, &err), FR_EPARSE,
                    "document-too-many");
    assert_int_equal(doc->n, 60);
    assert_int_equal(from->n, 5);
}

/* TS-0004 6.3.4.2.39 */
static void exactly_the_defined_suids_are_defined(void **state)
{
    static const int defined[] = {10, 11, 12, 13, 14, 15, 21, 22, 23, 24, 25,
                                  32, 33, 34, 35, 40, 41, 42, 43, 44, 45};
    size_t found = 0;

    (void)state;
    for (int suid = -5; suid < 200; suid++)
        found += fr_suid_is_defined(suid);
    assert_int_equal(found, sizeof defined / sizeof defined[0]);
    for (size_t i = 0; i < sizeof defined / sizeof defined[0]; i++)
        assert_true(fr_suid_is_defined(defined[i]));
}

static void a_target_is_an_fqdn_or_an_absolute_id(void **state)
{
    (void)state;
    assert_true(fr_target_is_valid(fr_slice_str("broker.example.com")));
    assert_true(fr_target_is_valid(fr_slice_str("//sp.example/cse-1")));
    assert_true(fr_target_is_valid(fr_slice_str("//sp.example/cse-1/ae")));
    assert_false(fr_target_is_valid(fr_slice_str("/cse-1")));
    assert_false(fr_target_is_valid(fr_slice_str("//sp.example")));
    assert_false(fr_target_is_valid(fr_slice_str("192.0.2.7")));
    assert_false(fr_target_is_valid(fr_slice_str("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_document_is_empty),
        cmocka_unit_test(a_bootstrap_entry_has_the_defaults),
        cmocka_unit_test(a_discovery_entry_has_the_defaults),
        cmocka_unit_test(entries_stay_where_they_are),
        cmocka_unit_test(the_65th_entry_is_refused),
        cmocka_unit_test(splice_moves_all_entries),
        cmocka_unit_test(a_splice_that_does_not_fit_changes_nothing),
        cmocka_unit_test(exactly_the_defined_suids_are_defined),
        cmocka_unit_test(a_target_is_an_fqdn_or_an_absolute_id),
    };

    return cmocka_run_group_tests_name("model/document", tests, NULL, NULL);
}
