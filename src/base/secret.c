/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/secret_slab.h"
#include "base/str.h"

struct fr_secret {
    size_t len;
    size_t mapped; /* octets of a mapping of its own; 0: it is in a slot */
    uint8_t data[];
};

_Static_assert(sizeof(struct fr_secret) + 96 <= FR_SLOT_SIZE, "keys fit a slot");

/* munmap() unlocks. */
static struct fr_secret *map_pages(size_t size)
{
    struct fr_secret *s =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (s == MAP_FAILED)
        return NULL;
    (void)mlock(s, size);
    (void)madvise(s, size, MADV_DONTDUMP);
    s->mapped = size;
    return s;
}

enum fr_code fr_secret_new(size_t len, struct fr_secret **ret, struct fr_err *err)
{
    struct fr_secret *s;
    size_t size = sizeof *s + len;

    if (len == 0 || len > FR_SECRET_MAX)
        return FR_FAIL(err, FR_EINTERNAL, "a secret of %zu octets", len);
    s = size <= FR_SLOT_SIZE ? fr_slot_new() : map_pages(size);
    if (!s)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    s->len = len;
    *ret = s;
    return FR_OK;
}

enum fr_code fr_secret_from(const void *data, size_t len, struct fr_secret **ret,
                            struct fr_err *err)
{
    FR_TRY(fr_secret_new(len, ret, err));
    memcpy((*ret)->data, data, len);
    return FR_OK;
}

enum fr_code fr_secret_from_hex(struct fr_slice hex, struct fr_secret **ret,
                                struct fr_err *err)
{
    FR_AUTO(secret) *s = NULL;

    if (hex.len % 2 != 0 || hex.len == 0 || hex.len / 2 > FR_SECRET_MAX)
        return FR_FAIL(err, FR_EPARSE, "not a key in hexadecimal digits");
    FR_TRY(fr_secret_new(hex.len / 2, &s, err));
    if (!fr_hex_decode(hex, s->data))
        return FR_FAIL(err, FR_EPARSE, "not a key in hexadecimal digits");
    *ret = FR_TAKE(s);
    return FR_OK;
}

void fr_secret_free(struct fr_secret *s)
{
    size_t size;

    if (!s)
        return;
    size = s->mapped;
    OPENSSL_cleanse(s, sizeof *s + s->len);
    if (size)
        (void)munmap(s, size);
    else
        fr_slot_free(s);
}

uint8_t *fr_secret_data(struct fr_secret *s)
{
    return s->data;
}

struct fr_slice fr_secret_view(const struct fr_secret *s)
{
    return fr_slice_of(s->data, s->len);
}

size_t fr_secret_len(const struct fr_secret *s)
{
    return s->len;
}

bool fr_mac_equal(struct fr_slice a, struct fr_slice b)
{
    return a.len == b.len && CRYPTO_memcmp(a.data, b.data, a.len) == 0;
}

bool fr_secret_equal(const struct fr_secret *a, const struct fr_secret *b)
{
    return fr_mac_equal(fr_secret_view(a), fr_secret_view(b));
}

static bool digest_of(const struct fr_secret *s, uint8_t md[32])
{
    static const char label[] = "Fieldroot fingerprint v1";
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
              EVP_DigestUpdate(ctx, label, sizeof label - 1) == 1 &&
              EVP_DigestUpdate(ctx, s->data, s->len) == 1 &&
              EVP_DigestFinal_ex(ctx, md, NULL) == 1;

    EVP_MD_CTX_free(ctx);
    return ok;
}

enum fr_code fr_secret_fingerprint(const struct fr_secret *s,
                                   char ret[FR_FINGERPRINT_LEN + 1], struct fr_err *err)
{
    uint8_t md[32];

    if (!digest_of(s, md))
        return FR_FAIL(err, FR_EINTERNAL, "SHA-256 is not available");
    fr_hex_encode(fr_slice_of(md, FR_FINGERPRINT_LEN / 2), ret, false);
    return FR_OK;
}
