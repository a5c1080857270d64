/* SPDX-License-Identifier: Apache-2.0 */
#include "trigger/manual.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "test.h"

#define DOCUMENT                                                                       \
    "{\"version\":1,\"instructions\":[{\"bootstrap\":\"psk\",\"mef\":\"m.example\"}]}"

static struct fr_manual *fresh(void)
{
    struct fr_manual *m;
    struct fr_err err;

    assert_ok(fr_manual_new(&m, &err));
    return m;
}

static struct fr_document *take(struct fr_manual *m)
{
    struct fr_document *doc;
    struct fr_err err;

    assert_ok(fr_manual_take(m, &doc, &err));
    fr_manual_free(m);
    return doc;
}

/* ---- manual ---- */

static void an_fqdn_is_one_certificate_bootstrap(void **state)
{
    struct fr_manual *m = fresh();
    struct fr_err err;

    (void)state;
    assert_ok(fr_manual_mef(m, "MEF.example.com", &err));
    FR_AUTO(document) *doc = take(m);
    assert_int_equal(doc->n, 1);
    assert_string_equal(doc->list[0].method, "certificate");
    assert_string_equal(doc->list[0].mef, "mef.example.com");
    assert_int_equal(doc->list[0].port, FR_PORT_HTTP);
    assert_null(doc->list[0].target);
}

static void a_port_can_be_given(void **state)
{
    struct fr_manual *m = fresh();
    struct fr_err err;

    (void)state;
    assert_ok(fr_manual_mef(m, "mef.example.com:4433", &err));
    assert_ok(fr_manual_bootstrap(m, "psk:mef2.example.com:4434", &err));
    FR_AUTO(document) *doc = take(m);
    assert_int_equal(doc->list[0].port, 4433);
    assert_int_equal(doc->list[1].port, 4434);
    assert_string_equal(doc->list[1].method, "psk");
}

static void a_target_is_of_the_nearest_bootstrap_before_it(void **state)
{
    struct fr_manual *m = fresh();
    struct fr_err err;

    (void)state;
    assert_ok(fr_manual_mef(m, "a.example.com", &err));
    assert_ok(fr_manual_target(m, "x.example.com", &err));
    assert_ok(fr_manual_mef(m, "b.example.com", &err));
    assert_ok(fr_manual_discover(m, "file:///list", &err));
    assert_ok(fr_manual_target(m, "//sp.example/cse", &err));
    FR_AUTO(document) *doc = take(m);
    assert_string_equal(doc->list[0].target, "x.example.com");
    assert_string_equal(doc->list[1].target, "//sp.example/cse");
}

static void a_target_before_any_bootstrap_is_the_default(void **state)
{
    struct fr_manual *m = fresh();
    struct fr_err err;

    (void)state;
    assert_ok(fr_manual_target(m, "x.example.com", &err));
    assert_ok(fr_manual_mef(m, "a.example.com", &err));
    assert_ok(fr_manual_mef(m, "b.example.com", &err));
    assert_ok(fr_manual_target(m, "y.example.com", &err));
    FR_AUTO(document) *doc = take(m);
    assert_string_equal(doc->list[0].target, "x.example.com");
    assert_string_equal(doc->list[1].target, "y.example.com");
}

static void a_documents_entries_keep_their_place_and_their_targets(void **state)
{
    struct fr_manual *m = fresh();
    struct fr_err err;

    (void)state;
    assert_ok(fr_manual_target(m, "x.example.com", &err));
    assert_ok(fr_manual_mef(m, "a.example.com", &err));
    assert_ok(fr_manual_document(m, fr_slice_str(DOCUMENT), "doc", &err));
    assert_ok(fr_manual_mef(m, "b.example.com", &err));
    FR_AUTO(document) *doc = take(m);
    assert_int_equal(doc->n, 3);
    assert_string_equal(doc->list[1].method, "psk");
    assert_null(doc->list[1].target);
    assert_string_equal(doc->list[2].target, "x.example.com");
}

static void a_discovery_is_named_by_its_scheme(void **state)
{
    struct fr_manual *m = fresh();
    struct fr_err err;

    (void)state;
    assert_ok(fr_manual_discover(m, "https://d.example.com/", &err));
    assert_ok(fr_manual_discover(m, "file:///etc/list.json", &err));
    FR_AUTO(document) *doc = take(m);
    assert_string_equal(doc->list[0].method, "https");
    assert_string_equal(doc->list[1].method, "file");
    assert_string_equal(doc->list[1].resource, "file:///etc/list.json");
}

static void words_that_are_wrong_are_usage(void **state)
{
    struct fr_manual *m = fresh();
    struct fr_err err;

    (void)state;
    assert_fails(fr_manual_mef(m, "not a name", &err), FR_EUSAGE);
    assert_fails(fr_manual_mef(m, "mef.example.com:0", &err), FR_EUSAGE);
    assert_fails(fr_manual_mef(m, "mef.example.com:65536", &err), FR_EUSAGE);
    assert_fails(fr_manual_bootstrap(m, "mef.example.com", &err), FR_EUSAGE);
    assert_fails(fr_manual_bootstrap(m, ":mef.example.com", &err), FR_EUSAGE);
    assert_fails(fr_manual_bootstrap(m, "P S K:mef.example.com", &err), FR_EUSAGE);
    assert_fails(fr_manual_target(m, "two words", &err), FR_EUSAGE);
    assert_fails(fr_manual_discover(m, "ftp://x/", &err), FR_EUSAGE);
    assert_fails(fr_manual_discover(m, "file://relative", &err), FR_EUSAGE);
    fr_manual_free(m);
}

static void a_broken_document_is_named(void **state)
{
    struct fr_manual *m = fresh();
    struct fr_err err;

    (void)state;
    assert_fails(fr_manual_document(m, fr_slice_str("{"), "list.json", &err),
                 FR_EPARSE);
    assert_contains(err.msg, "list.json");
    fr_manual_free(m);
}

static void nothing_named_is_usage(void **state)
{
    struct fr_manual *m = fresh();
    struct fr_document *doc = NULL;
    struct fr_err err;

    (void)state;
    assert_fails(fr_manual_take(m, &doc, &err), FR_EUSAGE);
    fr_manual_free(m);
}

static void the_65th_entry_is_refused(void **state)
{
    struct fr_manual *m = fresh();
    struct fr_err err;

    (void)state;
    for (int i = 0; i < FR_INSTRUCTIONS_MAX; i++)
        assert_ok(fr_manual_mef(m, "mef.example.com", &err));
    assert_fails(fr_manual_mef(m, "mef.example.com", &err), FR_EPARSE);
    fr_manual_free(m);
}

/* ---- boot ---- */

static void boot_fires_the_configured_document(void **state)
{
    char path[] = "/tmp/fr-boot-XXXXXX";
    struct fr_trigger_source source = {.instructions = path};
    FR_AUTO(document) *doc = NULL;
    struct fr_err err;
    int fd = mkstemp(path);

    (void)state;
    assert_ok(fr_fd_write_all(fd, path, fr_slice_str(DOCUMENT), &err));
    (void)close(fd);
    assert_ok(fr_trigger_boot.fire(&source, &doc, &err));
    assert_string_equal(doc->list[0].mef, "m.example");
    (void)unlink(path);
}

static void boot_fires_the_configured_discovery(void **state)
{
    struct fr_trigger_source source = {.discover = "https://d.example.com/"};
    FR_AUTO(document) *doc = NULL;
    struct fr_err err;

    (void)state;
    assert_ok(fr_trigger_boot.fire(&source, &doc, &err));
    assert_int_equal(doc->n, 1);
    assert_string_equal(doc->list[0].resource, "https://d.example.com/");
}

static void boot_tells_nothing_configured_from_something_missing(void **state)
{
    struct fr_trigger_source none = {.instructions = NULL};
    struct fr_trigger_source missing = {.instructions = "/nonexistent/list"};
    struct fr_document *doc = NULL;
    struct fr_err err;

    (void)state;
    assert_fails_as(fr_trigger_boot.fire(&none, &doc, &err), FR_ECONFIG, "no-list");
    assert_fails(fr_trigger_boot.fire(&missing, &doc, &err), FR_ECONFIG);
    assert_contains(err.msg, "/nonexistent/list");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_fqdn_is_one_certificate_bootstrap),
        cmocka_unit_test(a_port_can_be_given),
        cmocka_unit_test(a_target_is_of_the_nearest_bootstrap_before_it),
        cmocka_unit_test(a_target_before_any_bootstrap_is_the_default),
        cmocka_unit_test(a_documents_entries_keep_their_place_and_their_targets),
        cmocka_unit_test(a_discovery_is_named_by_its_scheme),
        cmocka_unit_test(words_that_are_wrong_are_usage),
        cmocka_unit_test(a_broken_document_is_named),
        cmocka_unit_test(nothing_named_is_usage),
        cmocka_unit_test(the_65th_entry_is_refused),
        cmocka_unit_test(boot_fires_the_configured_document),
        cmocka_unit_test(boot_fires_the_configured_discovery),
        cmocka_unit_test(boot_tells_nothing_configured_from_something_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
