/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "server/ipc/msg.h"

static struct fr_err err;

/* A NOTE, the shortest request that has several fields. */
static struct fr_msg note(void)
{
    struct fr_msg m = {.type = FR_MSG_NOTE, .id = 7};
    static const uint8_t nobody[] = {FR_PEER_NONE};

    fr_msg_set(&m, FR_F_PEER, fr_slice_of(nobody, sizeof nobody));
    fr_msg_set_str(&m, FR_F_ADDRESS, "192.0.2.1");
    fr_msg_set_str(&m, FR_F_REASON, "tls-alert-48");
    fr_msg_set_str(&m, FR_F_TEXT, "unknown CA");
    return m;
}

static void encoded_message_comes_back_with_its_fields(void **state)
{
    FR_AUTO_CLEAR(buf) octets = FR_BUF_INIT(FR_MSG_MAX);
    struct fr_msg m = note(), back;
    char text[64];
    size_t used;

    (void)state;
    assert_ok(fr_msg_encode(&m, &octets, &err));
    assert_ok(fr_msg_decode(fr_buf_view(&octets), &back, &used, &err));
    assert_int_equal(used, octets.len);
    assert_int_equal(back.type, FR_MSG_NOTE);
    assert_int_equal(back.id, 7);
    assert_int_equal(back.has, m.has);
    assert_string_equal(fr_msg_text(&back, FR_F_REASON, text, sizeof text),
                        "tls-alert-48");
    assert_string_equal(fr_msg_text(&back, FR_F_TARGET, text, sizeof text), "");
}

static void numbers_come_back_and_absent_ones_are_zero(void **state)
{
    FR_AUTO_CLEAR(buf) octets = FR_BUF_INIT(FR_MSG_MAX);
    struct fr_msg m = {.type = FR_MSG_REPLY}, back;
    uint8_t a[8], b[8];
    size_t used;

    (void)state;
    fr_msg_set_u8(&m, FR_F_CODE, FR_EREFUSED, a);
    fr_msg_set_u64(&m, FR_F_EXPIRES, UINT64_C(0x0123456789abcdef), b);
    assert_ok(fr_msg_encode(&m, &octets, &err));
    assert_ok(fr_msg_decode(fr_buf_view(&octets), &back, &used, &err));
    assert_int_equal(fr_msg_u8(&back, FR_F_CODE), FR_EREFUSED);
    assert_true(fr_msg_u64(&back, FR_F_EXPIRES) == UINT64_C(0x0123456789abcdef));
    assert_true(fr_msg_u64(&back, FR_F_SINCE) == 0);
}

static void layout_is_length_type_id_then_tagged_fields(void **state)
{
    FR_AUTO_CLEAR(buf) octets = FR_BUF_INIT(FR_MSG_MAX);
    struct fr_msg m = {.type = FR_MSG_REPLY, .id = 0x01020304};
    uint8_t code[8];
    char want[64];

    (void)state;
    fr_msg_set_u8(&m, FR_F_CODE, 5, code);
    assert_ok(fr_msg_encode(&m, &octets, &err));
    snprintf(want, sizeof want, "0000000c%04x01020304%02x0000000105", FR_MSG_REPLY,
             FR_F_CODE);
    assert_hex(fr_buf_view(&octets), want);
}

static void every_cut_of_a_message_asks_for_more(void **state)
{
    FR_AUTO_CLEAR(buf) octets = FR_BUF_INIT(FR_MSG_MAX);
    struct fr_msg m = note(), back;
    size_t used;

    (void)state;
    assert_ok(fr_msg_encode(&m, &octets, &err));
    for (size_t n = 0; n < octets.len; n++)
        assert_fails(fr_msg_decode(fr_slice_of(octets.data, n), &back, &used, &err),
                     FR_ENOTFOUND);
}

static void two_messages_are_taken_one_by_one(void **state)
{
    FR_AUTO_CLEAR(buf) octets = FR_BUF_INIT(FR_MSG_MAX);
    struct fr_msg m = note(), back;
    size_t first, second;

    (void)state;
    assert_ok(fr_msg_encode(&m, &octets, &err));
    m.id = 8;
    assert_ok(fr_msg_encode(&m, &octets, &err));
    assert_ok(fr_msg_decode(fr_buf_view(&octets), &back, &first, &err));
    assert_int_equal(back.id, 7);
    assert_ok(fr_msg_decode(fr_slice_of(octets.data + first, octets.len - first), &back,
                            &second, &err));
    assert_int_equal(back.id, 8);
    assert_int_equal(first + second, octets.len);
}

static void malformed_messages_are_refused(void **state)
{
    static const struct {
        const char *what, *hex;
    } rows[] = {
        {"shorter than its head", "00000005000000000001"},
        {"longer than allowed", "00080000000000000001"},
        {"unknown type", "0000000600ff00000001"},
        {"required field missing", "00000006001100000001"},
        {"field cut by its message", "0000000a001100000001150000ff"},
        {"field longer than its message", "0000000c0011000000011500000fff05"},
        {"unknown tag", "0000001200110000000115000000010540000000010a"},
        {"field twice", "00000012001100000001150000000105150000000105"},
        {"code of two octets", "0000000d0011000000011500000002"
                               "0505"},
        {"field that it may not have", "000000120012000000010500000001611500000001"
                                       "05"},
        {"text with NUL", "0000001300110000000115000000010516000000026100"},
        {"text not UTF-8", "0000001200110000000115000000010516000000"
                           "01ff"},
        {"key of one octet", "000000120011000000011500000001050a0000000105"},
    };
    uint8_t octets[64];
    struct fr_msg back;
    size_t used;

    (void)state;
    assert_int_equal(FR_MSG_REPLY, 17); /* what the rows are made of */
    assert_int_equal(FR_F_CODE, 21);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fr_slice hex = fr_slice_str(rows[i].hex);

        assert_true(fr_hex_decode(hex, octets));
        if (fr_msg_decode(fr_slice_of(octets, hex.len / 2), &back, &used, &err) !=
            FR_EINVALID)
            fail_msg("%s was not refused", rows[i].what);
        assert_string_equal(err.reason, "ipc-malformed");
    }
}

static void our_own_mistakes_do_not_leave_the_process(void **state)
{
    FR_AUTO_CLEAR(buf) octets = FR_BUF_INIT(FR_MSG_MAX);
    struct fr_msg m = note();

    (void)state;
    m.has &= ~FR_FM(FR_F_TEXT);
    assert_fails(fr_msg_encode(&m, &octets, &err), FR_EINTERNAL);
    m = note();
    fr_msg_set_str(&m, FR_F_KEY_ID, "x");
    assert_fails(fr_msg_encode(&m, &octets, &err), FR_EINTERNAL);
    m = note();
    fr_msg_set(&m, FR_F_TEXT, fr_slice_of("\xff", 1));
    assert_fails(fr_msg_encode(&m, &octets, &err), FR_EINTERNAL);
    assert_int_equal(octets.len, 0);
}

static void buffer_without_room_gets_nothing_of_a_message(void **state)
{
    FR_AUTO_CLEAR(buf) octets = FR_BUF_INIT(20);
    struct fr_msg m = note();

    (void)state;
    assert_fails(fr_msg_encode(&m, &octets, &err), FR_ELIMIT);
    assert_int_equal(octets.len, 0);
}

static void each_worker_type_has_its_own_messages(void **state)
{
    static const struct {
        enum fr_msg_type type;
        unsigned workers;
    } rows[] = {
        {FR_MSG_AUTHORISE, FR_WM(FR_WORKER_ENROL)},
        {FR_MSG_COMMIT, FR_WM(FR_WORKER_ENROL)},
        {FR_MSG_ACK, FR_WM(FR_WORKER_ENROL)},
        {FR_MSG_LOOKUP, FR_WM(FR_WORKER_ENROL)},
        {FR_MSG_REPORT, FR_WM(FR_WORKER_ENROL)},
        {FR_MSG_NOTE, FR_WM(FR_WORKER_ENROL) | FR_WM(FR_WORKER_FETCH) |
                          FR_WM(FR_WORKER_DISCOVERY) | FR_WM(FR_WORKER_GBA)},
        {FR_MSG_FETCH, FR_WM(FR_WORKER_FETCH)},
        {FR_MSG_FEED, FR_WM(FR_WORKER_FETCH)},
        {FR_MSG_DISCOVER, FR_WM(FR_WORKER_DISCOVERY)},
        {FR_MSG_ADMIN, FR_WM(FR_WORKER_ADMIN)},
        {FR_MSG_UB_BEGIN, FR_WM(FR_WORKER_GBA)},
        {FR_MSG_UB_RESYNC, FR_WM(FR_WORKER_GBA)},
        {FR_MSG_UB_FINISH, FR_WM(FR_WORKER_GBA)},
        {FR_MSG_UB_ACK, FR_WM(FR_WORKER_GBA)},
        {FR_MSG_UB_REPORT, FR_WM(FR_WORKER_GBA)},
        {FR_MSG_UB_TARGET, FR_WM(FR_WORKER_GBA)},
        {FR_MSG_UB_FETCHED, FR_WM(FR_WORKER_GBA)},
        {FR_MSG_VECTOR, FR_WM(FR_WORKER_HSS)},
        {FR_MSG_VECTOR_WANTED, 0},
        {FR_MSG_REPLY, 0},
        {FR_MSG_WAKE, 0},
        {FR_MSG_WORKER, 0},
    };

    (void)state;
    assert_int_equal(sizeof rows / sizeof rows[0], FR_N_MSGS);
    for (size_t i = 0; i < FR_N_MSGS; i++)
        for (enum fr_worker w = 0; w < FR_N_WORKERS; w++)
            assert_int_equal(fr_msg_is_allowed(rows[i].type, w),
                             (rows[i].workers & FR_WM(w)) != 0);
    assert_false(fr_msg_is_allowed(FR_N_MSGS, FR_WORKER_ENROL));
}

static void names_are_known_and_strangers_are_not(void **state)
{
    (void)state;
    assert_string_equal(fr_msg_name(FR_MSG_COMMIT), "commit");
    assert_string_equal(fr_msg_name((enum fr_msg_type)99), "unknown");
    assert_string_equal(fr_worker_name(FR_WORKER_FETCH), "fetch");
    assert_string_equal(fr_worker_name((enum fr_worker)99), "unknown");
}

/* ---- peers ---- */

static struct fr_peer certificate(void)
{
    struct fr_peer p = {.kind = FR_PEER_CERTIFICATE, .n_sans = 2};

    memset(p.anchor, 'a', FR_ANCHOR_HEX);
    p.sans[0] = (struct fr_san){.type = FR_SAN_DNS, .value = "dev1.example.com"};
    p.sans[1] = (struct fr_san){.type = FR_SAN_RID, .value = "1.2.3"};
    memset(p.leaf_sha256, 3, sizeof p.leaf_sha256);
    strcpy(p.subject, "CN=dev1");
    return p;
}

static void assert_survives(const struct fr_peer *peer)
{
    FR_AUTO_CLEAR(buf) octets = FR_BUF_INIT(8192);
    struct fr_peer back;

    assert_ok(fr_peer_pack(peer, &octets, &err));
    assert_ok(fr_peer_unpack(fr_buf_view(&octets), &back, &err));
    assert_int_equal(back.kind, peer->kind);
    assert_string_equal(back.anchor, peer->anchor);
    assert_int_equal(back.n_sans, peer->n_sans);
    for (size_t i = 0; i < peer->n_sans; i++) {
        assert_int_equal(back.sans[i].type, peer->sans[i].type);
        assert_string_equal(back.sans[i].value, peer->sans[i].value);
    }
    assert_memory_equal(back.leaf_sha256, peer->leaf_sha256, sizeof peer->leaf_sha256);
    assert_string_equal(back.subject, peer->subject);
    assert_string_equal(back.psk_identity, peer->psk_identity);
}

static void peer_of_each_kind_survives_packing(void **state)
{
    struct fr_peer none = {.kind = FR_PEER_NONE}, certified = certificate();
    struct fr_peer psk = {.kind = FR_PEER_PSK, .psk_identity = "kpm-1@mef.example.com"};
    struct fr_peer unverified = certificate();

    (void)state;
    unverified.anchor[0] = 0;
    assert_survives(&none);
    assert_survives(&certified);
    assert_survives(&psk);
    assert_survives(&unverified);
}

static void every_cut_of_a_peer_is_refused(void **state)
{
    FR_AUTO_CLEAR(buf) octets = FR_BUF_INIT(8192);
    struct fr_peer peer = certificate(), back;

    (void)state;
    assert_ok(fr_peer_pack(&peer, &octets, &err));
    for (size_t n = 0; n < octets.len; n++)
        assert_fails(fr_peer_unpack(fr_slice_of(octets.data, n), &back, &err),
                     FR_EINVALID);
    fr_buf_u8(&octets, 0);
    assert_fails(fr_peer_unpack(fr_buf_view(&octets), &back, &err), FR_EINVALID);
}

/* Packs, changes one octet, and expects a refusal. */
static void assert_refused_with(size_t at, uint8_t octet)
{
    FR_AUTO_CLEAR(buf) octets = FR_BUF_INIT(8192);
    struct fr_peer peer = certificate(), back;

    assert_ok(fr_peer_pack(&peer, &octets, &err));
    octets.data[at] = octet;
    assert_fails_as(fr_peer_unpack(fr_buf_view(&octets), &back, &err), FR_EINVALID,
                    "ipc-malformed");
}

static void peer_out_of_its_limits_is_refused(void **state)
{
    enum { ANCHOR_AT = 3, COUNT_AT = ANCHOR_AT + 64, TYPE_AT, VALUE_AT = TYPE_AT + 3 };

    (void)state;
    assert_refused_with(0, 3);           /* kind */
    assert_refused_with(ANCHOR_AT, 'A'); /* not lower-case hex */
    assert_refused_with(COUNT_AT, 9);    /* more names than FR_SANS_MAX */
    assert_refused_with(TYPE_AT, 4);     /* name of no known type */
    assert_refused_with(TYPE_AT + 1, 1); /* name longer than FR_ID_MAX */
    assert_refused_with(VALUE_AT, 0);    /* NUL in a name */
    assert_refused_with(VALUE_AT, 0xff); /* not UTF-8 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoded_message_comes_back_with_its_fields),
        cmocka_unit_test(numbers_come_back_and_absent_ones_are_zero),
        cmocka_unit_test(layout_is_length_type_id_then_tagged_fields),
        cmocka_unit_test(every_cut_of_a_message_asks_for_more),
        cmocka_unit_test(two_messages_are_taken_one_by_one),
        cmocka_unit_test(malformed_messages_are_refused),
        cmocka_unit_test(our_own_mistakes_do_not_leave_the_process),
        cmocka_unit_test(buffer_without_room_gets_nothing_of_a_message),
        cmocka_unit_test(each_worker_type_has_its_own_messages),
        cmocka_unit_test(names_are_known_and_strangers_are_not),
        cmocka_unit_test(peer_of_each_kind_survives_packing),
        cmocka_unit_test(every_cut_of_a_peer_is_refused),
        cmocka_unit_test(peer_out_of_its_limits_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
