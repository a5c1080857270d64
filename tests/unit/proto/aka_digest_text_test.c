/* SPDX-License-Identifier: Apache-2.0 */
/* The headers as text: what is read, what is written, what is refused. */
#include "proto/aka_digest.h"

#include "test.h"
#include "vectors/gba.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct fr_err err;

/* 31, 33 octets and 32 with 16 of server data. */
#define NONCE_31    "I1U8vpY3qJ0hiuZNrke/NVXzKLQ1d7m5Sp/6w1Tfrw=="
#define NONCE_33    "I1U8vpY3qJ0hiuZNrke/NVXzKLQ1d7m5Sp/6w1Tfr7MA"
#define NONCE_48    "I1U8vpY3qJ0hiuZNrke/NVXzKLQ1d7m5Sp/6w1Tfr7MjVTy+ljeonSGK5k2uR781"
#define REST        "realm=\"" VECTOR_BSF "\", qop=\"auth-int\", algorithm=AKAv1-MD5"
#define TIMES_16(s) s s s s s s s s s s s s s s s s

static struct fr_slice unhex(const char *hex, uint8_t *to)
{
    assert_true(fr_hex_decode(fr_slice_str(hex), to));
    return fr_slice_of(to, strlen(hex) / 2);
}

/* ---- WWW-Authenticate ---- */

static void a_challenge_is_written(void **state)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_DIGEST_HEADER_MAX);
    struct fr_digest_challenge c = {.realm = VECTOR_BSF, .opaque = "abc"};

    (void)state;
    unhex(VECTOR_RAND, c.rand);
    unhex(VECTOR_AUTN, c.autn);
    assert_ok(fr_digest_challenge_write(&c, &text, &err));
    assert_string_equal(c.nonce, VECTOR_NONCE);
    assert_string_equal(fr_buf_cstr(&text),
                        "Digest realm=\"" VECTOR_BSF "\", nonce=\"" VECTOR_NONCE
                        "\", qop=\"auth-int\", opaque=\"abc\", algorithm=AKAv1-MD5");
}

static void a_challenge_is_read(void **state)
{
    static const char *const texts[] = {
        "Digest nonce=\"" VECTOR_NONCE "\", " REST,
        "digest  NONCE=" VECTOR_NONCE " ,\tRealm=" VECTOR_BSF
        ",qop=\"auth,auth-int\",algorithm=\"akav1-md5\"",
        " Digest nonce=\"" VECTOR_NONCE "\", domain=\"/ a\\\"b\", stale=FALSE, x=\"\", "
        "stale=false, " REST " ",
        "Digest nonce=\"" VECTOR_NONCE "\", realm=\"" VECTOR_BSF
        "\", qop=auth-int, algorithm=AKAv1-MD5, opaque=\"\"",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct fr_digest_challenge c;

        assert_ok(fr_digest_challenge_parse(texts[i], &c, &err));
        assert_string_equal(c.realm, VECTOR_BSF);
        assert_string_equal(c.nonce, VECTOR_NONCE);
        assert_string_equal(c.opaque, "");
        assert_int_equal(c.version, FR_AKAV1_MD5);
        assert_hex(fr_slice_of(c.rand, sizeof c.rand), VECTOR_RAND);
        assert_hex(fr_slice_of(c.autn, sizeof c.autn), VECTOR_AUTN);
    }
}

static void a_challenge_of_akav2_is_read(void **state)
{
    struct fr_digest_challenge c;

    (void)state;
    assert_ok(fr_digest_challenge_parse(
        "Digest realm=r, nonce=\"" VECTOR_NONCE
        "\", qop=auth-int, algorithm=AKAv2-MD5, opaque=\"a, b\"",
        &c, &err));
    assert_int_equal(c.version, FR_AKAV2_MD5);
    assert_string_equal(c.opaque, "a, b");
}

static void a_nonce_of_another_length_is_refused(void **state)
{
    static const char *const texts[] = {
        "Digest nonce=\"" NONCE_31 "\", " REST,
        "Digest nonce=\"" NONCE_33 "\", " REST,
        "Digest nonce=\"" NONCE_48 "\", " REST,
        "Digest nonce=\"AAAA\", " REST,
    };
    struct fr_digest_challenge c;

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_fails_as(fr_digest_challenge_parse(texts[i], &c, &err), FR_EINVALID,
                        "nonce-length");
}

static void a_malformed_challenge_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "Digest",
        "Digest ",
        "Digest\t" REST,
        "Basic nonce=\"" VECTOR_NONCE "\", " REST,
        REST,
        "Digest " REST,             /* no nonce */
        "Digest nonce=\"\", " REST, /* an empty one */
        "Digest nonce=\"" VECTOR_NONCE "\", qop=\"auth-int\", algorithm=AKAv1-MD5",
        "Digest nonce=\"****\", " REST, /* no base64 */
        "Digest nonce=\"I1U8vpY3qJ0h iuZNrke/NVXzKLQ1d7m5Sp/6w1Tfr7M=\", " REST,
        "Digest nonce=\"I1U8vpY3qJ0hiuZNrke/NVXzKLQ1d7m5Sp/6w1Tfr7M\", " REST,
        "Digest nonce=\"I1U8vpY3qJ0hiuZNrke/NVXzKLQ1d7m5Sp/6w1Tfr7N=\", " REST,
        "Digest nonce=\"I1U8vpY3qJ0hiuZNrke_NVXzKLQ1d7m5Sp_6w1Tfr7M=\", " REST,
        "Digest nonce=\"" VECTOR_NONCE "\", nonce=\"" VECTOR_NONCE "\", " REST,
        "Digest nonce=\"" VECTOR_NONCE "\", REALM=x, " REST,
        "Digest nonce=\"" VECTOR_NONCE "\", " REST ", algorithm=AKAv1-MD5",
        "Digest nonce=\"" VECTOR_NONCE "\", " REST ", qop=auth-int",
        "Digest nonce=\"" VECTOR_NONCE "\", " REST ", opaque=\"a\nb\"",
        "Digest nonce=\"" VECTOR_NONCE "\", " REST ", opaque=\"a\tb\"",
        "Digest nonce=\"" VECTOR_NONCE "\", " REST ", opaque=\"a\x7f\"",
        "Digest nonce=\"" VECTOR_NONCE "\", " REST ", opaque=\"\xff\"",
        "Digest nonce=\"" VECTOR_NONCE "\", " REST ", opaque=\"a\\\"b\"",
        "Digest nonce=\"" VECTOR_NONCE "\", " REST
        ", opaque=\"" TIMES_16("0123456789abcdef") "\"",
        "Digest nonce=\"" VECTOR_NONCE "\", " REST ", x=\"\x01\"",
        "Digest nonce=\"" VECTOR_NONCE "\", " REST ", opaque=\"abc",
        "Digest nonce=\"" VECTOR_NONCE "\", " REST ", opaque=\"abc\\",
        "Digest nonce=\"" VECTOR_NONCE "\", " REST ", opaque=",
        "Digest nonce=\"" VECTOR_NONCE "\", " REST ", opaque",
        "Digest nonce=\"" VECTOR_NONCE "\", " REST ", ",
        "Digest nonce=\"" VECTOR_NONCE "\", " REST ", =x",
        "Digest nonce=\"" VECTOR_NONCE "\",, " REST,
        "Digest nonce=\"" VECTOR_NONCE "\" " REST,
        "Digest nonce=\"" VECTOR_NONCE "\"; " REST,
        "Digest nonce = \"" VECTOR_NONCE "\", " REST,
        "Digest nonce=\"" VECTOR_NONCE "\", " REST ", Basic realm=x",
    };
    struct fr_digest_challenge c;

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_fails_as(fr_digest_challenge_parse(texts[i], &c, &err), FR_EINVALID,
                        "challenge-malformed");
}

static void a_header_beyond_its_limit_is_refused(void **state)
{
    static const char head[] = "Digest nonce=\"" VECTOR_NONCE "\", " REST;
    struct fr_digest_challenge c;
    char text[FR_DIGEST_HEADER_MAX + 2];

    (void)state;
    memset(text, ' ', sizeof text);
    memcpy(text, head, sizeof head - 1);
    text[FR_DIGEST_HEADER_MAX] = 0;
    assert_ok(fr_digest_challenge_parse(text, &c, &err));
    text[FR_DIGEST_HEADER_MAX] = ' ';
    text[FR_DIGEST_HEADER_MAX + 1] = 0;
    assert_fails_as(fr_digest_challenge_parse(text, &c, &err), FR_EINVALID,
                    "challenge-malformed");
}

static void another_algorithm_is_unsupported(void **state)
{
    static const char *const algorithms[] = {", algorithm=MD5", ", algorithm=SHA-256",
                                             ", algorithm=AKAv1-MD5-sess",
                                             ", algorithm=AKAv3-SHA-256", ""};
    struct fr_digest_challenge c;

    (void)state;
    for (size_t i = 0; i < COUNT(algorithms); i++) {
        char text[512];

        snprintf(text, sizeof text,
                 "Digest realm=r, qop=auth-int, nonce=\"" VECTOR_NONCE "\"%s",
                 algorithms[i]);
        assert_fails_as(fr_digest_challenge_parse(text, &c, &err), FR_EUNSUPPORTED,
                        "digest-algorithm");
    }
}

static void a_qop_without_auth_int_is_unsupported(void **state)
{
    static const char *const qops[] = {"", ", qop=auth", ", qop=\"auth, auth-intx\"",
                                       ", qop=\"\"", ", qop=\"xauth-int\""};
    struct fr_digest_challenge c;

    (void)state;
    for (size_t i = 0; i < COUNT(qops); i++) {
        char text[512];

        snprintf(text, sizeof text,
                 "Digest realm=r, algorithm=AKAv1-MD5, nonce=\"" VECTOR_NONCE "\"%s",
                 qops[i]);
        assert_fails_as(fr_digest_challenge_parse(text, &c, &err), FR_EUNSUPPORTED,
                        "digest-qop");
    }
}

/* ---- Authorization ---- */

#define WHO "username=\"" VECTOR_IMPI "\", realm=\"" VECTOR_BSF "\", uri=\"/\""
#define NUMBERS                                                                        \
    "nonce=\"" VECTOR_NONCE "\", cnonce=\"" VECTOR_CNONCE "\", nc=00000001, "          \
    "qop=auth-int, response=\"" VECTOR_AKAV1 "\""

static void the_first_request_is_written_and_read(void **state)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_DIGEST_HEADER_MAX);
    const struct fr_digest_auth a = {
        .username = VECTOR_IMPI, .realm = VECTOR_BSF, .uri = "/"};
    struct fr_digest_auth back;

    (void)state;
    assert_ok(fr_digest_auth_write(&a, &text, &err));
    assert_string_equal(fr_buf_cstr(&text),
                        "Digest username=\"" VECTOR_IMPI "\", realm=\"" VECTOR_BSF
                        "\", nonce=\"\", uri=\"/\", response=\"\"");
    assert_ok(fr_digest_auth_parse(fr_buf_cstr(&text), &back, &err));
    assert_memory_equal(&back, &a, sizeof a);
}

static void a_qop_alone_is_written_and_read(void **state)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_DIGEST_HEADER_MAX);
    const struct fr_digest_auth a = {
        .username = "u", .realm = "r", .uri = "/", .has_auth_int = true};
    struct fr_digest_auth back;

    (void)state;
    assert_ok(fr_digest_auth_write(&a, &text, &err));
    assert_ok(fr_digest_auth_parse(fr_buf_cstr(&text), &back, &err));
    assert_memory_equal(&back, &a, sizeof a);
}

static struct fr_digest_auth with_response(void)
{
    struct fr_digest_auth a = {.username = VECTOR_IMPI,
                               .realm = VECTOR_BSF,
                               .nonce = VECTOR_NONCE,
                               .uri = "/",
                               .opaque = "o p",
                               .cnonce = VECTOR_CNONCE,
                               .nc = VECTOR_NC,
                               .response = VECTOR_AKAV1,
                               .version = FR_AKAV2_MD5,
                               .has_auth_int = true,
                               .has_auts = true};

    unhex(VECTOR_AUTS, a.auts);
    return a;
}

static void a_response_is_written_and_read(void **state)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_DIGEST_HEADER_MAX);
    const struct fr_digest_auth a = with_response();
    struct fr_digest_auth back;

    (void)state;
    assert_ok(fr_digest_auth_write(&a, &text, &err));
    assert_contains(fr_buf_cstr(&text), ", qop=auth-int, nc=00000001, cnonce=\"");
    assert_contains(fr_buf_cstr(&text), ", opaque=\"o p\", algorithm=AKAv2-MD5, "
                                        "auts=\"uoU/PBI8z0TpNZbjVcY=\"");
    assert_ok(fr_digest_auth_parse(fr_buf_cstr(&text), &back, &err));
    assert_memory_equal(&back, &a, sizeof a);
}

static void forms_of_the_field_are_read(void **state)
{
    static const char *const texts[] = {
        "Digest " WHO ", " NUMBERS,
        "Digest " WHO ", " NUMBERS ", algorithm=\"AKAv1-MD5\", opaque=\"\"",
        "DIGEST USERNAME=" VECTOR_IMPI ",REALM=" VECTOR_BSF ",URI=/,NONCE=" VECTOR_NONCE
        ",CNONCE=" VECTOR_CNONCE ",NC=\"00000001\",QOP=\"auth-int\",RESPONSE="
        "9645747A7F4F295E7239252F3F5BF0F5,algorithm=AKAv1-MD5",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct fr_digest_auth a;

        assert_ok(fr_digest_auth_parse(texts[i], &a, &err));
        assert_string_equal(a.username, VECTOR_IMPI);
        assert_string_equal(a.nonce, VECTOR_NONCE);
        assert_string_equal(a.nc, VECTOR_NC);
        assert_string_equal(a.response, VECTOR_AKAV1);
        assert_true(a.has_auth_int && !a.has_auts);
        assert_int_equal(a.version, FR_AKAV1_MD5);
    }
}

static void a_malformed_authorization_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "Digest ",
        "Bearer " WHO,
        "Digest realm=r, uri=\"/\", nonce=\"\", response=\"\"",
        "Digest username=u, uri=\"/\", nonce=\"\", response=\"\"",
        "Digest username=u, realm=r, nonce=\"\", response=\"\"",
        "Digest username=\"\", realm=r, uri=\"/\"",
        "Digest " WHO ", username=u",
        "Digest " WHO ", " NUMBERS ", response=\"\"",
        "Digest " WHO ", " NUMBERS ", algorithm=MD5",
        "Digest " WHO ", " NUMBERS ", algorithm=AKAv1-SHA-256",
        "Digest " WHO ", " NUMBERS ", auts=\"uoU/PBI8z0TpNZbjVQ==\"", /* 13 octets */
        "Digest " WHO ", " NUMBERS ", auts=\"uoU/PBI8z0TpNZbjVcYA\"", /* 15 */
        "Digest " WHO ", " NUMBERS ", auts=\"uoU/PBI8z0TpNZbjVcY\"",  /* padding */
        "Digest " WHO ", " NUMBERS ", auts=\"****\"",
        "Digest " WHO ", nonce=\"" VECTOR_NONCE "\", auts=\"uoU/PBI8z0TpNZbjVcY=\"",
        "Digest " WHO ", response=\"" VECTOR_AKAV1 "\"",
        "Digest " WHO ", nonce=n, cnonce=c, nc=00000001, response=\"" VECTOR_AKAV1 "\"",
        "Digest " WHO
        ", nonce=n, cnonce=c, nc=00000001, qop=auth, response=\"" VECTOR_AKAV1 "\"",
        "Digest " WHO ", nonce=n, nc=00000001, qop=auth-int, response=\"" VECTOR_AKAV1
        "\"",
        "Digest " WHO ", nonce=n, cnonce=c, qop=auth-int, response=\"" VECTOR_AKAV1
        "\"",
        "Digest " WHO ", cnonce=c, nc=00000001, qop=auth-int, response=\"" VECTOR_AKAV1
        "\"",
        "Digest " WHO
        ", nonce=n, cnonce=c, nc=1, qop=auth-int, response=\"" VECTOR_AKAV1 "\"",
        "Digest " WHO
        ", nonce=n, cnonce=c, nc=0000000g, qop=auth-int, response=\"" VECTOR_AKAV1 "\"",
        "Digest " WHO
        ", nonce=n, cnonce=c, nc=000000001, qop=auth-int, response=\"" VECTOR_AKAV1
        "\"",
        "Digest " WHO
        ", nonce=n, cnonce=c, nc=00000001, qop=auth-int, response=\"" VECTOR_AKAV1
        "0\"",
        "Digest " WHO
        ", nonce=n, cnonce=c, nc=00000001, qop=auth-int, response=\"9645\"",
        "Digest " WHO ", nonce=n, cnonce=c, nc=00000001, qop=auth-int, "
        "response=\"z645747a7f4f295e7239252f3f5bf0f5\"",
        "Digest " WHO ", cnonce=\"a\rb\"",
        "Digest " WHO ", cnonce=\"" TIMES_16("0123456789abcdef") "\"",
    };
    struct fr_digest_auth a;

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_fails_as(fr_digest_auth_parse(texts[i], &a, &err), FR_EINVALID,
                        "authorization-malformed");
}

static void what_cannot_stand_in_a_header_is_not_written(void **state)
{
    static const char *const values[] = {"a\"b", "a\\b", "a\r\nb", "a\x7f", "\xff"};
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_DIGEST_HEADER_MAX);

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        struct fr_digest_challenge c = {.realm = "r"};
        struct fr_digest_auth a = {.realm = "r", .uri = "/"};
        struct fr_digest_info info = {.has_auth_int = true};

        snprintf(c.opaque, sizeof c.opaque, "%s", values[i]);
        snprintf(a.username, sizeof a.username, "%s", values[i]);
        snprintf(info.cnonce, sizeof info.cnonce, "%s", values[i]);
        assert_fails(fr_digest_challenge_write(&c, &text, &err), FR_EPARSE);
        assert_fails(fr_digest_auth_write(&a, &text, &err), FR_EPARSE);
        assert_fails(fr_digest_info_write(&info, &text, &err), FR_EPARSE);
        assert_int_equal(text.len, 0);
    }
}

static void a_header_that_does_not_fit_is_not_written(void **state)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(100);
    const struct fr_digest_auth a = with_response();

    (void)state;
    assert_fails(fr_digest_auth_write(&a, &text, &err), FR_ELIMIT);
}

/* ---- Authentication-Info ---- */

static void an_info_is_written_and_read(void **state)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_DIGEST_HEADER_MAX);
    const struct fr_digest_info i = {.rspauth = VECTOR_AKAV1,
                                     .cnonce = VECTOR_CNONCE,
                                     .nc = VECTOR_NC,
                                     .has_auth_int = true};
    struct fr_digest_info back;

    (void)state;
    assert_ok(fr_digest_info_write(&i, &text, &err));
    assert_string_equal(fr_buf_cstr(&text),
                        "qop=auth-int, rspauth=\"" VECTOR_AKAV1
                        "\", cnonce=\"" VECTOR_CNONCE "\", nc=00000001");
    assert_ok(fr_digest_info_parse(fr_buf_cstr(&text), &back, &err));
    assert_memory_equal(&back, &i, sizeof i);
}

static void an_info_without_rspauth_says_so(void **state)
{
    struct fr_digest_info i;

    (void)state;
    assert_ok(fr_digest_info_parse("nextnonce=\"abc\", qop=auth", &i, &err));
    assert_string_equal(i.rspauth, "");
    assert_false(i.has_auth_int);
}

static void a_malformed_info_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "rspauth",
        "rspauth=\"9645\"",
        "rspauth=\"z645747a7f4f295e7239252f3f5bf0f5\"",
        "rspauth=\"" VECTOR_AKAV1 "\", rspauth=\"" VECTOR_AKAV1 "\"",
        "rspauth=\"" VECTOR_AKAV1 "\", nc=1",
        "rspauth=\"" VECTOR_AKAV1 "\", cnonce=\"a\x01\"",
        "Digest rspauth=\"" VECTOR_AKAV1 "\"",
    };
    struct fr_digest_info i;

    (void)state;
    for (size_t k = 0; k < COUNT(texts); k++)
        assert_fails_as(fr_digest_info_parse(texts[k], &i, &err), FR_EINVALID,
                        "authentication-info-malformed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_challenge_is_written),
        cmocka_unit_test(a_challenge_is_read),
        cmocka_unit_test(a_challenge_of_akav2_is_read),
        cmocka_unit_test(a_nonce_of_another_length_is_refused),
        cmocka_unit_test(a_malformed_challenge_is_refused),
        cmocka_unit_test(a_header_beyond_its_limit_is_refused),
        cmocka_unit_test(another_algorithm_is_unsupported),
        cmocka_unit_test(a_qop_without_auth_int_is_unsupported),
        cmocka_unit_test(the_first_request_is_written_and_read),
        cmocka_unit_test(a_qop_alone_is_written_and_read),
        cmocka_unit_test(a_response_is_written_and_read),
        cmocka_unit_test(forms_of_the_field_are_read),
        cmocka_unit_test(a_malformed_authorization_is_refused),
        cmocka_unit_test(what_cannot_stand_in_a_header_is_not_written),
        cmocka_unit_test(a_header_that_does_not_fit_is_not_written),
        cmocka_unit_test(an_info_is_written_and_read),
        cmocka_unit_test(an_info_without_rspauth_says_so),
        cmocka_unit_test(a_malformed_info_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
