/* SPDX-License-Identifier: Apache-2.0 */
/* The attempt records of state.h: two files, the older half is replaced as a whole. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/state_impl.h"
#include "base/file.h"

static enum fr_code attempts_path(const struct fr_state *s, bool older, char **ret,
                                  struct fr_err *err)
{
    return fr_path_join(s->dir, older ? "attempts.1" : "attempts", ret, err);
}

void fr_state_touch_attempts(const struct fr_state *s)
{
    FR_AUTO_STR(path) = NULL;

    if (attempts_path(s, false, &path, NULL) != FR_OK)
        return;
    FR_AUTO_FD(fd) = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    (void)fd;
}

/* Each of the two files holds at most half of what is allowed. */
static enum fr_code make_room(const struct fr_state *s, const char *path, size_t len,
                              struct fr_err *err)
{
    FR_AUTO_STR(older) = NULL;
    struct stat st;

    if (stat(path, &st) != 0 || (size_t)st.st_size + len <= s->attempts_max / 2)
        return FR_OK;
    FR_TRY(attempts_path(s, true, &older, err));
    if (rename(path, older) != 0)
        return FR_FAIL(err, FR_ESTORE, "renaming %s: %s", path, strerror(errno));
    fr_state_touch_attempts(s);
    return fr_dir_sync_of(path, err);
}

/* The first record of a file may be the first that syncs its name. */
static enum fr_code sync_record(int fd, const char *path, bool is_first,
                                struct fr_err *err)
{
    if (fdatasync(fd) != 0)
        return FR_FAIL(err, FR_ESTORE, "syncing %s: %s", path, strerror(errno));
    return is_first ? fr_dir_sync_of(path, err) : FR_OK;
}

/* What did not fit on the disk is taken back: half a record helps no one. */
static enum fr_code append(const char *path, struct fr_slice frame, bool durable,
                           struct fr_err *err)
{
    struct stat st;
    FR_AUTO_FD(fd) =
        open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0 || fstat(fd, &st) != 0)
        return FR_FAIL(err, FR_ESTORE, "opening %s: %s", path, strerror(errno));
    enum fr_code rc = fr_fd_write_all(fd, path, frame, err);
    if (rc == FR_OK && durable)
        rc = sync_record(fd, path, st.st_size == 0, err);
    if (rc != FR_OK && ftruncate(fd, st.st_size) != 0)
        rc = FR_FAIL(err, FR_ESTORE, "writing %s: %s", path, strerror(errno));
    return rc;
}

enum fr_code fr_state_record(struct fr_state *s, const struct fr_attempt *a,
                             struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) frame = FR_BUF_INIT(FR_ATTEMPT_FRAME);
    bool durable = a->result.class != FR_CLASS_PROVISIONED;
    FR_AUTO_STR(path) = NULL;

    FR_TRY(fr_state_make_folder(s, err));
    FR_TRY(fr_attempt_frame(a, &frame, err));
    FR_TRY(attempts_path(s, false, &path, err));
    FR_TRY(make_room(s, path, frame.len, err));
    return append(path, fr_buf_view(&frame), durable, err);
}

/* Appends a file's octets; one that is not there has none. */
static enum fr_code read_file(const struct fr_state *s, bool older, struct fr_buf *to,
                              struct fr_err *err)
{
    FR_AUTO_STR(path) = NULL;

    FR_TRY(attempts_path(s, older, &path, err));
    enum fr_code rc = fr_file_read(path, to, err);
    return rc == FR_ENOTFOUND ? FR_OK : rc;
}

enum fr_code fr_state_attempts(struct fr_state *s, fr_attempt_fn fn, void *ctx,
                               size_t *ret_damaged, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(2 * s->attempts_max);
    struct fr_attempt a;
    size_t damaged = 0;

    FR_TRY(read_file(s, true, &text, err));
    FR_TRY(read_file(s, false, &text, err));

    struct fr_slice in = fr_buf_view(&text);
    enum fr_code rc = fr_attempt_next(&in, &a, &damaged);
    while (rc == FR_OK && fn(ctx, &a))
        rc = fr_attempt_next(&in, &a, &damaged);
    if (rc == FR_ENOMEM)
        return FR_FAIL(err, rc, "no memory for attempt records");
    *ret_damaged = damaged;
    return FR_OK;
}
