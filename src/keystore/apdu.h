/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said to a SIM card and what it answers, as octets (TS 102.221, clauses 10 and
 * 11; AUTHENTICATE: TS 31.102, 7.1). No I/O: whoever has the card sends a->command, and
 * lets the answer be heard, until it is done.
 */
#ifndef FR_KEYSTORE_APDU_H
#define FR_KEYSTORE_APDU_H

#include "crypto/aka.h"

#define FR_APDU_MAX        261 /* a header, Lc, 255 octets, Le */
#define FR_APDU_ANSWER_MAX 258 /* 256 octets and the status word */
#define FR_PIN_MIN         4
#define FR_PIN_MAX         8
#define FR_AID_MAX         16

/* Status words (TS 102.221, 10.2.1; TS 31.102, 7.1.2). */
enum fr_sw {
    FR_SW_OK = 0x9000,
    FR_SW_PROACTIVE = 0x9100, /* and a number: done, and the card wants to say more */
    FR_SW_TRIES = 0x63c0,     /* and how many are left */
    FR_SW_NO_PIN = 0x6982,    /* security status not satisfied */
    FR_SW_PIN_BLOCKED = 0x6983,
    FR_SW_PIN_DISABLED = 0x6984,
    FR_SW_NOT_NOW = 0x6985, /* conditions of use not satisfied: no Ks to derive from */
    FR_SW_NO_FILE = 0x6a82,
    FR_SW_NO_RECORD = 0x6a83,
    FR_SW_WRONG_MAC = 0x9862,
    FR_SW_NO_CONTEXT = 0x9864 /* security context not supported */
};

/* One command and what T=0 makes of it: what waits (61xx) is fetched, a wrong length
 * (6Cxx) is asked for again with the right one. */
struct fr_apdu {
    uint8_t command[FR_APDU_MAX]; /* the next to send */
    size_t len;
    uint8_t data[FR_APDU_ANSWER_MAX]; /* when it is done: the answer */
    size_t data_len;
    unsigned sw;
    bool is_t0; /* then no Le follows data; set before, kept by everything */
    int n_more;
};
void fr_apdu_clear(struct fr_apdu *a); /* wipes; is_t0 stays */

/* What the card said to command. FR_EINVALID "card-answer": too short, too long, or
 * without an end. */
FR_MUST_USE enum fr_code fr_apdu_hear(struct fr_apdu *a, struct fr_slice said,
                                      bool *ret_done, struct fr_err *err);
struct fr_slice fr_apdu_data(const struct fr_apdu *a);
bool fr_apdu_is_ok(const struct fr_apdu *a);

/* ---- commands; each makes a new one of a ---- */

void fr_apdu_select_aid(struct fr_apdu *a, struct fr_slice aid); /* FR_AID_MAX */
void fr_apdu_select_file(struct fr_apdu *a, uint16_t id);
/* len 0: all there is. */
void fr_apdu_read_binary(struct fr_apdu *a, uint8_t len);
void fr_apdu_read_record(struct fr_apdu *a, uint8_t number, uint8_t len);
/* pin NULL: how many tries are left (FR_SW_TRIES), which costs none. */
void fr_apdu_verify(struct fr_apdu *a, uint8_t reference, const struct fr_secret *pin);
/* gba: in the GBA security context, where autn is AUTN*. */
void fr_apdu_authenticate(struct fr_apdu *a, const uint8_t *rand, const uint8_t *autn,
                          bool gba);
/* FR_ELIMIT: both have no room in one command. */
FR_MUST_USE enum fr_code fr_apdu_naf_key(struct fr_apdu *a, struct fr_slice naf_id,
                                         const char *impi, struct fr_err *err);

/* ---- what AUTHENTICATE answers ---- */

/* FR_EINVALID "card-answer". */
FR_MUST_USE enum fr_code fr_apdu_read_aka(struct fr_slice data, bool gba,
                                          struct fr_aka_answer *ret,
                                          struct fr_err *err);
FR_MUST_USE enum fr_code fr_apdu_read_naf_key(struct fr_slice data,
                                              struct fr_secret **ret,
                                              struct fr_err *err);

#endif
