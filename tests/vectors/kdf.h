/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSPF 5.8 (onem2m-rspf.md): the key hierarchy from one TLS 1.2 export of
 * EXPORTER-oneM2M-Bootstrap with master_secret 00..2f, client_random 40..5f,
 * server_random 80..9f. Derived keys by an independent HMAC-SHA-256.
 */
#ifndef FR_VECTORS_KDF_H
#define FR_VECTORS_KDF_H

#define VECTOR_EXPORT                                                                  \
    "c1aec59a313d1341c3d91e1fee552ff2"                                                 \
    "71d4117ef18249a1ccb60f2bc89a24d64bf321300914dfdaf91b7152a909ad7c"
#define VECTOR_KE       "71d4117ef18249a1ccb60f2bc89a24d64bf321300914dfdaf91b7152a909ad7c"
#define VECTOR_RELKEYID "C1AEC59A313D1341C3D91E1FEE552FF2"
#define VECTOR_MEF      "mef.example.com"
#define VECTOR_KEYID    "C1AEC59A313D1341C3D91E1FEE552FF2@mef.example.com"

/* suid and fqdn are used by usage only, id by km and kpsa only. */
static const struct {
    const char *derivation;
    int suid;
    const char *id, *fqdn;
    const char *key;
} kdf_vectors[] = {
    {"km", 21, "maf.example.com", "maf.example.com",
     "70b3236a3559add6f34a59a5c3f28e9f04de1fcce362592666f0bb9bc1d506b4"},
    {"kpsa", 22, "//sp.example.com/cse-b", "cse-b.in.sp.example.com",
     "915f50a51cc96786177c6ecd7399eb2615614e7a283506cb3a57e6d2c88e9d10"},
    {"usage", 21, "maf.example.com", "maf.example.com",
     "2b42c695a0b99212d5ca81f869bf1f38a8f6b477260f923ff2ce79967adeb8cf"},
    {"usage", 22, "//sp.example.com/cse-b", "cse-b.in.sp.example.com",
     "a8845360dceaef77b004be9302d6a39b6f3b0491ad98596b29774bc5f3f664d8"},
};

/* RSPF 5.8, last line: octets of the labels, exporter then 5.3 to 5.5. */
enum {
    VECTOR_EXPORTER_LABEL_LEN = 25,
    VECTOR_KM_LABEL_LEN = 52,
    VECTOR_KPSA_LABEL_LEN = 68,
    VECTOR_USAGE_LABEL_LEN = 66
};

#endif
