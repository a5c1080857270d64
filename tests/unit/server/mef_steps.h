/* SPDX-License-Identifier: Apache-2.0 */
/* An exchange at the MEF, step by step, with the test as enrolee and as vault. */
#ifndef FR_MEF_STEPS_H
#define FR_MEF_STEPS_H

#include "service_fixture.h"

#define KEY_ID    "000102030405060708090A0B0C0D0E0F@mef.example.com"
#define REG       "/mefbase/000102030405060708090A0B0C0D0E0F"
#define JSON_TYPE "Content-Type: application/vnd.onem2m-res+json; ty=104\r\n"
#define KEY_BODY                                                                       \
    "{\"sec:mkr\":{\"et\":\"20271101T000000\",\"suid\":22,\"tgis\":[\"broker.example." \
    "com\"]}}"
#define MAC       "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define OTHER_MAC "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* The fixture that the steps work on, opened and closed for each test. */
extern struct fixture f;
extern char client_path[64]; /* of the client registration made last */
int open_mef(void **state);
int close_mef(void **state);

const char *below_client(const char *name);
void create_client(void);
void create_key(void); /* the vault says yes */
void confirm(const char *mac);
void vault_commits(void);
void vault_hears_ack_of(const char *key_id);

#endif
