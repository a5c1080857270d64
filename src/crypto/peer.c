/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/peer.h"

#include <stdio.h>
#include <string.h>

#include "crypto/san.h"

enum fr_code fr_peer_from_leaf(X509 *leaf, struct fr_peer *ret, struct fr_err *err)
{
    struct fr_peer peer = {.kind = FR_PEER_CERTIFICATE};
    enum fr_code rc;

    fr_x509_subject(leaf, peer.subject, sizeof peer.subject);
    rc = fr_san_of_cert(leaf, peer.sans, &peer.n_sans, err);
    if (rc != FR_OK)
        return fr_err_wrap(err, rc, "certificate of \"%.80s\"", peer.subject);
    FR_TRY(fr_x509_sha256(leaf, peer.leaf_sha256, err));
    *ret = peer;
    return FR_OK;
}

enum fr_code fr_peer_from_chain(const STACK_OF(X509) * verified, struct fr_peer *ret,
                                struct fr_err *err)
{
    int n = verified ? sk_X509_num(verified) : 0;
    struct fr_peer peer;

    if (n < 1)
        return FR_FAIL_AS(err, FR_EREFUSED, "peer-unverified",
                          "the peer has no verified certificate chain");
    FR_TRY(fr_peer_from_leaf(sk_X509_value(verified, 0), &peer, err));
    FR_TRY(fr_x509_spki_hex(sk_X509_value(verified, n - 1), peer.anchor, err));
    *ret = peer;
    return FR_OK;
}

bool fr_peer_has_fqdn(const struct fr_peer *peer, const char *fqdn)
{
    if (peer->kind != FR_PEER_CERTIFICATE || !fr_fqdn_is_valid(fr_slice_str(fqdn)))
        return false;
    for (size_t i = 0; i < peer->n_sans; i++) {
        const struct fr_san *san = &peer->sans[i];

        if ((san->type == FR_SAN_DNS || san->type == FR_SAN_URI) &&
            fr_ascii_equal_fold(san->value, fqdn))
            return true;
    }
    return false;
}

char *fr_peer_format(const struct fr_peer *peer, char to[FR_SAN_TEXT_MAX + 1])
{
    if (peer->kind == FR_PEER_CERTIFICATE && peer->n_sans > 0)
        return fr_san_format(&peer->sans[0], to);
    if (peer->kind == FR_PEER_PSK)
        snprintf(to, FR_SAN_TEXT_MAX + 1, "psk:%s", peer->psk_identity);
    else
        snprintf(to, FR_SAN_TEXT_MAX + 1, "nobody");
    return to;
}
