/* SPDX-License-Identifier: Apache-2.0 */
/* Opening: the key-encryption key, the database, and that they belong together. */
#include "server/vault/vault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "model/instruction.h"
#include "server/vault/internal.h"

#define AUDIT_KEY_LABEL "Fieldroot audit trail v1"

enum { KEY_FILE_MAX = 2 * FR_KEK_LEN + 2, REFUSALS_PER_S = 500, REFETCHES_PER_S = 50 };

static enum fr_code exists(const char *path, bool *ret, struct fr_err *err)
{
    *ret = access(path, F_OK) == 0;
    if (!*ret && errno != ENOENT)
        return FR_FAIL(err, FR_ECONFIG, "%s: %s", path, strerror(errno));
    return FR_OK;
}

static enum fr_code make_key_file(const struct fr_vault *v, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(KEY_FILE_MAX);
    FR_AUTO(secret) *key = NULL;
    char *to;

    FR_TRY(fr_secret_new(FR_KEK_LEN, &key, err));
    v->env->random(v->env->ctx, fr_secret_data(key), FR_KEK_LEN);
    to = (char *)fr_buf_reserve(&text, KEY_FILE_MAX - 1);
    if (!to)
        return fr_buf_check(&text, err);
    fr_hex_encode(fr_secret_view(key), to, false);
    text.len = (size_t)2 * FR_KEK_LEN;
    fr_buf_str(&text, "\n");
    return fr_file_write_atomic(v->config.key_file, fr_buf_view(&text), 0600, err);
}

/* Whether there is a key, and if not, whether it may be made. */
static enum fr_code settle_key_file(const struct fr_vault *v, struct fr_err *err)
{
    const struct fr_vault_config *c = &v->config;
    bool has_key, has_data = false;

    FR_TRY(exists(c->key_file, &has_key, err));
    if (has_key)
        return FR_OK;
    if (c->database)
        FR_TRY(exists(c->database, &has_data, err));
    if (has_data)
        return FR_FAIL_AS(err, FR_ECONFIG, "key-file-missing",
                          "%s is not there, but the database %s is: put back the key "
                          "file that it was made with",
                          c->key_file, c->database);
    return make_key_file(v, err);
}

static enum fr_code read_key(struct fr_vault *v, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(KEY_FILE_MAX);
    FR_AUTO(secret) *key = NULL;
    struct fr_slice digits;
    const char *path = v->config.key_file;

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
    FR_TRY(fr_hkdf_sha256(key, (struct fr_slice){0}, fr_slice_str(AUDIT_KEY_LABEL),
                          FR_SHA256_LEN, &v->audit_key, err));
    return fr_kek_new(key, &v->kek, err);
}

static enum fr_code check_same_key(struct fr_vault *v, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) was = FR_BUF_INIT(FR_KEK_ID_LEN);
    enum fr_code rc = FR_ASK(v, err, meta_get, "kek", &was);

    if (rc == FR_ENOTFOUND)
        return FR_ASK(v, err, meta_set, "kek", fr_kek_id(v->kek));
    FR_TRY(rc);
    if (!fr_str_equal(fr_buf_cstr(&was), fr_kek_id(v->kek)))
        return FR_FAIL_AS(err, FR_ECONFIG, "key-other",
                          "%s is not the key that the database was made with (key %s "
                          "is here, the database needs %s)",
                          v->config.key_file, fr_kek_id(v->kek), fr_buf_cstr(&was));
    return FR_OK;
}

static void fill_defaults(struct fr_vault *v)
{
    struct fr_vault_config *c = &v->config;

    v->env = c->env ? c->env : &fr_env_system;
    if (c->expiry_max_s <= 0)
        c->expiry_max_s = FR_EXPIRY_DEFAULT;
    if (c->grace_s <= 0)
        c->grace_s = FR_VAULT_GRACE_S;
    v->notes.limit = c->notes_per_s ? c->notes_per_s : FR_VAULT_NOTES_PER_S;
    v->refusals.limit = REFUSALS_PER_S;
    v->refetches.limit = REFETCHES_PER_S;
}

static enum fr_code open_all(struct fr_vault *v, struct fr_err *err)
{
    FR_TRY(settle_key_file(v, err));
    FR_TRY(read_key(v, err));
    if (!v->store)
        FR_TRY(fr_store_sqlite_open(v->config.database, &v->store, err));
    return check_same_key(v, err);
}

enum fr_code fr_vault_open(const struct fr_vault_config *config, struct fr_vault **ret,
                           struct fr_err *err)
{
    struct fr_vault *v = calloc(1, sizeof *v);
    enum fr_code rc;

    if (!v) {
        fr_store_free(config->store);
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    }
    v->config = *config;
    v->store = config->store;
    fill_defaults(v);
    rc = open_all(v, err);
    if (rc == FR_OK)
        *ret = v;
    else
        fr_vault_free(v);
    return rc;
}

void fr_vault_free(struct fr_vault *v)
{
    if (!v)
        return;
    fr_store_free(v->store);
    fr_kek_free(v->kek);
    fr_secret_free(v->audit_key);
    free(v->grown);
    free(v);
}
