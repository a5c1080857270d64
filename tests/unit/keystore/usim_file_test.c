/* SPDX-License-Identifier: Apache-2.0 */
#include "usim_sample.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../crypto/tmpdir.h"
#include "keystore/usim.h"

static struct fr_err err;
static struct tmpdir dir;

static int enter(void **state)
{
    (void)state;
    tmpdir_enter(&dir);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    tmpdir_leave(&dir);
    return 0;
}

static enum fr_code open_sim(const char *path, struct fr_usim **ret)
{
    const struct fr_usim_setup setup = {.name = "sim", .path = path};

    *ret = NULL;
    return fr_usim_file.open(&setup, ret, &err);
}

static struct fr_usim *opened(const char *path)
{
    struct fr_usim *u;

    assert_ok(open_sim(path, &u));
    return u;
}

static enum fr_code ask(struct fr_usim *u, uint64_t sqn, uint16_t amf,
                        struct fr_aka_answer *a)
{
    struct fr_auc_vector v;

    *a = (struct fr_aka_answer){.verdict = FR_AKA_SYNC};
    fr_auc_challenge(sqn, amf, false, 1, &v);
    return u->method->authenticate(u, v.rand, v.autn, false, a, &err);
}

static void assert_content(const char *path, const char *want)
{
    FR_AUTO_CLEAR(buf) got = FR_BUF_INIT(4096);

    assert_ok(fr_file_read(path, &got, &err));
    assert_string_equal(fr_buf_cstr(&got), want);
}

/* ---- */

static void sqn_is_in_the_file_when_the_answer_comes(void **state)
{
    const char *one_index = SAMPLE_HEAD SAMPLE_KEYS "ind-bits=0\nsqn=00000000002a\n";
    struct fr_aka_answer a;
    struct fr_usim *u;
    struct stat st;

    (void)state;
    sample_write("usim", one_index);
    u = opened("usim");
    assert_ok(ask(u, 0x2a, 0, &a));
    assert_int_equal(a.verdict, FR_AKA_SYNC);
    assert_content("usim", one_index);
    assert_ok(ask(u, 0x2b, 0, &a));
    assert_int_equal(a.verdict, FR_AKA_OK);
    fr_aka_answer_clear(&a);
    assert_content("usim", SAMPLE_HEAD SAMPLE_KEYS "ind-bits=0\nsqn=00000000002b\n");
    assert_int_equal(stat("usim", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    fr_usim_file.close(u);
}

static void sqns_of_all_indices_are_written(void **state)
{
    struct fr_aka_answer a;
    struct fr_usim *u;

    (void)state;
    sample_write("usim", SAMPLE_HEAD SAMPLE_KEYS "ind-bits=1\nsqn=000000000004\n");
    u = opened("usim");
    assert_ok(ask(u, 0x9, 0, &a));
    fr_aka_answer_clear(&a);
    assert_content("usim", SAMPLE_HEAD SAMPLE_KEYS
                   "ind-bits=1\nsqn=000000000004,000000000009\n");
    assert_ok(ask(u, 0x6, 0, &a));
    assert_int_equal(a.verdict, FR_AKA_OK);
    fr_aka_answer_clear(&a);
    fr_usim_file.close(u);
}

static void answer_that_cannot_be_remembered_is_not_given(void **state)
{
    char name[251] = "";
    struct fr_aka_answer a;
    struct fr_usim *u;

    (void)state;
    memset(name, 'u', sizeof name - 1); /* no room for the name of a new file */
    sample_write("usim", SAMPLE);
    assert_int_equal(rename("usim", name), 0);
    u = opened(name);
    assert_fails(ask(u, 1 << 5, 0, &a), FR_ESTORE);
    assert_null(a.ks);
    assert_int_equal(a.verdict, FR_AKA_SYNC);
    assert_content(name, SAMPLE);
    fr_usim_file.close(u);
}

static void op_serves_in_place_of_opc(void **state)
{
    struct fr_aka_answer a;
    struct fr_usim *u;

    (void)state;
    sample_write("usim",
                 SAMPLE_HEAD "k=" AUC_K "\nop=cdc202d5123e20f62b6d676ac72cb318\n"
                             "sqn=000000000000\n");
    u = opened("usim");
    assert_ok(ask(u, 1 << 5, 0, &a));
    assert_int_equal(a.verdict, FR_AKA_OK);
    fr_aka_answer_clear(&a);
    fr_usim_file.close(u);
}

static void bits_of_amf_that_must_be_zero_are_refused(void **state)
{
    struct fr_aka_answer a;
    struct fr_usim *u;

    (void)state;
    sample_write("usim", SAMPLE_HEAD SAMPLE_KEYS "amf-zero=8000\nsqn=000000000000\n");
    u = opened("usim");
    assert_fails_as(ask(u, 1 << 5, 0x8000, &a), FR_EREFUSED, "aka-amf");
    assert_ok(ask(u, 1 << 5, 0x7fff, &a));
    assert_int_equal(a.verdict, FR_AKA_OK);
    fr_aka_answer_clear(&a);
    fr_usim_file.close(u);
}

static void mnc_of_three_digits(void **state)
{
    char impi[FR_IMPI_MAX + 1];
    struct fr_usim *u;

    (void)state;
    sample_write("usim",
                 "fieldroot-usim 1\nimsi=310260000000001\nmnc-digits=3\n" SAMPLE_KEYS
                 "sqn=000000000000\n");
    u = opened("usim");
    assert_ok(fr_usim_file.impi(u, impi, &err));
    assert_string_equal(impi, "310260000000001@ims.mnc260.mcc310.3gppnetwork.org");
    fr_usim_file.close(u);
}

static void file_of_two_programs_is_used_by_one(void **state)
{
    struct fr_aka_answer a;
    struct fr_usim *u;
    int fd;

    (void)state;
    sample_write("usim", SAMPLE);
    u = opened("usim");
    fd = open("usim", O_RDONLY);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_fails_as(ask(u, 1 << 5, 0, &a), FR_EBUSY, "usim-file-busy");
    close(fd);
    assert_ok(ask(u, 1 << 5, 0, &a));
    fr_aka_answer_clear(&a);
    fr_usim_file.close(u);
}

static void what_is_no_private_file_is_refused(void **state)
{
    struct fr_usim *u;

    (void)state;
    assert_fails_as(open_sim("usim", &u), FR_EUNSUPPORTED, "usim-file-missing");
    assert_fails(open_sim(NULL, &u), FR_ECONFIG);
    sample_write("usim", SAMPLE);
    assert_int_equal(chmod("usim", 0640), 0);
    assert_fails_as(open_sim("usim", &u), FR_ECONFIG, "key-file-open");
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_fails_as(open_sim("folder", &u), FR_ECONFIG, "not-a-file");
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_fails_as(open_sim("fifo", &u), FR_ECONFIG, "not-a-file");
}

static void file_that_goes_or_is_damaged_meanwhile_fails_the_challenge(void **state)
{
    struct fr_aka_answer a;
    struct fr_usim *u;

    (void)state;
    sample_write("usim", SAMPLE);
    u = opened("usim");
    sample_write("usim", SAMPLE "more\n");
    assert_fails_as(ask(u, 1 << 5, 0, &a), FR_ECONFIG, "usim-file");
    assert_int_equal(unlink("usim"), 0);
    assert_fails_as(ask(u, 1 << 5, 0, &a), FR_EUNSUPPORTED, "usim-file-missing");
    fr_usim_file.close(u);
}

#define FROM_IMSI(lines) "fieldroot-usim 1\n" lines SAMPLE_KEYS "sqn=000000000000\n"
#define FROM_SQN(lines)  SAMPLE_HEAD SAMPLE_KEYS lines

static void malformed_text_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "fieldroot-usim 2\n",
        FROM_IMSI(""),
        FROM_IMSI("imsi=\n"),
        FROM_IMSI("imsi=00101000000000a\n"),
        FROM_IMSI("imsi=0010100000000011\n"),
        FROM_IMSI("imsi=001010000000001 \n"),
        FROM_IMSI("imsi=001010000000001\r\n"),
        FROM_IMSI("imsi=001010000000001\nmnc-digits=4\n"),
        FROM_IMSI("imsi=001010000000001\nmnc-digits=\n"),
        FROM_IMSI("imsi=001010000000001\nimsi=001010000000001\n"),
        SAMPLE_HEAD "opc=" AUC_OPC "\nk=" AUC_K "\nsqn=000000000000\n",
        SAMPLE_HEAD "k=" AUC_K "\nsqn=000000000000\n",
        SAMPLE_HEAD "k=" AUC_K "00\nopc=" AUC_OPC "\nsqn=000000000000\n",
        SAMPLE_HEAD "k=" AUC_K "\nop=" AUC_OPC "zz\nsqn=000000000000\n",
        SAMPLE_HEAD "k=zz\nopc=" AUC_OPC "\nsqn=000000000000\n",
        FROM_SQN(""),
        FROM_SQN("sqn=000000000000"),
        FROM_SQN("sqn=00000000000\n"),
        FROM_SQN("sqn=00000000000g\n"),
        FROM_SQN("sqn=000000000000\n\n"),
        FROM_SQN("sqn=000000000000,000000000001\n"),
        FROM_SQN("ind-bits=1\nsqn=000000000001,000000000000\n"),
        FROM_SQN("ind-bits=1\nsqn=000000000000;000000000001\n"),
        FROM_SQN("ind-bits=6\nsqn=000000000000\n"),
        FROM_SQN("gba-u=maybe\nsqn=000000000000\n"),
        FROM_SQN("amf-zero=80\nsqn=000000000000\n"),
        FROM_SQN("gba-u=yes\namf-zero=0000\nsqn=000000000000\n"),
        FROM_SQN("colour=red\nsqn=000000000000\n"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct fr_usim *u;

        sample_write("usim", texts[i]);
        assert_fails_as(open_sim("usim", &u), FR_ECONFIG, "usim-file");
        assert_null(strstr(err.msg, "465b5ce8"));
    }
}

static void huge_file_is_refused(void **state)
{
    char text[4096];
    struct fr_usim *u;

    (void)state;
    memset(text, 'x', sizeof text);
    memcpy(text, SAMPLE_HEAD, sizeof SAMPLE_HEAD - 1);
    text[sizeof text - 1] = 0;
    sample_write("usim", text);
    assert_fails_as(open_sim("usim", &u), FR_ECONFIG, "usim-file");
    assert_contains(err.msg, "too large");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)
    const struct CMUnitTest tests[] = {
        TEST(sqn_is_in_the_file_when_the_answer_comes),
        TEST(sqns_of_all_indices_are_written),
        TEST(answer_that_cannot_be_remembered_is_not_given),
        TEST(op_serves_in_place_of_opc),
        TEST(bits_of_amf_that_must_be_zero_are_refused),
        TEST(mnc_of_three_digits),
        TEST(file_of_two_programs_is_used_by_one),
        TEST(what_is_no_private_file_is_refused),
        TEST(file_that_goes_or_is_damaged_meanwhile_fails_the_challenge),
        TEST(malformed_text_is_refused),
        TEST(huge_file_is_refused),
    };

    return cmocka_run_group_tests_name("usim_file", tests, NULL, NULL);
}
