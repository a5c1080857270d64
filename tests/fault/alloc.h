/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lets allocations fail, by their number. Our own objects come here by the linker
 * (ALLOC_WRAPS of tests/fuzz/meson.build: -Wl,--wrap=malloc and so on, so that nothing
 * of it is in what is shipped, and sanitizers keep their malloc); jansson and SQLite
 * are told to by their own hooks. OpenSSL is left alone.
 *
 * ONCE: one allocation of ours fails, and memory is back. It shows what a failure that
 * is overlooked leads to. Libraries are spared.
 * ALL: from then on none succeeds, for libraries neither.
 */
#ifndef FR_TEST_ALLOC_H
#define FR_TEST_ALLOC_H

#include <stdbool.h>

enum alloc_mode { ALLOC_ONCE, ALLOC_ALL };

/* Once, before anything is allocated. */
void alloc_hook_libraries(void);
/* The n-th allocation from now, from 0, fails; n < 0: none, but they are counted. */
void alloc_arm(long n, enum alloc_mode mode);
/* None fails any more. Returns how many there were since alloc_arm(). */
long alloc_disarm(void);
bool alloc_has_failed(void); /* since alloc_arm() */

#endif
