/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in the files of a SIM card (TS 102.221, 11.1.1 and 13.1; TS 31.102, 4.2;
 * TS 31.103, 4.2). No I/O. A reader says no by false, and borrows from what it reads.
 */
#ifndef FR_KEYSTORE_CARD_FILES_H
#define FR_KEYSTORE_CARD_FILES_H

#include "crypto/gba.h"

enum {
    FR_FILE_MASTER = 0x3f00,
    FR_FILE_DIR = 0x2f00,  /* the card's applications */
    FR_FILE_IMSI = 0x6f07, /* of a USIM */
    FR_FILE_AD = 0x6fad,
    FR_FILE_UST = 0x6f38,
    FR_FILE_IMPI = 0x6f02, /* of an ISIM */
    FR_FILE_IST = 0x6f07
};

/* What SELECT says of a file or an application (FCP). What it leaves out is 0. */
struct fr_card_file {
    uint8_t size;          /* to read at once: 255 at most */
    uint8_t record_size;   /* of one record */
    uint8_t pin_reference; /* the first PIN of its user that is on */
};
bool fr_card_file_read(struct fr_slice fcp, struct fr_card_file *ret);

/* The AID in a record of EF_DIR, if it begins with prefix. */
bool fr_card_aid_read(struct fr_slice record, struct fr_slice prefix,
                      struct fr_slice *ret);
bool fr_card_imsi_read(struct fr_slice ef, char ret[FR_IMSI_MAX + 1]);
/* Digits of the MNC by EF_AD: 2 or 3; 2 where an old card does not say. */
int fr_card_mnc_digits(struct fr_slice ef);
bool fr_card_impi_read(struct fr_slice ef, char ret[FR_IMPI_MAX + 1]);
/* Service n (from 1) of EF_UST or EF_IST is there and on. */
bool fr_card_has_service(struct fr_slice ef, unsigned n);

#endif
