/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of the test's own to work in, gone afterwards: paths can be literals. */
#ifndef FR_TEST_TMPDIR_H
#define FR_TEST_TMPDIR_H

#include <stdlib.h>
#include <unistd.h>

#include "test.h"
#include "tree.h"

struct tmpdir {
    char path[32];
};

static inline void tmpdir_enter(struct tmpdir *t)
{
    snprintf(t->path, sizeof t->path, "/tmp/fr-test-XXXXXX");
    assert_non_null(mkdtemp(t->path));
    assert_int_equal(chdir(t->path), 0);
}

static inline void tmpdir_leave(struct tmpdir *t)
{
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(tree_remove(t->path), 0);
}

#endif
