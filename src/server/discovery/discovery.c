/* SPDX-License-Identifier: Apache-2.0 */
#include "server/discovery/discovery.h"

#include "model/instruction.h"

static void discovered(struct fr_exchange *x, const struct fr_msg *reply)
{
    struct fr_err err;

    if (fr_vaultlink_result(reply, &err) != FR_OK) {
        fr_exchange_fail(x, &err);
        return;
    }
    if (fr_msg_has(reply, FR_F_JSON))
        fr_buf_put(&x->body, reply->field[FR_F_JSON].data, reply->field[FR_F_JSON].len);
    fr_exchange_answer(x, 200, 0, FR_JSON_TYPE);
}

static void discover(struct fr_exchange *x)
{
    struct fr_msg m = fr_exchange_message(x, FR_MSG_DISCOVER);

    fr_exchange_ask(x, &m, discovered);
}

static const struct fr_route routes[] = {
    {"GET", FR_DISCOVERY_PATH, discover},
    {"GET", "/", discover}, /* a resource without a path means the same */
    {.method = NULL},
};

const struct fr_service fr_service_discovery = {
    .name = "discovery",
    .routes = routes,
};
