/* SPDX-License-Identifier: Apache-2.0 */
/* What a target gets: the answer of /fetchCredentials and the change feed. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/str.h"
#include "proto/mmef.h"
#include "proto/mmef_json.h"

#define KEY_TEXT_MAX 1024 /* octets of a fetched key in base64 */

void fr_mmef_fetched_clear(struct fr_mmef_fetched *f)
{
    fr_secret_free(f->credential);
    fr_secret_free(f->uicc);
    *f = (struct fr_mmef_fetched){0};
}

/* The rest of the object, without its opening brace. */
static enum fr_code write_members(const json_t *o, bool ok, struct fr_buf *to,
                                  struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_MMEF_BODY_MAX);

    FR_TRY(fr_mmef_json_write(o, ok, NULL, &text, err));
    fr_buf_put(to, text.data + 1, text.len - 1);
    return fr_buf_check(to, err);
}

static void put_key(const char *member, const struct fr_secret *key, struct fr_buf *to)
{
    if (!key)
        return;
    fr_buf_fmt(to, "\"%s\":\"", member);
    fr_base64_encode(fr_secret_view(key), false, to);
    fr_buf_str(to, "\",");
}

/* The key is written past jansson, whose memory nobody wipes. */
enum fr_code fr_mmef_fetched_encode(const struct fr_mmef_fetched *f, struct fr_buf *to,
                                    struct fr_err *err)
{
    json_auto_t *o = json_object();
    bool ok;

    if (!f->status) {
        ok = json_object_set_new(o, "errorString", json_string(f->error)) == 0;
        fr_buf_str(to, "{\"status\":false,");
        return write_members(o, ok, to, err);
    }
    ok = json_object_set_new(o, "enroleeID", json_string(f->enrolee)) == 0 &&
         fr_mmef_json_put_time(o, "lifetime", f->expires) &&
         fr_mmef_json_put(o, "ua", f->ua);
    fr_buf_str(to, "{\"status\":true,");
    put_key("credential", f->credential, to);
    put_key("uiccCredential", f->uicc, to);
    return write_members(o, ok, to, err);
}

/* Takes the key out of the JSON and wipes it there. (The tokeniser's own copy is the
 * program's business: jansson's hooks are for the whole process.) */
static enum fr_code take_key(const json_t *o, const char *member,
                             struct fr_secret **ret, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) key = FR_BUF_INIT_WIPE(KEY_TEXT_MAX);
    const json_t *v = json_object_get(o, member);
    struct fr_slice text;
    bool ok;

    if (!json_is_string(v))
        return fr_mmef_malformed(err, member, "is missing or no string");
    text = fr_slice_of(json_string_value(v), json_string_length(v));
    ok = text.len <= KEY_TEXT_MAX && fr_base64_decode(text, false, &key) && key.len > 0;
    explicit_bzero((char *)json_string_value(v), text.len);
    if (key.failed == FR_ENOMEM)
        return fr_buf_check(&key, err);
    if (!ok)
        return fr_mmef_malformed(err, member, "is no key in base64");
    return fr_secret_from(key.data, key.len, ret, err);
}

static enum fr_code read_fetched(const json_t *o, struct fr_mmef_fetched *f,
                                 struct fr_err *err)
{
    if (!json_is_boolean(json_object_get(o, "status")))
        return fr_mmef_malformed(err, "status", "is neither true nor false");
    FR_TRY(fr_mmef_json_bool(o, "status", &f->status, err));
    if (!f->status)
        return fr_mmef_json_text(o, "errorString", f->error, sizeof f->error, err);
    if (!json_object_get(o, "lifetime"))
        return fr_mmef_malformed(err, "lifetime", "is missing");
    FR_TRY(fr_mmef_json_text(o, "enroleeID", f->enrolee, sizeof f->enrolee, err));
    FR_TRY(fr_mmef_json_time(o, "lifetime", &f->expires, err));
    FR_TRY(fr_mmef_json_text(o, "ua", f->ua, sizeof f->ua, err));
    FR_TRY(take_key(o, "credential", &f->credential, err));
    return json_object_get(o, "uiccCredential")
               ? take_key(o, "uiccCredential", &f->uicc, err)
               : FR_OK;
}

enum fr_code fr_mmef_fetched_decode(struct fr_slice json, struct fr_mmef_fetched *ret,
                                    struct fr_err *err)
{
    json_auto_t *root = NULL;
    struct fr_mmef_fetched f = {0};
    enum fr_code rc;

    FR_TRY(fr_mmef_json_load(json, FR_MMEF_BODY_MAX, &root, err));
    rc = read_fetched(root, &f, err);
    if (rc == FR_OK)
        *ret = f;
    else
        fr_mmef_fetched_clear(&f);
    return rc;
}

static const char *const change_names[] = {
    [FR_CHANGE_ADDED] = "added",
    [FR_CHANGE_RETIRED] = "retired",
    [FR_CHANGE_REVOKED] = "revoked",
};

enum { N_CHANGE_KINDS = sizeof change_names / sizeof change_names[0] };

const char *fr_change_name(enum fr_change_kind kind)
{
    return change_names[kind];
}

enum fr_code fr_mmef_changes_make(struct fr_mmef_changes *c, size_t room,
                                  struct fr_err *err)
{
    struct fr_mmef_change *list = room ? calloc(room, sizeof *list) : NULL;

    if (room && !list)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    *c = (struct fr_mmef_changes){.list = list};
    return FR_OK;
}

void fr_mmef_changes_clear(struct fr_mmef_changes *c)
{
    free(c->list);
    *c = (struct fr_mmef_changes){0};
}

static bool put_change(json_t *list, const struct fr_mmef_change *c)
{
    json_t *o = json_object();

    return json_array_append_new(list, o) == 0 &&
           fr_mmef_json_put_int(o, "seq", (int64_t)c->seq) &&
           fr_mmef_json_put(o, "change", fr_change_name(c->kind)) &&
           fr_mmef_json_put(o, "keyId", c->key_id) &&
           fr_mmef_json_put_int(o, "suid", c->suid) &&
           fr_mmef_json_put(o, "enroleeID", c->enrolee) &&
           fr_mmef_json_put_time(o, "lifetime", c->expires);
}

enum fr_code fr_mmef_changes_encode(const struct fr_mmef_changes *c, struct fr_buf *to,
                                    struct fr_err *err)
{
    json_auto_t *o = json_object();
    json_t *list = json_array();
    bool ok = json_object_set_new(o, "changes", list) == 0 &&
              fr_mmef_json_put_int(o, "cursor", (int64_t)c->cursor) &&
              json_object_set_new(o, "reset", json_boolean(c->reset)) == 0;

    if (c->n > FR_CHANGES_MAX)
        return FR_FAIL(err, FR_EINTERNAL, "%zu changes in one answer", c->n);
    for (size_t i = 0; ok && i < c->n; i++)
        ok = put_change(list, &c->list[i]);
    return fr_mmef_json_write(o, ok, NULL, to, err);
}

static bool kind_by_name(const char *name, enum fr_change_kind *ret)
{
    for (unsigned i = 0; i < N_CHANGE_KINDS; i++)
        if (strcmp(change_names[i], name) == 0) {
            *ret = (enum fr_change_kind)i;
            return true;
        }
    return false;
}

static enum fr_code read_change(const json_t *o, struct fr_mmef_change *c,
                                struct fr_err *err)
{
    char kind[16], key_id[FR_KEYID_MAX + 1];
    int64_t seq = 0, suid = 0;

    FR_TRY(fr_mmef_json_int(o, "seq", INT64_MAX, &seq, err));
    FR_TRY(fr_mmef_json_text(o, "change", kind, sizeof kind, err));
    FR_TRY(fr_mmef_json_text(o, "keyId", key_id, sizeof key_id, err));
    FR_TRY(fr_mmef_json_int(o, "suid", 99, &suid, err));
    FR_TRY(fr_mmef_json_text(o, "enroleeID", c->enrolee, sizeof c->enrolee, err));
    FR_TRY(fr_mmef_json_time(o, "lifetime", &c->expires, err));
    if (!kind_by_name(kind, &c->kind))
        return fr_mmef_malformed(err, "change", "is missing or unknown");
    if (!fr_keyid_any_parse(fr_slice_str(key_id), c->key_id))
        return fr_mmef_malformed(err, "keyId", "is missing or no KeID");
    if (!fr_suid_is_defined((int)suid))
        return fr_mmef_malformed(err, "suid", "is missing or not defined");
    c->seq = (uint64_t)seq;
    c->suid = (int)suid;
    return FR_OK;
}

static enum fr_code read_list(const json_t *list, struct fr_mmef_changes *c,
                              struct fr_err *err)
{
    size_t n = json_array_size(list);

    if (n > FR_CHANGES_MAX)
        return fr_mmef_malformed(err, "changes", "has too many entries");
    FR_TRY(fr_mmef_changes_make(c, n, err));
    for (; c->n < n; c->n++)
        FR_TRY(read_change(json_array_get(list, c->n), &c->list[c->n], err));
    return FR_OK;
}

enum fr_code fr_mmef_changes_decode(struct fr_slice json, struct fr_mmef_changes *ret,
                                    struct fr_err *err)
{
    json_auto_t *root = NULL;
    struct fr_mmef_changes c = {0};
    const json_t *list;
    int64_t cursor = -1;
    bool reset = false;
    enum fr_code rc;

    FR_TRY(fr_mmef_json_load(json, FR_CHANGES_BODY_MAX, &root, err));
    FR_TRY(fr_mmef_json_int(root, "cursor", INT64_MAX, &cursor, err));
    FR_TRY(fr_mmef_json_bool(root, "reset", &reset, err));
    FR_TRY(fr_mmef_json_array(root, "changes", &list, err));
    if (cursor < 0 || !list)
        return fr_mmef_malformed(err, "cursor or changes", "is missing");
    rc = read_list(list, &c, err);
    c.cursor = (uint64_t)cursor;
    c.reset = reset;
    if (rc != FR_OK) {
        fr_mmef_changes_clear(&c);
        return rc;
    }
    *ret = c;
    return FR_OK;
}
