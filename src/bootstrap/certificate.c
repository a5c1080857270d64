/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `certificate`: mutual TLS with the MEF by certificates, then the Enrolment Exchange
 * (TS-0003 8.3.2.2). Which certificate and which anchors is the driver's business; what
 * is left here is to say no to what this build cannot do.
 */
#include <stdlib.h>

#include "bootstrap/bootstrap.h"
#include "bootstrap/exchange.h"

struct certificate_run {
    struct fr_bootstrap super;
    struct fr_exchange *exchange;
};

static struct fr_exchange *exchange_of(const struct fr_bootstrap *run)
{
    return ((const struct certificate_run *)run)->exchange;
}

static enum fr_code certificate_open(const struct fr_run_context *ctx,
                                     const struct fr_instruction *in,
                                     const struct fr_credential *pending,
                                     struct fr_bootstrap **ret, struct fr_err *err)
{
    const struct fr_exchange_config config = {
        .method = "certificate", .ctx = ctx, .in = in, .pending = pending};
    struct certificate_run *run;
    enum fr_code rc;

    if (in->binding != FR_BINDING_HTTP)
        return FR_FAIL_AS(err, FR_EUNSUPPORTED, "binding-unsupported",
                          "certificate bootstrap is offered over http only");
    run = calloc(1, sizeof *run);
    if (!run)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    rc = fr_exchange_new(&config, &run->exchange, err);
    if (rc != FR_OK) {
        free(run);
        return rc;
    }
    run->super.method = &fr_bootstrap_certificate;
    *ret = (struct fr_bootstrap *)run;
    return FR_OK;
}

static enum fr_code certificate_step(struct fr_bootstrap *run, const struct fr_ev *ev,
                                     struct fr_acts *acts, struct fr_err *err)
{
    return fr_exchange_step(exchange_of(run), ev, acts, err);
}

static enum fr_code certificate_finish(struct fr_bootstrap *run,
                                       struct fr_credential **ret, struct fr_err *err)
{
    return fr_exchange_finish(exchange_of(run), ret, err);
}

static void certificate_close(struct fr_bootstrap *run)
{
    if (!run)
        return;
    fr_exchange_free(exchange_of(run));
    free(run);
}

static int64_t certificate_retry_after_ms(const struct fr_bootstrap *run)
{
    return fr_exchange_retry_after_ms(exchange_of(run));
}

const struct fr_bootstrap_method fr_bootstrap_certificate = {
    .name = "certificate",
    .help = "mutual TLS with certificates, key from the TLS exporter",
    .open = certificate_open,
    .step = certificate_step,
    .finish = certificate_finish,
    .close = certificate_close,
    .retry_after_ms = certificate_retry_after_ms,
};
