/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and folders for the tests of src/target. */
#ifndef FR_TEST_TARGET_KEYS_H
#define FR_TEST_TARGET_KEYS_H

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "target/cache.h"
#include "test.h"

#define MEF       "mef.example"
#define KEY_HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* "00...0A@mef.example" for 'A' */
static inline const char *key_id(char c)
{
    static char ids[4][FR_KEYID_MAX + 1];
    static unsigned next;
    char *to = ids[next++ % 4];

    snprintf(to, FR_KEYID_MAX + 1, "0000000000000000000000000000000%c@" MEF, c);
    return to;
}

/* A key of which every octet is 0xcc for 'C', and so on. */
static inline struct fr_target_key key_of(char c, int64_t expires)
{
    struct fr_target_key k = {.suid = 22, .expires = expires};
    struct fr_err err = {0};

    snprintf(k.key_id, sizeof k.key_id, "%s", key_id(c));
    snprintf(k.enrolee, sizeof k.enrolee, "dns:dev-%c.example", c + ('a' - 'A'));
    assert_ok(fr_secret_new(FR_TARGET_KEY_LEN, &k.key, &err));
    memset(fr_secret_data(k.key), (c - 'A' + 10) * 0x11, FR_TARGET_KEY_LEN);
    return k;
}

static inline void put_key(struct fr_target_cache *c, char letter, int64_t expires)
{
    struct fr_target_key k = key_of(letter, expires);
    struct fr_err err = {0};

    assert_ok(fr_target_cache_put(c, &k, &err));
    assert_null(k.key);
}

static inline struct fr_target_cache *cache_of(const char *letters)
{
    struct fr_target_cache *c = NULL;
    struct fr_err err = {0};

    assert_ok(fr_target_cache_new(MEF, &c, &err));
    for (; *letters; letters++)
        put_key(c, *letters, 2000000000);
    return c;
}

static inline int make_folder(void **state)
{
    char template[] = "/tmp/fieldroot-target-XXXXXX";

    if (!mkdtemp(template))
        return -1;
    *state = strdup(template);
    return *state ? 0 : -1;
}

static inline int remove_folder(void **state)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", (char *)*state);
    free(*state);
    return system(command);
}

/* Good until the fourth next call. */
static inline const char *in(void **state, const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *to = paths[next++ % 4];

    snprintf(to, sizeof paths[0], "%s/%s", (char *)*state, name);
    return to;
}

static inline void write_text(const char *path, const char *text)
{
    struct fr_err err = {0};

    assert_ok(fr_file_write_atomic(path, fr_slice_str(text), 0600, &err));
}

static inline void assert_holds(const char *path, const char *text)
{
    struct fr_buf b = FR_BUF_INIT(65536);
    struct fr_err err = {0};

    assert_ok(fr_file_read(path, &b, &err));
    assert_string_equal(fr_buf_cstr(&b), text);
    fr_buf_clear(&b);
}

#define IN_FOLDER(test)                                                                \
    cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

#endif
