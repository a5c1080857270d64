/* SPDX-License-Identifier: Apache-2.0 */
/* The instruction document: what is accepted can be written, and reads as the same. */
#include "fuzz.h"
#include "model/instruction.h"

static void check_findings(const struct fr_findings *findings, enum fr_code rc)
{
    bool error = false;

    FUZZ_ASSERT(findings->n <= FR_FINDINGS_MAX);
    for (size_t i = 0; i < findings->n; i++) {
        FUZZ_ASSERT(findings->list[i].line >= 1 && findings->list[i].column >= 1);
        error |= findings->list[i].is_error;
    }
    if (rc == FR_OK || rc == FR_EPARSE)
        FUZZ_ASSERT(error == (rc == FR_EPARSE));
}

/* What was parsed can only fail to be written for want of memory; jansson does not say
 * that it is that. */
static enum fr_code encode(const struct fr_document *doc, struct fr_buf *to)
{
    enum fr_code rc = fr_document_encode(doc, to, NULL);

    return rc == FR_EINTERNAL && fuzz_denied() != FUZZ_DENIED_NOTHING ? FR_ENOMEM : rc;
}

static void check_round_trip(const struct fr_document *doc)
{
    FR_AUTO_CLEAR(buf) first = FR_BUF_INIT(8 * FR_DOCUMENT_MAX);
    FR_AUTO_CLEAR(buf) second = FR_BUF_INIT(8 * FR_DOCUMENT_MAX);
    FR_AUTO(document) *again = NULL;

    if (!FUZZ_MUST(encode(doc, &first)))
        return;
    fuzz_saw(fr_buf_view(&first));
    if (first.len > FR_DOCUMENT_MAX) /* escapes and defaults can make it longer */
        return;
    if (!FUZZ_MUST(fr_document_parse(fr_buf_view(&first), "again", FR_USE_TRIGGER,
                                     &again, NULL, NULL)) ||
        !FUZZ_MUST(encode(again, &second)))
        return;
    FUZZ_ASSERT(fr_slice_equal(fr_buf_view(&first), fr_buf_view(&second)));
}

static void check_depth(const struct fr_document *doc, enum fr_document_use use)
{
    FUZZ_ASSERT(doc->n >= 1 && doc->n <= FR_INSTRUCTIONS_MAX);
    for (size_t i = 0; i < doc->n; i++)
        FUZZ_ASSERT(use == FR_USE_TRIGGER || doc->list[i].kind == FR_BOOTSTRAP);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int use = FR_USE_TRIGGER; use <= FR_USE_DISCOVERED; use++) {
        FR_AUTO_CLEAR(findings) findings = {0};
        FR_AUTO(document) *doc = NULL;
        enum fr_code rc = fuzz_code(fr_document_parse(fr_slice_of(data, size), "fuzz",
                                                      (enum fr_document_use)use, &doc,
                                                      &findings, NULL));

        FUZZ_ASSERT((rc == FR_OK) == (doc != NULL));
        check_findings(&findings, rc);
        if (rc == FR_OK) {
            check_depth(doc, (enum fr_document_use)use);
            check_round_trip(doc);
        }
    }
    return 0;
}
