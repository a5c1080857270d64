/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds each file of a fuzz target's corpus (argv[1], a folder) to the target, and what
 * becomes of it when cut or flipped. The target asserts; the sanitizers watch.
 */
#include "test.h"

#include <dirent.h>
#include <stdlib.h>

#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *folder;

static size_t for_each_file(void (*feed)(const struct fr_buf *))
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
        feed(&data);
        n++;
    }
    closedir(dir);
    return n;
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
}

static void feed_whole(const struct fr_buf *data)
{
    feed_octets(data->data, data->len);
}

static size_t stride(const struct fr_buf *data)
{
    return data->len / 200 + 1;
}

static void feed_cut(const struct fr_buf *data)
{
    for (size_t n = 0; n < data->len; n += stride(data))
        feed_octets(data->data, n);
}

static void feed_flipped(const struct fr_buf *data)
{
    for (size_t i = 0; i < data->len; i += stride(data)) {
        data->data[i] ^= 0x04;
        feed_octets(data->data, data->len);
        data->data[i] ^= 0x04;
    }
}

static void the_corpus_is_survived(void **state)
{
    (void)state;
    assert_true(for_each_file(feed_whole) >= 3);
}

static void the_corpus_is_survived_when_cut(void **state)
{
    (void)state;
    assert_true(for_each_file(feed_cut) >= 3);
}

static void the_corpus_is_survived_when_flipped(void **state)
{
    (void)state;
    assert_true(for_each_file(feed_flipped) >= 3);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_corpus_is_survived),
        cmocka_unit_test(the_corpus_is_survived_when_cut),
        cmocka_unit_test(the_corpus_is_survived_when_flipped),
    };

    folder = argc > 1 ? argv[1] : ".";
    return cmocka_run_group_tests_name("model/corpus", tests, NULL, NULL);
}
