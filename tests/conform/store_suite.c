/* SPDX-License-Identifier: Apache-2.0 */
#include "conform/store.h"

#include <stdlib.h>

enum { TESTS_MAX = 64 };

static void answered(void *ctx, enum fr_code rc, const struct fr_err *err)
{
    struct store_answer *a = ctx;

    assert_false(a->done); /* once */
    a->done = true;
    a->rc = rc;
    if (rc != FR_OK)
        *a->err = *err;
}

struct fr_store_call store_call(struct store_answer *a)
{
    return (struct fr_store_call){.done = answered, .ctx = a};
}

enum fr_code store_wait(struct fr_store *s, struct store_answer *a)
{
    while (!a->done)
        if (s->methods->wait(s, a->err) != FR_OK)
            fail_msg("waiting: %s", a->err->msg);
    return a->rc;
}

void store_lab_enter(struct store_lab *l)
{
    const struct fr_store_node node = {.name = STORE_NODE, .instance = "i", .seen = 7};

    l->s = fr_store_maker.open(l->maker);
    DO(l, node_enter, &node);
}

int store_lab_setup(void **state)
{
    struct store_lab *l = calloc(1, sizeof *l);

    assert_non_null(l);
    l->maker = fr_store_maker.setup();
    store_lab_enter(l);
    *state = l;
    return 0;
}

int store_lab_teardown(void **state)
{
    struct store_lab *l = *state;

    fr_store_free(l->s);
    fr_store_maker.teardown(l->maker);
    free(l);
    return 0;
}

void store_lab_reopen(struct store_lab *l)
{
    fr_store_free(l->s);
    store_lab_enter(l);
}

struct fr_store_enrolee store_enrolee(const char *name, const char *san)
{
    struct fr_store_enrolee e = {.anchor = STORE_ANCHOR, .created = 1000};

    snprintf(e.name, sizeof e.name, "%s", name);
    snprintf(e.san, sizeof e.san, "%s", san);
    return e;
}

struct fr_store_target store_target(const char *fqdn)
{
    struct fr_store_target t = {.derivation = FR_DERIVE_USAGE, .created = 1000};

    snprintf(t.id, sizeof t.id, "%s", fqdn);
    snprintf(t.fqdn, sizeof t.fqdn, "%s", fqdn);
    return t;
}

struct fr_store_credential store_credential(const char *key_id)
{
    struct fr_store_credential c = {
        .place = {.identity = STORE_ANCHOR "/dns:dev1.example.com",
                  .admin_fqdn = "mef.example.com",
                  .suid = 22,
                  .target = "broker.example.com"},
        .enrolee = "dev1",
        .san = "dns:dev1.example.com",
        .target_fqdn = "broker.example.com",
        .wrapped_len = FR_STORE_WRAPPED_MAX,
        .created = 1000,
        .expires = 9000,
        .confirmed = true,
        .method = "certificate",
        .credential_ref = "cert:5a5a",
        .client_reg = "reg-1"};

    snprintf(c.key_id, sizeof c.key_id, "%s", key_id);
    memset(c.wrapped, 0x77, sizeof c.wrapped);
    memset(c.request_sha, 1, sizeof c.request_sha);
    memset(c.response_sha, 2, sizeof c.response_sha);
    return c;
}

void store_populate(struct store_lab *l)
{
    struct fr_store_enrolee e = store_enrolee("dev1", "dns:dev1.example.com");
    struct fr_store_target t = store_target("broker.example.com");

    DO(l, enrolee_add, &e);
    DO(l, target_add, &t);
    DO(l, allow, "dev1", "broker.example.com", false);
}

void store_audit(struct store_lab *l, struct fr_store_audit *line)
{
    struct fr_store_node end;

    DO_PLAIN(l, begin);
    DO(l, audit_add, line);
    DO(l, audit_tail, &end);
    snprintf(end.seal, sizeof end.seal, "%.8s", end.hash);
    DO(l, audit_end, &end);
    DO_PLAIN(l, commit);
}

static size_t append(struct CMUnitTest *to, size_t n, const struct CMUnitTest *tests)
{
    for (; tests->test_func; tests++) {
        assert_true(n < TESTS_MAX);
        to[n++] = *tests;
    }
    return n;
}

int main(void)
{
    struct CMUnitTest tests[TESTS_MAX];
    size_t n = 0;

    n = append(tests, n, store_batches);
    n = append(tests, n, store_listings);
    n = append(tests, n, store_credentials);
    n = append(tests, n, store_records);
    n = append(tests, n, store_copies);
    return _cmocka_run_group_tests("store", tests, n, fr_store_maker.start,
                                   fr_store_maker.stop);
}
