/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config_credential.h"

#include <string.h>

#include "base/str.h"

enum { FILE_KIND = 1, UICC_KIND = 2, USIM_FILE_KIND = 4 };

static const struct kind {
    const char *name;
    int bit;
} kinds[] = {{"file", FILE_KIND}, {"uicc", UICC_KIND}, {"usim-file", USIM_FILE_KIND}};

enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

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
};

enum { N_BELONGS = sizeof belongs / sizeof belongs[0] };

/* Without "kind": of certificate or key a pair of files, of usim a file, else of what a
 * card only has a card. Nothing at all was never an entry. */
static const struct kind *guess_kind(const struct fr_conf *s)
{
    if (fr_conf_str(s, "certificate") || fr_conf_str(s, "key"))
        return &kinds[0];
    if (fr_conf_str(s, "usim"))
        return &kinds[2];
    if (fr_conf_str(s, "reader") || fr_conf_str(s, "application") ||
        fr_conf_str(s, "pin-file"))
        return &kinds[1];
    return &kinds[0];
}

static enum fr_code read_kind(const struct fr_conf *s, const struct kind **ret,
                              struct fr_err *err)
{
    const char *name = fr_conf_str(s, "kind");

    *ret = guess_kind(s);
    if (!name)
        return FR_OK;
    for (size_t i = 0; i < N_KINDS; i++)
        if (fr_str_equal(kinds[i].name, name)) {
            *ret = &kinds[i];
            return FR_OK;
        }
    return FR_FAIL(err, FR_ECONFIG,
                   "%s: kind = \"%s\": \"file\", \"uicc\" or \"usim-file\" is allowed",
                   fr_conf_where(s), name);
}

static enum fr_code check_keys(const struct fr_conf *s, const struct kind *kind,
                               struct fr_err *err)
{
    for (size_t i = 0; i < N_BELONGS; i++)
        if (fr_conf_str(s, belongs[i].key) && !(belongs[i].kinds & kind->bit))
            return FR_FAIL(err, FR_ECONFIG, "%s: a credential of kind \"%s\" has no %s",
                           fr_conf_where(s), kind->name, belongs[i].key);
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

static enum fr_code read_application(const struct fr_conf *s, bool *ret_is_isim,
                                     struct fr_err *err)
{
    const char *name = fr_conf_str(s, "application");

    *ret_is_isim = fr_str_equal(name, "isim");
    if (name && !*ret_is_isim && !fr_str_equal(name, "usim"))
        return FR_FAIL(err, FR_ECONFIG,
                       "%s: application = \"%s\": \"usim\" or \"isim\" is allowed",
                       fr_conf_where(s), name);
    return FR_OK;
}

static enum fr_code read_gba_u(const struct fr_conf *s, enum fr_gba_u *ret,
                               struct fr_err *err)
{
    static const char *const words[] = {[FR_GBA_U_AUTO] = "auto",
                                        [FR_GBA_U_OFF] = "off",
                                        [FR_GBA_U_REQUIRED] = "required"};
    const char *text = fr_conf_str(s, "gba-u");

    if (!text)
        return FR_OK;
    for (int i = 0; i <= FR_GBA_U_REQUIRED; i++)
        if (fr_str_equal(words[i], text)) {
            *ret = (enum fr_gba_u)i;
            return FR_OK;
        }
    return FR_FAIL(err, FR_ECONFIG,
                   "%s: gba-u = \"%s\": \"auto\", \"off\" or \"required\" is allowed",
                   fr_conf_where(s), text);
}

static enum fr_code read_akav2(const struct fr_conf *s, bool *ret, struct fr_err *err)
{
    const char *text = fr_conf_str(s, "akav2");

    *ret = fr_str_equal(text, "on");
    if (text && !*ret && !fr_str_equal(text, "off"))
        return FR_FAIL(err, FR_ECONFIG,
                       "%s: akav2 = \"%s\": \"on\" or \"off\" is allowed",
                       fr_conf_where(s), text);
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

static enum fr_code read_sim(const struct fr_conf *s, const struct kind *kind,
                             struct fr_config_credential *to, struct fr_err *err)
{
    to->kind = FR_KEY_SIM;
    to->sim = kind->name;
    to->usim = (struct fr_usim_setup){.name = to->name,
                                      .reader = fr_conf_str(s, "reader"),
                                      .pin_path = fr_conf_str(s, "pin-file"),
                                      .path = fr_conf_str(s, "usim"),
                                      .impi = fr_conf_str(s, "impi")};
    if (kind->bit == USIM_FILE_KIND && !to->usim.path)
        return FR_FAIL(err, FR_ECONFIG, "%s: a SIM in a file needs usim = PATH",
                       fr_conf_where(s));
    FR_TRY(read_application(s, &to->usim.is_isim, err));
    FR_TRY(check_impi(s, to->usim.impi, err));
    FR_TRY(read_akav2(s, &to->akav2, err));
    return read_gba_u(s, &to->gba_u, err);
}

enum fr_code fr_config_credential_read(const struct fr_conf *s,
                                       struct fr_config_credential *to,
                                       struct fr_err *err)
{
    const struct kind *kind;

    to->name = fr_conf_title(s);
    FR_TRY(read_kind(s, &kind, err));
    FR_TRY(check_keys(s, kind, err));
    return kind->bit == FILE_KIND ? read_files(s, to, err) : read_sim(s, kind, to, err);
}
