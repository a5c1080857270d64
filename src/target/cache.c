/* SPDX-License-Identifier: Apache-2.0 */
#include "target/cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum fr_code fr_target_cache_new(const char *mef, struct fr_target_cache **ret,
                                 struct fr_err *err)
{
    struct fr_target_cache *c;
    size_t len = strlen(mef);

    if (len > FR_FQDN_MAX)
        return FR_FAIL(err, FR_EINTERNAL, "a MEF-FQDN of %zu octets", len);
    c = calloc(1, sizeof *c);
    if (!c)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    memcpy(c->mef, mef, len + 1);
    *ret = c;
    return FR_OK;
}

void fr_target_cache_free(struct fr_target_cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n; i++)
        fr_secret_free(c->list[i].key);
    free(c->list);
    free(c);
}

/* Where key_id is, or where it belongs. */
static size_t position(const struct fr_target_cache *c, const char *key_id)
{
    size_t low = 0, high = c->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(c->list[middle].key_id, key_id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct fr_target_key *fr_target_cache_find(const struct fr_target_cache *c,
                                           const char *key_id)
{
    size_t at = position(c, key_id);

    if (at == c->n || strcmp(c->list[at].key_id, key_id) != 0)
        return NULL;
    return &c->list[at];
}

static enum fr_code make_room(struct fr_target_cache *c, struct fr_err *err)
{
    size_t cap = c->cap ? 2 * c->cap : 16;
    struct fr_target_key *list;

    if (c->n >= FR_TARGET_KEYS_MAX)
        return FR_FAIL_AS(err, FR_ESTORE, "cache-full",
                          "more than the %d keys that a target can hold",
                          FR_TARGET_KEYS_MAX);
    if (c->n < c->cap)
        return FR_OK;
    list = realloc(c->list, cap * sizeof *list);
    if (!list)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    c->list = list;
    c->cap = cap;
    return FR_OK;
}

enum fr_code fr_target_cache_put(struct fr_target_cache *c, struct fr_target_key *key,
                                 struct fr_err *err)
{
    struct fr_target_key *old = fr_target_cache_find(c, key->key_id);
    size_t at = position(c, key->key_id);

    if (old) {
        fr_secret_free(old->key);
    } else {
        FR_TRY(make_room(c, err));
        memmove(&c->list[at + 1], &c->list[at], (c->n - at) * sizeof *c->list);
        c->n++;
    }
    c->list[at] = *key;
    key->key = NULL;
    return FR_OK;
}

void fr_target_cache_remove(struct fr_target_cache *c, struct fr_target_key *key)
{
    size_t at = (size_t)(key - c->list);

    fr_secret_free(key->key);
    memmove(key, key + 1, (c->n - at - 1) * sizeof *key);
    c->n--;
}

enum fr_code fr_target_cache_load(const char *path, struct fr_target_cache **ret,
                                  struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(FR_TARGET_FILE_MAX);

    FR_TRY(fr_file_read(path, &text, err));
    return fr_err_wrap(err, fr_target_cache_decode(fr_buf_view(&text), ret, err), "%s",
                       path);
}

enum fr_code fr_target_cache_save(const struct fr_target_cache *c, const char *path,
                                  struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(FR_TARGET_FILE_MAX);

    FR_TRY(fr_target_cache_encode(c, &text, err));
    return fr_file_write_atomic(path, fr_buf_view(&text), 0600, err);
}
