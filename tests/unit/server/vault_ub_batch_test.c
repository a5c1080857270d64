/* SPDX-License-Identifier: Apache-2.0 */
/* Ub in the vault: batches that are done again or not at all, and what leaves it. */
#include "server/ipc/digest_pack.h"
#include "store/store.h"
#include "ub_lab.h"

/* ---- batches ---- */

static void begin_batch(struct lab *l)
{
    struct fr_err err = {0};

    assert_ok(fr_vault_begin(l->vault, &err));
}

static enum fr_code handle_finish(struct lab *l, const struct fr_digest_auth *a)
{
    FR_AUTO_CLEAR(buf) packed = FR_BUF_INIT(4096);
    struct fr_msg m = {.type = FR_MSG_UB_FINISH, .id = 6};
    struct fr_vault_reply reply;
    struct fr_err err = {0};
    enum fr_code rc;

    assert_ok(fr_digest_pack(a, &packed, &err));
    fr_msg_set_str(&m, FR_F_ADDRESS, "192.0.2.1");
    fr_msg_set(&m, FR_F_DIGEST, fr_buf_view(&packed));
    fr_msg_set_str(&m, FR_F_TARGET, BROKER);
    fr_vault_reply_init(&reply);
    rc = fr_vault_handle(l->vault, FR_WORKER_GBA, &m, &reply, &l->err);
    if (rc == FR_OK && reply.is_put_off)
        rc = FR_ENOTFOUND; /* it was no answer to a challenge */
    fr_vault_reply_clear(&reply);
    return rc;
}

static void a_batch_that_is_done_again_finds_the_challenge_again(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    struct fr_digest_auth a = ub_response(&v);
    struct fr_err err = {0};

    ub_challenge(l, &v);
    begin_batch(l);
    assert_int_equal(handle_finish(l, &a), FR_OK);
    assert_int_equal(handle_finish(l, &a), FR_ENOTFOUND); /* in one batch */
    fr_vault_rollback(l->vault);
    ub_no_letter(l);
    assert_int_equal(ub_credentials(l), 0);
    begin_batch(l);
    assert_int_equal(handle_finish(l, &a), FR_OK);
    assert_ok(fr_vault_commit(l->vault, &err));
    assert_int_equal(ub_credentials(l), 1);
}

static void a_batch_that_is_not_committed_changes_nothing(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    struct fr_digest_auth a = ub_response(&v);
    struct fr_err err = {0};

    ub_challenge(l, &v);
    begin_batch(l);
    assert_int_equal(handle_finish(l, &a), FR_OK);
    l->commits_fail = true;
    assert_int_not_equal(fr_vault_commit(l->vault, &err), FR_OK);
    l->commits_fail = false;
    assert_int_equal(ub_finish(l, &a), FR_OK);
    assert_false(l->reply.is_put_off);
    assert_int_equal(ub_credentials(l), 1);
}

static void a_begin_that_is_rolled_back_leaves_no_letter(void **state)
{
    struct lab *l = *state;
    struct fr_msg m = {.type = FR_MSG_UB_BEGIN, .id = 5};
    struct fr_vault_reply reply;

    fr_msg_set_str(&m, FR_F_ADDRESS, "192.0.2.1");
    fr_msg_set_str(&m, FR_F_SUBSCRIBER, IMPI);
    fr_vault_reply_init(&reply);
    begin_batch(l);
    assert_int_equal(fr_vault_handle(l->vault, FR_WORKER_GBA, &m, &reply, &l->err),
                     FR_OK);
    assert_int_equal(fr_vault_letters(l->vault), 1);
    fr_vault_rollback(l->vault);
    ub_no_letter(l);
    assert_false(fr_vault_is_bootstrapping(l->vault));
    fr_vault_reply_clear(&reply);
}

/* A shared store, whose answers are not at hand the first time. */
static struct {
    const struct fr_store_methods *real;
    struct fr_store_methods methods;
    int times;
} absent;

static void not_yet(struct fr_store *s, const struct fr_store_credential *c,
                    struct fr_slice response, struct fr_store_displaced *ret,
                    struct fr_store_call call)
{
    struct fr_err err = {0};

    if (absent.times-- > 0)
        call.done(call.ctx, FR_FAIL_AS(&err, FR_EBUSY, "not-yet", "not at hand"), &err);
    else
        absent.real->credential_commit(s, c, response, ret, call);
}

static void a_request_that_is_done_again_finds_the_challenge_again(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    struct fr_digest_auth a = ub_response(&v);
    struct fr_store *store = l->config.store;
    struct fr_err err = {0};

    ub_challenge(l, &v);
    absent.real = store->methods;
    absent.methods = *store->methods;
    absent.methods.credential_commit = not_yet;
    absent.times = 2;
    store->methods = &absent.methods;
    begin_batch(l);
    assert_int_equal(handle_finish(l, &a), FR_EBUSY);
    assert_int_equal(handle_finish(l, &a), FR_EBUSY);
    assert_int_equal(handle_finish(l, &a), FR_OK);
    assert_int_equal(handle_finish(l, &a), FR_ENOTFOUND);
    assert_ok(fr_vault_commit(l->vault, &err));
    store->methods = absent.real;
    assert_int_equal(ub_credentials(l), 1);
}

/* ---- secrets ---- */

static void assert_has_not(struct fr_slice octets, const uint8_t *secret, size_t len)
{
    char hex[2 * FR_KS_LEN + 1];

    assert_null(memmem(octets.data, octets.len, secret, len));
    fr_hex_encode(fr_slice_of(secret, len), hex, false);
    assert_null(memmem(octets.data, octets.len, hex, strlen(hex)));
}

static void assert_keeps(struct fr_slice octets, const struct ub_vector *v)
{
    assert_has_not(octets, v->ck, sizeof v->ck);
    assert_has_not(octets, v->ik, sizeof v->ik);
    assert_has_not(octets, v->res, v->res_len);
}

static void nothing_that_leaves_has_a_secret(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    struct fr_digest_auth a = ub_response(&v);

    assert_int_equal(ub_begin(l, IMPI, BROKER), FR_OK);
    assert_int_equal(ub_vector_is(l, ub_wanted(l), &v), FR_OK);
    assert_keeps(fr_buf_view(&fr_vault_letter_at(l->vault, 0)->octets), &v);
    ub_sent(l);
    assert_int_equal(ub_finish(l, &a), FR_OK);
    assert_keeps(fr_buf_view(&l->reply.data), &v);
    assert_keeps(fr_slice_str(lab_say(l, "{'op':'audit','limit':500}")), &v);
    assert_keeps(fr_slice_str(lab_say(l, "{'op':'credential.list'}")), &v);
}

#define T(name) cmocka_unit_test_setup_teardown(name, ub_setup, lab_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_batch_that_is_done_again_finds_the_challenge_again),
        T(a_batch_that_is_not_committed_changes_nothing),
        T(a_begin_that_is_rolled_back_leaves_no_letter),
        T(a_request_that_is_done_again_finds_the_challenge_again),
        T(nothing_that_leaves_has_a_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
