/* SPDX-License-Identifier: Apache-2.0 */
#include "server/worker/worker.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "crypto/lean.h"
#include "server/admin/admin.h"
#include "server/bsf/bsf.h"
#include "server/discovery/discovery.h"
#include "server/fetch/fetch.h"
#include "server/mef/mef.h"
#include "server/signer/remote.h"
#include "server/worker/https.h"
#include "server/worker/tls.h"

enum { MS = 1000, GONE_MS = 300 };

static const struct fr_service *const services[FR_N_WORKERS] = {
    [FR_WORKER_ENROL] = &fr_service_mef,
    [FR_WORKER_FETCH] = &fr_service_fetch,
    [FR_WORKER_DISCOVERY] = &fr_service_discovery,
    [FR_WORKER_ADMIN] = NULL, /* speaks no HTTP */
    [FR_WORKER_GBA] = &fr_service_bsf,
    [FR_WORKER_HSS] = NULL, /* has no listener */
};

struct fr_worker_process {
    struct fr_worker_context context;
    SSL_CTX *tls;
    struct fr_remote_key *key; /* of tls */
    int signer_fd;
    struct fr_https *https;
    struct fr_admin *admin;
    struct event *on_term, *on_signer, *deadline;
    bool started;     /* the service's start() succeeded */
    const char *gone; /* who has left us: "vault", "signer" */
};

static enum fr_code prepare(struct fr_worker_process *p,
                            const struct fr_server_config *config, enum fr_worker type,
                            struct fr_err *err)
{
    p->context.type = type;
    p->context.config = config;
    p->context.env = &fr_env_system;
    p->signer_fd = -1;
    if (type == FR_WORKER_ADMIN || (type == FR_WORKER_GBA && config->gba.is_plain))
        return FR_OK;
    return fr_tls_server_new(config, &config->listener[type], &p->tls, err);
}

enum fr_code fr_worker_prepare(const struct fr_server_config *config,
                               enum fr_worker type, struct fr_worker_process **ret,
                               struct fr_err *err)
{
    FR_AUTO(worker_process) *p = calloc(1, sizeof *p);

    if (!p)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for a worker");
    FR_TRY(prepare(p, config, type, err));
    *ret = FR_TAKE(p);
    return FR_OK;
}

static void stop_service(struct fr_worker_process *p)
{
    const struct fr_service *service = services[p->context.type];

    fr_https_free(p->https);
    fr_admin_free(p->admin);
    if (p->started && service->stop)
        service->stop(&p->context);
}

void fr_worker_process_free(struct fr_worker_process *p)
{
    if (!p)
        return;
    stop_service(p);
    fr_vaultlink_free(p->context.vault);
    if (p->on_term)
        event_free(p->on_term);
    if (p->on_signer)
        event_free(p->on_signer);
    if (p->deadline)
        event_free(p->deadline);
    if (p->context.base)
        event_base_free(p->context.base);
    SSL_CTX_free(p->tls);
    fr_remote_key_free(p->key);
    if (p->signer_fd >= 0)
        close(p->signer_fd);
    free(p);
}

static void end(void *arg)
{
    struct fr_worker_process *p = arg;

    event_base_loopbreak(p->context.base);
}

static void drain(struct fr_worker_process *p, int64_t within_ms)
{
    struct timeval tv = {within_ms / MS, (within_ms % MS) * MS};

    event_add(p->deadline, &tv);
    if (p->https)
        fr_https_drain(p->https);
    if (p->admin)
        fr_admin_drain(p->admin);
}

static void on_term(int fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    drain(arg, FR_DRAIN_MS);
}

static void on_deadline(int fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    end(arg);
}

static void on_wake(void *arg, const char *target_fqdn)
{
    struct fr_worker_process *p = arg;
    const struct fr_service *service = services[p->context.type];

    if (service && service->wake)
        service->wake(&p->context, target_fqdn);
}

/* Whoever waits has been answered by 503; the parent starts us again. */
static void on_vault_gone(void *arg)
{
    struct fr_worker_process *p = arg;

    p->gone = "vault";
    drain(p, GONE_MS);
}

/* It answers while we wait for it and says nothing else: this is its end, or ours if
 * it has closed our line. Connections that are open do not need it. */
static void on_signer_gone(int fd, short what, void *arg)
{
    struct fr_worker_process *p = arg;

    (void)fd;
    (void)what;
    p->gone = "signer";
    drain(p, GONE_MS);
}

static enum fr_code open_service(struct fr_worker_process *p, int listen_fd,
                                 struct fr_err *err)
{
    const struct fr_service *service = services[p->context.type];

    if (!service) {
        struct fr_admin_config config = {&p->context, listen_fd, end, p};

        return fr_admin_new(&config, &p->admin, err);
    }
    struct fr_https_config config = {&p->context, service, p->tls, listen_fd, end, p};

    if (service->start)
        FR_TRY(service->start(&p->context, err));
    p->started = true;
    return fr_https_new(&config, &p->https, err);
}

static enum fr_code open_events(struct fr_worker_process *p, struct fr_err *err)
{
    struct event_base *base = event_base_new();

    p->context.base = base;
    if (!base)
        return FR_FAIL(err, FR_EINTERNAL, "the event loop cannot be made");
    p->deadline = evtimer_new(base, on_deadline, p);
    p->on_term = evsignal_new(base, SIGTERM, on_term, p);
    if (!p->deadline || !p->on_term || event_add(p->on_term, NULL) != 0)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for the event loop");
    return FR_OK;
}

static enum fr_code open_key(struct fr_worker_process *p, struct fr_err *err)
{
    OSSL_LIB_CTX *lean;

    if (!p->tls)
        return FR_OK;
    FR_TRY(fr_lean_context(&lean, err));
    FR_TRY(fr_remote_key_new(lean, SSL_CTX_get0_certificate(p->tls), p->signer_fd,
                             &p->key, err));
    FR_TRY(fr_tls_server_set_key(p->tls, fr_remote_key_pkey(p->key), err));
    p->on_signer =
        event_new(p->context.base, p->signer_fd, EV_CLOSED, on_signer_gone, p);
    if (!p->on_signer || event_add(p->on_signer, NULL) != 0)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for the event loop");
    return FR_OK;
}

static enum fr_code open_all(struct fr_worker_process *p, int listen_fd,
                             struct fr_err *err)
{
    FR_TRY(open_key(p, err));
    return open_service(p, listen_fd, err);
}

enum fr_code fr_worker_run(struct fr_worker_process *p, const struct fr_worker_fds *fds,
                           fr_worker_ready_fn *ready, void *arg, struct fr_err *err)
{
    struct fr_vaultlink_hooks hooks = {on_wake, on_vault_gone, p};
    enum fr_code rc = open_events(p, err);

    p->signer_fd = fds->signer;
    p->context.flood = fds->flood;
    if (rc == FR_OK)
        rc = fr_vaultlink_new(p->context.base, fds->vault, &hooks, &p->context.vault,
                              err);
    if (rc != FR_OK) {
        close(fds->vault);
        return rc;
    }
    FR_TRY(open_all(p, fds->listen, err));
    FR_TRY(ready(arg, err));
    event_base_dispatch(p->context.base);
    if (p->gone)
        return FR_FAIL(err, FR_EUNREACHABLE, "the %s has gone", p->gone);
    return FR_OK;
}
