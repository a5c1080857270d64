/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/pki.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "crypto/pki_build.h"

enum {
    CLOCK_SLACK_S = 3600,
    FOLDER_MODE = 0755,
    SERIAL_TEXT = sizeof(((struct fr_pki_facts *)NULL)->serial)
};

/* The certificate may be public before the key is: so the key file comes first. */
static enum fr_code write_ca(const char *dir, const struct fr_pki_pair *ca,
                             struct fr_err *err)
{
    FR_AUTO_STR(cert_path) = NULL;
    FR_AUTO_STR(crl_path) = NULL;
    FR_AUTO_STR(issued) = NULL;

    FR_TRY(fr_path_join(dir, "ca.pem", &cert_path, err));
    FR_TRY(fr_path_join(dir, "crl.pem", &crl_path, err));
    FR_TRY(fr_path_join(dir, "issued", &issued, err));
    FR_TRY(fr_dir_make(issued, FOLDER_MODE, err));
    FR_TRY(fr_pki_write_crl(crl_path, ca, NULL, NULL, err));
    return fr_pki_write_cert(cert_path, ca->cert, err);
}

enum fr_code fr_pki_init(const char *dir, const char *common_name,
                         const char *permitted_dns, int64_t not_after,
                         struct fr_err *err)
{
    FR_AUTO_CLEAR(pki_pair) ca = {0};
    FR_AUTO_STR(key_path) = NULL;
    int64_t from = fr_wall_s(&fr_env_system) - CLOCK_SLACK_S;
    enum fr_code rc;

    FR_TRY(fr_path_join(dir, "ca.key", &key_path, err));
    FR_TRY(fr_pki_build_ca(common_name, permitted_dns, from, not_after, &ca, err));
    FR_TRY(fr_dir_make(dir, FOLDER_MODE, err));
    FR_TRY(fr_pki_write_key(key_path, ca.key, err));
    rc = write_ca(dir, &ca, err);
    if (rc != FR_OK)
        (void)unlink(key_path); /* ours, and of no use: lets init be repeated */
    return rc;
}

static void serial_text(const X509 *cert, char *to, size_t size)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
    struct fr_slice octets =
        fr_slice_of(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));

    if (octets.len > (size - 1) / 2)
        octets.len = (size - 1) / 2; /* RFC 5280: at most 20 octets */
    fr_hex_encode(octets, to, false);
}

static enum fr_code record_path(const char *dir, const X509 *cert, char **ret,
                                struct fr_err *err)
{
    char serial[SERIAL_TEXT], name[SERIAL_TEXT + 16];

    serial_text(cert, serial, sizeof serial);
    snprintf(name, sizeof name, "issued/%s.pem", serial);
    return fr_path_join(dir, name, ret, err);
}

enum fr_code fr_pki_issue(const char *dir, const struct fr_pki_request *req,
                          const char *cert_path, const char *key_path,
                          struct fr_err *err)
{
    FR_AUTO_CLEAR(pki_pair) ca = {0};
    FR_AUTO_CLEAR(pki_pair) leaf = {0};
    FR_AUTO_STR(record) = NULL;
    enum fr_code rc;

    FR_TRY(fr_pki_load_ca(dir, &ca, err));
    FR_TRY(fr_pki_build_leaf(&ca, req, &leaf, err));
    FR_TRY(record_path(dir, leaf.cert, &record, err));
    FR_TRY(fr_pki_write_key(key_path, leaf.key, err));
    rc = fr_pki_write_cert(record, leaf.cert, err); /* known before it is out */
    if (rc == FR_OK)
        rc = fr_pki_write_cert(cert_path, leaf.cert, err);
    if (rc != FR_OK)
        (void)unlink(key_path);
    return rc;
}

static int64_t seconds_of(const ASN1_TIME *t)
{
    struct tm tm;

    return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

/* A CA names nobody, and need not. */
static void describe_names(X509 *cert, struct fr_pki_facts *facts)
{
    struct fr_err why = {0};
    struct fr_peer peer;

    if (fr_peer_from_leaf(cert, &peer, &why) == FR_OK) {
        memcpy(facts->sans, peer.sans, sizeof facts->sans);
        facts->n_sans = peer.n_sans;
    } else if (!facts->is_ca) {
        snprintf(facts->refused, sizeof facts->refused, "%.*s", FR_ID_MAX, why.msg);
    }
}

static enum fr_code describe(X509 *cert, struct fr_pki_facts *ret, struct fr_err *err)
{
    struct fr_pki_facts facts = {.is_ca = X509_check_ca(cert) != 0};
    uint8_t md[FR_SHA256_LEN];

    FR_TRY(fr_x509_spki_hex(cert, facts.spki, err));
    FR_TRY(fr_x509_sha256(cert, md, err));
    fr_hex_encode(fr_slice_of(md, sizeof md), facts.sha256, false);
    fr_x509_subject(cert, facts.subject, sizeof facts.subject);
    serial_text(cert, facts.serial, sizeof facts.serial);
    facts.not_before = seconds_of(X509_get0_notBefore(cert));
    facts.not_after = seconds_of(X509_get0_notAfter(cert));
    describe_names(cert, &facts);
    *ret = facts;
    return FR_OK;
}

enum fr_code fr_pki_describe(const char *cert_path, struct fr_pki_facts *ret,
                             struct fr_err *err)
{
    STACK_OF(X509) * certs;
    enum fr_code rc;

    FR_TRY(fr_x509_read_pem(cert_path, &certs, err));
    rc = describe(sk_X509_value(certs, 0), ret, err);
    sk_X509_pop_free(certs, X509_free);
    return rc;
}
