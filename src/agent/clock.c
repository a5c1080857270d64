/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/timetext.h"

#define FILE_MAX 64 /* octets: a time and a newline */

static enum fr_code clock_path(const struct fr_state *s, char **ret, struct fr_err *err)
{
    return fr_path_join(fr_state_dir(s), "clock", ret, err);
}

/* An empty file is what a power cut may leave of a first one. */
static enum fr_code read_last_known(const struct fr_state *s, int64_t *ret,
                                    struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FILE_MAX);
    FR_AUTO_STR(path) = NULL;

    FR_TRY(clock_path(s, &path, err));
    enum fr_code rc = fr_file_read(path, &text, err);
    if (rc == FR_ENOTFOUND || (rc == FR_OK && text.len == 0))
        return FR_OK;
    FR_TRY(rc);
    if (text.data[text.len - 1] != '\n' ||
        !fr_rfc3339_parse(fr_slice_of(text.data, text.len - 1), ret))
        return FR_FAIL(err, FR_EPARSE, "%s is no time", path);
    return FR_OK;
}

struct fr_clock fr_clock_read(const struct fr_state *state, const struct fr_env *env)
{
    struct fr_clock c = {.synchronised = fr_wall_is_synchronised(env),
                         .system = fr_wall_s(env)};

    c.damaged = read_last_known(state, &c.last_known, NULL) != FR_OK;
    return c;
}

int64_t fr_clock_now(const struct fr_clock *c)
{
    return c->synchronised || c->system > c->last_known ? c->system : c->last_known;
}

static struct fr_slice line_of(int64_t t, char to[FR_TIME_TEXT + 1])
{
    size_t len = strlen(fr_rfc3339_format(t, to));

    to[len] = '\n';
    return fr_slice_of(to, len + 1);
}

static enum fr_code write_soon(const char *path, struct fr_slice line,
                               struct fr_err *err)
{
    char tmp[4096];

    if ((size_t)snprintf(tmp, sizeof tmp, "%s.tmp", path) >= sizeof tmp)
        return FR_FAIL(err, FR_ESTORE, "path too long: %s", path);
    FR_AUTO_FD(fd) = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                          S_IRUSR | S_IWUSR);
    if (fd < 0)
        return FR_FAIL(err, FR_ESTORE, "creating %s: %s", tmp, strerror(errno));
    FR_TRY(fr_fd_write_all(fd, tmp, line, err));
    if (rename(tmp, path) != 0)
        return FR_FAIL(err, FR_ESTORE, "renaming %s: %s", tmp, strerror(errno));
    return FR_OK;
}

static enum fr_code too_far(int64_t from, int64_t to, struct fr_err *err)
{
    char was[FR_TIME_TEXT], is[FR_TIME_TEXT];

    return FR_FAIL_AS(err, FR_EREFUSED, "clock-step",
                      "the last time that this device knows of is %s, and stays: the "
                      "MEF's certificate, of %s, is over two years away, and the clock "
                      "is not synchronised; if it is right, say \"fieldroot clock "
                      "--set %s\"",
                      fr_rfc3339_format(from, was), fr_rfc3339_format(to, is), is);
}

enum fr_code fr_clock_advance(const struct fr_state *state, const struct fr_env *env,
                              int64_t not_before, struct fr_err *err)
{
    struct fr_clock c = fr_clock_read(state, env);
    char line[FR_TIME_TEXT + 1];
    FR_AUTO_STR(path) = NULL;

    if (not_before <= c.last_known)
        return FR_OK;
    if (!c.synchronised && c.last_known != 0 &&
        not_before - c.last_known > FR_CLOCK_STEP_MAX_S)
        return too_far(c.last_known, not_before, err);
    FR_TRY(clock_path(state, &path, err));
    return write_soon(path, line_of(not_before, line), err);
}

enum fr_code fr_clock_set(const struct fr_state *state, int64_t to, struct fr_err *err)
{
    char line[FR_TIME_TEXT + 1];
    FR_AUTO_STR(path) = NULL;

    FR_TRY(clock_path(state, &path, err));
    return fr_file_write_atomic(path, line_of(to, line), 0600, err);
}
