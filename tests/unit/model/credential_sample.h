/* SPDX-License-Identifier: Apache-2.0 */
/* The credential of RSPF 5.8, with everything set. */
#ifndef FR_TEST_CREDENTIAL_SAMPLE_H
#define FR_TEST_CREDENTIAL_SAMPLE_H

#include <stdlib.h>

#include "base/str.h"
#include "model/credential.h"
#include "test.h"

#define SAMPLE_KE    "71d4117ef18249a1ccb60f2bc89a24d64bf321300914dfdaf91b7152a909ad7c"
#define SAMPLE_KEYID "C1AEC59A313D1341C3D91E1FEE552FF2@mef.example.com"

static inline struct fr_credential *credential_sample(void)
{
    struct fr_credential *c = NULL;
    struct fr_err err = {0};

    assert_ok(fr_credential_new(&c, &err));
    c->port = 8443;
    c->suid = 22;
    c->derivation = FR_DERIVE_USAGE;
    c->created = 1795489639;
    c->expires = 1827025639;
    c->confirmed = true;
    assert_ok(fr_str_dup("certificate", &c->method, &err));
    assert_ok(fr_str_dup("mef.example.com", &c->mef, &err));
    assert_ok(fr_str_dup("//sp.example.com/cse-b", &c->target, &err));
    assert_ok(fr_str_dup("cse-b.in.sp.example.com", &c->target_fqdn, &err));
    assert_ok(fr_str_dup("mef.example.com", &c->admin_fqdn, &err));
    assert_ok(fr_str_dup(SAMPLE_KEYID, &c->key_id, &err));
    assert_ok(fr_str_dup("/mefbase/C1AEC59A313D1341C3D91E1FEE552FF2", &c->registration,
                         &err));
    assert_ok(fr_str_dup("/mefbase/reg-1", &c->client_registration, &err));
    assert_ok(fr_str_dup("factory", &c->credential_name, &err));
    assert_ok(fr_secret_from_hex(fr_slice_str(SAMPLE_KE), &c->ke, &err));
    return c;
}

/* NET 7: set 1 of TS 35.208. Ks = CK || IK. */
#define SAMPLE_KS   "b40ba9a3c58b2a05bbf0d987b21bf8cbf769bcd751044604127672711c6d3441"
#define SAMPLE_RAND "23553cbe9637a89d218ae64dae47bf35"
#define SAMPLE_IMPI "001010000000001@ims.mnc001.mcc001.3gppnetwork.org"
#define SAMPLE_BTID "I1U8vpY3qJ0hiuZNrke/NQ==@mef.example.com"

static inline void sample_text(char **to, const char *text)
{
    struct fr_err err = {0};

    free(*to);
    assert_ok(fr_str_dup(text, to, &err));
}

static inline struct fr_credential *credential_sample_gba(void)
{
    struct fr_credential *c = credential_sample();
    struct fr_err err = {0};

    c->derivation = FR_DERIVE_GBA;
    sample_text(&c->method, "gba");
    sample_text(&c->target, "naf.example.org");
    sample_text(&c->target_fqdn, "naf.example.org");
    sample_text(&c->key_id, SAMPLE_BTID);
    sample_text(&c->registration, "/fieldroot/v1/gba/ack");
    sample_text(&c->impi, SAMPLE_IMPI);
    assert_true(fr_hex_decode(fr_slice_str(SAMPLE_RAND), c->rand));
    fr_secret_free(c->ke);
    assert_ok(fr_secret_from_hex(fr_slice_str(SAMPLE_KS), &c->ke, &err));
    return c;
}

static inline void assert_same_credential(const struct fr_credential *a,
                                          const struct fr_credential *b)
{
    assert_string_equal(a->method, b->method);
    assert_string_equal(a->mef, b->mef);
    assert_int_equal(a->port, b->port);
    assert_string_equal(a->target, b->target);
    assert_string_equal(a->target_fqdn, b->target_fqdn);
    assert_int_equal(a->suid, b->suid);
    assert_string_equal(a->admin_fqdn, b->admin_fqdn);
    assert_int_equal(a->derivation, b->derivation);
    assert_string_equal(a->key_id, b->key_id);
    assert_string_equal(a->registration, b->registration);
    assert_true(fr_str_equal(a->client_registration, b->client_registration));
    assert_true(fr_str_equal(a->credential_name, b->credential_name));
    assert_int_equal(a->created, b->created);
    assert_int_equal(a->expires, b->expires);
    assert_int_equal(a->confirmed, b->confirmed);
    assert_true(fr_secret_equal(a->ke, b->ke));
    assert_true(fr_str_equal(a->impi, b->impi));
    assert_memory_equal(a->rand, b->rand, sizeof a->rand);
    for (int i = 0; i < FR_N_UAS; i++) {
        assert_int_equal(a->naf_keys[i] != NULL, b->naf_keys[i] != NULL);
        if (a->naf_keys[i])
            assert_true(fr_secret_equal(a->naf_keys[i], b->naf_keys[i]));
    }
}

#endif
