/* SPDX-License-Identifier: Apache-2.0 */
#include "target/mef.h"

#include <stdio.h>

#include "crypto/pki.h"
#include "proto/mmef_http.h"

/* Better told here than by a MEF that finds no such target. */
static enum fr_code check_certificate(const struct fr_target_config *c,
                                      struct fr_err *err)
{
    struct fr_pki_facts facts;

    FR_TRY(fr_pki_describe(c->certificate, &facts, err));
    for (size_t i = 0; i < facts.n_sans; i++)
        if (facts.sans[i].type == FR_SAN_DNS &&
            fr_ascii_equal_fold(facts.sans[i].value, c->fqdn))
            return FR_OK;
    return FR_FAIL(err, FR_ECONFIG, "%s: the certificate is not for fqdn \"%s\"",
                   c->certificate, c->fqdn);
}

enum fr_code fr_target_mef_open(struct fr_target_mef *m,
                                const struct fr_target_config *config,
                                const struct fr_env *env, int cancel_fd,
                                struct fr_err *err)
{
    struct fr_tls_setup tls = {.cert_path = config->certificate,
                               .key_path = config->key,
                               .anchors_path = config->anchors,
                               .crl_path = config->crl};
    struct fr_call_setup call = {.env = env,
                                 .host = config->mef_fqdn,
                                 .port = config->mef_port,
                                 .hosts = config->hosts,
                                 .n_hosts = config->n_hosts,
                                 .cancel_fd = cancel_fd,
                                 .body_max = FR_CHANGES_BODY_MAX};

    *m = (struct fr_target_mef){.config = config, .env = env};
    FR_TRY(fr_tls_new(&tls, &m->tls, err));
    FR_TRY(check_certificate(config, err));
    call.tls = m->tls;
    return fr_call_new(&call, &m->call, err);
}

void fr_target_mef_clear(struct fr_target_mef *m)
{
    fr_call_free(m->call);
    fr_tls_free(m->tls);
    *m = (struct fr_target_mef){0};
}

/* A server between us and the MEF may know HTTP only. */
static int rsc_of(const struct fr_http_response *r)
{
    int rsc = fr_mmef_rsc(r);

    if (rsc != 0)
        return rsc;
    return fr_http_status(r) == 404   ? fr_code_rsc(FR_ENOTFOUND)
           : fr_http_status(r) == 403 ? fr_code_rsc(FR_EREFUSED)
                                      : 0;
}

enum fr_code fr_target_mef_get(struct fr_target_mef *m, const char *path,
                               int64_t timeout_ms, struct fr_target_answer *ret,
                               struct fr_err *err)
{
    char id[FR_REQUEST_ID_LEN + 1], doing[FR_FQDN_MAX + 32];
    const struct fr_http_header headers[] = {
        {"X-M2M-Origin", m->config->fqdn},
        {"X-M2M-RI", fr_random_hex(m->env, id, FR_REQUEST_ID_LEN / 2)},
        {"X-M2M-RVI", "3"},
        {"Accept", "application/json"},
    };
    struct fr_http_request req = {.method = "GET",
                                  .path = path,
                                  .headers = headers,
                                  .n_headers = sizeof headers / sizeof headers[0]};
    const struct fr_http_response *r;

    FR_TRY(fr_call_run(m->call, &req, timeout_ms, &r, err));
    *ret = (struct fr_target_answer){.body = fr_http_body(r),
                                     .rsc = rsc_of(r),
                                     .retry_after_ms =
                                         fr_http_retry_after_ms(r, fr_wall_s(m->env))};
    snprintf(doing, sizeof doing, "fetching from %s", m->config->mef_fqdn);
    return fr_mmef_response_check(r, id, doing, err);
}
