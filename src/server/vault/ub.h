/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ub, the vault's side (TS 24.109 clause 4): challenges that wait for their vector, or
 * for their answer, in memory only. A vector is used once: the first answer takes it
 * out, right or wrong. A subscriber may have several, since anybody can ask for one in
 * its name.
 */
#ifndef FR_SERVER_VAULT_UB_H
#define FR_SERVER_VAULT_UB_H

#include "base/bucket.h"
#include "proto/aka_digest.h"
#include "server/vault/internal.h"
#include "server/vault/journal.h"

/* Entries of the table: by ticket, by RAND. */
enum { FR_UB_WAITS, FR_UB_CHALLENGES };

#define FR_UB_LINE_MAX 512 /* octets of a request line that a proof is about */

struct fr_ub_run {
    char imsi[FR_IMSI_MAX + 1], impi[FR_IMPI_MAX + 1], address[FR_ID_MAX + 1];
    char username[FR_IMPI_MAX + 1]; /* what it called itself: IMPI or TMPI */
    bool is_gba_u;
    /* While it waits: where the answer goes, and what was asked. */
    uint32_t worker, id;
    enum fr_msg_type type;
    bool has_auts;
    /* Then: the challenge as the device has it, and CK || IK || RES. */
    uint8_t rand[FR_AKA_RAND_LEN], autn[FR_AKA_AUTN_LEN];
    struct fr_secret *keys;
};

FR_MUST_USE enum fr_code fr_ub_new(const struct fr_vault_config *config,
                                   struct fr_ub **ret, struct fr_err *err);
void fr_ub_free(struct fr_ub *ub);
struct fr_journal *fr_ub_table(const struct fr_ub *ub);

/* How far this batch has come; and back to there, letters included. */
struct fr_ub_mark {
    size_t steps, letters, vectors, resyncs;
    struct fr_bucket all;
};
struct fr_ub_mark fr_ub_mark(const struct fr_vault *v);
void fr_ub_undo(struct fr_vault *v, const struct fr_ub_mark *mark);
void fr_ub_undo_all(struct fr_vault *v); /* of the batch */
void fr_ub_keep(struct fr_vault *v);

/* ADDRESS, and who it says it is. FR_EINVALID: malformed. */
FR_MUST_USE enum fr_code fr_ub_who_take(const struct fr_msg *m, struct fr_who *ret,
                                        struct fr_err *err);
/* The listing of the IMSI in the IMPI that username is, or is the TMPI of, and what it
 * gets. FR_EREFUSED "tmpi-unknown", "impi-form", "enrolee-not-listed", and as
 * fr_grant_decide(). */
FR_MUST_USE enum fr_code fr_ub_grant(struct fr_request *q, const char *username,
                                     struct fr_grant *ret, struct fr_err *err);

/* After fr_ub_grant(): the IMPI of who asks. */
const char *fr_ub_impi(const struct fr_request *q);
/* Asks the HSS for a vector; the request's reply is put off. auts (with rand): a
 * resynchronisation. FR_EUNREACHABLE "hss-unreachable", "subscriber-rate",
 * "hss-rate", "resync-too-often", "too-many-at-once". */
struct fr_ub_wish {
    const char *username;
    const uint8_t *rand, *auts; /* NULL: neither */
};
FR_MUST_USE enum fr_code fr_ub_ask_hss(struct fr_request *q,
                                       const struct fr_ub_wish *wish,
                                       struct fr_err *err);

/* Realm, URI, algorithm, qop. FR_EREFUSED "realm-mismatch", "uri-mismatch",
 * "digest-algorithm", "digest-qop". */
FR_MUST_USE enum fr_code fr_ub_check_form(const struct fr_vault *v,
                                          const struct fr_digest_auth *a,
                                          struct fr_err *err);
/* RAND as the key of its challenge: half of it. */
uint64_t fr_ub_key_of(const uint8_t rand[FR_AKA_RAND_LEN]);
/* However old, and whosever; NULL: none. */
struct fr_entry *fr_ub_challenge_of(const struct fr_vault *v,
                                    const uint8_t rand[FR_AKA_RAND_LEN]);
/* The challenge that a answers; NULL: none, or it is too old. */
struct fr_entry *fr_ub_find_challenge(const struct fr_request *q,
                                      const struct fr_digest_auth *a);
/* Appends what a device is told of a key (fr_gba_info). */
FR_MUST_USE enum fr_code fr_ub_write_info(const struct fr_request *q,
                                          const struct fr_grant *g, const char *btid,
                                          struct fr_buf *to, struct fr_err *err);
/* That, and fr_ub_grant() to whom it was given: the TMPI in a may be nobody's by now.
 */
FR_MUST_USE enum fr_code fr_ub_grant_answer(struct fr_request *q,
                                            const struct fr_digest_auth *a,
                                            struct fr_entry **ret_challenge,
                                            struct fr_grant *ret, struct fr_err *err);
/* The IMPI in "impi:<IMPI>", the SAN of a credential of Ub. */
const char *fr_ub_impi_of(const struct fr_store_credential *c);
/* What ks, the key of c, gives to this MEF as a NAF. */
FR_MUST_USE enum fr_code fr_ub_mef_key(const struct fr_vault *v,
                                       const struct fr_store_credential *c,
                                       const struct fr_secret *ks,
                                       struct fr_secret **ret, struct fr_err *err);
/* MAC of the reply: that we hold that key of c, and that body is our answer at path. */
FR_MUST_USE enum fr_code fr_ub_prove_answer(const struct fr_request *q,
                                            const struct fr_store_credential *c,
                                            const struct fr_secret *key,
                                            const char *path, struct fr_slice body,
                                            struct fr_err *err);
/* FR_EREFUSED "digest-mismatch". */
FR_MUST_USE enum fr_code fr_ub_check_response(const struct fr_digest_auth *a,
                                              const struct fr_secret *password,
                                              struct fr_err *err);

#endif
