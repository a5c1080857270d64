/* SPDX-License-Identifier: Apache-2.0 */
#include "server/vault/source.h"

#include <string.h>

#include "base/str.h"

void fr_source_keys_clear(struct fr_source_keys *k)
{
    fr_secret_free(k->key);
    fr_secret_free(k->uicc);
    *k = (struct fr_source_keys){0};
}

/* ---- RSPF: Ke alone ---- */

static enum fr_code rspf_derive(const struct fr_store_credential *c,
                                const struct fr_secret *ke,
                                const struct fr_source_ask *ask,
                                struct fr_source_keys *ret, struct fr_err *err)
{
    const struct fr_kdf_target target = {.derivation = c->derivation,
                                         .suid = ask->suid,
                                         .id = ask->id,
                                         .fqdn = ask->fqdn};

    return fr_kdf_target_key(ke, &target, &ret->key, err);
}

static const struct fr_source rspf = {.name = "rspf", .derive = rspf_derive};

/* ---- GBA: Ks, RAND and IMPI ---- */

enum { RAND_HEX = 2 * FR_AKA_RAND_LEN };

void fr_source_put_gba(const uint8_t rand[FR_AKA_RAND_LEN], const char *impi,
                       char to[FR_STORE_CONTEXT_MAX + 1])
{
    char hex[RAND_HEX + 1];

    fr_hex_encode(fr_slice_of(rand, FR_AKA_RAND_LEN), hex, false);
    snprintf(to, FR_STORE_CONTEXT_MAX + 1, "%s %s", hex, impi);
}

static enum fr_code take_gba(const struct fr_store_credential *c,
                             uint8_t rand[FR_AKA_RAND_LEN], const char **ret_impi,
                             struct fr_err *err)
{
    if (strlen(c->context) <= RAND_HEX + 1 || c->context[RAND_HEX] != ' ' ||
        !fr_hex_decode(fr_slice_of(c->context, RAND_HEX), rand))
        return FR_FAIL_AS(err, FR_ESTORE, "context-broken",
                          "credential %s is without its RAND and IMPI", c->key_id);
    *ret_impi = c->context + RAND_HEX + 1;
    return FR_OK;
}

static enum fr_code gba_derive(const struct fr_store_credential *c,
                               const struct fr_secret *ke,
                               const struct fr_source_ask *ask,
                               struct fr_source_keys *ret, struct fr_err *err)
{
    uint8_t rand[FR_AKA_RAND_LEN];
    struct fr_gba_naf naf = {.key = FR_GBA_ME, .naf_fqdn = ask->fqdn, .ua = ask->ua};
    struct fr_source_keys keys = {0};
    enum fr_code rc;

    FR_TRY(take_gba(c, rand, &naf.impi, err));
    naf.rand = fr_slice_of(rand, sizeof rand);
    rc = fr_gba_naf_key(ke, &naf, &keys.key, err);
    naf.key = FR_GBA_U;
    if (rc == FR_OK && c->derivation == FR_DERIVE_GBA_U)
        rc = fr_gba_naf_key(ke, &naf, &keys.uicc, err);
    if (rc == FR_OK)
        *ret = keys;
    else
        fr_source_keys_clear(&keys);
    return rc;
}

static const struct fr_source gba = {
    .name = "gba", .is_for_all_allowed = true, .has_ua = true, .derive = gba_derive};

const struct fr_source *fr_source_of(enum fr_derivation d)
{
    return d == FR_DERIVE_GBA || d == FR_DERIVE_GBA_U ? &gba : &rspf;
}
