/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run says, for a person: phases and ended attempts while it goes on, a table
 * and the reasons at the end. With --json each event is passed on as it is, one a line.
 * Events come from a run in this process or, the same JSON, from the agent's socket.
 */
#ifndef FR_CLI_PROGRESS_H
#define FR_CLI_PROGRESS_H

#include "cli/cli.h"

struct fr_progress;

/* live: show phases as they come on cli->err. */
FR_MUST_USE enum fr_code fr_progress_new(struct fr_cli *cli, bool live,
                                         struct fr_progress **ret, struct fr_err *err);
void fr_progress_free(struct fr_progress *p);
FR_DEFINE_AUTO(progress)

/* The last phase is followed by a wait for the target: says so while it lasts. */
void fr_progress_expect_target(struct fr_progress *p);

/* One event as JSON text. What is no event is passed over. */
void fr_progress_event(struct fr_progress *p, struct fr_slice json);

/* Borrowed; NULL before the outcome. */
const json_t *fr_progress_outcome(const struct fr_progress *p);

/* The table of attempts; where it failed, why each of them did; and the outcome. With
 * --json nothing: it has all been passed on. */
void fr_progress_finish(struct fr_progress *p);

/* One row of an attempts table: the heading of column i, and its cell from a record. */
FR_MUST_USE enum fr_code fr_attempts_table(struct fr_cli *cli, const json_t *records,
                                           bool with_start, struct fr_err *err);

#endif
