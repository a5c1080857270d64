/* SPDX-License-Identifier: Apache-2.0 */
/* What the tools share: a store by its name, its summary, its facts and owner. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "server/store_tools/impl.h"

enum fr_code fr_tool_read(const char *store, struct fr_store **ret, struct fr_err *err)
{
    return fr_store_is_conninfo(store) ? fr_store_postgres_read(store, ret, err)
                                       : fr_store_sqlite_read(store, ret, err);
}

enum fr_code fr_tool_open(const char *store, struct fr_store **ret, struct fr_err *err)
{
    return fr_store_is_conninfo(store) ? fr_store_postgres_open(store, ret, err)
                                       : fr_store_sqlite_open(store, ret, err);
}

enum fr_code fr_tool_summarise(struct fr_store *s, struct fr_store_summary *ret,
                               struct fr_err *err)
{
    FR_AUTO_CLEAR(store_nodes) nodes = {0};
    struct fr_store_chain chain;

    FR_TRY(FR_STORE_ASK(s, err, counts, &ret->counts));
    FR_TRY(fr_fact_get(s, FR_FACT_KEK, ret->kek, err));
    FR_TRY(fr_fact_get(s, FR_FACT_KEK_NEXT, ret->kek_next, err));
    FR_TRY(fr_store_nodes_read(s, &nodes, err));
    ret->audit_lines = 0;
    for (size_t i = 0; i < nodes.n; i++) {
        FR_TRY(fr_store_audit_verify(s, nodes.list[i].name, &chain, err));
        if (chain.broken_at)
            return FR_FAIL_AS(err, FR_ESTORE, "audit-broken",
                              "the audit trail of node \"%s\" is broken at line %llu",
                              chain.at.name, (unsigned long long)chain.broken_at);
        ret->audit_lines += chain.lines;
    }
    return FR_OK;
}

enum fr_code fr_tool_set_facts(struct fr_store *s, const struct fr_fact *facts,
                               size_t n, struct fr_err *err)
{
    enum fr_code rc = FR_OK;

    FR_TRY(FR_STORE_ASK_PLAIN(s, err, begin));
    for (size_t i = 0; i < n && rc == FR_OK; i++)
        rc = fr_fact_set(s, facts[i].name, facts[i].value, err);
    if (rc == FR_OK)
        rc = fr_fact_new_generation(s, &fr_env_system, err);
    if (rc == FR_OK)
        return FR_STORE_ASK_PLAIN(s, err, commit);
    (void)FR_STORE_ASK_PLAIN(s, NULL, rollback);
    return rc;
}

enum fr_code fr_tool_give(const char *file, struct fr_err *err)
{
    FR_AUTO_FD(fd) = -1;
    FR_AUTO_STR(name) = NULL;
    struct stat st;

    if (geteuid() != 0 || fr_store_is_conninfo(file))
        return FR_OK;
    FR_TRY(fr_str_dup(file, &name, err));
    fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || stat(dirname(name), &st) != 0 ||
        fchown(fd, st.st_uid, st.st_gid) != 0)
        return FR_FAIL(err, FR_ESTORE, "giving %s to the owner of its folder: %s", file,
                       strerror(errno));
    return FR_OK;
}

void fr_tool_remove(const char *database)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    char path[4200];

    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s%s", database, ends[i]);
        (void)unlink(path);
    }
}
