/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times as seconds since 1970 UTC (int64_t), durations in milliseconds, and the
 * three texts they have: RFC 3339 (documents, JSON), the basic ISO 8601 of
 * oneM2M's m2m:timestamp, and ISO 8601 durations PnDTnHnMnS.
 */
#ifndef FR_BASE_TIMETEXT_H
#define FR_BASE_TIMETEXT_H

#include "base/buf.h"

#define FR_TIME_TEXT 24 /* octets that either text needs, NUL included */

/* "2026-11-24T03:07:19Z"; fractions are cut; only UTC ("Z" or "+00:00"). */
bool fr_rfc3339_parse(struct fr_slice s, int64_t *ret);
char *fr_rfc3339_format(int64_t t, char to[FR_TIME_TEXT]);

/* "20261124T030719", a fraction ",NNN" is cut (TS-0004 m2m:timestamp). */
bool fr_m2m_time_parse(struct fr_slice s, int64_t *ret);
char *fr_m2m_time_format(int64_t t, char to[FR_TIME_TEXT]);

/* PnDTnHnMnS, whole numbers, at least one part, no years or months (their length
 * is no number of seconds), at most 100 years. Milliseconds. */
bool fr_duration_parse(struct fr_slice s, int64_t *ret_ms);
/* to: at least 32 octets. */
char *fr_duration_format(int64_t ms, char *to, size_t size);

#endif
