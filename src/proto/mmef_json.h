/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the codecs of mmef.h share: a peer's JSON with limits on size and depth, members
 * read by type, and writing. Not for other folders. An absent member leaves *ret (or
 * makes a text ""); one of a wrong type is FR_EINVALID, reason "mmef-malformed", and
 * names the member.
 */
#ifndef FR_PROTO_MMEF_JSON_H
#define FR_PROTO_MMEF_JSON_H

#include <jansson.h>

#include "base/buf.h"

#define FR_MMEF_DEPTH_MAX 16 /* nested arrays and objects */

/* Any JSON object of at most max octets; the caller frees it. */
FR_MUST_USE enum fr_code fr_mmef_json_load(struct fr_slice text, size_t max,
                                           json_t **ret, struct fr_err *err);
/* {"sec:<name>":{...}}, also "m2m:<name>" or "<name>" [U-17]: *ret borrows from *root,
 * which the caller frees. */
FR_MUST_USE enum fr_code fr_mmef_json_open(struct fr_slice text, const char *name,
                                           json_t **root, json_t **ret,
                                           struct fr_err *err);

FR_MUST_USE enum fr_code fr_mmef_json_text(const json_t *o, const char *member,
                                           char *ret, size_t size, struct fr_err *err);
FR_MUST_USE enum fr_code fr_mmef_json_int(const json_t *o, const char *member,
                                          int64_t max, int64_t *ret,
                                          struct fr_err *err);
FR_MUST_USE enum fr_code fr_mmef_json_bool(const json_t *o, const char *member,
                                           bool *ret, struct fr_err *err);
/* m2m:timestamp */
FR_MUST_USE enum fr_code fr_mmef_json_time(const json_t *o, const char *member,
                                           int64_t *ret, struct fr_err *err);
/* Of o's children: absent is NULL. */
FR_MUST_USE enum fr_code fr_mmef_json_array(const json_t *o, const char *member,
                                            const json_t **ret, struct fr_err *err);
FR_MUST_USE enum fr_code fr_mmef_json_object(const json_t *o, const char *member,
                                             const json_t **ret, struct fr_err *err);

/* FR_EINVALID: "<what> of the peer's message". */
FR_MUST_USE enum fr_code fr_mmef_malformed(struct fr_err *err, const char *member,
                                           const char *what);

/* Adds name: text, unless text is "". Return false: no memory or not UTF-8. */
FR_MUST_USE bool fr_mmef_json_put(json_t *o, const char *member, const char *text);
FR_MUST_USE bool fr_mmef_json_put_time(json_t *o, const char *member, int64_t t);
FR_MUST_USE bool fr_mmef_json_put_int(json_t *o, const char *member, int64_t v);

/* Appends o as compact JSON; ok false (an earlier put failed) or o NULL is FR_ENOMEM.
 * name: root it is put under, with the prefix "sec:"; NULL: none. */
FR_MUST_USE enum fr_code fr_mmef_json_write(const json_t *o, bool ok, const char *name,
                                            struct fr_buf *to, struct fr_err *err);

#endif
