/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate in DER: the names that a peer would get from it, kept exactly or
 * refused; packed for the vault they come back the same. */
#include "fuzz.h"
#include "server/ipc/msg.h"

static void look_at(const struct fr_peer *peer)
{
    FR_AUTO_CLEAR(buf) packed = FR_BUF_INIT(8192);
    FR_AUTO_CLEAR(buf) again = FR_BUF_INIT(8192);
    char text[FR_SAN_TEXT_MAX + 1];
    struct fr_peer back;

    FUZZ_ASSERT(peer->n_sans >= 1 && peer->n_sans <= FR_SANS_MAX);
    for (size_t i = 0; i < peer->n_sans; i++) {
        const struct fr_san *san = &peer->sans[i];
        struct fr_san parsed;

        fr_san_format(san, text);
        fuzz_saw_text(text);
        FUZZ_ASSERT(san->value[0] && !strchr(san->value, '*'));
        FUZZ_ASSERT(fr_san_parse(text, &parsed, NULL) == FR_OK);
        FUZZ_ASSERT(strcmp(parsed.value, san->value) == 0);
        if (san->type == FR_SAN_DNS)
            FUZZ_ASSERT(fr_peer_has_fqdn(peer, san->value));
    }
    if (FUZZ_MUST(fr_peer_pack(peer, &packed, NULL)) &&
        FUZZ_MUST(fr_peer_unpack(fr_buf_view(&packed), &back, NULL)) &&
        FUZZ_MUST(fr_peer_pack(&back, &again, NULL)))
        FUZZ_ASSERT(fr_slice_equal(fr_buf_view(&packed), fr_buf_view(&again)));
}

static void as_chain(X509 *cert)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    struct fr_peer peer;

    if (chain && sk_X509_push(chain, cert) &&
        fuzz_code(fr_peer_from_chain(chain, &peer, NULL)) == FR_OK)
        look_at(&peer);
    sk_X509_free(chain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *at = data;
    X509 *cert = size <= 65536 ? d2i_X509(NULL, &at, (long)size) : NULL;
    struct fr_peer peer;
    char subject[64];

    if (!cert)
        return 0;
    if (fuzz_code(fr_peer_from_leaf(cert, &peer, NULL)) == FR_OK)
        look_at(&peer);
    as_chain(cert);
    fuzz_saw_text(fr_x509_subject(cert, subject, sizeof subject));
    X509_free(cert);
    return 0;
}
