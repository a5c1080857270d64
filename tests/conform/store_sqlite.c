/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite takes the suite, in a folder of its own. */
#include <stdlib.h>

#include "conform/store.h"
#include "tree.h"

struct folder {
    char dir[64], path[96];
};

static void *make_folder(void)
{
    struct folder *f = calloc(1, sizeof *f);

    assert_non_null(f);
    snprintf(f->dir, sizeof f->dir, "/tmp/fr-store-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/fieldroot.db", f->dir);
    return f;
}

static void remove_folder(void *ctx)
{
    struct folder *f = ctx;

    (void)tree_remove(f->dir);
    free(f);
}

static struct fr_store *open_sqlite(void *ctx)
{
    const struct folder *f = ctx;
    struct fr_store *s = NULL;
    struct fr_err err = {0};

    assert_ok(fr_store_sqlite_open(f->path, &s, &err));
    return s;
}

const struct fr_store_maker fr_store_maker = {
    .setup = make_folder, .teardown = remove_folder, .open = open_sqlite};
