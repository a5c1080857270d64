/* SPDX-License-Identifier: Apache-2.0 */
/* A PEM file of certificates: as trust anchors, and described for people. */
#include "crypto/pki.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size);
    STACK_OF(X509) *certs = NULL;
    struct fr_pki_facts facts;
    enum fr_code rc = fuzz_code(fr_x509_read_pem(path, &certs, NULL));

    FUZZ_ASSERT((rc == FR_OK) == (certs != NULL));
    if (rc == FR_OK)
        FUZZ_ASSERT(sk_X509_num(certs) >= 1);
    sk_X509_pop_free(certs, X509_free);
    if (fuzz_code(fr_pki_describe(path, &facts, NULL)) != FR_OK)
        return 0;
    FUZZ_ASSERT(facts.n_sans >= 1 || facts.refused[0] || facts.is_ca);
    fuzz_saw_text(facts.subject);
    fuzz_saw_text(facts.spki);
    return 0;
}
