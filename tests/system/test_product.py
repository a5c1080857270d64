# SPDX-License-Identifier: Apache-2.0
"""The three phases are independent: every trigger, with every discovery, with every bootstrap
ends with a message under the key that it made. Prints the product as a table."""
import itertools
import json
import os

import gba
import lab

TRIGGERS = ("manual", "boot")
DISCOVERIES = ("none", "file", "https")
BOOTSTRAPS = ("certificate", "gba")
ROW = "{:8} {:10} {:12} {:8} {:10} {}"


class Product(gba.TestCase):
    def setUp(self):
        super().setUp()
        self.lab = self.site().start()
        self.lab.ctl("target", "add", lab.BROKER)
        self.target = self.lab.target(pid_file=self.lab.path("mosquitto", "pid"))
        self.broker = lab.Broker(self.lab, self.target.psk_file)
        self.watch = self.target.watch()

    def test_every_trigger_with_every_discovery_with_every_bootstrap(self):
        lab.note(ROW.format("trigger", "discovery", "bootstrap", "position", "message", "KeID"))
        product = itertools.product(TRIGGERS, DISCOVERIES, BOOTSTRAPS)
        for n, (trigger, discovery, bootstrap) in enumerate(product):
            with self.subTest(trigger=trigger, discovery=discovery, bootstrap=bootstrap):
                device = self.device(n)
                where = self.discovery(device, discovery, getattr(self, bootstrap)())
                getattr(self, trigger)(device, *where)
                attempt, = (a for a in self.attempts(device) if a["class"] == "provisioned")
                self.assertEqual(attempt["method"], bootstrap)
                self.assertEqual(attempt["position"], "1" if discovery == "none" else "1.1")
                keid = self.delivers(device)
                lab.note(ROW.format(trigger, discovery, bootstrap, attempt["position"],
                                    "delivered", keid))

    def device(self, n):
        """One that has a certificate and a SIM, and is known by both."""
        device = self.lab.sim_device(f"d{n}", f"0010100000001{n:02}")
        self.lab.subscribe(device)
        self.lab.ctl("enrolee", "add", device.name, "--san", device.san, "--anchor",
                     self.lab.device_ca.pem, "--imsi", device.sim.imsi, "--default", lab.BROKER)
        return device

    # ---- bootstraps: the instruction

    def certificate(self):
        return self.lab.bootstrap()

    def gba(self):
        return self.lab.gba()

    # ---- discoveries: where it is, as option and as key of section agent

    def discovery(self, device, name, instruction):
        path = self.lab.document(instruction, name=device.name + ".json")
        if name == "none":
            return "instructions", path
        if name == "file":
            return "discover", "file://" + path
        self.lab.ctl("instructions", "set", device.name, path)
        self.lab.ctl("instructions", "assign", device.name, device.name)
        return "discover", f"https://{lab.DISCOVERY}:{self.lab.ports['discovery']}/"

    # ---- triggers

    def manual(self, device, option, where):
        run = device.provision("--" + option, where)
        self.assertEqual(run.status, 0, run)

    def boot(self, device, key, where):
        device.settings["agent"] = f'{key} = "{where}"'
        device.write_config()
        agent = device.start("agent")
        agent.wait_for("provisioned")
        self.assertEqual(agent.stop(), 0)

    # ---- what came of it

    @staticmethod
    def attempts(device):
        return json.loads(device.fieldroot("attempts", "--json").out)

    def delivers(self, device):
        keid = device.credentials()[0]["keyId"]
        lab.wait_until(lambda: keid in self.target.keys(), "the key at the target")
        home = os.path.join(device.folder, "client")
        os.mkdir(home, 0o700)
        done = device.fieldroot("credential", "export", "--format", "mosquitto", "--out",
                                os.path.join(home, "mosquitto_pub"), keid)
        self.assertEqual(done.status, 0, done)
        publish = ("mosquitto_pub", "-h", "127.0.0.1", "-p", self.broker.port, "-t", "t", "-m",
                   device.name, "-q", "1")
        lab.wait_until(lambda: lab.run(*publish, env={
            **os.environ, "XDG_CONFIG_HOME": home}).status == 0, "the broker to take its message")
        return keid


if __name__ == "__main__":
    lab.main()
