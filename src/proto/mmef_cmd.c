/* SPDX-License-Identifier: Apache-2.0 */
/* mefClientCmd (RSPF 7.3). */
#include <limits.h>
#include <string.h>

#include "base/str.h"
#include "model/json_text.h"
#include "proto/mmef.h"
#include "proto/mmef_json.h"

#define CLIENT_CMD "mcc"
#define ID_MAX     63 /* octets of a cmdID as JSON text */

static bool is_command(int64_t status)
{
    return status == FR_CMD_ISSUED || status == FR_CMD_REISSUED;
}

/* {"ccid":N,"cma":{"nmca":{"rdu":".."}}}; the arguments of other classes are not ours
 * to make up. */
static bool put_description(json_t *o, const struct fr_mmef_cmd *m)
{
    json_t *description = json_object(), *choice, *args;
    char text[32];

    if (json_object_set_new(o, "mccd", description) != 0 ||
        !fr_mmef_json_put_int(description, "ccid", m->class_id))
        return false;
    choice = json_object();
    if (json_object_set_new(description, "cma", choice) != 0)
        return false;
    if (m->class_id != 0 || m->retry_ms == 0)
        return true;
    args = json_object();
    if (json_object_set_new(choice, "nmca", args) != 0)
        return false;
    return fr_mmef_json_put(args, "rdu",
                            fr_duration_format(m->retry_ms, text, sizeof text));
}

enum fr_code fr_mmef_cmd_encode(const struct fr_mmef_cmd *m, struct fr_buf *to,
                                struct fr_err *err)
{
    json_auto_t *o = json_object();
    json_t *id = json_loads(m->id, JSON_DECODE_ANY, NULL);
    bool ok;

    if (!id)
        return FR_FAIL(err, FR_EINTERNAL, "a cmdID that is no JSON");
    ok = json_object_set_new(o, "mcci", id) == 0 &&
         (!is_command(m->status) || put_description(o, m)) &&
         fr_mmef_json_put_int(o, "mccs", m->status);
    return fr_mmef_json_write(o, ok, CLIENT_CMD, to, err);
}

/* Opaque, but a scalar that comes back as it came [U-19]: a real might not. */
static enum fr_code read_id(const json_t *o, char ret[ID_MAX + 1], struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(ID_MAX);
    const json_t *id = json_object_get(o, "mcci");

    if (!json_is_integer(id) && !json_is_string(id))
        return fr_mmef_malformed(err, "mcci", "is neither a whole number nor a string");
    enum fr_code rc = fr_json_put_any(id, &text, err);
    if (rc == FR_ELIMIT)
        return fr_mmef_malformed(err, "mcci", "is too long");
    FR_TRY(rc);
    memcpy(ret, fr_buf_cstr(&text), text.len + 1);
    return FR_OK;
}

/* How long to wait is an offer: without one the device has its own. */
static enum fr_code read_retry(const json_t *description, int64_t *ret,
                               struct fr_err *err)
{
    const json_t *choice, *args = NULL;
    char text[64];

    FR_TRY(fr_mmef_json_object(description, "cma", &choice, err));
    if (choice)
        FR_TRY(fr_mmef_json_object(choice, "nmca", &args, err));
    if (!args)
        return FR_OK;
    FR_TRY(fr_mmef_json_text(args, "rdu", text, sizeof text, err));
    if (text[0] && !fr_duration_parse(fr_slice_str(text), ret))
        return fr_mmef_malformed(err, "rdu", "is no duration");
    return FR_OK;
}

static enum fr_code read_description(const json_t *o, struct fr_mmef_cmd *m,
                                     struct fr_err *err)
{
    const json_t *description;
    int64_t class_id = -1;

    FR_TRY(fr_mmef_json_object(o, "mccd", &description, err));
    if (description)
        FR_TRY(fr_mmef_json_int(description, "ccid", INT_MAX, &class_id, err));
    m->class_id = (int)class_id;
    return class_id == 0 ? read_retry(description, &m->retry_ms, err) : FR_OK;
}

enum fr_code fr_mmef_cmd_decode(struct fr_slice json, struct fr_mmef_cmd *ret,
                                struct fr_err *err)
{
    json_auto_t *root = NULL;
    struct fr_mmef_cmd m = {0};
    int64_t status = 0;
    json_t *o;

    FR_TRY(fr_mmef_json_open(json, CLIENT_CMD, &root, &o, err));
    FR_TRY(read_id(o, m.id, err));
    FR_TRY(fr_mmef_json_int(o, "mccs", INT_MAX, &status, err));
    FR_TRY(read_description(o, &m, err));
    if (status == 0)
        return fr_mmef_malformed(err, "mccs", "is missing");
    if (is_command(status) && m.class_id < 0)
        return fr_mmef_malformed(err, "ccid", "is missing in a command");
    m.status = (int)status;
    *ret = m;
    return FR_OK;
}
