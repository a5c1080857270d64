/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one client does. A bootstrap is the device's own method (src/bootstrap), so that
 * requests are octet for octet those of `fieldroot`; what it wants stored is said to be
 * stored at once, and its SIM is a card that was never used.
 */
#include <string.h>

#include "bootstrap/exchange.h"
#include "keystore/usim_aka.h"
#include "link.h"

#define FETCHED "HTTP/1.1 200"

enum { CHUNK = 16384 };

struct bootstrap {
    const struct server *server;
    const struct identity *who;
    struct link *link;
    struct fr_secret *exported;
    struct fr_aka_answer answer;
    struct fr_link said;     /* for the method */
    struct fr_usim_ev heard; /* of the SIM, for it */
    struct fr_ev next;       /* what the actions lead to */
    uint8_t chunk[CHUNK];
    bool waits, done; /* for octets; whether it is over */
};

static enum fr_code export_keys(struct bootstrap *b, struct fr_err *err)
{
    FR_TRY(fr_secret_new(FR_EXPORT_LEN, &b->exported, err));
    if (SSL_export_keying_material(b->link->ssl, fr_secret_data(b->exported),
                                   FR_EXPORT_LEN, FR_EXPORTER_LABEL,
                                   strlen(FR_EXPORTER_LABEL), NULL, 0, 0) != 1)
        return FR_FAIL(err, FR_EINTERNAL, "the exporter failed");
    return FR_OK;
}

static enum fr_code connect_to(struct bootstrap *b, const struct fr_connect *c,
                               struct fr_err *err)
{
    const struct identity *shown = c->transport == FR_TLS_MUTUAL ? b->who : NULL;

    if (c->transport == FR_PLAIN)
        FR_TRY(link_open_plain(b->link, b->server, err));
    else
        FR_TRY(link_open(b->link, b->server, shown, err));
    if (c->export_keys)
        FR_TRY(export_keys(b, err));
    b->said = (struct fr_link){.exported = b->exported,
                               .credential_ref = b->who->credential_ref,
                               .own_id = b->who->own_id};
    b->next = (struct fr_ev){.kind = FR_EV_CONNECTED, .link = &b->said};
    return FR_OK;
}

static enum fr_code ask_sim(struct bootstrap *b, const struct fr_usim_ask *ask,
                            struct fr_err *err)
{
    struct fr_usim_aka card = {.milenage = b->server->sim, .ind_bits = FR_IND_BITS_MAX};

    b->heard = (struct fr_usim_ev){.impi = b->who->impi, .answer = &b->answer};
    b->next = (struct fr_ev){.kind = FR_EV_USIM, .usim = &b->heard};
    if (ask->question == FR_USIM_IDENTIFY)
        return FR_OK;
    return fr_usim_aka_check(&card, ask->rand, ask->autn, false, &b->answer, err);
}

static enum fr_code act(struct bootstrap *b, const struct fr_act *a, struct fr_err *err)
{
    switch (a->kind) {
    case FR_ACT_CONNECT:
        return connect_to(b, &a->connect, err);
    case FR_ACT_USIM:
        return ask_sim(b, &a->usim, err);
    case FR_ACT_SEND:
        b->waits = true;
        return link_send(b->link, a->bytes, err);
    case FR_ACT_STORE_PENDING:
        b->next.kind = FR_EV_STORED;
        return FR_OK;
    case FR_ACT_FLIP:
        b->next.kind = FR_EV_FLIPPED;
        return FR_OK;
    case FR_ACT_CLOSE:
        link_close(b->link);
        return FR_OK;
    case FR_ACT_DONE:
        b->done = true;
        return FR_OK;
    case FR_ACT_WARN:
        return FR_FAIL(err, FR_EUNREACHABLE, "after the commit: %s", a->text);
    default:
        return FR_OK;
    }
}

static enum fr_code receive(struct bootstrap *b, struct fr_err *err)
{
    size_t n;

    FR_TRY(link_receive(b->link, b->chunk, CHUNK, &n, err));
    b->next = (struct fr_ev){.kind = FR_EV_BYTES, .bytes = fr_slice_of(b->chunk, n)};
    return FR_OK;
}

static enum fr_code walk(struct bootstrap *b, struct fr_bootstrap *run,
                         struct fr_err *err)
{
    struct fr_acts acts;

    while (!b->done) {
        struct fr_ev ev = b->next;

        if (ev.kind == FR_EV_BYTES)
            b->waits = false;
        FR_TRY(run->method->step(run, &ev, &acts, err));
        if (ev.kind == FR_EV_BYTES && acts.n == 0)
            b->waits = true;
        for (size_t i = 0; i < acts.n; i++)
            FR_TRY(act(b, &acts.list[i], err));
        if (b->waits && !b->done)
            FR_TRY(receive(b, err));
    }
    return FR_OK;
}

static enum fr_code bootstrap(const struct fr_bootstrap_method *method, bool is_plain,
                              struct bootstrap *b, struct fr_err *err)
{
    const struct fr_run_context ctx = {.env = &fr_env_system,
                                       .mef_base = "/mefbase",
                                       .plain_mefs = &b->server->host,
                                       .n_plain_mefs = is_plain};
    const struct fr_instruction in = {.kind = FR_BOOTSTRAP,
                                      .mef = (char *)b->server->host,
                                      .port = b->server->port,
                                      .target = (char *)b->server->target,
                                      .suid = FR_SUID_DEFAULT,
                                      .expiry_s = FR_EXPIRY_DEFAULT};
    struct fr_bootstrap *run;
    enum fr_code rc;

    *b->link = (struct link){.fd = -1};
    b->next.kind = FR_EV_START;
    FR_TRY(method->open(&ctx, &in, NULL, &run, err));
    rc = walk(b, run, err);
    method->close(run);
    link_close(b->link);
    fr_secret_free(b->exported);
    fr_aka_answer_clear(&b->answer);
    return rc;
}

enum fr_code enrol(const struct server *s, const struct identity *who, struct link *l,
                   struct fr_err *err)
{
    struct bootstrap b = {.server = s, .who = who, .link = l};

    return bootstrap(&fr_bootstrap_certificate, false, &b, err);
}

enum fr_code ub(const struct server *s, const struct identity *who, struct link *l,
                struct fr_err *err)
{
    struct bootstrap b = {.server = s, .who = who, .link = l};

    return bootstrap(&fr_bootstrap_gba, false, &b, err);
}

enum fr_code ub_plain(const struct server *s, const struct identity *who,
                      struct link *l, struct fr_err *err)
{
    struct bootstrap b = {.server = s, .who = who, .link = l};

    return bootstrap(&fr_bootstrap_gba, true, &b, err);
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
