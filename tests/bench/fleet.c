/* SPDX-License-Identifier: Apache-2.0 */
/* The devices of the load generator: made once, loaded before it forks. */
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "crypto/confirm.h"
#include "crypto/pki.h"
#include "link.h"

#define LIFE_S (INT64_C(30) * 86400)

static char *path_of(const char *dir, size_t i, const char *end, char to[FR_ID_MAX])
{
    snprintf(to, FR_ID_MAX, "%.200s/%zu.%s", dir, i, end);
    return to;
}

enum fr_code fleet_make(const char *ca_dir, const char *dir, size_t n,
                        struct fr_err *err)
{
    int64_t now = fr_wall_s(&fr_env_system);

    for (size_t i = 0; i < n; i++) {
        char cert[FR_ID_MAX], key[FR_ID_MAX];
        struct fr_san san = {.type = FR_SAN_DNS};
        struct fr_pki_request req = {.sans = &san,
                                     .n_sans = 1,
                                     .not_before = now - 3600,
                                     .not_after = now + LIFE_S,
                                     .client = true};

        snprintf(san.value, sizeof san.value, "device-%zu.devices.example.com", i);
        FR_TRY(fr_pki_issue(ca_dir, &req, path_of(dir, i, "pem", cert),
                            path_of(dir, i, "key", key), err));
    }
    return FR_OK;
}

static enum fr_code load_cert(const char *path, struct identity *who,
                              struct fr_err *err)
{
    STACK_OF(X509) *certs = NULL;
    uint8_t sha[FR_SHA256_LEN];
    char ref[FR_CREDENTIAL_REF_MAX + 1];
    struct fr_peer peer;

    FR_TRY(fr_x509_read_pem(path, &certs, err));
    who->cert = sk_X509_shift(certs);
    sk_X509_pop_free(certs, X509_free);
    FR_TRY(fr_peer_from_leaf(who->cert, &peer, err));
    FR_TRY(fr_x509_sha256(who->cert, sha, err));
    snprintf(who->own_id, sizeof who->own_id, "%s", peer.sans[0].value);
    fr_confirm_cert_ref(sha, ref);
    snprintf(who->credential_ref, sizeof who->credential_ref, "%.69s", ref);
    return FR_OK;
}

static enum fr_code name_sim(size_t i, struct identity *who, struct fr_err *err)
{
    char imsi[FR_IMSI_MAX + 1];

    snprintf(imsi, sizeof imsi, "00101%010u", (unsigned)i % 100000);
    return fr_impi_of_imsi(imsi, 2, who->impi, err);
}

static enum fr_code load_key(const char *path, struct identity *who, struct fr_err *err)
{
    FILE *f = fopen(path, "re");

    if (f) {
        who->key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
        fclose(f);
    }
    if (!who->key)
        return FR_FAIL(err, FR_ECONFIG, "%s: no key", path);
    return FR_OK;
}

enum fr_code fleet_load(const char *dir, size_t n, struct fleet *ret,
                        struct fr_err *err)
{
    ret->list = calloc(n, sizeof *ret->list);
    if (!ret->list)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for %zu devices", n);
    ret->n = n;
    for (size_t i = 0; i < n; i++) {
        char path[FR_ID_MAX];

        FR_TRY(name_sim(i, &ret->list[i], err));
        FR_TRY(load_cert(path_of(dir, i, "pem", path), &ret->list[i], err));
        FR_TRY(load_key(path_of(dir, i, "key", path), &ret->list[i], err));
    }
    return FR_OK;
}
