/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line an event on standard error: "time program[pid] level: text". Only the
 * top logs: the agent's loop, the request handler, main. Nothing secret.
 */
#ifndef FR_BASE_LOG_H
#define FR_BASE_LOG_H

#include "base/err.h"

enum fr_log_level { FR_LOG_ERROR, FR_LOG_WARN, FR_LOG_INFO, FR_LOG_DEBUG };

/* name is borrowed for good ("fieldrootd: vault"). */
void fr_log_init(const char *name, enum fr_log_level level);
void fr_log(enum fr_log_level level, const char *fmt, ...) FR_PRINTF(2, 3);

#endif
