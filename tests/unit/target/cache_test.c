/* SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"
#include "model/crc32.h"

static void keys_are_found_whatever_the_order_they_came_in(void **state)
{
    FR_AUTO(target_cache) *c = cache_of("CAEBD");

    (void)state;
    assert_int_equal(c->n, 5);
    for (char letter = 'A'; letter <= 'E'; letter++) {
        struct fr_target_key *k = fr_target_cache_find(c, key_id(letter));

        assert_non_null(k);
        assert_int_equal(fr_secret_view(k->key).data[0], (letter - 'A' + 10) * 0x11);
    }
    assert_null(fr_target_cache_find(c, key_id('F')));
    assert_null(fr_target_cache_find(c, "nonsense"));
}

static void putting_again_replaces(void **state)
{
    FR_AUTO(target_cache) *c = cache_of("AB");

    (void)state;
    put_key(c, 'A', 1234);
    assert_int_equal(c->n, 2);
    assert_int_equal(fr_target_cache_find(c, key_id('A'))->expires, 1234);
}

static void removed_key_is_gone_and_the_others_stay(void **state)
{
    FR_AUTO(target_cache) *c = cache_of("ABC");

    (void)state;
    fr_target_cache_remove(c, fr_target_cache_find(c, key_id('B')));
    assert_null(fr_target_cache_find(c, key_id('B')));
    assert_non_null(fr_target_cache_find(c, key_id('A')));
    assert_non_null(fr_target_cache_find(c, key_id('C')));
    fr_target_cache_remove(c, fr_target_cache_find(c, key_id('C')));
    fr_target_cache_remove(c, fr_target_cache_find(c, key_id('A')));
    assert_int_equal(c->n, 0);
}

static enum fr_code put_number(struct fr_target_cache *c, unsigned i,
                               struct fr_err *err)
{
    struct fr_target_key k = key_of('A', 1);
    enum fr_code rc;

    snprintf(k.key_id, sizeof k.key_id, "%032X@" MEF, i);
    rc = fr_target_cache_put(c, &k, err);
    assert_true((rc == FR_OK) == (k.key == NULL)); /* taken on success only */
    fr_secret_free(k.key);
    return rc;
}

static void cache_beyond_its_limit_is_refused(void **state)
{
    FR_AUTO(target_cache) *c = cache_of("");
    struct fr_err err = {0};

    (void)state;
    for (unsigned i = 0; i < FR_TARGET_KEYS_MAX; i++)
        assert_ok(put_number(c, i, &err));
    assert_fails_as(put_number(c, FR_TARGET_KEYS_MAX, &err), FR_ESTORE, "cache-full");
    assert_ok(put_number(c, 7, &err)); /* replacing takes no room */
    assert_int_equal(c->n, FR_TARGET_KEYS_MAX);
}

static void file_reads_back_as_it_was(void **state)
{
    FR_AUTO(target_cache) *c = cache_of("BA");
    FR_AUTO(target_cache) *back = NULL;
    static const char odd[] = "uri:urn:a b\n\xc3\xa4%";
    const char *path = in(state, "cache");
    struct fr_target_key *k;
    struct stat st;
    struct fr_err err = {0};

    c->cursor = 9007199254740993;
    c->dropped_at = 1800000000;
    snprintf(c->last, sizeof c->last, "0123456789ABCDEF0123456789ABCDEF");
    c->complete = true;
    snprintf(c->list[0].enrolee, sizeof c->list[0].enrolee, "%s", odd);
    c->list[1].enrolee[0] = 0;
    c->list[1].stale = true;
    assert_ok(fr_target_cache_save(c, path, &err));
    assert_ok(fr_target_cache_load(path, &back, &err));
    assert_string_equal(back->mef, MEF);
    assert_true(back->cursor == c->cursor);
    assert_true(back->complete);
    assert_int_equal(back->dropped_at, 1800000000);
    assert_string_equal(back->last, c->last);
    assert_int_equal(back->n, 2);
    k = fr_target_cache_find(back, key_id('A'));
    assert_string_equal(k->enrolee, odd);
    assert_int_equal(k->suid, 22);
    assert_int_equal(k->expires, 2000000000);
    assert_false(k->stale);
    assert_hex(fr_secret_view(k->key), KEY_HEX_A);
    assert_true(fr_target_cache_find(back, key_id('B'))->stale);
    assert_string_equal(fr_target_cache_find(back, key_id('B'))->enrolee, "");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void missing_file_is_not_found(void **state)
{
    FR_AUTO(target_cache) *c = NULL;
    struct fr_err err = {0};

    assert_fails(fr_target_cache_load(in(state, "none"), &c, &err), FR_ENOTFOUND);
}

static void encode(struct fr_buf *to, const char *letters)
{
    FR_AUTO(target_cache) *c = cache_of(letters);
    struct fr_err err = {0};

    assert_ok(fr_target_cache_encode(c, to, &err));
}

static void assert_damaged(struct fr_slice text)
{
    struct fr_target_cache *c = NULL;
    struct fr_err err = {0};

    assert_fails_as(fr_target_cache_decode(text, &c, &err), FR_EPARSE, "cache-file");
    assert_null(c);
    assert_null(strstr(err.msg, "aaaa")); /* no digit of a key */
}

static void cut_file_is_refused_wherever_it_is_cut(void **state)
{
    struct fr_buf b = FR_BUF_INIT(4096);

    (void)state;
    encode(&b, "AB");
    for (size_t len = 0; len < b.len; len++)
        assert_damaged(fr_slice_of(b.data, len));
    fr_buf_clear(&b);
}

static void any_changed_octet_is_noticed(void **state)
{
    struct fr_buf b = FR_BUF_INIT(4096);

    (void)state;
    encode(&b, "AB");
    for (size_t i = 0; i < b.len; i++) {
        b.data[i] ^= 1;
        assert_damaged(fr_buf_view(&b));
        b.data[i] ^= 1;
    }
    fr_buf_str(&b, "\n");
    assert_damaged(fr_buf_view(&b));
    fr_buf_clear(&b);
}

/* With a right CRC: the form itself is checked as well. */
static void malformed_files_are_refused(void **state)
{
#define TAIL(cursor, last, dropped, complete)                                          \
    "\ncursor=" cursor "\nlast=" last "\ndropped=" dropped "\ncomplete=" complete "\n"
#define HEAD "fieldroot-target-cache 2\nmef=" MEF TAIL("1", "", "0", "1")
#define ID_A "0000000000000000000000000000000A@" MEF
#define ID_B "0000000000000000000000000000000B@" MEF
    static const char *const bad[] = {
        "",
        "fieldroot-target-cache 1\nmef=" MEF "\ncursor=1\ncomplete=1\n",
        "fieldroot-target-cache 1\nmef=" MEF TAIL("1", "", "0", "1"),
        "fieldroot-target-cache 2\nmef=" TAIL("1", "", "0", "1"),
        "fieldroot-target-cache 2\nmef=.." TAIL("1", "", "0", "1"),
        "fieldroot-target-cache 2\nmef=" MEF TAIL("-1", "", "0", "1"),
        "fieldroot-target-cache 2\nmef=" MEF TAIL("1", "", "0", "2"),
        "fieldroot-target-cache 2\nmef=" MEF TAIL("1", "x", "0", "1"),
        "fieldroot-target-cache 2\nmef=" MEF TAIL("1", "", "-1", "1"),
        "fieldroot-target-cache 3\nmef=" MEF TAIL("1", "", "0", "1"),
        "fieldroot-target-cache 3\nmef=" MEF "\nua=tls1.4" TAIL("1", "", "0", "1"),
        "fieldroot-target-cache 4\nmef=" MEF "\nua=tls1.2" TAIL("1", "", "0", "1"),
        HEAD "key=I1U8vpY3qJ0hiq5iTb+/NQ=@" MEF " 22 5 0 " KEY_HEX_A " x\n",
        HEAD "color=red\n",
        HEAD "key=\n",
        HEAD "key=nonsense 22 5 0 " KEY_HEX_A " x\n",
        HEAD "key=0000000000000000000000000000000a@" MEF " 22 5 0 " KEY_HEX_A " x\n",
        HEAD "key=" ID_A " 100 5 0 " KEY_HEX_A " x\n",
        HEAD "key=" ID_A " 22 -5 0 " KEY_HEX_A " x\n",
        HEAD "key=" ID_A " 22 5 2 " KEY_HEX_A " x\n",
        HEAD "key=" ID_A " 22 5 0 " KEY_HEX_A "a x\n",
        HEAD "key=" ID_A " 22 5 0 " KEY_HEX_A "aa x\n",
        HEAD "key=" ID_A " 22 5 0 aa x\n",
        HEAD "key=" ID_A " 22 5 0 x" KEY_HEX_A "\n",
        HEAD "key=" ID_A " 22 5 0 " KEY_HEX_A "\n",
        HEAD "key=" ID_A " 22 5 0 " KEY_HEX_A " %zz\n",
        HEAD "key=0000000000000000000000000000000A@other.example 22 5 0 " KEY_HEX_A
             " x\n",
        HEAD "key=" ID_A " 22 5 0 " KEY_HEX_A " x\nkey=" ID_A " 22 5 0 " KEY_HEX_A
             " x\n",
        HEAD "key=" ID_B " 22 5 0 " KEY_HEX_A " x\nkey=" ID_A " 22 5 0 " KEY_HEX_A
             " x\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct fr_buf b = FR_BUF_INIT(4096);

        fr_buf_str(&b, bad[i]);
        fr_buf_fmt(&b, "crc=%08x\n", fr_crc32(fr_buf_view(&b)));
        assert_damaged(fr_buf_view(&b));
        fr_buf_clear(&b);
    }
}

static void well_formed_file_written_by_hand_is_read(void **state)
{
    FR_AUTO(target_cache) *c = NULL;
    struct fr_buf b = FR_BUF_INIT(4096);
    struct fr_err err = {0};

    (void)state;
    fr_buf_str(&b, HEAD "key=" ID_A " 22 5 0 " KEY_HEX_A " x%20y\n");
    fr_buf_fmt(&b, "crc=%08x\n", fr_crc32(fr_buf_view(&b)));
    assert_ok(fr_target_cache_decode(fr_buf_view(&b), &c, &err));
    assert_string_equal(c->list[0].enrolee, "x y");
    fr_buf_clear(&b);
}

#define BTID "I1U8vpY3qJ0hiq5iTb+/NQ==@" MEF

static void key_of_a_sim_reads_back_as_it_was(void **state)
{
    FR_AUTO(target_cache) *c = cache_of("A"), *back = NULL;
    struct fr_target_key k = key_of('A', 2000000000);
    struct fr_buf b = FR_BUF_INIT_WIPE(4096);
    struct fr_err err = {0};

    (void)state;
    snprintf(k.key_id, sizeof k.key_id, BTID);
    assert_ok(fr_target_cache_put(c, &k, &err));
    c->ua = FR_UA_TLS13;
    snprintf(c->last, sizeof c->last, "I1U8vpY3qJ0hiq5iTb+/NQ==");
    assert_ok(fr_target_cache_encode(c, &b, &err));
    assert_ok(fr_target_cache_decode(fr_buf_view(&b), &back, &err));
    assert_non_null(fr_target_cache_find(back, BTID));
    assert_int_equal(back->ua, FR_UA_TLS13);
    assert_string_equal(back->last, c->last);
    fr_buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_found_whatever_the_order_they_came_in),
        cmocka_unit_test(putting_again_replaces),
        cmocka_unit_test(removed_key_is_gone_and_the_others_stay),
        cmocka_unit_test(cache_beyond_its_limit_is_refused),
        IN_FOLDER(file_reads_back_as_it_was),
        IN_FOLDER(missing_file_is_not_found),
        cmocka_unit_test(cut_file_is_refused_wherever_it_is_cut),
        cmocka_unit_test(any_changed_octet_is_noticed),
        cmocka_unit_test(malformed_files_are_refused),
        cmocka_unit_test(key_of_a_sim_reads_back_as_it_was),
        cmocka_unit_test(well_formed_file_written_by_hand_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
