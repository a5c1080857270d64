/* SPDX-License-Identifier: Apache-2.0 */
/* `fieldrootctl ca` as its user sees it: arguments in, exit status and text out. */
#include "cli/ca.h"

#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>

#include "base/file.h"
#include "certs.h"
#include "crypto/peer.h"
#include "test.h"
#include "tmpdir.h"

enum { WORDS_MAX = 24, OK = 0, USAGE = 64, BAD_INPUT = 65, CANNOT_WRITE = 73 };

static struct fr_err err;

struct fixture {
    struct tmpdir dir;
    char out[8192], said[8192]; /* standard output and error of the last run */
};

/* The stream to a file for the time of a run. */
static int redirect(FILE *stream, int to, const char *path)
{
    int saved = dup(to), fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    fflush(stream);
    assert_true(saved >= 0 && fd >= 0);
    assert_true(dup2(fd, to) == to);
    close(fd);
    return saved;
}

static void restore(FILE *stream, int to, int saved, const char *path, char text[8192])
{
    struct fr_buf got = FR_BUF_INIT(8191);

    fflush(stream);
    assert_true(dup2(saved, to) == to);
    close(saved);
    assert_ok(fr_file_read(path, &got, &err));
    snprintf(text, 8192, "%s", fr_buf_cstr(&got));
    fr_buf_clear(&got);
}

/* Words in one text, '|' between them; "ca" comes first. */
static int run(struct fixture *f, const char *words)
{
    char text[2048], *argv[WORDS_MAX + 1] = {"ca"}, *next = text, out[128], said[128];
    int argc = 1, status, saved_out, saved_err;

    snprintf(text, sizeof text, "%s", words);
    while (argc < WORDS_MAX && (argv[argc] = strsep(&next, "|")))
        argc++;
    snprintf(out, sizeof out, "%s/.out", f->dir.path);
    snprintf(said, sizeof said, "%s/.err", f->dir.path);
    saved_out = redirect(stdout, 1, out);
    saved_err = redirect(stderr, 2, said);
    status = fr_ca_main(argc, argv);
    restore(stdout, 1, saved_out, out, f->out);
    restore(stderr, 2, saved_err, said, f->said);
    return status;
}

static int setup(void **state)
{
    static struct fixture f;

    tmpdir_enter(&f.dir);
    assert_int_equal(run(&f, "init|my|--name|Test CA|--permit-dns|example.com"), OK);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    tmpdir_leave(&((struct fixture *)*state)->dir);
    return 0;
}

static json_t *show(struct fixture *f, const char *words)
{
    json_t *o;

    assert_int_equal(run(f, words), OK);
    o = json_loads(f->out, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(o);
    return o;
}

static const char *text_of(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));

    assert_non_null(text);
    return text;
}

static void init_tells_the_anchor(void **state)
{
    struct fixture *f = *state;
    json_auto_t *ca = show(f, "show|my/ca.pem|--json");

    assert_true(json_is_true(json_object_get(ca, "ca")));
    assert_int_equal(run(f, "init|again|--name|Test CA"), OK);
    assert_contains(f->out, "anchor ");
    assert_int_equal(strlen(text_of(ca, "spkiSha256")), 64);
}

static void init_of_an_existing_ca_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(run(f, "init|my|--name|Other"), CANNOT_WRITE);
    assert_contains(f->said, "my/ca.key");
    assert_string_equal(f->out, "");
}

static void issue_writes_certificate_and_private_key(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    X509 *leaf, *anchor;

    assert_int_equal(run(f, "issue|my|--san|dns:Dev1.example.com"), OK);
    leaf = load_cert("dev1.example.com.pem");
    anchor = load_cert("my/ca.pem");
    assert_int_equal(verify_cert(leaf, anchor, NULL, 0, NULL), X509_V_OK);
    assert_int_equal(stat("dev1.example.com.key", &st), 0);
    assert_int_equal(st.st_mode & 0777u, 0600);
    X509_free(anchor);
    X509_free(leaf);
}

static void issue_takes_several_names_a_prefix_and_a_common_name(void **state)
{
    struct fixture *f = *state;
    json_auto_t *o = NULL;

    assert_int_equal(run(f, "issue|--san|dns:a.example.com|my|--san|uri:urn:x:1"
                            "|--name|device one|--out|sub"),
                     OK);
    o = show(f, "show|--json|sub.pem");
    assert_string_equal(text_of(o, "subject"), "CN=device one");
    assert_int_equal(json_array_size(json_object_get(o, "names")), 2);
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(o, "names"), 1)),
        "uri:urn:x:1");
    assert_null(json_object_get(o, "refused"));
}

static void issue_takes_a_validity(void **state)
{
    struct fixture *f = *state;
    json_auto_t *o = NULL;

    assert_int_equal(run(f, "issue|my|--san|dns:a.example.com|--out|old"
                            "|--not-before|2020-01-01T00:00:00Z"
                            "|--not-after|2021-01-01T00:00:00Z"),
                     OK);
    o = show(f, "show|old.pem|--json");
    assert_string_equal(text_of(o, "notBefore"), "2020-01-01T00:00:00Z");
    assert_string_equal(text_of(o, "notAfter"), "2021-01-01T00:00:00Z");
    assert_int_equal(run(f, "show|old.pem"), OK);
    assert_contains(f->out, "2021-01-01T00:00:00Z (over)");
}

static void days_count_from_not_before(void **state)
{
    struct fixture *f = *state;
    json_auto_t *o = NULL;

    assert_int_equal(run(f, "issue|my|--san|dns:a.example.com|--out|new|--days|2"
                            "|--not-before|2090-01-01T00:00:00Z"),
                     OK);
    o = show(f, "show|new.pem|--json");
    assert_string_equal(text_of(o, "notAfter"), "2090-01-03T00:00:00Z");
    assert_int_equal(run(f, "show|new.pem"), OK);
    assert_contains(f->out, "(not yet)");
}

static void second_issue_to_the_same_place_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(run(f, "issue|my|--san|dns:a.example.com"), OK);
    assert_int_equal(run(f, "issue|my|--san|dns:a.example.com"), CANNOT_WRITE);
    assert_contains(f->said, "a.example.com.key");
}

static void revoked_certificate_no_longer_verifies(void **state)
{
    struct fixture *f = *state;
    X509 *leaf, *anchor;
    X509_CRL *crl;

    assert_int_equal(run(f, "issue|my|--san|dns:a.example.com"), OK);
    assert_int_equal(run(f, "revoke|my|a.example.com.pem"), OK);
    assert_int_equal(run(f, "crl|my"), OK);
    assert_contains(f->out, "my/crl.pem, good until 20");
    leaf = load_cert("a.example.com.pem");
    anchor = load_cert("my/ca.pem");
    crl = load_crl("my/crl.pem");
    assert_int_equal(verify_cert(leaf, anchor, crl, 0, NULL), X509_V_ERR_CERT_REVOKED);
    X509_CRL_free(crl);
    X509_free(anchor);
    X509_free(leaf);
}

static void shown_digests_are_those_of_the_certificate(void **state)
{
    struct fixture *f = *state;
    json_auto_t *o = show(f, "show|my/ca.pem|--json");
    X509 *ca = load_cert("my/ca.pem");
    char spki[FR_ANCHOR_HEX + 1];
    uint8_t md[FR_SHA256_LEN];

    assert_ok(fr_x509_spki_hex(ca, spki, &err));
    assert_ok(fr_x509_sha256(ca, md, &err));
    assert_string_equal(text_of(o, "spkiSha256"), spki);
    assert_hex(fr_slice_of(md, sizeof md), text_of(o, "sha256"));
    X509_free(ca);
}

static void assert_status(struct fixture *f, const char *words, int status)
{
    int got = run(f, words);

    if (got != status)
        fail_msg("ca %s: %d instead of %d: %s", words, got, status, f->said);
    assert_true(f->said[0] != 0);
    assert_string_equal(f->out, "");
}

static void usage_errors_exit_64(void **state)
{
    static const char *const lines[] = {
        "isue|my",
        "init|my2",
        "init|--name|x",
        "init|my2|--name",
        "init|my2|--name|x|--days|0",
        "init|my2|--name|x|--days|99999999",
        "init|my2|--name|x|--days|ten",
        "init|my2|--name|x|--san|dns:a",
        "issue|my",
        "issue|my|more|--san|dns:a.example.com",
        "issue|my|--san|dns:a.example.com|--not-after|tomorrow",
        "issue|my|--san|dns:a.example.com|--days|1|--not-after|2090-01-01T00:00:00Z",
        "issue|my|--san|uri://sp/cse",
        "revoke|my",
        "crl",
        "crl|my|--json",
        "show",
    };

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_status(*state, lines[i], USAGE);
}

static void bad_input_exits_65(void **state)
{
    static const char *const lines[] = {
        "issue|my|--san|a.example.com",
        "issue|my|--san|dns:*.example.com",
        "issue|my|--san|dns:a.example.org",
        "issue|none|--san|dns:a.example.com",
        "issue|my|--san|dns:a.example.com|--not-after|2000-01-01T00:00:00Z",
        "init|my2|--name|x|--permit-dns|*.example.com",
        "revoke|my|none.pem",
        "crl|none",
        "show|none.pem",
        "show|my/ca.key",
    };

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_status(*state, lines[i], BAD_INPUT);
}

static void place_that_cannot_be_written_exits_73(void **state)
{
    assert_status(*state, "issue|my|--san|dns:a.example.com|--out|none/a",
                  CANNOT_WRITE);
    assert_status(*state, "init|my/ca.pem/x|--name|x", CANNOT_WRITE);
}

static void no_subcommand_shows_the_usage(void **state)
{
    struct fixture *f = *state;
    char *argv[] = {"ca", NULL};

    assert_status(f, "bogus", USAGE);
    assert_contains(f->said, "usage: fieldrootctl ca init DIR --name CN");
    assert_int_equal(fr_ca_main(0, argv), USAGE);
}

static void help_is_no_error(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(run(f, "--help"), OK);
    assert_contains(f->out, "fieldrootctl ca revoke DIR CERT.pem");
    assert_int_equal(run(f, "issue|--help"), OK);
    assert_contains(f->out, "--not-before RFC3339");
    assert_string_equal(f->said, "");
}

static void errors_name_command_and_option(void **state)
{
    assert_status(*state, "issue|my|--sun|x", USAGE);
    assert_contains(((struct fixture *)*state)->said,
                    "fieldrootctl ca issue: unknown option --sun");
    assert_status(*state, "issue|my|--san", USAGE);
    assert_contains(((struct fixture *)*state)->said, "--san needs a value");
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(init_tells_the_anchor),
        test(init_of_an_existing_ca_is_refused),
        test(issue_writes_certificate_and_private_key),
        test(issue_takes_several_names_a_prefix_and_a_common_name),
        test(issue_takes_a_validity),
        test(days_count_from_not_before),
        test(second_issue_to_the_same_place_is_refused),
        test(revoked_certificate_no_longer_verifies),
        test(shown_digests_are_those_of_the_certificate),
        test(usage_errors_exit_64),
        test(bad_input_exits_65),
        test(place_that_cannot_be_written_exits_73),
        test(no_subcommand_shows_the_usage),
        test(help_is_no_error),
        test(errors_name_command_and_option),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
