/* SPDX-License-Identifier: Apache-2.0 */
#include "mef.h"

#include "test.h"

#define EXPORTED                                                                       \
    "c1aec59a313d1341c3d91e1fee552ff271d4117ef18249a1ccb60f2bc89a24d6"                 \
    "4bf321300914dfdaf91b7152a909ad7c"

static struct fr_err err;

struct request {
    char method[8], path[FR_ID_MAX + 1];
    const char *head;
    struct fr_slice body;
};

static const struct route {
    const char *method, *head; /* a line that the head must have, or NULL */
    const char *below;         /* what the path ends with */
    enum mef_step step;
} routes[] = {
    {"POST", "Content-Type: application/vnd.onem2m-res+json; ty=102\r\n", "/mefbase",
     MEF_CLIENT_REG},
    {"POST", "Content-Type: application/vnd.onem2m-res+json; ty=104\r\n", "/mefbase",
     MEF_KEY_REG},
    {"POST", "Content-Type: application/json\r\n", MEF_RI "/fieldroot-confirm",
     MEF_CONFIRM},
    {"GET", NULL, "/mefbase/client-1/cmd", MEF_COMMAND},
    {"PUT", "Content-Type: application/vnd.onem2m-res+json\r\n",
     "/mefbase/client-1/cmd", MEF_UPDATE},
    {"POST", "Content-Type: application/json\r\n",
     "/mefbase/client-1/fieldroot-attempts", MEF_REPORT},
    {"GET", NULL, "/mefbase/" MEF_RI, MEF_LOOKUP},
    {"GET", NULL, "/mefbase/" MEF_RI "/fieldroot-fetched?wait=50", MEF_FETCHED},
    {"GET", NULL, "/mefbase/" MEF_RI "/fieldroot-fetched?wait=10", MEF_FETCHED},
};

static void parse(struct fr_slice sent, struct request *req, struct mef *m)
{
    const char *text = (const char *)sent.data; /* the run's buffer is terminated */
    const char *end = strstr(text, "\r\n\r\n");
    const char *id = strstr(text, "X-M2M-RI: ");

    assert_non_null(end);
    assert_int_equal(sscanf(text, "%7s %255s HTTP/1.1", req->method, req->path), 2);
    assert_non_null(strstr(text, "\r\nHost: mef.example.com:8443\r\n"));
    assert_non_null(strstr(text, "\r\nX-M2M-Origin: " MEF_OWN_ID "\r\n"));
    assert_non_null(strstr(text, "\r\nX-M2M-RVI: 3\r\n"));
    assert_true(id && sscanf(id, "X-M2M-RI: %63s", m->request_id) == 1);
    req->head = text;
    req->body = fr_slice_of(end + 4, sent.len - (size_t)(end + 4 - text));
}

static bool ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), k = strlen(tail);

    return n >= k && strcmp(s + n - k, tail) == 0;
}

static enum mef_step route(const struct request *req)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        if (strcmp(req->method, routes[i].method) == 0 &&
            (!routes[i].head || strstr(req->head, routes[i].head)) &&
            ends_with(req->path, routes[i].below))
            return routes[i].step;
    fail_msg("no such resource: %s %s", req->method, req->path);
    return MEF_N_STEPS;
}

static void respond(const struct mef *m, struct fr_buf *reply, const char *status,
                    int rsc, struct fr_slice body)
{
    fr_buf_fmt(reply,
               "HTTP/1.1 %s\r\nX-M2M-RSC: %d\r\nX-M2M-RI: %s\r\n"
               "%s%s%sContent-Length: %zu\r\n\r\n",
               status, rsc, m->request_id, m->date ? "Date: " : "",
               m->date ? m->date : "", m->date ? "\r\n" : "", body.len);
    fr_buf_put(reply, body.data, body.len);
}

static void create_client(struct mef *m, const struct request *req, struct fr_buf *to)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(4096);
    struct fr_mmef_client_reg reg;

    assert_ok(fr_mmef_client_reg_decode(req->body, &reg, &err));
    snprintf(reg.ri, sizeof reg.ri, "client-1");
    snprintf(reg.creator, sizeof reg.creator, "%s", m->client_creator);
    assert_ok(fr_mmef_client_reg_encode(&reg, &body, &err));
    respond(m, to, "201 Created", 2001, fr_buf_view(&body));
}

static void create_key(struct mef *m, const struct request *req, struct fr_buf *to)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(4096);
    struct fr_mmef_key_reg asked;

    assert_ok(fr_mmef_key_reg_decode(req->body, &asked, &err));
    assert_int_equal(asked.suid, FR_SUID_DEFAULT);
    assert_ok(fr_mmef_key_reg_encode(&m->key_reg, &body, &err));
    assert_ok(fr_sha256(req->body, m->fields.request_sha256, &err));
    assert_ok(fr_sha256(fr_buf_view(&body), m->fields.response_sha256, &err));
    respond(m, to, "201 Created", 2001, fr_buf_view(&body));
}

static void confirm(struct mef *m, const struct request *req, struct fr_buf *to)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(4096);
    uint8_t mac[FR_SHA256_LEN];

    assert_ok(fr_mmef_mac_decode(req->body, mac, &err));
    m->confirmed = fr_confirm_check(m->ke, FR_CONFIRM_ENROLEE, &m->fields,
                                    fr_slice_of(mac, sizeof mac), &err) == FR_OK;
    assert_ok(fr_confirm_mac(m->ke, FR_CONFIRM_MEF, &m->fields, mac, &err));
    mac[0] ^= m->wrong_mac;
    assert_ok(fr_mmef_mac_encode(mac, &body, &err));
    respond(m, to, "200 OK", 2000, fr_buf_view(&body));
}

static void command(struct mef *m, const struct request *req, struct fr_buf *to)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(4096);
    struct fr_mmef_cmd cmd = {.status = FR_CMD_ISSUED, .retry_ms = 86400000};
    int i = m->count[MEF_UPDATE];

    if (req->body.len > 0) {
        struct fr_mmef_cmd update;

        assert_ok(fr_mmef_cmd_decode(req->body, &update, &err));
        assert_true(i >= 1 && i < 64);
        m->reported[i - 1] = update.status;
    }
    snprintf(cmd.id, sizeof cmd.id, "%d", m->same_id ? 1 : i + 1);
    cmd.class_id = i < m->n_commands ? m->command_class : 0;
    assert_ok(fr_mmef_cmd_encode(&cmd, &body, &err));
    respond(m, to, "200 OK", req->body.len ? 2004 : 2000, fr_buf_view(&body));
}

static void take_report(struct mef *m, const struct request *req, struct fr_buf *to)
{
    (void)req;
    fr_buf_fmt(to, "HTTP/1.1 204 No Content\r\nX-M2M-RI: %s\r\n\r\n", m->request_id);
}

static void look_up(struct mef *m, const struct request *req, struct fr_buf *to)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(4096);

    (void)req;
    if (!m->knows) {
        respond(m, to, "404 Not Found", 4004, fr_slice_str("{}"));
        return;
    }
    assert_ok(fr_mmef_key_reg_encode(&m->key_reg, &body, &err));
    respond(m, to, "200 OK", 2000, fr_buf_view(&body));
}

static void say_fetched(struct mef *m, const struct request *req, struct fr_buf *to)
{
    bool no = m->n_not_fetched < 0 || m->count[MEF_FETCHED] <= m->n_not_fetched;

    (void)req;
    if (no)
        fr_fake_env_advance(m->env, m->fetched_takes_ms);
    respond(m, to, "200 OK", 2000,
            fr_slice_str(no ? "{\"fetched\":false}" : "{\"fetched\":true}"));
}

static void (*const steps[])(struct mef *m, const struct request *req,
                             struct fr_buf *to) = {
    [MEF_CLIENT_REG] = create_client, [MEF_KEY_REG] = create_key,
    [MEF_CONFIRM] = confirm,          [MEF_COMMAND] = command,
    [MEF_UPDATE] = command,           [MEF_REPORT] = take_report,
    [MEF_LOOKUP] = look_up,           [MEF_FETCHED] = say_fetched};

static bool mef_answer(void *state, struct fr_slice sent, struct fr_buf *reply)
{
    struct mef *m = state;
    struct request req;
    enum mef_step step;
    size_t before = reply->len;

    parse(sent, &req, m);
    step = route(&req);
    m->count[step]++;
    fr_buf_reset(&m->body[step]);
    fr_buf_put(&m->body[step], req.body.data, req.body.len);
    snprintf(m->path[step], sizeof m->path[step], "%s", req.path);
    if (m->raw[step])
        fr_buf_str(reply, m->raw[step]);
    else
        steps[step](m, &req, reply);
    if (m->cuts[step])
        reply->len = before + (reply->len - before) / 2;
    return !m->hangs_up[step] && !m->cuts[step];
}

void mef_begin(struct mef *m, struct fr_drive *d)
{
    char relkeyid[2 * FR_RELKEYID_LEN + 1];

    *m = (struct mef){.client_creator = MEF_OWN_ID, .command_class = 2, .knows = true};
    m->env = &d->env;
    m->key_reg = (struct fr_mmef_key_reg){.ri = MEF_RI,
                                          .creator = MEF_OWN_ID,
                                          .admin_fqdn = "mef.example.com",
                                          .suid = FR_SUID_DEFAULT,
                                          .target = "broker.example.com",
                                          .target_fqdn = "broker.example.com"};
    m->key_reg.expires = d->env.wall_s + 1000;
    for (int i = 0; i < MEF_N_STEPS; i++)
        m->body[i] = (struct fr_buf)FR_BUF_INIT(FR_MMEF_BODY_MAX);
    assert_ok(fr_secret_from_hex(fr_slice_str(EXPORTED), &m->exported, &err));
    assert_ok(fr_kdf_split_export(fr_secret_view(m->exported), relkeyid, &m->ke, &err));
    assert_string_equal(relkeyid, MEF_RI);
    fr_keyid_format(relkeyid, "mef.example.com", m->key_id);
    m->fields.key_id = m->key_id;
    m->fields.mef_fqdn = "mef.example.com";
    m->fields.credential = MEF_REF;
    d->link = (struct fr_link){.exported = d->pending ? NULL : m->exported,
                               .credential_ref = MEF_REF,
                               .own_id = MEF_OWN_ID,
                               .tls_version = "TLSv1.3"};
    d->peer = (struct fr_drive_peer){.state = m, .answer = mef_answer};
}

void mef_end(struct mef *m)
{
    for (int i = 0; i < MEF_N_STEPS; i++)
        fr_buf_clear(&m->body[i]);
    fr_secret_free(m->exported);
    fr_secret_free(m->ke);
}

const char *mef_http(const char *head, const char *body)
{
    static char text[1024];

    snprintf(text, sizeof text, "HTTP/1.1 %sContent-Length: %zu\r\n\r\n%s", head,
             strlen(body), body);
    return text;
}

int mef_fixture_begin(void **state)
{
    static struct mef_fixture f;

    f.pending = NULL;
    fr_drive_init(&f.d);
    f.d.bootstrap = &fr_bootstrap_certificate;
    mef_begin(&f.mef, &f.d);
    *state = &f;
    return 0;
}

int mef_fixture_end(void **state)
{
    struct mef_fixture *f = *state;

    fr_drive_clear(&f->d);
    mef_end(&f->mef);
    fr_credential_free(f->pending);
    return 0;
}
