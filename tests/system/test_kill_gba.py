# SPDX-License-Identifier: Apache-2.0
"""The kills of test_kill.py where a SIM takes the certificate's place, with a real osmo-hlr.
A sample of them: what is not GBA's own was killed there. Beside what world.py says, a SIM
has accepted no challenge twice."""
import shutil
import unittest

import lab
import test_kill
import world


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
