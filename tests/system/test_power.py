# SPDX-License-Identifier: Apache-2.0
"""Power cuts: from every prefix of what was done to files, the states in which a disk may
be found (power.py), and what our code makes of them. A promise counts from the moment at
which a process has told somebody: each send, and its end."""
import os
import shutil
import signal
import tempfile

import lab
import ops
import power
import world

SHOWN = 5


class Cuts(lab.TestCase):
    LOG = None

    def setUp(self):
        self.world = world.World(self, log=self.LOG)
        self.site, self.ops = self.world.site, self.world.ops
        self.broken, self.n_cases = [], 0
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        folder = tempfile.mkdtemp(prefix="fieldroot-cut-", dir=memory)
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.looker = power.Looker(self, os.path.join(folder, "state"))

    def walk(self, disk, log, look, window=None):
        """Each cut of a log, or of a window of it. judge() gets what is seen then, and
        what a killed process would have left at each moment since the last promise."""
        window = window or range(len(log))
        since, found = [], []
        for i, op in enumerate(log[:window.stop]):
            if i == window.start:
                since = [look(disk.applied())]
            if self.is_promise(op):
                since = since[-1:]
                self.promise(op)
            elif not disk.apply(op) or i < window.start:
                continue
            else:
                since.append(look(disk.applied()))
                found = [(f"cut {i}.{n} after {op}", look(state))
                         for n, state in enumerate(disk.variants(i))
                         if i % ops.SAMPLE == 0]
                self.n_cases += 1 + len(found)
            for where, seen in found:
                if why := seen.get("error") or self.judge(seen, since):
                    self.broken.append(f"{where}: {why}")

    def promise(self, op):
        """For marks of the test."""

    def verdict(self, what):
        lab.note(f"{self.n_cases} cases of a disk: {what}")
        self.assertGreater(self.n_cases, 0)
        if self.broken:
            self.fail(f"{len(self.broken)} cases:\n" + "\n".join(self.broken[:SHOWN]))


class Device(Cuts):
    """A promise: what is current stays current or gives way to its successor, and a key
    that the MEF may have committed is not lost."""

    def is_promise(self, op):
        return op.kind in ">="

    def judge(self, seen, since):
        current, pending = seen.get("current"), seen.get("pending")
        if current not in {s.get("current") for s in since}:
            return f"{current} is current, not one of {since}"
        kept = since[0].get("pending")
        if kept and kept not in (current, pending) and all(
                kept in (s.get("current"), s.get("pending")) for s in since):
            return f"{kept} is lost: {seen}"
        return None

    def cut(self, device, *args):
        """Every cut of a run."""
        log = self.site.path("device.log")
        disk = power.Disk(device.folder)
        run = self.world.provision(device, *args, log=log)
        power.mark(log, f"exit {run.status}")

        def look(state):
            return self.looker.look("device", {
                path: octets for path, octets in state.items()
                if path.startswith(device.state + "/")}, device.state)
        self.walk(disk, power.read_log(log), look)

    def test_a_first_enrolment(self):
        device = self.world.device()
        self.cut(device)
        self.verdict("a first enrolment")

    def test_a_renewal(self):
        device = self.world.device()
        self.world.provision(device)
        self.cut(device, self.site.mef(), "--renew")
        self.verdict("a renewal")

    def resolve(self, committed):
        device = self.world.device()
        self.world.provision(device)
        self.ops.count("device")
        self.world.provision(device, self.site.mef(), "--renew")
        for n in range(len(self.ops.seen), 0, -1):
            self.ops.arm("device", n)
            self.world.provision(device, self.site.mef(), "--renew")
            self.ops.disarm()
            pending = world.held(device, "pending")
            known = [row[0] for row in self.world.rows(device)]
            if pending and (pending.key_id in known) == committed:
                break
            self.world.provision(device)
        self.cut(device, self.site.mef(), "--renew")
        self.verdict(f"a resolve (committed: {committed}), and a renewal")

    def test_a_resolve_of_what_the_mef_has_committed(self):
        self.resolve(True)

    def test_a_resolve_of_what_the_mef_has_not_committed(self):
        self.resolve(False)


class Server(Cuts):
    """A promise: what the vault has answered is in the database."""
    LOG = "server.log"

    def setUp(self):
        super().setUp()
        self.root = self.site.path("state")
        self.acknowledged = {}

    def is_promise(self, op):
        return op.kind == "=" or (op.kind == ">" and op.process == "frd-vault")

    def promise(self, op):
        if op.kind == "=":
            device, key_id = op.path.split()
            self.acknowledged[device] = key_id

    def judge(self, seen, since):
        if seen not in since:
            return f"{seen}, and not one of {since}"
        there = {key_id for key_id, *_ in seen["credentials"]}
        gone = set(self.acknowledged.values()) - there
        return f"{gone} was acknowledged, and is gone" if gone else None

    def enrol(self, device, *args):
        run = self.world.provision(device, *(args or [self.site.mef()]))
        self.assertEqual(run.status, 0, run)
        power.mark(self.world.log, f"{device.name} {world.held(device, 'current').key_id}")

    def cut(self, window=None):
        log = power.read_log(self.world.log)
        self.walk(power.Disk(self.root, is_new=True), log,
                  lambda state: self.looker.look("server", state, self.root),
                  window and window(log))

    def test_a_first_start_and_enrolments(self):
        devices = [self.world.device() for _ in range(3)]
        for device in devices:
            self.enrol(device)
        for device in devices:
            self.enrol(device, self.site.mef(), "--renew")
        self.site.stop()
        self.site.start()
        self.enrol(devices[0], self.site.mef(), "--renew")
        self.site.stop()
        self.cut()
        self.verdict("a server from its first start on")

    @staticmethod
    def checkpoint(log):
        """From a little before SQLite moves its log into the database to a little after."""
        at = [i for i, op in enumerate(log) if op.kind == "w" and op.path.endswith(".db")]
        first = next(i for i in at if i > len(log) // 2)
        return range(first - 20, at[-1] + 20)

    def test_a_checkpoint(self):
        devices = [self.world.device() for _ in range(4)]

        def is_done():
            return len([op for op in power.read_log(self.world.log)[self.n_before:]
                        if op.kind == "w" and op.path.endswith(".db")]) > 0
        for device in devices:
            self.enrol(device)
        self.n_before = len(power.read_log(self.world.log))
        for _ in range(40):
            for device in devices:
                self.enrol(device, self.site.mef(), "--renew")
            if is_done():
                break
        for device in devices:
            self.enrol(device, self.site.mef(), "--renew")
        self.cut(self.checkpoint)
        self.verdict("a database that takes its log in")


class EndToEnd(Cuts):
    """The real programs on what a cut has left of one end; the other is as the cut of the
    connection has left it."""
    LOG, EVERY = "all.log", 2

    def put_back(self, states):
        os.killpg(self.site.daemon.pid, signal.SIGKILL)
        self.world.bury()
        for root, state in states.items():
            power.write_out(state, root, root)
        self.site.start()

    def resume(self, device, states):
        self.put_back(states)
        self.world.check(device)
        run = self.world.provision(device)
        self.world.check_settled(device, run.status, run)
        self.world.check_all()

    def test_a_renewal(self):
        device = self.world.device()
        self.world.renew(device)
        roots = [self.site.path("state"), device.folder]
        disks = {root: power.Disk(root) for root in roots}
        start = len(power.read_log(self.world.log))
        self.world.provision(device, self.site.mef(), "--renew", log=self.world.log)
        for i, op in enumerate(power.read_log(self.world.log)[start:]):
            for disk in disks.values():
                disk.apply(op)
            if op.kind in "<>" and op.process not in ("device", "frd-vault"):
                continue
            if i % (self.EVERY * ops.SAMPLE):
                continue
            for lost, kept in (roots, roots[::-1]):
                states = list(disks[lost].variants(i))
                self.n_cases += 1
                try:
                    self.resume(device, {lost: states[(i // self.EVERY) % len(states)],
                                         kept: disks[kept].applied()})
                except AssertionError as e:
                    self.broken.append(f"cut {i} of {lost} after {op}: {e}"[:600])
        self.verdict("one end, met by the other")


if __name__ == "__main__":
    lab.main()
