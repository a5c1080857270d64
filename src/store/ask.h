/* SPDX-License-Identifier: Apache-2.0 */
/* A question to a store, asked and waited for. */
#ifndef FR_STORE_ASK_H
#define FR_STORE_ASK_H

#include "store/store.h"

struct fr_answer {
    bool done;
    enum fr_code rc;
    struct fr_err *err;
};
void fr_answer_done(void *ctx, enum fr_code rc, const struct fr_err *err);
FR_MUST_USE enum fr_code fr_answer_wait(struct fr_answer *a, struct fr_store *s);

/* FR_TRY(FR_STORE_ASK(store, err, enrolee_find, name, &enrolee)); */
#define FR_STORE_ASK(s, err_, op, ...)                                                 \
    __extension__({                                                                    \
        struct fr_answer answer_ = {.err = (err_)};                                    \
        (s)->methods->op((s), __VA_ARGS__,                                             \
                         (struct fr_store_call){fr_answer_done, &answer_});            \
        fr_answer_wait(&answer_, (s));                                                 \
    })
/* The same for operations without inputs: begin, commit, rollback, mark, keep, undo. */
#define FR_STORE_ASK_PLAIN(s, err_, op)                                                \
    __extension__({                                                                    \
        struct fr_answer answer_ = {.err = (err_)};                                    \
        (s)->methods->op((s), (struct fr_store_call){fr_answer_done, &answer_});       \
        fr_answer_wait(&answer_, (s));                                                 \
    })

#endif
