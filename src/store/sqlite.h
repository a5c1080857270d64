/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing outside src/store/sqlite*.c includes this. */
#ifndef FR_STORE_SQLITE_H
#define FR_STORE_SQLITE_H

#include <sqlite3.h>

#include "store/sql.h"

/* A store of our schema, to read; *ret is the caller's to close, whatever happens. */
FR_MUST_USE enum fr_code fr_sqlite_open_to_read(const char *path, sqlite3 **ret,
                                                struct fr_err *err);

/* The name of the VFS that writes the log in large pieces; registers it if need be.
 * NULL, which means that of the system, if that cannot be. */
const char *fr_sqlite_vfs(void);

#endif
