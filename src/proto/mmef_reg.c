/* SPDX-License-Identifier: Apache-2.0 */
/* mefClientReg and symmKeyReg (RSPF 7.1, 7.2). */
#include <string.h>

#include "base/str.h"
#include "proto/mmef.h"
#include "proto/mmef_json.h"

#define CLIENT_REG "mecr"
#define KEY_REG    "mkr"
#define LABELS_MAX 16

/* expirationTime is in every message of both (RSPF 7.2). */
static enum fr_code read_expiry(const json_t *o, int64_t *ret, struct fr_err *err)
{
    if (!json_object_get(o, "et"))
        return fr_mmef_malformed(err, "et", "is missing");
    return fr_mmef_json_time(o, "et", ret, err);
}

enum fr_code fr_mmef_client_reg_encode(const struct fr_mmef_client_reg *m,
                                       struct fr_buf *to, struct fr_err *err)
{
    json_auto_t *o = json_object();
    bool ok = fr_mmef_json_put(o, "ri", m->ri) &&
              fr_mmef_json_put(o, "cr", m->creator) &&
              fr_mmef_json_put(o, "adfq", m->admin_fqdn) &&
              fr_mmef_json_put_time(o, "et", m->expires);

    return fr_mmef_json_write(o, ok, CLIENT_REG, to, err);
}

enum fr_code fr_mmef_client_reg_decode(struct fr_slice json,
                                       struct fr_mmef_client_reg *ret,
                                       struct fr_err *err)
{
    json_auto_t *root = NULL;
    struct fr_mmef_client_reg m = {0};
    json_t *o;

    FR_TRY(fr_mmef_json_open(json, CLIENT_REG, &root, &o, err));
    FR_TRY(fr_mmef_json_text(o, "ri", m.ri, sizeof m.ri, err));
    FR_TRY(fr_mmef_json_text(o, "cr", m.creator, sizeof m.creator, err));
    FR_TRY(fr_mmef_json_text(o, "adfq", m.admin_fqdn, sizeof m.admin_fqdn, err));
    FR_TRY(read_expiry(o, &m.expires, err));
    *ret = m;
    return FR_OK;
}

static bool put_label(json_t *labels, const char *prefix, const char *value)
{
    return json_array_append_new(labels, json_sprintf("%s%s", prefix, value)) == 0;
}

/* Only a response has labels: it alone has a target's FQDN form. What a client takes
 * without them is left unsaid. */
static bool put_labels(json_t *o, const struct fr_mmef_key_reg *m)
{
    bool is_plain =
        fr_str_equal(m->target_fqdn, m->target) && m->derivation == FR_DERIVE_USAGE;
    json_t *labels;

    if (m->target_fqdn[0] == 0 || is_plain)
        return true;
    labels = json_array();
    if (json_object_set_new(o, "lbl", labels) != 0)
        return false;
    return put_label(labels, FR_LABEL_TARGET_FQDN, m->target_fqdn) &&
           put_label(labels, FR_LABEL_DERIVATION, fr_derivation_name(m->derivation));
}

static bool put_target(json_t *o, const char *target)
{
    json_t *targets;

    if (target[0] == 0)
        return true;
    targets = json_array();
    return json_object_set_new(o, "tgis", targets) == 0 &&
           json_array_append_new(targets, json_string(target)) == 0;
}

enum fr_code fr_mmef_key_reg_encode(const struct fr_mmef_key_reg *m, struct fr_buf *to,
                                    struct fr_err *err)
{
    json_auto_t *o = json_object();
    bool ok = fr_mmef_json_put(o, "ri", m->ri) &&
              fr_mmef_json_put(o, "cr", m->creator) &&
              fr_mmef_json_put(o, "adfq", m->admin_fqdn) &&
              fr_mmef_json_put_time(o, "et", m->expires) &&
              fr_mmef_json_put_int(o, "suid", m->suid) && put_target(o, m->target) &&
              put_labels(o, m);

    return fr_mmef_json_write(o, ok, KEY_REG, to, err);
}

static bool has_prefix(const char *s, const char *prefix, const char **rest)
{
    size_t n = strlen(prefix);

    *rest = s + n;
    return strncmp(s, prefix, n) == 0;
}

/* Labels are free text: what is not ours is somebody else's. */
static enum fr_code read_label(const char *label, struct fr_mmef_key_reg *m,
                               struct fr_err *err)
{
    const char *value;

    if (has_prefix(label, FR_LABEL_TARGET_FQDN, &value)) {
        if (!fr_fqdn_is_valid(fr_slice_str(value)))
            return fr_mmef_malformed(err, "lbl", "names a target by no FQDN");
        memcpy(m->target_fqdn, value, strlen(value) + 1);
        fr_ascii_fold(m->target_fqdn);
    } else if (has_prefix(label, FR_LABEL_DERIVATION, &value) &&
               (!fr_derivation_by_name(value, &m->derivation) ||
                fr_derivation_is_gba(m->derivation))) {
        return fr_mmef_malformed(err, "lbl", "asks for an unknown derivation");
    }
    return FR_OK;
}

static enum fr_code read_labels(const json_t *o, struct fr_mmef_key_reg *m,
                                struct fr_err *err)
{
    const json_t *labels, *label;
    size_t i;

    FR_TRY(fr_mmef_json_array(o, "lbl", &labels, err));
    if (json_array_size(labels) > LABELS_MAX)
        return fr_mmef_malformed(err, "lbl", "has too many entries");
    json_array_foreach (labels, i, label) {
        if (!json_is_string(label))
            return fr_mmef_malformed(err, "lbl", "has an entry that is no string");
        FR_TRY(read_label(json_string_value(label), m, err));
    }
    return FR_OK;
}

/* We register for one target only: targetIDs with more entries are somebody else's. */
static enum fr_code read_target(const json_t *o, struct fr_mmef_key_reg *m,
                                struct fr_err *err)
{
    const json_t *targets;
    struct fr_slice id;

    FR_TRY(fr_mmef_json_array(o, "tgis", &targets, err));
    if (!targets)
        return FR_OK;
    if (json_array_size(targets) != 1 || !json_is_string(json_array_get(targets, 0)))
        return fr_mmef_malformed(err, "tgis", "is not exactly one target");
    id = fr_slice_str(json_string_value(json_array_get(targets, 0)));
    if (!fr_target_is_valid(id))
        return fr_mmef_malformed(err, "tgis", "is neither an FQDN nor an absolute id");
    memcpy(m->target, id.data, id.len);
    return FR_OK;
}

static enum fr_code read_suid(const json_t *o, int *ret, struct fr_err *err)
{
    int64_t suid = 0;

    FR_TRY(fr_mmef_json_int(o, "suid", 99, &suid, err));
    if (!fr_suid_is_defined((int)suid))
        return fr_mmef_malformed(err, "suid", "is missing or not defined");
    *ret = (int)suid;
    return FR_OK;
}

enum fr_code fr_mmef_key_reg_decode(struct fr_slice json, struct fr_mmef_key_reg *ret,
                                    struct fr_err *err)
{
    json_auto_t *root = NULL;
    struct fr_mmef_key_reg m = {.derivation = FR_DERIVE_USAGE};
    json_t *o;

    FR_TRY(fr_mmef_json_open(json, KEY_REG, &root, &o, err));
    FR_TRY(fr_mmef_json_text(o, "ri", m.ri, sizeof m.ri, err));
    FR_TRY(fr_mmef_json_text(o, "cr", m.creator, sizeof m.creator, err));
    FR_TRY(fr_mmef_json_text(o, "adfq", m.admin_fqdn, sizeof m.admin_fqdn, err));
    FR_TRY(read_expiry(o, &m.expires, err));
    FR_TRY(read_suid(o, &m.suid, err));
    FR_TRY(read_target(o, &m, err));
    FR_TRY(read_labels(o, &m, err));
    *ret = m;
    return FR_OK;
}
