/* SPDX-License-Identifier: Apache-2.0 */
/* The boot trigger: the list that the device's maker or operator configured. */
#include "base/file.h"
#include "trigger/manual.h"

static enum fr_code from_file(const char *path, struct fr_document **ret,
                              struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_DOCUMENT_MAX);

    enum fr_code rc = fr_file_read(path, &text, err);
    if (rc == FR_ENOTFOUND)
        return FR_FAIL(err, FR_ECONFIG, "the instruction document %s does not exist",
                       path);
    FR_TRY(rc);
    return fr_document_parse(fr_buf_view(&text), path, FR_USE_TRIGGER, ret, NULL, err);
}

static enum fr_code from_uri(const char *uri, struct fr_document **ret,
                             struct fr_err *err)
{
    FR_AUTO(manual) *m = NULL;

    FR_TRY(fr_manual_new(&m, err));
    FR_TRY(fr_manual_discover(m, uri, err));
    return fr_manual_take(m, ret, err);
}

static enum fr_code boot_fire(const struct fr_trigger_source *source,
                              struct fr_document **ret, struct fr_err *err)
{
    if (source->instructions)
        return from_file(source->instructions, ret, err);
    if (source->discover)
        return from_uri(source->discover, ret, err);
    return FR_FAIL_AS(
        err, FR_ECONFIG, "no-list",
        "no list is configured: set instructions or discover in the agent "
        "section");
}

const struct fr_trigger_method fr_trigger_boot = {
    .name = "boot",
    .help = "the configured list, when the device starts",
    .fire = boot_fire,
};
