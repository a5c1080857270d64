/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library for LD_PRELOAD that sees the durable and wire operations of a process: what
 * it writes, syncs, renames, creates and removes below one folder, and what it sends
 * and receives. It counts them, ends the process before or after the n-th, and records
 * those on files, so that a test can tell what a power cut would have left. Never
 * installed.
 *
 *     OPS_CONTROL  file with a struct ops_control, shared with the test
 *     OPS_PROCESS  name of this process, until it calls prctl(PR_SET_NAME)
 *     OPS_ROOT     folder whose files count
 *     OPS_LOG      file that takes a struct ops_record for each operation; none: no log
 *     OPS_HASTE    how many times faster the clock of our waits and poll() run, until
 *                  prctl(PR_SET_NAME): waits for a retry or a restart pass quickly
 *
 * A receive counts when there is something to receive, so that a count does not depend
 * on how often a process looks. tests/system/ops.py is the other side.
 */
#ifndef FR_TEST_OPS_H
#define FR_TEST_OPS_H

#include <stdint.h>

#define OPS_NAME_MAX  16
#define OPS_KINDS_MAX 65536

enum ops_kind {
    OPS_WRITE = 'w',
    OPS_SYNC = 's',
    OPS_RENAME = 'n',
    OPS_REMOVE = 'u',
    OPS_TRUNCATE = 't',
    OPS_MKDIR = 'm',
    OPS_CREATE = 'c',
    OPS_SEND = '>',
    OPS_RECEIVE = '<',
    OPS_MARK = '=' /* by the test: something has been acknowledged */
};

struct ops_control {
    char process[OPS_NAME_MAX]; /* whose operations count; empty: nobody's */
    uint32_t n;                 /* the operation to die at, from 1; 0: none */
    uint32_t after;             /* 1: when it is done; 0: before it is begun */
    uint32_t group;             /* 1: the whole process group dies */
    uint32_t fired;             /* 1: it has */
    uint32_t count;             /* operations since the test has set this to 0 */
    uint8_t kinds[OPS_KINDS_MAX];
};

/* Followed by path, second path (of a rename) and data. */
struct ops_record {
    uint8_t kind;
    uint8_t is_directory; /* of a sync */
    uint16_t path_len, path2_len;
    uint16_t process_len; /* the process's name comes first */
    uint32_t data_len;
    int64_t offset; /* of a write, or the length that a truncation leaves */
};

#endif
