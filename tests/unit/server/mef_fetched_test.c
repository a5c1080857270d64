/* SPDX-License-Identifier: Apache-2.0 */
/* Has the target fetched its key? */
#include <event2/event.h>

#include "mef_steps.h"
#include "server/http/wait.h"
#include "server/mef/session.h"

static void vault_knows(uint64_t fetched)
{
    struct fr_msg m = {.type = FR_MSG_REPLY};
    uint8_t code[8], at[8];

    m = fixture_heard(&f, FR_MSG_LOOKUP);
    assert_true(fr_slice_equal(m.field[FR_F_KEY_ID], fr_slice_str(KEY_ID)));
    m = (struct fr_msg){.type = FR_MSG_REPLY};
    fr_msg_set_u8(&m, FR_F_CODE, FR_OK, code);
    fr_msg_set_str(&m, FR_F_RESPONSE, "{}");
    if (fetched)
        fr_msg_set_u64(&m, FR_F_FETCHED, fetched, at);
    fixture_say(&f, &m);
}

static void ask(const char *query)
{
    char path[128];

    snprintf(path, sizeof path, REG "/fieldroot-fetched%s", query);
    fixture_send(&f, "GET", path, NULL, NULL);
}

static void assert_says(bool fetched)
{
    fixture_answer_is(&f, 200, 2000);
    assert_string_equal(fixture_body(&f),
                        fetched ? "{\"fetched\":true}" : "{\"fetched\":false}");
}

static void a_fetched_key_is_a_yes_at_once(void **state)
{
    (void)state;
    ask("?wait=50");
    vault_knows(1800000000);
    assert_says(true);
}

static void without_wait_no_is_an_answer(void **state)
{
    (void)state;
    ask("");
    vault_knows(0);
    assert_says(false);
}

static void the_answer_waits_for_the_fetch(void **state)
{
    (void)state;
    ask("?wait=50");
    vault_knows(0);
    assert_false(f.answered);
    event_base_loop(f.worker.base, EVLOOP_ONCE); /* its timer */
    vault_knows(1800000000);
    assert_says(true);
}

static void when_its_time_is_over_the_answer_is_no(void **state)
{
    (void)state;
    ask("?wait=1");
    vault_knows(0);
    assert_false(f.answered);
    fr_fake_env_advance(&f.env, 1000);
    event_base_loop(f.worker.base, EVLOOP_ONCE);
    vault_knows(0);
    assert_says(false);
}

static void who_waits_long_is_looked_up_less_often(void **state)
{
    (void)state;
    assert_int_equal(fr_wait_pause_ms(0, 50000), 250);
    assert_int_equal(fr_wait_pause_ms(8000, 42000), 1000);
    assert_int_equal(fr_wait_pause_ms(49000, 11000), 2000);
    assert_int_equal(fr_wait_pause_ms(49900, 100), 100);
}

static void another_wait_follows_on_the_same_connection(void **state)
{
    (void)state;
    ask("");
    vault_knows(0);
    assert_says(false);
    ask("?wait=50");
    vault_knows(1800000000);
    assert_says(true);
}

static void anothers_key_is_not_found(void **state)
{
    (void)state;
    ask("?wait=50");
    fixture_heard(&f, FR_MSG_LOOKUP);
    fixture_say_code(&f, FR_ENOTFOUND, "unknown-key");
    fixture_answer_is(&f, 404, 4004);
}

static void what_is_no_key_id_never_reaches_the_vault(void **state)
{
    (void)state;
    fixture_send(&f, "GET", "/mefbase/x%40y/fieldroot-fetched", NULL, NULL);
    fixture_answer_is(&f, 404, 4004);
    ask("?wait=soon");
    fixture_answer_is(&f, 400, 4000);
    fixture_heard_nothing(&f);
}

static void a_cut_ends_the_wait(void **state)
{
    (void)state;
    ask("?wait=50");
    vault_knows(0);
    fixture_cut(&f);
    event_base_loop(f.worker.base, EVLOOP_NONBLOCK);
    fixture_heard_nothing(&f);
}

static void a_vault_that_dies_ends_the_wait(void **state)
{
    (void)state;
    ask("?wait=50");
    fixture_heard(&f, FR_MSG_LOOKUP);
    fixture_vault_dies(&f);
    fixture_answer_is(&f, 503, 5000);
}

int main(void)
{
#define T(x) cmocka_unit_test_setup_teardown(x, open_mef, close_mef)
    const struct CMUnitTest tests[] = {
        T(a_fetched_key_is_a_yes_at_once),
        T(without_wait_no_is_an_answer),
        T(the_answer_waits_for_the_fetch),
        T(when_its_time_is_over_the_answer_is_no),
        T(who_waits_long_is_looked_up_less_often),
        T(another_wait_follows_on_the_same_connection),
        T(anothers_key_is_not_found),
        T(what_is_no_key_id_never_reaches_the_vault),
        T(a_cut_ends_the_wait),
        T(a_vault_that_dies_ends_the_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
