# SPDX-License-Identifier: Apache-2.0
"""Nothing secret is written, logged, or shown in a process table, outside the files whose
purpose is to hold it."""
import base64
import os
import threading
import unittest

import lab


class Watcher(threading.Thread):
    """Collects /proc/*/cmdline and environ while the system runs."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen, self.end, self.rounds = set(), threading.Event(), 0

    def run(self):
        while not self.end.is_set():
            for entry in os.listdir("/proc"):
                for name in ("cmdline", "environ") if entry.isdigit() else ():
                    try:
                        with open(f"/proc/{entry}/{name}", "rb") as f:
                            self.seen.add(f.read())
                    except OSError:
                        continue
            self.rounds += 1
            self.end.wait(0.005)

    def stop(self):
        self.end.set()
        self.join()
        return b"\0".join(self.seen)


class Secrets(lab.TestCase):
    def test_no_key_is_anywhere_but_in_its_files(self):
        watcher = Watcher()
        watcher.start()
        site = self.site()
        site.start(top='log-level = "debug"')
        device = site.listed_device()
        target = site.target(pid_file=site.path("mosquitto", "pid"))
        broker = lab.Broker(site, target.psk_file)
        watch = target.watch()
        outputs = []
        document = site.document(site.bootstrap(target="nowhere.example.com"),
                                 site.bootstrap())
        for args in (["--instructions", document], [site.mef(), "--renew"]):
            outputs.append(device.provision(*args))
        keid = outputs[-1].outcome["keyId"]
        lab.wait_until(lambda: keid in target.keys(), "the key at the target")
        key = target.keys()[keid]
        lab.wait_until(lambda: broker.accepts(keid, key), "Mosquitto to accept the device")
        for command in (["status"], ["attempts", "--json"], ["credential", "list", "--json"],
                        ["credential", "show", keid], ["attempts"]):
            outputs.append(device.fieldroot(*command))
        for command in (["credential", "list"], ["explain", "dev1"], ["audit"],
                        ["credential", "show", keid]):
            outputs.append(site.ctl(*command, ok=False))
        watch.stop()
        site.stop()
        shown = watcher.stop()
        self.assertGreater(watcher.rounds, 10)

        secrets = self.secrets(device, target)
        self.assertGreaterEqual(len(secrets), 3)  # current Ke, two target keys
        self.assertGreater(len(self.files(site)), 20)
        for path in self.files(site):
            if self.may_hold(path, site):
                continue
            with open(path, "rb") as f:
                self.nowhere(secrets, f.read(), path)
        self.nowhere(secrets, shown, "/proc")
        for output in outputs:
            self.nowhere(secrets, (output.out + output.err).encode(), "an output")

    @unittest.skipUnless(os.geteuid() == 0, "needs root: it reads the memory of other processes")
    def test_no_process_of_the_daemon_keeps_a_key_that_passed_through(self):
        site = self.site().start()
        device, target = site.listed_device(), site.target()
        self.assertEqual(device.provision(site.mef()).status, 0)
        self.assertEqual(target.sync().status, 0)
        secrets = self.secrets(device, target)
        self.assertEqual(len(secrets), 2)  # Ke, and what the target got
        pids = [site.daemon.pid, *lab.child_pids(site.daemon.pid)]
        self.assertGreater(len(pids), 4)
        for pid in pids:
            parts = list(self.memory(pid))
            self.assertTrue(any(b"fieldrootd" in part for part in parts))
            for part in parts:
                self.nowhere(secrets, part, f"memory of {pid}")

    @unittest.skipUnless(os.geteuid() == 0, "needs root: it reads the memory of other processes")
    def test_no_text_of_a_fetched_key_stays_in_the_target_program(self):
        site = self.site().start()
        device, target = site.listed_device(), site.target()
        watch = target.watch()
        keid = device.provision(site.mef()).outcome["keyId"]
        lab.wait_until(lambda: keid in target.keys(), "the key at the target")
        key = bytes.fromhex(target.keys()[keid])
        parts = list(self.memory(watch.pid))
        self.assertTrue(any(keid.encode() in part for part in parts))
        text = base64.b64encode(key)
        for piece in (text[i:i + 12] for i in range(len(text) - 11)):  # of what was freed
            self.assertFalse(any(piece in part for part in parts))

    @staticmethod
    def memory(pid):
        with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, \
                open(f"/proc/{pid}/mem", "rb") as memory:
            for line in maps:
                span, rights = line.split()[:2]
                start, end = (int(n, 16) for n in span.split("-"))
                if rights.startswith("rw") and end - start < 1 << 28:  # a sanitizer's
                    memory.seek(start)
                    yield memory.read(end - start)

    @staticmethod
    def secrets(device, target):
        keys = {bytes.fromhex(k) for k in target.keys().values()}
        for path in device.slot_files():
            with open(path, encoding="utf-8") as f:
                keys |= {bytes.fromhex(line.split("=", 1)[1].strip())
                         for line in f if line.startswith("ke=")}
        # the previous Ke is no longer at the device; its target key is in the psk file
        return keys

    def nowhere(self, secrets, data, where):
        for secret in secrets:
            for form in (secret, secret.hex().encode(), secret.hex().upper().encode()):
                self.assertFalse(form in data, where)  # not what it is in

    @staticmethod
    def files(site):
        return [os.path.join(where, name) for where, _, names in os.walk(site.folder)
                for name in names if not os.path.islink(os.path.join(where, name)) and
                os.path.isfile(os.path.join(where, name))]

    @staticmethod
    def may_hold(path, site):
        rel = os.path.relpath(path, site.folder)
        return (rel.endswith((".current", ".pending"))  # the device's slots
                or rel.startswith("target-") and ("/state/" in rel or rel.endswith("/psk"))
                or rel.startswith("mosquitto/home-"))  # the stock clients' options files


if __name__ == "__main__":
    lab.main()
