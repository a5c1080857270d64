/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things are in a JSON text: jansson gives positions for syntax errors only. A
 * lexer and a stack of at most FR_JSON_DEPTH levels; nothing recurses. Judging the text
 * is jansson's business: on malformed text the answers are merely the nearest place.
 */
#ifndef FR_MODEL_JSON_SCAN_H
#define FR_MODEL_JSON_SCAN_H

#include "base/buf.h"

#define FR_JSON_DEPTH 16 /* levels; an instruction document needs 5 */

/* From the top: a member's name, or (name NULL) an element's index. Borrows names. */
struct fr_json_step {
    const char *name;
    size_t index;
};
struct fr_json_path {
    struct fr_json_step step[FR_JSON_DEPTH];
    size_t n;
};

struct fr_text_pos {
    int line, column; /* from 1; columns count characters */
};
struct fr_text_pos fr_text_pos_of(struct fr_slice text, size_t offset);

/* Offset of the first octet that is no UTF-8; text.len if there is none. */
size_t fr_text_bad_utf8(struct fr_slice text);

/* Offset of the bracket that opens level max + 1; text.len if there is none. */
size_t fr_json_too_deep(struct fr_slice text, size_t max);

/* Offset of the value at path or, of_name, of its member's name; where path leads
 * nowhere, of the innermost container that it names. */
size_t fr_json_locate(struct fr_slice text, const struct fr_json_path *path,
                      bool of_name);

/* Offset of the last token that starts before end, and the JSON Pointer of the value
 * that it belongs to. */
size_t fr_json_trace(struct fr_slice text, size_t end, char *pointer, size_t size);

/* JSON Pointer (RFC 6901), safe for a terminal, cut at size. Returns to. */
char *fr_json_pointer(const struct fr_json_path *path, char *to, size_t size);

#endif
