/* SPDX-License-Identifier: Apache-2.0 */
/* A task's connection: with which certificates, by which clock (task.h). */
#include "agent/clock.h"
#include "agent/task_impl.h"

/* A device is never older than its own certificate. */
static void go_by_clock(struct fr_task *t, struct fr_conn_setup *setup)
{
    const struct fr_device *d = t->setup.device;
    struct fr_clock clock = fr_clock_read(d->state, d->env);

    if (clock.synchronised)
        return;
    setup->no_clock = true;
    setup->last_known_s = setup->tls ? fr_tls_own_not_before(setup->tls) : 0;
    if (clock.last_known > setup->last_known_s)
        setup->last_known_s = clock.last_known;
    if (clock.damaged)
        t->setup.on_warning(t->setup.ctx,
                            "the file of the last time that this device knows of is "
                            "damaged: say \"fieldroot clock --set\"");
}

static enum fr_code go_plain(struct fr_task *t, const struct fr_connect *to,
                             struct fr_conn_setup *setup)
{
    char text[FR_ERR_MSG_MAX];

    if (!fr_config_is_plain(t->setup.device->config, to->host))
        return FR_FAIL(&t->err, FR_EINTERNAL, "%s is not named by plain-ub", to->host);
    (void)snprintf(text, sizeof text,
                   "%s is spoken to without TLS, as plain-ub says: whoever listens "
                   "learns the SIM's identity",
                   to->host);
    t->setup.on_warning(t->setup.ctx, text);
    setup->is_plain = true;
    return FR_OK;
}

static enum fr_code choose_transport(struct fr_task *t, const struct fr_connect *to,
                                     struct fr_conn_setup *setup)
{
    switch (to->transport) {
    case FR_TLS_MUTUAL:
        return fr_keyring_get(t->setup.keys, to->role, to->instruction->credential,
                              &setup->tls, &t->err);
    case FR_TLS_SERVER:
        return fr_keyring_server(t->setup.keys, to->role, &setup->tls, &t->err);
    case FR_PLAIN:
        break;
    }
    return go_plain(t, to, setup);
}

enum fr_code fr_task_connect(struct fr_task *t, const struct fr_act *act)
{
    const struct fr_connect *to = &act->connect;
    const struct fr_device *d = t->setup.device;
    struct fr_conn_setup setup = {
        .env = d->env,
        .host = to->host,
        .port = to->port,
        .hosts = d->hosts,
        .n_hosts = d->n_hosts,
        .anchors = to->instruction->anchors,
        .n_anchors = to->instruction->n_anchors,
        .deadline = t->setup.deadline,
        .export_keys = to->export_keys,
    };

    fr_task_close_conn(t);
    FR_TRY(choose_transport(t, to, &setup));
    go_by_clock(t, &setup);
    if (setup.tls)
        t->link = (struct fr_link){.credential_ref = fr_tls_credential_ref(setup.tls),
                                   .own_id = fr_tls_own_id(setup.tls)};
    fr_task_reach(t, FR_PHASE_CONNECT);
    return fr_conn_open(&setup, &t->conn, &t->err);
}
