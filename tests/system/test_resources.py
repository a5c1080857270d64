# SPDX-License-Identifier: Apache-2.0
"""When something runs out or changes under the programs' feet: disk, descriptors, the
clock, the database. The old key stays usable, the words are clear, and it goes on by
itself when there is room again."""
import functools
import itertools
import os
import resource
import shutil
import signal
import socket
import struct
import subprocess
import time
import unittest

import lab

PAGE = 4096
as_root = unittest.skipUnless(os.geteuid() == 0, "needs root: it mounts a small disk")


class Disk:
    """A small file system of its own that only programs behind `enter` see as the folder."""

    def __init__(self, test, folder, size):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self.folder = folder
        self.holder = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o "size=$1,mode=700" tmpfs "$2" &&'
             " echo mounted && exec cat", "sh", size, folder],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        test.addCleanup(self.close)
        assert self.holder.stdout.readline() == b"mounted\n"
        self.enter = ["nsenter", "-m", "-t", str(self.holder.pid), "--"]

    def close(self):
        self.holder.stdin.close()
        self.holder.wait(lab.LIMIT)
        self.holder.stdout.close()

    def path(self, *names):
        """The same from outside."""
        return f"/proc/{self.holder.pid}/root" + os.path.join(self.folder, *names)

    def fill(self, leave=0):
        """To the last page, but so many."""
        self.empty()
        with open(self.path("ballast"), "wb", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(PAGE))
            except OSError:
                f.truncate(max(0, f.tell() - leave * PAGE))

    def empty(self):
        if os.path.exists(self.path("ballast")):
            os.remove(self.path("ballast"))

    def remount(self, how):
        subprocess.run([*self.enter, "mount", "-o", "remount," + how, self.folder], check=True)


class Case(lab.TestCase):
    @functools.cached_property
    def target_of_all(self):
        return self.site_.target()

    def assertWorks(self, device, keid, target=None):
        """The key that the device holds is the one named, and the target can have it."""
        self.assertEqual([c["keyId"] for c in device.credentials()], [keid])
        target = target or self.target_of_all
        self.assertEqual(target.sync().status, 0)
        self.assertIn(keid, target.keys())

    def renew(self, device, budget="PT30S"):
        return device.provision("--renew", "--instructions", self.site_.document(
            self.site_.bootstrap(budget=budget), name=f"renew-{budget}.json"))

    def enrolled(self, device):
        run = self.renew(device)
        self.assertEqual(run.status, 0, run)
        return run.outcome["keyId"]


@as_root
class DeviceDisk(Case):
    def setUp(self):
        self.site_ = self.site().start()
        self.device = self.site_.listed_device()
        self.disk = Disk(self, self.device.state, "256k")
        self.device.wrap = self.disk.enter

    def test_full_disk_is_said_and_the_old_key_stays(self):
        keid, seen = self.enrolled(self.device), []
        for leave in range(6):
            self.disk.fill(leave)
            run = self.renew(self.device)
            seen.append(run.status)
            if run.status == 0:
                keid = run.outcome["keyId"]
            else:
                self.assertEqual(run.status, 73, run)
                self.assertIn("No space left on device", run.outcome["text"])
                self.assertIn(self.device.state, run.outcome["text"])
            self.disk.empty()
            self.assertWorks(self.device, keid)
        self.assertEqual((seen[0], seen[-1]), (73, 0))
        self.assertEqual(self.device.provision(self.site_.mef()).status, 0)

    def test_first_enrolment_on_a_full_disk_leaves_nothing_half(self):
        self.disk.fill()
        run = self.renew(self.device)
        self.assertEqual(run.status, 73, run)
        self.assertEqual(self.device.credentials(), [])
        self.disk.empty()
        self.assertWorks(self.device, self.enrolled(self.device))

    def test_read_only_disk_is_said_and_the_old_key_stays(self):
        keid = self.enrolled(self.device)
        self.disk.remount("ro")
        run = self.device.fieldroot("provision", self.site_.mef(), "--renew")
        self.assertEqual(run.status, 73, run)
        self.assertIn("Read-only file system", run.err)
        self.assertWorks(self.device, keid)
        self.disk.remount("rw")
        self.assertNotEqual(self.enrolled(self.device), keid)


@as_root
class ServerDisk(Case):
    def setUp(self):
        self.site_ = self.site()
        self.disk = Disk(self, self.site_.path("state"), "2m")
        self.site_.wrap = self.disk.enter
        self.site_.start()
        self.device, self.other = (self.site_.listed_device(n) for n in ("dev1", "dev2"))

    def fill_until_refused(self, leave):
        """Pages of the write-ahead log that are there already are used first."""
        self.disk.fill(leave)
        for _ in range(500):
            run = self.renew(self.device, "PT1S")
            if run.status != 0:
                return run
            self.disk.fill(leave)
        raise AssertionError("the disk never was full")

    def test_full_disk_fails_requests_and_is_over_when_there_is_room(self):
        other = self.enrolled(self.other)
        target = self.site_.target()
        for turn, leave in enumerate((0, 1, 3)):
            with self.subTest(leave=leave):
                run = self.fill_until_refused(leave)
                self.assertEqual(run.status, 69, run)
                self.assertEqual(run.attempts[-1]["class"], "unreachable", run)
                before = self.errors()
                for _ in range(3):
                    self.assertEqual(self.renew(self.device, "PT1S").status, 69)
                self.assertEqual(self.errors(), before, "said again and again")
                self.disk.empty()
                run = self.device.provision("--instructions", self.site_.document(
                    self.site_.bootstrap()))
                self.assertEqual(run.status, 0, run)
                self.assertWorks(self.device, run.outcome["keyId"], target)
                self.assertWorks(self.other, other, target)
                self.assertWorks(self.device, self.enrolled(self.device), target)
                self.assertEqual(self.site_.daemon.text().count("works again"), turn + 1)
        verified = self.site_.ctl("audit", "--verify", ok=False)
        self.assertEqual(verified.status, 0, verified)

    def errors(self):
        return self.site_.daemon.text().count(" error: ")

    def test_read_only_disk_refuses_to_start_and_says_why(self):
        self.site_.stop()
        self.disk.remount("ro")
        run = lab.run(*self.site_.wrap, lab.program("fieldrootd"), "--config",
                      self.site_.write_config())
        self.assertEqual(run.status, 73, run)
        self.assertRegex(run.err, "(?i)read-?only")
        self.disk.remount("rw")
        self.site_.start()
        self.enrolled(self.device)


def descriptors(pid):
    return {int(n): os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")}


def busy(pid):
    """Seconds that it has run, or wanted to: so that the machine's load is no excuse."""
    with open(f"/proc/{pid}/schedstat", encoding="utf-8") as f:
        ran, waited, _ = map(int, f.read().split())
    return (ran + waited) / 1e9


def starve(pid, spare=0):
    """No free descriptors but so many."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    free = (n for n in itertools.count() if n not in descriptors(pid))
    limit = next(itertools.islice(free, spare, None))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, hard))


def relieve(pid):
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))


@unittest.skipUnless(os.geteuid() == 0, "needs root: it limits other processes")
class Descriptors(Case):
    BUSY = 0.7  # of the time: a process that rests is far below, one that spins above

    def setUp(self):
        self.site_ = self.site().start(top="workers = 1", limits="handshake = PT2S")
        self.device = self.site_.listed_device()
        self.keid = self.enrolled(self.device)
        self.parent = self.site_.daemon.pid

    def vault(self):
        return lab.children(self.parent)["frd-vault"][0]

    def workers(self):
        vault = self.vault()
        return [p for p in lab.child_pids(self.parent) if p != vault]

    def starved_run(self, *pids):
        """A run of two seconds; none of the processes may be busy meanwhile."""
        before, began = [busy(p) for p in pids], time.monotonic()
        run = self.renew(self.device, "PT2S")
        passed = time.monotonic() - began
        used = [(busy(p) - b) / passed for p, b in zip(pids, before)]
        self.assertLess(max(used), self.BUSY, (used, passed))
        return run

    def test_device_without_descriptors_says_so_and_keeps_its_key(self):
        seen = set()
        for n in range(4, 14):
            self.device.wrap = ["prlimit", f"--nofile={n}:{n}"]
            run = self.renew(self.device, "PT1S")
            seen.add(run.status)
            self.assertIn(run.status, (0, 65, 69, 70, 73, 127), run)  # 127: no library
            if run.status == 0:
                self.keid = run.outcome["keyId"]
            self.assertTrue(run.out or run.err)
            self.device.wrap = ()
            resolved = self.device.provision("--instructions", self.site_.document(
                self.site_.bootstrap()))
            self.assertEqual(resolved.status, 0, resolved)
            self.keid = resolved.outcome["keyId"]
            self.assertWorks(self.device, self.keid)
        self.assertIn(0, seen)
        self.assertGreater(len(seen), 1)

    def test_worker_without_descriptors_rests_and_serves_again(self):
        for spare in (0, 3):
            with self.subTest(spare=spare):
                workers = self.workers()
                for pid in workers:
                    starve(pid, spare)
                held = [socket.create_connection(("127.0.0.1", self.site_.ports["enrol"]))
                        for _ in range(2 * spare)]
                run = self.starved_run(*workers)
                self.assertIn(run.status, (0, 69), run)
                if spare == 0:
                    self.assertEqual(run.status, 69, run)
                    self.site_.daemon.wait_for("accepting a connection failed")
                for pid in workers:
                    relieve(pid)
                for s in held:
                    s.close()
                self.enrolled(self.device)
                self.assertEqual(self.workers(), workers)

    def test_admin_worker_without_descriptors_rests_and_serves_again(self):
        workers = self.workers()
        for pid in workers:
            starve(pid)
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.site_.socket)
            self.starved_run(*workers)
            for pid in workers:
                relieve(pid)
            s.settimeout(lab.LIMIT)
            s.sendall(b'{"op":"status"}\n')
            self.assertIn(b'"ok":true', s.recv(65536).replace(b" ", b""))

    def test_vault_without_descriptors_takes_no_new_worker_and_recovers(self):
        vault, worker = self.vault(), self.workers()[0]
        starve(vault)
        os.kill(worker, signal.SIGKILL)
        lab.wait_until(lambda: worker not in lab.child_pids(self.parent), "the end of the worker")
        self.starved_run(vault, self.parent)
        relieve(vault)
        self.enrolled(self.device)
        self.assertEqual(self.vault(), vault)

    def test_parent_without_descriptors_replaces_a_child_later(self):
        worker, count = self.workers()[0], len(lab.child_pids(self.parent))
        starve(self.parent)
        os.kill(worker, signal.SIGKILL)
        self.site_.daemon.wait_for("starting ")
        self.starved_run(self.parent)
        relieve(self.parent)
        lab.wait_until(lambda: len(lab.child_pids(self.parent)) == count, "the replacement")
        self.enrolled(self.device)


class Clock:
    """The wall clock of the programs that are started with its environment."""

    def __init__(self, path):
        with open(path, "wb") as f:
            f.write(bytes(8))
        self.path = path
        self.env = ["env", "LD_PRELOAD=" + lab.program("tests/system/fr_test_clock.so"),
                    "FR_CLOCK_FILE=" + path, "ASAN_OPTIONS=" + ":".join(filter(None, [
                        os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))]

    def move(self, days):
        with open(self.path, "r+b") as f:
            f.write(struct.pack("=q", days * 86400))


class Clocks(Case):
    def setUp(self):
        self.site_ = self.site()
        self.clock = Clock(self.site_.path("clock"))

    def test_servers_clock_steps_and_no_key_is_lost(self):
        self.site_.wrap = self.clock.env
        self.site_.start()
        device, target = self.site_.listed_device(), self.site_.target()
        keid = self.enrolled(device)
        self.assertWorks(device, keid, target)
        for days in (4000, -4000):
            with self.subTest(days=days):
                steps = self.count("clock-step")
                self.clock.move(days)
                lab.wait_until(lambda n=steps: self.count("clock-step") > n, "the step's line")
                self.assertNotEqual(target.sync().status, 0)  # its certificate is not valid
                self.clock.move(0)
                lab.wait_until(lambda n=steps: self.count("clock-back") > n, "its end's")
                self.assertWorks(device, keid, target)
        self.enrolled(device)

    def count(self, reason):
        return sum(line["reason"] == reason for line in self.site_.ctl("audit"))

    def test_devices_clock_steps_and_its_key_is_not_lost(self):
        self.site_.start()
        device, target = self.site_.listed_device(), self.site_.target()
        device.wrap = self.clock.env
        keid = self.enrolled(device)
        for days in (4000, -4000):
            with self.subTest(days=days):
                self.clock.move(days)
                run = self.renew(device, "PT1S")
                if run.status == 0:
                    keid = run.outcome["keyId"]
                self.assertIn(run.status, (0, 76, 77), run)
                self.clock.move(0)
                run = device.provision("--instructions", self.site_.document(
                    self.site_.bootstrap()))
                self.assertEqual(run.status, 0, run)
                keid = run.outcome["keyId"]
                self.assertWorks(device, keid, target)

    def test_targets_clock_steps_and_its_keys_come_back(self):
        self.site_.start()
        device, target = self.site_.listed_device(), self.site_.target()
        keid = self.enrolled(device)
        self.assertEqual(target.sync().status, 0)
        sync = [*self.clock.env, lab.program("fieldroot-target"), "--config", target.config]
        self.clock.move(400)
        lab.run(*sync)
        self.assertEqual(target.keys(), {})
        self.clock.move(0)
        run = lab.run(*sync)
        self.assertEqual(run.status, 0, run)
        self.assertEqual(list(target.keys()), [keid])


class Restored(Case):
    """An old copy of the database is put in the place of the present one."""

    def setUp(self):
        self.site_ = self.site().start()
        self.device, self.other = (self.site_.listed_device(n) for n in ("dev1", "dev2"))
        self.target = self.site_.target()
        self.first = self.enrolled(self.device)
        self.assertEqual(self.target.sync().status, 0)
        self.site_.stop()
        shutil.copytree(self.site_.path("state"), self.site_.path("copy"))
        self.site_.start()
        self.lost = self.enrolled(self.device)
        self.assertEqual(self.target.sync().status, 0)
        self.assertIn(self.lost, self.target.keys())

    def restore(self):
        self.site_.stop()
        shutil.rmtree(self.site_.path("state"))
        shutil.copytree(self.site_.path("copy"), self.site_.path("state"))
        self.site_.start()

    def test_device_whose_key_is_unknown_enrols_again(self):
        self.restore()
        keid = self.enrolled(self.device)
        self.assertWorks(self.device, keid, self.target)
        self.assertNotIn(self.lost, self.target.keys())

    def test_device_whose_pending_key_is_unknown_drops_it(self):
        current = self.device.slot("current")
        os.rename(current, current.removesuffix("current") + "pending")
        self.restore()
        run = self.device.provision("--instructions", self.site_.document(
            self.site_.bootstrap()))
        self.assertEqual(run.status, 0, run)
        self.assertEqual(run.attempts[0]["reason"], "resolve-dropped")
        self.assertWorks(self.device, run.outcome["keyId"], self.target)

    def test_target_ahead_of_the_feed_reads_it_again(self):
        self.restore()
        self.assertEqual(self.target.sync().status, 0)
        self.assertEqual(list(self.target.keys()), [self.first])

    def test_target_reads_it_again_although_the_feed_has_grown_past_its_cursor(self):
        self.restore()
        keid = self.enrolled(self.other)
        for _ in range(4):
            previous, keid = keid, self.enrolled(self.other)
        self.assertEqual(self.target.sync().status, 0)
        self.assertEqual(set(self.target.keys()), {self.first, previous, keid})


if __name__ == "__main__":
    lab.main()
