/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>

#include "credential_sample.h"
#include "model/crc32.h"

static struct fr_buf encoded_of(const struct fr_credential *c)
{
    struct fr_buf text = FR_BUF_INIT_WIPE(FR_CREDENTIAL_FILE_MAX);
    struct fr_err err = {0};

    assert_ok(fr_credential_encode(c, &text, &err));
    return text;
}

static struct fr_buf encoded(void)
{
    FR_AUTO(credential) *c = credential_sample();

    return encoded_of(c);
}

static struct fr_buf encoded_gba(void)
{
    FR_AUTO(credential) *c = credential_sample_gba();

    return encoded_of(c);
}

static void refuses(struct fr_slice text)
{
    struct fr_credential *c = NULL;
    struct fr_err err = {0};

    assert_fails_as(fr_credential_decode(text, &c, &err), FR_EPARSE, "credential-file");
    assert_null(c);
    assert_null(strstr(err.msg, SAMPLE_KE));
}

/* Body (without its checksum) with the checksum that it needs. */
static void refuses_body(const char *body)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(64 * 1024);

    fr_buf_str(&text, body);
    fr_buf_fmt(&text, "crc=%08x\n", fr_crc32(fr_buf_view(&text)));
    refuses(fr_buf_view(&text));
}

/* The good body with one piece replaced. */
static void refuses_changed(const struct fr_buf *good, const char *piece,
                            const char *instead)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT_WIPE(64 * 1024);
    const char *text = fr_buf_cstr(good), *at = strstr(text, piece);

    assert_non_null(at);
    fr_buf_put(&body, text, (size_t)(at - text));
    fr_buf_str(&body, instead);
    at += strlen(piece);
    fr_buf_put(&body, at, strlen(at) - strlen("crc=01234567\n"));
    refuses_body(fr_buf_cstr(&body));
}

static void refuses_with(const char *piece, const char *instead)
{
    FR_AUTO_CLEAR(buf) good = encoded();

    refuses_changed(&good, piece, instead);
}

static void refuses_gba_with(const char *piece, const char *instead)
{
    FR_AUTO_CLEAR(buf) good = encoded_gba();

    refuses_changed(&good, piece, instead);
}

static void the_file_has_exactly_this_form(void **state)
{
    FR_AUTO_CLEAR(buf) text = encoded();
    static const char want[] =
        "fieldroot-credential 1\n"
        "method=certificate\nmef=mef.example.com\nport=8443\n"
        "target=//sp.example.com/cse-b\ntarget-fqdn=cse-b.in.sp.example.com\n"
        "suid=22\nadmin-fqdn=mef.example.com\nderivation=usage\n"
        "key-id=" SAMPLE_KEYID "\n"
        "registration=/mefbase/C1AEC59A313D1341C3D91E1FEE552FF2\n"
        "client-registration=/mefbase/reg-1\ncredential=factory\n"
        "created=1795489639\nexpires=1827025639\nconfirmed=yes\n"
        "ke=" SAMPLE_KE "\ncrc=";

    (void)state;
    assert_memory_equal(text.data, want, sizeof want - 1);
    assert_int_equal(text.len, sizeof want - 1 + 9);
}

static void what_was_written_is_read_again(void **state)
{
    FR_AUTO(credential) *c = credential_sample(), *read = NULL;
    FR_AUTO_CLEAR(buf) text = encoded();
    struct fr_err err = {0};

    (void)state;
    assert_ok(fr_credential_decode(fr_buf_view(&text), &read, &err));
    assert_same_credential(c, read);
}

#define NO_NAF_KEYS                                                                    \
    "naf-key-tls1.2=\nnaf-key-dtls1.2=\nnaf-key-tls1.3=\nnaf-key-http-digest=\n"

static void of_gba_there_are_more_lines(void **state)
{
    FR_AUTO(credential) *c = credential_sample_gba(), *read = NULL;
    FR_AUTO_CLEAR(buf) text = encoded_of(c);
    struct fr_err err = {0};

    (void)state;
    assert_memory_equal(text.data, "fieldroot-credential 2\n", 23);
    assert_contains(fr_buf_cstr(&text),
                    "\nconfirmed=yes\nimpi=" SAMPLE_IMPI "\nrand=" SAMPLE_RAND
                    "\n" NO_NAF_KEYS "ke=" SAMPLE_KS "\ncrc=");
    assert_ok(fr_credential_decode(fr_buf_view(&text), &read, &err));
    assert_same_credential(c, read);
}

static void keys_that_the_sim_made_are_kept(void **state)
{
    FR_AUTO(credential) *c = credential_sample_gba(), *read = NULL;
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(FR_CREDENTIAL_FILE_MAX);
    struct fr_err err = {0};

    (void)state;
    c->derivation = FR_DERIVE_GBA_U;
    assert_ok(
        fr_secret_from_hex(fr_slice_str(SAMPLE_KE), &c->naf_keys[FR_UA_TLS13], &err));
    assert_ok(fr_credential_encode(c, &text, &err));
    assert_contains(fr_buf_cstr(&text), "\nnaf-key-tls1.3=" SAMPLE_KE "\n");
    assert_ok(fr_credential_decode(fr_buf_view(&text), &read, &err));
    assert_same_credential(c, read);
}

static void a_file_of_gba_is_as_strict(void **state)
{
    FR_AUTO_CLEAR(buf) text = encoded_gba();

    (void)state;
    for (size_t n = 0; n < text.len; n++)
        refuses(fr_slice_of(text.data, n));
    refuses_gba_with("fieldroot-credential 2", "fieldroot-credential 1");
    refuses_gba_with("fieldroot-credential 2", "fieldroot-credential 3");
    refuses_gba_with("derivation=gba", "derivation=usage");
    refuses_gba_with("impi=" SAMPLE_IMPI, "impi=");
    refuses_gba_with("rand=23", "rand=");
    refuses_gba_with("rand=23", "rand=2323");
    refuses_gba_with("rand=23", "rand=2x");
    refuses_gba_with("naf-key-tls1.2=", "naf-key-tls1.2=" SAMPLE_KE);
    refuses_gba_with("naf-key-tls1.2=\n", "");
    refuses_with("\nke=", "\nimpi=" SAMPLE_IMPI "\nrand=" SAMPLE_RAND "\nke=");
    refuses_with("derivation=usage", "derivation=gba");
}

static void what_may_be_missing_stays_missing(void **state)
{
    FR_AUTO(credential) *c = credential_sample(), *read = NULL;
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(FR_CREDENTIAL_FILE_MAX);
    struct fr_err err = {0};

    (void)state;
    free(FR_TAKE(c->client_registration));
    free(FR_TAKE(c->credential_name));
    c->confirmed = false;
    assert_ok(fr_credential_encode(c, &text, &err));
    assert_ok(fr_credential_decode(fr_buf_view(&text), &read, &err));
    assert_null(read->client_registration);
    assert_null(read->credential_name);
    assert_false(read->confirmed);
}

static void every_truncation_is_refused(void **state)
{
    FR_AUTO_CLEAR(buf) text = encoded();

    (void)state;
    for (size_t n = 0; n < text.len; n++)
        refuses(fr_slice_of(text.data, n));
}

static void every_single_octet_flip_is_refused(void **state)
{
    FR_AUTO_CLEAR(buf) text = encoded();
    static const uint8_t masks[] = {0x01, 0x20, 0x80, 0xff};

    (void)state;
    for (size_t i = 0; i < text.len; i++) {
        for (size_t k = 0; k < sizeof masks; k++) {
            text.data[i] ^= masks[k];
            refuses(fr_buf_view(&text));
            text.data[i] ^= masks[k];
        }
    }
}

static void octets_behind_the_end_are_refused(void **state)
{
    FR_AUTO_CLEAR(buf) text = encoded();

    (void)state;
    fr_buf_str(&text, "\n");
    refuses(fr_buf_view(&text));
}

static void an_oversized_file_is_refused(void **state)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(64 * 1024);

    (void)state;
    while (body.len <= FR_CREDENTIAL_FILE_MAX)
        fr_buf_str(&body, "fieldroot-credential 1\n");
    refuses_body(fr_buf_cstr(&body));
}

/* With a right checksum: a file that another program wrote. */
static void an_intact_file_of_another_form_is_refused(void **state)
{
    (void)state;
    refuses_body("");
    refuses_body("fieldroot-credential 1\n");
    refuses_with("fieldroot-credential 1", "fieldroot-credential 2");
    refuses_with("method=certificate\n", "");
    refuses_with("method=certificate\n", "method=certificate\nmethod=certificate\n");
    refuses_with("method=certificate\nmef=mef.example.com\n",
                 "mef=mef.example.com\nmethod=certificate\n");
    refuses_with("method=", "Method=");
    refuses_with("\nke=", "\nother=1\nke=");
    refuses_with("\nke=" SAMPLE_KE "\n", "\nke=" SAMPLE_KE "\nke=" SAMPLE_KE "\n");
    refuses_with("\nsuid=22", "\r\nsuid=22");
}

static void a_bad_value_in_an_intact_file_is_refused(void **state)
{
    (void)state;
    refuses_with("method=certificate", "method=");
    refuses_with("mef=mef.example.com", "mef=mef\x01");
    refuses_with("port=8443", "port=0");
    refuses_with("port=8443", "port=65536");
    refuses_with("port=8443", "port=08443");
    refuses_with("port=8443", "port=-1");
    refuses_with("suid=22", "suid=26");
    refuses_with("suid=22", "suid=");
    refuses_with("derivation=usage", "derivation=none");
    refuses_with("derivation=usage", "derivation=usageusageusageusage");
    refuses_with("created=1795489639", "created=99999999999999999999");
    refuses_with("confirmed=yes", "confirmed=true");
    refuses_with("ke=" SAMPLE_KE, "ke=");
    refuses_with("ke=71d4", "ke=71d");
    refuses_with("ke=71d4", "ke=71dg");
    refuses_with("ke=71d4", "ke=71d400");
}

static void fails_to_encode(const struct fr_credential *c)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(FR_CREDENTIAL_FILE_MAX);
    struct fr_err err = {0};

    assert_fails_as(fr_credential_encode(c, &text, &err), FR_EINVALID,
                    "credential-value");
}

/* A peer's Content-Location must not write lines of its own. */
static void a_value_with_a_newline_is_not_written(void **state)
{
    FR_AUTO(credential) *c = credential_sample();

    (void)state;
    c->registration[3] = '\n';
    fails_to_encode(c);
}

static void an_unfinished_credential_is_not_written(void **state)
{
    FR_AUTO(credential) *c = credential_sample();

    (void)state;
    c->port = 0;
    fails_to_encode(c);
    c->port = 1;
    c->suid = 20;
    fails_to_encode(c);
    c->suid = 22;
    c->created = -1;
    fails_to_encode(c);
    c->created = 0;
    fr_secret_free(FR_TAKE(c->ke));
    fails_to_encode(c);
}

static void a_key_of_another_length_is_not_written(void **state)
{
    FR_AUTO(credential) *c = credential_sample();
    struct fr_err err = {0};

    (void)state;
    fr_secret_free(FR_TAKE(c->ke));
    assert_ok(fr_secret_new(31, &c->ke, &err));
    fails_to_encode(c);
}

static void an_endless_value_is_not_written(void **state)
{
    FR_AUTO(credential) *c = credential_sample();
    static char endless[5000];
    struct fr_err err = {0};

    (void)state;
    memset(endless, 'x', sizeof endless - 1);
    free(FR_TAKE(c->registration));
    assert_ok(fr_str_dup(endless, &c->registration, &err));
    fails_to_encode(c);
}

static void a_credential_that_is_too_large_in_all_is_not_written(void **state)
{
    FR_AUTO(credential) *c = credential_sample();
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(64 * 1024);
    static char longest[1025];
    char **const all[] = {
        &c->method,     &c->mef,    &c->target,       &c->target_fqdn,
        &c->admin_fqdn, &c->key_id, &c->registration, &c->client_registration};
    struct fr_err err = {0};

    (void)state;
    memset(longest, 'x', sizeof longest - 1);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        free(*all[i]);
        *all[i] = NULL;
        assert_ok(fr_str_dup(longest, all[i], &err));
    }
    assert_fails_as(fr_credential_encode(c, &text, &err), FR_EINVALID,
                    "credential-value");
}

static void too_small_a_buffer_is_reported(void **state)
{
    FR_AUTO(credential) *c = credential_sample();
    FR_AUTO_CLEAR(buf) whole = encoded();
    struct fr_err err = {0};

    (void)state;
    for (size_t max = 0; max < whole.len; max++) {
        FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(max);

        assert_fails(fr_credential_encode(c, &text, &err), FR_ELIMIT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_has_exactly_this_form),
        cmocka_unit_test(what_was_written_is_read_again),
        cmocka_unit_test(of_gba_there_are_more_lines),
        cmocka_unit_test(keys_that_the_sim_made_are_kept),
        cmocka_unit_test(a_file_of_gba_is_as_strict),
        cmocka_unit_test(what_may_be_missing_stays_missing),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_single_octet_flip_is_refused),
        cmocka_unit_test(octets_behind_the_end_are_refused),
        cmocka_unit_test(an_oversized_file_is_refused),
        cmocka_unit_test(an_intact_file_of_another_form_is_refused),
        cmocka_unit_test(a_bad_value_in_an_intact_file_is_refused),
        cmocka_unit_test(a_value_with_a_newline_is_not_written),
        cmocka_unit_test(an_unfinished_credential_is_not_written),
        cmocka_unit_test(a_key_of_another_length_is_not_written),
        cmocka_unit_test(an_endless_value_is_not_written),
        cmocka_unit_test(a_credential_that_is_too_large_in_all_is_not_written),
        cmocka_unit_test(too_small_a_buffer_is_reported),
    };

    return cmocka_run_group_tests_name("model/credential_file", tests, NULL, NULL);
}
