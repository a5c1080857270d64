/* SPDX-License-Identifier: Apache-2.0 */
#include "alloc.h"

#include <jansson.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* The linker's names: __real_NAME is NAME itself. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
void *__real_fr_slot_new(void);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *s);
void *__wrap_fr_slot_new(void);

static long seen, fails_at = -1;
static enum alloc_mode how;
static bool is_armed, has_failed;

static bool fails_now(bool is_ours)
{
    if (!is_armed || (!is_ours && how == ALLOC_ONCE))
        return false;
    bool fails = (seen == fails_at) || (has_failed && how == ALLOC_ALL);
    seen++;
    has_failed |= fails;
    return fails;
}

void *__wrap_malloc(size_t size)
{
    return fails_now(true) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails_now(true) ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails_now(true) ? NULL : __real_realloc(p, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
    return fails_now(true) ? NULL : __real_reallocarray(p, n, size);
}

char *__wrap_strdup(const char *s)
{
    return fails_now(true) ? NULL : __real_strdup(s);
}

/* Where struct fr_secret is from. */
void *__wrap_fr_slot_new(void)
{
    return fails_now(true) ? NULL : __real_fr_slot_new();
}

/* jansson 2.14 reads a token into a buffer that doubles, and has no answer when it
 * cannot: it leaves octets out, or asserts. What looks like that buffer is spared. */
static bool is_token_buffer(size_t size)
{
    return size > 16 && (size & (size - 1)) == 0;
}

static void *jansson_malloc(size_t size)
{
    return !is_token_buffer(size) && fails_now(false) ? NULL : __real_malloc(size);
}

static void *(*sqlite_malloc)(int size);
static void *(*sqlite_realloc)(void *p, int size);

static void *failing_sqlite_malloc(int size)
{
    return fails_now(false) ? NULL : sqlite_malloc(size);
}

static void *failing_sqlite_realloc(void *p, int size)
{
    return fails_now(false) ? NULL : sqlite_realloc(p, size);
}

int sqlite3_config(int what, ...) __attribute__((weak)); /* where it is linked */

static void hook_sqlite(void)
{
    static sqlite3_mem_methods methods;

    if (!sqlite3_config ||
        sqlite3_config(SQLITE_CONFIG_GETMALLOC, &methods) != SQLITE_OK)
        return;
    sqlite_malloc = methods.xMalloc;
    sqlite_realloc = methods.xRealloc;
    methods.xMalloc = failing_sqlite_malloc;
    methods.xRealloc = failing_sqlite_realloc;
    (void)sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
}

void alloc_hook_libraries(void)
{
    json_set_alloc_funcs(jansson_malloc, free);
    hook_sqlite();
}

void alloc_arm(long n, enum alloc_mode mode)
{
    seen = 0;
    fails_at = n;
    how = mode;
    has_failed = false;
    is_armed = true;
}

long alloc_disarm(void)
{
    is_armed = false;
    return seen;
}

bool alloc_has_failed(void)
{
    return has_failed;
}
