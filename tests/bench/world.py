# SPDX-License-Identifier: Apache-2.0
"""What ./bench measures: fieldrootd and the two baselines, with one set of certificates,
and how they are looked at from outside (/proc, a preloaded counter of fsyncs)."""
import contextlib
import glob
import json
import mmap
import os
import re
import resource
import select
import sqlite3
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "system"))
import lab  # noqa: E402

TOOLS = os.path.join(lab.BUILD, "tests", "bench")
DEVICES = 500
FILES = 20000


def raise_limits():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = FILES if hard == resource.RLIM_INFINITY or hard >= FILES else hard
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(want, soft), max(FILES, hard)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (want, hard))


# ---- processes ----

def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read()
    except OSError:
        return ""


def family(pid):
    """A process and all below it."""
    parent = {}
    for stat in glob.glob("/proc/[0-9]*/stat"):
        fields = read(stat).rpartition(")")[2].split()
        if fields:
            parent[int(stat.split("/")[2])] = int(fields[1])
    found, new = {pid}, True
    while new:
        new = {p for p, up in parent.items() if up in found} - found
        found |= new
    return sorted(found)


def cpu(pids):
    """Seconds of CPU, user and system, of all threads."""
    total = 0
    for pid in pids:
        for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
            total += int((read(path).split() or ["0"])[0])
    return total / 1e9


def memory(pids):
    """(sum of PSS, largest VmHWM) in kB."""
    pss, peak = 0, 0
    for pid in pids:
        found = re.search(r"(?m)^Pss: +(\d+)", read(f"/proc/{pid}/smaps_rollup"))
        pss += int(found[1]) if found else 0
        found = re.search(r"VmHWM:\s+(\d+)", read(f"/proc/{pid}/status"))
        peak = max(peak, int(found[1]) if found else 0)
    return pss, peak


class Syncs:
    """Counts fsync and fdatasync of what is started with .env(), and its peak memory."""

    def __init__(self, path):
        self.path = path
        with open(path, "wb") as f:
            f.write(bytes(16))
        os.chmod(path, 0o666)
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 16)

    def env(self):
        return {**os.environ, "BENCH_SYNCS": self.path,
                "LD_PRELOAD": os.path.join(TOOLS, "syncs.so")}

    @property
    def count(self):
        return struct.unpack("=QQ", self.map[:])[0]

    @property
    def peak_kb(self):
        """The largest VmHWM of those that have ended in order."""
        return struct.unpack("=QQ", self.map[:])[1]


# ---- subjects ----

class Subject:
    """Something that is put under load: name, port, what a client does, its processes."""

    act = "visit"

    def __init__(self, name, world, process, port):
        self.name, self.world, self.process, self.port = name, world, process, port
        self.syncs = None
        self.others = []  # CPU of these is told apart: a database's processes

    def pids(self):
        return family(self.process.pid)

    def load(self, count, clients):
        w = self.world
        done = subprocess.run(
            [os.path.join(TOOLS, "load"), self.act, lab.MEF, w.target, str(self.port),
             w.site.mef_ca.pem, w.fleet, str(w.devices), str(count), str(clients)],
            stdout=subprocess.PIPE, check=False, text=True)
        result = json.loads(done.stdout or "{}")
        if done.returncode != 0:
            sys.exit(f"bench: {self.name}: {result}\n{self.process.text()[-2000:]}")
        return result

    def round(self, count, clients):
        pids = self.pids()
        before, syncs = cpu(pids), self.syncs.count if self.syncs else 0
        others = cpu([p for o in self.others for p in o()])
        result = self.load(count, clients)
        result["cpu_us"] = (cpu(pids) - before) / count * 1e6
        result["other_us"] = (cpu([p for o in self.others for p in o()]) - others) / count * 1e6
        result["rate"] = count / result["seconds"]
        if self.syncs:
            result["syncs"] = (self.syncs.count - syncs) / count
        result["wire"] = result["octets_in"] + result["octets_out"]
        for key in ("p50", "p99"):
            result[key + "_ms"] = result.pop(key + "_us") / 1000
        return result

    def stop(self):
        self.process.stop()


class Fieldrootd(Subject):
    act = "enrol"

    def __init__(self, world, name="fieldrootd", top="", workers=None, wrap=(), env=None):
        self.site = lab.Site.__new__(lab.Site)
        self.site.__dict__.update(world.site.__dict__)
        site = self.site
        site.folder = os.path.join(world.folder, name)
        os.makedirs(site.folder, mode=0o711)
        site.ports = {}
        if workers:
            top += f"\nworkers = {workers}"
        site.settings = {**world.site.settings, "top": 'log-level = "warn"\n' + top,
                         "limits": 'connections = 12000 per-address = 12000 handshakes-per-address = 0 idle = "PT1H"'}
        syncs = Syncs(os.path.join(site.folder, "syncs"))
        process = self.begin(wrap, env or syncs.env())
        super().__init__(name, world, process, site.ports["enrol"])
        self.syncs = syncs
        self.admit()

    def begin(self, wrap, env):
        site = self.site
        config = site.write_config()
        ready, tell = os.pipe()
        process = site.process([*wrap, lab.program("fieldrootd"), "--config", config,
                                "--ready-fd", tell],
                               site.path("fieldrootd.log"), pass_fds=[tell], env=env)
        os.close(tell)
        got = select.select([ready], [], [], 120)[0] and os.read(ready, 1)
        os.close(ready)
        if not got:
            sys.exit("bench: fieldrootd did not start:\n" + process.text())
        for line in read(site.path("run", "listeners")).splitlines():
            kind, address = line.split()
            if kind != "admin":
                site.ports[kind] = int(address.rsplit(":", 1)[1])
        site.daemon = process
        return process

    def admit(self):
        """Every device of the maker's CA, for one target."""
        site = self.site
        site.ctl("target", "add", self.world.target)
        site.ctl("enrolee", "add", "fleet", "--any", "--anchor", site.device_ca.pem)
        site.ctl("enrolee", "allow", "fleet", self.world.target, "--default")

    def rows(self):
        """Of all tables of the store."""
        with contextlib.closing(sqlite3.connect(self.site.path("state", "fieldroot.db"))) as db:
            names = [n for n, in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
            return sum(db.execute(f'SELECT count(*) FROM "{n}"').fetchone()[0] for n in names)

    def round(self, count, clients):
        rows, syncs = self.rows(), self.syncs.count
        result = super().round(count, clients)
        result["rows"] = (self.rows() - rows) / max(self.syncs.count - syncs, 1)
        return result

    @contextlib.contextmanager
    def idle(self, count):
        w = self.world
        with subprocess.Popen(
                [os.path.join(TOOLS, "load"), "idle", lab.MEF, w.target, str(self.port),
                 w.site.mef_ca.pem, w.fleet, str(w.devices), str(count)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            if holder.stdout.readline() != b"ready\n":
                sys.exit("bench: the idle connections did not open")
            yield
            holder.stdin.close()
            holder.wait()


class World:
    def __init__(self, folder, cleanup, devices=DEVICES):
        self.folder, self.devices = folder, devices
        self.target = lab.BROKER
        os.makedirs(os.path.join(folder, "site"), mode=0o711)
        self.site = lab.Site(os.path.join(folder, "site"), cleanup)
        self.fleet = os.path.join(folder, "fleet")
        os.makedirs(self.fleet, mode=0o700)
        subprocess.run([os.path.join(TOOLS, "load"), "certs", self.site.device_ca.folder,
                        self.fleet, str(devices)], check=True)

    def bare(self, processes=2):
        certificate, key = self.site.mef_cert
        out = os.path.join(self.folder, "bare.log")
        held, keep = os.pipe()
        with open(out, "wb") as log:
            popen = subprocess.Popen(
                [os.path.join(TOOLS, "bare"), certificate, key, self.site.device_ca.pem,
                 str(processes)], stdin=held, stdout=subprocess.PIPE, stderr=log)
        os.close(held)
        process = lab.Process.__new__(lab.Process)
        process.log, process.popen = out, popen
        port = int(popen.stdout.readline())

        def stop():
            if popen.poll() is None:
                os.close(keep)
                popen.stdout.close()
                popen.wait(10)
        process.stop = stop
        self.site.cleanup(stop)
        return Subject("bare OpenSSL", self, process, port)

    def s_server(self):
        certificate, key = self.site.mef_cert
        port, small = lab.free_port(), os.path.join(self.folder, "www")
        os.makedirs(small)
        with open(os.path.join(small, "small"), "w", encoding="ascii") as f:
            f.write("hello\n")
        process = self.site.process(
            ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", certificate,
             "-key", key, "-CAfile", self.site.device_ca.pem, "-Verify", "1",
             "-verify_return_error", "-num_tickets", "0", "-no_cache", "-WWW"],
            os.path.join(self.folder, "s_server.log"), cwd=small)
        process.wait_for("ACCEPT")
        return Subject("openssl s_server", self, process, port)
