/* SPDX-License-Identifier: Apache-2.0 */
/* The device's folder as somebody else left it: the two slots, the attempt records and
 * the clock hold any octets. A slot that had a readable current never loses it. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/clock.h"
#include "agent/state.h"
#include "fake/env.h"
#include "fuzz.h"

#define SLOT "00112233445566778899aabbccddeeff"

static void put(const char *dir, const char *name, struct fr_slice octets)
{
    char path[256];
    int fd;

    if (octets.len == 0)
        return;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FUZZ_ASSERT(fd >= 0 && write(fd, octets.data, octets.len) == (ssize_t)octets.len);
    close(fd);
}

static void lay_out(const char *dir, struct fr_cursor *tape)
{
    put(dir, SLOT ".current", fuzz_take_piece(tape));
    put(dir, SLOT ".pending", fuzz_take_piece(tape));
    put(dir, "attempts", fuzz_take_piece(tape));
    put(dir, "clock", fuzz_take_piece(tape));
}

static void read_clock(const struct fr_state *s)
{
    struct fr_fake_env env;
    struct fr_clock c;

    fr_fake_env_init(&env, 7);
    env.unsynchronised = true;
    c = fr_clock_read(s, &env.env);
    FUZZ_ASSERT(c.last_known >= 0 && (!c.damaged || c.last_known == 0));
    FUZZ_ASSERT(fr_clock_now(&c) >= c.last_known);
}

static bool see_attempt(void *ctx, const struct fr_attempt *a)
{
    (void)ctx;
    FUZZ_ASSERT(strlen(a->position) <= FR_POSITION_MAX);
    return true;
}

static void read_all(struct fr_state *s)
{
    static const struct fr_slot_id any = {NULL, NULL, 0};
    struct fr_state_entries entries = {0};
    FR_AUTO(credential) *current = NULL;
    FR_AUTO(credential) *pending = NULL;
    size_t damaged;

    if (fuzz_code(fr_state_find(s, &any, &current, NULL)) == FR_OK)
        fuzz_saw_text(current->key_id);
    if (fuzz_code(fr_state_pending_at(s, 0, &pending, NULL)) == FR_OK)
        fuzz_saw_text(pending->key_id);
    if (fuzz_code(fr_state_list(s, &entries, NULL)) == FR_OK) {
        FUZZ_ASSERT(entries.n <= 2);
        fuzz_saw_number(entries.n);
    }
    fr_state_entries_clear(&entries);
    read_clock(s);
    (void)fuzz_code(fr_state_attempts(s, see_attempt, NULL, &damaged, NULL));
}

static void change(struct fr_state *s)
{
    static const struct fr_slot_id any = {NULL, NULL, 0};
    struct fr_attempt a = {.list = "0123456789abcdef", .position = "1", .method = "m"};
    FR_AUTO(credential) *pending = NULL;
    FR_AUTO(credential) *current = NULL;

    (void)fuzz_code(fr_state_record(s, &a, NULL));
    if (fuzz_code(fr_state_pending_at(s, 0, &pending, NULL)) != FR_OK)
        return;
    struct fr_slot_id id = {pending->mef, pending->target, pending->suid};
    if (fuzz_code(fr_state_flip(s, &id, NULL)) == FR_OK &&
        FUZZ_MUST(fr_state_find(s, &any, &current, NULL)))
        fuzz_saw_text(current->key_id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fr_cursor tape = fr_cursor_of(fr_slice_of(data, size));
    FR_AUTO(state) *s = NULL;
    const char *dir = fuzz_folder();

    lay_out(dir, &tape);
    if (!FUZZ_MUST(fr_state_open(dir, 65536, &s, NULL)))
        return 0;
    read_all(s);
    if (FUZZ_MUST(fr_state_lock(s, NULL)))
        change(s);
    return 0;
}
