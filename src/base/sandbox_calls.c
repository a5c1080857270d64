/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls of each promise, by what uses them: glibc and musl, libevent,
 * OpenSSL, SQLite, libpq, jemalloc, and on top our own. Some are allowed with certain
 * arguments only: sandbox_seccomp.c.
 */
#include "base/sandbox_calls.h"

static const char *const run[] = {
    "brk",
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "close",
    "dup",
    "exit",
    "exit_group",
    "fcntl",
    "fstat",
    "futex",
    "get_robust_list",
    "getcpu",
    "getegid",
    "geteuid",
    "getgid",
    "getpid",
    "getppid",
    "getrandom",
    "getrlimit",
    "getrusage",
    "gettid",
    "gettimeofday",
    "getuid",
    "ioctl",
    "lseek",
    "madvise",
    "membarrier",
    "mlock",
    "mlock2",
    "mmap",
    "mmap2",
    "mprotect",
    "mremap",
    "munlock",
    "munmap",
    "nanosleep",
    "newfstatat",
    "poll",
    "ppoll",
    "read",
    "readv",
    "restart_syscall",
    "rseq",
    "rt_sigaction",
    "rt_sigpending",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "sched_getaffinity",
    "sched_yield",
    "set_robust_list",
    "sigaltstack",
    "sigreturn",
    "tgkill",
    "time",
    "uname",
    "write",
    "writev",
#ifdef FR_SANITIZED
    /* what a sanitizer's runtime does while all is well, and while it reports */
    "prctl",
    "sysinfo",
    "readlink",
    "readlinkat",
#endif
    NULL,
};

static const char *const talk[] = {
    "getpeername", "getsockname", "getsockopt", "recv",     "recvfrom",
    "send",        "sendto",      "setsockopt", "shutdown", NULL,
};

static const char *const receive_fds[] = {"recvmsg", NULL};

static const char *const accept[] = {
    "accept",       "accept4",    "epoll_create1",   "epoll_ctl", "epoll_pwait",
    "epoll_pwait2", "epoll_wait", "timerfd_settime", NULL,
};

static const char *const files[] = {
    "access",          "chmod",      "chown",      "creat",
    "faccessat",       "faccessat2", "fallocate",  "fchmod",
    "fchmodat",        "fchown",     "fchownat",   "fdatasync",
    "flock",           "fstatfs",    "fsync",      "ftruncate",
    "getcwd",          "getdents",   "getdents64", "link",
    "linkat",          "lstat",      "mkdir",      "mkdirat",
    "msync",           "open",       "openat",     "pread64",
    "preadv",          "pwrite64",   "pwritev",    "readlink",
    "readlinkat",      "rename",     "renameat",   "renameat2",
    "rmdir",           "stat",       "statfs",     "statx",
    "sync_file_range", "truncate",   "umask",      "unlink",
    "unlinkat",        "utimensat",  NULL,
};

static const char *const dial[] = {"connect", "socket", NULL};

static const char *const connecting[] = {
    "bind",     "connect",  "eventfd2", "pipe2",  "recvmmsg",   "recvmsg", "select",
    "pselect6", "sendmmsg", "sendmsg",  "socket", "socketpair", "sysinfo", NULL,
};

/* Its own work, and what its children do before they enter their sandboxes. */
static const char *const supervise[] = {
    "arch_prctl",
    "capget",
    "capset",
    "clone",
    "clone3",
    "close_range",
    "dup2",
    "dup3",
    "epoll_create",
    "eventfd2",
    "fork",
    "getgroups",
    "getpgrp",
    "getresgid",
    "getresuid",
    "kill",
    "landlock_add_rule",
    "landlock_create_ruleset",
    "landlock_restrict_self",
    "pipe",
    "pipe2",
    "prctl",
    "prlimit64",
    "sched_setaffinity",
    "seccomp",
    "sendmsg",
    "set_tid_address",
    "setgid",
    "setgroups",
    "setregid",
    "setresgid",
    "setresuid",
    "setreuid",
    "setrlimit",
    "setuid",
    "signalfd4",
    "socketpair",
    "sysinfo",
    "timerfd_create",
    "vfork",
    "wait4",
    "waitid",
    "waitpid",
#ifdef FR_SANITIZED
    "ptrace",
    "process_vm_readv", /* the leak checker's, at the end */
#endif
    NULL,
};

const char *const *const fr_sandbox_calls[FR_N_PROMISES] = {
    [FR_MAY_RUN] = run,
    [FR_MAY_TALK] = talk,
    [FR_MAY_RECEIVE_FDS] = receive_fds,
    [FR_MAY_ACCEPT] = accept,
    [FR_MAY_USE_FILES] = files,
    [FR_MAY_DIAL] = dial,
    [FR_MAY_CONNECT] = connecting,
    [FR_MAY_SUPERVISE] = supervise,
};
