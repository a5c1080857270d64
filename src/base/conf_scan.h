/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goes over a config text before libconfuse does, for conf.c, and mends what that does
 * badly: it passes over comments and quoted texts that do not end, drops a '*' or '+'
 * outside quotes ("*.pem" would be read as ".pem"), and takes comments only between
 * entries.
 */
#ifndef FR_BASE_CONF_SCAN_H
#define FR_BASE_CONF_SCAN_H

#include "base/buf.h"

/* Turns comments into spaces, in place. FR_ECONFIG "PATH:LINE: ...". */
FR_MUST_USE enum fr_code fr_conf_scan(const char *path, struct fr_buf *text,
                                      struct fr_err *err);

#endif
