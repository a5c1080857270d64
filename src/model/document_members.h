/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of DESIGN 5: every member of an instruction document, its type, limits and
 * reader. instructions.schema.json says the same; a test holds them together. Internal
 * to the document codec.
 */
#ifndef FR_MODEL_DOCUMENT_MEMBERS_H
#define FR_MODEL_DOCUMENT_MEMBERS_H

#include <jansson.h>

#include "model/document_reader.h"

/* What a member can be of; a mask. */
enum { FR_OF_DOCUMENT = 1, FR_OF_BOOTSTRAP = 2, FR_OF_DISCOVERY = 4 };

enum fr_member_type { FR_MEMBER_STRING, FR_MEMBER_INTEGER, FR_MEMBER_ARRAY };

struct fr_member {
    const char *name;
    unsigned of;
    bool required;
    enum fr_member_type type;
    json_int_t min, max; /* of the integer, of the octets, of the entries */
    const char *form;    /* what is allowed, for a person */
    /* Type and limits hold already. Bad values become findings; fails with FR_ENOMEM
     * only. NULL: the document's parser reads it. */
    enum fr_code (*read)(struct fr_reader *r, const json_t *value);
};

/* In the order in which they are read: what others depend on comes first. */
extern const struct fr_member fr_members[];
extern const size_t fr_n_members;

#endif
