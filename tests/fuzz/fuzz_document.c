/* SPDX-License-Identifier: Apache-2.0 */
/* The instruction document: what is accepted can be written, and reads as the same. */
#include <assert.h>

#include "model/instruction.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_findings(const struct fr_findings *findings, enum fr_code rc)
{
    bool error = false;

    assert(findings->n <= FR_FINDINGS_MAX);
    for (size_t i = 0; i < findings->n; i++) {
        assert(findings->list[i].line >= 1 && findings->list[i].column >= 1);
        error |= findings->list[i].is_error;
    }
    assert(error == (rc == FR_EPARSE));
}

static void check_round_trip(const struct fr_document *doc)
{
    FR_AUTO_CLEAR(buf) first = FR_BUF_INIT(8 * FR_DOCUMENT_MAX);
    FR_AUTO_CLEAR(buf) second = FR_BUF_INIT(8 * FR_DOCUMENT_MAX);
    FR_AUTO(document) *again = NULL;
    struct fr_err err;

    assert(fr_document_encode(doc, &first, &err) == FR_OK);
    if (first.len > FR_DOCUMENT_MAX) /* escapes and defaults can make it longer */
        return;
    assert(fr_document_parse(fr_buf_view(&first), "again", FR_USE_TRIGGER, &again, NULL,
                             &err) == FR_OK);
    assert(fr_document_encode(again, &second, &err) == FR_OK);
    assert(fr_slice_equal(fr_buf_view(&first), fr_buf_view(&second)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int use = FR_USE_TRIGGER; use <= FR_USE_DISCOVERED; use++) {
        FR_AUTO_CLEAR(findings) findings = {0};
        FR_AUTO(document) *doc = NULL;
        struct fr_err err;
        enum fr_code rc =
            fr_document_parse(fr_slice_of(data, size), "fuzz",
                              (enum fr_document_use)use, &doc, &findings, &err);

        check_findings(&findings, rc);
        if (rc == FR_OK)
            check_round_trip(doc);
    }
    return 0;
}
