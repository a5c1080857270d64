/* SPDX-License-Identifier: Apache-2.0 */
/* A folder with a CA "ca" for example.com, and one device to issue for. */
#ifndef FR_TEST_PKI_FIXTURE_H
#define FR_TEST_PKI_FIXTURE_H

#include "certs.h"
#include "crypto/pki.h"
#include "tmpdir.h"

static struct fr_err err;

static const struct fr_san dev1 = {.type = FR_SAN_DNS, .value = "dev1.example.com"};

enum { HOUR = 3600, DAY = 86400 };

struct fixture {
    struct tmpdir dir;
    int64_t now;
};

static inline int setup(void **state)
{
    static struct fixture f;

    tmpdir_enter(&f.dir);
    f.now = fr_wall_s(&fr_env_system);
    assert_ok(fr_pki_init("ca", "Test CA", "example.com", f.now + 365 * DAY, &err));
    *state = &f;
    return 0;
}

static inline int teardown(void **state)
{
    tmpdir_leave(&((struct fixture *)*state)->dir);
    return 0;
}

static inline struct fr_pki_request request(const struct fixture *f)
{
    return (struct fr_pki_request){.common_name = "device one",
                                   .sans = &dev1,
                                   .n_sans = 1,
                                   .not_before = f->now - HOUR,
                                   .not_after = f->now + DAY};
}

static inline X509 *issue(const struct fr_pki_request *req)
{
    assert_ok(fr_pki_issue("ca", req, "leaf.pem", "leaf.key", &err));
    return load_cert("leaf.pem");
}

static inline int verify(X509 *leaf, bool with_crl, int64_t t)
{
    X509 *anchor;
    X509_CRL *crl = NULL;
    int why;

    anchor = load_cert("ca/ca.pem");
    if (with_crl)
        crl = load_crl("ca/crl.pem");
    why = verify_cert(leaf, anchor, crl, t, NULL);
    X509_CRL_free(crl);
    X509_free(anchor);
    return why;
}

static inline bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

#endif
