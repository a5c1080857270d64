/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SIM as the method `gba` needs it: who it is, and what it makes of a challenge. One
 * const struct a kind (`uicc` behind PC/SC, `usim-file`); the key store's config says
 * which. A call may take as long as the card does (a second or two): there is no other
 * way through PC/SC.
 *
 * CK and IK, or the keys of GBA_U, come in secrets; RES is wiped by its owner.
 */
#ifndef FR_KEYSTORE_USIM_H
#define FR_KEYSTORE_USIM_H

#include "crypto/gba.h"

struct fr_usim;

/* Of an entry of the key store. All borrowed for the life of the USIM. */
struct fr_usim_setup {
    const char *name;     /* of the entry, for messages */
    const char *reader;   /* uicc: part of a reader's name; NULL: of any. The first that
                             has a card in it is taken */
    bool is_isim;         /* uicc: the application to select */
    const char *pin_path; /* uicc: a file (0600) with the PIN; NULL: none */
    const char *path;     /* usim-file */
    const char *impi;     /* instead of the card's own; NULL */
};

struct fr_usim_method {
    const char *name; /* "uicc", "usim-file": as in the config */
    /* uicc: FR_EUNSUPPORTED "no-pcscd", "no-reader", "no-card", "no-application";
     * FR_EREFUSED "pin-needed", "pin-wrong", "pin-last-try" (never spent),
     * "pin-blocked"; FR_ECONFIG "pin-file", "key-file-open": malformed, not private;
     * FR_EBUSY "card-busy": another program has it; and what authenticate says of the
     * card. usim-file: FR_EUNSUPPORTED "usim-file-missing"; FR_ECONFIG "usim-file",
     * "key-file-open"; FR_EBUSY "usim-file-busy". */
    enum fr_code (*open)(const struct fr_usim_setup *setup, struct fr_usim **ret,
                         struct fr_err *err);
    /* For a plan: what open would fail with now. No PIN is verified. */
    enum fr_code (*look)(const struct fr_usim_setup *setup, struct fr_err *err);
    void (*close)(struct fr_usim *u);
    /* FR_IMPI_MAX + 1. */
    enum fr_code (*impi)(struct fr_usim *u, char *ret, struct fr_err *err);
    /* gba_u: bootstrap in the card's GBA security context, where it has one.
     * FR_EREFUSED "aka-mac" (AUTN is not of our home network), "aka-amf" (usim-file:
     * nor for us); FR_EUNSUPPORTED "no-gba-u"; FR_EUNREACHABLE "card-gone" (pulled);
     * FR_EINVALID "card-answer"; FR_ESTORE (usim-file: SQN not stored); usim-file:
     * what open fails with, for the file is read again. */
    enum fr_code (*authenticate)(struct fr_usim *u, const uint8_t *rand,
                                 const uint8_t *autn, bool gba_u,
                                 struct fr_aka_answer *ret, struct fr_err *err);
    bool (*has_gba_u)(const struct fr_usim *u);
    /* After a bootstrap with gba_u: Ks_ext_NAF, or Ks_int_NAF where the card gives it
     * out (FR_EUNSUPPORTED "ks-int-naf" where not). FR_EINVALID "no-gba-bootstrap": the
     * card has no Ks, or of another RAND. */
    enum fr_code (*naf_key)(struct fr_usim *u, const struct fr_gba_naf *naf,
                            struct fr_secret **ret, struct fr_err *err);
};

/* Every SIM embeds this first. */
struct fr_usim {
    const struct fr_usim_method *method;
};

extern const struct fr_usim_method fr_usim_uicc; /* src/keystore/uicc.c */
extern const struct fr_usim_method fr_usim_file; /* src/keystore/usim_file.c */

/* NULL-terminated lists are passed in by main; NULL if absent. */
const struct fr_usim_method *fr_usim_find(const struct fr_usim_method *const *methods,
                                          const char *name);

#endif
