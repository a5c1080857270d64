/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/records.h"

#include <stdlib.h>

#include "base/str.h"

#define CLASSES (sizeof((struct fr_records *)0)->last / sizeof(char *))

void fr_records_init(struct fr_records *r, struct fr_state *state,
                     struct fr_teller *teller)
{
    *r = (struct fr_records){
        .state = state, .teller = teller, .upload = FR_BUF_INIT(FR_UPLOAD_MAX)};
}

void fr_records_clear(struct fr_records *r)
{
    fr_buf_clear(&r->upload);
    for (size_t class = 0; class < CLASSES; class ++)
        free(r->last[class]);
}

static void keep_words(struct fr_records *r, const struct fr_result *result)
{
    char *copy;

    if (fr_str_dup(result->text, &copy, NULL) != FR_OK)
        return;
    free(r->last[result->class]);
    r->last[result->class] = copy;
}

static void keep_for_upload(struct fr_records *r, const struct fr_attempt *a)
{
    FR_AUTO_CLEAR(buf) json = FR_BUF_INIT(FR_ATTEMPT_FRAME);

    if (fr_attempt_to_json(a, &json, NULL) != FR_OK ||
        r->upload.len + json.len + 1 > FR_UPLOAD_MAX)
        return;
    fr_buf_str(&r->upload, r->upload.len ? "," : "");
    fr_buf_put(&r->upload, json.data, json.len);
}

void fr_records_add(struct fr_records *r, const struct fr_attempt *a)
{
    struct fr_err err;

    keep_words(r, &a->result);
    keep_for_upload(r, a);
    if (fr_state_record(r->state, a, &err) != FR_OK && !r->failed) {
        r->failed = true;
        fr_tell_warning(r->teller, err.msg);
    }
    fr_tell_attempt(r->teller, a);
}

const char *fr_records_words(const struct fr_records *r, int exit_status)
{
    for (size_t class = 0; class < CLASSES; class ++)
        if (r->last[class] && fr_class_exit((enum fr_class) class) == exit_status)
            return r->last[class];
    return r->last[FR_CLASS_INTERRUPTED];
}

enum fr_code fr_records_upload(const struct fr_records *r, struct fr_buf *to,
                               struct fr_err *err)
{
    if (r->upload.len == 0)
        return FR_OK;
    fr_buf_str(to, "[");
    fr_buf_put(to, r->upload.data, r->upload.len);
    fr_buf_str(to, "]");
    return fr_buf_check(to, err);
}
