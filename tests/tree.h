/* SPDX-License-Identifier: Apache-2.0 */
/* Removing or emptying a temporary folder. */
#ifndef FR_TEST_TREE_H
#define FR_TEST_TREE_H

#include <ftw.h>
#include <stdio.h>

static inline int tree_remove_one(const char *path, const struct stat *st, int type,
                                  struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static inline int tree_empty_one(const char *path, const struct stat *st, int type,
                                 struct FTW *ftw)
{
    (void)st, (void)type;
    return ftw->level > 0 ? remove(path) : 0;
}

/* Both: 0, or -1 with errno. */
static inline int tree_remove(const char *dir)
{
    return nftw(dir, tree_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* What is in it; the folder stays. */
static inline int tree_empty(const char *dir)
{
    return nftw(dir, tree_empty_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
