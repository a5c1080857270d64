/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config_credential.h"

#include <string.h>

#include "base/str.h"

/* As "kind" names them. */
enum kind { A_FILE, A_UICC, A_USIM_FILE };
enum {
    FILE_KIND = 1 << A_FILE,
    UICC_KIND = 1 << A_UICC,
    USIM_FILE_KIND = 1 << A_USIM_FILE
};

const struct fr_conf_key fr_config_credential_keys[] = {
    {.name = "kind", .type = FR_CONF_STR},
    {.name = "certificate", .type = FR_CONF_PATH},
    {.name = "key", .type = FR_CONF_PATH},
    {.name = "reader", .type = FR_CONF_STR},
    {.name = "application", .type = FR_CONF_STR},
    {.name = "pin-file", .type = FR_CONF_PATH},
    {.name = "usim", .type = FR_CONF_PATH},
    {.name = "impi", .type = FR_CONF_STR},
    {.name = "gba-u", .type = FR_CONF_STR},
    {.name = "akav2", .type = FR_CONF_STR},
    {.name = "tmpi", .type = FR_CONF_STR},
    {.name = NULL},
};

/* Which kinds a key is of. */
static const struct {
    const char *key;
    int kinds;
} belongs[] = {
    {"certificate", FILE_KIND},
    {"key", FILE_KIND},
    {"reader", UICC_KIND},
    {"application", UICC_KIND},
    {"pin-file", UICC_KIND},
    {"usim", USIM_FILE_KIND},
    {"impi", UICC_KIND | USIM_FILE_KIND},
    {"gba-u", UICC_KIND | USIM_FILE_KIND},
    {"akav2", UICC_KIND | USIM_FILE_KIND},
    {"tmpi", UICC_KIND | USIM_FILE_KIND},
};

enum { N_BELONGS = sizeof belongs / sizeof belongs[0] };

/* ---- keys that have one of a few words ---- */

enum { WORDS_MAX = 3 };

/* In the order of the values that they stand for. */
static const struct choice {
    const char *key, *words[WORDS_MAX];
} kind_choice = {"kind", {"file", "uicc", "usim-file"}},
  application_choice = {"application", {"usim", "isim"}},
  gba_u_choice = {"gba-u", {"auto", "off", "required"}},
  akav2_choice = {"akav2", {"off", "on"}}, tmpi_choice = {"tmpi", {"off", "on"}};

static enum fr_code other_word(const struct fr_conf *s, const struct choice *choice,
                               struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) allowed = FR_BUF_INIT(128);

    for (int i = 0; i < WORDS_MAX && choice->words[i]; i++) {
        bool is_last = i + 1 == WORDS_MAX || !choice->words[i + 1];
        fr_buf_fmt(&allowed, "%s\"%s\"",
                   i == 0    ? ""
                   : is_last ? " or "
                             : ", ",
                   choice->words[i]);
    }
    return FR_FAIL(err, FR_ECONFIG, "%s: %s = \"%s\": %s is allowed", fr_conf_where(s),
                   choice->key, fr_conf_str(s, choice->key), fr_buf_cstr(&allowed));
}

/* otherwise: where the key is not there. */
static enum fr_code read_word(const struct fr_conf *s, const struct choice *choice,
                              int otherwise, int *ret, struct fr_err *err)
{
    const char *text = fr_conf_str(s, choice->key);

    *ret = otherwise;
    if (!text)
        return FR_OK;
    for (int i = 0; i < WORDS_MAX && choice->words[i]; i++)
        if (fr_str_equal(choice->words[i], text)) {
            *ret = i;
            return FR_OK;
        }
    return other_word(s, choice, err);
}

/* ---- kinds ---- */

/* Without "kind": of certificate or key a pair of files, of usim a file, else of what a
 * card only has a card. Nothing at all was never an entry. */
static enum kind guess_kind(const struct fr_conf *s)
{
    if (fr_conf_str(s, "certificate") || fr_conf_str(s, "key"))
        return A_FILE;
    if (fr_conf_str(s, "usim"))
        return A_USIM_FILE;
    if (fr_conf_str(s, "reader") || fr_conf_str(s, "application") ||
        fr_conf_str(s, "pin-file"))
        return A_UICC;
    return A_FILE;
}

static enum fr_code check_keys(const struct fr_conf *s, enum kind kind,
                               struct fr_err *err)
{
    for (size_t i = 0; i < N_BELONGS; i++)
        if (fr_conf_str(s, belongs[i].key) && !(belongs[i].kinds & 1 << kind))
            return FR_FAIL(err, FR_ECONFIG, "%s: a credential of kind \"%s\" has no %s",
                           fr_conf_where(s), kind_choice.words[kind], belongs[i].key);
    return FR_OK;
}

static enum fr_code read_files(const struct fr_conf *s, struct fr_config_credential *to,
                               struct fr_err *err)
{
    to->kind = FR_KEY_CERTIFICATE;
    to->certificate = fr_conf_str(s, "certificate");
    to->key = fr_conf_str(s, "key");
    if (!to->certificate || !to->key)
        return FR_FAIL(err, FR_ECONFIG,
                       "%s: a credential needs both certificate and key, or is a SIM: "
                       "kind = \"uicc\", or usim = PATH",
                       fr_conf_where(s));
    return FR_OK;
}

static enum fr_code check_impi(const struct fr_conf *s, const char *impi,
                               struct fr_err *err)
{
    const char *at = impi ? strchr(impi, '@') : NULL;

    if (impi && (!at || at == impi || strlen(impi) > FR_IMPI_MAX ||
                 !fr_fqdn_is_valid(fr_slice_str(at + 1))))
        return FR_FAIL(err, FR_ECONFIG,
                       "%s: impi = \"%s\" is not of the form NAME@FQDN",
                       fr_conf_where(s), impi);
    return FR_OK;
}

/* A pseudonym is made of Ks, which such a card never gives away. */
static enum fr_code check_tmpi(const struct fr_conf *s,
                               const struct fr_config_credential *c, struct fr_err *err)
{
    if (c->tmpi && c->gba_u == FR_GBA_U_REQUIRED)
        return FR_FAIL(err, FR_ECONFIG,
                       "%s: tmpi = on needs a key that leaves the card, and gba-u = "
                       "required keeps it there",
                       fr_conf_where(s));
    return FR_OK;
}

static enum fr_code read_words(const struct fr_conf *s, struct fr_config_credential *to,
                               struct fr_err *err)
{
    int is_isim, gba_u, akav2, tmpi;

    FR_TRY(read_word(s, &application_choice, 0, &is_isim, err));
    FR_TRY(read_word(s, &gba_u_choice, FR_GBA_U_AUTO, &gba_u, err));
    FR_TRY(read_word(s, &akav2_choice, 0, &akav2, err));
    FR_TRY(read_word(s, &tmpi_choice, 0, &tmpi, err));
    to->usim.is_isim = is_isim != 0;
    to->gba_u = (enum fr_gba_u)gba_u;
    to->akav2 = akav2 != 0;
    to->tmpi = tmpi != 0;
    return check_tmpi(s, to, err);
}

static enum fr_code read_sim(const struct fr_conf *s, enum kind kind,
                             struct fr_config_credential *to, struct fr_err *err)
{
    to->kind = FR_KEY_SIM;
    to->sim = kind_choice.words[kind];
    to->usim = (struct fr_usim_setup){.name = to->name,
                                      .reader = fr_conf_str(s, "reader"),
                                      .pin_path = fr_conf_str(s, "pin-file"),
                                      .path = fr_conf_str(s, "usim"),
                                      .impi = fr_conf_str(s, "impi")};
    if (kind == A_USIM_FILE && !to->usim.path)
        return FR_FAIL(err, FR_ECONFIG, "%s: a SIM in a file needs usim = PATH",
                       fr_conf_where(s));
    FR_TRY(check_impi(s, to->usim.impi, err));
    return read_words(s, to, err);
}

enum fr_code fr_config_credential_read(const struct fr_conf *s,
                                       struct fr_config_credential *to,
                                       struct fr_err *err)
{
    int kind;

    to->name = fr_conf_title(s);
    FR_TRY(read_word(s, &kind_choice, (int)guess_kind(s), &kind, err));
    FR_TRY(check_keys(s, (enum kind)kind, err));
    return kind == A_FILE ? read_files(s, to, err)
                          : read_sim(s, (enum kind)kind, to, err);
}
