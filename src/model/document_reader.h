/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A parse under way: where we are in the document, and what was found. Internal to the
 * document codec.
 */
#ifndef FR_MODEL_DOCUMENT_READER_H
#define FR_MODEL_DOCUMENT_READER_H

#include "model/instruction.h"
#include "model/json_scan.h"

struct fr_reader {
    struct fr_slice text;
    enum fr_document_use use;
    struct fr_document *doc;
    struct fr_instruction *entry; /* the entry that is being read */
    struct fr_json_path path;
    struct fr_findings found; /* in the order of the text */
    size_t n_warnings;
    bool no_memory;
};

/* Steps into a member (name, borrowed) or, name NULL, an element; and out again. */
void fr_reader_enter(struct fr_reader *r, const char *name, size_t index);
void fr_reader_leave(struct fr_reader *r);

/* Records a problem with the value where we are. */
void fr_reader_error(struct fr_reader *r, const char *reason, const char *fmt, ...)
    FR_PRINTF(3, 4);
/* The same, but the place is the member's name. */
void fr_reader_name_error(struct fr_reader *r, const char *reason, const char *fmt, ...)
    FR_PRINTF(3, 4);
void fr_reader_warn(struct fr_reader *r, const char *reason, const char *fmt, ...)
    FR_PRINTF(3, 4);

/* For a text that has no values yet: problem at an offset. */
void fr_reader_text_error(struct fr_reader *r, size_t offset, const char *pointer,
                          const char *reason, const char *text);

/* The first error in the order of the text; NULL if there is none. */
const struct fr_finding *fr_reader_first_error(const struct fr_reader *r);

#endif
