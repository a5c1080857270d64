# SPDX-License-Identifier: Apache-2.0
"""What tests of GBA share: a site with a real osmo-hlr as HSS, and devices with a SIM."""
import base64
import os
import re
import shutil
import sys
import unittest

import lab
import sim
from sim import K, OPC

sys.path[:0] = [os.path.join(lab.ROOT, "examples"), os.path.join(lab.ROOT, "tests", "vectors")]
import gba_oracle  # pylint: disable=wrong-import-position
import ub  # pylint: disable=wrong-import-position

IMSI = "001010000000001"
DOMAIN = "@ims.mnc001.mcc001.3gppnetwork.org"


class Sim:
    """A SIM in a file, of the device that has it beside its certificate."""

    def __init__(self, folder, imsi=IMSI, k=K, sqn=0, gba_u=False):
        self.path, self.imsi = os.path.join(folder, "usim"), imsi
        self.write(k, sqn, gba_u)

    def write(self, k=K, sqn=0, gba_u=False):
        with open(self.path, "w", encoding="ascii") as f:
            os.chmod(self.path, 0o600)
            f.write(f"fieldroot-usim 1\nimsi={self.imsi}\nk={k}\nopc={OPC}\n"
                    f"gba-u={'yes' if gba_u else 'no'}\nsqn={sqn:012x}\n")

    def sqn(self):
        """The greatest that it has accepted."""
        with open(self.path, encoding="ascii") as f:
            line = next(line for line in f if line.startswith("sqn="))
        return max(int(n, 16) for n in line[4:].split(","))

    @property
    def impi(self):
        return self.imsi + DOMAIN

    def section(self, more=""):
        return f'credential sim {{ usim = "{self.path}" {more} }}'


class Held:
    """A credential's file, and the keys of GBA by another implementation than ours."""

    def __init__(self, device, target=lab.BROKER):
        for path in device.slot_files():
            with open(path, encoding="ascii") as f:
                lines = f.read().splitlines()
            if path.endswith(".current") and f"target={target}" in lines:
                break
        for line in lines:
            name, _, value = line.partition("=")
            setattr(self, re.sub("[-.]", "_", name), value)
        assert self.target == target  # pylint: disable=no-member

    def key(self, fqdn=lab.BROKER, ua="tls1.2"):
        """Of Ks; btid is not asked, but is of the same RAND here."""
        rand = bytes.fromhex(self.rand)
        assert self.key_id == f"{base64.b64encode(rand).decode()}@{self.mef}"
        return ub.naf_key(bytes.fromhex(self.ke), rand, self.impi, fqdn, ua).hex()

    def tmpi(self):
        return gba_oracle.tmpi(bytes.fromhex(self.ke), bytes.fromhex(self.rand), self.impi,
                               self.mef)

    def res(self, k=K, opc=OPC):
        """What the SIM answered: f2 of Milenage."""
        card = ub.Sim(bytes.fromhex(k), bytes.fromhex(opc), 0)
        temp = ub.aes(card.k, ub.xor(bytes.fromhex(self.rand), card.opc))
        return card._out(temp, 0, 1)[8:]  # pylint: disable=protected-access


class Site(lab.Site):
    """With the role gba-bsf, and the HSS that it asks; both certificate and SIM open it."""
    device_extra = ""  # of every device's config

    def __init__(self, folder, cleanup):
        super().__init__(folder, cleanup)
        self.hlr = sim.Hlr(folder)
        cleanup(self.hlr.stop)
        self.hlr.start()
        self.settings["gba-bsf"] = 'certificate = "%s" key = "%s"' % tuple(self.mef_cert)

    def gsup(self):
        return self.hlr.gsup

    def write_config(self):
        path = super().write_config()
        with open(path, "a", encoding="utf-8") as f:
            f.write(f"""gba-bsf {{
    listen = "127.0.0.1:{self.ports.get('gba-bsf', 0)}"
    hlr = "{self.gsup()}"
    {self.settings["gba-bsf"]}
}}
""")
        return path

    def gba(self, **members):
        return {"bootstrap": "gba", "mef": lab.MEF, "port": self.ports["gba-bsf"], **members}

    def sim_device(self, name="dev1", imsi=IMSI, more="", **usim):
        """A device with a certificate and a SIM that nobody knows yet."""
        device = self.device(name)
        device.sim = Sim(device.folder, imsi, **usim)
        device.settings["extra"] = f'{device.sim.section(more)}\n{self.device_extra}'
        device.write_config()
        return device

    def subscribe(self, device):
        self.hlr.add(device.sim.imsi, K, OPC)

    def list_sim(self, device, *more, target=lab.BROKER):
        """By its SIM alone: its certificate is nobody's."""
        if not any(t["id"] == target for t in self.ctl("target", "list")):
            self.ctl("target", "add", target)
        self.ctl("enrolee", "add", device.name, "--imsi", device.sim.imsi, "--default", target,
                 *more)

    def subscriber(self, name="dev1", imsi=IMSI, listing=(), **how):
        """A device whose SIM both the operator and the HSS know."""
        device = self.sim_device(name, imsi, **how)
        self.subscribe(device)
        self.list_sim(device, *listing)
        return device

    def provision(self, device, *entries, args=(), **how):
        return device.provision(*args, "--instructions", self.document(
            *(entries or [self.gba()]), name=f"list-{device.name}.json"), **how)


class BusySite(Site):
    """Whose SIMs may bootstrap as often as they like."""

    def __init__(self, folder, cleanup):
        super().__init__(folder, cleanup)
        self.settings["gba-bsf"] += " vectors-per-subscriber = 100000"


@unittest.skipUnless(shutil.which("osmo-hlr"), "osmo-hlr is not installed")
class TestCase(lab.TestCase):
    def site(self):
        return super().site(Site)
