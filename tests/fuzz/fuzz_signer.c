/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker could ask the signer: it signs what a TLS server signs, nothing else,
 * and it never says more than a signature. */
#include "crypto/pki.h"
#include "fuzz.h"
#include "server/signer/keys.h"

/* Once: a key and its certificate. */
static struct fr_signer_key *key(void)
{
    static struct fr_signer_key *k;
    const struct fr_san san = {.type = FR_SAN_DNS, .value = "mef.example.com"};
    const struct fr_pki_request req = {
        .sans = &san, .n_sans = 1, .not_after = INT64_C(4000000000), .server = true};
    char cert[128], private[128], ca[100];
    const struct fr_listener_config l = {.certificate = cert, .key = private};

    if (k)
        return k;
    snprintf(ca, sizeof ca, "%s/ca", fuzz_folder());
    snprintf(cert, sizeof cert, "%s.pem", ca);
    snprintf(private, sizeof private, "%s.key", ca);
    FUZZ_ASSERT(fr_pki_init(ca, "CA", NULL, req.not_after, NULL) == FR_OK);
    FUZZ_ASSERT(fr_pki_issue(ca, &req, cert, private, NULL) == FR_OK);
    FUZZ_ASSERT(fr_signer_key_read(&l, &k, NULL) == FR_OK);
    return k;
}

/* Said here once more, and more loosely: no octets of an attacker's choice alone. */
static bool looks_like_tls(struct fr_slice s)
{
    static const char verify[] = "TLS 1.3, server CertificateVerify";

    if (s.len >= 64 + sizeof verify && memcmp(s.data + 64, verify, sizeof verify) == 0)
        return s.data[0] == ' ' && s.data[63] == ' ';
    return s.len > 68 && s.data[64] == 3 && s.data[67] == s.len - 68;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t answer[FR_SIGN_ANSWER_MAX];
    size_t len;

    if (size > FR_SIGN_ASK_MAX) /* the loop does not hand on more */
        return 0;
    len = fr_signer_key_answer(key(), fr_slice_of(data, size), answer);
    FUZZ_ASSERT(len <= sizeof answer);
    fuzz_saw_number(len > 0);
    if (len == 0)
        return 0;
    FUZZ_ASSERT(answer[0] == data[0]);
    if (data[0] == FR_SIGN_HELLO)
        FUZZ_ASSERT(len == 1 + 2 * FR_SHA256_LEN);
    else
        FUZZ_ASSERT(looks_like_tls(fr_slice_of(data + 1, size - 1)));
    return 0;
}
