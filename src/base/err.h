/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One error type with a reason that a person can act on.
 *
 * The code says what a caller can do; the reason is a short stable token for
 * programs and tables ("target-not-allowed"); the message says what, where and
 * what to do, for an operator. `where` is where it was first seen.
 * Nothing secret ever enters a struct fr_err.
 */
#ifndef FR_BASE_ERR_H
#define FR_BASE_ERR_H

#include <stddef.h>

/*
 * X(code, name, http, coap (class*100+detail), rsc, exit)
 * http/coap/rsc: how a server reports it (RSPF 9; TS-0004 6.6).
 * exit: status of a command that ends with it (DESIGN 4; sysexits numbers).
 */
#define FR_CODES(X)                                                                    \
    X(FR_OK, "ok", 200, 205, 2000, 0)                                                  \
    X(FR_EUSAGE, "usage", 400, 400, 4000, 64)                                          \
    X(FR_EPARSE, "malformed", 400, 400, 4000, 65)                                      \
    X(FR_ECONFIG, "config", 500, 500, 5000, 65)                                        \
    X(FR_EINVALID, "invalid", 502, 502, 4000, 76)                                      \
    X(FR_EREFUSED, "refused", 403, 403, 4103, 77)                                      \
    X(FR_EUNREACHABLE, "unreachable", 503, 503, 5000, 69)                              \
    X(FR_EUNSUPPORTED, "unsupported", 501, 501, 5001, 78)                              \
    X(FR_ENOTFOUND, "not-found", 404, 404, 4004, 1)                                    \
    X(FR_ECONFLICT, "conflict", 409, 403, 4105, 1)                                     \
    X(FR_ESTORE, "store", 500, 500, 5000, 73)                                          \
    X(FR_EINTERRUPTED, "interrupted", 503, 503, 5000, 75)                              \
    X(FR_EBUSY, "busy", 503, 503, 5000, 75)                                            \
    X(FR_ELIMIT, "limit", 413, 413, 4000, 65)                                          \
    X(FR_ENOMEM, "no-memory", 500, 500, 5000, 70)                                      \
    X(FR_EINTERNAL, "internal", 500, 500, 5000, 70)

enum fr_code {
#define X(code, name, http, coap, rsc, exit) code,
    FR_CODES(X)
#undef X
};

#define FR_ERR_REASON_MAX 40
#define FR_ERR_MSG_MAX    512

struct fr_err {
    enum fr_code code;
    char reason[FR_ERR_REASON_MAX]; /* stable token; the code's name if none given */
    char msg[FR_ERR_MSG_MAX];
    const char *where; /* "FILE:LINE" in our sources, for a debugger; NULL in a build
                          for size */
};

/* "FILE:LINE" of where it stands. */
#ifdef FR_NO_PLACES
#define FR_HERE NULL
#else
#define FR_HERE __FILE__ ":" FR_TEXT_OF(__LINE__)
#endif
#define FR_TEXT_OF(x)  FR_TEXT_OF_(x)
#define FR_TEXT_OF_(x) #x

#define FR_MUST_USE     __attribute__((warn_unused_result))
#define FR_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* FR_FAIL(err, code, fmt, ...) is an expression: return FR_FAIL(...);
 * err may be NULL where nobody wants the words. */
#define FR_FAIL(err, code, ...)                                                        \
    (fr_err_set((err), (code), NULL, FR_HERE, __VA_ARGS__), (code))

/* The same with a reason token of its own. */
#define FR_FAIL_AS(err, code, reason, ...)                                             \
    (fr_err_set((err), (code), (reason), FR_HERE, __VA_ARGS__), (code))

/* The only macro that returns. */
#define FR_TRY(expr)                                                                   \
    do {                                                                               \
        enum fr_code fr_rc_ = (expr);                                                  \
        if (fr_rc_ != FR_OK)                                                           \
            return fr_rc_;                                                             \
    } while (0)

void fr_err_set(struct fr_err *err, enum fr_code code, const char *reason,
                const char *where, const char *fmt, ...) FR_PRINTF(5, 6);

/* Puts "context: " in front of the message, once, where the context is known.
 * Returns rc, so: return fr_err_wrap(err, rc, "reading %s", path); */
enum fr_code fr_err_wrap(struct fr_err *err, enum fr_code rc, const char *fmt, ...)
    FR_PRINTF(3, 4);

void fr_err_clear(struct fr_err *err);

const char *fr_code_name(enum fr_code code);
enum fr_code fr_code_by_name(const char *name, enum fr_code otherwise);
int fr_code_exit(enum fr_code code);
int fr_code_http(enum fr_code code);
int fr_code_rsc(enum fr_code code);

#endif
