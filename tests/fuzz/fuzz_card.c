/* SPDX-License-Identifier: Apache-2.0 */
/* What a SIM card could say: to everything that it is asked, in this order. The first
 * octet says how it is asked. */
#include "fuzz.h"
#include "keystore/card.h"

enum { IS_T0 = 1, IS_ISIM = 2, HAS_PIN = 4, GBA_U = 8 };

static enum fr_code say(void *ctx, struct fr_slice command, uint8_t *ret,
                        size_t *ret_len, struct fr_err *err)
{
    struct fr_cursor *c = ctx;
    struct fr_slice piece;

    FUZZ_ASSERT(command.len >= 4 && command.len <= FR_APDU_MAX);
    fuzz_saw(command);
    if (c->left == 0)
        return FR_FAIL(err, FR_EUNREACHABLE, "the card is gone");
    piece = fr_take_slice(c, fr_take_u8(c));
    if (c->bad)
        piece = fr_slice_of(NULL, 0);
    if (piece.len > 0)
        memcpy(ret, piece.data, piece.len);
    *ret_len = piece.len;
    return FR_OK;
}

static void look_at_answer(const struct fr_aka_answer *a, bool gba_u)
{
    fuzz_saw_number(a->verdict);
    FUZZ_ASSERT((a->verdict == FR_AKA_OK && !gba_u) == (a->ks != NULL));
    FUZZ_ASSERT(a->verdict == FR_AKA_SYNC ||
                (a->res_len >= FR_AKA_RES_MIN && a->res_len <= FR_AKA_RES_MAX));
    fuzz_saw(fr_slice_of(a->res, a->res_len));
}

static void ask(struct fr_card *card, bool gba_u)
{
    static const uint8_t rand[FR_AKA_RAND_LEN], autn[FR_AKA_AUTN_LEN];
    const struct fr_gba_naf naf = {
        .impi = card->impi, .naf_fqdn = "naf", .ua = FR_UA_TLS12};
    FR_AUTO_CLEAR(aka_answer) answer = {.verdict = FR_AKA_SYNC};
    FR_AUTO(secret) *key = NULL;

    if (fuzz_code(fr_card_open(card, NULL)) != FR_OK)
        return;
    FUZZ_ASSERT(strchr(card->impi, '@') && strlen(card->impi) <= FR_IMPI_MAX);
    fuzz_saw_text(card->impi);
    fuzz_saw_number(card->has_gba_u);
    if (fuzz_code(fr_card_authenticate(card, rand, autn, gba_u, &answer, NULL)) !=
        FR_OK)
        return;
    look_at_answer(&answer, gba_u);
    if (fuzz_code(fr_card_naf_key(card, &naf, &key, NULL)) == FR_OK)
        FUZZ_ASSERT(fr_secret_len(key) == FR_KS_LEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fr_cursor c = fr_cursor_of(fr_slice_of(data, size));
    uint8_t how = fr_take_u8(&c);
    FR_AUTO(secret) *pin = NULL;
    struct fr_card card = {.transmit = say,
                           .ctx = &c,
                           .is_isim = how & IS_ISIM,
                           .apdu.is_t0 = how & IS_T0};

    if (how & HAS_PIN && !FUZZ_MUST(fr_secret_from("1234", 4, &pin, NULL)))
        return 0;
    card.pin = pin;
    ask(&card, how & GBA_U);
    fr_card_clear(&card);
    return 0;
}
