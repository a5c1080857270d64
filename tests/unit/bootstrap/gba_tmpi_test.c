/* SPDX-License-Identifier: Apache-2.0 */
/* A SIM that has a pseudonym at the MEF, and a MEF that may have forgotten it. */
#include "bsf.h"
#include "test.h"

#define TMPI         "7g8A0RHDuCXlCTm8IzQ29xYou4F13lIQ@tmpi.bsf.3gppnetwork.org"
#define TMPI_UNKNOWN "{\"reason\":\"tmpi-unknown\",\"text\":\"whose?\"}"

static struct fr_err err;

static struct bsf_fixture *fixture(void **state, const char *answer)
{
    struct bsf_fixture *f = *state;

    f->d.tmpi = TMPI;
    f->bsf.to_tmpi = answer;
    return f;
}

static void refuses(struct bsf_fixture *f, enum fr_code code, const char *reason)
{
    assert_int_equal(fr_drive_run(&f->d, &err), code);
    assert_string_equal(err.reason, reason);
    assert_int_equal(f->d.n_stored, 0);
}

static void it_stands_for_the_impi_in_every_request(void **state)
{
    struct bsf_fixture *f = fixture(state, NULL);
    FR_AUTO(credential) *c = NULL;

    fr_fake_sim.n_out_of_step = 1;
    c = bsf_run(f);
    for (int i = BSF_CHALLENGE; i <= BSF_FINISH; i++)
        assert_contains(f->bsf.request[i], "username=\"" TMPI "\"");
    for (int i = 0; i < BSF_N_STEPS; i++)
        assert_null(strstr(f->bsf.request[i], FAKE_IMPI));
    assert_string_equal(c->impi, FAKE_IMPI); /* of which all keys are */
    assert_int_equal(f->bsf.count[BSF_ACK], 1);
}

static void gives_way(void **state, const char *head, const char *body)
{
    struct bsf_fixture *f = fixture(state, bsf_http(head, body));
    FR_AUTO(credential) *c = bsf_run(f);

    assert_non_null(c);
    assert_string_equal(f->d.log, " sim connect send send sim store send store flip "
                                  "send close done");
    assert_int_equal(f->bsf.count[BSF_CHALLENGE], 2);
    assert_contains(f->bsf.request[BSF_CHALLENGE], "username=\"" FAKE_IMPI "\"");
    assert_contains(f->bsf.request[BSF_FINISH], "username=\"" FAKE_IMPI "\"");
    assert_int_equal(f->d.n_warnings, 0);
}

static void unknown_to_the_mef_it_gives_way_to_the_impi(void **state)
{
    gives_way(state, "403 Forbidden\r\nX-M2M-RSC: 4103", TMPI_UNKNOWN);
}

/* Another make has its own way to say so. */
static void refused_with_400_it_gives_way_to_the_impi(void **state)
{
    gives_way(state, "400 Bad Request", "");
}

static void refused_with_403_it_gives_way_to_the_impi(void **state)
{
    gives_way(state, "403 Forbidden", "<html>no</html>");
}

static void refused_with_404_it_gives_way_to_the_impi(void **state)
{
    gives_way(state, "404 Not Found", "");
}

static void a_mef_that_hangs_up_on_it_is_called_again(void **state)
{
    struct bsf_fixture *f =
        fixture(state, bsf_http("404 Not Found\r\nConnection: close", ""));
    FR_AUTO(credential) *c = NULL;

    f->bsf.hangs_up_on_tmpi = true;
    c = bsf_run(f);
    assert_non_null(c);
    assert_string_equal(f->d.log, " sim connect send connect send sim store send "
                                  "store flip send close done");
    assert_contains(f->bsf.request[BSF_FINISH], "username=\"" FAKE_IMPI "\"");
}

static void what_the_subscriber_is_refused_is_not_asked_by_the_impi(void **state)
{
    struct bsf_fixture *f =
        fixture(state, bsf_http("403 Forbidden\r\nX-M2M-RSC: 4103",
                                "{\"reason\":\"target-not-allowed\"}"));

    refuses(f, FR_EREFUSED, "target-not-allowed");
    assert_int_equal(f->bsf.count[BSF_CHALLENGE], 1);
}

static void a_busy_mef_does_not_hear_the_impi(void **state)
{
    struct bsf_fixture *f = fixture(state, bsf_http("503 Busy\r\nRetry-After: 7", ""));

    refuses(f, FR_EUNREACHABLE, "http-503");
    assert_int_equal(f->bsf.count[BSF_CHALLENGE], 1);
}

static void the_impi_is_said_once(void **state)
{
    struct bsf_fixture *f =
        fixture(state, bsf_http("403 Forbidden\r\nX-M2M-RSC: 4103", TMPI_UNKNOWN));

    f->bsf.raw[BSF_CHALLENGE] = f->bsf.to_tmpi;
    refuses(f, FR_EREFUSED, "tmpi-unknown");
    assert_int_equal(f->bsf.count[BSF_CHALLENGE], 2);
}

/* A 401 without a challenge is no word about a name. */
static void a_bare_401_is_a_refusal(void **state)
{
    struct bsf_fixture *f = fixture(state, bsf_http("401 Unauthorized", ""));

    refuses(f, FR_EREFUSED, "http-401");
    assert_int_equal(f->bsf.count[BSF_CHALLENGE], 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, bsf_fixture_begin, bsf_fixture_end)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(it_stands_for_the_impi_in_every_request),
        T(unknown_to_the_mef_it_gives_way_to_the_impi),
        T(refused_with_400_it_gives_way_to_the_impi),
        T(refused_with_403_it_gives_way_to_the_impi),
        T(refused_with_404_it_gives_way_to_the_impi),
        T(a_mef_that_hangs_up_on_it_is_called_again),
        T(what_the_subscriber_is_refused_is_not_asked_by_the_impi),
        T(a_busy_mef_does_not_hear_the_impi),
        T(the_impi_is_said_once),
        T(a_bare_401_is_a_refusal),
    };

    return cmocka_run_group_tests_name("bootstrap/gba_tmpi", tests, NULL, NULL);
}
