/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making fieldrootd's children: fork, close what is not theirs, die with the parent,
 * read what needs privilege, drop it, run.
 */
#ifndef FR_SERVER_PARENT_CHILD_H
#define FR_SERVER_PARENT_CHILD_H

#include "server/config.h"

enum { FR_CHILD_VAULT = FR_N_WORKERS, FR_CHILD_KINDS }; /* else enum fr_worker */

struct fr_child_setup {
    const struct fr_server_config *config;
    int kind;
    const int *listen_fd;  /* FR_N_WORKERS of them; -1: none */
    int control_fd;        /* vault: its end; worker: the parent's, to be closed */
    int parent_control_fd; /* vault: the parent's end, to be closed */
    int signal_fd;         /* the parent's, to be closed */
    int ready_read_fd;     /* the parent's, to be closed */
    int starter_fd;        /* --ready-fd, the parent's, to be closed; -1: none */
    int lock_fd;           /* the vault's too: no other may open its database */
    int ready_fd;          /* one octet when it runs */
};

/* Forks a child of this kind; a worker's other end goes to the vault. */
FR_MUST_USE enum fr_code fr_child_start(const struct fr_child_setup *setup,
                                        pid_t *ret_pid, struct fr_err *err);

/* Reads every file that the config names, as the children will: in a child of its own,
 * so that the parent never holds a private key. The child says what is wrong. */
FR_MUST_USE enum fr_code fr_child_check(const struct fr_server_config *config,
                                        struct fr_err *err);

const char *fr_child_name(int kind);

#endif
