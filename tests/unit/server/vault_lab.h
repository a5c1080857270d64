/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vault with the real SQLite in a folder of its own, a clock that moves when told to,
 * and the words to talk to it: an operator's call, a device's enrolment, a target's
 * fetch. Each request is a batch of its own.
 */
#ifndef FR_TEST_VAULT_LAB_H
#define FR_TEST_VAULT_LAB_H

#include "test.h"

#include <jansson.h>

#include "fake/env.h"
#include "server/vault/vault.h"

#define MEF       "mef.example.com"
#define BROKER    "broker.example.com"
#define OTHER     "other.example.com"
#define ANCHOR    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ANCHOR_2  "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define KEY_ID(n) "0000000000000000000000000000000" #n "@" MEF

enum { LAB_ASKER = 7 }; /* the number of the worker that asks */

struct lab {
    char dir[64], database[96], key_file[96];
    struct fr_fake_env fake;
    struct fr_vault_config config;
    struct fr_vault *vault;
    struct fr_vault_reply reply; /* of the request before */
    struct fr_msg answer;
    struct fr_err err;
    size_t commits;
    bool commits_fail;
    const char *ub_address; /* from where Ub is spoken; NULL: 192.0.2.1 */
};

/* cmocka fixtures: *state is the lab. */
int lab_setup(void **state);
int lab_teardown(void **state);
void lab_close(struct lab *l);
void lab_open(struct lab *l); /* again, with l->config */
/* Drops the vault as kill -9 would: no close of the database. */
void lab_kill(struct lab *l);

struct fr_peer lab_peer(const char *anchor, const char *san);
struct fr_peer lab_device(void); /* ANCHOR, dns:dev1.example.com */
struct fr_peer lab_target(const char *fqdn);

/* The message as is, in a batch that commits. Its reply is in l->answer, what went
 * wrong in l->err. */
enum fr_code lab_ask(struct lab *l, enum fr_worker from, const struct fr_msg *m);
/* With that peer in front. */
enum fr_code lab_ask_as(struct lab *l, const struct fr_peer *peer, struct fr_msg *m);
const char *lab_text(struct lab *l, enum fr_field f); /* of the answer */

/* An operator's call, in JSON with ' for ". Its result, or NULL if it was refused. The
 * caller has to json_decref() it. */
json_t *lab_admin(struct lab *l, const char *call);
void lab_do(struct lab *l, const char *call); /* must succeed */
void assert_call_fails(struct lab *l, const char *call, enum fr_code code);
void assert_call_fails_as(struct lab *l, const char *call, enum fr_code code,
                          const char *reason);
/* dev1 is listed, broker and other are registered, dev1 may bind to broker. */
void lab_populate(struct lab *l);
/* The whole result of the call as text, for assert_contains(). */
const char *lab_say(struct lab *l, const char *call);

enum fr_code lab_authorise(struct lab *l, const struct fr_peer *peer,
                           const char *target, const char *admin);

/* A commit, in every part of which a test can lie. */
struct lab_commit {
    struct fr_peer peer;
    const char *key_id, *target, *admin_fqdn;
    uint8_t suid;
    uint64_t expires;
    uint8_t ke[FR_KE_LEN];
    const char *request, *response;
    uint8_t mac[FR_SHA256_LEN];
    bool has_mac;
    char ref[FR_CREDENTIAL_REF_MAX + 1];
};
struct lab_commit lab_commit_of(struct lab *l, const char *key_id);
void lab_sign(struct lab_commit *c); /* the MAC of its present content */
enum fr_code lab_commit(struct lab *l, const struct lab_commit *c);
/* An honest one. */
void lab_enrol(struct lab *l, const char *key_id);

enum fr_code lab_ack(struct lab *l, const struct fr_peer *peer, const char *key_id);
enum fr_code lab_lookup(struct lab *l, const struct fr_peer *peer, const char *key_id);
enum fr_code lab_fetch(struct lab *l, const char *fqdn, const char *key_id,
                       uint8_t suid);
/* The feed's JSON. */
enum fr_code lab_feed(struct lab *l, const char *fqdn, uint64_t since);
/* Lines of the trail with that reason. */
size_t lab_count_reason(struct lab *l, const char *reason);
/* Changes the database behind the vault's back. */
void lab_sql(struct lab *l, const char *sql);
int lab_count(struct lab *l, const char *sql); /* the number that it says */

#endif
