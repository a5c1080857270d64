/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fuzz targets share. The same entry point serves three: libFuzzer, the replay
 * of its corpus in every test run, and the sweep that lets each allocation of such a
 * run fail. For the sweep a target notes what it saw: a run that was denied memory may
 * end early, by a failure, but may never see anything else.
 */
#ifndef FR_TEST_FUZZ_H
#define FR_TEST_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An invariant is broken: says which, and aborts. */
#define FUZZ_ASSERT(truth) ((truth) ? (void)0 : fuzz_fail(#truth, FR_HERE))
_Noreturn void fuzz_fail(const char *what, const char *where);

/* Notes the code and returns it. FR_ENOMEM and FR_EINTERNAL are no answers to an input:
 * they are broken invariants unless memory was denied. */
enum fr_code fuzz_code(enum fr_code rc);
/* What must succeed. False: it could not, for want of memory. */
#define FUZZ_MUST(call) fuzz_must((call), #call, FR_HERE)
bool fuzz_must(enum fr_code rc, const char *what, const char *where);
void fuzz_saw(struct fr_slice octets);
void fuzz_saw_number(uint64_t n);
void fuzz_saw_text(const char *text); /* NULL is fine */

/* The input as a file (0600), by a path that is good until the next call. */
const char *fuzz_file(const uint8_t *data, size_t size);
/* An empty folder, the same each time; what was in it is gone. */
const char *fuzz_folder(void);

/* The next piece of an input that drives a machine: a length of 2 octets, then it. */
static inline struct fr_slice fuzz_take_piece(struct fr_cursor *c)
{
    size_t len = fr_take_u16(c);

    return fr_take_slice(c, len < c->left ? len : c->left);
}
/* The same as text in to[size], cut there and at a NUL. */
const char *fuzz_take_text(struct fr_cursor *c, char *to, size_t size);

/* ---- for replay.c ---- */

#define FUZZ_TRACE_MAX 65536
struct fuzz_trace {
    uint64_t seen[FUZZ_TRACE_MAX];
    size_t n;
    bool ended; /* by a failure for want of memory */
};
extern struct fuzz_trace *fuzz_trace; /* NULL: nothing is noted */
/* How much of what has failed a failure may be blamed on: see tests/fault/alloc.h. */
enum fuzz_denied { FUZZ_DENIED_NOTHING, FUZZ_DENIED_ONCE, FUZZ_DENIED_ALL };
extern enum fuzz_denied (*fuzz_denied)(void);

#endif
