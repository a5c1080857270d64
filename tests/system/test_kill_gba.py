# SPDX-License-Identifier: Apache-2.0
"""The kills of test_kill.py where a SIM takes the certificate's place, with a real osmo-hlr.
A sample of them: what is not GBA's own was killed there. Beside what world.py says, a SIM
has accepted no challenge twice."""
import shutil
import unittest

import gba
import lab
import test_kill
import world

OTHER = "other.example.com"


@unittest.skipUnless(shutil.which("osmo-hlr"), "osmo-hlr is not installed")
class OfSim:
    make_world = world.SimWorld
    step = 5
    test_at_a_renewal_by_a_discovered_list = None  # lists are not the method's business


class Device(OfSim, test_kill.Device):
    def test_at_a_resynchronisation(self):
        def new():
            return self.world.device(sqn=1 << 30)
        self.sweep("device", lambda: self.world.provision(new()), lambda: self.die(new()))


class Resolve(OfSim, test_kill.Resolve):
    step = 11


class Reuse(OfSim, test_kill.Matrix):
    """The enrolee dies while a Ks that is here gets a target more: neither target's key is
    lost, and no new one is made."""
    step = 3

    def setUp(self):
        super().setUp()
        self.site.ctl("target", "add", OTHER)
        self.other = self.site.target(OTHER)

    def device(self):
        device = self.world.device()
        self.site.ctl("enrolee", "allow", device.name, OTHER)
        self.settle(device)
        return device, gba.Held(device).key_id, device.sim.sqn()

    def provision(self, device):
        return self.world.provision(device, *self.world.entry(), "--target", OTHER)

    def settled(self, device, keid, sqn):
        self.assertEqual(gba.Held(device).key_id, keid)
        run = self.provision(device)
        self.assertEqual((run.status, device.sim.sqn()), (0, sqn), run)
        self.assertEqual(device.slots(), {"current"})
        for target in (lab.BROKER, OTHER):
            self.assertEqual(gba.Held(device, target).key_id, keid)
        self.assertEqual(self.other.sync().status, 0)
        self.assertEqual(self.other.keys()[keid], gba.Held(device, OTHER).key(OTHER))

    def test_at_a_reuse(self):
        def count():
            device, *_ = self.device()
            self.ops.count("device")
            self.provision(device)

        def case():
            n, when = self.ops.control.n, self.ops.control.after
            self.ops.disarm()
            device, keid, sqn = self.device()
            self.ops.arm("device", n, when)
            self.provision(device)
            self.ops.disarm()
            self.settled(device, keid, sqn)
        self.sweep("device", count, case)


class Worker(OfSim, test_kill.Server):
    step = 3

    def test_gba_bsf_at_a_first_bootstrap(self):
        self.first("frd-gba-bsf")

    def test_gba_bsf_at_a_renewal(self):
        self.renewals("frd-gba-bsf")

    def test_hss_at_a_first_bootstrap(self):
        self.first("frd-hss")

    def test_hss_at_a_renewal(self):
        self.renewals("frd-hss")


class Vault(OfSim, test_kill.Vault):
    pass


class Whole(OfSim, test_kill.Server):
    GROUP = True

    def test_in_the_vault_at_a_renewal(self):
        self.renewals("frd-vault")

    def test_in_the_hss_process_at_a_renewal(self):
        self.renewals("frd-hss")


if __name__ == "__main__":
    lab.main()
