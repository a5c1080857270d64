# SPDX-License-Identifier: Apache-2.0
"""The other side of tests/fault/ops.c: counts the durable and wire operations of our
programs, kills a process at the n-th, and reads the log of what was done to files."""
import contextlib
import ctypes
import mmap
import os
import subprocess

import lab

LIBRARY = os.path.join(lab.BUILD, "tests", "system", "libops.so")
NAME_MAX, KINDS_MAX = 16, 65536
SAMPLE = int(os.environ.get("FIELDROOT_SAMPLE", "1"))  # each n-th case only
BEFORE, AFTER = 0, 1


class _Control(ctypes.Structure):
    """struct ops_control"""
    _fields_ = [("process", ctypes.c_char * NAME_MAX), ("n", ctypes.c_uint32),
                ("after", ctypes.c_uint32), ("group", ctypes.c_uint32),
                ("fired", ctypes.c_uint32), ("count", ctypes.c_uint32),
                ("kinds", ctypes.c_char * KINDS_MAX)]


def preload():
    """What LD_PRELOAD has to name: a sanitizer's library wants to be the first."""
    linked = subprocess.run(["ldd", lab.program("fieldroot")], capture_output=True,
                            text=True, check=True).stdout
    asan = [line.split()[2] for line in linked.splitlines() if "libasan" in line]
    return ":".join(asan + [LIBRARY])


class Ops:
    """The operations of the processes that are started with env()."""

    def __init__(self, folder):
        self.folder = folder
        path = os.path.join(folder, "ops-control")
        with open(path, "wb") as f:
            f.truncate(ctypes.sizeof(_Control))
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 0)
        self.control = _Control.from_buffer(self.map)
        self.base = {**os.environ, "LD_PRELOAD": preload(), "OPS_CONTROL": path,
                     "OPS_ROOT": folder}

    def env(self, process, haste=1, log=None):
        env = {**self.base, "OPS_PROCESS": process, "OPS_HASTE": str(haste)}
        if log:
            env["OPS_LOG"] = log
        return env

    def count(self, process):
        """Counts the operations of a process from now on; kills nobody."""
        self.arm(process, 0)

    def arm(self, process, n, when=BEFORE, group=False):
        """The process dies at its n-th operation from now; group: all of its group."""
        c = self.control
        c.process = b""
        c.n, c.after, c.group, c.fired, c.count = n, when, group, 0, 0
        c.process = process.encode()

    def disarm(self):
        self.control.process = b""
        self.control.n = 0

    @contextlib.contextmanager
    def aside(self):
        """What is done meanwhile is not counted, and counting begins anew."""
        process, self.control.process = self.control.process, b""
        yield
        self.control.count, self.control.process = 0, process

    @property
    def fired(self):
        return bool(self.control.fired)

    @property
    def seen(self):
        """A letter for each operation since arm() or count(): see ops.h."""
        n = min(self.control.count, KINDS_MAX)
        at = ctypes.addressof(self.control) + _Control.kinds.offset
        return ctypes.string_at(at, n).decode()
