/* SPDX-License-Identifier: Apache-2.0 */
/* Opening: the key-encryption key, the database, and that they belong together. */
#include "server/vault/vault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/instruction.h"
#include "server/vault/internal.h"

enum { REFUSALS_PER_S = 500, REFETCHES_PER_S = 50 };

static enum fr_code exists(const char *path, bool *ret, struct fr_err *err)
{
    *ret = access(path, F_OK) == 0;
    if (!*ret && errno != ENOENT)
        return FR_FAIL(err, FR_ECONFIG, "%s: %s", path, strerror(errno));
    return FR_OK;
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
    return fr_vault_key_make(v->env, c->key_file, err);
}

/* What a tool did while no vault was there belongs into the audit trail. */
static enum fr_code take_note(struct fr_vault *v, const char *note, struct fr_err *err)
{
    const struct fr_said said = {.actor = "operator",
                                 .action = "store",
                                 .subject = "",
                                 .decision = "allowed",
                                 .reason = "store-changed"};

    FR_TRY(fr_vault_audit(v, &said, err, "%s", note));
    return fr_fact_set(v->store, FR_FACT_NOTE, "", err);
}

static enum fr_code begin_with_note(struct fr_vault *v, struct fr_err *err)
{
    char note[FR_FACT_MAX];
    enum fr_code rc;

    FR_TRY(fr_vault_begin(v, err));
    rc = fr_fact_get(v->store, FR_FACT_NOTE, note, err);
    if (rc == FR_OK && note[0])
        rc = take_note(v, note, err);
    if (rc == FR_OK)
        return fr_vault_commit(v, err);
    (void)FR_ASK_PLAIN(v, NULL, rollback);
    return rc;
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
    if (!v->store)
        FR_TRY(fr_store_sqlite_open(v->config.database, &v->store, err));
    FR_TRY(begin_with_note(v, err));
    return fr_vault_open_clock(v, err);
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
    fr_vault_key_clear(&v->key);
    fr_vault_key_clear(&v->old_key);
    free(v->grown);
    free(v);
}
