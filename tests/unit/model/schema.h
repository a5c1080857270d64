/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much of JSON Schema (2020-12) as our own schema uses. A keyword that it does not
 * know fails the test, so the schema cannot say more than is checked.
 */
#ifndef FR_TEST_SCHEMA_H
#define FR_TEST_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>

/* Follows "$ref": "#/$defs/NAME" in root; a schema without it is returned as it is. */
const json_t *schema_deref(const json_t *root, const json_t *schema);

/* The rule for a keyword, of the schema itself or of what it refers to; or NULL. */
const json_t *schema_rule(const json_t *root, const json_t *schema,
                          const char *keyword);

bool schema_accepts(const json_t *root, const json_t *schema, const json_t *value);

#endif
