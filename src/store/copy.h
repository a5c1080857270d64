/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One store made equal to another, whatever their databases are. It reads both in the
 * order of their keys and writes what differs, so that a second pass after a first is
 * short, and a pass that was cut is simply done again. Facts of a place are left alone.
 */
#ifndef FR_STORE_COPY_H
#define FR_STORE_COPY_H

#include "store/store.h"

struct fr_copy_table {
    uint64_t rows, added, dropped;
    char hash[2 * FR_SHA256_LEN + 1]; /* over all rows, one after the other */
};
struct fr_copy_report {
    struct fr_copy_table table[FR_N_TABLES]; /* as in fr_tables */
    uint64_t audit_lines;                    /* that were verified */
};

/*
 * Makes `to` hold what `from` holds at one moment, reads both again, row for row, and
 * follows the audit trail in `to`. FR_ESTORE "copy-differs" if somebody else wrote to
 * `to`; "audit-broken".
 */
FR_MUST_USE enum fr_code fr_store_copy(struct fr_store *from, struct fr_store *to,
                                       struct fr_copy_report *ret, struct fr_err *err);

#endif
