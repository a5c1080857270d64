/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/state_impl.h"

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

static enum fr_code add_slot(const struct fr_state *s, const char *folder, bool pending,
                             struct fr_state_entries *to, struct fr_err *err)
{
    struct fr_state_entry entry = {.pending = pending};
    FR_AUTO_STR(path) = NULL;
    struct fr_err why;

    FR_TRY(fr_state_slot_path(s, folder, pending ? "pending" : "current", &path, err));
    enum fr_code rc = fr_state_read_slot(path, &entry.credential, &why);
    if (rc == FR_ENOTFOUND)
        return FR_OK;
    if (rc != FR_OK)
        memcpy(entry.text, why.msg, sizeof entry.text);

    rc = grow(to, err);
    if (rc != FR_OK) {
        fr_credential_free(entry.credential);
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

static enum fr_code read_folders(const struct fr_state *s, DIR *dir,
                                 struct fr_state_entries *to, struct fr_err *err)
{
    for (;;) {
        errno = 0;
        const struct dirent *d = readdir(dir);
        if (!d)
            break;
        if (d->d_name[0] == '.')
            continue;
        FR_TRY(add_slot(s, d->d_name, false, to, err));
        FR_TRY(add_slot(s, d->d_name, true, to, err));
    }
    if (errno != 0)
        return FR_FAIL(err, FR_ESTORE, "reading %s: %s", s->credentials,
                       strerror(errno));
    return FR_OK;
}

enum fr_code fr_state_list(struct fr_state *s, struct fr_state_entries *ret,
                           struct fr_err *err)
{
    struct fr_state_entries found = {0};
    DIR *dir = opendir(s->credentials);

    if (!dir && errno == ENOENT) {
        *ret = found;
        return FR_OK;
    }
    if (!dir)
        return FR_FAIL(err, FR_ESTORE, "opening %s: %s", s->credentials,
                       strerror(errno));
    enum fr_code rc = read_folders(s, dir, &found, err);
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
        fr_credential_free(e->list[i].credential);
    free(e->list);
    *e = (struct fr_state_entries){0};
}

static bool matches(const struct fr_credential *c, const struct fr_slot_id *id)
{
    return (!id->mef || fr_ascii_equal_fold(c->mef, id->mef)) &&
           (!id->target || fr_str_equal(c->target, id->target)) &&
           (id->suid == 0 || c->suid == id->suid);
}

enum fr_code fr_state_find(struct fr_state *s, const struct fr_slot_id *id,
                           struct fr_credential **ret, struct fr_err *err)
{
    struct fr_state_entries all = {0};
    struct fr_credential **best = NULL;

    FR_TRY(fr_state_list(s, &all, err));
    for (size_t i = 0; i < all.n; i++) {
        struct fr_state_entry *e = &all.list[i];
        if (e->credential && !e->pending && matches(e->credential, id) &&
            (!best || e->credential->created > (*best)->created))
            best = &e->credential;
    }
    if (best)
        *ret = FR_TAKE(*best);
    fr_state_entries_clear(&all);
    if (best)
        return FR_OK;
    return FR_FAIL(err, FR_ENOTFOUND, "no credential of %s for %s in %s",
                   id->mef ? id->mef : "any MEF",
                   id->target ? id->target : "any target", s->dir);
}

enum fr_code fr_state_find_key(struct fr_state *s, const char *key_id,
                               struct fr_credential **ret, struct fr_err *err)
{
    struct fr_state_entries all = {0};
    bool found = false;

    FR_TRY(fr_state_list(s, &all, err));
    for (size_t i = 0; i < all.n && !found; i++) {
        struct fr_state_entry *e = &all.list[i];
        found = e->credential && !e->pending &&
                fr_ascii_equal_fold(e->credential->key_id, key_id);
        if (found)
            *ret = FR_TAKE(e->credential);
    }
    fr_state_entries_clear(&all);
    if (found)
        return FR_OK;
    return FR_FAIL(err, FR_ENOTFOUND, "no credential with KeID %s in %s", key_id,
                   s->dir);
}

enum fr_code fr_state_pending_at(struct fr_state *s, size_t n,
                                 struct fr_credential **ret, struct fr_err *err)
{
    struct fr_state_entries all = {0};
    bool found = false;

    FR_TRY(fr_state_list(s, &all, err));
    for (size_t i = 0; i < all.n && !found; i++) {
        struct fr_state_entry *e = &all.list[i];
        found = e->credential && e->pending && n-- == 0;
        if (found)
            *ret = FR_TAKE(e->credential);
    }
    fr_state_entries_clear(&all);
    if (found)
        return FR_OK;
    return FR_FAIL(err, FR_ENOTFOUND, "nothing more is pending in %s", s->dir);
}
