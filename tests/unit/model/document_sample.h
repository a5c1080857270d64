/* SPDX-License-Identifier: Apache-2.0 */
/* Documents that are accepted, and such that are refused at an exact place. */
#ifndef FR_TEST_DOCUMENT_SAMPLE_H
#define FR_TEST_DOCUMENT_SAMPLE_H

#include "model/instruction.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define NI           "ni:///sha-256;47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
#define ONE          "{\"version\":1,\"instructions\":["
#define PSK          "{\"bootstrap\":\"psk\",\"mef\":\"m\"}"

static inline struct fr_document *accepts(const char *text,
                                          struct fr_findings *findings)
{
    struct fr_document *doc = NULL;
    struct fr_err err = {0};

    assert_ok(fr_document_parse(fr_slice_str(text), "test", FR_USE_TRIGGER, &doc,
                                findings, &err));
    return doc;
}

struct refusal {
    const char *text, *reason, *pointer;
    int line, column;
};

static inline const struct fr_finding *first_error(const struct fr_findings *f)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->list[i].is_error)
            return &f->list[i];
    fail_msg("no error was found");
    return NULL;
}

/* The first error is this one, in the finding and in the error's words. */
static inline void refuses_slice(struct fr_slice text, enum fr_document_use use,
                                 const struct refusal *want)
{
    FR_AUTO_CLEAR(findings) findings = {0};
    struct fr_document *doc = NULL;
    const struct fr_finding *got;
    struct fr_err err = {0};
    char place[300];

    assert_fails_as(fr_document_parse(text, "test", use, &doc, &findings, &err),
                    FR_EPARSE, want->reason);
    assert_null(doc);
    got = first_error(&findings);
    assert_string_equal(got->reason, want->reason);
    assert_string_equal(got->pointer, want->pointer);
    assert_int_equal(got->line, want->line);
    assert_int_equal(got->column, want->column);
    snprintf(place, sizeof place, "test:%d:%d: %s", want->line, want->column,
             want->pointer);
    assert_int_equal(strncmp(err.msg, place, strlen(place)), 0);
    assert_contains(err.msg, got->text);
}

static inline void refuses(const struct refusal *want)
{
    refuses_slice(fr_slice_str(want->text), FR_USE_TRIGGER, want);
}

#endif
