/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A MEF as GBA-BSF in memory: Ub as TS 24.109 has it, and our extensions, with its own
 * end of the numbers (set 1 of TS 35.208); or, for any step, what the test scripts. One
 * request at a time, one whole request a call.
 */
#ifndef FR_TEST_BSF_H
#define FR_TEST_BSF_H

#include "conform/drive.h"
#include "proto/aka_digest.h"
#include "proto/gba_info.h"

#define BSF_BTID "I1U8vpY3qJ0hiuZNrke/NQ==@mef.example.com"
#define BSF_LIFE 86400

enum bsf_step {
    BSF_CHALLENGE,
    BSF_RESYNC,
    BSF_FINISH,
    BSF_LOOKUP,
    BSF_ACK,
    BSF_REPORT,
    BSF_FETCHED,
    BSF_TARGET,
    BSF_N_STEPS
};

struct bsf {
    /* script */
    const char *raw[BSF_N_STEPS]; /* this, as it is, is the answer */
    bool hangs_up[BSF_N_STEPS];   /* closes the stream after the answer */
    bool cuts[BSF_N_STEPS];       /* closes it in the middle of the answer */
    const char *realm, *nonce;    /* of the challenge; NULL: right */
    enum fr_aka_version version;
    struct fr_gba_info info; /* of the 200: fields may be changed */
    const char *body;        /* NULL: info; signed all the same */
    const char *other_body;  /* in place of what is signed */
    bool no_info, no_rspauth, wrong_rspauth, wrong_cnonce, no_auth_int;
    bool knows;          /* BSF_LOOKUP, BSF_ACK */
    const char *to_tmpi; /* the answer to one; NULL: it knows it */
    bool hangs_up_on_tmpi;
    bool no_proof, wrong_proof; /* of their answers */
    int n_not_fetched;
    const char *date; /* NULL: no Date in its answers */

    /* seen */
    int count[BSF_N_STEPS];
    char request[BSF_N_STEPS][2048]; /* the last one */
    struct fr_digest_auth auth;      /* of the last request on Ub */
    bool authenticated;              /* its response was right */

    /* its own */
    struct fr_secret *res, *ks_mef;
};

/* Sets d's method, link and peer, and the fake SIM. */
void bsf_begin(struct bsf *b, struct fr_drive *d);
void bsf_end(struct bsf *b);

/* "HTTP/1.1 " head, Content-Length, body: for .raw; valid until the next call. */
const char *bsf_http(const char *head, const char *body);

/* cmocka's setup and teardown. */
struct bsf_fixture {
    struct fr_drive d;
    struct bsf bsf;
    struct fr_credential *pending; /* owned; of a test that resolves */
};
int bsf_fixture_begin(void **state);
int bsf_fixture_end(void **state);
/* Runs it to its success; the credential is the caller's. */
struct fr_credential *bsf_run(struct bsf_fixture *f);

#endif
