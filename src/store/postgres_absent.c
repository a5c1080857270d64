/* SPDX-License-Identifier: Apache-2.0 */
/* In place of postgres*.c in a build without libpq: says so. */
#include "store/store.h"

enum fr_code fr_store_postgres_check(const char *conninfo, struct fr_err *err)
{
    (void)conninfo;
    return FR_FAIL_AS(err, FR_ECONFIG, "store-not-built",
                      "database: this fieldrootd was built without PostgreSQL "
                      "(-Dpostgres=enabled builds it): leave it out for SQLite");
}

enum fr_code fr_store_postgres_open(const char *conninfo, struct fr_store **ret,
                                    struct fr_err *err)
{
    (void)ret;
    return fr_store_postgres_check(conninfo, err);
}

enum fr_code fr_store_postgres_read(const char *conninfo, struct fr_store **ret,
                                    struct fr_err *err)
{
    (void)ret;
    return fr_store_postgres_check(conninfo, err);
}

enum fr_code fr_store_postgres_migrate(const char *conninfo, int to, struct fr_err *err)
{
    (void)to;
    return fr_store_postgres_check(conninfo, err);
}
