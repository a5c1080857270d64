/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mosquitto's psk_file: a line "identity:hexkey" for each device that may connect. Our
 * lines are those whose identity is a KeID or B-TID of our MEF; all others are kept as
 * they are. A B-TID has two lines: oneM2M's devices send it alone, 3GPP's with the
 * prefix "3GPP-bootstrapping;".
 */
#ifndef FR_TARGET_PSK_FILE_H
#define FR_TARGET_PSK_FILE_H

#include "target/cache.h"

/* old without our lines, then those of each key. to should be FR_BUF_INIT_WIPE. */
FR_MUST_USE enum fr_code fr_psk_file_merge(struct fr_slice old,
                                           const struct fr_target_cache *c,
                                           struct fr_buf *to, struct fr_err *err);

/* Brings the file in line with the cache, atomically, 0600, with the owner that it has.
 * *ret_changed: whether anything was written. A file that is not there is made, even
 * without a key in it: the broker does not start without one. FR_ESTORE. */
FR_MUST_USE enum fr_code fr_psk_file_update(const char *path,
                                            const struct fr_target_cache *c,
                                            bool *ret_changed, struct fr_err *err);

/* SIGHUP to the process whose number is in the file. FR_ENOTFOUND if there is no such
 * file or process (the broker reads its psk_file when it starts); FR_ECONFIG if the
 * file holds no process number; FR_ESTORE if it cannot be read or signalled. */
FR_MUST_USE enum fr_code fr_psk_file_hup(const char *pid_path, struct fr_err *err);

#endif
