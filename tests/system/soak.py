# SPDX-License-Identifier: Apache-2.0
"""soak.py [SECONDS [SEED]]: a fleet that enrols, renews and is revoked while its servers
are killed, restarted, backed up and rekeyed, at random by the number of enrolments. After
each round it checks what must hold, and in the end that memory, descriptors and database
have stayed flat. Prints its numbers; exit status 1 if anything did not hold."""
import contextlib
import os
import random
import signal
import sqlite3
import statistics
import sys
import tempfile
import threading
import time

import lab

DEVICES, THREADS, ROUND, EVENT_EVERY, CALM_ROUNDS = 24, 4, 200, 20, 6
RSS_SLACK = 2 << 20  # what an allocator may keep beside a quarter more


class Fleet:
    def __init__(self, folder, cleanup, seed):
        self.random = random.Random(seed)
        self.site = lab.Site(folder, cleanup)
        self.site.start(top='log-level = "warn"')
        self.site.ctl("target", "add", lab.BROKER)
        self.site.ctl("enrolee", "add", "fleet", "--anchor", self.site.device_ca.pem, "--any",
                      "--default", lab.BROKER)
        self.target = self.site.target()
        self.devices = [self.site.device(f"dev{n}") for n in range(DEVICES)]
        self.free, self.lock = list(self.devices), threading.Condition()
        self.acknowledged, self.failed = [], []
        self.pause, self.over = False, False
        self.busy = 0

    @property
    def db(self):
        return self.site.path("state", "fieldroot.db")

    # ---- the load ----

    def take_device(self):
        with self.lock:
            self.lock.wait_for(lambda: self.over or (self.free and not self.pause))
            if self.over:
                return None
            self.busy += 1
            return self.free.pop(self.random.randrange(len(self.free)))

    def work(self):
        while device := self.take_device():
            run = device.provision(self.site.mef(), "--renew")
            with self.lock:
                self.free.append(device)
                self.busy -= 1
                if run.status == 0:
                    self.acknowledged.append(run.outcome["keyId"])
                else:
                    self.failed.append(run)
                self.lock.notify_all()

    def wait_for(self, count):
        with self.lock:
            if not self.lock.wait_for(lambda: len(self.acknowledged) >= count, 5 * lab.LIMIT):
                raise AssertionError(f"no progress; last failure: {self.failed[-1:]}")

    @contextlib.contextmanager
    def quiet(self):
        with self.lock:
            self.pause = True
            self.lock.wait_for(lambda: self.busy == 0)
        yield
        with self.lock:
            self.pause = False
            self.lock.notify_all()

    # ---- events ----

    def pids(self):
        return lab.child_pids(self.site.daemon.pid)

    def kill_a_child(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.random.choice(self.pids()), signal.SIGKILL)

    def kill_all(self):
        pids = self.pids()
        self.site.daemon.stop(signal.SIGKILL)
        lab.wait_until(lambda: not any(os.path.exists(f"/proc/{p}") for p in pids), "the end")
        self.site.start()

    def restart(self):
        self.site.stop()
        self.site.start()

    def reload(self):
        os.kill(self.site.daemon.pid, signal.SIGHUP)

    def revoke(self):
        with self.lock:
            keid = self.random.choice(self.acknowledged[-2 * DEVICES:])
        self.site.ctl("credential", "revoke", keid, ok=False)

    def backup(self):
        path = self.site.path("backup.db")
        with self.lock:
            before = set(self.acknowledged)
        run = lab.run(lab.program("fieldrootctl"), "--json", "store", "backup", path, "--from",
                      self.db)
        assert run.status == 0, run
        lost = before - added(path)
        assert not lost, f"not in the backup: {sorted(lost)[:3]}"
        os.unlink(path)

    def rekey(self):
        run = self.site.ctl("store", "rekey", ok=False)
        assert run.status == 0 or "rekeying" in run.out, run

    def sync(self):
        self.target.sync()

    def happen(self, calm):
        events = [self.revoke, self.revoke, self.backup, self.sync, self.sync]
        if not calm:
            events += [self.kill_a_child, self.kill_a_child, self.kill_a_child, self.reload,
                       self.restart, self.kill_all, self.rekey]
        event = self.random.choice(events)
        event()
        return event.__name__

    # ---- what must hold ----

    def check(self):
        """With no enrolment under way."""
        lab.wait_until(lambda: self.site.ctl("status", ok=False).status == 0, "service")
        assert self.site.ctl("audit", "--verify")["intact"]
        with contextlib.closing(sqlite3.connect(f"file:{self.db}?mode=ro", uri=True)) as c:
            worst, = c.execute("SELECT COALESCE(MAX(n), 0) FROM (SELECT COUNT(*) AS n FROM"
                               " credential GROUP BY identity, suid, target, slot)").fetchone()
            rows, = c.execute("SELECT COUNT(*) FROM credential").fetchone()
        assert worst <= 1, "two credentials in one slot"
        assert rows <= 2 * DEVICES, f"{rows} credentials of {DEVICES} devices"
        lost = set(self.acknowledged) - added(self.db)
        assert not lost, f"acknowledged and lost: {sorted(lost)[:3]}"
        assert len(set(self.acknowledged)) == len(self.acknowledged), "a KeID twice"
        self.check_keys()

    def check_keys(self):
        """The target has each device's key, unless it was revoked."""
        run = lab.wait_until(lambda: (r := self.target.sync()).status == 0 and r, "the target")
        keys, known = self.target.keys(), {c["keyId"] for c in self.site.ctl("credential", "list")}
        assert set(keys) <= known, (run, set(keys) - known)
        for d in self.devices:
            for c in d.credentials():
                if c["keyId"] in known:
                    out = os.path.join(d.folder, "exported")
                    d.fieldroot("credential", "export", c["keyId"], "--format", "mosquitto",
                                "--out", out)
                    with open(out, encoding="utf-8") as f:
                        assert keys[c["keyId"]] in f.read(), f"another key: {c['keyId']}"
                    os.unlink(out)


def added(db):
    with contextlib.closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as c:
        return {k for k, in c.execute("SELECT key_id FROM feed WHERE event = 0")}


class Meter:
    """Memory and descriptors of each process as long as it lives, and the database."""

    def __init__(self):
        self.rss, self.fds, self.disk = {}, {}, []

    def sample(self, fleet):
        for pid in [fleet.site.daemon.pid, *fleet.pids()]:
            with contextlib.suppress(OSError, StopIteration):
                with open(f"/proc/{pid}/status", encoding="utf-8") as f:
                    kib = next(int(x.split()[1]) for x in f if x.startswith("VmRSS"))
                self.fds.setdefault(pid, []).append(len(os.listdir(f"/proc/{pid}/fd")))
                self.rss.setdefault(pid, []).append(kib << 10)
        size = os.path.getsize(fleet.db)
        wal = os.path.getsize(fleet.db + "-wal") if os.path.exists(fleet.db + "-wal") else 0
        self.disk.append((len(fleet.acknowledged), size, wal))

    def now(self):
        alive = [r for r in self.rss.values() if r]
        n, size, wal = self.disk[-1]
        return (f"rss max {max(r[-1] for r in alive) >> 20} MiB, "
                f"descriptors max {max(f[-1] for f in self.fds.values())}, "
                f"database {size >> 10} KiB, log {wal >> 10} KiB")

    def verdicts(self):
        for pid, all_of_it in self.rss.items():
            lived = all_of_it[1:]  # the first sample is of a process that has hardly begun
            if len(lived) >= 4:
                first, last = statistics.median(lived[:2]), statistics.median(lived[-2:])
                yield (f"memory of process {pid}: {first / 2**20:.1f} to {last / 2**20:.1f} MiB "
                       f"over {len(lived)} rounds", last <= first * 1.25 + RSS_SLACK)
        for pid, all_of_it in self.fds.items():
            if len(all_of_it) >= 5:
                yield (f"descriptors of process {pid}: {all_of_it[1]} to {all_of_it[-1]}",
                       all_of_it[-1] <= all_of_it[1] + 8)
        (n0, size0, _), (n1, size1, _) = self.disk[len(self.disk) // 3], self.disk[-1]
        if n1 > n0:
            each = (size1 - size0) / (n1 - n0)
            yield f"database: {each:.0f} octets an enrolment (trail and feed)", each < 16384
        yield (f"write-ahead log: {max(w for _, _, w in self.disk) >> 20} MiB at most",
               max(w for _, _, w in self.disk) < 64 << 20)


def one_round(fleet, meter, number, calm):
    happened = []
    for _ in range(ROUND // EVENT_EVERY):
        with fleet.lock:
            want = len(fleet.acknowledged) + EVENT_EVERY
        fleet.wait_for(want)
        happened.append(fleet.happen(calm))
    with fleet.quiet():
        fleet.check()
        meter.sample(fleet)
    print(f"# round {number}{' (calm)' if calm else ''}: {len(fleet.acknowledged)} enrolments, "
          f"{len(fleet.failed)} runs failed; {meter.now()}; "
          f"{', '.join(f'{happened.count(e)} {e}' for e in sorted(set(happened)))}", flush=True)


def soak(fleet, seconds):
    meter, began = Meter(), time.monotonic()
    threads = [threading.Thread(target=fleet.work, daemon=True) for _ in range(THREADS)]
    for t in threads:
        t.start()
    number = calm = 0
    while time.monotonic() - began < seconds or calm < CALM_ROUNDS:
        number += 1
        # the last third is calm, so that there are processes that have lived for long
        calm += time.monotonic() - began > seconds * 2 / 3
        one_round(fleet, meter, number, calm > 0)
    with fleet.lock:
        fleet.over = True
        fleet.lock.notify_all()
    for t in threads:
        t.join()
    took = time.monotonic() - began
    print(f"# {len(fleet.acknowledged)} enrolments in {took:.0f} s "
          f"({len(fleet.acknowledged) / took:.1f}/s), {number} rounds, "
          f"{len(fleet.failed)} runs of a device failed and were tried again")
    return list(meter.verdicts())


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 1000000
    print(f"# soak for {seconds} s, seed {seed}", flush=True)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="fieldroot-"))
        os.chmod(folder, 0o711)
        verdicts = soak(Fleet(folder, stack.callback, seed), seconds)
    print(f"1..{len(verdicts) + 1}\nok 1 - every round held what it must")
    for n, (text, good) in enumerate(verdicts, 2):
        print(f"{'ok' if good else 'not ok'} {n} - {text}")
    failed = sum(not good for _, good in verdicts)
    print(f"{len(verdicts) + 1 - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
