/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one client does. The enrolment is the device's own Enrolment Exchange
 * (src/bootstrap), so that requests are octet for octet those of `fieldroot`; what it
 * wants stored is said to be stored at once.
 */
#include <string.h>

#include "bootstrap/exchange.h"
#include "link.h"

#define FETCHED "HTTP/1.1 200"

enum { CHUNK = 16384 };

struct enrolment {
    const struct server *server;
    const struct identity *who;
    struct link *link;
    struct fr_secret *exported;
    struct fr_link said; /* for the exchange */
    struct fr_ev next;   /* what the actions lead to */
    uint8_t chunk[CHUNK];
    bool waits, done; /* for octets; whether it is over */
};

static enum fr_code connect_to(struct enrolment *e, struct fr_err *err)
{
    FR_TRY(link_open(e->link, e->server, e->who, err));
    FR_TRY(fr_secret_new(FR_EXPORT_LEN, &e->exported, err));
    if (SSL_export_keying_material(e->link->ssl, fr_secret_data(e->exported),
                                   FR_EXPORT_LEN, FR_EXPORTER_LABEL,
                                   strlen(FR_EXPORTER_LABEL), NULL, 0, 0) != 1)
        return FR_FAIL(err, FR_EINTERNAL, "the exporter failed");
    e->said = (struct fr_link){.exported = e->exported,
                               .credential_ref = e->who->credential_ref,
                               .own_id = e->who->own_id,
                               .tls_version = SSL_get_version(e->link->ssl)};
    e->next = (struct fr_ev){.kind = FR_EV_CONNECTED, .link = &e->said};
    return FR_OK;
}

static enum fr_code act(struct enrolment *e, const struct fr_act *a, struct fr_err *err)
{
    switch (a->kind) {
    case FR_ACT_CONNECT:
        return connect_to(e, err);
    case FR_ACT_SEND:
        e->waits = true;
        return link_send(e->link, a->bytes, err);
    case FR_ACT_STORE_PENDING:
        e->next.kind = FR_EV_STORED;
        return FR_OK;
    case FR_ACT_FLIP:
        e->next.kind = FR_EV_FLIPPED;
        return FR_OK;
    case FR_ACT_CLOSE:
        link_close(e->link);
        return FR_OK;
    case FR_ACT_DONE:
        e->done = true;
        return FR_OK;
    case FR_ACT_WARN:
        return FR_FAIL(err, FR_EUNREACHABLE, "after the commit: %s", a->text);
    default:
        return FR_OK;
    }
}

static enum fr_code receive(struct enrolment *e, struct fr_err *err)
{
    size_t n;

    FR_TRY(link_receive(e->link, e->chunk, CHUNK, &n, err));
    e->next = (struct fr_ev){.kind = FR_EV_BYTES, .bytes = fr_slice_of(e->chunk, n)};
    return FR_OK;
}

static enum fr_code walk(struct enrolment *e, struct fr_exchange *x, struct fr_err *err)
{
    struct fr_acts acts;

    while (!e->done) {
        struct fr_ev ev = e->next;

        if (ev.kind == FR_EV_BYTES)
            e->waits = false;
        FR_TRY(fr_exchange_step(x, &ev, &acts, err));
        if (ev.kind == FR_EV_BYTES && acts.n == 0)
            e->waits = true;
        for (size_t i = 0; i < acts.n; i++)
            FR_TRY(act(e, &acts.list[i], err));
        if (e->waits && !e->done)
            FR_TRY(receive(e, err));
    }
    return FR_OK;
}

enum fr_code enrol(const struct server *s, const struct identity *who, struct link *l,
                   struct fr_err *err)
{
    const struct fr_run_context ctx = {.env = &fr_env_system, .mef_base = "/mefbase"};
    const struct fr_instruction in = {.kind = FR_BOOTSTRAP,
                                      .mef = (char *)s->host,
                                      .port = s->port,
                                      .target = (char *)s->target,
                                      .suid = FR_SUID_DEFAULT,
                                      .expiry_s = FR_EXPIRY_DEFAULT};
    const struct fr_exchange_config config = {
        .method = "certificate", .ctx = &ctx, .in = &in};
    struct enrolment e = {.server = s, .who = who, .link = l};
    FR_AUTO(exchange) *x = NULL;
    enum fr_code rc;

    *l = (struct link){.fd = -1};
    e.next.kind = FR_EV_START;
    FR_TRY(fr_exchange_new(&config, &x, err));
    rc = walk(&e, x, err);
    link_close(l);
    fr_secret_free(e.exported);
    return rc;
}

static enum fr_code ask(const struct server *s, struct link *l, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) request = FR_BUF_INIT(CHUNK);
    uint8_t chunk[CHUNK];
    size_t n = 0, got = 0;

    fr_buf_fmt(&request, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
               s->target[0] == '/' ? s->target : "/small", s->host);
    FR_TRY(link_send(l, fr_buf_view(&request), err));
    while (link_receive(l, chunk, CHUNK, &n, err) == FR_OK)
        got += n;
    if (got < sizeof FETCHED ||
        (s->target[0] == '/' && memcmp(chunk, FETCHED, 12) != 0))
        return FR_FAIL(err, FR_EUNREACHABLE, "no answer, or a refusal");
    return FR_OK;
}

enum fr_code visit(const struct server *s, const struct identity *who, struct link *l,
                   struct fr_err *err)
{
    enum fr_code rc = link_open(l, s, who, err);

    if (rc == FR_OK)
        rc = ask(s, l, err);
    link_close(l);
    return rc;
}
