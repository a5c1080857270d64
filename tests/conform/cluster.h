/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real PostgreSQL server for one test program: a cluster of its own in a temporary
 * folder, on a Unix socket there. initdb refuses root, so root runs it as the user
 * postgres; an ordinary user as itself.
 */
#ifndef FR_CONFORM_CLUSTER_H
#define FR_CONFORM_CLUSTER_H

#include <stdbool.h>
#include <sys/types.h>

struct cluster {
    char dir[64]; /* "": there is none */
    char socket[96];
    pid_t pid;
    const char *missing; /* what keeps it from being made */
};

/* False, with ->missing, if this machine has no PostgreSQL server to start. */
bool cluster_start(struct cluster *c, const char *const settings[][2]);
void cluster_stop(struct cluster *c);
/* Ends the server as kill -9 would, and starts it again over what it left. */
void cluster_crash(struct cluster *c);
/* A conninfo for its superuser; what follows is more of libpq's keywords. */
const char *cluster_conninfo(const struct cluster *c, const char *more, char to[512]);

#endif
