/* SPDX-License-Identifier: Apache-2.0 */
#include "target/psk_file.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/file.h"

enum { PID_FILE_MAX = 64, PID_MAX = 1 << 22 };

/* What a UE puts before its B-TID (TS 24.109 F.3); the ';' is [U]. */
#define GBA_PREFIX "3GPP-bootstrapping;"

static bool is_ours(struct fr_slice line, const char *mef)
{
    const uint8_t *colon = line.len ? memchr(line.data, ':', line.len) : NULL;
    const size_t prefix = sizeof GBA_PREFIX - 1;
    char key_id[FR_KEYID_MAX + 1];
    struct fr_slice id;

    if (!colon)
        return false;
    id = fr_slice_of(line.data, (size_t)(colon - line.data));
    if (id.len > prefix && memcmp(id.data, GBA_PREFIX, prefix) == 0)
        id = fr_slice_of(id.data + prefix, id.len - prefix);
    return fr_keyid_any_parse(id, key_id) && strcmp(strchr(key_id, '@') + 1, mef) == 0;
}

static void keep_others(struct fr_slice old, const char *mef, struct fr_buf *to)
{
    while (old.len > 0) {
        const uint8_t *end = memchr(old.data, '\n', old.len);
        size_t len = end ? (size_t)(end - old.data) : old.len;
        struct fr_slice line = fr_slice_of(old.data, len);

        if (!is_ours(line, mef)) {
            fr_buf_put(to, line.data, line.len);
            fr_buf_u8(to, '\n');
        }
        len += end != NULL;
        old.data += len;
        old.len -= len;
    }
}

static void put_line(const char *prefix, const struct fr_target_key *k,
                     struct fr_buf *to)
{
    uint8_t *hex;

    fr_buf_fmt(to, "%s%s:", prefix, k->key_id);
    hex = fr_buf_reserve(to, 2 * FR_TARGET_KEY_LEN);
    if (hex) {
        fr_hex_encode(fr_secret_view(k->key), (char *)hex, false);
        to->len += 2 * FR_TARGET_KEY_LEN;
    }
    fr_buf_u8(to, '\n');
}

enum fr_code fr_psk_file_merge(struct fr_slice old, const struct fr_target_cache *c,
                               struct fr_buf *to, struct fr_err *err)
{
    keep_others(old, c->mef, to);
    for (size_t i = 0; i < c->n; i++) {
        put_line("", &c->list[i], to);
        if (fr_keyid_is_btid(c->list[i].key_id))
            put_line(GBA_PREFIX, &c->list[i], to);
    }
    return fr_buf_check(to, err);
}

/* The broker runs as another user than root, and still has to read its file. */
enum fr_code fr_psk_file_update(const char *path, const struct fr_target_cache *c,
                                bool *ret_changed, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) old = FR_BUF_INIT_WIPE(FR_TARGET_FILE_MAX);
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(FR_TARGET_FILE_MAX);
    enum fr_code rc = fr_file_read(path, &old, err);
    bool exists = rc == FR_OK;

    if (!exists && rc != FR_ENOTFOUND)
        return rc;
    FR_TRY(fr_psk_file_merge(fr_buf_view(&old), c, &text, err));
    *ret_changed = !exists || !fr_slice_equal(fr_buf_view(&old), fr_buf_view(&text));
    if (!*ret_changed)
        return FR_OK;
    return fr_file_replace(path, fr_buf_view(&text), 0600, err);
}

static bool read_pid(struct fr_slice text, pid_t *ret)
{
    uint64_t pid;

    while (text.len > 0 && strchr(" \t\r\n", text.data[text.len - 1]))
        text.len--;
    if (!fr_uint_parse(text, PID_MAX, &pid) || pid < 2)
        return false;
    *ret = (pid_t)pid;
    return true;
}

enum fr_code fr_psk_file_hup(const char *pid_path, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(PID_FILE_MAX);
    pid_t pid;

    FR_TRY(fr_file_read(pid_path, &text, err));
    if (!read_pid(fr_buf_view(&text), &pid))
        return FR_FAIL(err, FR_ECONFIG, "%s holds no process number", pid_path);
    if (kill(pid, SIGHUP) == 0)
        return FR_OK;
    return FR_FAIL(err, errno == ESRCH ? FR_ENOTFOUND : FR_ESTORE,
                   "telling process %ld of %s to read its keys again: %s", (long)pid,
                   pid_path, strerror(errno));
}
