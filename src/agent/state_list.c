/* SPDX-License-Identifier: Apache-2.0 */
/* What is in the slots of state.h: lists, searches. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/state_impl.h"
#include "base/file.h"

static enum fr_code grow(struct fr_state_entries *e, struct fr_err *err)
{
    if (e->n >= 2 * FR_STATE_CREDENTIALS_MAX)
        return FR_FAIL(err, FR_ESTORE, "more than %d credentials in the state folder",
                       FR_STATE_CREDENTIALS_MAX);
    if ((e->n & (e->n - 1)) != 0) /* grows at 0, 1, 2, 4, 8... */
        return FR_OK;

    struct fr_state_entry *list =
        reallocarray(e->list, e->n ? 2 * e->n : 1, sizeof *list);
    if (!list)
        return FR_FAIL(err, FR_ENOMEM, "no memory for the list of credentials");
    e->list = list;
    return FR_OK;
}

static void clear_entry(struct fr_state_entry *e)
{
    fr_credential_free(e->credential);
    free(e->path);
    free(e->text);
}

static enum fr_code note_damage(struct fr_state_entry *e, const char *path,
                                const char *text, struct fr_err *err)
{
    FR_TRY(fr_str_dup(path, &e->path, err));
    return fr_str_dup(text, &e->text, err);
}

static enum fr_code add_slot(const struct fr_state *s, const char *name, bool pending,
                             struct fr_state_entries *to, struct fr_err *err)
{
    struct fr_state_entry entry = {.pending = pending};
    FR_AUTO_STR(path) = NULL;
    struct fr_err why;

    FR_TRY(fr_path_join(s->dir, name, &path, err));
    enum fr_code rc = fr_state_read_slot(path, &entry.credential, &why);
    if (rc == FR_ENOTFOUND)
        return FR_OK;
    if (rc == FR_ENOMEM) { /* says nothing of the file */
        if (err)
            *err = why;
        return rc;
    }
    if (rc == FR_OK)
        entry.credential->confirmed &= !pending;
    rc = rc == FR_OK ? FR_OK : note_damage(&entry, path, why.msg, err);
    if (rc == FR_OK)
        rc = grow(to, err);
    if (rc != FR_OK) {
        clear_entry(&entry);
        return rc;
    }
    to->list[to->n++] = entry;
    return FR_OK;
}

static int compare(const void *left, const void *right)
{
    const struct fr_state_entry *a = left, *b = right;

    if (!a->credential || !b->credential) /* the damaged ones come last */
        return a->credential ? -1 : b->credential ? 1 : strcmp(a->text, b->text);

    int order = strcmp(a->credential->mef, b->credential->mef);
    if (order == 0)
        order = strcmp(a->credential->target, b->credential->target);
    if (order == 0)
        order = a->credential->suid - b->credential->suid;
    return order != 0 ? order : (int)a->pending - (int)b->pending;
}

static enum fr_code read_slots(const struct fr_state *s, DIR *dir,
                               struct fr_state_entries *to, struct fr_err *err)
{
    bool pending;

    for (;;) {
        errno = 0;
        const struct dirent *d = readdir(dir);
        if (!d)
            break;
        if (fr_state_is_slot(d->d_name, &pending))
            FR_TRY(add_slot(s, d->d_name, pending, to, err));
    }
    if (errno != 0)
        return FR_FAIL(err, FR_ESTORE, "reading %s: %s", s->dir, strerror(errno));
    return FR_OK;
}

enum fr_code fr_state_list(struct fr_state *s, struct fr_state_entries *ret,
                           struct fr_err *err)
{
    struct fr_state_entries found = {0};

    FR_TRY(fr_state_check(s, err));
    DIR *dir = opendir(s->dir);
    if (!dir && errno == ENOENT) {
        *ret = found;
        return FR_OK;
    }
    if (!dir)
        return FR_FAIL(err, FR_ESTORE, "opening %s: %s", s->dir, strerror(errno));
    enum fr_code rc = read_slots(s, dir, &found, err);
    (void)closedir(dir);
    if (rc != FR_OK) {
        fr_state_entries_clear(&found);
        return rc;
    }
    if (found.n > 0)
        qsort(found.list, found.n, sizeof *found.list, compare);
    *ret = found;
    return FR_OK;
}

void fr_state_entries_clear(struct fr_state_entries *e)
{
    for (size_t i = 0; i < e->n; i++)
        clear_entry(&e->list[i]);
    free(e->list);
    *e = (struct fr_state_entries){0};
}

/* ---- one of them ---- */

typedef bool (*accept_fn)(void *ctx, const struct fr_state_entry *e);

/* Takes the last one that is accepted out of the list. */
static enum fr_code pick(struct fr_state *s, accept_fn accept, void *ctx,
                         struct fr_credential **ret, struct fr_err *err)
{
    struct fr_state_entries all = {0};
    struct fr_credential **found = NULL;

    FR_TRY(fr_state_list(s, &all, err));
    for (size_t i = 0; i < all.n; i++)
        if (all.list[i].credential && accept(ctx, &all.list[i]))
            found = &all.list[i].credential;
    if (found)
        *ret = FR_TAKE(*found);
    fr_state_entries_clear(&all);
    return found ? FR_OK : FR_ENOTFOUND;
}

struct newest {
    fr_fits_fn *fits;
    const void *arg;
    bool any;
    int64_t created; /* of the best so far */
};

static bool is_newest(void *ctx, const struct fr_state_entry *e)
{
    const struct fr_credential *c = e->credential;
    struct newest *n = ctx;

    if (e->pending || !n->fits(n->arg, c) || (n->any && c->created <= n->created))
        return false;
    n->any = true;
    n->created = c->created;
    return true;
}

enum fr_code fr_state_find_fit(struct fr_state *s, fr_fits_fn *fits, const void *arg,
                               struct fr_credential **ret, struct fr_err *err)
{
    struct newest newest = {.fits = fits, .arg = arg};
    enum fr_code rc = pick(s, is_newest, &newest, ret, err);

    if (rc != FR_ENOTFOUND)
        return rc;
    return FR_FAIL(err, FR_ENOTFOUND, "no credential that fits in %s", s->dir);
}

static bool is_of_slot(const void *arg, const struct fr_credential *c)
{
    const struct fr_slot_id *id = arg;

    return (!id->mef || fr_ascii_equal_fold(c->mef, id->mef)) &&
           (!id->target || fr_str_equal(c->target, id->target)) &&
           (id->suid == 0 || c->suid == id->suid);
}

enum fr_code fr_state_find(struct fr_state *s, const struct fr_slot_id *id,
                           struct fr_credential **ret, struct fr_err *err)
{
    enum fr_code rc = fr_state_find_fit(s, is_of_slot, id, ret, err);

    if (rc != FR_ENOTFOUND)
        return rc;
    return FR_FAIL(err, FR_ENOTFOUND, "no credential of %s for %s in %s",
                   id->mef ? id->mef : "any MEF",
                   id->target ? id->target : "any target", s->dir);
}

/* Hex in any case; a B-TID as it is. */
static bool has_key_id(void *ctx, const struct fr_state_entry *e)
{
    const char *wanted = *(const char **)ctx, *key_id = e->credential->key_id;

    if (e->pending)
        return false;
    return fr_keyid_is_btid(key_id) ? fr_str_equal(key_id, wanted)
                                    : fr_ascii_equal_fold(key_id, wanted);
}

enum fr_code fr_state_find_key(struct fr_state *s, const char *key_id,
                               struct fr_credential **ret, struct fr_err *err)
{
    enum fr_code rc = pick(s, has_key_id, &key_id, ret, err);

    if (rc != FR_ENOTFOUND)
        return rc;
    return FR_FAIL(err, FR_ENOTFOUND, "no credential with KeID %s in %s", key_id,
                   s->dir);
}

static bool is_nth_pending(void *ctx, const struct fr_state_entry *e)
{
    size_t *n = ctx;

    return e->pending && (*n)-- == 0;
}

enum fr_code fr_state_pending_at(struct fr_state *s, size_t n,
                                 struct fr_credential **ret, struct fr_err *err)
{
    enum fr_code rc = pick(s, is_nth_pending, &n, ret, err);

    if (rc != FR_ENOTFOUND)
        return rc;
    return FR_FAIL(err, FR_ENOTFOUND, "nothing more is pending in %s", s->dir);
}
