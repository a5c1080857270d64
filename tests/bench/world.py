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
import socket
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "system"))
import lab  # noqa: E402
import sim  # noqa: E402

TOOLS = os.path.join(lab.BUILD, "tests", "bench")
DEVICES = 500
FILES = 20000
CHUNK = 100000  # rows of one transaction


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
        # The database's user may not reach the build folder.
        library = os.path.join(os.path.dirname(self.path), "syncs.so")
        shutil.copyfile(os.path.join(TOOLS, "syncs.so"), library)
        os.chmod(library, 0o755)
        return {**os.environ, "BENCH_SYNCS": self.path, "LD_PRELOAD": library}

    @property
    def count(self):
        return struct.unpack("=QQ", self.map[:])[0]

    @property
    def peak_kb(self):
        """The largest VmHWM of those that have ended in order."""
        return struct.unpack("=QQ", self.map[:])[1]


def imsi(i):
    """Of device i, as load.c names it."""
    return f"00101{i:010}"


# ---- subjects ----

class Subject:
    """Something that is put under load: name, port, what a client does, its processes."""

    act = "visit"

    def __init__(self, name, world, process, port):
        self.name, self.world, self.process, self.port = name, world, process, port
        self.syncs = []
        self.others = None  # pid of a database server or HSS: its CPU is told apart

    def pids(self):
        return family(self.process.pid)

    def load(self, count, clients, act=None, port=None, target=None, fleet=None):
        w = self.world
        done = subprocess.run(
            [os.path.join(TOOLS, "load"), act or self.act, lab.MEF, target or w.target,
             str(port or self.port), w.site.mef_ca.pem, *(fleet or (w.fleet, str(w.devices))),
             str(count), str(clients)], stdout=subprocess.PIPE, check=False, text=True)
        result = json.loads(done.stdout or "{}")
        if done.returncode != 0:
            sys.exit(f"bench: {self.name}: {result}\n{self.process.text()[-2000:]}")
        return result

    def spent(self):
        """CPU of ours, CPU of the others, fsyncs of both."""
        others = family(self.others) if self.others else []
        return cpu(self.pids()), cpu(others), sum(s.count for s in self.syncs)

    def round(self, count, clients, **how):
        before = self.spent()
        result = self.load(count, clients, **how)
        ours, others, syncs = (now - then for now, then in zip(self.spent(), before))
        result["cpu_us"] = ours / count * 1e6
        result["other_us"] = others / count * 1e6
        result["rate"] = count / result["seconds"]
        if self.syncs:
            result["syncs"] = syncs / count
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
        self.syncs = [syncs]
        self.admit()

    def write_config(self):
        return self.site.write_config()

    def begin(self, wrap, env):
        site, config = self.site, self.write_config()
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

    def ask(self, *calls):
        """The operator's calls, on one connection."""
        with socket.socket(socket.AF_UNIX) as s, s.makefile("rw", encoding="utf-8") as lines:
            s.connect(self.site.socket)
            for call in calls:
                lines.write(json.dumps(call) + "\n")
                lines.flush()
                answer = json.loads(lines.readline())
                if not answer["ok"]:
                    sys.exit(f"bench: {call}: {answer}")

    def rows(self):
        """Of all tables of the store."""
        with contextlib.closing(sqlite3.connect(self.database)) as db:
            names = [n for n, in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
            return sum(db.execute(f'SELECT count(*) FROM "{n}"').fetchone()[0] for n in names)

    def round(self, count, clients, **how):
        if not os.path.exists(self.database):
            return super().round(count, clients, **how)
        rows, syncs = self.rows(), self.syncs[0].count
        result = super().round(count, clients, **how)
        result["rows"] = (self.rows() - rows) / max(self.syncs[0].count - syncs, 1)
        return result

    def fill(self, size):
        """Stored credentials, up to so many, by direct inserts: copies of a real one below
        other names, whose keys nobody can unwrap."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=60)) as db:
            names = [row[1] for row in db.execute("PRAGMA table_info(credential)")]
            own = {"key_id": f"printf('%032X@{lab.MEF}', i)", "san": "'dns:filler-' || i",
                   "identity": "substr(t.identity, 1, 64) || '/dns:filler-' || i",
                   "response": "x'7b7d'"}
            db.execute("CREATE TEMP TABLE t AS SELECT * FROM credential LIMIT 1")
            had = db.execute("SELECT count(*) FROM credential").fetchone()[0]
            for start in range(had, size, CHUNK):
                db.execute(
                    "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n"
                    f" WHERE i < ?2) INSERT INTO credential ({', '.join(names)})"
                    f" SELECT {', '.join(own.get(n, 't.' + n) for n in names)} FROM n, t",
                    (start, min(start + CHUNK, size) - 1))
                db.commit()

    def become_target(self):
        """Of the one that devices enrol for."""
        self.target_fleet = self.site.path("target")
        os.makedirs(self.target_fleet)
        self.site.target_ca.issue(os.path.join(self.target_fleet, "0"),
                                  "dns:" + self.world.target)

    def real_key(self):
        """A device's current key, not one of fill()."""
        with contextlib.closing(sqlite3.connect(self.database)) as db:
            return db.execute("SELECT key_id FROM credential WHERE san > 'dns:device-' AND"
                              " san < 'dns:device.' AND slot = 0 LIMIT 1").fetchone()[0]

    def fetches(self, count):
        """A target's fetch of one key, each on a connection of its own."""
        return super().round(count, 8, act="visit", port=self.site.ports["fetch"],
                             target=f"/fetchCredentials/{self.real_key().replace('@', '%40')}/22",
                             fleet=(self.target_fleet, "1"))

    @property
    def database(self):
        return self.site.path("state", "fieldroot.db")

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


class Bsf(Fieldrootd):
    """The role gba-bsf: devices with SIMs, of one HSS; inside TLS, or plain."""

    def __init__(self, world, hlr, name, is_plain=False):
        self.hlr, self.name, self.is_plain = hlr, name, is_plain
        super().__init__(world, name)
        self.act = "ub-plain" if is_plain else "ub"
        self.port, self.others = self.site.ports["gba-bsf"], hlr.process.pid

    def write_config(self):
        path, (certificate, key) = super().write_config(), self.site.mef_cert
        with open(path, "a", encoding="utf-8") as f:
            f.write(f'gba-bsf {{ listen = "127.0.0.1:0" hlr = "{self.hlr.gsup}" '
                    f'hlr-name = "{self.name}" ' + (
                "tls = off }\n" if self.is_plain else
                f'certificate = "{certificate}" key = "{key}" }}\n'))
        return path

    def admit(self):
        super().admit()
        for i in range(self.world.devices):
            self.ask({"op": "enrolee.add", "name": f"sim-{i}", "imsi": imsi(i)},
                     {"op": "enrolee.allow", "name": f"sim-{i}", "target": self.world.target,
                      "default": True})


class World:
    def __init__(self, folder, cleanup, devices=DEVICES):
        self.folder, self.devices, self.cleanup = folder, devices, cleanup
        self.target = lab.BROKER
        os.makedirs(os.path.join(folder, "site"), mode=0o711)
        self.site = lab.Site(os.path.join(folder, "site"), cleanup)
        self.fleet = os.path.join(folder, "fleet")
        os.makedirs(self.fleet, mode=0o700)
        subprocess.run([os.path.join(TOOLS, "load"), "certs", self.site.device_ca.folder,
                        self.fleet, str(devices)], check=True)

    def postgres(self):
        """fieldrootd on a database server of its own; None where there is none."""
        counter = os.path.join(self.folder, "postgres")
        os.makedirs(counter, mode=0o711)
        syncs, before = Syncs(os.path.join(counter, "syncs")), dict(os.environ)
        os.environ.update(syncs.env())
        try:
            server = lab.Postgres(self.cleanup)
        except unittest.SkipTest:
            return None
        finally:
            os.environ.clear()
            os.environ.update(before)
        fr = Fieldrootd(self, "fieldrootd-pg", f'database = "{server.conninfo()}"')
        fr.others = server.process.pid
        fr.syncs.append(syncs)
        return fr

    def hss(self):
        """osmo-hlr that knows every device. Its database is in memory, so that the disk is
        left to those that are measured."""
        folder = tempfile.mkdtemp(prefix="fieldroot-bench-", dir="/dev/shm")
        self.cleanup(shutil.rmtree, folder)
        hlr = sim.Hlr(folder)
        self.cleanup(hlr.stop)
        hlr.start()
        with contextlib.closing(sqlite3.connect(os.path.join(folder, "hlr.db"))) as db, db:
            for i in range(self.devices):
                db.execute("INSERT INTO subscriber (id, imsi) VALUES (?, ?)", (i + 1, imsi(i)))
                db.execute("INSERT INTO auc_3g (subscriber_id, algo_id_3g, k, opc, ind_bitlen)"
                           " VALUES (?, 5, ?, ?, 5)", (i + 1, sim.K, sim.OPC))
        return hlr

    def bsfs(self):
        """fieldrootd with SIMs, inside TLS and plain; none where there is no HSS."""
        if not shutil.which("osmo-hlr"):
            return []
        hlr = self.hss()
        return [Bsf(self, hlr, "gba"), Bsf(self, hlr, "gba-plain", is_plain=True)]

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
