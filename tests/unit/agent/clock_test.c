/* SPDX-License-Identifier: Apache-2.0 */
/* What time a device goes by, and what moves it. */
#include "agent/clock.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/timetext.h"
#include "test.h"
#include "unit/agent/rig.h"
#include "unit/net/tlspeer.h"

#define T    INT64_C(1800000000) /* 2027-01-15 */
#define DAY  INT64_C(86400)
#define YEAR (365 * DAY)

static struct fr_err err;

struct world {
    struct fr_fake_env clock;
    struct fr_state *state;
};

static int begin(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    static int serial;
    char name[32];

    (void)snprintf(name, sizeof name, "clock-%d", ++serial);
    fr_fake_env_init(&w->clock, 1);
    w->clock.wall_s = T;
    w->clock.unsynchronised = true;
    assert_ok(fr_state_open(pki_path(name), 65536, &w->state, &err));
    assert_ok(fr_state_lock(w->state, &err));
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;

    fr_state_free(w->state);
    free(w);
    return 0;
}

static struct fr_clock look(struct world *w)
{
    return fr_clock_read(w->state, &w->clock.env);
}

static enum fr_code advance(struct world *w, int64_t to)
{
    return fr_clock_advance(w->state, &w->clock.env, to, &err);
}

static void write_file(struct world *w, const char *text)
{
    char path[256];

    (void)snprintf(path, sizeof path, "%s/clock", fr_state_dir(w->state));
    assert_ok(fr_file_write_atomic(path, fr_slice_str(text), 0600, &err));
}

/* ---- which clock counts ---- */

static void a_synchronised_clock_counts(void **state)
{
    struct world *w = *state;
    struct fr_clock c;

    assert_ok(fr_clock_set(w->state, T + YEAR, &err));
    w->clock.unsynchronised = false;
    c = look(w);
    assert_true(c.synchronised);
    assert_int_equal(fr_clock_now(&c), T);
}

static void without_one_it_is_the_later_of_both(void **state)
{
    struct world *w = *state;
    struct fr_clock c = look(w);

    assert_false(c.synchronised);
    assert_int_equal(c.last_known, 0);
    assert_int_equal(fr_clock_now(&c), T);
    assert_ok(fr_clock_set(w->state, T + DAY, &err));
    c = look(w);
    assert_int_equal(fr_clock_now(&c), T + DAY);
    w->clock.wall_s = T + 2 * DAY;
    c = look(w);
    assert_int_equal(fr_clock_now(&c), T + 2 * DAY);
}

static void the_systems_own_word_is_taken(void **state)
{
    struct world *w = *state;
    struct fr_clock c = fr_clock_read(w->state, &fr_env_system);

    assert_int_equal(c.synchronised, fr_wall_is_synchronised(&fr_env_system));
    assert_in_range(c.system, time(NULL) - 5, time(NULL) + 5);
}

/* ---- what moves it ---- */

static void the_first_time_is_taken_as_it_is(void **state)
{
    struct world *w = *state;

    assert_ok(advance(w, T));
    assert_int_equal(look(w).last_known, T);
}

static void it_never_goes_back(void **state)
{
    struct world *w = *state;

    assert_ok(advance(w, T));
    assert_ok(advance(w, T - DAY));
    assert_int_equal(look(w).last_known, T);
}

static void it_goes_up_to_two_years_at_once(void **state)
{
    struct world *w = *state;

    assert_ok(advance(w, T));
    assert_ok(advance(w, T + FR_CLOCK_STEP_MAX_S));
    assert_int_equal(look(w).last_known, T + FR_CLOCK_STEP_MAX_S);
}

static void a_longer_step_is_left_to_the_operator(void **state)
{
    struct world *w = *state;

    assert_ok(advance(w, T));
    assert_int_equal(advance(w, T + FR_CLOCK_STEP_MAX_S + 1), FR_EREFUSED);
    assert_string_equal(err.reason, "clock-step");
    assert_contains(err.msg, "fieldroot clock --set");
    assert_int_equal(look(w).last_known, T);
    assert_ok(fr_clock_set(w->state, T + FR_CLOCK_STEP_MAX_S + 1, &err));
    assert_int_equal(look(w).last_known, T + FR_CLOCK_STEP_MAX_S + 1);
}

static void a_synchronised_clock_vouches_for_a_longer_step(void **state)
{
    struct world *w = *state;

    assert_ok(advance(w, T - 4 * YEAR));
    w->clock.unsynchronised = false;
    assert_ok(advance(w, T));
    assert_int_equal(look(w).last_known, T);
}

static void the_operator_may_set_it_back(void **state)
{
    struct world *w = *state;

    assert_ok(advance(w, T));
    assert_ok(fr_clock_set(w->state, T - YEAR, &err));
    assert_int_equal(look(w).last_known, T - YEAR);
}

/* ---- the file ---- */

static void an_empty_file_is_no_time(void **state)
{
    struct world *w = *state;
    struct fr_clock c;

    write_file(w, "");
    c = look(w);
    assert_false(c.damaged);
    assert_int_equal(c.last_known, 0);
}

static void a_damaged_file_is_no_time_and_says_so(void **state)
{
    static const char *const texts[] = {"2026-11-24", "\n", "2026-11-24T00:00:00Z",
                                        "2026-11-24T00:00:00Z and more\n",
                                        "2026-11-24T00:00:00+02:00\n"};
    struct world *w = *state;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_file(w, texts[i]);
        assert_true(look(w).damaged);
        assert_int_equal(look(w).last_known, 0);
    }
    assert_ok(advance(w, T));
    assert_false(look(w).damaged);
}

static void it_is_private(void **state)
{
    struct world *w = *state;
    char path[256];
    struct stat st;

    assert_ok(advance(w, T));
    (void)snprintf(path, sizeof path, "%s/clock", fr_state_dir(w->state));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* ---- with a real MEF: its certificate began a day ago and ends in 30 days ---- */

static struct fr_env lost; /* the system's, but nobody vouches for its clock */

static bool is_lost(void *ctx)
{
    (void)ctx;
    return false;
}

static bool is_found(void *ctx)
{
    (void)ctx;
    return true;
}

struct visit {
    struct rig rig;
    struct peer peer;
    char list[256];
};

static void visit_begin(struct visit *v)
{
    v->peer = peer_start(&(struct peer_setup){.act = PEER_ECHO});
    rig_init(&v->rig, NULL);
    lost = fr_env_system;
    lost.synchronised = is_lost;
    v->rig.device.env = &lost;
    (void)snprintf(v->list, sizeof v->list,
                   LIST("{'bootstrap':'scripted','mef':'talk.example.com','port':%u}"),
                   v->peer.port);
}

static void visit_end(struct visit *v)
{
    rig_clear(&v->rig);
    peer_stop(&v->peer);
}

static int64_t last_known(struct visit *v)
{
    return fr_clock_read(v->rig.state, &lost).last_known;
}

static void set(struct visit *v, int64_t to)
{
    assert_ok(fr_state_lock(v->rig.state, &err)); /* makes the folder */
    fr_state_unlock(v->rig.state);
    assert_ok(fr_clock_set(v->rig.state, to, &err));
}

static void a_confirmation_moves_it_to_the_mefs_beginning(void **state)
{
    int64_t now = time(NULL);
    struct visit v;

    (void)state;
    visit_begin(&v);
    assert_int_equal(rig_walk(&v.rig, v.list), 0);
    assert_in_range(last_known(&v), now - DAY - 60, now - DAY + 5);
    visit_end(&v);
}

static void a_synchronised_device_keeps_it_as_well(void **state)
{
    struct visit v;

    (void)state;
    visit_begin(&v);
    lost.synchronised = is_found;
    assert_int_equal(rig_walk(&v.rig, v.list), 0);
    assert_true(last_known(&v) > 0);
    visit_end(&v);
}

static void a_mef_that_ended_before_it_is_refused(void **state)
{
    struct visit v;

    (void)state;
    visit_begin(&v);
    set(&v, time(NULL) + 31 * DAY);
    assert_int_equal(rig_walk(&v.rig, v.list), 77);
    assert_contains(rig_nth(&v.rig, "attempt", 0), "\"reason\":\"peer-expired\"");
    assert_contains(rig_nth(&v.rig, "attempt", 0), "fieldroot clock --set");
    visit_end(&v);
}

static void a_mef_that_begins_after_it_is_accepted(void **state)
{
    struct visit v;

    (void)state;
    visit_begin(&v);
    set(&v, time(NULL) - YEAR);
    assert_int_equal(rig_walk(&v.rig, v.list), 0);
    assert_true(last_known(&v) > time(NULL) - 2 * DAY);
    visit_end(&v);
}

static void a_leap_is_a_warning_and_the_key_is_kept(void **state)
{
    struct visit v;

    (void)state;
    visit_begin(&v);
    set(&v, time(NULL) - 4 * YEAR);
    assert_int_equal(rig_walk(&v.rig, v.list), 0);
    assert_contains(rig_nth(&v.rig, "warning", 0), "fieldroot clock --set");
    assert_in_range(last_known(&v), time(NULL) - 4 * YEAR - 60, time(NULL) - 4 * YEAR);
    visit_end(&v);
}

/* The handshake with the server is good, and no key comes of it. */
static void a_visit_without_a_key_moves_nothing(void **state)
{
    struct visit v;

    (void)state;
    visit_begin(&v);
    peer_stop(&v.peer);
    v.peer = peer_start(&(struct peer_setup){.act = PEER_CUT});
    (void)snprintf(v.list, sizeof v.list,
                   LIST("{'bootstrap':'scripted','mef':'talk.example.com','port':%u,"
                        "'budget':'PT1S'}"),
                   v.peer.port);
    assert_int_equal(rig_walk(&v.rig, v.list), 69);
    assert_int_equal(last_known(&v), 0);
    visit_end(&v);
}

static void a_damaged_file_is_told(void **state)
{
    struct visit v;
    char path[256];

    (void)state;
    visit_begin(&v);
    set(&v, time(NULL));
    (void)snprintf(path, sizeof path, "%s/clock", fr_state_dir(v.rig.state));
    assert_int_equal(truncate(path, 5), 0);
    assert_int_equal(rig_walk(&v.rig, v.list), 0);
    assert_contains(rig_nth(&v.rig, "warning", 0), "damaged");
    visit_end(&v);
}

int main(void)
{
#define W(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        W(a_synchronised_clock_counts),
        W(without_one_it_is_the_later_of_both),
        W(the_systems_own_word_is_taken),
        W(the_first_time_is_taken_as_it_is),
        W(it_never_goes_back),
        W(it_goes_up_to_two_years_at_once),
        W(a_longer_step_is_left_to_the_operator),
        W(a_synchronised_clock_vouches_for_a_longer_step),
        W(the_operator_may_set_it_back),
        W(an_empty_file_is_no_time),
        W(a_damaged_file_is_no_time_and_says_so),
        W(it_is_private),
        cmocka_unit_test(a_confirmation_moves_it_to_the_mefs_beginning),
        cmocka_unit_test(a_synchronised_device_keeps_it_as_well),
        cmocka_unit_test(a_mef_that_ended_before_it_is_refused),
        cmocka_unit_test(a_mef_that_begins_after_it_is_accepted),
        cmocka_unit_test(a_leap_is_a_warning_and_the_key_is_kept),
        cmocka_unit_test(a_visit_without_a_key_moves_nothing),
        cmocka_unit_test(a_damaged_file_is_told),
    };

    return cmocka_run_group_tests(tests, pki_setup, pki_teardown);
}
