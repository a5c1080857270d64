# SPDX-License-Identifier: Apache-2.0
"""The cut matrix of test_cut.py where a SIM takes the certificate's place, with a real
osmo-hlr: every TLS record of Ub, every message of it without TLS, and every message between
fieldrootd and its HSS. A sample of them, in turn. Beside what must be true there, no challenge
is given twice."""
import base64
import itertools
import os
import re

import gba
import lab
import sim
import test_cut
from cutproxy import Fault, Proxy, http_message, ipa_frame, tls_record



class Slot(test_cut.Slot):
    def target_key(self):
        f = self.fields
        return gba.ub.naf_key(self.ke, bytes.fromhex(f["rand"]), f["impi"], f["target-fqdn"],
                              "tls1.2")

    def unknown(self):
        rand = os.urandom(16)
        return self.changed(key_id=f"{base64.b64encode(rand).decode()}@{lab.MEF}",
                            rand=rand.hex())


class Lane(test_cut.Lane):
    make_slot = Slot
    numbers = itertools.count(1)

    def port(self):
        return self.site.ports["gba-bsf"]

    def make_proxy(self):
        proxy = Proxy(self.port(), http_message if self.site.device_extra else tls_record)
        if self.site.device_extra:
            proxy.heard = self.world.hear_ub
        return proxy

    def make_device(self, name, extra):
        device = self.site.subscriber(name, f"00101{next(self.numbers):010}")
        device.settings["extra"] += "\n" + extra
        device.write_config()
        return device

    def instruction(self, **members):
        return self.site.gba(**members)

    def heal(self):
        """Without TLS an answer may be changed to one that a device refuses, although its MEF
        has committed: its old key works, and the next renewal mends the rest."""
        super().heal()
        rows = self.world.admin.credentials(self.device.name)
        if self.site.device_extra and self.key_id("current") not in [
                r["keyId"] for r in rows if r["slot"] == "current"]:
            self.enrol()


class World(test_cut.World):
    def __init__(self, site):
        self.nonces = []
        super().__init__(site)

    def hear_ub(self, way, message):
        if way == "s":
            self.nonces += re.findall(rb'nonce="([^"]+)"', message)

    def check(self):
        super().check()
        assert len(self.nonces) == len(set(self.nonces)), "a challenge was given twice"


class Resync(test_cut.First):
    """The SIM is ahead of the network. A subscriber may be so ten times a minute: a few."""

    def prepare(self, lane):
        super().prepare(lane)
        lane.device.sim.write(sqn=lane.device.sim.sqn() + (1 << 20))


class PlainResolve(test_cut.Resolve):
    def check(self, lane, run, fault, before):
        """A B-TID that was changed on the way is one that the MEF does not know."""
        if fault.kind == "flip" and run.attempts[0]["reason"] == "resolve-dropped":
            assert lane.key_id("current") == lane.old.key_id, run
        else:
            super().check(lane, run, fault, before)


def every(n, base):
    return type(base.__name__, (base,), {"step": n})


class Tls(test_cut.Matrix):
    make_lane, least = Lane, 5
    scenarios = {"first": every(11, test_cut.First), "renew": every(9, test_cut.Renew),
                 "resynchronisation": every(13, Resync), "resolve": every(9, test_cut.Resolve),
                 "resolve of what was not committed": every(13, test_cut.ResolveUncommitted)}

    def setUp(self):
        self.world = World(self.site(gba.BusySite))

    def test_bootstraps(self):
        self.play("first", "renew", "resynchronisation")

    def test_resolve(self):
        self.play("resolve", "resolve of what was not committed")


class PlainSite(gba.BusySite):
    device_extra = f'plain-ub = {{"{lab.MEF}"}}'

    def __init__(self, folder, cleanup):
        super().__init__(folder, cleanup)
        self.settings["gba-bsf"] = re.sub('(certificate|key) = "[^"]*"', "",
                                          self.settings["gba-bsf"]) + " tls = off"


class Plain(Tls):
    least = 1
    scenarios = {name: every(5, s) for name, s in {
        **Tls.scenarios, "resolve": PlainResolve}.items()}

    def setUp(self):
        self.world = World(self.site(PlainSite))


# ---- Zh ----

PARTS = {"type": b"\x05", "imsi": b"\x01\x08", "session": b"\x30\x04", "rand": b"\x20\x10",
         "autn": b"\x25\x10", "res": b"\x27\x08", "ck": b"\x24\x10", "ik": b"\x23\x10"}
SPOILT = {"rand", "autn", "res", "ck", "ik"}  # what no second try at the same answer mends


class HssSite(gba.BusySite):
    """With a proxy in front of its HSS."""

    def __init__(self, folder, cleanup):
        super().__init__(folder, cleanup)
        self.settings["gba-bsf"] += ' hss-timeout = "PT1S"'
        self.zh = Proxy(sim.GSUP, ipa_frame, is_live=True, where=self.hlr.address)
        self.zh.heard, self.said = self.hear, {}
        cleanup(self.zh.close)

    def hear(self, way, frame):
        self.said[way] = frame  # the last

    def gsup(self):
        return f"127.0.0.1:{self.zh.port}"


class Zh(lab.TestCase):
    """One connection for all: so one case after the other. What the HSS says or hears is cut,
    lost or changed once, and the device's next try is served."""

    def setUp(self):
        self.world = World(self.site(HssSite))
        self.site_ = self.world.site
        self.lane = Lane(self.world, "zh", "1.3")
        self.lane.proxy.upstream = self.lane.port()

    def cases(self):
        """(what is wrong, whether it may be refused)"""
        for way in "cs":
            for how, place in (("fin", "none"), ("fin", "middle"), ("rst", "all")):
                yield Fault(way, 0, "cut", test_cut.PLACES[place], how), False
            for kind in "drop", "twice":
                yield Fault(way, 0, kind), False
            for name, tag in PARTS.items():
                at = self.site_.said[way].find(tag) + len(tag)
                if at >= len(tag):
                    yield Fault(way, 0, "flip", lambda n, at=at: at), name in SPOILT

    def go(self, fault, may_fail):
        self.site_.zh.arm(fault)
        run = self.lane.provision("--renew", document=self.lane.list("PT16S"))
        self.assertEqual(self.site_.zh.hits, 1, run)
        self.site_.zh.disarm()
        self.assertIn(run.status, (0, 77) if may_fail else (0,), run)
        self.lane.check_key(f"after {run}")
        if run.status:
            self.lane.enrol()
        self.lane.check_end()

    def test_of_each_message(self):
        self.lane.enrol()
        cases = list(self.cases())
        for fault, may_fail in cases[::test_cut.SAMPLE]:
            with self.subTest(fault=fault):
                self.go(fault, may_fail)
        lab.note(f"{len(cases[::test_cut.SAMPLE])} cases")
        self.world.check()


if __name__ == "__main__":
    lab.main()
