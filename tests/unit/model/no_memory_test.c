/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every allocation fails once, one after the other: the call fails, leaks nothing (the
 * sanitizers watch), and with enough memory it succeeds. malloc and calloc are wrapped
 * by the linker; jansson is given the same ones.
 *
 * Where jansson 2.14 reads, less can be asked: its lexer goes on when a token's buffer
 * cannot grow, so the text may seem malformed, or a warning's place may be off.
 */
#include "test.h"

#include <jansson.h>
#include <stdlib.h>

#include "attempt_sample.h"
#include "credential_sample.h"
#include "model/instruction.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);

static long left = -1; /* allocations until one fails; -1: none will */
static bool failed;

static bool fails_now(void)
{
    if (left < 0 || left-- > 0)
        return false;
    failed = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails_now() ? NULL : __real_calloc(n, size);
}

/* Runs call with the n-th allocation failing, until none is left to fail. */
static void survives(enum fr_code (*call)(void), bool jansson_reads)
{
    bool did_fail;
    long n = 0;

    do {
        enum fr_code rc;

        left = n++;
        failed = false;
        rc = call();
        left = -1;
        did_fail = failed;
        if (!did_fail)
            assert_int_equal(rc, FR_OK);
        else if (!jansson_reads)
            assert_int_equal(rc, FR_ENOMEM);
    } while (did_fail);
    assert_true(n > 1);
}

static const char document[] =
    "{\"version\":1,\"name\":\"n\",\"devices\":[\"d\"],\"instructions\":["
    "{\"bootstrap\":\"psk\",\"mef\":\"m\",\"trustAnchors\":["
    "\"ni:///sha-256;47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\"]},"
    "{\"discovery\":\"https\",\"resource\":\"https://d.example/a%20b\"}]}";

static enum fr_code parse_document(void)
{
    FR_AUTO(document) *doc = NULL;
    FR_AUTO_CLEAR(findings) findings = {0};

    return fr_document_parse(fr_slice_str(document), "test", FR_USE_TRIGGER, &doc,
                             &findings, NULL);
}

static struct fr_document *parsed;

static enum fr_code encode_document(void)
{
    FR_AUTO_CLEAR(buf) out = FR_BUF_INIT(FR_DOCUMENT_MAX);
    enum fr_code rc = fr_document_encode(parsed, &out, NULL);

    return rc == FR_EINTERNAL ? FR_ENOMEM : rc; /* jansson does not say which */
}

static struct fr_credential *credential;
static struct fr_buf credential_text = FR_BUF_INIT_WIPE(FR_CREDENTIAL_FILE_MAX);

static enum fr_code copy_credential(void)
{
    FR_AUTO(credential) *copy = NULL;

    return fr_credential_copy(credential, &copy, NULL);
}

static enum fr_code encode_credential(void)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(FR_CREDENTIAL_FILE_MAX);

    return fr_credential_encode(credential, &text, NULL);
}

static enum fr_code decode_credential(void)
{
    FR_AUTO(credential) *c = NULL;

    return fr_credential_decode(fr_buf_view(&credential_text), &c, NULL);
}

static struct fr_buf frame = FR_BUF_INIT(FR_ATTEMPT_FRAME);

static enum fr_code frame_attempt(void)
{
    FR_AUTO_CLEAR(buf) to = FR_BUF_INIT(FR_ATTEMPT_FRAME);
    struct fr_attempt a = attempt_sample();

    return fr_attempt_frame(&a, &to, NULL);
}

static enum fr_code next_attempt(void)
{
    struct fr_slice in = fr_buf_view(&frame);
    struct fr_attempt a;
    size_t damaged = 0;
    enum fr_code rc = fr_attempt_next(&in, &a, &damaged);

    assert_true(damaged <= 1);
    return damaged == 0 ? rc : FR_EPARSE;
}

static void parsing_a_document_survives(void **state)
{
    (void)state;
    survives(parse_document, true);
}

static void a_document_is_written_or_memory_is_missing(void **state)
{
    struct fr_err err = {0};

    (void)state;
    assert_ok(fr_document_parse(fr_slice_str(document), "test", FR_USE_TRIGGER, &parsed,
                                NULL, &err));
    survives(encode_document, false);
    fr_document_free(parsed);
}

static void a_credential_is_copied_or_memory_is_missing(void **state)
{
    (void)state;
    credential = credential_sample();
    survives(copy_credential, false);
    fr_credential_free(credential);
}

static void a_credential_file_is_never_taken_for_damaged(void **state)
{
    struct fr_err err = {0};

    (void)state;
    credential = credential_sample();
    survives(encode_credential, false);
    assert_ok(fr_credential_encode(credential, &credential_text, &err));
    survives(decode_credential, false);
    fr_buf_clear(&credential_text);
    fr_credential_free(credential);
}

static void attempt_records_survive(void **state)
{
    struct fr_attempt a = attempt_sample();
    struct fr_err err = {0};

    (void)state;
    survives(frame_attempt, false);
    assert_ok(fr_attempt_frame(&a, &frame, &err));
    survives(next_attempt, true);
    fr_buf_clear(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parsing_a_document_survives),
        cmocka_unit_test(a_document_is_written_or_memory_is_missing),
        cmocka_unit_test(a_credential_is_copied_or_memory_is_missing),
        cmocka_unit_test(a_credential_file_is_never_taken_for_damaged),
        cmocka_unit_test(attempt_records_survive),
    };

    json_set_alloc_funcs(__wrap_malloc, free);
    return cmocka_run_group_tests_name("model/no_memory", tests, NULL, NULL);
}
