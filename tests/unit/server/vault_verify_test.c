/* SPDX-License-Identifier: Apache-2.0 */
/* The audit trail is verified beside all else that the vault does. */
#include "vault_lab.h"

enum { LINES = 1100 }; /* more than a part has */

#define VERIFY "{'op':'audit','verify':true,'from':"

static void assert_broken(struct lab *l, const char *call, const char *where)
{
    assert_null(lab_admin(l, call));
    assert_string_equal(l->err.reason, "audit-broken");
    assert_contains(l->err.msg, where);
}

static void handle(struct lab *l, const char *json)
{
    struct fr_msg m = {.type = FR_MSG_ADMIN, .id = 1};
    struct fr_vault_reply reply;
    struct fr_err err = {0};

    fr_vault_reply_init(&reply);
    fr_msg_set_str(&m, FR_F_JSON, json);
    assert_ok(fr_vault_handle(l->vault, FR_WORKER_ADMIN, &m, &reply, &err));
    fr_vault_reply_clear(&reply);
}

static void chain_is_intact_while_its_batch_adds_to_it(void **state)
{
    struct lab *l = *state;
    struct fr_err err = {0};

    lab_populate(l);
    assert_ok(fr_vault_begin(l->vault, &err));
    handle(l, "{\"op\":\"target.add\",\"id\":\"t.example.com\"}");
    handle(l, "{\"op\":\"audit\",\"verify\":true}");
    assert_ok(fr_vault_commit(l->vault, &err));
}

/* The call that goes on after the first part. */
static void second_part(struct lab *l, char *call, size_t size)
{
    json_auto_t *part = lab_admin(l, VERIFY "{}}");
    FR_AUTO_STR(next) = json_dumps(json_object_get(part, "next"), JSON_COMPACT);

    assert_non_null(next);
    assert_null(json_object_get(part, "intact"));
    snprintf(call, size, VERIFY "%s}", next);
}

static void chain_is_verified_in_parts(void **state)
{
    struct lab *l = *state;
    char call[512];

    lab_populate(l);
    for (int i = 0; i < LINES; i++) {
        snprintf(call, sizeof call, "{'op':'target.add','id':'t%d.example.com'}", i);
        lab_do(l, call);
    }
    second_part(l, call, sizeof call);
    lab_do(l, "{'op':'target.add','id':'late.example.com'}");
    assert_contains(lab_say(l, call), "\"intact\":true");
    assert_null(lab_admin(l, VERIFY "{'seq':1}}"));
    assert_int_equal(l->err.code, FR_EUSAGE);
    lab_sql(l, "UPDATE audit SET text = 'x' WHERE seq = 1050");
    assert_broken(l, call, "line 1050");
    lab_sql(l, "DELETE FROM audit WHERE seq > 1000");
    assert_broken(l, call, "does not end");
}

int main(void)
{
#define LAB(test) cmocka_unit_test_setup_teardown(test, lab_setup, lab_teardown)
    const struct CMUnitTest tests[] = {
        LAB(chain_is_intact_while_its_batch_adds_to_it),
        LAB(chain_is_verified_in_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
