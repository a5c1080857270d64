/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <string.h>

void fr_store_free(struct fr_store *s)
{
    if (s)
        s->methods->close(s);
}

bool fr_store_is_conninfo(const char *database)
{
    return database && (strncmp(database, "postgresql://", 13) == 0 ||
                        strncmp(database, "postgres://", 11) == 0 ||
                        (database[0] != '/' && strchr(database, '=')));
}

static void put_text(struct fr_buf *to, const char *s)
{
    size_t len = strlen(s);

    fr_buf_u32(to, (uint32_t)len);
    fr_buf_put(to, s, len);
}

enum fr_code fr_store_audit_root(const char *node, char ret[2 * FR_SHA256_LEN + 1],
                                 struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) said = FR_BUF_INIT(128);
    uint8_t digest[FR_SHA256_LEN];

    if (!*node) {
        memcpy(ret, FR_STORE_AUDIT_ROOT, sizeof FR_STORE_AUDIT_ROOT);
        return FR_OK;
    }
    put_text(&said, "Fieldroot audit chain v1");
    put_text(&said, node);
    FR_TRY(fr_buf_check(&said, err));
    FR_TRY(fr_sha256(fr_buf_view(&said), digest, err));
    fr_hex_encode(fr_slice_of(digest, sizeof digest), ret, false);
    return FR_OK;
}

enum fr_code fr_store_audit_hash(const struct fr_store_audit *line, const char *prev,
                                 char ret[2 * FR_SHA256_LEN + 1], struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) said = FR_BUF_INIT(sizeof *line + 64);
    uint8_t digest[FR_SHA256_LEN];

    put_text(&said, prev);
    fr_buf_u64(&said, line->seq);
    fr_buf_u64(&said, (uint64_t)line->at);
    put_text(&said, line->actor);
    put_text(&said, line->action);
    put_text(&said, line->subject);
    put_text(&said, line->decision);
    put_text(&said, line->reason);
    put_text(&said, line->text);
    FR_TRY(fr_buf_check(&said, err));
    FR_TRY(fr_sha256(fr_buf_view(&said), digest, err));
    fr_hex_encode(fr_slice_of(digest, sizeof digest), ret, false);
    return FR_OK;
}
