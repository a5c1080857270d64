/* SPDX-License-Identifier: Apache-2.0 */
/* A discovery server that answers anything: the first octet says how it is cut into
 * pieces and how the stream ends. What it yields are bootstraps only. */
#include "discovery/discovery.h"
#include "fake/env.h"
#include "fuzz.h"

static void look_at_fruit(struct fr_discovery *run)
{
    FR_AUTO(document) *doc = NULL;

    if (!FUZZ_MUST(fr_discovery_https.finish(run, &doc, NULL)))
        return;
    FUZZ_ASSERT(doc->n >= 1 && doc->n <= FR_INSTRUCTIONS_MAX);
    for (size_t i = 0; i < doc->n; i++) {
        FUZZ_ASSERT(doc->list[i].kind == FR_BOOTSTRAP);
        fuzz_saw_text(doc->list[i].mef);
    }
}

/* False when the run is over. */
static bool step(struct fr_discovery *run, const struct fr_ev *ev)
{
    struct fr_acts acts;
    bool is_done = false;

    if (fuzz_code(fr_discovery_https.step(run, ev, &acts, NULL)) != FR_OK)
        return false;
    for (size_t i = 0; i < acts.n; i++) {
        fuzz_saw_number(acts.list[i].kind);
        if (acts.list[i].kind == FR_ACT_SEND)
            fuzz_saw(acts.list[i].bytes);
        is_done |= acts.list[i].kind == FR_ACT_DONE;
    }
    if (is_done)
        look_at_fruit(run);
    return !is_done;
}

static void run_all(struct fr_discovery *run, struct fr_cursor *tape)
{
    static const struct fr_link link = {.credential_ref = "cert:00",
                                        .own_id = "dev1.example.com",
                                        .tls_version = "TLSv1.3"};
    static const struct fr_err cut = {.code = FR_EUNREACHABLE, .reason = "cut"};
    uint8_t how = fr_take_u8(tape);
    size_t portion = how & 1 ? 1 : how & 2 ? 100 : tape->left + 1;

    if (!step(run, &(struct fr_ev){.kind = FR_EV_START}) ||
        !step(run, &(struct fr_ev){.kind = FR_EV_CONNECTED, .link = &link}))
        return;
    while (tape->left > 0) {
        size_t n = tape->left < portion ? tape->left : portion;
        struct fr_ev ev = {.kind = FR_EV_BYTES, .bytes = fr_take_slice(tape, n)};

        if (!step(run, &ev))
            return;
    }
    (void)step(run, how & 4 ? &(struct fr_ev){.kind = FR_EV_FAILED, .err = &cut}
                            : &(struct fr_ev){.kind = FR_EV_CLOSED});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fr_cursor tape = fr_cursor_of(fr_slice_of(data, size));
    struct fr_instruction in = {.kind = FR_DISCOVERY,
                                .method = (char *)"https",
                                .resource = (char *)"https://d.example/list"};
    struct fr_fake_env env;
    const struct fr_run_context ctx = {.env = &env.env, .mef_base = "/mefbase"};
    struct fr_discovery *run = NULL;

    fr_fake_env_init(&env, 7);
    if (!FUZZ_MUST(fr_discovery_https.open(&ctx, &in, &run, NULL)))
        return 0;
    run_all(run, &tape);
    fr_discovery_https.close(run);
    return 0;
}
