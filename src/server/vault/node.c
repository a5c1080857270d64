/* SPDX-License-Identifier: Apache-2.0 */
/* This node among others that use the same database. */
#include "base/file.h"
#include "base/str.h"
#include "server/vault/internal.h"

enum { INSTANCE_LEN = 16, SAY_S = FR_VAULT_LEASE_S / 3 };

/* A process that is restarted is who it was; a copy of the config elsewhere is not. */
enum fr_code fr_vault_read_instance(struct fr_vault *v, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(2 * INSTANCE_LEN);
    const char *path = v->config.instance_file;
    uint8_t octets[INSTANCE_LEN];
    enum fr_code rc;

    if (!path)
        return FR_OK;
    rc = fr_file_read(path, &text, err);
    if (rc == FR_ENOTFOUND) {
        v->env->random(v->env->ctx, octets, sizeof octets);
        fr_hex_encode(fr_slice_of(octets, sizeof octets), v->instance, false);
        return fr_file_write_atomic(path, fr_slice_str(v->instance), 0600, err);
    }
    FR_TRY(rc);
    if (text.len != (size_t)2 * INSTANCE_LEN)
        return FR_FAIL(err, FR_ECONFIG, "%s is damaged: remove it", path);
    snprintf(v->instance, sizeof v->instance, "%s", fr_buf_cstr(&text));
    return FR_OK;
}

static enum fr_code check_name(struct fr_vault *v, struct fr_err *err)
{
    const char *node = v->config.node;
    struct fr_store_node had = {0};
    enum fr_code rc = FR_ASK(v, err, node_find, node, &had);

    if (rc == FR_ENOTFOUND)
        return FR_OK;
    FR_TRY(rc);
    if (had.instance[0] && v->instance[0] && !fr_str_equal(had.instance, v->instance) &&
        fr_wall_s(v->env) - had.seen < FR_VAULT_LEASE_S)
        return FR_FAIL_AS(
            err, FR_ECONFIG, "node-taken",
            "another fieldrootd has written as node \"%s\" just now: give "
            "each its own name (node), or wait %d s if it is no more",
            node, FR_VAULT_LEASE_S);
    return FR_OK;
}

enum fr_code fr_vault_enter(struct fr_vault *v, struct fr_err *err)
{
    struct fr_store_node node = {.seen = fr_wall_s(v->env)};

    FR_TRY(check_name(v, err));
    snprintf(node.name, sizeof node.name, "%s", v->config.node);
    snprintf(node.instance, sizeof node.instance, "%s", v->instance);
    return FR_ASK(v, err, node_enter, &node);
}

/* ---- while it serves ---- */

static enum fr_code say(struct fr_vault *v, int64_t now, struct fr_err *err)
{
    enum fr_code rc = FR_ASK(v, err, node_seen, now);

    if (rc == FR_ENOTFOUND)
        return FR_FAIL_AS(err, FR_ESTORE, "node-taken",
                          "another fieldrootd writes as node \"%s\": give each its own "
                          "name (node)",
                          v->config.node);
    FR_TRY(rc);
    v->said = now;
    return FR_OK;
}

enum fr_code fr_vault_look_around(struct fr_vault *v, bool *ret_grown,
                                  struct fr_err *err)
{
    int64_t now = fr_wall_s(v->env);
    uint64_t last = 0;

    if (now < v->said || now - v->said >= SAY_S)
        FR_TRY(say(v, now, err));
    FR_TRY(FR_ASK(v, err, feed_last, &last));
    *ret_grown = last != v->feed_seen;
    v->feed_seen = last;
    return FR_OK;
}
