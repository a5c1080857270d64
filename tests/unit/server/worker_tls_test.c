/* SPDX-License-Identifier: Apache-2.0 */
/* The listener's TLS rules with both ends in memory. */
#include "test.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "crypto/pki.h"
#include "server/worker/tls.h"
#include "tree.h"

static char dir[32];
static struct fr_err err;

static const char *path_of(const char *name)
{
    static char text[4][128];
    static int next;
    char *to = text[next++ % 4];

    snprintf(to, sizeof text[0], "%s/%s", dir, name);
    return to;
}

static void issue(const char *name, const char *san_text, int64_t not_after)
{
    struct fr_san san;
    struct fr_pki_request request = {.common_name = name,
                                     .sans = &san,
                                     .n_sans = 1,
                                     .not_before = time(NULL) - 7200,
                                     .not_after = time(NULL) + not_after};
    char cert[128], key[128];

    snprintf(cert, sizeof cert, "%s/%s.pem", dir, name);
    snprintf(key, sizeof key, "%s/%s.key", dir, name);
    assert_ok(fr_san_parse(san_text, &san, &err));
    assert_ok(fr_pki_issue(path_of("ca"), &request, cert, key, &err));
}

static X509 *read_cert(const char *path)
{
    FILE *file = fopen(path, "r");
    X509 *cert;

    assert_non_null(file);
    cert = PEM_read_X509(file, NULL, NULL, NULL);
    assert_non_null(cert);
    (void)fclose(file);
    return cert;
}

static EVP_PKEY *read_key(const char *path)
{
    FILE *file = fopen(path, "r");
    EVP_PKEY *key;

    assert_non_null(file);
    key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    assert_non_null(key);
    (void)fclose(file);
    return key;
}

/* What our own authority would not issue: dev1's certificate with other names, in the
 * words of openssl.cnf; NULL: none. */
static void issue_odd(const char *name, const char *sans)
{
    X509 *cert = read_cert(path_of("dev1.pem"));
    EVP_PKEY *ca_key = read_key(path_of("ca/ca.key"));
    int at = X509_get_ext_by_NID(cert, NID_subject_alt_name, -1);
    char pem[64], key[64];
    X509_EXTENSION *ext;
    FILE *file;

    X509_EXTENSION_free(X509_delete_ext(cert, at));
    if (sans) {
        ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, sans);
        assert_non_null(ext);
        assert_int_equal(X509_add_ext(cert, ext, -1), 1);
        X509_EXTENSION_free(ext);
    }
    assert_true(X509_sign(cert, ca_key, EVP_sha256()) > 0);
    snprintf(pem, sizeof pem, "%s.pem", name);
    snprintf(key, sizeof key, "%s.key", name);
    file = fopen(path_of(pem), "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, cert), 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(link(path_of("dev1.key"), path_of(key)), 0);
    X509_free(cert);
    EVP_PKEY_free(ca_key);
}

static int make(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/fr-tls-XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_ok(fr_pki_init(path_of("ca"), "ca", NULL, time(NULL) + 86400, &err));
    issue("server", "dns:mef.example.com", 3600);
    issue("dev1", "dns:dev1.example.com", 3600);
    issue("old", "dns:old.example.com", -3600);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    return tree_remove(dir);
}

static struct fr_server_config rules = {.tls_min = TLS1_2_VERSION,
                                        .tls_max = TLS1_3_VERSION};

static struct fr_listener_config files(void)
{
    static char certificate[128], key[128], anchors[128];

    snprintf(certificate, sizeof certificate, "%s", path_of("server.pem"));
    snprintf(key, sizeof key, "%s", path_of("server.key"));
    snprintf(anchors, sizeof anchors, "%s", path_of("ca/ca.pem"));
    return (struct fr_listener_config){
        .certificate = certificate, .key = key, .anchors = anchors};
}

/* --- both ends */

struct pair {
    SSL_CTX *server_ctx, *client_ctx;
    SSL *server, *client;
    struct fr_tls_verdict verdict;
    unsigned long error; /* the server's */
};

static void open_pair(struct pair *p, const char *name, int version, uint64_t options)
{
    struct fr_listener_config l = files();
    EVP_PKEY *key;
    BIO *a, *b;

    memset(p, 0, sizeof *p);
    assert_ok(fr_tls_server_new(&rules, &l, &p->server_ctx, &err));
    key = read_key(l.key);
    assert_ok(fr_tls_server_set_key(p->server_ctx, key, &err));
    EVP_PKEY_free(key);
    assert_ok(fr_tls_server_accept(p->server_ctx, &p->verdict, &p->server, &err));
    p->client_ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(p->client_ctx, version);
    SSL_CTX_set_options(p->client_ctx, options);
    if (name) {
        char file[64];

        snprintf(file, sizeof file, "%s.pem", name);
        SSL_CTX_use_certificate_chain_file(p->client_ctx, path_of(file));
        snprintf(file, sizeof file, "%s.key", name);
        SSL_CTX_use_PrivateKey_file(p->client_ctx, path_of(file), SSL_FILETYPE_PEM);
    }
    p->client = SSL_new(p->client_ctx);
    assert_int_equal(BIO_new_bio_pair(&a, 65536, &b, 65536), 1);
    SSL_set_bio(p->server, a, a);
    SSL_set_bio(p->client, b, b);
    SSL_set_accept_state(p->server);
    SSL_set_connect_state(p->client);
}

/* The alert that the client has got; 0: none. */
static int client_alert(struct pair *p)
{
    char octet;
    int reason;

    ERR_clear_error();
    if (SSL_do_handshake(p->client) == 1)
        (void)SSL_read(p->client, &octet, 1); /* in TLS 1.3 it comes after the end */
    reason = ERR_GET_REASON(ERR_peek_error());
    ERR_clear_error();
    return reason > SSL_AD_REASON_OFFSET ? reason - SSL_AD_REASON_OFFSET : 0;
}

static bool shake(struct pair *p)
{
    int rc = 0;

    for (int i = 0; i < 10 && rc != 1; i++) {
        SSL_do_handshake(p->client);
        ERR_clear_error();
        rc = SSL_do_handshake(p->server);
        if (rc != 1 && SSL_get_error(p->server, rc) == SSL_ERROR_SSL)
            break;
    }
    p->error = ERR_peek_last_error();
    return rc == 1;
}

static void close_pair(struct pair *p)
{
    SSL_free(p->server);
    SSL_free(p->client);
    SSL_CTX_free(p->server_ctx);
    SSL_CTX_free(p->client_ctx);
    ERR_clear_error();
}

static void a_listed_chain_names_its_peer(void **state)
{
    struct fr_peer peer;
    struct pair p;

    (void)state;
    open_pair(&p, "dev1", 0, 0);
    assert_true(shake(&p));
    assert_ok(fr_tls_server_identify(&rules, p.server, &peer, &err));
    assert_int_equal(peer.kind, FR_PEER_CERTIFICATE);
    assert_string_equal(peer.sans[0].value, "dev1.example.com");
    assert_int_equal(strlen(peer.anchor), FR_ANCHOR_HEX);
    close_pair(&p);
}

static void both_ends_export_the_same_octets(int version)
{
    FR_AUTO(secret) *exported = NULL;
    uint8_t want[FR_EXPORT_LEN];
    struct pair p;

    open_pair(&p, "dev1", version, 0);
    assert_true(shake(&p));
    SSL_do_handshake(p.client);
    assert_ok(fr_tls_server_export(p.server, &exported, &err));
    assert_int_equal(SSL_export_keying_material(p.client, want, sizeof want,
                                                "EXPORTER-oneM2M-Bootstrap", 25, NULL,
                                                0, 0),
                     1);
    assert_true(
        fr_slice_equal(fr_secret_view(exported), fr_slice_of(want, sizeof want)));
    close_pair(&p);
}

static void the_export_is_the_standards_in_both_versions(void **state)
{
    (void)state;
    both_ends_export_the_same_octets(TLS1_3_VERSION);
    both_ends_export_the_same_octets(TLS1_2_VERSION);
}

static void an_expired_certificate_is_explained(void **state)
{
    struct pair p;

    (void)state;
    open_pair(&p, "old", 0, 0);
    assert_false(shake(&p));
    assert_fails_as(fr_tls_server_explain(&p.verdict, p.error, &err), FR_EREFUSED,
                    "handshake-refused");
    assert_contains(err.msg, "expired");
    assert_string_equal(p.verdict.claimed.sans[0].value, "old.example.com");
    close_pair(&p);
}

static void assert_names_nobody(const char *name, int version)
{
    struct pair p;

    open_pair(&p, name, version, 0);
    assert_false(shake(&p));
    assert_int_equal(client_alert(&p), SSL_AD_BAD_CERTIFICATE);
    assert_fails_as(fr_tls_server_explain(&p.verdict, p.error, &err), FR_EREFUSED,
                    "handshake-refused");
    assert_contains(err.msg, "subject alternative name");
    close_pair(&p);
}

static void a_certificate_that_names_nobody_is_refused_by_an_alert(void **state)
{
    (void)state;
    issue_odd("wild", "DNS:*.example.com");
    issue_odd("nameless", NULL);
    issue_odd("mail", "email:dev1@example.com");
    issue_odd("nul", "DER:30:08:82:06:61:2e:62:00:63:64");
    assert_names_nobody("wild", TLS1_3_VERSION);
    assert_names_nobody("wild", TLS1_2_VERSION);
    assert_names_nobody("nameless", TLS1_3_VERSION);
    assert_names_nobody("mail", TLS1_3_VERSION);
    assert_names_nobody("nul", TLS1_3_VERSION);
}

static void no_certificate_is_explained(void **state)
{
    struct pair p;

    (void)state;
    open_pair(&p, NULL, 0, 0);
    assert_false(shake(&p));
    assert_fails_as(fr_tls_server_explain(&p.verdict, p.error, &err), FR_EREFUSED,
                    "handshake-refused");
    assert_contains(err.msg, "no certificate");
    close_pair(&p);
}

static void noise_is_no_refusal(void **state)
{
    struct fr_tls_verdict verdict = {0};

    (void)state;
    assert_fails(fr_tls_server_explain(&verdict, 0, &err), FR_EINVALID);
}

static void tls_1_2_without_ems_is_refused_at_its_hello(void **state)
{
    struct pair p;

    (void)state;
    open_pair(&p, "dev1", TLS1_2_VERSION, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    assert_false(shake(&p));
    assert_fails_as(fr_tls_server_explain(&p.verdict, p.error, &err), FR_EREFUSED,
                    "ems-missing");
    close_pair(&p);
}

/* With exceptions by name its hello is not enough to tell, its certificate is. */
static void who_is_no_exception_is_refused_by_an_alert_too(void **state)
{
    static const char text[] = "state = \"/s\"\nmef { fqdn = \"mef.example.com\" "
                               "certificate = \"c\" key = \"k\" "
                               "enrolee-anchors = \"a\" }\n"
                               "tls { ems-exceptions = {\"dev1.example.com\"} }\n";
    struct fr_server_config plain = rules;
    FR_AUTO(server_config) *config = NULL;
    struct pair p;

    (void)state;
    issue("dev2", "dns:dev2.example.com", 3600);
    assert_ok(fr_file_write_atomic(path_of("conf"), fr_slice_str(text), 0600, &err));
    assert_ok(fr_server_config_load(path_of("conf"), &config, &err));
    rules.tls = config->tls;
    open_pair(&p, "dev2", TLS1_2_VERSION, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    assert_false(shake(&p));
    assert_int_equal(client_alert(&p), SSL_AD_BAD_CERTIFICATE);
    assert_fails_as(fr_tls_server_explain(&p.verdict, p.error, &err), FR_EREFUSED,
                    "ems-missing");
    close_pair(&p);
    open_pair(&p, "dev1", TLS1_2_VERSION, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    assert_true(shake(&p));
    close_pair(&p);
    rules = plain;
}

static void tls_1_3_needs_no_ems(void **state)
{
    struct pair p;

    (void)state;
    open_pair(&p, "dev1", 0, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    assert_true(shake(&p));
    close_pair(&p);
}

static void before_the_handshake_there_is_no_identity(void **state)
{
    struct fr_peer peer;
    struct pair p;

    (void)state;
    open_pair(&p, "dev1", 0, 0);
    assert_fails_as(fr_tls_server_identify(&rules, p.server, &peer, &err), FR_EREFUSED,
                    "no-identity");
    close_pair(&p);
}

/* --- files */

static void names(struct fr_listener_config l, const char *words)
{
    SSL_CTX *ctx = NULL;

    assert_fails(fr_tls_server_new(&rules, &l, &ctx, &err), FR_ECONFIG);
    assert_contains(err.msg, words);
    assert_null(ctx);
}

static void what_cannot_be_read_is_named(void **state)
{
    struct fr_listener_config l = files();
    char junk[64];

    (void)state;
    snprintf(junk, sizeof junk, "%s/junk", dir);
    assert_ok(fr_file_write_atomic(junk, fr_slice_str("junk"), 0600, &err));
    l.certificate = "/nonexistent/c.pem";
    names(l, "/nonexistent/c.pem");
    l = files();
    l.anchors = junk;
    names(l, "junk");
    l = files();
    l.crl = junk;
    names(l, "junk");
}

static void a_key_of_another_certificate_is_refused(void **state)
{
    EVP_PKEY *key = read_key(path_of("dev1.key"));
    struct fr_listener_config l = files();
    SSL_CTX *ctx = NULL;

    (void)state;
    assert_ok(fr_tls_server_new(&rules, &l, &ctx, &err));
    assert_fails(fr_tls_server_set_key(ctx, key, &err), FR_ECONFIG);
    SSL_CTX_free(ctx);
    EVP_PKEY_free(key);
    ERR_clear_error();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listed_chain_names_its_peer),
        cmocka_unit_test(the_export_is_the_standards_in_both_versions),
        cmocka_unit_test(an_expired_certificate_is_explained),
        cmocka_unit_test(a_certificate_that_names_nobody_is_refused_by_an_alert),
        cmocka_unit_test(no_certificate_is_explained),
        cmocka_unit_test(noise_is_no_refusal),
        cmocka_unit_test(tls_1_2_without_ems_is_refused_at_its_hello),
        cmocka_unit_test(who_is_no_exception_is_refused_by_an_alert_too),
        cmocka_unit_test(tls_1_3_needs_no_ems),
        cmocka_unit_test(before_the_handshake_there_is_no_identity),
        cmocka_unit_test(what_cannot_be_read_is_named),
        cmocka_unit_test(a_key_of_another_certificate_is_refused),
    };

    return cmocka_run_group_tests(tests, make, clean);
}
