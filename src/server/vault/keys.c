/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key-encryption key on its way: from its file, into use, and out of use. A store
 * says by their ids which keys it needs, and where the files stand follows from that.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "server/vault/internal.h"

#define AUDIT_KEY_LABEL "Fieldroot audit trail v1"

enum { KEY_FILE_MAX = 2 * FR_KEK_LEN + 2 };

/* ---- files ---- */

enum fr_code fr_vault_key_make(const struct fr_env *env, const char *path,
                               struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(KEY_FILE_MAX);
    FR_AUTO(secret) *key = NULL;
    char *to;

    FR_TRY(fr_secret_new(FR_KEK_LEN, &key, err));
    env->random(env->ctx, fr_secret_data(key), FR_KEK_LEN);
    to = (char *)fr_buf_reserve(&text, KEY_FILE_MAX - 1);
    if (!to)
        return fr_buf_check(&text, err);
    fr_hex_encode(fr_secret_view(key), to, false);
    text.len = (size_t)2 * FR_KEK_LEN;
    fr_buf_str(&text, "\n");
    return fr_file_write_atomic(path, fr_buf_view(&text), 0600, err);
}

static enum fr_code take_key(const struct fr_secret *key, struct fr_vault_key *ret,
                             struct fr_err *err)
{
    struct fr_vault_key k = {0};
    enum fr_code rc =
        fr_hkdf_sha256(key, (struct fr_slice){0}, fr_slice_str(AUDIT_KEY_LABEL),
                       FR_SHA256_LEN, &k.audit_key, err);

    if (rc == FR_OK)
        rc = fr_kek_new(key, &k.kek, err);
    if (rc == FR_OK)
        *ret = k;
    else
        fr_vault_key_clear(&k);
    return rc;
}

enum fr_code fr_vault_key_read(const char *path, struct fr_vault_key *ret,
                               struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(KEY_FILE_MAX);
    FR_AUTO(secret) *key = NULL;
    struct fr_slice digits;

    if (access(path, F_OK) != 0 && errno == ENOENT)
        return FR_FAIL(err, FR_ENOTFOUND, "%s is not there", path);
    FR_TRY(fr_file_check_private(path, err));
    FR_TRY(fr_file_read(path, &text, err));
    digits = fr_buf_view(&text);
    if (digits.len > 0 && digits.data[digits.len - 1] == '\n')
        digits.len--;
    if (digits.len != (size_t)2 * FR_KEK_LEN ||
        fr_secret_from_hex(digits, &key, err) != FR_OK)
        return FR_FAIL_AS(err, FR_ECONFIG, "key-file",
                          "%s is no key-encryption key: it must have %d hex digits",
                          path, 2 * FR_KEK_LEN);
    return take_key(key, ret, err);
}

void fr_vault_key_clear(struct fr_vault_key *k)
{
    fr_kek_free(k->kek);
    fr_secret_free(k->audit_key);
    *k = (struct fr_vault_key){0};
}

static enum fr_code beside(const struct fr_vault *v, const char *end, char **ret,
                           struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) path = FR_BUF_INIT(4096);

    fr_buf_fmt(&path, "%s%s", v->config.key_file, end);
    FR_TRY(fr_buf_check(&path, err));
    return fr_str_dup(fr_buf_cstr(&path), ret, err);
}

enum fr_code fr_vault_next_path(const struct fr_vault *v, char **ret,
                                struct fr_err *err)
{
    return beside(v, ".next", ret, err);
}

/* The key file is there at every moment. Backups of before still need the old key. */
static enum fr_code take_over_file(const struct fr_vault *v, struct fr_err *err)
{
    FR_AUTO_STR(next) = NULL;
    FR_AUTO_STR(old) = NULL;

    FR_TRY(fr_vault_next_path(v, &next, err));
    FR_TRY(beside(v, ".old", &old, err));
    if ((unlink(old) != 0 && errno != ENOENT) || link(v->config.key_file, old) != 0)
        return FR_FAIL(err, FR_ESTORE, "%s: %s", old, strerror(errno));
    return fr_file_rename(next, v->config.key_file, err);
}

static void finish_files(const struct fr_vault *v)
{
    struct fr_err err = {0};

    if (take_over_file(v, &err) != FR_OK)
        fr_log(FR_LOG_WARN, "%s: put %s.next in the place of %s yourself", err.msg,
               v->config.key_file, v->config.key_file);
}

/* ---- which keys ---- */

/* The keys that are at hand: [0] from the key file, [1] from beside it. */
struct fr_ring {
    struct fr_vault_key key[2];
};
static void fr_ring_clear(struct fr_ring *r)
{
    fr_vault_key_clear(&r->key[0]);
    fr_vault_key_clear(&r->key[1]);
}

static enum fr_code read_ring(const struct fr_vault *v, struct fr_ring *ret,
                              struct fr_err *err)
{
    FR_AUTO_STR(next) = NULL;
    enum fr_code rc;

    FR_TRY(fr_vault_key_read(v->config.key_file, &ret->key[0], err));
    FR_TRY(fr_vault_next_path(v, &next, err));
    rc = fr_vault_key_read(next, &ret->key[1], err);
    return rc == FR_ENOTFOUND ? FR_OK : rc;
}

/* -1: not at hand. */
static int find(const struct fr_ring *ring, const char *id)
{
    for (int i = 0; i < 2; i++)
        if (ring->key[i].kek && fr_str_equal(fr_kek_id(ring->key[i].kek), id))
            return i;
    return -1;
}

static void put_in_use(struct fr_vault_key *place, struct fr_ring *ring, int i)
{
    fr_vault_key_clear(place);
    if (i < 0)
        return;
    *place = ring->key[i];
    ring->key[i] = (struct fr_vault_key){0};
}

static enum fr_code key_other(const struct fr_vault *v, const struct fr_ring *ring,
                              const char *needed, struct fr_err *err)
{
    return FR_FAIL_AS(err, FR_ECONFIG, "key-other",
                      "%s is not the key that the database was made with (key %s is "
                      "here, the database needs %s)",
                      v->config.key_file, fr_kek_id(ring->key[0].kek), needed);
}

static enum fr_code use(struct fr_vault *v, struct fr_ring *ring, const char *kek,
                        const char *next, struct fr_err *err)
{
    bool is_rekeying = next[0] != 0;
    int now = find(ring, is_rekeying ? next : kek), old = find(ring, kek);

    if (old < 0)
        return key_other(v, ring, kek, err);
    if (now < 0)
        return FR_FAIL_AS(err, FR_ECONFIG, "key-next-missing",
                          "the credentials are on their way to key %s, which is not "
                          "here: put its file at %s.next, as on the other nodes",
                          next, v->config.key_file);
    put_in_use(&v->key, ring, now);
    put_in_use(&v->old_key, ring, is_rekeying ? old : -1);
    if (!is_rekeying)
        v->rekey = (struct fr_rekey){0};
    v->rekey.is_on = is_rekeying;
    if (!is_rekeying && now == 1)
        finish_files(v);
    return FR_OK;
}

enum fr_code fr_vault_keys_settle(struct fr_vault *v, struct fr_err *err)
{
    FR_AUTO_CLEAR(ring) ring = {0};
    char kek[FR_FACT_MAX], next[FR_FACT_MAX];
    enum fr_code rc;

    FR_TRY(read_ring(v, &ring, err));
    FR_TRY(fr_fact_get(v->store, FR_FACT_KEK, kek, err));
    FR_TRY(fr_fact_get(v->store, FR_FACT_KEK_NEXT, next, err));
    if (!kek[0]) { /* a new store */
        snprintf(kek, sizeof kek, "%s", fr_kek_id(ring.key[0].kek));
        rc = FR_ASK(v, err, meta_add, FR_FACT_KEK, kek);
        if (rc == FR_ECONFLICT)
            return FR_FAIL_AS(err, FR_EBUSY, "batch-retry",
                              "another node has made the database its own");
        FR_TRY(rc);
    }
    return use(v, &ring, kek, next, err);
}

/* ---- what they are for ---- */

static struct fr_wrap_place place_of(const struct fr_store_credential *c)
{
    return (struct fr_wrap_place){
        .table = "credential", .key_id = c->key_id, .enrolee = c->place.identity};
}

enum fr_code fr_vault_wrap(const struct fr_vault *v, struct fr_store_credential *c,
                           const struct fr_secret *ke, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) wrapped = FR_BUF_INIT(FR_STORE_WRAPPED_MAX);
    const struct fr_wrap_place place = place_of(c);

    FR_TRY(fr_wrap(v->key.kek, v->env, &place, ke, &wrapped, err));
    memcpy(c->wrapped, wrapped.data, wrapped.len);
    c->wrapped_len = wrapped.len;
    return FR_OK;
}

enum fr_code fr_vault_unwrap(const struct fr_vault *v,
                             const struct fr_store_credential *c,
                             struct fr_secret **ret, struct fr_err *err)
{
    const struct fr_slice wrapped = fr_slice_of(c->wrapped, c->wrapped_len);
    const struct fr_wrap_place place = place_of(c);
    enum fr_code rc = fr_unwrap(v->key.kek, &place, wrapped, ret, err);

    if (rc == FR_OK || !v->old_key.kek)
        return rc;
    return fr_unwrap(v->old_key.kek, &place, wrapped, ret, err);
}
