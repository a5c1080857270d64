/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that asks the HSS (FR_WORKER_HSS): the vault tells it which subscriber
 * needs a vector, and hears the answer. It has no listener, no file and no key of ours;
 * a vector passes through it once and is wiped. What it may connect to:
 * server/policy.h.
 */
#ifndef FR_SERVER_HSS_HSS_H
#define FR_SERVER_HSS_HSS_H

#include "server/config.h"
#include "server/hss/zh.h"

struct fr_hss;

/* Before privileges are dropped. Waits until the one before it, which the HSS knows by
 * the same name, has ended. */
FR_MUST_USE enum fr_code fr_hss_open(const struct fr_server_config *config,
                                     struct fr_hss **ret, struct fr_err *err);
void fr_hss_free(struct fr_hss *h);
FR_DEFINE_AUTO(hss)

/* Serves the vault at vault_fd, which it closes, until SIGTERM (FR_OK; what is under
 * way is answered by "hss-unreachable") or until the vault goes (FR_EUNREACHABLE). */
FR_MUST_USE enum fr_code fr_hss_run(struct fr_hss *h, int vault_fd, struct fr_err *err);

#endif
