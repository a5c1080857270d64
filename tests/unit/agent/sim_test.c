/* SPDX-License-Identifier: Apache-2.0 */
/* The driver with a SIM: the method `gba` in front of a MEF that speaks Ub without TLS.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/sim.h"
#include "test.h"
#include "unit/agent/rig.h"
#include "unit/bootstrap/bsf.h"
#include "unit/net/tlspeer.h"

static const struct fr_bootstrap_method *const with_gba[] = {&fr_bootstrap_gba, NULL};
static const struct fr_usim_method *const with_sim[] = {&fr_fake_usim, NULL};
static const struct fr_usim_method *const without_sim[] = {NULL};

#define SIM   "credential sim { usim = \"/nonexistent\" }\n"
#define PLAIN "plain-ub = {\"" PEER_HOST "\"}\n"

/* ---- a MEF in a child ---- */

static bool read_request(int fd, char *to, size_t size)
{
    size_t len = 0;

    while (len < size - 1) {
        ssize_t n = recv(fd, to + len, size - 1 - len, 0);
        if (n <= 0)
            return false;
        len += (size_t)n;
        to[len] = 0;
        if (to[0] != 'G' && to[0] != 'P')
            return false; /* TLS, perhaps */
        if (strstr(to, "\r\n\r\n"))
            return true;
    }
    return false;
}

static void serve(struct fr_drive *d, int fd)
{
    char request[8192];

    while (read_request(fd, request, sizeof request)) {
        FR_AUTO_CLEAR(buf) reply = FR_BUF_INIT(65536);
        bool goes_on = d->peer.answer(d->peer.state, fr_slice_str(request), &reply);

        (void)send(fd, reply.data, reply.len, MSG_NOSIGNAL);
        if (!goes_on)
            break;
    }
    (void)close(fd);
}

static void serve_all(int listener, void (*script)(struct bsf *b), int64_t now)
{
    struct bsf b;
    struct fr_drive d;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    fr_drive_init(&d);
    bsf_begin(&b, &d);
    b.info.lifetime = now + BSF_LIFE;
    b.info.current_time = now;
    if (script)
        script(&b);
    for (;;)
        serve(&d, accept(listener, NULL, NULL));
}

static struct peer bsf_start(void (*script)(struct bsf *b), int64_t now)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct peer p;

    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    p = (struct peer){.pid = fork(), .port = ntohs(at.sin_port)};
    if (p.pid == 0)
        serve_all(fd, script, now);
    (void)close(fd);
    return p;
}

/* ---- the device ---- */

static void begin(struct rig *r, const char *extra)
{
    rig_init(r, extra);
    fr_fake_sim_reset();
    r->device.bootstraps = with_gba;
    r->device.usims = with_sim;
}

static void end(struct rig *r)
{
    rig_clear(r);
    assert_int_equal(fr_fake_sim.n_open, 0);
}

static int walk(struct rig *r, uint16_t port)
{
    char list[256];

    (void)snprintf(list, sizeof list,
                   LIST("{'bootstrap':'gba','mef':'" PEER_HOST "','port':%u}"), port);
    return rig_walk(r, list);
}

static void assert_no_secret(const struct rig *r)
{
    static const char *const secrets[] = {FAKE_RES, FAKE_CK, FAKE_IK};

    for (size_t i = 0; i < r->n_events; i++)
        for (size_t k = 0; k < 3; k++)
            assert_null(strstr(r->json[i], secrets[k]));
}

static void a_sim_provisions_its_device(void **state)
{
    const struct fr_slot_id any = {.mef = NULL};
    FR_AUTO(credential) *c = NULL;
    struct rig r;
    struct peer p;
    struct fr_err err;

    (void)state;
    begin(&r, SIM PLAIN);
    p = bsf_start(NULL, r.clock.wall_s);
    assert_int_equal(walk(&r, p.port), 0);
    peer_stop(&p);
    assert_ok(fr_state_find(r.state, &any, &c, &err));
    assert_string_equal(c->key_id, BSF_BTID);
    assert_string_equal(c->target, "broker.example.com");
    assert_true(c->confirmed);
    assert_hex(fr_secret_view(c->ke), FAKE_CK FAKE_IK);
    assert_contains(rig_nth(&r, "warning", 0), "without TLS");
    assert_no_secret(&r);
    end(&r);
}

/* The slot that was named after the MEF, when nobody knew the target, is gone. */
static void no_pending_slot_is_left_behind(void **state)
{
    struct fr_credential *c = NULL;
    struct rig r;
    struct peer p;
    struct fr_err err;

    (void)state;
    begin(&r, SIM PLAIN);
    p = bsf_start(NULL, r.clock.wall_s);
    assert_int_equal(walk(&r, p.port), 0);
    peer_stop(&p);
    assert_int_equal(fr_state_pending_at(r.state, 0, &c, &err), FR_ENOTFOUND);
    end(&r);
}

static void a_valid_key_is_used_again_and_an_expired_one_made_anew(void **state)
{
    struct rig r;
    struct peer p;

    (void)state;
    begin(&r, SIM PLAIN);
    p = bsf_start(NULL, r.clock.wall_s);
    assert_int_equal(walk(&r, p.port), 0);
    assert_int_equal(walk(&r, p.port), 0);
    assert_int_equal(fr_fake_sim.n_authenticated, 1);
    peer_stop(&p);
    r.clock.wall_s += BSF_LIFE;
    p = bsf_start(NULL, r.clock.wall_s);
    assert_int_equal(walk(&r, p.port), 0);
    assert_int_equal(fr_fake_sim.n_authenticated, 2);
    peer_stop(&p);
    end(&r);
}

static void lie(struct bsf *b)
{
    b->wrong_rspauth = true;
}

static void a_mef_that_does_not_prove_itself_leaves_nothing(void **state)
{
    struct fr_credential *c = NULL;
    struct rig r;
    struct peer p;
    struct fr_err err;

    (void)state;
    begin(&r, SIM PLAIN);
    p = bsf_start(lie, r.clock.wall_s);
    assert_int_equal(walk(&r, p.port), 77);
    peer_stop(&p);
    assert_contains(rig_nth(&r, "attempt", 0), "rspauth-wrong");
    assert_int_equal(fr_state_pending_at(r.state, 0, &c, &err), FR_ENOTFOUND);
    assert_no_secret(&r);
    end(&r);
}

static void a_card_that_is_not_there_is_unsupported(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, SIM PLAIN);
    fr_fake_sim.fails_to_open = FR_EUNSUPPORTED;
    assert_int_equal(walk(&r, 1), 78);
    assert_contains(rig_nth(&r, "attempt", 0), "no-card");
    end(&r);
}

static void a_sim_is_needed_as_the_config_wants_it(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, "credential sim { usim = \"/x\" gba-u = required }\n" PLAIN);
    assert_int_equal(walk(&r, 1), 78);
    assert_contains(rig_nth(&r, "attempt", 0), "no-gba-u");
    end(&r);
}

/* With TLS by default: to a server that speaks none it is no fallback. */
static void plain_is_never_a_fallback(void **state)
{
    struct rig r;
    struct peer p;

    (void)state;
    begin(&r, SIM);
    p = bsf_start(NULL, r.clock.wall_s);
    assert_int_equal(walk(&r, p.port), 69);
    peer_stop(&p);
    assert_int_equal(rig_count(&r, "warning"), 0);
    assert_int_equal(fr_fake_sim.n_authenticated, 0);
    end(&r);
}

/* ---- TMPI ---- */

/* What the SIM has for a name at that MEF; "": nothing. */
static void assert_name(const struct rig *r, const char *mef, const char *tmpi)
{
    const struct fr_instruction in = {.mef = (char *)mef};
    const struct fr_usim_ask ask = {.question = FR_USIM_IDENTIFY, .instruction = &in};
    struct fr_sim sim = {.device = &r->device};
    struct fr_err err;

    assert_ok(fr_sim_ask(&sim, &ask, &err));
    assert_string_equal(sim.ev.impi, FAKE_IMPI);
    assert_string_equal(sim.ev.tmpi ? sim.ev.tmpi : "", tmpi);
    fr_sim_clear(&sim);
}

static void provision(struct rig *r)
{
    struct peer p = bsf_start(NULL, r->clock.wall_s);

    assert_int_equal(walk(r, p.port), 0);
    peer_stop(&p);
}

struct name {
    char text[FR_ID_MAX + 1];
};
static struct name name_of(const char *ks_hex, const uint8_t rand[FR_AKA_RAND_LEN])
{
    FR_AUTO(secret) *ks = NULL;
    struct fr_err err;
    struct name n;

    assert_ok(fr_secret_from_hex(fr_slice_str(ks_hex), &ks, &err));
    assert_ok(fr_gba_tmpi(ks, fr_slice_of(rand, FR_AKA_RAND_LEN), FAKE_IMPI, PEER_HOST,
                          n.text, &err));
    return n;
}

/* Changes the credential that is there into a newer one at another place. */
static void add_credential(struct rig *r, enum fr_derivation derivation,
                           const char *impi, uint8_t rand)
{
    const struct fr_slot_id any = {.mef = NULL};
    struct fr_slot_id id = {.mef = PEER_HOST, .target = "other", .suid = 22};
    FR_AUTO(credential) *c = NULL;
    struct fr_err err;

    assert_ok(fr_state_find(r->state, &any, &c, &err));
    free(c->target);
    free(c->impi);
    c->target = strdup(id.target);
    c->impi = strdup(impi);
    c->derivation = derivation;
    c->created++;
    memset(c->rand, rand, sizeof c->rand);
    assert_ok(fr_state_lock(r->state, &err));
    assert_ok(fr_state_store_pending(r->state, c, &err));
    assert_ok(fr_state_flip(r->state, &id, &err));
    fr_state_unlock(r->state);
}

static void a_tmpi_is_made_of_the_last_ks_of_this_sim_and_mef(void **state)
{
    uint8_t rand[FR_AKA_RAND_LEN];
    struct rig r;

    (void)state;
    assert_true(fr_hex_decode(fr_slice_str(FAKE_RAND), rand));
    begin(&r, "credential sim { usim = \"/nonexistent\" tmpi = on }\n" PLAIN);
    assert_name(&r, PEER_HOST, "");
    provision(&r);
    assert_name(&r, PEER_HOST, name_of(FAKE_CK FAKE_IK, rand).text);
    assert_name(&r, "other.example.com", "");
    r.clock.wall_s += BSF_LIFE + 1; /* it has expired */
    assert_name(&r, PEER_HOST, name_of(FAKE_CK FAKE_IK, rand).text);
    add_credential(&r, FR_DERIVE_GBA, "another@ims.example.com", 7);
    assert_name(&r, PEER_HOST, name_of(FAKE_CK FAKE_IK, rand).text);
    add_credential(&r, FR_DERIVE_GBA, FAKE_IMPI, 8);
    memset(rand, 8, sizeof rand);
    assert_name(&r, PEER_HOST, name_of(FAKE_CK FAKE_IK, rand).text);
    end(&r);
}

static void a_key_that_the_card_keeps_gives_no_tmpi(void **state)
{
    const struct fr_slot_id any = {.mef = NULL};
    FR_AUTO(credential) *c = NULL;
    struct fr_err err;
    struct rig r;

    (void)state;
    begin(&r, "credential sim { usim = \"/nonexistent\" tmpi = on }\n" PLAIN);
    fr_fake_sim.has_gba_u = fr_fake_sim.network_knows_gba_u = true;
    provision(&r);
    assert_ok(fr_state_find(r.state, &any, &c, &err));
    assert_int_equal(c->derivation, FR_DERIVE_GBA_U);
    assert_name(&r, PEER_HOST, "");
    end(&r);
}

static void where_it_is_off_there_is_no_tmpi(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, SIM PLAIN);
    provision(&r);
    assert_name(&r, PEER_HOST, "");
    end(&r);
}

/* ---- what is not there ---- */

static void assert_unsupported(const struct rig *r, const char *credential,
                               const char *words)
{
    struct fr_instruction in = {.kind = FR_BOOTSTRAP,
                                .method = (char *)"gba",
                                .mef = (char *)PEER_HOST,
                                .credential = (char *)credential};
    char text[256];

    assert_false(fr_device_supports(&r->device, &in, text, sizeof text));
    assert_contains(text, words);
}

static void a_device_without_a_sim_says_so(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, NULL);
    assert_unsupported(&r, NULL, "no SIM in the key store");
    assert_unsupported(&r, "dev", "credential dev");
    assert_unsupported(&r, "dev", "is no SIM");
    assert_unsupported(&r, "other", "has no credential other");
    end(&r);
}

static void a_build_without_a_way_to_the_sim_says_so(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, SIM);
    r.device.usims = without_sim;
    assert_unsupported(&r, NULL, "no way to that is built in");
    end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sim_provisions_its_device),
        cmocka_unit_test(no_pending_slot_is_left_behind),
        cmocka_unit_test(a_valid_key_is_used_again_and_an_expired_one_made_anew),
        cmocka_unit_test(a_mef_that_does_not_prove_itself_leaves_nothing),
        cmocka_unit_test(a_card_that_is_not_there_is_unsupported),
        cmocka_unit_test(a_sim_is_needed_as_the_config_wants_it),
        cmocka_unit_test(plain_is_never_a_fallback),
        cmocka_unit_test(a_tmpi_is_made_of_the_last_ks_of_this_sim_and_mef),
        cmocka_unit_test(a_key_that_the_card_keeps_gives_no_tmpi),
        cmocka_unit_test(where_it_is_off_there_is_no_tmpi),
        cmocka_unit_test(a_device_without_a_sim_says_so),
        cmocka_unit_test(a_build_without_a_way_to_the_sim_says_so),
    };

    return cmocka_run_group_tests_name("agent/sim", tests, pki_setup, pki_teardown);
}
