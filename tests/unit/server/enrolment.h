/* SPDX-License-Identifier: Apache-2.0 */
/* An enrolment by hand at a real daemon, step by step, and what stands around it. */
#ifndef FR_TEST_ENROLMENT_H
#define FR_TEST_ENROLMENT_H

#include "crypto/kdf.h"
#include "daemon.h"

#define M2M     "application/vnd.onem2m-res+json; ty=104"
#define CLIENT  "{\"sec:mecr\":{\"et\":\"20361101T000000\"}}"
#define KEY     "{\"sec:mkr\":{\"et\":\"20361101T000000\",\"suid\":22}}"
#define UNKNOWN "/mefbase/00112233445566778899aabbccddeeff"

struct enrolment {
    const struct daemon *d;
    struct client c;
    struct fr_secret *ke;
    char relative_key_id[33], key_id[FR_KEYID_MAX + 1];
    char client_path[128], response[4096];
};

/* dev1 is listed, allowed for broker.example.com; dev2 is not. */
void populate(const struct daemon *d);
void call_ok(const struct daemon *d, const char *json);

void register_key(struct enrolment *e, const struct daemon *d); /* steps 1 and 2 */
void confirm(struct enrolment *e);                              /* step 3 */
void retrieve_command(struct enrolment *e);                     /* step 4 */
void target_has_the_same_key(const struct enrolment *e);
void finish(struct enrolment *e);

/* The handshake at address ends with this alert. version: as client_handshake(). */
void refused_with(const struct daemon *d, const char *address, const char *name,
                  int version, int alert);
/* dev1 gets in and is answered. */
void gets_in(const struct daemon *d);

#endif
