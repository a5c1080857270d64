/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole files: read with a limit, write so that after a crash there is either
 * the old content or the new one, never a mixture.
 */
#ifndef FR_BASE_FILE_H
#define FR_BASE_FILE_H

#include <sys/types.h>

#include "base/buf.h"

/* Appends the file to to (whose max is the limit). FR_ENOTFOUND if it is not
 * there; FR_EPARSE if too large; FR_ESTORE otherwise. */
FR_MUST_USE enum fr_code fr_file_read(const char *path, struct fr_buf *to,
                                      struct fr_err *err);
/* The same, for a path that somebody else chose: FR_EPARSE for what is no regular file
 * and could block for ever, a FIFO or a device. */
FR_MUST_USE enum fr_code fr_file_read_regular(const char *path, struct fr_buf *to,
                                              struct fr_err *err);
/* The same from an open descriptor, up to its end. name is for messages. */
FR_MUST_USE enum fr_code fr_fd_read_all(int fd, const char *name, struct fr_buf *to,
                                        struct fr_err *err);

/* Writes path.tmp-<pid> (a new file), fsync, rename, fsync of the folder. FR_ESTORE.
 */
FR_MUST_USE enum fr_code fr_file_write_atomic(const char *path, struct fr_slice data,
                                              mode_t mode, struct fr_err *err);
/* The same, and the new file belongs to whom the old one does. */
FR_MUST_USE enum fr_code fr_file_replace(const char *path, struct fr_slice data,
                                         mode_t mode, struct fr_err *err);
/* Removes what a writer of path that was killed left; if others may write it too, only
 * of processes that are no more. */
void fr_file_remove_scraps(const char *path, bool sole_writer);
/* Removes and syncs the folder; a file that is not there is no error. */
FR_MUST_USE enum fr_code fr_file_remove(const char *path, struct fr_err *err);
/* rename and fsync of the folder. */
FR_MUST_USE enum fr_code fr_file_rename(const char *from, const char *to,
                                        struct fr_err *err);
FR_MUST_USE enum fr_code fr_dir_sync_of(const char *path, struct fr_err *err);
/* mkdir -p with mode for what is new; each new folder is durable. */
FR_MUST_USE enum fr_code fr_dir_make(const char *path, mode_t mode, struct fr_err *err);

/* Refuses (FR_ECONFIG) a secret file that others than its owner can read. */
FR_MUST_USE enum fr_code fr_file_check_private(const char *path, struct fr_err *err);

FR_MUST_USE enum fr_code fr_path_join(const char *dir, const char *name, char **ret,
                                      struct fr_err *err);

/* Write all of it, in spite of EINTR and short writes; MSG_NOSIGNAL on sockets is
 * the caller's business (programs ignore SIGPIPE). */
FR_MUST_USE enum fr_code fr_fd_write_all(int fd, const char *name, struct fr_slice data,
                                         struct fr_err *err);

#endif
