/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/discovery.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum phase { IDLE, READING, DONE, FAILED };

struct fake_run {
    struct fr_discovery super;
    enum phase phase;
    const char *what; /* of the resource, after its scheme */
    struct fr_document *document;
};

static enum fr_code fake_open(const struct fr_run_context *ctx,
                              const struct fr_instruction *in,
                              struct fr_discovery **ret, struct fr_err *err)
{
    struct fake_run *run;

    (void)ctx;
    if (strncmp(in->resource, "fake:", 5) != 0)
        return FR_FAIL_AS(err, FR_EINVALID, "resource-uri", "no fake resource");
    run = calloc(1, sizeof *run);
    if (!run)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    run->super.method = &fr_fake_discovery;
    run->what = in->resource + 5;
    *ret = (struct fr_discovery *)run;
    return FR_OK;
}

static enum fr_code find(struct fake_run *run, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT((size_t)FR_DOCUMENT_MAX);

    if (run->what[0] == '!')
        return FR_FAIL_AS(err, fr_code_by_name(run->what + 1, FR_EINTERNAL), "fake",
                          "the fake method was told to fail");
    if (run->what[0] == '{')
        fr_buf_str(&text, run->what);
    else
        fr_buf_fmt(&text,
                   "{\"version\":1,\"instructions\":[{\"bootstrap\":\"fake\","
                   "\"mef\":\"%s\"}]}",
                   run->what);
    FR_TRY(fr_buf_check(&text, err));
    return fr_document_parse(fr_buf_view(&text), "fake", FR_USE_DISCOVERED,
                             &run->document, NULL, err);
}

/* "Reads a file", so that there is a state between start and end. */
static enum fr_code fake_step(struct fr_discovery *d, const struct fr_ev *ev,
                              struct fr_acts *acts, struct fr_err *err)
{
    struct fake_run *run = (struct fake_run *)d;
    enum fr_code rc = FR_OK;

    acts->n = 0;
    if (run->phase == IDLE && ev->kind == FR_EV_START) {
        run->phase = READING;
        fr_acts_add(acts,
                    (struct fr_act){.kind = FR_ACT_PHASE, .phase = FR_PHASE_DISCOVERY});
        fr_acts_add(acts,
                    (struct fr_act){.kind = FR_ACT_READ_FILE, .path = "/dev/null"});
        return FR_OK;
    }
    if (run->phase != READING || (ev->kind != FR_EV_FILE && ev->kind != FR_EV_FAILED))
        return FR_FAIL(err, FR_EINTERNAL, "an event of another phase");
    if (ev->kind == FR_EV_FAILED)
        *err = *ev->err;
    rc = ev->kind == FR_EV_FAILED ? ev->err->code : find(run, err);
    run->phase = rc == FR_OK ? DONE : FAILED;
    if (rc == FR_OK)
        fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_DONE});
    return rc;
}

static enum fr_code fake_finish(struct fr_discovery *d, struct fr_document **ret,
                                struct fr_err *err)
{
    struct fake_run *run = (struct fake_run *)d;

    if (!run->document)
        return FR_FAIL(err, FR_EINTERNAL, "no document to hand over");
    *ret = FR_TAKE(run->document);
    return FR_OK;
}

static void fake_close(struct fr_discovery *d)
{
    struct fake_run *run = (struct fake_run *)d;

    if (!run)
        return;
    fr_document_free(run->document);
    free(run);
}

const struct fr_discovery_method fr_fake_discovery = {
    .name = "fake",
    .help = "for tests: the resource says what is found",
    .open = fake_open,
    .step = fake_step,
    .finish = fake_finish,
    .close = fake_close,
};
