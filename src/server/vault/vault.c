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
#include "server/vault/rate.h"
#include "server/vault/ub.h"

enum { REFUSALS_PER_S = 500, REFETCHES_PER_S = 50 };

static enum fr_code exists(const char *path, bool *ret, struct fr_err *err)
{
    *ret = access(path, F_OK) == 0;
    if (!*ret && errno != ENOENT)
        return FR_FAIL(err, FR_ECONFIG, "%s: %s", path, strerror(errno));
    return FR_OK;
}

static enum fr_code has_data(struct fr_vault *v, bool *ret, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) was = FR_BUF_INIT(FR_KEK_ID_LEN);
    enum fr_code rc;

    if (!v->store)
        return exists(v->config.database, ret, err);
    rc = FR_ASK(v, err, meta_get, FR_FACT_KEK, &was);
    *ret = rc == FR_OK;
    return rc == FR_ENOTFOUND ? FR_OK : rc;
}

/* Whether there is a key, and if not, whether it may be made. */
static enum fr_code settle_key_file(struct fr_vault *v, struct fr_err *err)
{
    const struct fr_vault_config *c = &v->config;
    bool has_key, has_use = false;

    FR_TRY(exists(c->key_file, &has_key, err));
    if (has_key)
        return FR_OK;
    FR_TRY(has_data(v, &has_use, err));
    if (has_use)
        return FR_FAIL_AS(err, FR_ECONFIG, "key-file-missing",
                          "%s is not there, but the database%s%s is: put back the key "
                          "file that it was made with",
                          c->key_file, v->store ? "" : " ",
                          v->store ? "" : c->database);
    return fr_vault_key_make(v->env, c->key_file, err);
}

static void fill_defaults(struct fr_vault *v)
{
    struct fr_vault_config *c = &v->config;

    v->env = c->env ? c->env : &fr_env_system;
    if (!c->node)
        c->node = "node";
    if (c->expiry_max_s <= 0)
        c->expiry_max_s = FR_EXPIRY_DEFAULT;
    if (c->grace_s <= 0)
        c->grace_s = FR_VAULT_GRACE_S;
    if (c->gba.lifetime_s <= 0)
        c->gba.lifetime_s = FR_VAULT_KS_S;
    if (c->gba.hss_timeout_ms <= 0)
        c->gba.hss_timeout_ms = FR_VAULT_HSS_MS;
    if (c->gba.vectors_per_minute <= 0)
        c->gba.vectors_per_minute = FR_VAULT_VECTORS;
    v->rates.notes.limit = c->notes_per_s ? c->notes_per_s : FR_VAULT_NOTES_PER_S;
    v->rates.refusals.limit = REFUSALS_PER_S;
    v->rates.refetches.limit = REFETCHES_PER_S;
}

/* ---- the first batch ---- */

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

static enum fr_code enter_with_note(struct fr_vault *v, struct fr_err *err)
{
    char note[FR_FACT_MAX];

    FR_TRY(fr_vault_enter(v, err));
    FR_TRY(fr_fact_get(v->store, FR_FACT_NOTE, note, err));
    return note[0] ? take_note(v, note, err) : FR_OK;
}

static enum fr_code try_first_batch(struct fr_vault *v, struct fr_err *err)
{
    enum fr_code rc;

    FR_TRY(fr_vault_begin(v, err));
    rc = enter_with_note(v, err);
    if (rc == FR_OK)
        return fr_vault_commit(v, err);
    fr_vault_rollback(v);
    return rc;
}

/* Two nodes may find an empty database at once: one of them makes it its own. */
static enum fr_code first_batch(struct fr_vault *v, struct fr_err *err)
{
    enum fr_code rc = FR_EBUSY;

    for (int try = 0; try < FR_VAULT_TRIES && rc == FR_EBUSY; try++)
        rc = try_first_batch(v, err);
    return rc;
}

static enum fr_code open_all(struct fr_vault *v, struct fr_err *err)
{
    FR_TRY(
        fr_vault_identities_new(v->config.enrolments_per_minute, &v->identities, err));
    FR_TRY(fr_ub_new(&v->config, &v->ub, err));
    if (!v->store && fr_store_is_conninfo(v->config.database))
        FR_TRY(fr_store_postgres_open(v->config.database, &v->store, err));
    FR_TRY(settle_key_file(v, err));
    if (!v->store)
        FR_TRY(fr_store_sqlite_open(v->config.database, &v->store, err));
    FR_TRY(fr_vault_read_instance(v, err));
    FR_TRY(first_batch(v, err));
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
    fr_vault_identities_free(v->identities);
    fr_ub_free(v->ub);
    fr_letters_drop(v, 0);
    free(v->letters.list);
    free(v->grown);
    free(v);
}
