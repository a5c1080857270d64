/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fieldroot-target without its arguments: config, lock, cache, signals, and what it
 * says. Exit statuses are those of DESIGN 4.
 */
#ifndef FR_TARGET_PROGRAM_H
#define FR_TARGET_PROGRAM_H

#include <stdio.h>

#include "target/sync.h"

struct fr_target_options {
    const char *config;
    bool watch; /* until SIGTERM or SIGINT; else one pass */
    bool json;  /* one object a change */
    FILE *out, *err;
};

/* Blocks SIGTERM and SIGINT in this process, and makes jansson wipe what it frees.
 * Returns the exit status. */
int fr_target_run(const struct fr_target_options *options);

/* One line to out (err for warnings). Never key material. */
void fr_target_report(const struct fr_target_options *options,
                      const struct fr_target_news *news);

#endif
