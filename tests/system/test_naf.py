# SPDX-License-Identifier: Apache-2.0
"""One Ks, many targets: a Ks still valid is reused without a run of Ub, and each target
hears of its key, with a real osmo-hlr as HSS and stock Mosquitto as each NAF."""
import json

import gba
import lab
import test_resources

OTHER = "other.example.com"


class Case(gba.TestCase):
    def setUp(self):
        super().setUp()
        self.lab = self.site().start()
        self.device = self.lab.subscriber(listing=["--lifetime", "PT1H"])
        self.lab.ctl("target", "add", OTHER)
        self.lab.ctl("enrolee", "allow", "dev1", OTHER)
        self.keid = self.provisioned(lab.BROKER, "provisioned")
        self.sqn = self.device.sim.sqn()

    def provisioned(self, target, how, *args):
        run = self.lab.provision(self.device, self.lab.gba(target=target), args=args)
        self.assertEqual(run.status, 0, run)
        self.assertEqual(([a["reason"] for a in run.attempts], run.outcome["target"]),
                         ([how], target), run)
        return run.outcome["keyId"]

    def reused(self):
        self.assertEqual(self.provisioned(OTHER, "reused"), self.keid)
        self.assertEqual(self.device.sim.sqn(), self.sqn)

    def made_anew(self, *args):
        keid = self.provisioned(OTHER, "provisioned", *args)
        self.assertNotEqual(keid, self.keid)
        self.assertGreater(self.device.sim.sqn(), self.sqn)
        return keid

    def synced(self, name):
        target = self.lab.target(name)
        self.assertEqual(target.sync().status, 0)
        return {k: v for k, v in target.keys().items() if ";" not in k}


class Reuse(Case):
    def test_each_broker_gets_its_key_of_one_ks(self):
        at = {name: self.serve(name) for name in (lab.BROKER, OTHER)}
        self.lab.hlr.stop()  # nobody asks it
        self.reused()
        for name, (target, broker) in at.items():
            lab.wait_until(lambda t=target: self.keid in t.keys(), "the key at " + name)
            key = self.exported(name)
            self.assertEqual(target.keys()[self.keid], key)
            self.assertEqual(gba.Held(self.device, name).key(name), key)
            lab.wait_until(lambda b=broker, k=key: b.accepts(self.keid, k), "broker " + name)
        self.lab.ctl("credential", "revoke", self.keid)
        for name, (target, broker) in at.items():
            lab.wait_until(lambda t=target: not t.keys(), "the key's end at " + name)

    def serve(self, name):
        folder = "mosquitto-" + name
        target = self.lab.target(name, pid_file=self.lab.path(folder, "pid"))
        broker = lab.Broker(self.lab, target.psk_file, folder)
        target.watch()
        return target, broker

    def exported(self, name):
        out = self.lab.path("key-" + name)
        run = self.device.fieldroot("credential", "export", "--target", name, "--out", out)
        self.assertEqual(run.status, 0, run)
        with open(out, encoding="ascii") as f:
            return f.read().strip()

    def test_the_device_and_the_operator_are_told(self):
        self.reused()
        shown = {c["target"]: (c["keyId"], c["reused"]) for c in self.device.credentials()}
        self.assertEqual(shown, {lab.BROKER: (self.keid, False), OTHER: (self.keid, True)})
        lines = [a for a in self.lab.ctl("audit") if a["event"] == "ub-target"]
        self.assertEqual([(a["decision"], a["subject"]) for a in lines],
                         [("allowed", self.keid)])
        self.assertIn(OTHER, lines[0]["text"])
        self.assertEqual(len(self.lab.ctl("credential", "list")), 1)
        run = self.lab.provision(self.device, self.lab.gba(target=OTHER))
        self.assertEqual((run.status, run.outcome["reason"]), (0, "nothing-to-do"))

    def test_what_is_forgotten_of_one_target_stays_of_the_other(self):
        self.reused()
        run = self.device.fieldroot("credential", "forget", "--target", lab.BROKER)
        self.assertEqual(run.status, 0, run)
        self.assertEqual([c["target"] for c in self.device.credentials()], [OTHER])
        self.assertEqual(self.provisioned(lab.BROKER, "reused"), self.keid)

    def test_a_target_that_is_not_allowed(self):
        self.lab.ctl("enrolee", "deny", "dev1", OTHER)
        run = self.lab.provision(self.device, self.lab.gba(target=OTHER))
        self.assertRefused(run, "target-not-allowed")
        self.assertEqual(self.device.sim.sqn(), self.sqn)
        self.assertEqual([c["target"] for c in self.device.credentials()], [lab.BROKER])
        self.assertEqual(self.synced(OTHER), {})
        lines = [a for a in self.lab.ctl("audit") if a["event"] == "ub-target"]
        self.assertEqual([(a["decision"], a["reason"]) for a in lines],
                         [("refused", "target-not-allowed")])

    def test_the_first_targets_renewal_takes_nothing_from_the_other(self):
        self.reused()
        renewed = self.provisioned(lab.BROKER, "provisioned", "--renew")
        self.assertNotEqual(renewed, self.keid)
        held = gba.Held(self.device, OTHER)
        self.assertEqual(self.synced(OTHER), {self.keid: held.key(OTHER)})
        previous = [c for c in self.lab.ctl("credential", "list") if c["slot"] == "previous"]
        self.assertEqual([(c["keyId"], c["retires"]) for c in previous], [(self.keid, None)])
        self.keid, self.sqn = renewed, self.device.sim.sqn()
        self.device.fieldroot("credential", "forget", "--target", OTHER)
        self.reused()


class Anew(Case):
    """When a Ks is made although there is one."""

    def test_a_renewal(self):
        self.reused()
        keid = self.made_anew("--renew")
        self.assertEqual(set(self.synced(OTHER)), {self.keid, keid})

    def test_a_run_that_waits_for_the_target(self):
        self.lab.target(OTHER).watch()
        self.made_anew("--wait-target", "PT1M")

    def test_a_ks_that_was_revoked(self):
        self.lab.ctl("credential", "revoke", self.keid)
        self.made_anew()

    def test_a_ks_that_has_expired(self):
        clock = test_resources.Clock(self.lab.path("clock"))
        self.lab.stop()
        self.lab.wrap = self.device.wrap = clock.env
        clock.move(2)
        self.lab.start()
        keid = self.made_anew()
        self.assertEqual(self.synced(OTHER), {keid: gba.Held(self.device, OTHER).key(OTHER)})

    def test_a_ks_of_another_sim(self):
        device = self.device
        device.sim.imsi = "001010000000002"
        device.sim.write()
        self.lab.subscribe(device)
        self.lab.ctl("enrolee", "add", "dev2", "--imsi", device.sim.imsi, "--default", OTHER)
        self.sqn = 0
        self.made_anew()


class Secrets(Case):
    def test_no_key_is_said(self):
        self.reused()
        ks = gba.Held(self.device).ke
        said = [self.device.fieldroot(*c).out for c in (
            ["status", "--json"], ["attempts", "--json"], ["credential", "list", "--json"])]
        self.assertNotIn(ks, json.dumps(said) + json.dumps(self.lab.ctl("audit")))


if __name__ == "__main__":
    lab.main()
