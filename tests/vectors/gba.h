/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NET section 7: no vector of the GBA's KDF is published. Ours are of set 1 of
 * TS 35.208 (vectors/milenage.h); tests/vectors/gba_oracle.py computes them again.
 */
#ifndef FR_VECTORS_GBA_H
#define FR_VECTORS_GBA_H

#define VECTOR_RAND      "23553cbe9637a89d218ae64dae47bf35"
#define VECTOR_AUTN      "55f328b43577b9b94a9ffac354dfafb3"
#define VECTOR_AUTS      "ba853f3c123ccf44e93596e355c6"
#define VECTOR_RES       "a54211d5e3ba50bf"
#define VECTOR_CK        "b40ba9a3c58b2a05bbf0d987b21bf8cb"
#define VECTOR_IK        "f769bcd751044604127672711c6d3441"
#define VECTOR_KS        VECTOR_CK VECTOR_IK
#define VECTOR_IMSI      "001010000000001"
#define VECTOR_IMPI      "001010000000001@ims.mnc001.mcc001.3gppnetwork.org"
#define VECTOR_NAF       "naf.example.org"
#define VECTOR_BSF       "bsf.mnc001.mcc001.pub.3gppnetwork.org"
#define VECTOR_CNONCE    "0a4f113b"
#define VECTOR_NC        "00000001"
#define VECTOR_NONCE     "I1U8vpY3qJ0hiuZNrke/NVXzKLQ1d7m5Sp/6w1Tfr7M="
#define VECTOR_AKAV1     "9645747a7f4f295e7239252f3f5bf0f5"
#define VECTOR_RESYNC    "fc141b70d6498a2b6001409e0ca36562"
#define VECTOR_AKAV2_PW  "shzt3q8CWaZnCAWqs3WmEQ=="
#define VECTOR_AKAV2     "e7c2d63ffd5f8574b9e1c745c8709af1"
#define VECTOR_TMPI_USER "7g8A0RHDuCXlCTm8IzQ29xYou4F13lIQ"
/* "gba-u" instead of "gba-me", NAF as for tls1.2. */
#define VECTOR_KS_INT_NAF                                                              \
    "e8115fd423eb2c9fb60971b0a615cd6a75769da8eb99c756964aba54d008ebc8"

static const struct {
    const char *ua, *octets, *key;
} naf_vectors[] = {
    {"tls1.2", "01000100ae",
     "74259dd94b4d3558f4e05dcc1ce37087ab724aab9ddb18b03613e6fb8ca8ed44"},
    {"dtls1.2", "010001c0a8",
     "4b0dd9165c64ad093878411c60e2189ffa556ec29715ca75a8de98e0c1abf273"},
    {"http-digest", "0100000002",
     "d3d5b418417eedfff77c5cce9b962bd62a6bbedbff2b309ab15cdc90882b18f2"},
    {"tls1.3", "0100000007",
     "7a4eb3270a598b6649234f71993b6be1b8ddf7ebb4d077049161339504d1746e"},
};

#endif
