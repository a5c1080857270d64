/* SPDX-License-Identifier: Apache-2.0 */
/* What the conformance suite does not know of `file`. */
#include "conform/drive.h"
#include "test.h"

static struct fr_err err;

static enum fr_code run_with(const char *resource, char *ret_path, size_t size)
{
    struct fr_run_context ctx = {0};
    struct fr_instruction in = {.kind = FR_DISCOVERY, .resource = (char *)resource};
    struct fr_discovery *run = NULL;
    struct fr_acts acts = {0};

    FR_TRY(fr_discovery_file.open(&ctx, &in, &run, &err));
    assert_ok(
        fr_discovery_file.step(run, &(struct fr_ev){.kind = FR_EV_START}, &acts, &err));
    assert_int_equal(acts.n, 2);
    assert_int_equal(acts.list[1].kind, FR_ACT_READ_FILE);
    snprintf(ret_path, size, "%s", acts.list[1].path);
    fr_discovery_file.close(run);
    return FR_OK;
}

static void path_is_the_uris_decoded(void **state)
{
    char path[64];

    (void)state;
    assert_ok(run_with("file:///etc/a%20b.json", path, sizeof path));
    assert_string_equal(path, "/etc/a b.json");
}

static void other_uris_are_refused(void **state)
{
    static const char *const uris[] = {"",
                                       "/etc/a",
                                       "file:/etc/a",
                                       "file://host/etc/a",
                                       "https://host/etc/a",
                                       "file:///a?b",
                                       "file:///a#b",
                                       "file:///a%",
                                       "file:///a%00b"};
    char path[64];

    (void)state;
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++)
        assert_fails_as(run_with(uris[i], path, sizeof path), FR_EINVALID,
                        "resource-uri");
}

static void missing_file_keeps_the_drivers_words(void **state)
{
    struct fr_err why = {0};
    const struct fr_ev failed = {.kind = FR_EV_FAILED, .err = &why};
    struct fr_drive d;

    (void)state;
    (void)FR_FAIL_AS(&why, FR_EINVALID, "no-file", "/etc/list is not there");
    fr_drive_init(&d);
    d.discovery = &fr_discovery_file;
    d.in.resource = (char *)"file:///etc/list";
    d.stop_after = 1;
    assert_ok(fr_drive_run(&d, &err));
    assert_fails_as(fr_drive_step(&d, &failed, &err), FR_EINVALID, "no-file");
    assert_string_equal(err.msg, "/etc/list is not there");
    fr_drive_clear(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path_is_the_uris_decoded),
        cmocka_unit_test(other_uris_are_refused),
        cmocka_unit_test(missing_file_keeps_the_drivers_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
