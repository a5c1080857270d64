/* SPDX-License-Identifier: Apache-2.0 */
#include "server/signer/remote_provider.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

/* What our keymgmt calls its signatures: a name of no other provider, so that nothing
 * tries to get the key out. */
#define SIGNATURE "FIELDROOT-ECDSA"

enum { POINT_MAX = 133, GROUP_MAX = 32 };

struct key {
    int fd;
    char group[GROUP_MAX];
    unsigned char point[POINT_MAX];
    size_t point_len;
    const struct curve *curve;
};

struct signature {
    const struct key *key;
    enum fr_sign_kind kind;
};

/* By OpenSSL's names. der: the longest ECDSA signature. */
static const struct curve {
    const char *group;
    int bits, security_bits, der;
    const char *digest;
} curves[] = {
    {"prime256v1", 256, 128, 72, "SHA256"},
    {"secp384r1", 384, 192, 104, "SHA384"},
    {"secp521r1", 521, 256, 139, "SHA512"},
};

/* --- keys */

static void *key_new(void *provider)
{
    struct key *k = OPENSSL_zalloc(sizeof *k);

    (void)provider;
    if (k)
        k->fd = -1;
    return k;
}

static void key_free(void *key)
{
    OPENSSL_free(key);
}

static int key_has(const void *key, int selection)
{
    const struct key *k = key;

    /* libssl looks for the private half too; it is there, elsewhere. */
    return (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == 0 || k->point_len > 0;
}

static int key_match(const void *a, const void *b, int selection)
{
    const struct key *x = a, *y = b;

    if (strcmp(x->group, y->group) != 0)
        return 0;
    return (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == 0 ||
           (x->point_len == y->point_len &&
            memcmp(x->point, y->point, x->point_len) == 0);
}

static const struct curve *curve_of(const char *group)
{
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        if (strcmp(curves[i].group, group) == 0)
            return &curves[i];
    }
    return NULL;
}

/* Ours with a descriptor, or another provider's public key, for comparison. */
static int key_import(void *key, int selection, const OSSL_PARAM params[])
{
    const OSSL_PARAM *group =
        OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_GROUP_NAME);
    const OSSL_PARAM *point = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PUB_KEY);
    const OSSL_PARAM *fd = OSSL_PARAM_locate_const(params, FR_REMOTE_PARAM_FD);
    struct key *k = key;
    void *to = k->point;
    char *name = k->group;

    (void)selection;
    if (!group || !point ||
        OSSL_PARAM_get_utf8_string(group, &name, sizeof k->group) != 1 ||
        OSSL_PARAM_get_octet_string(point, &to, sizeof k->point, &k->point_len) != 1)
        return 0;
    k->curve = curve_of(k->group);
    return k->curve && (!fd || OSSL_PARAM_get_int(fd, &k->fd) == 1);
}

static const OSSL_PARAM *key_import_types(int selection)
{
    static const OSSL_PARAM types[] = {
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
        OSSL_PARAM_int(FR_REMOTE_PARAM_FD, NULL),
        OSSL_PARAM_END,
    };

    (void)selection;
    return types;
}

static int set_int(OSSL_PARAM params[], const char *name, int value)
{
    OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

    return !p || OSSL_PARAM_set_int(p, value);
}

static int set_text(OSSL_PARAM params[], const char *name, const char *value)
{
    OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

    return !p || OSSL_PARAM_set_utf8_string(p, value);
}

static int key_get_params(void *key, OSSL_PARAM params[])
{
    const struct key *k = key;

    return k->curve && set_int(params, OSSL_PKEY_PARAM_BITS, k->curve->bits) &&
           set_int(params, OSSL_PKEY_PARAM_SECURITY_BITS, k->curve->security_bits) &&
           set_int(params, OSSL_PKEY_PARAM_MAX_SIZE, k->curve->der) &&
           set_text(params, OSSL_PKEY_PARAM_GROUP_NAME, k->group) &&
           set_text(params, OSSL_PKEY_PARAM_DEFAULT_DIGEST, k->curve->digest);
}

static const OSSL_PARAM *key_gettable_params(void *provider)
{
    static const OSSL_PARAM gettable[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)provider;
    return gettable;
}

static const char *key_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? SIGNATURE : NULL;
}

/* --- signatures */

static void *sign_new(void *provider, const char *properties)
{
    (void)provider;
    (void)properties;
    return OPENSSL_zalloc(sizeof(struct signature));
}

static void sign_free(void *signature)
{
    OPENSSL_free(signature);
}

static int sign_init(void *signature, const char *digest, void *key,
                     const OSSL_PARAM params[])
{
    struct signature *s = signature;
    const struct key *k = key;

    (void)params;
    if (!k || k->fd < 0)
        return 0;
    s->key = k;
    s->kind = fr_sign_kind_of(digest && digest[0] ? digest : k->curve->digest);
    return s->kind != FR_SIGN_HELLO;
}

static int sign_all(void *signature, unsigned char *to, size_t *len, size_t room,
                    const unsigned char *octets, size_t n)
{
    const struct signature *s = signature;
    uint8_t answer[FR_SIGN_ANSWER_MAX];
    size_t used;

    if (!to) {
        *len = (size_t)s->key->curve->der;
        return 1;
    }
    used = fr_remote_ask(s->key->fd, s->kind, fr_slice_of(octets, n), answer);
    if (used == 0 || used > room)
        return 0;
    memcpy(to, answer, used);
    *len = used;
    return 1;
}

/* --- the provider */

#define ENTRY(id, function)                                                            \
    {                                                                                  \
        (id), (void (*)(void))(function)                                               \
    }

static const OSSL_DISPATCH key_functions[] = {
    ENTRY(OSSL_FUNC_KEYMGMT_NEW, key_new),
    ENTRY(OSSL_FUNC_KEYMGMT_FREE, key_free),
    ENTRY(OSSL_FUNC_KEYMGMT_HAS, key_has),
    ENTRY(OSSL_FUNC_KEYMGMT_MATCH, key_match),
    ENTRY(OSSL_FUNC_KEYMGMT_IMPORT, key_import),
    ENTRY(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_import_types),
    ENTRY(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_params),
    ENTRY(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_gettable_params),
    ENTRY(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, key_operation),
    {0, NULL},
};

static const OSSL_DISPATCH sign_functions[] = {
    ENTRY(OSSL_FUNC_SIGNATURE_NEWCTX, sign_new),
    ENTRY(OSSL_FUNC_SIGNATURE_FREECTX, sign_free),
    ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, sign_init),
    ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, sign_all),
    {0, NULL},
};

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache)
{
    static const char properties[] = "provider=" FR_REMOTE_PROVIDER;
    static const OSSL_ALGORITHM keys[] = {
        {"EC:id-ecPublicKey:1.2.840.10045.2.1", properties, key_functions, NULL},
        {NULL, NULL, NULL, NULL},
    };
    static const OSSL_ALGORITHM signatures[] = {
        {SIGNATURE, properties, sign_functions, NULL},
        {NULL, NULL, NULL, NULL},
    };

    (void)provider;
    *no_cache = 0;
    if (operation == OSSL_OP_KEYMGMT)
        return keys;
    return operation == OSSL_OP_SIGNATURE ? signatures : NULL;
}

int fr_remote_provider_init(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in,
                            const OSSL_DISPATCH **out, void **ret_provider)
{
    static const OSSL_DISPATCH functions[] = {
        ENTRY(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
        {0, NULL},
    };
    static char nothing; /* is all that we keep; NULL would be a failure */

    (void)core;
    (void)in;
    *out = functions;
    *ret_provider = &nothing;
    return 1;
}
