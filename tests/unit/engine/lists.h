/* SPDX-License-Identifier: Apache-2.0 */
/* Instruction lists for the engine's tests, one letter an entry:
 * b bootstrap, d discovery, u a bootstrap of a method that nobody supports. */
#ifndef FR_TEST_ENGINE_LISTS_H
#define FR_TEST_ENGINE_LISTS_H

#include <stdlib.h>

#include "engine/engine.h"
#include "test.h"

#define UNSUPPORTED_METHOD "carrier-pigeon"

static inline void list_add(struct fr_document *doc, char letter, int64_t budget_ms)
{
    struct fr_instruction *in;
    struct fr_err err = {0};

    assert_ok(
        fr_document_add(doc, letter == 'd' ? FR_DISCOVERY : FR_BOOTSTRAP, &in, &err));
    in->budget_ms = budget_ms;
    if (letter == 'd') {
        assert_ok(fr_str_dup("https", &in->method, &err));
        assert_ok(fr_str_dup("https://d.example/", &in->resource, &err));
        return;
    }
    assert_ok(fr_str_dup(letter == 'u' ? UNSUPPORTED_METHOD : "certificate",
                         &in->method, &err));
    assert_ok(fr_str_dup("mef.example", &in->mef, &err));
}

static inline struct fr_document *list_of(const char *letters)
{
    struct fr_document *doc = NULL;
    struct fr_err err = {0};

    assert_ok(fr_document_new(&doc, &err));
    for (; *letters; letters++)
        list_add(doc, *letters, FR_BUDGET_DEFAULT);
    return doc;
}

static inline bool no_pigeons(void *ctx, const struct fr_instruction *in, char *text,
                              size_t size)
{
    (void)ctx;
    snprintf(text, size, "no pigeons here");
    return strcmp(in->method, UNSUPPORTED_METHOD) != 0;
}

static inline struct fr_result result_of(enum fr_class class)
{
    return (struct fr_result){
        .class = class, .retry_after_ms = -1, .phase = FR_PHASE_HANDSHAKE};
}

#endif
