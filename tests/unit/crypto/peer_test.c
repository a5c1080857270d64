/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/peer.h"

#include "base/file.h"
#include "certs.h"
#include "crypto/pki.h"
#include "test.h"
#include "tmpdir.h"

static struct fr_err err;

/* Two CAs that both issued dev1.example.com. */
struct fixture {
    struct tmpdir dir;
    X509 *anchor[2], *leaf[2];
    int64_t until;
};

static void make_ca(struct fixture *f, int i, const char *dir, const char *pem)
{
    const struct fr_san san = {.type = FR_SAN_DNS, .value = "dev1.example.com"};
    const struct fr_pki_request req = {.sans = &san,
                                       .n_sans = 1,
                                       .not_before = f->until - 7200,
                                       .not_after = f->until};

    assert_ok(fr_pki_init(dir, "Same Name", NULL, f->until, &err));
    assert_ok(fr_pki_issue(dir, &req, pem, "leaf.key", &err));
    assert_int_equal(unlink("leaf.key"), 0);
    f->leaf[i] = load_cert(pem);
}

static int setup(void **state)
{
    static struct fixture f;

    f.until = fr_wall_s(&fr_env_system) + 3600;
    tmpdir_enter(&f.dir);
    make_ca(&f, 0, "ca0", "leaf0.pem");
    make_ca(&f, 1, "ca1", "leaf1.pem");
    f.anchor[0] = load_cert("ca0/ca.pem");
    f.anchor[1] = load_cert("ca1/ca.pem");
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 2; i++) {
        X509_free(f->leaf[i]);
        X509_free(f->anchor[i]);
    }
    tmpdir_leave(&f->dir);
    return 0;
}

static struct fr_peer verified_peer(const struct fixture *f, int i)
{
    STACK_OF(X509) *chain = NULL;
    struct fr_peer peer;

    assert_int_equal(verify_cert(f->leaf[i], f->anchor[i], NULL, 0, &chain), X509_V_OK);
    assert_ok(fr_peer_from_chain(chain, &peer, &err));
    sk_X509_pop_free(chain, X509_free);
    return peer;
}

static void identity_has_anchor_name_and_digest(void **state)
{
    struct fixture *f = *state;
    struct fr_peer peer = verified_peer(f, 0);
    char anchor[FR_ANCHOR_HEX + 1];
    uint8_t md[FR_SHA256_LEN];

    assert_int_equal(peer.kind, FR_PEER_CERTIFICATE);
    assert_ok(fr_x509_spki_hex(f->anchor[0], anchor, &err));
    assert_string_equal(peer.anchor, anchor);
    assert_int_equal(peer.n_sans, 1);
    assert_string_equal(peer.sans[0].value, "dev1.example.com");
    assert_ok(fr_x509_sha256(f->leaf[0], md, &err));
    assert_memory_equal(peer.leaf_sha256, md, sizeof md);
    assert_contains(peer.subject, "CN=dev1.example.com");
}

static void two_anchors_give_two_identities_for_one_name(void **state)
{
    struct fr_peer one = verified_peer(*state, 0), two = verified_peer(*state, 1);

    assert_string_equal(one.sans[0].value, two.sans[0].value);
    assert_string_not_equal(one.anchor, two.anchor);
}

static void other_anchor_does_not_verify(void **state)
{
    struct fixture *f = *state;

    assert_int_not_equal(verify_cert(f->leaf[0], f->anchor[1], NULL, 0, NULL),
                         X509_V_OK);
}

static void missing_chain_is_refused(void **state)
{
    STACK_OF(X509) *none = sk_X509_new_null();
    struct fr_peer peer;

    (void)state;
    assert_fails_as(fr_peer_from_chain(NULL, &peer, &err), FR_EREFUSED,
                    "peer-unverified");
    assert_fails_as(fr_peer_from_chain(none, &peer, &err), FR_EREFUSED,
                    "peer-unverified");
    sk_X509_free(none);
}

static void leaf_alone_has_no_anchor(void **state)
{
    struct fixture *f = *state;
    struct fr_peer peer;

    assert_ok(fr_peer_from_leaf(f->leaf[0], &peer, &err));
    assert_string_equal(peer.anchor, "");
}

static struct fr_peer peer_named(enum fr_san_type type, const char *name)
{
    struct fr_peer peer = {.kind = FR_PEER_CERTIFICATE, .n_sans = 1};

    peer.sans[0].type = type;
    snprintf(peer.sans[0].value, sizeof peer.sans[0].value, "%s", name);
    return peer;
}

static void fqdn_matches_exactly(void **state)
{
    struct fr_peer peer = peer_named(FR_SAN_DNS, "mef.example.com");

    (void)state;
    assert_true(fr_peer_has_fqdn(&peer, "mef.example.com"));
    assert_true(fr_peer_has_fqdn(&peer, "MEF.example.com"));
    assert_false(fr_peer_has_fqdn(&peer, "example.com"));
    assert_false(fr_peer_has_fqdn(&peer, "a.mef.example.com"));
    assert_false(fr_peer_has_fqdn(&peer, "mef.example.com."));
    assert_false(fr_peer_has_fqdn(&peer, "mef.example.co"));
    assert_false(fr_peer_has_fqdn(&peer, ""));
}

static void wildcard_never_matches(void **state)
{
    struct fr_peer peer = peer_named(FR_SAN_DNS, "*.example.com");

    (void)state;
    assert_false(fr_peer_has_fqdn(&peer, "mef.example.com"));
    assert_false(fr_peer_has_fqdn(&peer, "*.example.com"));
}

static void uri_equal_to_the_fqdn_matches(void **state)
{
    struct fr_peer peer = peer_named(FR_SAN_URI, "mef.example.com"),
                   longer = peer_named(FR_SAN_URI, "https://mef.example.com");

    (void)state;
    assert_true(fr_peer_has_fqdn(&peer, "mef.example.com"));
    assert_false(fr_peer_has_fqdn(&longer, "mef.example.com"));
}

static void name_of_another_type_does_not_match(void **state)
{
    struct fr_peer other = peer_named(FR_SAN_OTHER, "mef.example.com");

    (void)state;
    assert_false(fr_peer_has_fqdn(&other, "mef.example.com"));
}

static void peer_without_certificate_has_no_fqdn(void **state)
{
    struct fr_peer psk = peer_named(FR_SAN_DNS, "mef.example.com");
    struct fr_peer nobody = {.kind = FR_PEER_NONE};

    (void)state;
    psk.kind = FR_PEER_PSK;
    assert_false(fr_peer_has_fqdn(&psk, "mef.example.com"));
    assert_false(fr_peer_has_fqdn(&nobody, "mef.example.com"));
}

static void common_name_is_no_identity(void **state)
{
    X509 *cert = make_cert(NULL, 0); /* CN=test */
    struct fr_peer peer;

    (void)state;
    assert_fails_as(fr_peer_from_leaf(cert, &peer, &err), FR_EREFUSED, "peer-name");
    assert_contains(err.msg, "CN=test");
    X509_free(cert);
}

static void peers_are_told_apart_in_messages(void **state)
{
    struct fr_peer cert = peer_named(FR_SAN_DNS, "dev1.example.com");
    struct fr_peer psk = {.kind = FR_PEER_PSK, .psk_identity = "kpm-1@mef.example.com"};
    struct fr_peer nobody = {.kind = FR_PEER_NONE};
    char text[FR_SAN_TEXT_MAX + 1];

    (void)state;
    assert_string_equal(fr_peer_format(&cert, text), "dns:dev1.example.com");
    assert_string_equal(fr_peer_format(&psk, text), "psk:kpm-1@mef.example.com");
    assert_string_equal(fr_peer_format(&nobody, text), "nobody");
}

static void pem_file_with_several_is_read_whole(void **state)
{
    struct fixture *f = *state;
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(65536);
    STACK_OF(X509) * certs;
    const char *path = "both.pem";

    fr_buf_str(&text, "# our anchors\n");
    assert_ok(fr_file_read("ca0/ca.pem", &text, &err));
    assert_ok(fr_file_read("ca1/ca.pem", &text, &err));
    assert_ok(fr_file_write_atomic(path, fr_buf_view(&text), 0644, &err));
    assert_ok(fr_x509_read_pem(path, &certs, &err));
    assert_int_equal(sk_X509_num(certs), 2);
    assert_int_equal(X509_cmp(sk_X509_value(certs, 1), f->anchor[1]), 0);
    sk_X509_pop_free(certs, X509_free);
}

static void cut_pem_file_is_refused(void **state)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(65536);
    STACK_OF(X509) *certs = NULL;
    const char *path = "cut.pem";

    (void)state;
    assert_ok(fr_file_read("ca0/ca.pem", &text, &err));
    assert_ok(fr_file_read("ca1/ca.pem", &text, &err));
    text.len -= 40;
    assert_ok(fr_file_write_atomic(path, fr_buf_view(&text), 0644, &err));
    assert_fails(fr_x509_read_pem(path, &certs, &err), FR_ECONFIG);
    assert_contains(err.msg, "cut.pem: certificate 2");
    assert_null(certs);
}

static void file_without_certificate_is_refused(void **state)
{
    STACK_OF(X509) *certs = NULL;

    (void)state;
    assert_fails(fr_x509_read_pem("ca0/ca.key", &certs, &err), FR_ECONFIG);
    assert_contains(err.msg, "no certificate");
    assert_fails(fr_x509_read_pem("none.pem", &certs, &err), FR_ECONFIG);
    assert_contains(err.msg, "none.pem: no such file");
    assert_null(certs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity_has_anchor_name_and_digest),
        cmocka_unit_test(two_anchors_give_two_identities_for_one_name),
        cmocka_unit_test(other_anchor_does_not_verify),
        cmocka_unit_test(missing_chain_is_refused),
        cmocka_unit_test(leaf_alone_has_no_anchor),
        cmocka_unit_test(fqdn_matches_exactly),
        cmocka_unit_test(wildcard_never_matches),
        cmocka_unit_test(uri_equal_to_the_fqdn_matches),
        cmocka_unit_test(name_of_another_type_does_not_match),
        cmocka_unit_test(peer_without_certificate_has_no_fqdn),
        cmocka_unit_test(common_name_is_no_identity),
        cmocka_unit_test(peers_are_told_apart_in_messages),
        cmocka_unit_test(pem_file_with_several_is_read_whole),
        cmocka_unit_test(cut_pem_file_is_refused),
        cmocka_unit_test(file_without_certificate_is_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
