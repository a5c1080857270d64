/* SPDX-License-Identifier: Apache-2.0 */
#include "target/program.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <jansson.h>

#include "base/file.h"
#include "target/mef.h"

struct program {
    const struct fr_target_options *options;
    struct fr_target_mef mef;
    int stop_fd;
};

static enum fr_code get(void *ctx, const char *path, int64_t timeout_ms,
                        struct fr_target_answer *ret, struct fr_err *err)
{
    struct program *p = ctx;

    return fr_target_mef_get(&p->mef, path, timeout_ms, ret, err);
}

static void tell(void *ctx, const struct fr_target_news *news)
{
    struct program *p = ctx;

    fr_target_report(p->options, news);
}

static enum fr_code sleep_ms(void *ctx, int64_t ms, struct fr_err *err)
{
    struct program *p = ctx;
    struct pollfd fd = {.fd = p->stop_fd, .events = POLLIN};

    if (poll(&fd, 1, (int)ms) > 0)
        return FR_FAIL(err, FR_EINTERRUPTED, "stopped");
    return FR_OK;
}

/* The signals become readable instead of being delivered: no handler, no race. */
static enum fr_code open_stop_fd(int *ret, struct fr_err *err)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0 ||
        (*ret = signalfd(-1, &signals, SFD_CLOEXEC)) < 0)
        return FR_FAIL(err, FR_EINTERNAL, "signals: %s", strerror(errno));
    return FR_OK;
}

/* Held until the process ends. */
static enum fr_code lock_state(const struct fr_target_config *c, int *ret,
                               struct fr_err *err)
{
    FR_TRY(fr_dir_make(c->state, 0700, err));
    *ret = open(c->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*ret < 0)
        return FR_FAIL(err, FR_ESTORE, "opening %s: %s", c->lock_path, strerror(errno));
    if (flock(*ret, LOCK_EX | LOCK_NB) != 0)
        return FR_FAIL_AS(err, FR_EBUSY, "locked",
                          "another fieldroot-target works on %s", c->state);
    return FR_OK;
}

static enum fr_code start_afresh(struct program *p, const char *mef, const char *why,
                                 struct fr_target_cache **ret, struct fr_err *err)
{
    struct fr_target_news news = {.kind = FR_NEWS_WARNING};

    snprintf(news.text, sizeof news.text, "%.400s; reading the whole feed again", why);
    tell(p, &news);
    return fr_target_cache_new(mef, ret, err);
}

/* The MEF can give everything again, so a bad cache is no reason to stop. */
static enum fr_code open_cache(struct program *p, const struct fr_target_config *c,
                               struct fr_target_cache **ret, struct fr_err *err)
{
    FR_AUTO(target_cache) *cache = NULL;
    enum fr_code rc = fr_target_cache_load(c->cache_path, &cache, err);

    if (rc == FR_ENOTFOUND)
        return fr_target_cache_new(c->mef_fqdn, ret, err);
    if (rc == FR_EPARSE)
        return start_afresh(p, c->mef_fqdn, err->msg, ret, err);
    FR_TRY(rc);
    if (strcmp(cache->mef, c->mef_fqdn) != 0)
        return start_afresh(p, c->mef_fqdn, "the cache is another MEF's", ret, err);
    *ret = FR_TAKE(cache);
    return FR_OK;
}

/* The broker's file may be another fieldroot-target's too, of another MEF. */
static void remove_scraps(const struct fr_target_config *c)
{
    fr_file_remove_scraps(c->cache_path, true);
    if (c->psk_file)
        fr_file_remove_scraps(c->psk_file, false);
}

static enum fr_code work(struct program *p, const struct fr_target_config *c,
                         struct fr_err *err)
{
    FR_AUTO(target_cache) *cache = NULL;
    FR_AUTO_FD(lock) = -1;
    struct fr_target target = {.env = &fr_env_system,
                               .cache_path = c->cache_path,
                               .psk_file = c->psk_file,
                               .pid_file = c->pid_file,
                               .get = get,
                               .tell = tell,
                               .sleep = sleep_ms,
                               .ctx = p};

    FR_TRY(lock_state(c, &lock, err));
    remove_scraps(c);
    FR_TRY(open_cache(p, c, &cache, err));
    FR_TRY(fr_target_mef_open(&p->mef, c, &fr_env_system, p->stop_fd, err));
    fr_target_use_ua(cache, c->ua);
    target.cache = cache;
    return p->options->watch ? fr_target_watch(&target, err)
                             : fr_target_pass(&target, 0, err);
}

static enum fr_code run(struct program *p, struct fr_err *err)
{
    FR_AUTO(target_config) *config = NULL;
    enum fr_code rc = fr_target_config_load(p->options->config, &config, err);

    if (rc == FR_ENOTFOUND)
        return FR_FAIL(err, FR_ECONFIG, "%s: no such file", p->options->config);
    FR_TRY(rc);
    FR_TRY(open_stop_fd(&p->stop_fd, err));
    rc = work(p, config, err);
    fr_target_mef_clear(&p->mef);
    return rc;
}

/* jansson's tokeniser has its own copy of every key that is fetched. */
static void wipe_and_free(void *p)
{
    if (p)
        explicit_bzero(p, malloc_usable_size(p));
    free(p);
}

int fr_target_run(const struct fr_target_options *options)
{
    struct program p = {.options = options, .stop_fd = -1};
    char text[2 * FR_ERR_MSG_MAX];
    struct fr_err err = {0};
    enum fr_code rc;

    json_set_alloc_funcs(malloc, wipe_and_free);
    rc = run(&p, &err);
    if (p.stop_fd >= 0)
        close(p.stop_fd);
    if (rc != FR_OK)
        fprintf(options->err, "fieldroot-target: %s\n",
                fr_printable(fr_slice_str(err.msg), text, sizeof text));
    return fr_code_exit(rc);
}
