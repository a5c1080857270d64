/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `file`: an instruction document on the device (file:///path, RFC 8089 without a
 * host). Its source is whoever can write there.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "discovery/discovery.h"

#define PATH_MAX_OCTETS 4096

enum phase { IDLE, READING, DONE, FAILED };

struct file_run {
    struct fr_discovery super;
    enum phase phase;
    char *path;
    struct fr_document *document;
};

static void file_close(struct fr_discovery *d)
{
    struct file_run *run = (struct file_run *)d;

    if (!run)
        return;
    free(run->path);
    fr_document_free(run->document);
    free(run);
}

static enum fr_code path_of(const char *uri, char **ret, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) path = FR_BUF_INIT(PATH_MAX_OCTETS);

    bool is_file = strncmp(uri, "file:///", 8) == 0 && !strpbrk(uri, "?#") &&
                   fr_percent_decode(fr_slice_str(uri + 7), &path);

    if (path.failed == FR_ENOMEM)
        return fr_buf_check(&path, err);
    if (!is_file)
        return FR_FAIL_AS(err, FR_EINVALID, "resource-uri",
                          "%.200s is no resource of a file discovery: file:///path",
                          uri);
    return fr_str_dup(fr_buf_cstr(&path), ret, err);
}

static enum fr_code file_open(const struct fr_run_context *ctx,
                              const struct fr_instruction *in,
                              struct fr_discovery **ret, struct fr_err *err)
{
    FR_AUTO_STR(path) = NULL;
    struct file_run *run;

    (void)ctx;
    FR_TRY(path_of(in->resource, &path, err));
    run = calloc(1, sizeof *run);
    if (!run)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    run->super.method = &fr_discovery_file;
    run->path = FR_TAKE(path);
    *ret = (struct fr_discovery *)run;
    return FR_OK;
}

static enum fr_code begin(struct file_run *run, struct fr_acts *acts)
{
    fr_acts_add(acts,
                (struct fr_act){.kind = FR_ACT_PHASE, .phase = FR_PHASE_DISCOVERY});
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_READ_FILE, .path = run->path});
    run->phase = READING;
    return FR_OK;
}

static enum fr_code end(struct file_run *run, const struct fr_ev *ev,
                        struct fr_acts *acts, struct fr_err *err)
{
    enum fr_code rc = FR_EINTERNAL;

    if (ev->kind == FR_EV_FILE)
        rc = fr_document_parse(ev->bytes, run->path, FR_USE_DISCOVERED, &run->document,
                               NULL, err);
    else if (ev->err && ev->err->code != FR_OK)
        rc = ev->err->code;
    if (ev->kind == FR_EV_FAILED && ev->err && err)
        *err = *ev->err;
    run->phase = rc == FR_OK ? DONE : FAILED;
    if (rc == FR_OK)
        fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_DONE});
    return rc;
}

static enum fr_code file_step(struct fr_discovery *d, const struct fr_ev *ev,
                              struct fr_acts *acts, struct fr_err *err)
{
    struct file_run *run = (struct file_run *)d;

    acts->n = 0;
    if (run->phase == IDLE && ev->kind == FR_EV_START)
        return begin(run, acts);
    if (run->phase == READING && (ev->kind == FR_EV_FILE || ev->kind == FR_EV_FAILED))
        return end(run, ev, acts, err);
    return FR_FAIL(err, FR_EINTERNAL, "a file discovery got an event of another phase");
}

static enum fr_code file_finish(struct fr_discovery *d, struct fr_document **ret,
                                struct fr_err *err)
{
    struct file_run *run = (struct file_run *)d;

    if (!run->document)
        return FR_FAIL(err, FR_EINTERNAL, "no document to hand over");
    *ret = FR_TAKE(run->document);
    return FR_OK;
}

const struct fr_discovery_method fr_discovery_file = {
    .name = "file",
    .help = "an instruction document on this device",
    .open = file_open,
    .step = file_step,
    .finish = file_finish,
    .close = file_close,
};
