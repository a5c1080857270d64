# SPDX-License-Identifier: Apache-2.0
"""The HSS's side of GBA: the code of the process hss against a real osmo-hlr."""
import os
import shutil
import socket
import subprocess
import tempfile
import unittest

import lab

K = "465b5ce8b199b49faa5f0a2ee238a6bc"  # TS 35.208, set 1
OPC = "cd63cb71954a9f4e48a5994e37a02baf"
IMSI = "262420000000001"
SQN_MS = 0x10000000  # zh_ask's resynchronisation
GSUP, VTY = 4222, 4258


class Hlr:
    """osmo-hlr with a loopback address of its own, since its ports are fixed."""

    def __init__(self, folder):
        self.folder, self.process = folder, None
        self.address = f"127.1.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"
        self.gsup = f"{self.address}:{GSUP}"
        with open(os.path.join(folder, "hlr.cfg"), "w", encoding="ascii") as f:
            f.write(f"line vty\n bind {self.address}\nctrl\n bind {self.address}\n"
                    f"hlr\n gsup\n  bind ip {self.address}\n")

    def answers(self, port):
        with socket.socket() as s:
            return s.connect_ex((self.address, port)) == 0

    def start(self):
        with open(os.path.join(self.folder, "hlr.log"), "ab") as log:
            self.process = subprocess.Popen(
                ["osmo-hlr", "-c", "hlr.cfg", "-l", "hlr.db"], cwd=self.folder,
                stdout=log, stderr=log)
        lab.wait_until(lambda: self.answers(VTY) and self.answers(GSUP), "osmo-hlr")

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None

    def vty(self, *lines):
        """Each line, and all that is said until the prompt after it."""
        with socket.create_connection((self.address, VTY), timeout=lab.LIMIT) as s:
            said = b""
            for line in ("enable", *lines, "exit"):
                s.sendall(line.encode() + b"\r\n")
            while octets := s.recv(4096):
                said += octets
        return said.decode(errors="replace")

    def add(self, imsi, k, opc):
        self.vty(f"subscriber imsi {imsi} create",
                 f"subscriber imsi {imsi} update aud3g milenage k {k} opc {opc} ind-bitlen 5")


@unittest.skipUnless(shutil.which("osmo-hlr"), "osmo-hlr is not installed")
class Zh(lab.TestCase):
    def setUp(self):
        super().setUp()
        self.hlr = Hlr(self.folder())
        self.addCleanup(self.hlr.stop)
        self.hlr.start()

    def folder(self):
        folder = tempfile.mkdtemp(prefix="fr-hlr-")
        self.addCleanup(shutil.rmtree, folder)
        return folder

    def ask(self, imsi=IMSI, k=K, count=1, name="bsf-1"):
        done = subprocess.run([lab.program("tests/system/zh_ask"), self.hlr.gsup, name, k, OPC, imsi,
                               str(count)], capture_output=True, text=True, timeout=lab.LIMIT)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return [line.split() for line in done.stdout.splitlines()]

    def test_a_hundred_vectors_asked_for_at_once_are_right_and_all_different(self):
        self.hlr.add(IMSI, K, OPC)
        lines = self.ask(count=100)
        sqns = [int(sqn, 16) for what, sqn in lines if what == "vector"]
        self.assertEqual(len(sqns), 100)
        self.assertEqual(len(set(sqns)), 100)
        self.assertEqual(sqns, sorted(sqns))

    def test_after_a_resynchronisation_the_number_is_above_the_sims(self):
        self.hlr.add(IMSI, K, OPC)
        what, sqn = self.ask()[-1]
        self.assertEqual(what, "resync")
        self.assertGreater(int(sqn, 16), SQN_MS)
        self.assertGreater(int(self.ask()[0][1], 16), int(sqn, 16))

    def test_a_subscriber_that_it_does_not_know_is_refused(self):
        self.assertEqual(self.ask(imsi="262420000000099"), [["refused", "subscriber-unknown"]])

    def test_a_subscriber_without_keys_is_refused(self):
        self.hlr.vty(f"subscriber imsi {IMSI} create")
        self.assertEqual(self.ask(), [["refused", "subscriber-unknown"]])

    def test_an_hss_that_starts_again_is_asked_again(self):
        self.hlr.add(IMSI, K, OPC)
        self.assertEqual(self.ask()[0][0], "vector")
        self.hlr.stop()
        self.assertEqual(self.ask(), [["refused", "hss-unreachable"]])
        self.hlr.start()
        self.assertEqual(self.ask()[0][0], "vector")


if __name__ == "__main__":
    lab.main()
