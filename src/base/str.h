/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text: copies, hex, base64, percent-encoding, and the names of the field
 * (FQDN, absolute oneM2M id). Decoders say no by false and never overrun.
 */
#ifndef FR_BASE_STR_H
#define FR_BASE_STR_H

#include "base/buf.h"

#define FR_FQDN_MAX                                                                    \
    223 /* octets; leaves room for a KeID's 32 digits and '@' (DESIGN 5) */
#define FR_ID_MAX 255 /* octets of any identifier we keep */

FR_MUST_USE enum fr_code fr_str_dup(const char *s, char **ret, struct fr_err *err);
FR_MUST_USE enum fr_code fr_str_dup_n(struct fr_slice s, char **ret,
                                      struct fr_err *err);
/* NULL gives NULL. */
FR_MUST_USE enum fr_code fr_str_dup_opt(const char *s, char **ret, struct fr_err *err);
bool fr_str_equal(const char *a, const char *b); /* NULL equals NULL only */

/* to: 2 * len + 1 octets. Constant time in the octets: serves for keys as well. */
void fr_hex_encode(struct fr_slice s, char *to, bool upper);
/* to: s.len / 2 octets. Either case; false for odd lengths and other characters. */
bool fr_hex_decode(struct fr_slice s, uint8_t *to);

/* Appends; url: the alphabet of RFC 4648 5 without padding, else 4 with it. */
void fr_base64_encode(struct fr_slice s, bool url, struct fr_buf *to);
/* Strict: no white space, padding exactly as url says. */
bool fr_base64_decode(struct fr_slice s, bool url, struct fr_buf *to);

/* All but RFC 3986 unreserved characters become %XX. */
void fr_percent_encode(const char *s, struct fr_buf *to);
/* false for a bad escape or a NUL, encoded or not. */
bool fr_percent_decode(struct fr_slice s, struct fr_buf *to);

/* A fully qualified name: labels of letters, digits and inner '-', at most 63
 * octets each, at most FR_FQDN_MAX in all, no final dot, not an IP address.
 * One label is accepted ("broker"). Lower-cases in place by _fold. */
bool fr_fqdn_is_valid(struct fr_slice s);
void fr_ascii_fold(char *s);
bool fr_ascii_equal_fold(const char *a, const char *b);

/* "//sp.example/cse-1", "//sp/cse/ae" (TS-0001 7.2), at most FR_ID_MAX octets. */
bool fr_absolute_id_is_valid(struct fr_slice s);

/* Cuts expected off the front of text; false if it does not begin so. */
bool fr_take_text(struct fr_slice *text, const char *expected);
/* Cuts off what is before the next mark, and the mark; false if there is none. */
bool fr_take_until(struct fr_slice *text, uint8_t mark, struct fr_slice *ret);
/* Cuts a line "name=value\n" off the front, and borrows its value. False, and text is
 * as it was: the next line has another name, or no end. */
bool fr_take_line(struct fr_slice *text, const char *name, struct fr_slice *ret_value);

/* Decimal, whole string, 0..max; false otherwise. */
bool fr_uint_parse(struct fr_slice s, uint64_t max, uint64_t *ret);

/* "host" or "host:port"; port is left as it is when none is given. Copies the
 * host, lower-cased, into host[FR_ID_MAX + 1]. */
bool fr_host_port_parse(const char *s, char host[FR_ID_MAX + 1], uint16_t *port);

bool fr_utf8_is_valid(struct fr_slice s);

/* s for a terminal or a log: other than printable ASCII and UTF-8 letters becomes
 * \xNN; cut at max octets. Returns to. */
char *fr_printable(struct fr_slice s, char *to, size_t max);

/* Edit distance for "did you mean": the nearest of n names, NULL if none is near. */
const char *fr_nearest(const char *word, const char *const *names, size_t n);

/* Who counts as one: an address (text); of IPv6 its /64, the rest of which one has too.
 */
#define FR_NETWORK_MAX 64
void fr_network_of(const char *address, char to[FR_NETWORK_MAX]);

#endif
