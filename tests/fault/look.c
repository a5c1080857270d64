/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What our own code makes of the files that a power cut has left: one process looks at
 * thousands of them. Each line of standard input is "device FOLDER" or "server FOLDER";
 * the answer is one line of JSON.
 *
 *     {"current": KeID, "pending": KeID, "works": true}
 *     {"credentials": [[KeID, slot, acked], ...], "works": true}
 *
 * A device "works" when the next credential can be stored and flipped there; a server,
 * when its audit trail is whole. {"error": TEXT}: the folder cannot be used.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "agent/state.h"
#include "base/file.h"
#include "server/vault/internal.h"

enum { LINE_MAX_LEN = 4096, ATTEMPTS_MAX = 65536, ROWS_MAX = 10000 };

#define NEW_KEY_ID "00112233445566778899AABBCCDDEEFF@mef.example.com"

static bool count_attempt(void *ctx, const struct fr_attempt *a)
{
    (void)ctx, (void)a;
    return true;
}

/* ---- device ---- */

static enum fr_code put_slots(struct fr_state *s, json_t *to,
                              struct fr_credential **ret_like, struct fr_err *err)
{
    struct fr_state_entries all = {0};
    enum fr_code rc = fr_state_list(s, &all, err);

    for (size_t i = 0; rc == FR_OK && i < all.n; i++) {
        const struct fr_credential *c = all.list[i].credential;

        if (c)
            json_object_set_new(to, all.list[i].pending ? "pending" : "current",
                                json_string(c->key_id));
        else
            json_object_set_new(to, "damaged", json_string(all.list[i].text));
        if (c && !*ret_like)
            rc = fr_credential_copy(c, ret_like, err);
    }
    fr_state_entries_clear(&all);
    return rc;
}

static enum fr_code set_text(char **to, const char *text, struct fr_err *err)
{
    free(*to);
    return fr_str_dup(text, to, err);
}

/* Where nothing is yet, anything may come. */
static enum fr_code make_like(struct fr_credential **c, struct fr_err *err)
{
    static const uint8_t ke[FR_KE_LEN] = {1};

    if (*c)
        return set_text(&(*c)->key_id, NEW_KEY_ID, err);
    FR_TRY(fr_credential_new(c, err));
    (*c)->port = 8443;
    (*c)->suid = 22;
    FR_TRY(set_text(&(*c)->method, "certificate", err));
    FR_TRY(set_text(&(*c)->mef, "mef.example.com", err));
    FR_TRY(set_text(&(*c)->admin_fqdn, "mef.example.com", err));
    FR_TRY(set_text(&(*c)->target, "broker.example.com", err));
    FR_TRY(set_text(&(*c)->target_fqdn, "broker.example.com", err));
    FR_TRY(set_text(&(*c)->registration, "/mefbase/1", err));
    FR_TRY(fr_secret_from(ke, sizeof ke, &(*c)->ke, err));
    return set_text(&(*c)->key_id, NEW_KEY_ID, err);
}

static enum fr_code enrol_next(struct fr_state *s, const struct fr_credential *c,
                               struct fr_err *err)
{
    struct fr_slot_id id = {.mef = c->mef, .target = c->target, .suid = c->suid};
    FR_AUTO(credential) *now = NULL;

    FR_TRY(fr_state_lock(s, err));
    FR_TRY(fr_state_store_pending(s, c, err));
    FR_TRY(fr_state_flip(s, &id, err));
    FR_TRY(fr_state_find(s, &id, &now, err));
    if (strcmp(now->key_id, c->key_id) != 0)
        return FR_FAIL(err, FR_EINTERNAL, "%s is current", now->key_id);
    return FR_OK;
}

static enum fr_code look_at_device(const char *folder, json_t *to, struct fr_err *err)
{
    FR_AUTO(credential) *like = NULL;
    FR_AUTO(state) *s = NULL;
    size_t damaged;

    FR_TRY(fr_state_open(folder, ATTEMPTS_MAX, &s, err));
    FR_TRY(put_slots(s, to, &like, err));
    FR_TRY(fr_state_attempts(s, count_attempt, NULL, &damaged, err));
    FR_TRY(make_like(&like, err));
    return enrol_next(s, like, err);
}

/* ---- server ---- */

static enum fr_code put_row(void *ctx, const struct fr_store_credential *row,
                            struct fr_err *err)
{
    (void)err;
    json_array_append_new(
        ctx, json_pack("[s,i,b]", row->key_id, (int)row->slot, row->acked != 0));
    return FR_OK;
}

static enum fr_code put_rows(struct fr_vault *v, json_t *to, struct fr_err *err)
{
    const struct fr_store_page page = {.limit = ROWS_MAX};
    json_t *rows = json_array();

    json_object_set_new(to, "credentials", rows);
    return FR_ASK(v, err, credential_list, &page,
                  ((struct fr_store_credential_rows){put_row, rows}));
}

static enum fr_code look_at_server(const char *folder, json_t *to, struct fr_err *err)
{
    FR_AUTO_STR(database) = NULL;
    FR_AUTO_STR(key_file) = NULL;
    FR_AUTO(vault) *v = NULL;
    struct fr_chain chain;

    FR_TRY(fr_path_join(folder, "fieldroot.db", &database, err));
    FR_TRY(fr_path_join(folder, "kek", &key_file, err));
    struct fr_vault_config config = {
        .database = database, .key_file = key_file, .mef_fqdn = "mef.example.com"};
    FR_TRY(fr_vault_open(&config, &v, err));
    FR_TRY(put_rows(v, to, err));
    FR_TRY(fr_vault_verify_audit(v, &chain, err));
    if (chain.broken_at || chain.is_cut)
        return FR_FAIL(err, FR_ESTORE, "the audit trail is not whole at line %llu",
                       (unsigned long long)chain.broken_at);
    return FR_OK;
}

int main(void)
{
    char line[LINE_MAX_LEN];

    while (fgets(line, sizeof line, stdin)) {
        char *folder = strchr(line, ' ');
        json_auto_t *answer = json_object();
        struct fr_err err = {0};
        enum fr_code rc;

        line[strcspn(line, "\n")] = 0;
        if (!folder)
            return 64;
        *folder++ = 0;
        rc = strcmp(line, "device") == 0 ? look_at_device(folder, answer, &err)
                                         : look_at_server(folder, answer, &err);
        if (rc == FR_OK)
            json_object_set_new(answer, "works", json_true());
        else
            json_object_set_new(answer, "error", json_string(err.msg));
        json_dumpf(answer, stdout, JSON_COMPACT);
        puts("");
        fflush(stdout);
    }
    return 0;
}
