/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FR_TEST_ATTEMPT_SAMPLE_H
#define FR_TEST_ATTEMPT_SAMPLE_H

#include "model/attempt.h"
#include "test.h"

static inline struct fr_attempt attempt_sample(void)
{
    return (struct fr_attempt){
        .list = "0123456789abcdef",
        .position = "3.1",
        .kind = FR_BOOTSTRAP,
        .method = "certificate",
        .peer = "mef.example.com",
        .target = "broker.example.com",
        .result = {.class = FR_CLASS_REFUSED,
                   .phase = FR_PHASE_HANDSHAKE,
                   .reason = "tls-alert-48",
                   .text = "mef.example.com sent TLS alert 48, unknown_ca",
                   .retry_after_ms = -1},
        .start = 1795489639,
        .duration_ms = 1234,
        .octets_out = 517,
        .octets_in = 7,
    };
}

static inline void assert_same_attempt(const struct fr_attempt *a,
                                       const struct fr_attempt *b)
{
    assert_string_equal(a->list, b->list);
    assert_string_equal(a->position, b->position);
    assert_int_equal(a->kind, b->kind);
    assert_string_equal(a->method, b->method);
    assert_string_equal(a->peer, b->peer);
    assert_string_equal(a->target, b->target);
    assert_int_equal(a->result.class, b->result.class);
    assert_int_equal(a->result.phase, b->result.phase);
    assert_string_equal(a->result.reason, b->result.reason);
    assert_string_equal(a->result.text, b->result.text);
    assert_int_equal(a->start, b->start);
    assert_int_equal(a->duration_ms, b->duration_ms);
    assert_int_equal(a->octets_out, b->octets_out);
    assert_int_equal(a->octets_in, b->octets_in);
}

#endif
