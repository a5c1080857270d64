/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process may still do, given up for good: capabilities, new privileges, system
 * calls (seccomp), files, sockets and signals to others (Landlock).
 *
 * A process promises to need only so much, and enters its sandbox when it has opened
 * what it needs. A parent's sandbox holds its children too, so its promises must
 * include theirs. This file knows no process type: see server/policy.h.
 */
#ifndef FR_BASE_SANDBOX_H
#define FR_BASE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* X(id, name, what it adds): each a list of system calls in sandbox_calls.c. */
#define FR_PROMISES(X)                                                                 \
    X(FR_MAY_RUN, "run", "memory, time, random, what is open, its own end")            \
    X(FR_MAY_TALK, "talk", "read and write sockets that it has")                       \
    X(FR_MAY_RECEIVE_FDS, "receive-fds", "take descriptors over a socket")             \
    X(FR_MAY_ACCEPT, "accept", "accept connections, and loop over many")               \
    X(FR_MAY_USE_FILES, "files", "open, change and remove files, in its folders")      \
    X(FR_MAY_DIAL, "dial", "make TCP connections, to one port")                        \
    X(FR_MAY_CONNECT, "connect", "make sockets, look up names, load libraries")        \
    X(FR_MAY_SUPERVISE, "supervise", "fork, end children, become another user")
enum fr_promise {
#define X(id, name, what) id,
    FR_PROMISES(X)
#undef X
        FR_N_PROMISES
};
#define FR_PROMISE(p) (1u << (p))

/* A folder (all below it) or a file. One that is not there counts for nothing. */
struct fr_sandbox_path {
    const char *path;
    bool write;
};

struct fr_sandbox {
    unsigned promises; /* FR_PROMISE() bits */
    bool fatal;        /* a forbidden system call ends the process, else EPERM */
    const struct fr_sandbox_path *paths;
    size_t n_paths;
    uint16_t dial_port; /* with FR_MAY_DIAL: Landlock knows ports, not addresses */
};

struct fr_sandbox_support {
    bool seccomp;
    int landlock; /* ABI; 0: none. 1: files, 4: and TCP, 6: and signals */
};
/* What this kernel has, and whatever surrounds us lets through. */
struct fr_sandbox_support fr_sandbox_probe(void);

/* Enters it, as far as there is support. FR_EINTERNAL: what should be there fails. */
FR_MUST_USE enum fr_code fr_sandbox_enter(const struct fr_sandbox *s,
                                          const struct fr_sandbox_support *support,
                                          struct fr_err *err);

/* Becomes another user, with no groups but its own; verified. FR_ECONFIG. */
FR_MUST_USE enum fr_code fr_sandbox_become(uid_t uid, gid_t gid, struct fr_err *err);
/* No privilege that an exec could give, no capability but those of the mask (bits
 * 1 << CAP_...), no core file. Before fr_sandbox_enter(). */
FR_MUST_USE enum fr_code fr_sandbox_drop(unsigned keep, struct fr_err *err);

#endif
