# SPDX-License-Identifier: Apache-2.0
"""The HSS's side of GBA: the code of the process hss against a real osmo-hlr."""
import shutil
import subprocess
import tempfile
import unittest

import lab
import sim
from sim import K, OPC

IMSI = "262420000000001"
SQN_MS = 0x10000000  # zh_ask's resynchronisation


@unittest.skipUnless(shutil.which("osmo-hlr"), "osmo-hlr is not installed")
class Zh(lab.TestCase):
    def setUp(self):
        super().setUp()
        self.hlr = sim.Hlr(self.folder())
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
