/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/agent/rig.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "test.h"
#include "unit/net/tlspeer.h"

static const struct fr_bootstrap_method *const bootstraps[] = {&scripted_bootstrap,
                                                               NULL};
static const struct fr_discovery_method *const discoveries[] = {&scripted_discovery,
                                                                NULL};

static void write_config(struct rig *r, const char *extra)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(8192);
    struct fr_err err;

    fr_buf_fmt(&text, "state = \"%s\"\n", r->state_path);
    fr_buf_fmt(&text, "credential dev { certificate = \"%s\" key = \"%s\" }\n",
               pki_path("device.pem"), pki_path("device.key"));
    fr_buf_fmt(&text, "trust { mef = \"%s\" discovery = \"%s\" }\n",
               pki_path("mef-ca/ca.pem"), pki_path("mef-ca/ca.pem"));
    fr_buf_str(&text, extra ? extra : "");
    assert_ok(fr_buf_check(&text, &err));
    assert_ok(fr_file_write_atomic(r->config_path, fr_buf_view(&text), 0600, &err));
}

void rig_init(struct rig *r, const char *extra)
{
    static int serial;
    struct fr_err err;
    char name[32];

    memset(r, 0, sizeof *r);
    memset(&scripted, 0, sizeof scripted);
    r->stop_at = -1;
    fr_fake_env_init(&r->clock, 7);
    (void)snprintf(name, sizeof name, "device-%d", ++serial);
    (void)snprintf(r->state_path, sizeof r->state_path, "%s", pki_path(name));
    (void)snprintf(r->config_path, sizeof r->config_path, "%s.conf", r->state_path);
    write_config(r, extra);
    assert_ok(fr_config_load(r->config_path, true, &r->config, &err));
    assert_ok(
        fr_state_open(r->config->state, r->config->attempts_max, &r->state, &err));
    r->device = (struct fr_device){.config = r->config,
                                   .state = r->state,
                                   .env = &r->clock.env,
                                   .bootstraps = bootstraps,
                                   .discoveries = discoveries,
                                   .hosts = peer_hosts,
                                   .n_hosts = 1};
}

void rig_clear(struct rig *r)
{
    for (size_t i = 0; i < r->n_events; i++)
        free(r->json[i]);
    fr_state_free(r->state);
    fr_config_free(r->config);
    assert_int_equal(scripted.opened, scripted.closed);
}

int rig_event(void *ctx, const struct fr_event *event)
{
    struct rig *r = ctx;

    assert_non_null(event->text);
    assert_true(r->n_events < RIG_EVENTS_MAX);
    r->json[r->n_events++] = strdup(event->json);
    return (int)r->n_events - 1 == r->stop_at;
}

static bool is_kind(const char *json, const char *kind)
{
    char start[64];

    (void)snprintf(start, sizeof start, "{\"event\":\"%s\",", kind);
    return strncmp(json, start, strlen(start)) == 0;
}

const char *rig_nth(const struct rig *r, const char *kind, size_t n)
{
    for (size_t i = 0; i < r->n_events; i++)
        if (is_kind(r->json[i], kind) && n-- == 0)
            return r->json[i];
    return NULL;
}

size_t rig_count(const struct rig *r, const char *kind)
{
    size_t n = 0;

    while (rig_nth(r, kind, n))
        n++;
    return n;
}

struct fr_document *rig_document(const char *text)
{
    char json[4096];
    struct fr_document *doc;
    struct fr_err err;

    (void)snprintf(json, sizeof json, "%s", text);
    for (char *p = json; *p; p++)
        if (*p == '\'')
            *p = '"';
    assert_ok(fr_document_parse(fr_slice_str(json), "test", FR_USE_TRIGGER, &doc, NULL,
                                &err));
    return doc;
}

struct fr_run *rig_run(struct rig *r, const char *document, bool renew)
{
    struct fr_run_setup setup = {.device = &r->device,
                                 .renew = renew,
                                 .wait_target_ms = r->wait_target_ms,
                                 .fn = rig_event,
                                 .ctx = r};
    struct fr_run *run;
    struct fr_err err;

    assert_ok(fr_run_open(&setup, rig_document(document), &run, &err));
    return run;
}

int rig_finish(struct rig *r, struct fr_run *run)
{
    struct pollfd fds[FR_RUN_FDS];
    int wait_ms, status;

    for (;;) {
        fr_run_step(run, NULL, 0);
        if (fr_run_is_done(run))
            break;
        size_t n = fr_run_interests(run, fds, FR_RUN_FDS, &wait_ms);
        if (n == 0)
            fr_fake_env_advance(&r->clock, wait_ms);
        else
            (void)poll(fds, n, 1000);
    }
    status = (int)fr_run_status(run, NULL);
    fr_run_free(run);
    return status;
}

int rig_walk(struct rig *r, const char *document)
{
    return rig_finish(r, rig_run(r, document, false));
}

struct fr_credential *rig_credential(const char *mef, const char *target,
                                     int64_t created)
{
    static unsigned serial;
    struct fr_credential *c;
    struct fr_err err;
    char relkeyid[33], key_id[FR_KEYID_MAX + 1];
    uint8_t ke[FR_KE_LEN];

    memset(ke, (int)++serial, sizeof ke);
    (void)snprintf(relkeyid, sizeof relkeyid, "%032X", serial);
    assert_ok(fr_credential_new(&c, &err));
    c->method = strdup("scripted");
    c->mef = strdup(mef);
    c->port = 8443;
    c->target = strdup(target);
    c->target_fqdn = strdup(target);
    c->suid = FR_SUID_DEFAULT;
    c->admin_fqdn = strdup(mef);
    c->key_id = strdup(fr_keyid_format(relkeyid, mef, key_id));
    c->registration = strdup("/mefbase/1");
    c->created = created;
    c->expires = created + 300;
    c->confirmed = true;
    assert_ok(fr_secret_from(ke, sizeof ke, &c->ke, &err));
    return c;
}

void rig_put(struct rig *r, const char *mef, const char *target, bool pending)
{
    FR_AUTO(credential) *c = rig_credential(mef, target, r->clock.wall_s);
    struct fr_slot_id id = {.mef = mef, .target = target, .suid = c->suid};
    struct fr_err err;

    assert_ok(fr_state_store_pending(r->state, c, &err));
    if (!pending)
        assert_ok(fr_state_flip(r->state, &id, &err));
}

bool rig_has_current(struct rig *r, const char *mef, const char *target)
{
    struct fr_slot_id id = {.mef = mef, .target = target};
    FR_AUTO(credential) *c = NULL;

    return fr_state_find(r->state, &id, &c, NULL) == FR_OK;
}

size_t rig_n_pending(struct rig *r)
{
    size_t n = 0;

    for (;; n++) {
        FR_AUTO(credential) *c = NULL;
        if (fr_state_pending_at(r->state, n, &c, NULL) != FR_OK)
            return n;
    }
}

struct fr_state *rig_state(size_t attempts_max)
{
    static int serial;
    struct fr_state *s;
    struct fr_err err;
    char name[32];

    (void)snprintf(name, sizeof name, "state-%d", ++serial);
    assert_ok(fr_state_open(pki_path(name), attempts_max, &s, &err));
    return s;
}
