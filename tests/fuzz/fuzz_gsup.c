/* SPDX-License-Identifier: Apache-2.0 */
/* What an HSS could send: frames, its questions, its answers. */
#include "fuzz.h"
#include "server/hss/gsup.h"

static void see_slice(struct fr_slice s, size_t min, size_t max)
{
    FUZZ_ASSERT(s.len >= min && s.len <= max);
    fuzz_saw(s);
}

static void look_at_answer(struct fr_slice body)
{
    struct fr_gsup_answer a;

    if (fuzz_code(fr_gsup_answer_decode(body, &a, NULL)) != FR_OK ||
        a.kind == FR_GSUP_OTHER)
        return;
    FUZZ_ASSERT(a.imsi[0] && strspn(a.imsi, "0123456789") == strlen(a.imsi));
    fuzz_saw_text(a.imsi);
    fuzz_saw_number(a.session);
    if (a.kind != FR_GSUP_VECTOR)
        return;
    see_slice(a.rand, FR_AKA_RAND_LEN, FR_AKA_RAND_LEN);
    see_slice(a.autn, FR_AKA_AUTN_LEN, FR_AKA_AUTN_LEN);
    see_slice(a.ck, FR_AKA_KEY_LEN, FR_AKA_KEY_LEN);
    see_slice(a.ik, FR_AKA_KEY_LEN, FR_AKA_KEY_LEN);
    see_slice(a.res, FR_AKA_RES_MIN, FR_AKA_RES_MAX);
}

static void look_at_ccm(struct fr_slice body)
{
    FR_AUTO_CLEAR(buf) answer = FR_BUF_INIT(FR_IPA_FRAME_MAX);
    bool greeted = false;

    if (fuzz_code(fr_ccm_answer(body, "bsf", &answer, &greeted, NULL)) == FR_OK) {
        FUZZ_ASSERT(answer.len > 0 || !greeted);
        fuzz_saw(fr_buf_view(&answer));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fr_slice left = fr_slice_of(data, size);
    struct fr_ipa_frame frame;
    size_t used = 0;

    while (fuzz_code(fr_ipa_take(left, &frame, &used, NULL)) == FR_OK) {
        FUZZ_ASSERT(used == frame.body.len + 3 && used <= left.len);
        if (frame.stream == FR_IPA_CCM)
            look_at_ccm(frame.body);
        else
            look_at_answer(frame.body);
        left = fr_slice_of(left.data + used, left.len - used);
    }
    return 0;
}
