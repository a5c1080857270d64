/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token bucket: what may happen at most so often. Starts full; zero is a good
 * beginning. The clock is the caller's and never steps back.
 */
#ifndef FR_BASE_BUCKET_H
#define FR_BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct fr_bucket {
    int64_t spent;   /* thousandths of a token that are not there */
    int64_t last_ms; /* when that was so */
};

/* True at most rate times a second, and burst times at once. Both at least 1. */
bool fr_bucket_take(struct fr_bucket *b, int64_t now_ms, int64_t rate, int64_t burst);
/* How long until fr_bucket_take() would say yes; 0: now. */
int64_t fr_bucket_wait_ms(const struct fr_bucket *b, int64_t now_ms, int64_t rate,
                          int64_t burst);

#endif
