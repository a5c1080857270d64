/* SPDX-License-Identifier: Apache-2.0 */
/* A device with a SIM, and the HSS that knows it, at the two sides of a vault. */
#ifndef FR_TEST_UB_LAB_H
#define FR_TEST_UB_LAB_H

#include "proto/aka_digest.h"
#include "vault_lab.h"

#define IMSI "001010000000001"
#define IMPI IMSI "@ims.mnc001.mcc001.3gppnetwork.org"

/* What the HSS gives; RES may have 4 to 16 octets. */
struct ub_vector {
    uint8_t rand[FR_AKA_RAND_LEN], autn[FR_AKA_AUTN_LEN];
    uint8_t ck[FR_AKA_KEY_LEN], ik[FR_AKA_KEY_LEN], res[FR_AKA_RES_MAX];
    size_t res_len;
};

/* Fixtures: dev1 of lab_populate() has the SIM with IMSI, one hss worker is there. */
int ub_setup(void **state);

/* The vector of that number, all octets different; NUL in RES. */
struct ub_vector ub_vector(uint8_t number);

enum fr_code ub_begin(struct lab *l, const char *impi, const char *target);
/* The only letter there is, which must be of that type; borrowed until ub_sent(). */
struct fr_msg ub_letter(struct lab *l, enum fr_msg_type type);
void ub_no_letter(struct lab *l);
void ub_sent(struct lab *l);
/* What the HSS was asked last; and its answer. */
uint64_t ub_wanted(struct lab *l);
enum fr_code ub_vector_is(struct lab *l, uint64_t ticket, const struct ub_vector *v);
enum fr_code ub_hss_fails(struct lab *l, uint64_t ticket, enum fr_code code,
                          const char *reason);
/* From the first request to the challenge. */
void ub_challenge(struct lab *l, const struct ub_vector *v);

/* What the device's SIM says to v; then a test may lie, and sign again. */
struct fr_digest_auth ub_response(const struct ub_vector *v);
void ub_sign(struct fr_digest_auth *a, const struct ub_vector *v);
enum fr_code ub_send(struct lab *l, enum fr_msg_type type,
                     const struct fr_digest_auth *a, const char *target);
enum fr_code ub_finish(struct lab *l, const struct fr_digest_auth *a);
/* All of it, honestly. */
void ub_bootstrap(struct lab *l, const struct ub_vector *v);
/* It was given a fresh challenge instead of an answer. */
void ub_was_asked_again(struct lab *l);
size_t ub_credentials(struct lab *l);

/* The message about v's key, with its proof. */
struct ub_proof {
    struct fr_msg m;
    char btid[FR_BTID_MAX + 1], line[256];
    uint8_t mac[FR_SHA256_LEN], sha[FR_SHA256_LEN];
};
void ub_prove(struct ub_proof *p, const struct ub_vector *v, enum fr_msg_type type,
              const char *line, const char *body);

#endif
