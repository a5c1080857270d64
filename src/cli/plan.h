/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan of a list: {"entries":[{position, kind, method, mef, port, suid, target |
 * resource, budgetMs, supported, note}], "worstCaseMs", "current"}. current is there
 * when the first entry's credential is valid, so that nothing would be tried.
 */
#ifndef FR_CLI_PLAN_H
#define FR_CLI_PLAN_H

#include "agent/run.h"
#include "cli/cli.h"
#include "cli/provision_args.h"

FR_MUST_USE enum fr_code fr_plan_json(const struct fr_device *device,
                                      const struct fr_document *doc, bool renew,
                                      json_t **ret, struct fr_err *err);
FR_MUST_USE enum fr_code fr_plan_print(struct fr_cli *cli, const json_t *plan,
                                       struct fr_err *err);

#endif
