/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making fieldrootd's children: fork, close what is not theirs, die with the parent,
 * read what needs privilege, drop it, run.
 */
#ifndef FR_SERVER_PARENT_CHILD_H
#define FR_SERVER_PARENT_CHILD_H

#include "base/sandbox.h"
#include "server/config.h"
#include "server/worker/flood.h"

/* The keepers serve the workers, and are started before them; else enum fr_worker. */
enum { FR_CHILD_VAULT = FR_N_WORKERS, FR_CHILD_SIGNER, FR_CHILD_KINDS };
#define FR_N_KEEPERS          (FR_CHILD_KINDS - FR_N_WORKERS)
#define FR_KEEPER(kind)       ((kind)-FR_N_WORKERS) /* index of one */
#define FR_CHILD_IS_KEEPER(k) ((k) >= FR_N_WORKERS)

struct fr_child_setup {
    const struct fr_server_config *config;
    const struct fr_sandbox_support *support;
    struct fr_flood *flood; /* the workers' shared table; NULL: none */
    int kind;
    const int *listen_fd;  /* FR_N_WORKERS of them; -1: none */
    const int *control_fd; /* FR_N_KEEPERS, the parent's ends, to be closed; -1: none */
    int keeper_fd;         /* of a keeper: its own end */
    int signal_fd;         /* the parent's, to be closed */
    int ready_read_fd;     /* the parent's, to be closed */
    int starter_fd;        /* --ready-fd, the parent's, to be closed; -1: none */
    int lock_fd;           /* the vault's too: no other may open its database */
    int ready_fd;          /* one octet when it runs */
};

/* Forks a child of this kind; a worker's other ends go to the keepers. */
FR_MUST_USE enum fr_code fr_child_start(const struct fr_child_setup *setup,
                                        pid_t *ret_pid, struct fr_err *err);

/* Reads every file that the config names, as the children will: in a child of its own,
 * so that the parent never holds a private key. The child says what is wrong. */
FR_MUST_USE enum fr_code fr_child_check(const struct fr_server_config *config,
                                        struct fr_err *err);

const char *fr_child_name(int kind);

#endif
