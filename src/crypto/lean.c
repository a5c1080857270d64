/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/lean.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define NAME "fieldroot-lean"

enum { KEPT_MAX = 32 };

static struct {
    OSSL_PROVIDER *origin; /* the default provider, of the default context */
    OSSL_ALGORITHM decoders[KEPT_MAX + 1], key_types[KEPT_MAX + 1];
    OSSL_LIB_CTX *ctx;
} lean;

/* By their first names. */
static const char *const certified[] = {"EC", "RSA", "RSA-PSS", "ED25519"};
static const char *const others[] = {"X25519", "HMAC"}; /* HMAC: suites of TLS 1.2 */

static bool is_named(const OSSL_ALGORITHM *a, const char *name)
{
    size_t len = strcspn(a->algorithm_names, ":");

    return strlen(name) == len && strncasecmp(a->algorithm_names, name, len) == 0;
}

static bool is_among(const OSSL_ALGORITHM *a, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_named(a, names[i]))
            return true;
    return false;
}

#define IS_AMONG(a, names) is_among(a, names, sizeof(names) / sizeof *(names))

static bool is_certificate_decoder(const OSSL_ALGORITHM *a)
{
    const char *rules = a->property_definition;

    return IS_AMONG(a, certified) && strstr(rules, "input=der") &&
           strstr(rules, "structure=SubjectPublicKeyInfo");
}

static bool is_tls_key_type(const OSSL_ALGORITHM *a)
{
    return IS_AMONG(a, certified) || IS_AMONG(a, others);
}

static bool select_from(int operation, bool (*fits)(const OSSL_ALGORITHM *a),
                        OSSL_ALGORITHM to[KEPT_MAX + 1])
{
    int no_store = 0;
    const OSSL_ALGORITHM *all =
        OSSL_PROVIDER_query_operation(lean.origin, operation, &no_store);
    size_t n = 0;

    for (const OSSL_ALGORITHM *a = all; a && a->algorithm_names; a++)
        if (n < KEPT_MAX && fits(a))
            to[n++] = *a;
    return n > 0;
}

/* ---- the provider ---- */

static const OSSL_ALGORITHM *query(void *provctx, int operation, int *no_store)
{
    (void)provctx;
    *no_store = 0;
    switch (operation) {
    case OSSL_OP_DECODER:
        return lean.decoders;
    case OSSL_OP_KEYMGMT:
        return lean.key_types;
    case OSSL_OP_ENCODER:
    case OSSL_OP_STORE:
        return NULL;
    default:
        return OSSL_PROVIDER_query_operation(lean.origin, operation, no_store);
    }
}

static int get_capabilities(void *provctx, const char *capability, OSSL_CALLBACK *cb,
                            void *arg)
{
    (void)provctx;
    return OSSL_PROVIDER_get_capabilities(lean.origin, capability, cb, arg);
}

static int init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                const OSSL_DISPATCH **out, void **provctx)
{
    static const OSSL_DISPATCH dispatch[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query},
        {OSSL_FUNC_PROVIDER_GET_CAPABILITIES, (void (*)(void))get_capabilities},
        {0, NULL},
    };

    (void)handle;
    (void)in;
    *out = dispatch;
    *provctx = OSSL_PROVIDER_get0_provider_ctx(lean.origin);
    return 1;
}

/* ---- the context ---- */

static bool set_up(OSSL_LIB_CTX *ctx)
{
    lean.origin = OSSL_PROVIDER_load(NULL, "default");
    return ctx && lean.origin &&
           select_from(OSSL_OP_DECODER, is_certificate_decoder, lean.decoders) &&
           select_from(OSSL_OP_KEYMGMT, is_tls_key_type, lean.key_types) &&
           OSSL_PROVIDER_add_builtin(ctx, NAME, init) == 1 &&
           OSSL_PROVIDER_load(ctx, NAME);
}

enum fr_code fr_lean_context(OSSL_LIB_CTX **ret, struct fr_err *err)
{
    OSSL_LIB_CTX *ctx;

    if (!lean.ctx) {
        ctx = OSSL_LIB_CTX_new();
        if (!set_up(ctx)) {
            OSSL_LIB_CTX_free(ctx);
            ERR_clear_error();
            return FR_FAIL(err, FR_EINTERNAL,
                           "OpenSSL's default provider is not there");
        }
        lean.ctx = ctx;
    }
    *ret = lean.ctx;
    return FR_OK;
}
