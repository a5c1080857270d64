/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

#include <jansson.h>

#include "agent/agent_socket.h"
#include "agent/events.h"
#include "base/timetext.h"
#include "model/json_text.h"
#include "trigger/trigger.h"

#define WAIT_MAX_MS (3600 * 1000) /* the wall clock may be set meanwhile */

struct agent {
    const struct fr_agent_setup *setup;
    const struct fr_device *device;
    struct fr_agent_socket *socket;
    struct fr_run *run;
    uint64_t requester;     /* of the run; 0: nobody */
    bool from_list;         /* the run is of the configured list */
    int64_t wait_target_ms; /* of the request that comes to a run */
    unsigned failures;      /* in a row */
    int64_t retry_at;       /* mono_ms; -1: no retry is due */
    int64_t renew_at;       /* seconds since 1970; 0: nothing to renew */
    int64_t renew_by_ms;    /* mono_ms: the same, for a wall clock that stands still */
    /* of a request that brought addresses; the run borrows all three */
    struct fr_device asked;
    struct fr_host *hosts;
    json_t *hosts_json;
};

static const struct fr_env *env(const struct agent *a)
{
    return a->device->env;
}

/* ---- when ---- */

static enum fr_code load_list(const struct agent *a, struct fr_document **ret,
                              struct fr_err *err)
{
    struct fr_trigger_source source = {.instructions =
                                           a->device->config->agent.instructions,
                                       .discover = a->device->config->agent.discover};

    return fr_trigger_boot.fire(&source, ret, err);
}

static enum fr_code find_for(const struct agent *a, const struct fr_instruction *in,
                             struct fr_credential **ret, struct fr_err *err)
{
    const struct fr_slot_id any = {.mef = NULL};
    FR_AUTO(credential) *c = NULL;

    if (in->kind == FR_BOOTSTRAP)
        return fr_device_current(a->device, in, ret, err);
    FR_TRY(fr_state_find(a->device->state, &any, &c, err));
    if (!fr_credential_is_valid(c, fr_device_now(a->device)))
        return FR_FAIL(err, FR_ENOTFOUND, "the credential has expired");
    *ret = FR_TAKE(c);
    return FR_OK;
}

/* What the list is there for: the credential of one of its entries, or, where a
 * discovery decides, any that is valid. */
static enum fr_code find_current(const struct agent *a, const struct fr_document *list,
                                 struct fr_credential **ret, struct fr_err *err)
{
    for (size_t i = 0; i < list->n; i++)
        if (find_for(a, &list->list[i], ret, err) == FR_OK)
            return FR_OK;
    return FR_FAIL(err, FR_ENOTFOUND, "no entry of the list has a valid credential");
}

static void schedule_renewal(struct agent *a, const struct fr_credential *c)
{
    int64_t now = fr_device_now(a->device);
    int64_t from = now > c->created ? now : c->created;

    a->renew_at = c->created + (c->expires - c->created) / 3 * 2;
    a->renew_by_ms = fr_mono_ms(env(a)) + (a->renew_at - from) * 1000;
}

/* Without a list the agent only serves its socket. */
static enum fr_code schedule(struct agent *a, struct fr_err *err)
{
    FR_AUTO(document) *list = NULL;
    FR_AUTO(credential) *c = NULL;

    a->retry_at = -1;
    a->renew_at = 0;
    if (!a->device->config->agent.instructions && !a->device->config->agent.discover)
        return FR_OK;
    FR_TRY(load_list(a, &list, err));
    if (find_current(a, list, &c, err) == FR_OK)
        schedule_renewal(a, c);
    else
        a->retry_at = fr_mono_ms(env(a));
    return FR_OK;
}

static int64_t back_off(const struct agent *a)
{
    int64_t bound = a->device->config->agent.retry_first_ms;
    int64_t cap = a->device->config->agent.retry_max_ms;

    for (unsigned i = 1; i < a->failures && bound < cap; i++)
        bound *= 2;
    if (bound > cap)
        bound = cap;
    return bound < UINT32_MAX ? fr_random_upto(env(a), (uint32_t)bound) : cap;
}

static int64_t renewal_in_ms(const struct agent *a)
{
    int64_t by_wall = (a->renew_at - fr_device_now(a->device)) * 1000;
    int64_t by_mono = a->renew_by_ms - fr_mono_ms(env(a));

    return by_wall < by_mono ? by_wall : by_mono;
}

static int due_in_ms(const struct agent *a)
{
    int64_t wait = WAIT_MAX_MS;

    if (a->retry_at >= 0)
        wait = a->retry_at - fr_mono_ms(env(a));
    else if (a->renew_at > 0)
        wait = renewal_in_ms(a);
    if (wait < 0)
        return 0;
    return wait < WAIT_MAX_MS ? (int)wait : WAIT_MAX_MS;
}

static bool is_due(const struct agent *a)
{
    return (a->retry_at >= 0 || a->renew_at > 0) && due_in_ms(a) == 0;
}

/* ---- runs ---- */

static int on_event(void *ctx, const struct fr_event *event)
{
    struct agent *a = ctx;

    fr_agent_socket_say(a->socket, a->requester, event->json);
    return a->setup->fn ? a->setup->fn(a->setup->ctx, event) : 0;
}

static void warn(struct agent *a, const char *text)
{
    struct fr_teller teller = {.fn = a->setup->fn, .ctx = a->setup->ctx};

    fr_tell_warning(&teller, text);
}

/* The one line of a request that leads to no run. */
static void answer(struct agent *a, uint64_t who, const json_t *json)
{
    FR_AUTO_CLEAR(buf) line = FR_BUF_INIT(FR_EVENT_LINE_MAX);

    if (fr_json_put(json, &line, NULL) == FR_OK)
        fr_agent_socket_say(a->socket, who, fr_buf_cstr(&line));
    fr_agent_socket_finish(a->socket, who);
}

static void refuse(struct agent *a, uint64_t who, const char *outcome,
                   const struct fr_err *why)
{
    char plain[FR_SPEAKABLE_MAX];
    json_auto_t *json =
        json_pack("{s:s,s:s,s:s,s:s,s:i}", "event", "outcome", "outcome", outcome,
                  "reason", why->reason, "text", fr_tell_speakable(why->msg, plain),
                  "exit", fr_code_exit(why->code));

    answer(a, who, json);
}

/* Takes doc. */
static enum fr_code start(struct agent *a, const struct fr_device *device,
                          struct fr_document *doc, bool renew, struct fr_err *err)
{
    struct fr_run_setup setup = {.device = device,
                                 .renew = renew,
                                 .wait_target_ms = a->wait_target_ms,
                                 .lock_held = true,
                                 .fn = on_event,
                                 .ctx = a};

    return fr_run_open(&setup, doc, &a->run, err);
}

static void failed_once_more(struct agent *a)
{
    a->failures++;
    a->renew_at = 0;
    a->retry_at = fr_mono_ms(env(a)) + back_off(a);
}

static enum fr_code start_list(struct agent *a, bool renew, struct fr_err *err)
{
    struct fr_document *list;

    FR_TRY(load_list(a, &list, err));
    a->from_list = true;
    return start(a, a->device, list, renew, err);
}

/* A renewal that failed is tried again as one: the credential is valid still. */
static void start_due(struct agent *a)
{
    FR_AUTO(document) *list = NULL;
    FR_AUTO(credential) *c = NULL;
    struct fr_err err;

    enum fr_code rc = load_list(a, &list, &err);
    if (rc == FR_OK) {
        bool renew = find_current(a, list, &c, &err) == FR_OK;
        a->requester = 0;
        a->from_list = true;
        rc = start(a, a->device, FR_TAKE(list), renew, &err);
    }
    if (rc == FR_OK)
        return;
    warn(a, err.msg);
    failed_once_more(a);
}

/* A run that failed may have brought a credential all the same: its target did not come
 * (waitTargetMs). Otherwise what was due before still is, and no sooner. */
static void look_for_credential(struct agent *a)
{
    int64_t renew_at = a->renew_at, retry_at = a->retry_at;
    struct fr_err err;

    if (schedule(a, &err) == FR_OK && !is_due(a))
        return;
    a->renew_at = renew_at;
    a->retry_at = retry_at;
}

/* A success that leaves the next run due at once is none: it must not make us spin. */
static void run_ended(struct agent *a)
{
    struct fr_err err;
    bool good = fr_run_status(a->run, NULL) == FR_STATUS_OK;

    fr_run_free(a->run);
    a->run = NULL;
    fr_agent_socket_finish(a->socket, a->requester);
    a->requester = 0;
    if (good && schedule(a, &err) == FR_OK && !is_due(a))
        a->failures = 0;
    else if (good || a->from_list)
        failed_once_more(a);
    else
        look_for_credential(a);
}

/* ---- requests ---- */

static enum fr_code document_of(const json_t *request, struct fr_document **ret,
                                struct fr_err *err)
{
    const json_t *document = json_object_get(request, "document");
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_DOCUMENT_MAX);

    if (!document)
        return FR_FAIL(err, FR_EPARSE, "the request has no document");
    FR_TRY(fr_json_put(document, &text, err));
    return fr_document_parse(fr_buf_view(&text), "request", FR_USE_TRIGGER, ret, NULL,
                             err);
}

static void drop_hosts(struct agent *a)
{
    json_decref(a->hosts_json);
    a->hosts_json = NULL;
    free(a->hosts);
    a->hosts = NULL;
}

static enum fr_code fill_hosts(struct agent *a, const json_t *given, struct fr_err *err)
{
    size_t n = json_array_size(given);

    for (size_t i = 0; i < n; i++) {
        const json_t *host = json_array_get(given, i);
        a->hosts[i].name = json_string_value(json_object_get(host, "name"));
        a->hosts[i].address = json_string_value(json_object_get(host, "address"));
        if (!a->hosts[i].name || !a->hosts[i].address)
            return FR_FAIL(err, FR_EPARSE, "a host has a name and an address");
    }
    for (size_t i = 0; i < a->device->n_hosts; i++)
        a->hosts[n + i] = a->device->hosts[i];
    a->asked.hosts = a->hosts;
    a->asked.n_hosts = n + a->device->n_hosts;
    return FR_OK;
}

/* Makes a->asked: this device with the addresses that the request brings. */
static enum fr_code take_hosts(struct agent *a, json_t *given, struct fr_err *err)
{
    drop_hosts(a);
    a->asked = *a->device;
    if (!given)
        return FR_OK;
    if (!json_is_array(given) || json_array_size(given) > FR_AGENT_HOSTS_MAX)
        return FR_FAIL(err, FR_EPARSE, "hosts is an array of at most %d",
                       FR_AGENT_HOSTS_MAX);
    a->hosts_json = json_incref(given);
    a->hosts = calloc(FR_AGENT_HOSTS_MAX + a->device->n_hosts, sizeof *a->hosts);
    if (!a->hosts)
        return FR_FAIL(err, FR_ENOMEM, "no memory for addresses");
    return fill_hosts(a, given, err);
}

static int64_t wait_of(const json_t *given)
{
    int64_t ms = json_integer_value(given);

    return ms < 0 ? 0 : ms > FR_BUDGET_MAX ? FR_BUDGET_MAX : ms;
}

static enum fr_code on_provision(struct agent *a, const json_t *request,
                                 struct fr_err *err)
{
    bool renew = json_is_true(json_object_get(request, "renew"));
    struct fr_document *doc;

    FR_TRY(take_hosts(a, json_object_get(request, "hosts"), err));
    FR_TRY(document_of(request, &doc, err));
    a->from_list = false;
    a->wait_target_ms = wait_of(json_object_get(request, "waitTargetMs"));
    enum fr_code rc = start(a, &a->asked, doc, renew, err);
    a->wait_target_ms = 0;
    return rc;
}

static enum fr_code on_trigger(struct agent *a, const json_t *request,
                               struct fr_err *err)
{
    (void)request;
    return start_list(a, false, err);
}

static void on_status(struct agent *a, uint64_t who)
{
    char renew_at[FR_TIME_TEXT] = "";
    int64_t retry_ms = a->retry_at >= 0 ? due_in_ms(a) : -1;

    if (a->renew_at > 0)
        (void)fr_rfc3339_format(a->renew_at, renew_at);
    json_auto_t *json =
        json_pack("{s:s,s:b,s:s,s:I,s:i,s:i}", "event", "status", "running",
                  a->run != NULL, "renewAt", renew_at, "retryInMs",
                  (json_int_t)retry_ms, "failures", (int)a->failures, "exit", 0);

    answer(a, who, json);
}

typedef enum fr_code (*starter_fn)(struct agent *a, const json_t *request,
                                   struct fr_err *err);

static starter_fn starter_of(const char *op)
{
    if (fr_str_equal(op, "provision"))
        return on_provision;
    return fr_str_equal(op, "trigger") ? on_trigger : NULL;
}

static void on_request(void *ctx, uint64_t who, struct fr_slice line)
{
    struct agent *a = ctx;
    json_auto_t *request =
        json_loadb((const char *)line.data, line.len, JSON_REJECT_DUPLICATES, NULL);
    const char *op = json_string_value(json_object_get(request, "op"));
    starter_fn starter = starter_of(op);
    struct fr_err err;

    if (fr_str_equal(op, "status")) {
        on_status(a, who);
        return;
    }
    if (!starter) {
        fr_err_set(&err, FR_EUSAGE, NULL, FR_HERE,
                   "op is provision, trigger or status");
        refuse(a, who, "failed", &err);
        return;
    }
    if (a->run) {
        fr_err_set(&err, FR_EBUSY, NULL, FR_HERE,
                   "a run is under way: try again when it ends");
        refuse(a, who, "refused", &err);
        return;
    }
    a->requester = who;
    if (starter(a, request, &err) == FR_OK)
        return;
    a->requester = 0;
    refuse(a, who, "failed", &err);
}

/* ---- the loop ---- */

static bool wait_for_something(struct agent *a)
{
    struct pollfd fds[1 + FR_AGENT_SOCKET_FDS + FR_RUN_FDS];
    int wait_ms = due_in_ms(a);

    fds[0] = (struct pollfd){.fd = a->setup->stop_fd, .events = POLLIN};
    size_t n = 1 + fr_agent_socket_interests(a->socket, fds + 1);
    if (a->run)
        n += fr_run_interests(a->run, fds + n, FR_RUN_FDS, &wait_ms);
    if (poll(fds, n, wait_ms) < 0)
        return errno == EINTR;
    return fds[0].revents == 0;
}

static void loop(struct agent *a)
{
    do {
        if (!a->run && is_due(a))
            start_due(a);
        fr_agent_socket_step(a->socket, on_request, a);
        if (a->run)
            fr_run_step(a->run, NULL, 0);
        if (a->run && fr_run_is_done(a->run))
            run_ended(a);
    } while (wait_for_something(a));

    if (!a->run)
        return;
    fr_run_stop(a->run);
    fr_run_step(a->run, NULL, 0);
    fr_run_free(a->run);
    a->run = NULL;
}

int fr_agent_run(const struct fr_agent_setup *setup, struct fr_err *err)
{
    struct agent a = {.setup = setup, .device = setup->device};
    struct fr_state *state = setup->device->state;
    enum fr_code rc = fr_state_lock(state, err);

    if (rc != FR_OK)
        return fr_code_exit(rc);
    rc = schedule(&a, err);
    if (rc == FR_OK)
        rc = fr_agent_socket_open(setup->device->config->agent.socket, &a.socket, err);
    if (rc == FR_OK && setup->ready)
        setup->ready(setup->ctx);
    if (rc == FR_OK)
        loop(&a);
    fr_agent_socket_close(a.socket);
    drop_hosts(&a);
    fr_state_unlock(state);
    return fr_code_exit(rc);
}

enum fr_code fr_stop_fd_open(int *ret, struct fr_err *err)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return FR_FAIL(err, FR_EINTERNAL, "blocking signals: %s", strerror(errno));
    *ret = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (*ret < 0)
        return FR_FAIL(err, FR_EINTERNAL, "signalfd: %s", strerror(errno));
    return FR_OK;
}
