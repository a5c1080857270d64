/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the parent introduces a worker to the processes that serve it (vault, signer):
 * one FR_MSG_WORKER over a control socket, the worker's descriptor with it.
 */
#ifndef FR_SERVER_IPC_PASS_H
#define FR_SERVER_IPC_PASS_H

#include "server/ipc/msg.h"

/* The parent's side, one sendmsg a worker. fd stays the caller's to close. */
FR_MUST_USE enum fr_code fr_ipc_send_worker(int control_fd, enum fr_worker type, int fd,
                                            struct fr_err *err);

/* The other side, non-blocking: FR_OK with a descriptor that is the caller's;
 * FR_ENOTFOUND when there is none; FR_EUNREACHABLE when the parent has closed its end;
 * FR_EINVALID for what is no introduction (the next may be one). */
FR_MUST_USE enum fr_code fr_ipc_take_worker(int control_fd, enum fr_worker *ret_type,
                                            int *ret_fd, struct fr_err *err);

#endif
