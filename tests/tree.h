/* SPDX-License-Identifier: Apache-2.0 */
/* Removing a temporary folder with all that is in it. */
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

/* 0, or -1 with errno. */
static inline int tree_remove(const char *dir)
{
    return nftw(dir, tree_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
