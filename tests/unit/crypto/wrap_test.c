/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/wrap.h"

#include "fake/env.h"
#include "test.h"

enum { KEY_LEN = 32, WRAPPED_MAX = 8192 };

static struct fr_err err;

static const struct fr_wrap_place here = {
    .table = "credential", .key_id = "AB@mef.example.com", .enrolee = "dev1"};

struct fixture {
    struct fr_fake_env env;
    struct fr_secret *key;
    struct fr_kek *kek;
    struct fr_buf wrapped;
};

static struct fr_secret *secret_of(uint8_t octet, size_t len)
{
    struct fr_secret *s = NULL;

    assert_ok(fr_secret_new(len, &s, &err));
    memset(fr_secret_data(s), octet, len);
    return s;
}

static struct fr_kek *kek_of(uint8_t octet)
{
    FR_AUTO(secret) *key = secret_of(octet, FR_KEK_LEN);
    struct fr_kek *kek = NULL;

    assert_ok(fr_kek_new(key, &kek, &err));
    return kek;
}

static int setup(void **state)
{
    static struct fixture f;

    f = (struct fixture){.wrapped = FR_BUF_INIT(WRAPPED_MAX)};
    fr_fake_env_init(&f.env, 7);
    f.key = secret_of(0x5a, KEY_LEN);
    f.kek = kek_of(1);
    assert_ok(fr_wrap(f.kek, &f.env.env, &here, f.key, &f.wrapped, &err));
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    fr_buf_clear(&f->wrapped);
    fr_kek_free(f->kek);
    fr_secret_free(f->key);
    return 0;
}

static void assert_broken(const struct fixture *f, const struct fr_kek *kek,
                          const struct fr_wrap_place *place, size_t len)
{
    struct fr_secret *key = NULL;

    assert_fails_as(
        fr_unwrap(kek, place, fr_slice_of(f->wrapped.data, len), &key, &err), FR_ESTORE,
        "wrap-broken");
    assert_null(key);
}

static void wrapped_key_opens_again(void **state)
{
    struct fixture *f = *state;
    FR_AUTO(secret) *back = NULL;

    assert_int_equal(f->wrapped.len, KEY_LEN + FR_WRAP_EXTRA);
    assert_ok(fr_unwrap(f->kek, &here, fr_buf_view(&f->wrapped), &back, &err));
    assert_true(fr_secret_equal(back, f->key));
}

static void wrapped_key_is_appended(void **state)
{
    struct fixture *f = *state;
    FR_AUTO(secret) *back = NULL;
    size_t before = f->wrapped.len;

    assert_ok(fr_wrap(f->kek, &f->env.env, &here, f->key, &f->wrapped, &err));
    assert_int_equal(f->wrapped.len, 2 * before);
    assert_ok(fr_unwrap(f->kek, &here, fr_slice_of(f->wrapped.data + before, before),
                        &back, &err));
    assert_true(fr_secret_equal(back, f->key));
}

static void same_key_never_looks_the_same(void **state)
{
    struct fixture *f = *state;
    size_t n = f->wrapped.len;

    assert_ok(fr_wrap(f->kek, &f->env.env, &here, f->key, &f->wrapped, &err));
    assert_memory_not_equal(f->wrapped.data, f->wrapped.data + n, 12);
    assert_memory_not_equal(f->wrapped.data + 12, f->wrapped.data + n + 12, KEY_LEN);
}

static void wrapped_octets_do_not_show_the_key(void **state)
{
    struct fixture *f = *state;

    assert_null(memmem(f->wrapped.data, f->wrapped.len, "ZZZZ", 4)); /* 0x5a */
}

static void largest_secret_wraps(void **state)
{
    struct fixture *f = *state;
    FR_AUTO(secret) *big = secret_of(3, FR_SECRET_MAX);
    FR_AUTO(secret) *back = NULL;

    fr_buf_reset(&f->wrapped);
    assert_ok(fr_wrap(f->kek, &f->env.env, &here, big, &f->wrapped, &err));
    assert_ok(fr_unwrap(f->kek, &here, fr_buf_view(&f->wrapped), &back, &err));
    assert_true(fr_secret_equal(big, back));
}

static void moved_row_is_refused(void **state)
{
    struct fixture *f = *state;
    struct fr_wrap_place other_table = here, other_key = here, other_enrolee = here;

    other_table.table = "psk";
    other_key.key_id = "AC@mef.example.com";
    other_enrolee.enrolee = "dev2";
    assert_broken(f, f->kek, &other_table, f->wrapped.len);
    assert_broken(f, f->kek, &other_key, f->wrapped.len);
    assert_broken(f, f->kek, &other_enrolee, f->wrapped.len);
}

static void text_moved_between_columns_is_refused(void **state)
{
    struct fixture *f = *state;
    struct fr_wrap_place shifted = here;

    shifted.table = "credentialA";
    shifted.key_id = "B@mef.example.com";
    assert_broken(f, f->kek, &shifted, f->wrapped.len);
}

static void other_kek_is_refused(void **state)
{
    struct fixture *f = *state;
    FR_AUTO(kek) *other = kek_of(2);

    assert_broken(f, other, &here, f->wrapped.len);
    assert_contains(err.msg, fr_kek_id(other));
}

static void each_altered_octet_is_refused(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < f->wrapped.len; i++) {
        f->wrapped.data[i] ^= 1;
        assert_broken(f, f->kek, &here, f->wrapped.len);
        f->wrapped.data[i] ^= 1;
    }
}

static void each_cut_is_refused(void **state)
{
    struct fixture *f = *state;

    for (size_t n = 0; n < f->wrapped.len; n++)
        assert_broken(f, f->kek, &here, n);
}

static void oversized_wrapped_key_is_refused(void **state)
{
    struct fixture *f = *state;
    size_t len = FR_SECRET_MAX + FR_WRAP_EXTRA + 1;

    fr_buf_reset(&f->wrapped);
    memset(fr_buf_reserve(&f->wrapped, len), 0, len);
    assert_broken(f, f->kek, &here, len);
}

static void full_buffer_fails_the_wrap(void **state)
{
    struct fixture *f = *state;
    FR_AUTO_CLEAR(buf) small = FR_BUF_INIT(KEY_LEN + FR_WRAP_EXTRA - 1);

    assert_fails(fr_wrap(f->kek, &f->env.env, &here, f->key, &small, &err), FR_ELIMIT);
    assert_int_equal(small.len, 0);
}

static void kek_of_another_length_is_refused(void **state)
{
    FR_AUTO(secret) *longer = secret_of(1, FR_KEK_LEN + 1);
    FR_AUTO(secret) *shorter = secret_of(1, FR_KEK_LEN / 2);
    struct fr_kek *kek = NULL;

    (void)state;
    assert_fails(fr_kek_new(longer, &kek, &err), FR_EPARSE);
    assert_fails(fr_kek_new(shorter, &kek, &err), FR_EPARSE);
    assert_null(kek);
}

static void kek_id_names_the_key_and_does_not_show_it(void **state)
{
    FR_AUTO(kek) *one = kek_of(0x11);
    FR_AUTO(kek) *same = kek_of(0x11);
    FR_AUTO(kek) *other = kek_of(0x12);

    (void)state;
    assert_int_equal(strlen(fr_kek_id(one)), FR_KEK_ID_LEN);
    assert_string_equal(fr_kek_id(one), fr_kek_id(same));
    assert_string_not_equal(fr_kek_id(one), fr_kek_id(other));
    assert_null(strstr(fr_kek_id(one), "1111"));
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(wrapped_key_opens_again),
        test(wrapped_key_is_appended),
        test(same_key_never_looks_the_same),
        test(wrapped_octets_do_not_show_the_key),
        test(largest_secret_wraps),
        test(moved_row_is_refused),
        test(text_moved_between_columns_is_refused),
        test(other_kek_is_refused),
        test(each_altered_octet_is_refused),
        test(each_cut_is_refused),
        test(oversized_wrapped_key_is_refused),
        test(full_buffer_fails_the_wrap),
        cmocka_unit_test(kek_of_another_length_is_refused),
        cmocka_unit_test(kek_id_names_the_key_and_does_not_show_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
