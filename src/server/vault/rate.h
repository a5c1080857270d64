/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often the vault listens: a bucket for each message type of each worker, far above
 * what honest ones reach, so that a hijacked worker cannot use up the vault or the
 * audit trail; and one for the enrolments of each identity, where the operator wants
 * one.
 */
#ifndef FR_SERVER_VAULT_RATE_H
#define FR_SERVER_VAULT_RATE_H

#include "base/bucket.h"
#include "server/vault/vault.h"

#define FR_VAULT_MESSAGES_PER_S 5000 /* of one type and one worker */
#define FR_VAULT_ADMIN_PER_S    2000
#define FR_VAULT_IDENTITIES     8192 /* whose rates are known at the same time */

struct fr_vault_rates {
    struct fr_bucket bucket[FR_N_MSGS];
};
/* FR_EUNREACHABLE "worker-rate": it has said too much of this type. */
FR_MUST_USE enum fr_code fr_vault_rate_message(struct fr_vault_rates *r,
                                               enum fr_msg_type type, int64_t now_ms,
                                               struct fr_err *err);

/* A table of bounded size: who has not enrolled for the longest time is forgotten, and
 * is as good as new. per_minute 0: no limit, no table. */
struct fr_vault_identities;
FR_MUST_USE enum fr_code fr_vault_identities_new(long per_minute,
                                                 struct fr_vault_identities **ret,
                                                 struct fr_err *err);
void fr_vault_identities_free(struct fr_vault_identities *t);
/* FR_EUNREACHABLE "enrolment-rate". */
FR_MUST_USE enum fr_code fr_vault_rate_identity(struct fr_vault_identities *t,
                                                const char *identity, int64_t now_ms,
                                                struct fr_err *err);
/* A request that is done again, and a batch that is not kept, have not counted. */
size_t fr_vault_identities_counted(const struct fr_vault_identities *t);
void fr_vault_identities_undo(struct fr_vault_identities *t, size_t counted);
void fr_vault_identities_keep(struct fr_vault_identities *t);

#endif
