/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/card.h"

#include <string.h>

#include "keystore/card_files.h"

#define RECORDS_MAX       32
#define PIN_REFERENCE     0x01 /* of a card that does not say */
#define NAF_ID_MAX        (FR_FQDN_MAX + FR_UA_LEN)
#define SERVICE_GBA_USIM  68 /* TS 31.102, 4.2.8 */
#define SERVICE_GBA_ISIM  2  /* TS 31.103, 4.2.7 */
#define AID_PREFIX_LENGTH 7  /* of 3GPP, and which application */

void fr_card_clear(struct fr_card *c)
{
    fr_apdu_clear(&c->apdu);
}

/* ---- one command ---- */

static enum fr_code send(struct fr_card *c, struct fr_err *err)
{
    uint8_t said[FR_APDU_ANSWER_MAX];
    bool done = false;
    enum fr_code rc;

    do {
        size_t len = sizeof said;

        rc = c->transmit(c->ctx, fr_slice_of(c->apdu.command, c->apdu.len), said, &len,
                         err);
        if (rc == FR_OK)
            rc = fr_apdu_hear(&c->apdu, fr_slice_of(said, len), &done, err);
    } while (rc == FR_OK && !done);
    explicit_bzero(said, sizeof said);
    return rc;
}

/* What every command may be answered. */
static enum fr_code check(const struct fr_card *c, const char *what, struct fr_err *err)
{
    if (fr_apdu_is_ok(&c->apdu))
        return FR_OK;
    if (c->apdu.sw == FR_SW_NO_PIN)
        return FR_FAIL_AS(err, FR_EREFUSED, "pin-needed",
                          "the card wants more for %s than the PIN of its user", what);
    return FR_FAIL_AS(err, FR_EINVALID, "card-answer",
                      "the card answers %04x to %s: that is none of a SIM", c->apdu.sw,
                      what);
}

/* ---- the application ---- */

static struct fr_slice prefix_of(const struct fr_card *c)
{
    return c->is_isim ? fr_slice_of("\xa0\0\0\0\x87\x10\x04", AID_PREFIX_LENGTH)
                      : fr_slice_of("\xa0\0\0\0\x87\x10\x02", AID_PREFIX_LENGTH);
}

static enum fr_code no_application(const struct fr_card *c, struct fr_err *err)
{
    return FR_FAIL_AS(err, FR_EUNSUPPORTED, "no-application",
                      "the card has no %s application", c->is_isim ? "ISIM" : "USIM");
}

static enum fr_code select_file(struct fr_card *c, uint16_t id,
                                struct fr_card_file *ret, struct fr_err *err)
{
    fr_apdu_select_file(&c->apdu, id);
    FR_TRY(send(c, err));
    (void)fr_card_file_read(fr_apdu_data(&c->apdu), ret);
    return FR_OK;
}

/* Appends the whole AID, as EF_DIR says it. */
static enum fr_code look_up_aid(struct fr_card *c, uint8_t record_size,
                                struct fr_buf *to, struct fr_err *err)
{
    struct fr_slice aid;

    for (uint8_t n = 1; n <= RECORDS_MAX; n++) {
        fr_apdu_read_record(&c->apdu, n, record_size);
        FR_TRY(send(c, err));
        if (c->apdu.sw == FR_SW_NO_RECORD)
            break;
        FR_TRY(check(c, "reading EF_DIR", err));
        if (fr_card_aid_read(fr_apdu_data(&c->apdu), prefix_of(c), &aid)) {
            fr_buf_put(to, aid.data, aid.len);
            return fr_buf_check(to, err);
        }
    }
    return no_application(c, err);
}

/* A card without a directory may know its application by the beginning of its name. */
static enum fr_code find_aid(struct fr_card *c, struct fr_buf *to, struct fr_err *err)
{
    struct fr_slice prefix = prefix_of(c);
    struct fr_card_file file;

    FR_TRY(select_file(c, FR_FILE_MASTER, &file, err));
    FR_TRY(select_file(c, FR_FILE_DIR, &file, err));
    if (fr_apdu_is_ok(&c->apdu))
        return look_up_aid(c, file.record_size, to, err);
    fr_buf_put(to, prefix.data, prefix.len);
    return fr_buf_check(to, err);
}

static enum fr_code select_application(struct fr_card *c, struct fr_err *err)
{
    uint8_t octets[FR_AID_MAX + 1];
    struct fr_buf aid = FR_BUF_OVER(octets);
    struct fr_card_file file;

    FR_TRY(find_aid(c, &aid, err));
    fr_apdu_select_aid(&c->apdu, fr_buf_view(&aid));
    FR_TRY(send(c, err));
    if (c->apdu.sw == FR_SW_NO_FILE)
        return no_application(c, err);
    FR_TRY(check(c, "selecting its application", err));
    (void)fr_card_file_read(fr_apdu_data(&c->apdu), &file);
    c->pin_reference = file.pin_reference ? file.pin_reference : PIN_REFERENCE;
    return FR_OK;
}

/* ---- PIN ---- */

static enum fr_code blocked(struct fr_err *err)
{
    return FR_FAIL_AS(err, FR_EREFUSED, "pin-blocked",
                      "the card's PIN is blocked: its PUK, in a phone, opens it again");
}

/* FR_SW_TRIES and their number, or that no PIN is wanted. */
static bool is_tries(unsigned sw)
{
    return (sw & 0xfff0) == FR_SW_TRIES;
}

static enum fr_code check_tries(const struct fr_card *c, unsigned tries,
                                struct fr_err *err)
{
    if (tries == 0)
        return blocked(err);
    if (!c->pin)
        return FR_FAIL_AS(err, FR_EREFUSED, "pin-needed",
                          "the card asks for its PIN (%u tries left): write it to a "
                          "file of mode 0600, and name that as pin-file",
                          tries);
    if (tries == 1)
        return FR_FAIL_AS(err, FR_EREFUSED, "pin-last-try",
                          "one try is left for the card's PIN, which is never spent "
                          "here: the right PIN, in a phone, gives all of them back");
    return FR_OK;
}

static enum fr_code verify_pin(struct fr_card *c, struct fr_err *err)
{
    fr_apdu_verify(&c->apdu, c->pin_reference, c->pin);
    FR_TRY(send(c, err));
    explicit_bzero(c->apdu.command, sizeof c->apdu.command);
    if (c->apdu.sw == FR_SW_PIN_BLOCKED)
        return blocked(err);
    if (is_tries(c->apdu.sw))
        return FR_FAIL_AS(err, FR_EREFUSED, "pin-wrong",
                          "the card does not accept the PIN of pin-file: %u tries are "
                          "left",
                          c->apdu.sw & 0xf);
    FR_TRY(check(c, "its PIN", err));
    c->is_unlocked = true;
    return FR_OK;
}

/* Whether a PIN is wanted, and may be verified. */
static enum fr_code ask_for_pin(struct fr_card *c, bool *ret_wanted, struct fr_err *err)
{
    fr_apdu_verify(&c->apdu, c->pin_reference, NULL);
    FR_TRY(send(c, err));
    *ret_wanted = is_tries(c->apdu.sw);
    if (c->apdu.sw == FR_SW_PIN_BLOCKED)
        return blocked(err);
    if (c->apdu.sw == FR_SW_PIN_DISABLED)
        return FR_OK;
    return *ret_wanted ? check_tries(c, c->apdu.sw & 0xf, err)
                       : check(c, "a question for its PIN", err);
}

static enum fr_code unlock(struct fr_card *c, struct fr_err *err)
{
    bool is_wanted = false;

    FR_TRY(ask_for_pin(c, &is_wanted, err));
    return is_wanted ? verify_pin(c, err) : FR_OK;
}

/* ---- who it is ---- */

static enum fr_code try_to_read(struct fr_card *c, uint16_t id, const char *what,
                                struct fr_err *err)
{
    struct fr_card_file file;

    FR_TRY(select_file(c, id, &file, err));
    FR_TRY(check(c, what, err));
    fr_apdu_read_binary(&c->apdu, file.size);
    return send(c, err);
}

static enum fr_code read_file(struct fr_card *c, uint16_t id, const char *what,
                              struct fr_err *err)
{
    FR_TRY(try_to_read(c, id, what, err));
    if (c->apdu.sw == FR_SW_NO_PIN) {
        FR_TRY(unlock(c, err));
        FR_TRY(try_to_read(c, id, what, err));
    }
    return check(c, what, err);
}

static enum fr_code malformed(const char *what, struct fr_err *err)
{
    return FR_FAIL_AS(err, FR_EINVALID, "card-answer", "the card's %s is malformed",
                      what);
}

static enum fr_code read_imsi(struct fr_card *c, struct fr_err *err)
{
    char imsi[FR_IMSI_MAX + 1];

    FR_TRY(read_file(c, FR_FILE_IMSI, "EF_IMSI", err));
    if (!fr_card_imsi_read(fr_apdu_data(&c->apdu), imsi))
        return malformed("EF_IMSI", err);
    FR_TRY(read_file(c, FR_FILE_AD, "EF_AD", err));
    return fr_impi_of_imsi(imsi, fr_card_mnc_digits(fr_apdu_data(&c->apdu)), c->impi,
                           err);
}

static enum fr_code read_impi(struct fr_card *c, struct fr_err *err)
{
    FR_TRY(read_file(c, FR_FILE_IMPI, "EF_IMPI", err));
    return fr_card_impi_read(fr_apdu_data(&c->apdu), c->impi)
               ? FR_OK
               : malformed("EF_IMPI", err);
}

/* A card without a table of services has none of them. */
static enum fr_code read_services(struct fr_card *c, struct fr_err *err)
{
    uint16_t id = c->is_isim ? FR_FILE_IST : FR_FILE_UST;
    enum fr_code rc = read_file(c, id, "its table of services", err);

    if (rc == FR_EINVALID && c->apdu.sw == FR_SW_NO_FILE)
        return FR_OK;
    c->has_gba_u = rc == FR_OK && fr_card_has_service(fr_apdu_data(&c->apdu),
                                                      c->is_isim ? SERVICE_GBA_ISIM
                                                                 : SERVICE_GBA_USIM);
    return rc;
}

enum fr_code fr_card_open(struct fr_card *c, struct fr_err *err)
{
    FR_TRY(select_application(c, err));
    FR_TRY(c->is_isim ? read_impi(c, err) : read_imsi(c, err));
    return read_services(c, err);
}

enum fr_code fr_card_look(struct fr_card *c, struct fr_err *err)
{
    bool is_wanted = false;

    FR_TRY(select_application(c, err));
    FR_TRY(
        try_to_read(c, c->is_isim ? FR_FILE_IMPI : FR_FILE_IMSI, "its identity", err));
    if (c->apdu.sw != FR_SW_NO_PIN)
        return check(c, "its identity", err);
    return ask_for_pin(c, &is_wanted, err);
}

/* ---- AKA and GBA_U ---- */

static enum fr_code check_challenge(const struct fr_card *c, bool gba_u,
                                    struct fr_err *err)
{
    if (c->apdu.sw == FR_SW_WRONG_MAC)
        return FR_FAIL_AS(err, FR_EREFUSED, "aka-mac",
                          "the challenge is not from the SIM's home network: its MAC "
                          "is wrong");
    if (gba_u && c->apdu.sw == FR_SW_NO_CONTEXT)
        return FR_FAIL_AS(err, FR_EUNSUPPORTED, "no-gba-u",
                          "the card has no GBA security context");
    return check(c, "AUTHENTICATE", err);
}

enum fr_code fr_card_authenticate(struct fr_card *c, const uint8_t *rand,
                                  const uint8_t *autn, bool gba_u,
                                  struct fr_aka_answer *ret, struct fr_err *err)
{
    enum fr_code rc;

    fr_apdu_authenticate(&c->apdu, rand, autn, gba_u);
    FR_TRY(send(c, err));
    rc = check_challenge(c, gba_u, err);
    if (rc == FR_OK)
        rc = fr_apdu_read_aka(fr_apdu_data(&c->apdu), gba_u, ret, err);
    fr_card_clear(c);
    return rc;
}

/* A phone writes B-TID and lifetime to the card (EF_GBABP) before. Whether a card
 * insists on that, and then says FR_SW_NOT_NOW, is not known [U]. */
enum fr_code fr_card_naf_key(struct fr_card *c, const struct fr_gba_naf *naf,
                             struct fr_secret **ret, struct fr_err *err)
{
    uint8_t octets[NAF_ID_MAX + 1];
    struct fr_buf id = FR_BUF_OVER(octets);
    enum fr_code rc;

    FR_TRY(fr_gba_naf_id(naf->naf_fqdn, naf->ua, &id, err));
    FR_TRY(fr_apdu_naf_key(&c->apdu, fr_buf_view(&id), naf->impi, err));
    FR_TRY(send(c, err));
    if (c->apdu.sw == FR_SW_NOT_NOW)
        return FR_FAIL_AS(err, FR_EINVALID, "no-gba-bootstrap",
                          "the card has no Ks to derive a key from");
    FR_TRY(check(c, "the derivation of a key", err));
    rc = fr_apdu_read_naf_key(fr_apdu_data(&c->apdu), ret, err);
    fr_card_clear(c);
    return rc;
}
