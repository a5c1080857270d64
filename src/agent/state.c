/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/state_impl.h"
#include "base/file.h"

#define HASH_OCTETS 16 /* of the hash that names a slot */
#define HASH_LEN    (2 * HASH_OCTETS)
#define HEX         "0123456789abcdef"
#define CURRENT     ".current"
#define PENDING     ".pending"
#define SCRAP       PENDING ".tmp-" /* base/file.h */

/* ---- the folder and its lock ---- */

/* Who can write into it can plant a credential or take one away. */
enum fr_code fr_state_check(const struct fr_state *s, struct fr_err *err)
{
    struct stat st;

    if (stat(s->dir, &st) != 0)
        return FR_OK; /* nothing is there yet, or nothing that we could enter */
    if (st.st_uid != geteuid())
        return FR_FAIL_AS(err, FR_ECONFIG, "state-unsafe",
                          "the state folder %s belongs to user %lu, this is user %lu: "
                          "run as its owner, or chown it",
                          s->dir, (unsigned long)st.st_uid, (unsigned long)geteuid());
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return FR_FAIL_AS(err, FR_ECONFIG, "state-unsafe",
                          "others may write into the state folder %s (mode %03o): see "
                          "what they left there, then chmod 700 %s",
                          s->dir, (unsigned)st.st_mode & 0777u, s->dir);
    return FR_OK;
}

enum fr_code fr_state_make_folder(const struct fr_state *s, struct fr_err *err)
{
    FR_TRY(fr_state_check(s, err));
    return access(s->dir, F_OK) == 0 ? FR_OK : fr_dir_make(s->dir, 0700, err);
}

enum fr_code fr_state_open(const char *dir, size_t attempts_max, struct fr_state **ret,
                           struct fr_err *err)
{
    FR_AUTO(state) *s = calloc(1, sizeof *s);

    if (!s)
        return FR_FAIL(err, FR_ENOMEM, "no memory for the state folder");
    s->lock_fd = -1;
    s->attempts_max = attempts_max;
    FR_TRY(fr_str_dup(dir, &s->dir, err));
    *ret = FR_TAKE(s);
    return FR_OK;
}

void fr_state_free(struct fr_state *s)
{
    if (!s)
        return;
    fr_state_unlock(s);
    free(s->dir);
    free(s);
}

const char *fr_state_dir(const struct fr_state *s)
{
    return s->dir;
}

/* Keys that nobody will ever use. Whoever wrote one held the lock, which is ours now.
 */
static void remove_scraps(const struct fr_state *s)
{
    DIR *dir = opendir(s->dir);
    const struct dirent *d;

    while (dir && (d = readdir(dir)) != NULL)
        if (strspn(d->d_name, HEX) == HASH_LEN &&
            strncmp(d->d_name + HASH_LEN, SCRAP, sizeof SCRAP - 1) == 0)
            (void)unlinkat(dirfd(dir), d->d_name, 0);
    if (dir)
        (void)closedir(dir);
}

enum fr_code fr_state_lock(struct fr_state *s, struct fr_err *err)
{
    FR_AUTO_STR(path) = NULL;

    if (s->lock_fd >= 0)
        return FR_FAIL_AS(err, FR_EBUSY, "locked",
                          "a run is already under way on %s in this process", s->dir);
    FR_TRY(fr_state_make_folder(s, err));
    FR_TRY(fr_path_join(s->dir, "lock", &path, err));
    FR_AUTO_FD(fd) = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return FR_FAIL(err, FR_ESTORE, "opening %s: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return FR_FAIL_AS(err, FR_EBUSY, "locked",
                              "another run holds %s: wait for it, or stop the agent",
                              path);
        return FR_FAIL(err, FR_ESTORE, "locking %s: %s", path, strerror(errno));
    }
    s->lock_fd = FR_TAKE_FD(fd);
    remove_scraps(s);
    fr_state_touch_attempts(s);
    return FR_OK;
}

void fr_state_unlock(struct fr_state *s)
{
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd);
    s->lock_fd = -1;
}

/* ---- slots ---- */

bool fr_state_is_slot(const char *name, bool *ret_pending)
{
    if (strspn(name, HEX) != HASH_LEN)
        return false;
    *ret_pending = strcmp(name + HASH_LEN, PENDING) == 0;
    return *ret_pending || strcmp(name + HASH_LEN, CURRENT) == 0;
}

static enum fr_code slot_path(const struct fr_state *s, const struct fr_slot_id *id,
                              const char *slot, char **ret, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(2 * FR_ID_MAX + 32);
    char name[HASH_LEN + sizeof PENDING];
    uint8_t sha256[FR_SHA256_LEN];

    fr_buf_fmt(&text, "%s\n%s\n%d", id->mef, id->target, id->suid);
    FR_TRY(fr_buf_check(&text, err));
    FR_TRY(fr_sha256(fr_buf_view(&text), sha256, err));
    fr_hex_encode(fr_slice_of(sha256, HASH_OCTETS), name, false);
    (void)snprintf(name + HASH_LEN, sizeof PENDING, "%s", slot);
    return fr_path_join(s->dir, name, ret, err);
}

enum fr_code fr_state_read_slot(const char *path, struct fr_credential **ret,
                                struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(FR_CREDENTIAL_FILE_MAX);

    FR_TRY(fr_file_read(path, &text, err));
    return fr_err_wrap(err, fr_credential_decode(fr_buf_view(&text), ret, err), "%s",
                       path);
}

enum fr_code fr_state_store_pending(struct fr_state *s, const struct fr_credential *c,
                                    struct fr_err *err)
{
    struct fr_slot_id id = {.mef = c->mef, .target = c->target, .suid = c->suid};
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(FR_CREDENTIAL_FILE_MAX);
    FR_AUTO_STR(path) = NULL;

    FR_TRY(fr_credential_encode(c, &text, err));
    FR_TRY(slot_path(s, &id, PENDING, &path, err));
    FR_TRY(fr_state_make_folder(s, err));
    return fr_file_write_atomic(path, fr_buf_view(&text), 0600, err);
}

/* A pending that cannot be read must not take a good current's place. */
static enum fr_code check_pending(const char *path, struct fr_err *err)
{
    FR_AUTO(credential) *c = NULL;
    enum fr_code rc = fr_state_read_slot(path, &c, err);

    if (rc == FR_OK || rc == FR_ENOMEM)
        return rc;
    return FR_FAIL_AS(err, FR_ESTORE, "pending-damaged",
                      "%s is gone or damaged: the exchange cannot be finished", path);
}

enum fr_code fr_state_flip(struct fr_state *s, const struct fr_slot_id *id,
                           struct fr_err *err)
{
    FR_AUTO_STR(pending) = NULL;
    FR_AUTO_STR(current) = NULL;

    FR_TRY(slot_path(s, id, PENDING, &pending, err));
    FR_TRY(slot_path(s, id, CURRENT, &current, err));
    FR_TRY(check_pending(pending, err));
    return fr_file_rename(pending, current, err);
}

enum fr_code fr_state_drop(struct fr_state *s, const struct fr_slot_id *id,
                           struct fr_err *err)
{
    FR_AUTO_STR(path) = NULL;

    FR_TRY(slot_path(s, id, PENDING, &path, err));
    return fr_file_remove(path, err);
}

/* pending goes first: left alone, it could come back as current by a resolve. */
enum fr_code fr_state_forget(struct fr_state *s, const struct fr_slot_id *id,
                             struct fr_err *err)
{
    FR_AUTO_STR(pending) = NULL;
    FR_AUTO_STR(current) = NULL;

    FR_TRY(slot_path(s, id, PENDING, &pending, err));
    FR_TRY(slot_path(s, id, CURRENT, &current, err));
    if (access(pending, F_OK) != 0 && access(current, F_OK) != 0)
        return FR_FAIL(err, FR_ENOTFOUND, "no credential of %s for %s (SUID %d)",
                       id->mef, id->target, id->suid);
    FR_TRY(fr_file_remove(pending, err));
    FR_TRY(fr_file_remove(current, err));
    fr_file_remove_scraps(pending, true);
    return FR_OK;
}

/* What cannot be opened or read just now may be whole. */
static enum fr_code remove_damaged(const char *path, struct fr_err *err)
{
    FR_AUTO(credential) *c = NULL;
    enum fr_code rc = fr_state_read_slot(path, &c, err);

    return rc == FR_EPARSE ? fr_file_remove(path, err) : rc;
}

enum fr_code fr_state_forget_damaged(struct fr_state *s, size_t *ret_n,
                                     struct fr_err *err)
{
    struct fr_state_entries all = {0};
    enum fr_code rc = FR_OK;
    size_t n = 0;

    FR_TRY(fr_state_list(s, &all, err));
    for (size_t i = 0; i < all.n && rc == FR_OK; i++)
        if (!all.list[i].credential) {
            rc = remove_damaged(all.list[i].path, err);
            n++;
        }
    fr_state_entries_clear(&all);
    if (rc == FR_OK)
        *ret_n = n;
    return rc;
}
