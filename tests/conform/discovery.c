/* SPDX-License-Identifier: Apache-2.0 */
#include "conform/discovery.h"

#include "test.h"

#define TWO                                                                            \
    "{\"version\":1,\"instructions\":["                                                \
    "{\"bootstrap\":\"certificate\",\"mef\":\"mef1.example.com\"},"                    \
    "{\"bootstrap\":\"psk\",\"mef\":\"mef2.example.com\"}]}"
#define NESTED                                                                         \
    "{\"version\":1,\"instructions\":["                                                \
    "{\"discovery\":\"file\",\"resource\":\"file:///etc/more\"}]}"

static const struct fr_conform_discovery *member;
static struct fr_err err;

static void begin(struct fr_drive *d, const char *document)
{
    fr_drive_init(d);
    d->discovery = member->method;
    d->in.kind = FR_DISCOVERY;
    member->begin(d, document);
}

static void end(struct fr_drive *d)
{
    member->end(d);
    fr_drive_clear(d);
}

static int count_events(void)
{
    struct fr_drive d;
    int n;

    begin(&d, TWO);
    assert_ok(fr_drive_run(&d, &err));
    n = d.n_events;
    end(&d);
    return n;
}

static void method_is_complete(void **state)
{
    const struct fr_discovery_method *list[] = {member->method, NULL};

    (void)state;
    assert_true(member->method->name[0] && member->method->help[0]);
    assert_non_null(member->method->open);
    assert_non_null(member->method->step);
    assert_non_null(member->method->finish);
    assert_ptr_equal(fr_discovery_find(list, member->method->name), member->method);
    assert_null(fr_discovery_find(list, "no such method"));
    member->method->close(NULL);
}

static void list_is_found_in_its_order(void **state)
{
    FR_AUTO(document) *doc = NULL;
    struct fr_drive d;

    (void)state;
    begin(&d, TWO);
    assert_ok(fr_drive_run(&d, &err));
    assert_ok(d.discovery->finish(d.search, &doc, &err));
    assert_int_equal(doc->n, 2);
    assert_string_equal(doc->list[0].mef, "mef1.example.com");
    assert_string_equal(doc->list[1].method, "psk");
    assert_int_equal(d.phase, FR_PHASE_DISCOVERY);
    end(&d);
}

static void list_is_handed_over_once_and_not_early(void **state)
{
    FR_AUTO(document) *doc = NULL;
    FR_AUTO(document) *again = NULL;
    struct fr_drive d;

    (void)state;
    begin(&d, TWO);
    d.stop_after = 1;
    assert_ok(fr_drive_run(&d, &err));
    assert_fails(d.discovery->finish(d.search, &doc, &err), FR_EINTERNAL);
    end(&d);
    begin(&d, TWO);
    assert_ok(fr_drive_run(&d, &err));
    assert_ok(d.discovery->finish(d.search, &doc, &err));
    assert_fails(d.discovery->finish(d.search, &again, &err), FR_EINTERNAL);
    end(&d);
}

static void portions_of_octets_make_no_difference(void **state)
{
    FR_AUTO(document) *doc = NULL;
    struct fr_drive d;

    (void)state;
    begin(&d, TWO);
    d.portion = 1;
    assert_ok(fr_drive_run(&d, &err));
    assert_ok(d.discovery->finish(d.search, &doc, &err));
    assert_int_equal(doc->n, 2);
    end(&d);
}

static void assert_malformed(const char *document, const char *reason)
{
    FR_AUTO(document) *doc = NULL;
    struct fr_drive d;

    begin(&d, document);
    assert_fails_as(fr_drive_run(&d, &err), FR_EPARSE, reason);
    assert_fails(d.discovery->finish(d.search, &doc, &err), FR_EINTERNAL);
    end(&d);
}

static void discovery_inside_the_list_is_malformed(void **state)
{
    (void)state;
    assert_malformed(NESTED, "document-nested-discovery");
}

static void garbage_is_malformed(void **state)
{
    (void)state;
    assert_malformed("{\"version\":1,", "document-syntax");
}

static void failure_of_the_source_keeps_its_class(void **state)
{
    struct fr_err why = {0};
    const struct fr_ev failed = {.kind = FR_EV_FAILED, .err = &why};
    int events = count_events();

    (void)state;
    (void)FR_FAIL_AS(&why, FR_EREFUSED, "tls-alert-42", "bad certificate");
    for (int k = 1; k < events; k++) {
        struct fr_drive d;

        begin(&d, TWO);
        d.stop_after = k;
        assert_ok(fr_drive_run(&d, &err));
        assert_fails_as(fr_drive_step(&d, &failed, &err), FR_EREFUSED, "tls-alert-42");
        end(&d);
    }
}

static void run_is_closed_in_any_state(void **state)
{
    int events = count_events();
    struct fr_drive d;

    (void)state;
    begin(&d, TWO);
    assert_ok(d.discovery->open(&d.ctx, &d.in, &d.search, &err));
    assert_ptr_equal(d.search->method, member->method);
    end(&d);
    for (int k = 1; k < events; k++) {
        begin(&d, TWO);
        d.stop_after = k;
        assert_ok(fr_drive_run(&d, &err));
        assert_false(d.done);
        end(&d);
    }
}

static void events_of_another_phase_are_our_own_mistake(void **state)
{
    static const enum fr_ev_kind kinds[] = {FR_EV_START, FR_EV_STORED, FR_EV_FLIPPED,
                                            FR_EV_DROPPED};
    struct fr_drive d;

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct fr_ev ev = {.kind = kinds[i]};

        begin(&d, TWO);
        d.stop_after = 1;
        assert_ok(fr_drive_run(&d, &err));
        assert_fails(fr_drive_step(&d, &ev, &err), FR_EINTERNAL);
        end(&d);
    }
}

int fr_conform_discovery_run(const struct fr_conform_discovery *m)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(method_is_complete),
        cmocka_unit_test(list_is_found_in_its_order),
        cmocka_unit_test(list_is_handed_over_once_and_not_early),
        cmocka_unit_test(portions_of_octets_make_no_difference),
        cmocka_unit_test(discovery_inside_the_list_is_malformed),
        cmocka_unit_test(garbage_is_malformed),
        cmocka_unit_test(failure_of_the_source_keeps_its_class),
        cmocka_unit_test(run_is_closed_in_any_state),
        cmocka_unit_test(events_of_another_phase_are_our_own_mistake),
    };

    member = m;
    return cmocka_run_group_tests_name(m->method->name, tests, NULL, NULL);
}
