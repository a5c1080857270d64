/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The suite that every store passes. A store's own file (store_sqlite.c) says how to
 * get an empty one, and how to open what was kept again after the process was killed.
 */
#ifndef FR_CONFORM_STORE_H
#define FR_CONFORM_STORE_H

#include "test.h"

#include "store/store.h"

struct fr_store_maker {
    int (*start)(void **state); /* of all tests; may be NULL */
    int (*stop)(void **state);
    void *(*setup)(void);
    void (*teardown)(void *ctx);
    struct fr_store *(*open)(void *ctx); /* empty the first time */
};
extern const struct fr_store_maker fr_store_maker;

#define STORE_NODE "node1"

/* What the suite's files share: an open store, and how to ask it. */
struct store_lab {
    void *maker;
    struct fr_store *s;
    struct fr_err err; /* of the call before */
};
int store_lab_setup(void **state);
int store_lab_teardown(void **state);
void store_lab_reopen(struct store_lab *l);
/* Opens l->s, and enters as STORE_NODE. */
void store_lab_enter(struct store_lab *l);

struct store_answer {
    bool done;
    enum fr_code rc;
    struct fr_err *err;
};
struct fr_store_call store_call(struct store_answer *a);
enum fr_code store_wait(struct fr_store *s, struct store_answer *a);

#define ASK(l, op, ...)                                                                \
    __extension__({                                                                    \
        struct store_answer answer_ = {.err = &(l)->err};                              \
        (l)->s->methods->op((l)->s, __VA_ARGS__, store_call(&answer_));                \
        store_wait((l)->s, &answer_);                                                  \
    })
#define ASK_PLAIN(l, op)                                                               \
    __extension__({                                                                    \
        struct store_answer answer_ = {.err = &(l)->err};                              \
        (l)->s->methods->op((l)->s, store_call(&answer_));                             \
        store_wait((l)->s, &answer_);                                                  \
    })
#define DO(l, op, ...)                                                                 \
    do {                                                                               \
        if (ASK(l, op, __VA_ARGS__) != FR_OK)                                          \
            fail_msg("%s: %s", #op, (l)->err.msg);                                     \
    } while (0)
#define DO_PLAIN(l, op)                                                                \
    do {                                                                               \
        if (ASK_PLAIN(l, op) != FR_OK)                                                 \
            fail_msg("%s: %s", #op, (l)->err.msg);                                     \
    } while (0)

#define STORE_ANCHOR "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct fr_store_enrolee store_enrolee(const char *name, const char *san);
/* Of a SIM alone. */
struct fr_store_enrolee store_subscriber(const char *name, const char *imsi);
struct fr_store_target store_target(const char *fqdn);
/* dev1 and broker.example.com must be there. */
struct fr_store_credential store_credential(const char *key_id);
/* One line, in a batch of its own. */
void store_audit(struct store_lab *l, struct fr_store_audit *line);
/* dev1, allowed for broker.example.com. */
void store_populate(struct store_lab *l);

/* The tests, by subject. */
#define STORE(test)                                                                    \
    cmocka_unit_test_setup_teardown(test, store_lab_setup, store_lab_teardown)
/* Each ends with an empty one. */
extern const struct CMUnitTest store_batches[], store_listings[], store_credentials[],
    store_records[], store_copies[];

#endif
