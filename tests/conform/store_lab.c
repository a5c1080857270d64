/* SPDX-License-Identifier: Apache-2.0 */
/* How a store is asked, and what it is filled with. */
#include "conform/store.h"

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

struct fr_store_enrolee store_enrolee(const char *name, const char *san)
{
    struct fr_store_enrolee e = {.anchor = STORE_ANCHOR, .created = 1000};

    snprintf(e.name, sizeof e.name, "%s", name);
    snprintf(e.san, sizeof e.san, "%s", san);
    return e;
}

struct fr_store_enrolee store_subscriber(const char *name, const char *imsi)
{
    struct fr_store_enrolee e = {.created = 1000, .lifetime = 3600, .gba_u = true};

    snprintf(e.name, sizeof e.name, "%s", name);
    snprintf(e.imsi, sizeof e.imsi, "%s", imsi);
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
        .client_reg = "reg-1",
        .context = "of the key"};

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
