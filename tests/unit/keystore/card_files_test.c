/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/card_files.h"

#include "test.h"

static struct fr_slice hex(const char *digits)
{
    static uint8_t octets[600];
    struct fr_slice s = fr_slice_str(digits);

    assert_true(s.len / 2 <= sizeof octets && fr_hex_decode(s, octets));
    return fr_slice_of(octets, s.len / 2);
}

static void control_parameters(void **state)
{
    static const struct {
        const char *fcp;
        struct fr_card_file want;
    } cases[] = {
        {"620382024121", {.size = 0}}, /* cut inside */
        {"62168202412183026f078a01058b036f06028002000988013888", {.size = 9}},
        {"620c8205422100260383022f00", {.size = 0}}, /* shorter than it says */
        {"620b8205422100260383022f00", {.record_size = 0x26}},
        {"6204800201f4", {.size = 255}},
        /* the first that is on: none; one of an application; the universal one */
        {"620bc609900100830101830181", {.size = 0}},
        {"620bc609900180830101830181", {.pin_reference = 0x01}},
        {"620bc609900140830181830101", {.pin_reference = 0x01}},
        {"620bc609900140830101830111", {.pin_reference = 0x11}},
        {"620ec60c900140830101950108830111", {.pin_reference = 0x11}},
        {"620ec60c900180830101950108830111", {.pin_reference = 0x01}},
        /* only somebody else's: PIN2, an administrator's */
        {"620bc6099001c083018183010a", {.size = 0}},
        {"6281038001ff", {.size = 255}},
        {"", {.size = 0}},
        {"90", {.size = 0}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fr_card_file got;

        (void)fr_card_file_read(hex(cases[i].fcp), &got);
        assert_int_equal(got.size, cases[i].want.size);
        assert_int_equal(got.record_size, cases[i].want.record_size);
        assert_int_equal(got.pin_reference, cases[i].want.pin_reference);
    }
}

static void directory(void **state)
{
    static const char record[] =
        "61184f10a0000000871002ff49ff0589000001ff50045553494dffffffff";
    const struct fr_slice usim = fr_slice_of("\xa0\0\0\0\x87\x10\x02", 7);
    const struct fr_slice isim = fr_slice_of("\xa0\0\0\0\x87\x10\x04", 7);
    struct fr_slice aid;

    (void)state;
    assert_true(fr_card_aid_read(hex(record), usim, &aid));
    assert_hex(aid, "a0000000871002ff49ff0589000001ff");
    assert_false(fr_card_aid_read(hex(record), isim, &aid));
    assert_false(fr_card_aid_read(hex("ffffffff"), usim, &aid));
    assert_false(fr_card_aid_read(hex("61064f04a0000000"), usim, &aid));
    assert_false(fr_card_aid_read(hex("61084f10a0000000871002"), usim, &aid));
    assert_false(fr_card_aid_read(hex("610050"), usim, &aid));
}

static void imsi(void **state)
{
    static const struct {
        const char *ef, *want;
    } cases[] = {
        {"080910100000000010", "001010000000001"}, /* 15 digits */
        {"0829f60217214365f7", NULL},              /* a filler in the middle */
        {"082162022143658709", "226201234567890"},
        {"0821620221436587f9", "22620123456789"}, /* 14: even */
        {"0419325476ffffffff", "1234567"},
        {"0319325400", NULL}, /* 5 digits */
        {"09091010000000001000", NULL},
        {"0809101000000000a0", NULL},
        {"0809101000000000", NULL}, /* cut */
        {"00", NULL},
        {"", NULL},
        {"ffffffffffffffffff", NULL}, /* an empty file */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char got[FR_IMSI_MAX + 1];
        bool ok = fr_card_imsi_read(hex(cases[i].ef), got);

        if (ok != !!cases[i].want)
            fail_msg("%s: %s", cases[i].ef, ok ? got : "refused");
        if (ok)
            assert_string_equal(got, cases[i].want);
    }
}

static void digits_of_the_mnc(void **state)
{
    (void)state;
    assert_int_equal(fr_card_mnc_digits(hex("81000003")), 3);
    assert_int_equal(fr_card_mnc_digits(hex("81000002ff")), 2);
    assert_int_equal(fr_card_mnc_digits(hex("810000")), 2); /* an old card */
    assert_int_equal(fr_card_mnc_digits(hex("810000ff")), 2);
}

static void impi(void **state)
{
    char got[FR_IMPI_MAX + 1];

    (void)state;
    assert_true(fr_card_impi_read(hex("800b6d65746572374073702e78ffff"), got));
    assert_string_equal(got, "meter7@sp.x");
    assert_false(fr_card_impi_read(hex("80046d657465"), got));
    assert_false(fr_card_impi_read(hex("80046d407370ff"), got) && strlen(got) != 4);
    assert_false(fr_card_impi_read(hex("80044073702e"), got));
    assert_false(fr_card_impi_read(hex("80066d224073702e"), got)); /* m"@sp. */
    assert_false(fr_card_impi_read(hex("80056d00407370"), got));
    assert_false(fr_card_impi_read(hex("800b6d65"), got));
    assert_false(fr_card_impi_read(hex("8000"), got));
    assert_false(fr_card_impi_read(hex("ffff"), got));
}

static void services(void **state)
{
    const char *ust = "000000000000000008"; /* number 68 alone */

    (void)state;
    assert_true(fr_card_has_service(hex(ust), 68));
    assert_false(fr_card_has_service(hex(ust), 67));
    assert_false(fr_card_has_service(hex(ust), 69));
    assert_false(fr_card_has_service(hex("ffffffffffffffff"), 68)); /* an old card */
    assert_true(fr_card_has_service(hex("02"), 2));
    assert_false(fr_card_has_service(hex(""), 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_parameters),
        cmocka_unit_test(directory),
        cmocka_unit_test(imsi),
        cmocka_unit_test(digits_of_the_mnc),
        cmocka_unit_test(impi),
        cmocka_unit_test(services),
    };

    return cmocka_run_group_tests_name("card_files", tests, NULL, NULL);
}
