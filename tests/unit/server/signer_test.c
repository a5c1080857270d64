/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signer as a process of its own; the test is its parent, and a worker of each type
 * over a real pair of sockets.
 */
#include "test.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "crypto/pki.h"
#include "server/ipc/pass.h"
#include "server/signer/keys.h"
#include "server/signer/remote.h"
#include "server/signer/remote_provider.h"
#include "server/signer/signer.h"
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

static void issue(const char *name)
{
    struct fr_san san;
    struct fr_pki_request request = {.common_name = name,
                                     .sans = &san,
                                     .n_sans = 1,
                                     .not_before = time(NULL) - 7200,
                                     .not_after = time(NULL) + 3600};
    char cert[128], key[128];

    snprintf(cert, sizeof cert, "%s/%s.pem", dir, name);
    snprintf(key, sizeof key, "%s/%s.key", dir, name);
    assert_ok(fr_san_parse("dns:mef.example.com", &san, &err));
    assert_ok(fr_pki_issue(path_of("ca"), &request, cert, key, &err));
}

/* A self-signed certificate with a key that our own authority would not make. */
static void issue_odd(const char *name, EVP_PKEY *key)
{
    X509 *cert = X509_new();
    char file[64];
    FILE *f;

    assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -3600));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    assert_true(
        X509_sign(cert, key, EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256()) > 0);
    snprintf(file, sizeof file, "%s.pem", name);
    f = fopen(path_of(file), "we");
    assert_int_equal(PEM_write_X509(f, cert), 1);
    assert_int_equal(fclose(f), 0);
    snprintf(file, sizeof file, "%s.key", name);
    f = fopen(path_of(file), "we");
    assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path_of(file), 0600), 0);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static struct fr_listener_config files(const char *name)
{
    static char text[16][128];
    static int next;
    char *certificate = text[next++ % 16], *key = text[next++ % 16];

    snprintf(certificate, sizeof text[0], "%s/%s.pem", dir, name);
    snprintf(key, sizeof text[0], "%s/%s.key", dir, name);
    return (struct fr_listener_config){
        .listen = "x", .certificate = certificate, .key = key};
}

static int make(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/fr-signer-XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_ok(fr_pki_init(path_of("ca"), "ca", NULL, time(NULL) + 86400, &err));
    issue("enrol");
    issue("fetch");
    issue_odd("p384", EVP_EC_gen("P-384"));
    issue_odd("p521", EVP_EC_gen("P-521"));
    issue_odd("koblitz", EVP_EC_gen("secp256k1"));
    issue_odd("rsa", EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048));
    issue_odd("ed25519", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
    return 0;
}

static int clean(void **state)
{
    (void)state;
    return tree_remove(dir);
}

/* --- the process */

struct house {
    pid_t pid;
    int control;
};

static void open_house(struct house *h, const struct fr_server_config *config)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    h->control = pair[0];
    h->pid = fork();
    assert_true(h->pid >= 0);
    if (h->pid == 0) {
        FR_AUTO(signer) *signer = NULL;
        bool fine;

        close(pair[0]);
        fine = fr_signer_open(config, &signer, &err) == FR_OK &&
               fr_signer_run(signer, pair[1], &err) == FR_OK;
        fr_signer_free(FR_TAKE(signer));
        _exit(!fine);
    }
    close(pair[1]);
}

/* Its end must be in order, which needs that no worker's line is open. */
static void close_house(struct house *h)
{
    int status = -1;

    close(h->control);
    assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
    assert_int_equal(status, 0);
}

static int hire(const struct house *h, enum fr_worker type)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    assert_ok(fr_ipc_send_worker(h->control, type, pair[1], &err));
    close(pair[1]);
    return pair[0];
}

/* --- what TLS signs */

/* A TLS 1.3 CertificateVerify of a server, its hash all ones. */
static struct fr_slice verify_message(size_t hash_len)
{
    static uint8_t octets[FR_SIGN_ASK_MAX];
    static const char words[] = "TLS 1.3, server CertificateVerify";

    memset(octets, ' ', 64);
    memcpy(octets + 64, words, sizeof words);
    memset(octets + 64 + sizeof words, 1, hash_len);
    return fr_slice_of(octets, 64 + sizeof words + hash_len);
}

static struct fr_slice exchange_message(uint16_t group, size_t point_len)
{
    static uint8_t octets[FR_SIGN_ASK_MAX];

    memset(octets, 7, sizeof octets);
    octets[64] = 3;
    octets[65] = (uint8_t)(group >> 8);
    octets[66] = (uint8_t)group;
    octets[67] = (uint8_t)point_len;
    return fr_slice_of(octets, 68 + point_len);
}

static void what_a_server_signs_is_tls(void **state)
{
    (void)state;
    assert_true(fr_sign_is_tls(verify_message(32)));
    assert_true(fr_sign_is_tls(verify_message(48)));
    assert_true(fr_sign_is_tls(exchange_message(23, 65)));
    assert_true(fr_sign_is_tls(exchange_message(29, 32)));
}

static void what_is_not_quite_that_is_not(void **state)
{
    struct fr_slice m = verify_message(32);
    uint8_t octets[FR_SIGN_ASK_MAX];

    (void)state;
    for (size_t at = 0; at < m.len - 32; at++) { /* all but the hash is fixed */
        memcpy(octets, m.data, m.len);
        octets[at] ^= 1;
        assert_false(fr_sign_is_tls(fr_slice_of(octets, m.len)));
    }
    for (size_t len = 0; len < 160; len++) {
        bool may = len == m.len || len == m.len + 16;

        assert_int_equal(fr_sign_is_tls(fr_slice_of(verify_message(48).data, len)),
                         may);
    }
    assert_false(fr_sign_is_tls(exchange_message(23, 64)));
    assert_false(fr_sign_is_tls(exchange_message(29, 65)));
    assert_false(fr_sign_is_tls(exchange_message(24, 97)));
    m = exchange_message(23, 65);
    assert_false(fr_sign_is_tls(fr_slice_of(m.data, m.len - 1)));
    assert_false(fr_sign_is_tls(fr_slice_of(m.data, m.len + 1)));
    memcpy(octets, m.data, m.len);
    octets[64] = 1; /* explicit curves */
    assert_false(fr_sign_is_tls(fr_slice_of(octets, m.len)));
}

/* A TLS 1.3 client's signature must not be had from a server's key. */
static void a_clients_certificate_verify_is_not(void **state)
{
    struct fr_slice m = verify_message(32);
    uint8_t octets[FR_SIGN_ASK_MAX];

    (void)state;
    memcpy(octets, m.data, m.len);
    memcpy(octets + 64 + 9, "client", 6);
    assert_false(fr_sign_is_tls(fr_slice_of(octets, m.len)));
}

static void digests_have_two_names_each(void **state)
{
    (void)state;
    assert_int_equal(fr_sign_kind_of("SHA2-256"), FR_SIGN_SHA256);
    assert_int_equal(fr_sign_kind_of("sha384"), FR_SIGN_SHA384);
    assert_int_equal(fr_sign_kind_of("SHA512"), FR_SIGN_SHA512);
    assert_int_equal(fr_sign_kind_of("SHA1"), FR_SIGN_HELLO);
    assert_int_equal(fr_sign_kind_of("MD5-SHA1"), FR_SIGN_HELLO);
    assert_int_equal(fr_sign_kind_of(NULL), FR_SIGN_HELLO);
}

/* --- signatures */

static EVP_PKEY *public_of(const char *name)
{
    char file[64];
    X509 *cert;
    EVP_PKEY *key;
    FILE *f;

    snprintf(file, sizeof file, "%s.pem", name);
    f = fopen(path_of(file), "re");
    assert_non_null(f);
    cert = PEM_read_X509(f, NULL, NULL, NULL);
    assert_non_null(cert);
    fclose(f);
    key = X509_get_pubkey(cert);
    X509_free(cert);
    return key;
}

static bool verifies(const char *name, const char *digest, struct fr_slice message,
                     struct fr_slice signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY *key = public_of(name);
    int rc;

    assert_int_equal(EVP_DigestVerifyInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL),
                     1);
    rc =
        EVP_DigestVerify(ctx, signature.data, signature.len, message.data, message.len);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return rc == 1;
}

static struct fr_server_config two_listeners(void)
{
    struct fr_server_config config = {0};

    config.listener[FR_WORKER_ENROL] = files("enrol");
    config.listener[FR_WORKER_FETCH] = files("fetch");
    config.listener[FR_WORKER_ADMIN].listen = "y";
    return config;
}

static void each_worker_gets_its_own_keys_signatures(void **state)
{
    static const char *const digests[] = {NULL, "SHA256", "SHA384", "SHA512"};
    struct fr_server_config config = two_listeners();
    struct fr_slice message = verify_message(32);
    uint8_t to[FR_SIGN_ANSWER_MAX];
    struct house h;
    int enrol, fetch;

    (void)state;
    open_house(&h, &config);
    enrol = hire(&h, FR_WORKER_ENROL);
    fetch = hire(&h, FR_WORKER_FETCH);
    for (int kind = FR_SIGN_SHA256; kind < FR_N_SIGN_KINDS; kind++) {
        size_t n = fr_remote_ask(enrol, (enum fr_sign_kind)kind, message, to);

        assert_true(verifies("enrol", digests[kind], message, fr_slice_of(to, n)));
        assert_false(verifies("fetch", digests[kind], message, fr_slice_of(to, n)));
    }
    assert_true(
        verifies("fetch", "SHA256", message,
                 fr_slice_of(to, fr_remote_ask(fetch, FR_SIGN_SHA256, message, to))));
    close(enrol);
    close(fetch);
    close_house(&h);
}

/* --- hostile workers */

static void is_expelled(const void *octets, size_t len)
{
    struct fr_server_config config = two_listeners();
    struct fr_slice message = verify_message(32);
    uint8_t to[FR_SIGN_ANSWER_MAX];
    int hostile, honest;
    struct house h;

    open_house(&h, &config);
    hostile = hire(&h, FR_WORKER_ENROL);
    honest = hire(&h, FR_WORKER_ENROL);
    assert_int_equal(send(hostile, octets, len, MSG_NOSIGNAL), len);
    assert_int_equal(recv(hostile, to, sizeof to, 0), 0);
    assert_true(fr_remote_ask(honest, FR_SIGN_SHA256, message, to) > 0);
    close(hostile);
    close(honest);
    close_house(&h);
}

static void a_worker_that_asks_for_what_is_not_tls_is_alone_in_its_end(void **state)
{
    uint8_t message[FR_SIGN_ASK_MAX + 8] = {FR_SIGN_SHA256};
    struct fr_slice tls = verify_message(32);

    (void)state;
    is_expelled(message, 33); /* a bare hash */
    is_expelled(message, 1);
    is_expelled(message, sizeof message);
    memcpy(message + 1, tls.data, tls.len);
    message[0] = FR_N_SIGN_KINDS;
    is_expelled(message, 1 + tls.len);
    message[0] = FR_SIGN_HELLO;
    is_expelled(message, 1 + tls.len);
    message[0] = FR_SIGN_SHA256;
    is_expelled(message, 2 + tls.len);
}

static void who_has_no_tls_listener_has_no_signer(void **state)
{
    struct fr_server_config config = two_listeners();
    struct house h;
    uint8_t octet;
    int fd;

    (void)state;
    open_house(&h, &config);
    fd = hire(&h, FR_WORKER_ADMIN);
    assert_int_equal(recv(fd, &octet, 1, 0), 0);
    close(fd);
    fd = hire(&h, FR_WORKER_DISCOVERY); /* off */
    assert_int_equal(recv(fd, &octet, 1, 0), 0);
    close(fd);
    close_house(&h);
}

static void it_outlives_its_line_for_the_workers_that_it_has(void **state)
{
    struct fr_server_config config = two_listeners();
    struct fr_slice message = verify_message(32);
    uint8_t to[FR_SIGN_ANSWER_MAX];
    struct house h;
    int fd, status;

    (void)state;
    open_house(&h, &config);
    fd = hire(&h, FR_WORKER_ENROL);
    assert_true(fr_remote_ask(fd, FR_SIGN_SHA256, message, to) > 0);
    close(h.control);
    for (int i = 0; i < 3; i++)
        assert_true(fr_remote_ask(fd, FR_SIGN_SHA256, message, to) > 0);
    close(fd);
    assert_int_equal(waitpid(h.pid, &status, 0), h.pid);
    assert_int_equal(status, 0);
}

/* --- a worker's TLS */

static SSL_CTX *server_ctx(const char *name, struct fr_remote_key **key, int fd)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    char file[64];

    snprintf(file, sizeof file, "%s.pem", name);
    assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx, path_of(file)), 1);
    assert_ok(fr_remote_key_new(NULL, SSL_CTX_get0_certificate(ctx), fd, key, &err));
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, fr_remote_key_pkey(*key)), 1);
    assert_int_equal(SSL_CTX_check_private_key(ctx), 1);
    assert_int_equal(SSL_CTX_set1_groups_list(ctx, "X25519:P-256"), 1);
    return ctx;
}

static bool shake(SSL *server, SSL *client)
{
    BIO *a, *b;
    int rc = 0;

    assert_int_equal(BIO_new_bio_pair(&a, 65536, &b, 65536), 1);
    SSL_set_bio(server, a, a);
    SSL_set_bio(client, b, b);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    for (int i = 0; i < 10 && rc != 1; i++) {
        SSL_do_handshake(client);
        ERR_clear_error();
        rc = SSL_do_handshake(server);
        if (rc != 1 && SSL_get_error(server, rc) == SSL_ERROR_SSL)
            break;
    }
    ERR_clear_error();
    return rc == 1;
}

/* The client verifies what the signer has signed. */
static bool handshake(SSL_CTX *ctx, int version, const char *groups)
{
    SSL_CTX *client_ctx = SSL_CTX_new(TLS_client_method());
    SSL *server = SSL_new(ctx), *client;
    bool done;

    SSL_CTX_set_max_proto_version(client_ctx, version);
    assert_int_equal(SSL_CTX_set1_groups_list(client_ctx, groups), 1);
    client = SSL_new(client_ctx);
    done = shake(server, client);
    SSL_free(server);
    SSL_free(client);
    SSL_CTX_free(client_ctx);
    return done;
}

static void shakes_hands_with(const char *name)
{
    struct fr_server_config config = {0};
    struct fr_remote_key *key = NULL;
    struct house h;
    SSL_CTX *ctx;
    int fd;

    config.listener[FR_WORKER_ENROL] = files(name);
    open_house(&h, &config);
    fd = hire(&h, FR_WORKER_ENROL);
    ctx = server_ctx(name, &key, fd);
    assert_true(handshake(ctx, TLS1_3_VERSION, "X25519:P-256"));
    assert_true(handshake(ctx, TLS1_2_VERSION, "X25519:P-256:P-384:P-521"));
    assert_true(handshake(ctx, TLS1_2_VERSION, "P-256:P-384:P-521"));
    SSL_CTX_free(ctx);
    fr_remote_key_free(key);
    close(fd);
    close_house(&h);
}

static void a_worker_shakes_hands_without_a_key_of_its_own(void **state)
{
    (void)state;
    shakes_hands_with("enrol");
    shakes_hands_with("p384");
    shakes_hands_with("p521");
}

static void without_a_signer_a_handshake_fails(void **state)
{
    struct fr_server_config config = two_listeners();
    struct fr_remote_key *key = NULL;
    struct house h;
    SSL_CTX *ctx;
    int fd;

    (void)state;
    open_house(&h, &config);
    fd = hire(&h, FR_WORKER_ENROL);
    ctx = server_ctx("enrol", &key, fd);
    assert_int_equal(kill(h.pid, SIGKILL), 0);
    assert_int_equal(waitpid(h.pid, NULL, 0), h.pid);
    assert_false(handshake(ctx, TLS1_3_VERSION, "X25519"));
    assert_false(handshake(ctx, TLS1_2_VERSION, "X25519"));
    SSL_CTX_free(ctx);
    fr_remote_key_free(key);
    close(fd);
    close(h.control);
}

static void the_remote_key_has_no_private_half(void **state)
{
    struct fr_server_config config = two_listeners();
    struct fr_remote_key *key = NULL;
    BIGNUM *secret = NULL;
    struct house h;
    SSL_CTX *ctx;
    int fd;

    (void)state;
    open_house(&h, &config);
    fd = hire(&h, FR_WORKER_ENROL);
    ctx = server_ctx("enrol", &key, fd);
    assert_int_not_equal(
        EVP_PKEY_get_bn_param(fr_remote_key_pkey(key), "priv", &secret), 1);
    assert_null(secret);
    SSL_CTX_free(ctx);
    fr_remote_key_free(key);
    close(fd);
    close_house(&h);
    ERR_clear_error();
}

/* Files that are replaced between the signer's reading and the worker's. */
static void another_certificates_key_is_noticed_at_the_start(void **state)
{
    struct fr_server_config config = two_listeners();
    struct fr_remote_key *key = NULL;
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    struct house h;
    int fd;

    (void)state;
    assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx, path_of("fetch.pem")), 1);
    open_house(&h, &config);
    fd = hire(&h, FR_WORKER_ENROL);
    assert_fails_as(
        fr_remote_key_new(NULL, SSL_CTX_get0_certificate(ctx), fd, &key, &err),
        FR_ECONFIG, "signer-other");
    close(fd);
    close_house(&h);
    fd = -1;
    assert_fails_as(
        fr_remote_key_new(NULL, SSL_CTX_get0_certificate(ctx), fd, &key, &err),
        FR_EUNREACHABLE, "signer-gone");
    SSL_CTX_free(ctx);
}

/* --- files */

static void is_refused(struct fr_listener_config l, const char *words)
{
    struct fr_signer_key *key = NULL;

    assert_fails(fr_signer_key_read(&l, &key, &err), FR_ECONFIG);
    assert_contains(err.msg, words);
    assert_contains(err.msg, l.key);
    assert_null(key);
}

static void a_key_that_cannot_serve_is_named(void **state)
{
    struct fr_listener_config l = files("enrol");

    (void)state;
    is_refused(files("rsa"), "P-256");
    is_refused(files("ed25519"), "P-256");
    is_refused(files("koblitz"), "P-256");
    l.key = files("fetch").key;
    is_refused(l, "not the key of that certificate");
    l.key = "/nonexistent/c.key";
    is_refused(l, "No such file");
    l.key = l.certificate;
    assert_int_equal(chmod(l.key, 0600), 0);
    is_refused(l, "no unencrypted private key");
}

static void a_key_that_others_can_read_is_refused(void **state)
{
    struct fr_listener_config l = files("enrol");

    (void)state;
    assert_int_equal(chmod(l.key, 0640), 0);
    is_refused(l, "chmod 600");
    assert_int_equal(chmod(l.key, 0600), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_server_signs_is_tls),
        cmocka_unit_test(what_is_not_quite_that_is_not),
        cmocka_unit_test(a_clients_certificate_verify_is_not),
        cmocka_unit_test(digests_have_two_names_each),
        cmocka_unit_test(each_worker_gets_its_own_keys_signatures),
        cmocka_unit_test(a_worker_that_asks_for_what_is_not_tls_is_alone_in_its_end),
        cmocka_unit_test(who_has_no_tls_listener_has_no_signer),
        cmocka_unit_test(it_outlives_its_line_for_the_workers_that_it_has),
        cmocka_unit_test(a_worker_shakes_hands_without_a_key_of_its_own),
        cmocka_unit_test(without_a_signer_a_handshake_fails),
        cmocka_unit_test(the_remote_key_has_no_private_half),
        cmocka_unit_test(another_certificates_key_is_noticed_at_the_start),
        cmocka_unit_test(a_key_that_cannot_serve_is_named),
        cmocka_unit_test(a_key_that_others_can_read_is_refused),
    };

    return cmocka_run_group_tests(tests, make, clean);
}
