/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker's line to the vault: requests with ids, one callback each, non-blocking,
 * bounded. When the vault goes, every waiting callback hears it and no more is taken.
 */
#ifndef FR_SERVER_WORKER_VAULTLINK_H
#define FR_SERVER_WORKER_VAULTLINK_H

#include <event2/event.h>

#include "server/ipc/msg.h"

#define FR_VAULTLINK_WAITING_MAX 4096

struct fr_vaultlink;

/* reply: NULL when the vault went away before it answered; borrowed during the call. */
typedef void fr_vaultlink_reply_fn(void *arg, const struct fr_msg *reply);

struct fr_vaultlink_hooks {
    void (*wake)(void *arg, const char *target_fqdn); /* FR_MSG_WAKE; may be NULL */
    void (*gone)(void *arg); /* once, after the waiting callbacks; may be NULL */
    void *arg;
};

/* Takes fd on success. */
FR_MUST_USE enum fr_code fr_vaultlink_new(struct event_base *base, int fd,
                                          const struct fr_vaultlink_hooks *hooks,
                                          struct fr_vaultlink **ret,
                                          struct fr_err *err);
void fr_vaultlink_free(struct fr_vaultlink *l); /* calls no callback */
FR_DEFINE_AUTO(vaultlink)

/* Sends m (its id is set here) and calls reply once later, never from inside. *ret_id
 * is for fr_vaultlink_cancel(). FR_EBUSY when too many wait or the line is stuck;
 * FR_EUNREACHABLE when the vault is gone. */
FR_MUST_USE enum fr_code fr_vaultlink_call(struct fr_vaultlink *l, struct fr_msg *m,
                                           fr_vaultlink_reply_fn *reply, void *arg,
                                           uint32_t *ret_id, struct fr_err *err);
/* The request stays sent; its reply is dropped. 0 and unknown ids are ignored. */
void fr_vaultlink_cancel(struct fr_vaultlink *l, uint32_t id);

/* A message that wants no reply; lost when the line is full or gone. */
void fr_vaultlink_note(struct fr_vaultlink *l, struct fr_msg *m);

bool fr_vaultlink_is_up(const struct fr_vaultlink *l);

/* How a request ended: FR_OK, or the vault's code with its reason and text in err; a
 * reply of NULL is FR_EUNREACHABLE "vault-gone". */
FR_MUST_USE enum fr_code fr_vaultlink_result(const struct fr_msg *reply,
                                             struct fr_err *err);

#endif
