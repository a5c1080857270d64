/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a software USIM: what is read is read again from what is written. */
#include "fuzz.h"
#include "keystore/usim_text.h"

static void look_at(const struct fr_usim_profile *p)
{
    fuzz_saw_text(p->imsi);
    fuzz_saw_number((uint64_t)p->mnc_digits);
    fuzz_saw_number(p->gba_u);
    fuzz_saw_number(p->aka.amf_zero);
    fuzz_saw_number((uint64_t)p->aka.ind_bits);
    for (int i = 0; i < 1 << p->aka.ind_bits; i++)
        fuzz_saw_number(p->aka.sqn[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FR_AUTO_CLEAR(usim_profile) p = {.mnc_digits = 0};
    FR_AUTO_CLEAR(usim_profile) again = {.mnc_digits = 0};
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(2 * FR_USIM_TEXT_MAX);

    if (size > FR_USIM_TEXT_MAX ||
        fuzz_code(fr_usim_text_decode(fr_slice_of(data, size), &p, NULL)) != FR_OK)
        return 0;
    look_at(&p);
    if (!FUZZ_MUST(fr_usim_text_update(fr_slice_of(data, size), &p.aka, &text, NULL)) ||
        !FUZZ_MUST(fr_usim_text_decode(fr_buf_view(&text), &again, NULL)))
        return 0;
    FUZZ_ASSERT(memcmp(p.aka.sqn, again.aka.sqn, sizeof p.aka.sqn) == 0);
    FUZZ_ASSERT(fr_secret_equal(p.aka.milenage.opc, again.aka.milenage.opc));
    return 0;
}
