# SPDX-License-Identifier: Apache-2.0
"""What a power cut leaves of a folder: the log of ops.c, and from any of its prefixes the
states in which a disk may be found.

A disk keeps what was synced. Of the rest it may have all, nothing, or some: octets
that were written since the last fsync of their file, in blocks of 512; names that were
made, renamed or removed since the last fsync of their folder, the earlier of a folder
before the later.
"""
import json
import os
import random
import shutil
import struct
import subprocess

import lab

RECORD = struct.Struct("@BBHHHIq")  # struct ops_record
BLOCK = 512
SPARED = ("-shm",)  # SQLite's index in shared memory means nothing after a start


class Op:
    __slots__ = ("kind", "process", "path", "path2", "is_directory", "offset", "data")

    def __init__(self, kind, process="", path="", path2="", is_directory=False, offset=0,
                 data=b""):
        self.kind, self.process, self.path, self.path2 = kind, process, path, path2
        self.is_directory, self.offset, self.data = is_directory, offset, data

    def __repr__(self):
        return f"{self.kind} {self.path[-40:]} {self.path2[-40:]}"


def mark(log, text):
    """Puts a mark of the test into the log: text has been acknowledged."""
    text = text.encode()
    with open(log, "ab") as f:
        f.write(RECORD.pack(ord("="), 0, len(text), 0, 0, 0, 0) + text)


def read_log(log):
    with open(log, "rb") as f:
        text = f.read()
    at, found = 0, []
    while at < len(text):
        kind, is_directory, len1, len2, len0, len3, offset = RECORD.unpack_from(text, at)
        at += RECORD.size
        parts = []
        for n in (len0, len1, len2, len3):
            parts.append(text[at:at + n])
            at += n
        found.append(Op(chr(kind), parts[0].decode(), parts[1].decode(), parts[2].decode(),
                        bool(is_directory), offset, parts[3]))
    return found


class File:
    """Octets: what is on the disk, and the changes that may be."""

    def __init__(self, octets=b""):
        self.durable, self.open = bytearray(octets), []

    def sync(self):
        self.durable, self.open = self.content(self.open), []

    def content(self, changes):
        octets = bytearray(self.durable)
        for op in changes:
            if op.kind == "t":
                del octets[op.offset:]
                octets.extend(bytes(op.offset - len(octets)))
            else:
                octets.extend(bytes(max(0, op.offset - len(octets))))
                octets[op.offset:op.offset + len(op.data)] = op.data
        return octets


class Disk:
    """The files below a folder. A name leads to a File, or to None: a folder."""

    def __init__(self, root, is_new=False):
        """As root is now; is_new: from before anything was there."""
        self.root = root
        self.durable, self.names, self.open = {}, {}, {}  # open: {folder: [change]}
        for folder, folders, files in os.walk(root if not is_new else ""):
            for name in folders:
                self.durable[os.path.join(folder, name)] = None
            for name in files:
                if not name.endswith(SPARED):
                    with open(os.path.join(folder, name), "rb") as f:
                        self.durable[os.path.join(folder, name)] = File(f.read())
        self.names = dict(self.durable)

    def _is_ours(self, path):
        return (path + "/").startswith(self.root + "/") and not path.endswith(SPARED)

    def _change(self, *changes):
        """Names that change together: (path, what it leads to), GONE removes it."""
        for path, leads_to in changes:
            _set(self.names, path, leads_to)
        self.open.setdefault(os.path.dirname(changes[-1][0]), []).append(changes)

    def apply(self, op):
        """The log goes on by one; false if that changes nothing here."""
        if op.kind in "<>=" or not self._is_ours(op.path):
            return False
        if op.kind == "c":
            self._change((op.path, File()))
        elif op.kind == "m":
            self._change((op.path, None))
        elif op.kind == "u":
            self._change((op.path, GONE))
        elif op.kind == "n":
            self._change((op.path, GONE), (op.path2, self.names[op.path]))
        elif op.kind in "wt":
            self.names[op.path].open.append(op)
        elif op.is_directory:
            for changes in self.open.pop(op.path, ()):
                for path, leads_to in changes:
                    _set(self.durable, path, leads_to)
        else:
            self.names[op.path].sync()
        return True

    def _all_open(self):
        return [f for f in {id(f): f for f in [*self.names.values(), *self.durable.values()]
                            if f and f.open}.values()]

    def variants(self, seed):
        """States {path: octets or None} in which a cut may leave it; duplicates go."""
        seen = set()
        for names, contents in self._choices(random.Random(seed)):
            state = self._state(names, contents)
            key = hash(tuple(sorted((p, bytes(o) if o is not None else None)
                                    for p, o in state.items())))
            if key not in seen:
                seen.add(key)
                yield state

    def _choices(self, rng):
        folders = list(self.open)
        files = self._all_open()
        all_names = {d: len(self.open[d]) for d in folders}
        all_written = {id(f): f.open for f in files}
        yield all_names, all_written
        yield {}, {}
        yield all_names, {}
        yield {}, all_written
        for f in files:
            for torn in _tears(f.open):
                yield all_names, {**all_written, id(f): torn}
                yield {}, {id(f): torn}
        for folder in folders:
            for n in range(1, len(self.open[folder])):
                yield {**all_names, folder: n}, all_written
        for _ in range(3 if files or folders else 0):
            yield ({d: rng.randint(0, len(self.open[d])) for d in folders},
                   {id(f): [op for op in f.open if rng.random() < 0.5] for f in files})

    def _state(self, n_names, contents):
        names = dict(self.durable)
        for folder, n in n_names.items():
            for changes in self.open[folder][:n]:
                for path, leads_to in changes:
                    _set(names, path, leads_to)
        state = {}
        for path in sorted(names):
            parent = os.path.dirname(path)
            if parent == self.root or parent in state:
                f = names[path]
                state[path] = None if f is None else f.content(contents.get(id(f), ()))
        return state

    def applied(self):
        """As a process that was killed leaves it."""
        return self._state({d: len(c) for d, c in self.open.items()},
                           {id(f): f.open for f in self._all_open()})


GONE = object()


def _set(names, path, leads_to):
    if leads_to is GONE:
        names.pop(path, None)
    else:
        names[path] = leads_to


def _tears(changes):
    """The last write in part: its first blocks, its last, every other one."""
    if not changes or changes[-1].kind != "w" or len(changes[-1].data) <= 1:
        return
    *before, last = changes
    blocks = [(last.offset + n, last.data[n:n + BLOCK])
              for n in range(0, len(last.data), BLOCK)]
    if len(blocks) == 1:
        half = len(last.data) // 2
        blocks = [(last.offset, last.data[:half]), (last.offset + half, last.data[half:])]
    n = len(blocks)
    for chosen in {*(tuple(range(k)) for k in range(1, n)), tuple(range(n // 2, n)),
                   tuple(range(0, n, 2))}:
        yield before + [Op("w", offset=blocks[k][0], data=blocks[k][1]) for k in chosen]


def write_out(state, root, to):
    """Puts a state of root into the folder to, which is made new."""
    shutil.rmtree(to, ignore_errors=True)
    os.makedirs(to, 0o700)
    for path, octets in state.items():  # a folder comes before what is in it
        there = to + path[len(root):]
        if octets is None:
            os.mkdir(there, 0o700)
        else:
            with open(os.open(there, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as f:
                f.write(octets)


class Looker:
    """tests/fault/look.c: what our own code makes of a folder."""

    def __init__(self, case, folder):
        self.folder = folder
        self.process = subprocess.Popen(
            [os.path.join(lab.BUILD, "tests", "system", "look")], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        case.addCleanup(self.close)

    def close(self):
        self.process.stdin.close()
        self.process.wait(lab.LIMIT)
        self.process.stdout.close()

    def look(self, kind, state, root):
        write_out(state, root, self.folder)
        self.process.stdin.write(f"{kind} {self.folder}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"error": "our code has crashed"}
