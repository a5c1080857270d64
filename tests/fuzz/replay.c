/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds each file of a fuzz target's corpus (argv[1], a folder) to the target: whole,
 * cut, flipped, and with each allocation failing in turn. The target asserts; the
 * sanitizers watch, the leak checker among them. A file that is long, or a run of many
 * allocations, is sampled in steps.
 */
#include "test.h"

#include <dirent.h>
#include <stdlib.h>

#include "base/file.h"
#include "fault/alloc.h"
#include "fuzz/fuzz.h"

enum { DAMAGES = 40, FAULTS = 60 }; /* of a file, at most; the latter in each mode */

int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

static const char *folder;
static long n_cases;

static void for_each_file(void (*feed)(const struct fr_buf *, const char *name))
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    size_t n = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        FR_AUTO_CLEAR(buf) data = FR_BUF_INIT(1 << 20);
        FR_AUTO_STR(path) = NULL;
        struct fr_err err = {0};

        if (entry->d_name[0] == '.')
            continue;
        assert_ok(fr_path_join(folder, entry->d_name, &path, &err));
        assert_ok(fr_file_read(path, &data, &err));
        feed(&data, entry->d_name);
        n++;
    }
    closedir(dir);
    assert_true(n >= 3);
}

/* From a block of exactly that size, so that an overrun is seen. */
static void feed_octets(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    assert_non_null(copy);
    if (size)
        memcpy(copy, data, size);
    assert_int_equal(LLVMFuzzerTestOneInput(copy, size), 0);
    free(copy);
    n_cases++;
}

static void feed_whole(const struct fr_buf *data, const char *name)
{
    (void)name;
    feed_octets(data->data, data->len);
}

static size_t stride(const struct fr_buf *data)
{
    return data->len / DAMAGES + 1;
}

static void feed_cut(const struct fr_buf *data, const char *name)
{
    (void)name;
    for (size_t n = 0; n < data->len; n += stride(data))
        feed_octets(data->data, n);
}

static void feed_flipped(const struct fr_buf *data, const char *name)
{
    (void)name;
    for (size_t i = 0; i < data->len; i += stride(data)) {
        data->data[i] ^= 0x04;
        feed_octets(data->data, data->len);
        data->data[i] ^= 0x04;
    }
}

/* ---- without memory ---- */

static struct fuzz_trace undisturbed, disturbed;
static enum alloc_mode mode;

static enum fuzz_denied what_was_denied(void)
{
    if (!alloc_has_failed())
        return FUZZ_DENIED_NOTHING;
    return mode == ALLOC_ONCE ? FUZZ_DENIED_ONCE : FUZZ_DENIED_ALL;
}

static long run_without(const struct fr_buf *data, long n, struct fuzz_trace *trace)
{
    int rc;

    trace->n = 0;
    trace->ended = false;
    fuzz_trace = trace;
    alloc_arm(n, mode);
    rc = LLVMFuzzerTestOneInput(data->data, data->len);
    fuzz_trace = NULL;
    assert_int_equal(rc, 0);
    return alloc_disarm();
}

/* The same as without disturbance, as far as it came. */
static void compare(long n, const char *name)
{
    size_t same = 0;

    while (same < disturbed.n && same < undisturbed.n &&
           disturbed.seen[same] == undisturbed.seen[same])
        same++;
    if (same == disturbed.n && (disturbed.ended || same == undisturbed.n))
        return;
    fail_msg("%s: without allocation %ld (%s), what was seen as number %zu differs",
             name, n, mode == ALLOC_ONCE ? "once" : "and all after it", same);
}

static void sweep(const struct fr_buf *data, const char *name)
{
    for (mode = ALLOC_ONCE; mode <= ALLOC_ALL; mode++) {
        run_without(data, -1, &undisturbed); /* the first may fill caches */
        long n = run_without(data, -1, &undisturbed);

        for (long i = 0; i < n; i += n / FAULTS + 1) {
            run_without(data, i, &disturbed);
            compare(i, name);
            n_cases++;
        }
    }
    if (__lsan_do_recoverable_leak_check)
        assert_int_equal(__lsan_do_recoverable_leak_check(), 0);
}

/* ---- */

static void say_cases(const char *what)
{
    print_message("# %ld %s\n", n_cases, what);
    n_cases = 0;
}

static void the_corpus_is_survived(void **state)
{
    (void)state;
    for_each_file(feed_whole);
    for_each_file(feed_cut);
    for_each_file(feed_flipped);
    say_cases("inputs");
}

static void the_corpus_is_survived_without_memory(void **state)
{
    (void)state;
    fuzz_denied = what_was_denied;
    for_each_file(sweep);
    say_cases("failed allocations");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_corpus_is_survived),
        cmocka_unit_test(the_corpus_is_survived_without_memory),
    };

    folder = argc > 1 ? argv[1] : ".";
    alloc_hook_libraries();
    return cmocka_run_group_tests_name("fuzz", tests, NULL, NULL);
}
