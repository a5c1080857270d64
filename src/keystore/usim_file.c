/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A USIM in software, for devices with a soft SIM and for tests. Its keys are read for
 * each challenge and not kept. The file is replaced with the new SQN, durably, before
 * the answer leaves this file, so that no challenge is accepted twice, whatever dies; a
 * lock on it keeps another program from accepting the same one meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "keystore/usim.h"
#include "keystore/usim_text.h"

struct usim_file {
    struct fr_usim super;
    char *path;
    char impi[FR_IMPI_MAX + 1];
    bool has_gba_u;
    struct fr_secret
        *ks; /* of the last bootstrap with gba_u, and what it was made of */
    uint8_t rand[FR_AKA_RAND_LEN];
};

/* ---- the file ---- */

static enum fr_code open_locked_once(const char *path, int *ret, struct fr_err *err)
{
    FR_AUTO_FD(fd) = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0 && errno == ENOENT)
        return FR_FAIL_AS(err, FR_EUNSUPPORTED, "usim-file-missing",
                          "%s: there is no such software USIM", path);
    if (fd < 0 || fstat(fd, &st) != 0)
        return FR_FAIL(err, FR_ECONFIG, "opening %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return FR_FAIL_AS(err, FR_ECONFIG, "not-a-file", "%s is no regular file", path);
    FR_TRY(fr_file_check_private(path, err));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return FR_FAIL_AS(err, FR_EBUSY, "usim-file-busy",
                          "%s: another program uses this software USIM", path);
    *ret = FR_TAKE_FD(fd);
    return FR_OK;
}

static bool is_file_at(const char *path, int fd)
{
    struct stat ours, now;

    return fstat(fd, &ours) == 0 && stat(path, &now) == 0 &&
           ours.st_dev == now.st_dev && ours.st_ino == now.st_ino;
}

/* The lock of a file that was replaced before we had it is worth nothing. */
static enum fr_code open_locked(const char *path, int *ret, struct fr_err *err)
{
    for (;;) {
        FR_AUTO_FD(fd) = -1;

        FR_TRY(open_locked_once(path, &fd, err));
        if (is_file_at(path, fd)) {
            *ret = FR_TAKE_FD(fd);
            return FR_OK;
        }
    }
}

static enum fr_code read_profile(const char *path, int fd, struct fr_buf *text,
                                 struct fr_usim_profile *ret, struct fr_err *err)
{
    enum fr_code rc = fr_fd_read_all(fd, path, text, err);

    if (rc == FR_EPARSE)
        return FR_FAIL_AS(err, FR_ECONFIG, "usim-file", "%s is too large", path);
    if (rc == FR_OK)
        rc = fr_usim_text_decode(fr_buf_view(text), ret, err);
    return rc == FR_OK ? rc : fr_err_wrap(err, rc, "%s", path);
}

static enum fr_code store_sqn(const char *path, struct fr_slice text,
                              const struct fr_usim_aka *aka, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) to = FR_BUF_INIT_WIPE(FR_USIM_TEXT_MAX);

    FR_TRY(fr_usim_text_update(text, aka, &to, err));
    return fr_file_replace(path, fr_buf_view(&to), 0600, err);
}

/* ---- the method ---- */

static void file_close(struct fr_usim *u)
{
    struct usim_file *f = (struct usim_file *)u;

    if (!f)
        return;
    fr_secret_free(f->ks);
    free(f->path);
    free(f);
}

static enum fr_code set_impi(struct usim_file *f, const char *given,
                             const struct fr_usim_profile *p, struct fr_err *err)
{
    if (!given)
        return fr_impi_of_imsi(p->imsi, p->mnc_digits, f->impi, err);
    if (snprintf(f->impi, sizeof f->impi, "%s", given) > FR_IMPI_MAX)
        return FR_FAIL(err, FR_ECONFIG, "an IMPI has at most %d octets", FR_IMPI_MAX);
    return FR_OK;
}

static enum fr_code fill(struct usim_file *f, const struct fr_usim_setup *setup,
                         struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(FR_USIM_TEXT_MAX);
    FR_AUTO_CLEAR(usim_profile) p = {.mnc_digits = 0};
    FR_AUTO_FD(fd) = -1;

    if (!setup->path)
        return FR_FAIL(err, FR_ECONFIG, "key store entry %s: a usim-file needs a path",
                       setup->name);
    FR_TRY(fr_str_dup(setup->path, &f->path, err));
    FR_TRY(open_locked(f->path, &fd, err));
    FR_TRY(read_profile(f->path, fd, &text, &p, err));
    f->has_gba_u = p.gba_u;
    return set_impi(f, setup->impi, &p, err);
}

static enum fr_code file_open(const struct fr_usim_setup *setup, struct fr_usim **ret,
                              struct fr_err *err)
{
    struct usim_file *f = fr_zalloc(sizeof *f);
    enum fr_code rc;

    if (!f)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    f->super.method = &fr_usim_file;
    rc = fill(f, setup, err);
    if (rc != FR_OK) {
        file_close((struct fr_usim *)f);
        return rc;
    }
    *ret = (struct fr_usim *)f;
    return FR_OK;
}

static enum fr_code file_look(const struct fr_usim_setup *setup, struct fr_err *err)
{
    struct fr_usim *u = NULL;

    FR_TRY(file_open(setup, &u, err));
    file_close(u);
    return FR_OK;
}

static enum fr_code file_impi(struct fr_usim *u, char *ret, struct fr_err *err)
{
    (void)err;
    snprintf(ret, FR_IMPI_MAX + 1, "%s", ((struct usim_file *)u)->impi);
    return FR_OK;
}

static bool file_has_gba_u(const struct fr_usim *u)
{
    return ((const struct usim_file *)u)->has_gba_u;
}

/* Ks stays in the USIM. */
static void keep_ks(struct usim_file *f, const uint8_t *rand, struct fr_aka_answer *a)
{
    fr_secret_free(f->ks);
    f->ks = FR_TAKE(a->ks);
    memcpy(f->rand, rand, sizeof f->rand);
}

static enum fr_code check_and_store(const char *path, const uint8_t *rand,
                                    const uint8_t *autn, bool gba_u,
                                    struct fr_aka_answer *ret, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(FR_USIM_TEXT_MAX);
    FR_AUTO_CLEAR(usim_profile) p = {.mnc_digits = 0};
    FR_AUTO_FD(fd) = -1;

    FR_TRY(open_locked(path, &fd, err));
    FR_TRY(read_profile(path, fd, &text, &p, err));
    FR_TRY(fr_usim_aka_check(&p.aka, rand, autn, gba_u, ret, err));
    if (ret->verdict == FR_AKA_OK)
        FR_TRY(store_sqn(path, fr_buf_view(&text), &p.aka, err));
    return FR_OK;
}

static enum fr_code file_authenticate(struct fr_usim *u, const uint8_t *rand,
                                      const uint8_t *autn, bool gba_u,
                                      struct fr_aka_answer *ret, struct fr_err *err)
{
    struct usim_file *f = (struct usim_file *)u;
    struct fr_aka_answer a = {.verdict = FR_AKA_OK};
    enum fr_code rc;

    if (gba_u && !f->has_gba_u)
        return FR_FAIL_AS(err, FR_EUNSUPPORTED, "no-gba-u",
                          "%s: this USIM has no GBA security context", f->path);
    rc = check_and_store(f->path, rand, autn, gba_u, &a, err);
    if (rc != FR_OK) {
        fr_aka_answer_clear(&a);
        return rc;
    }
    if (gba_u && a.verdict == FR_AKA_OK)
        keep_ks(f, rand, &a);
    *ret = a;
    return FR_OK;
}

static enum fr_code file_naf_key(struct fr_usim *u, const struct fr_gba_naf *naf,
                                 struct fr_secret **ret, struct fr_err *err)
{
    const struct usim_file *f = (const struct usim_file *)u;

    if (!f->ks || !fr_slice_equal(naf->rand, fr_slice_of(f->rand, sizeof f->rand)))
        return FR_FAIL_AS(err, FR_EINVALID, "no-gba-bootstrap",
                          "%s: the USIM holds no Ks of this challenge", f->path);
    return fr_gba_naf_key(f->ks, naf, ret, err);
}

const struct fr_usim_method fr_usim_file = {
    .name = "usim-file",
    .look = file_look,
    .open = file_open,
    .close = file_close,
    .impi = file_impi,
    .authenticate = file_authenticate,
    .has_gba_u = file_has_gba_u,
    .naf_key = file_naf_key,
};
