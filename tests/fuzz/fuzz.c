/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"
#include "tree.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct fuzz_trace *fuzz_trace;

static enum fuzz_denied nothing(void)
{
    return FUZZ_DENIED_NOTHING;
}

enum fuzz_denied (*fuzz_denied)(void) = nothing;

void fuzz_fail(const char *what, const char *where)
{
    fprintf(stderr, "%s: does not hold: %s\n", where, what);
    abort();
}

void fuzz_saw(struct fr_slice octets)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    if (!fuzz_trace || fuzz_trace->ended || fuzz_trace->n == FUZZ_TRACE_MAX)
        return;
    for (size_t i = 0; i < octets.len; i++)
        hash = (hash ^ octets.data[i]) * UINT64_C(1099511628211);
    fuzz_trace->seen[fuzz_trace->n++] = hash;
}

void fuzz_saw_number(uint64_t n)
{
    fuzz_saw(fr_slice_of(&n, sizeof n));
}

void fuzz_saw_text(const char *text)
{
    fuzz_saw(fr_slice_str(text ? text : "\n"));
}

static void end_trace(void)
{
    if (fuzz_trace)
        fuzz_trace->ended = true;
}

/* One failed allocation must be called that (a file that a program starts with may be
 * FR_ECONFIG, which says it in words); where none succeeds any more, libraries below us
 * may call it something else. */
static bool is_for_want_of_memory(enum fr_code rc)
{
    enum fuzz_denied denied = fuzz_denied();

    return (denied == FUZZ_DENIED_ONCE && (rc == FR_ENOMEM || rc == FR_ECONFIG)) ||
           (denied == FUZZ_DENIED_ALL && rc != FR_OK);
}

enum fr_code fuzz_code(enum fr_code rc)
{
    if (is_for_want_of_memory(rc)) {
        end_trace();
        return rc;
    }
    FUZZ_ASSERT(rc != FR_ENOMEM && rc != FR_EINTERNAL);
    fuzz_saw_number(rc);
    return rc;
}

bool fuzz_must(enum fr_code rc, const char *what, const char *where)
{
    if (is_for_want_of_memory(rc)) {
        end_trace();
        return false;
    }
    if (rc != FR_OK) {
        fprintf(stderr, "%s\n", fr_code_name(rc));
        fuzz_fail(what, where);
    }
    return true;
}

/* ---- files ---- */

const char *fuzz_file(const uint8_t *data, size_t size)
{
    static char path[64];
    static int fd = -1;

    if (fd < 0) {
        fd = memfd_create("fuzz", MFD_CLOEXEC);
        FUZZ_ASSERT(fd >= 0 && fchmod(fd, 0600) == 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    FUZZ_ASSERT(ftruncate(fd, 0) == 0);
    FUZZ_ASSERT(pwrite(fd, data, size, 0) == (ssize_t)size);
    return path;
}

static char folder[64];

static void empty_folder(void)
{
    (void)tree_empty(folder);
}

static void remove_folder(void)
{
    empty_folder();
    (void)rmdir(folder);
}

const char *fuzz_folder(void)
{
    if (!folder[0]) {
        bool in_memory = access("/dev/shm", W_OK) == 0;

        snprintf(folder, sizeof folder, "%s/fr-fuzz-XXXXXX",
                 in_memory ? "/dev/shm" : "/tmp");
        FUZZ_ASSERT(mkdtemp(folder));
        atexit(remove_folder);
    }
    empty_folder();
    return folder;
}

const char *fuzz_take_text(struct fr_cursor *c, char *to, size_t size)
{
    struct fr_slice piece = fuzz_take_piece(c);
    size_t n = piece.len < size - 1 ? piece.len : size - 1;

    if (n)
        memcpy(to, piece.data, n);
    to[n] = 0;
    return to;
}
