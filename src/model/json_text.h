/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON as text. Not by json_dumps(): when its buffer cannot grow, jansson 2.14 can
 * leave a piece out and report success.
 */
#ifndef FR_MODEL_JSON_TEXT_H
#define FR_MODEL_JSON_TEXT_H

#include <jansson.h>

#include "base/buf.h"

/* Appends value, compact, without escapes for what is not ASCII. FR_ENOMEM, also for
 * value NULL; FR_ELIMIT. */
FR_MUST_USE enum fr_code fr_json_put(const json_t *value, struct fr_buf *to,
                                     struct fr_err *err);
/* The same for a value that may be neither object nor array. */
FR_MUST_USE enum fr_code fr_json_put_any(const json_t *value, struct fr_buf *to,
                                         struct fr_err *err);

#endif
