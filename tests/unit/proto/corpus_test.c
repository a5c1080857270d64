/* SPDX-License-Identifier: Apache-2.0 */
/* Replays a fuzz target's corpus: built once a target, CORPUS names its folder. */
#include "test.h"

#include <dirent.h>

#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fr_err err;

static void replay(const char *name)
{
    FR_AUTO_CLEAR(buf) content = FR_BUF_INIT(1048576);
    FR_AUTO_STR(path) = NULL;

    assert_ok(fr_path_join(CORPUS, name, &path, &err));
    assert_ok(fr_file_read(path, &content, &err));
    for (size_t n = 0; n <= content.len; n++) /* and each way to cut it */
        assert_int_equal(LLVMFuzzerTestOneInput(content.data, n), 0);
}

static void corpus_is_survived(void **state)
{
    DIR *dir = opendir(CORPUS);
    struct dirent *entry;
    int n = 0;

    (void)state;
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        replay(entry->d_name);
        n++;
    }
    closedir(dir);
    assert_true(n >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(corpus_is_survived)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
