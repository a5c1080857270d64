/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static void new_secret_is_zeroed_and_writable(void **state)
{
    FR_AUTO(secret) *s = NULL;
    struct fr_err err = {0};

    (void)state;
    assert_ok(fr_secret_new(32, &s, &err));
    assert_int_equal(fr_secret_len(s), 32);
    for (size_t i = 0; i < 32; i++)
        assert_int_equal(fr_secret_data(s)[i], 0);
    memset(fr_secret_data(s), 0xab, 32);
    assert_int_equal(fr_secret_view(s).data[31], 0xab);
}

static void sizes_beyond_the_limits_are_refused(void **state)
{
    struct fr_secret *s = NULL;
    FR_AUTO(secret) *largest = NULL;
    struct fr_err err = {0};

    (void)state;
    assert_fails(fr_secret_new(0, &s, &err), FR_EINTERNAL);
    assert_fails(fr_secret_new(FR_SECRET_MAX + 1, &s, &err), FR_EINTERNAL);
    assert_null(s);
    assert_ok(fr_secret_new(FR_SECRET_MAX, &largest, &err));
    fr_secret_data(largest)[FR_SECRET_MAX - 1] = 1;
}

static void hex_of_either_case_is_read(void **state)
{
    FR_AUTO(secret) *s = NULL;
    struct fr_err err = {0};

    (void)state;
    assert_ok(fr_secret_from_hex(fr_slice_str("00ffAbCd"), &s, &err));
    assert_hex(fr_secret_view(s), "00ffabcd");
}

static void bad_hex_is_refused_without_showing_a_digit(void **state)
{
    static const char *const bad[] = {"", "123", "deadbeefxy", "zz"};
    struct fr_secret *s = NULL;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct fr_err err = {0};

        assert_fails(fr_secret_from_hex(fr_slice_str(bad[i]), &s, &err), FR_EPARSE);
        assert_null(s);
        assert_null(strstr(err.msg, "deadbeef"));
        assert_null(strstr(err.msg, "123"));
    }
}

static void hex_beyond_the_limit_is_refused(void **state)
{
    static char hex[2 * FR_SECRET_MAX + 3];
    struct fr_secret *s = NULL;
    struct fr_err err = {0};

    (void)state;
    memset(hex, '0', sizeof hex - 1);
    assert_fails(fr_secret_from_hex(fr_slice_str(hex), &s, &err), FR_EPARSE);
}

static struct fr_secret *secret_of(const char *octets)
{
    struct fr_secret *s = NULL;
    struct fr_err err = {0};

    assert_ok(fr_secret_from(octets, strlen(octets), &s, &err));
    return s;
}

static void secrets_compare_by_content(void **state)
{
    FR_AUTO(secret) *a = secret_of("abc");
    FR_AUTO(secret) *same = secret_of("abc");
    FR_AUTO(secret) *other = secret_of("abd");
    FR_AUTO(secret) *shorter = secret_of("ab");

    (void)state;
    assert_true(fr_secret_equal(a, same));
    assert_false(fr_secret_equal(a, other));
    assert_false(fr_secret_equal(a, shorter));
    assert_true(fr_mac_equal(fr_slice_str("xy"), fr_slice_str("xy")));
    assert_false(fr_mac_equal(fr_slice_str("xy"), fr_slice_str("xz")));
    assert_false(fr_mac_equal(fr_slice_str("xy"), fr_slice_str("xyz")));
}

/* printf 'Fieldroot fingerprint v1abc' | sha256sum | cut -c-16 */
static void fingerprint_is_that_of_its_definition(void **state)
{
    FR_AUTO(secret) *s = secret_of("abc");
    char print[FR_FINGERPRINT_LEN + 1];
    struct fr_err err = {0};

    (void)state;
    assert_ok(fr_secret_fingerprint(s, print, &err));
    assert_string_equal(print, "f52de7b755b35502");
}

static void fingerprints_of_different_secrets_differ(void **state)
{
    FR_AUTO(secret) *a = secret_of("abc");
    FR_AUTO(secret) *b = secret_of("abd");
    char pa[FR_FINGERPRINT_LEN + 1], pb[FR_FINGERPRINT_LEN + 1];
    struct fr_err err = {0};

    (void)state;
    assert_ok(fr_secret_fingerprint(a, pa, &err));
    assert_ok(fr_secret_fingerprint(b, pb, &err));
    assert_string_not_equal(pa, pb);
}

static void freeing_nothing_is_fine(void **state)
{
    FR_AUTO(secret) *s = secret_of("abc");
    struct fr_secret *taken = FR_TAKE(s);

    (void)state;
    assert_null(s);
    assert_non_null(taken);
    fr_secret_free(taken);
    fr_secret_free(NULL);
}

static bool is_zero(const struct fr_secret *s)
{
    struct fr_slice v = fr_secret_view(s);

    for (size_t i = 0; i < v.len; i++)
        if (v.data[i])
            return false;
    return true;
}

/* More than a page of them, in and out of order: none is given out twice, and what one
 * leaves behind the next does not see. */
static void many_secrets_are_apart_and_start_empty(void **state)
{
    enum { N = 200, SIZE = 48 };
    struct fr_secret *all[N];
    struct fr_err err = {0};

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N; i++) {
            assert_ok(fr_secret_new(SIZE, &all[i], &err));
            assert_true(is_zero(all[i]));
            memset(fr_secret_data(all[i]), i + 1, SIZE);
        }
        for (int i = 0; i < N; i++)
            assert_int_equal(fr_secret_data(all[i])[SIZE - 1], (uint8_t)(i + 1));
        for (int i = 0; i < N; i++)
            fr_secret_free(all[(i * 7 + round) % N]);
    }
}

/* VmFlags of the mapping that holds `at`: "... dd ..." (no dump), "lo" (locked). */
static bool mapping_has(const void *at, const char *flag)
{
    FILE *f = fopen("/proc/self/smaps", "re");
    unsigned long from, to;
    bool inside = false, has = false;
    char line[512];

    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            inside = (uintptr_t)at >= from && (uintptr_t)at < to;
        if (inside && strncmp(line, "VmFlags:", 8) == 0)
            has = strstr(line, flag) != NULL;
    }
    fclose(f);
    return has;
}

/* Sanitizers make mlock() do nothing, and a limit may forbid it. */
static bool can_lock(void)
{
    void *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool can = mlock(page, 4096) == 0 && mapping_has(page, " lo");

    munmap(page, 4096);
    return can;
}

static bool is_locked(const struct fr_secret *s)
{
    return mapping_has(fr_secret_view(s).data, " lo");
}

static void secrets_are_locked_and_left_out_of_dumps(void **state)
{
    static const size_t sizes[] = {32, FR_SECRET_MAX};
    struct fr_err err = {0};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        FR_AUTO(secret) *s = NULL;

        assert_ok(fr_secret_new(sizes[i], &s, &err));
        assert_true(mapping_has(fr_secret_data(s), " dd"));
        assert_int_equal(is_locked(s), can_lock());
    }
}

/* What the child of a fork makes is locked in the child too, and apart from what it
 * has inherited, which it may read and free. */
static void a_child_has_pages_of_its_own(void **state)
{
    struct fr_secret *inherited = secret_of("abc");
    int status = 0;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        struct fr_secret *own = secret_of("def");
        bool ok = is_locked(own) == can_lock() &&
                  (uintptr_t)own / 4096 != (uintptr_t)inherited / 4096 &&
                  memcmp(fr_secret_data(inherited), "abc", 3) == 0;

        fr_secret_free(inherited);
        ok = ok && memcmp(fr_secret_data(own), "def", 3) == 0;
        fr_secret_free(own);
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    fr_secret_free(inherited);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_secret_is_zeroed_and_writable),
        cmocka_unit_test(sizes_beyond_the_limits_are_refused),
        cmocka_unit_test(hex_of_either_case_is_read),
        cmocka_unit_test(bad_hex_is_refused_without_showing_a_digit),
        cmocka_unit_test(hex_beyond_the_limit_is_refused),
        cmocka_unit_test(secrets_compare_by_content),
        cmocka_unit_test(fingerprint_is_that_of_its_definition),
        cmocka_unit_test(fingerprints_of_different_secrets_differ),
        cmocka_unit_test(freeing_nothing_is_fine),
        cmocka_unit_test(many_secrets_are_apart_and_start_empty),
        cmocka_unit_test(secrets_are_locked_and_left_out_of_dumps),
        cmocka_unit_test(a_child_has_pages_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
