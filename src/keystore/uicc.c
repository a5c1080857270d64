/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SIM card in a reader, through PC/SC (libpcsclite, the daemon pcscd). It is ours
 * alone from open to close: nobody selects anything else meanwhile, and nobody has to
 * be waited for, as in SCardBeginTransaction, which knows no time limit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <winscard.h>

#include "base/file.h"
#include "base/str.h"
#include "keystore/card.h"
#include "keystore/usim.h"

#define NAMES_MAX    4096 /* octets of all readers' names */
#define PIN_FILE_MAX 64

struct uicc {
    struct fr_usim super;
    struct fr_card card;
    struct fr_secret *pin;
    SCARDCONTEXT context;
    SCARDHANDLE handle;
    bool has_context, has_handle;
    DWORD protocol;
    char reader[MAX_READERNAME];
    uint8_t rand[FR_AKA_RAND_LEN]; /* of the Ks that is in the card, if has_ks */
    bool has_ks;
};

/* ---- what PC/SC says ---- */

static const struct {
    LONG rv;
    enum fr_code code;
    const char *reason, *text;
} failures[] = {
    {SCARD_E_NO_SERVICE, FR_EUNSUPPORTED, "no-pcscd", "pcscd does not answer"},
    {SCARD_E_NO_READERS_AVAILABLE, FR_EUNSUPPORTED, "no-reader", "there is none"},
    {SCARD_E_UNKNOWN_READER, FR_EUNSUPPORTED, "no-reader", "it is gone"},
    {SCARD_E_READER_UNAVAILABLE, FR_EUNSUPPORTED, "no-reader", "it is gone"},
    {SCARD_E_NO_SMARTCARD, FR_EUNSUPPORTED, "no-card", "no card is in it"},
    {SCARD_W_UNPOWERED_CARD, FR_EUNSUPPORTED, "no-card", "its card does not answer"},
    {SCARD_W_UNRESPONSIVE_CARD, FR_EUNSUPPORTED, "no-card", "its card does not answer"},
    {SCARD_E_SHARING_VIOLATION, FR_EBUSY, "card-busy", "another program has its card"},
    {SCARD_E_NO_MEMORY, FR_ENOMEM, NULL, "no memory"},
};

static enum fr_code failed(LONG rv, const char *what, struct fr_err *err)
{
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
        if (failures[i].rv == rv)
            return FR_FAIL_AS(err, failures[i].code, failures[i].reason, "%s: %s", what,
                              failures[i].text);
    return FR_FAIL_AS(err, FR_EUNREACHABLE, "card-gone", "%s: %s", what,
                      pcsc_stringify_error(rv));
}

/* Whatever fails once a card is in use: it, its reader or pcscd has gone. */
static enum fr_code transmit(void *ctx, struct fr_slice command, uint8_t *ret,
                             size_t *ret_len, struct fr_err *err)
{
    struct uicc *u = ctx;
    DWORD len = FR_APDU_ANSWER_MAX;
    LONG rv = SCardTransmit(
        u->handle, u->protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1,
        command.data, command.len, NULL, ret, &len);

    if (rv != SCARD_S_SUCCESS)
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "card-gone", "the card is gone: %s",
                          pcsc_stringify_error(rv));
    *ret_len = len;
    return FR_OK;
}

/* ---- the PIN's file ---- */

static enum fr_code take_pin(struct fr_slice text, const char *path,
                             struct fr_secret **ret, struct fr_err *err)
{
    size_t n = 0;

    while (n < text.len && text.data[n] >= '0' && text.data[n] <= '9')
        n++;
    if (n < FR_PIN_MIN || n > FR_PIN_MAX ||
        (n < text.len && (text.data[n] != '\n' || n + 1 < text.len)))
        return FR_FAIL_AS(err, FR_ECONFIG, "pin-file",
                          "%s is no file with a PIN of %d to %d digits", path,
                          FR_PIN_MIN, FR_PIN_MAX);
    return fr_secret_from(text.data, n, ret, err);
}

static enum fr_code read_pin(const char *path, struct fr_secret **ret,
                             struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(PIN_FILE_MAX);

    if (!path)
        return FR_OK;
    if (fr_file_read_regular(path, &text, err) != FR_OK)
        return FR_FAIL_AS(err, FR_ECONFIG, "pin-file", "%s cannot be read", path);
    FR_TRY(fr_file_check_private(path, err));
    return take_pin(fr_buf_view(&text), path, ret, err);
}

/* ---- the reader ---- */

static bool is_without_card(LONG rv)
{
    return rv == SCARD_E_NO_SMARTCARD || rv == SCARD_W_UNPOWERED_CARD ||
           rv == SCARD_W_UNRESPONSIVE_CARD;
}

static LONG connect_reader(struct uicc *u, const char *name)
{
    LONG rv =
        SCardConnect(u->context, name, SCARD_SHARE_EXCLUSIVE,
                     SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &u->handle, &u->protocol);

    u->has_handle = rv == SCARD_S_SUCCESS;
    snprintf(u->reader, sizeof u->reader, "%s", name);
    return rv;
}

/* The first of the readers that has a card, of those that the config names. */
static enum fr_code connect_card(struct uicc *u, const char *names, const char *part,
                                 struct fr_err *err)
{
    LONG rv = SCARD_E_NO_READERS_AVAILABLE;

    for (; *names; names += strlen(names) + 1) {
        if (part && !strstr(names, part))
            continue;
        rv = connect_reader(u, names);
        if (!is_without_card(rv))
            break;
    }
    if (rv == SCARD_E_NO_READERS_AVAILABLE)
        return FR_FAIL_AS(err, FR_EUNSUPPORTED, "no-reader",
                          "no reader's name has \"%s\" in it", part ? part : "");
    return rv == SCARD_S_SUCCESS ? FR_OK : failed(rv, u->reader, err);
}

static enum fr_code find_card(struct uicc *u, const char *part, struct fr_err *err)
{
    char names[NAMES_MAX] = "";
    DWORD len = sizeof names;
    LONG rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &u->context);

    u->has_context = rv == SCARD_S_SUCCESS;
    if (!u->has_context)
        return failed(rv, "SIM card readers", err);
    rv = SCardListReaders(u->context, NULL, names, &len);
    if (rv != SCARD_S_SUCCESS)
        return failed(rv, "SIM card readers", err);
    return connect_card(u, names, part, err);
}

/* ---- the method ---- */

/* What we have unlocked is not left to others. */
static void leave(struct uicc *u)
{
    if (u->has_handle)
        SCardDisconnect(u->handle,
                        u->card.is_unlocked ? SCARD_RESET_CARD : SCARD_LEAVE_CARD);
    if (u->has_context)
        SCardReleaseContext(u->context);
    fr_card_clear(&u->card);
    fr_secret_free(u->pin);
}

static void uicc_close(struct fr_usim *u)
{
    if (u)
        leave((struct uicc *)u);
    free(u);
}

static enum fr_code enter(struct uicc *u, const struct fr_usim_setup *setup,
                          struct fr_err *err)
{
    FR_TRY(read_pin(setup->pin_path, &u->pin, err));
    FR_TRY(find_card(u, setup->reader, err));
    u->card = (struct fr_card){.transmit = transmit,
                               .ctx = u,
                               .is_isim = setup->is_isim,
                               .pin = u->pin,
                               .apdu.is_t0 = u->protocol == SCARD_PROTOCOL_T0};
    return FR_OK;
}

static enum fr_code uicc_look(const struct fr_usim_setup *setup, struct fr_err *err)
{
    struct uicc u = {.has_ks = false};
    enum fr_code rc = enter(&u, setup, err);

    if (rc == FR_OK)
        rc = fr_err_wrap(err, fr_card_look(&u.card, err), "%s", u.reader);
    leave(&u);
    return rc;
}

static enum fr_code fill(struct uicc *u, const struct fr_usim_setup *setup,
                         struct fr_err *err)
{
    FR_TRY(enter(u, setup, err));
    FR_TRY(fr_err_wrap(err, fr_card_open(&u->card, err), "%s", u->reader));
    if (setup->impi)
        snprintf(u->card.impi, sizeof u->card.impi, "%s", setup->impi);
    return FR_OK;
}

static enum fr_code uicc_open(const struct fr_usim_setup *setup, struct fr_usim **ret,
                              struct fr_err *err)
{
    struct uicc *u = fr_zalloc(sizeof *u);
    enum fr_code rc;

    if (!u)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    u->super.method = &fr_usim_uicc;
    rc = fill(u, setup, err);
    if (rc != FR_OK) {
        uicc_close((struct fr_usim *)u);
        return rc;
    }
    *ret = (struct fr_usim *)u;
    return FR_OK;
}

static enum fr_code uicc_impi(struct fr_usim *u, char *ret, struct fr_err *err)
{
    (void)err;
    snprintf(ret, FR_IMPI_MAX + 1, "%s", ((struct uicc *)u)->card.impi);
    return FR_OK;
}

static bool uicc_has_gba_u(const struct fr_usim *u)
{
    return ((const struct uicc *)u)->card.has_gba_u;
}

static enum fr_code uicc_authenticate(struct fr_usim *super, const uint8_t *rand,
                                      const uint8_t *autn, bool gba_u,
                                      struct fr_aka_answer *ret, struct fr_err *err)
{
    struct uicc *u = (struct uicc *)super;
    enum fr_code rc = fr_card_authenticate(&u->card, rand, autn, gba_u, ret, err);

    if (rc != FR_OK)
        return fr_err_wrap(err, rc, "%s", u->reader);
    if (gba_u && ret->verdict == FR_AKA_OK) {
        memcpy(u->rand, rand, sizeof u->rand);
        u->has_ks = true;
    }
    return FR_OK;
}

static enum fr_code uicc_naf_key(struct fr_usim *super, const struct fr_gba_naf *naf,
                                 struct fr_secret **ret, struct fr_err *err)
{
    struct uicc *u = (struct uicc *)super;

    if (naf->key == FR_GBA_U)
        return FR_FAIL_AS(err, FR_EUNSUPPORTED, "ks-int-naf",
                          "%s: Ks_int_NAF does not leave the card", u->reader);
    if (!u->has_ks || !fr_slice_equal(naf->rand, fr_slice_of(u->rand, sizeof u->rand)))
        return FR_FAIL_AS(err, FR_EINVALID, "no-gba-bootstrap",
                          "%s: the card holds no Ks of this challenge", u->reader);
    return fr_err_wrap(err, fr_card_naf_key(&u->card, naf, ret, err), "%s", u->reader);
}

const struct fr_usim_method fr_usim_uicc = {
    .name = "uicc",
    .look = uicc_look,
    .open = uicc_open,
    .close = uicc_close,
    .impi = uicc_impi,
    .authenticate = uicc_authenticate,
    .has_gba_u = uicc_has_gba_u,
    .naf_key = uicc_naf_key,
};
