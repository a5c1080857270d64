/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bucket.h"

enum { TOKEN = 1000 };

/* What is still spent at now; a second ago is an age ago where rate is high. */
static int64_t spent_at(const struct fr_bucket *b, int64_t now_ms, int64_t rate)
{
    int64_t age = now_ms - b->last_ms;

    if (age > b->spent / rate)
        return 0;
    return age > 0 ? b->spent - age * rate : b->spent;
}

bool fr_bucket_take(struct fr_bucket *b, int64_t now_ms, int64_t rate, int64_t burst)
{
    b->spent = spent_at(b, now_ms, rate);
    b->last_ms = now_ms;
    if (b->spent + TOKEN > burst * TOKEN)
        return false;
    b->spent += TOKEN;
    return true;
}

int64_t fr_bucket_wait_ms(const struct fr_bucket *b, int64_t now_ms, int64_t rate,
                          int64_t burst)
{
    int64_t missing = spent_at(b, now_ms, rate) + TOKEN - burst * TOKEN;

    return missing <= 0 ? 0 : (missing + rate - 1) / rate;
}
