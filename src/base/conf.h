/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Config files: libconfuse with our manners. An unknown key, a wrong type, a file cut
 * inside a section or a value out of range is FR_ECONFIG "FILE:LINE: what, and what is
 * allowed (did you mean ...)".
 *
 * A program describes its file by a table; a section is a table of its own. A key or an
 * untitled section given twice, and a title used twice, are refused; a list may be
 * added to by +=. libconfuse puts the environment in for ${NAME}. A file has at most
 * 256 KiB, a table 63 keys. libconfuse is not reentrant: load from one thread at a
 * time.
 */
#ifndef FR_BASE_CONF_H
#define FR_BASE_CONF_H

#include "base/buf.h"

enum fr_conf_type {
    FR_CONF_STR,      /* const char *; default may be NULL */
    FR_CONF_PATH,     /* like STR; relative to the config file's folder */
    FR_CONF_INT,      /* long, within min..max */
    FR_CONF_BOOL,     /* true/false, yes/no, on/off */
    FR_CONF_DURATION, /* ISO 8601; read as milliseconds */
    FR_CONF_LIST,     /* of strings */
    FR_CONF_SECTION,  /* one; fr_conf_section() tells whether it is there */
    FR_CONF_TITLED    /* any number, each with a title */
};

struct fr_conf_key {
    const char *name; /* NULL ends the table */
    enum fr_conf_type type;
    const char *value; /* default, as text; NULL: NULL, 0, false; lists: NULL */
    long min, max;     /* INT */
    const struct fr_conf_key *sub; /* SECTION, TITLED */
};

struct fr_conf; /* a file, or a section of one (owned by the file) */

/* FR_ENOTFOUND if the file is not there. */
FR_MUST_USE enum fr_code fr_conf_load(const char *path, const struct fr_conf_key *keys,
                                      struct fr_conf **ret, struct fr_err *err);
/* All defaults, no file. */
FR_MUST_USE enum fr_code fr_conf_defaults(const struct fr_conf_key *keys,
                                          struct fr_conf **ret, struct fr_err *err);
void fr_conf_free(struct fr_conf *c);
FR_DEFINE_AUTO(conf)

/* Values are borrowed. A name that is not in the table is our own mistake: asserts. */
const char *fr_conf_str(const struct fr_conf *c, const char *name); /* STR and PATH */
long fr_conf_int(const struct fr_conf *c, const char *name);
bool fr_conf_bool(const struct fr_conf *c, const char *name);
int64_t fr_conf_duration_ms(const struct fr_conf *c, const char *name);
size_t fr_conf_list_size(const struct fr_conf *c, const char *name);
const char *fr_conf_list_at(const struct fr_conf *c, const char *name, size_t i);
const struct fr_conf *fr_conf_section(const struct fr_conf *c, const char *name);
size_t fr_conf_titled_size(const struct fr_conf *c, const char *name);
const struct fr_conf *fr_conf_titled_at(const struct fr_conf *c, const char *name,
                                        size_t i);
const char *fr_conf_title(const struct fr_conf *c);
/* "FILE" or "FILE: section": where c is from, for messages. */
const char *fr_conf_where(const struct fr_conf *c);

#endif
