# SPDX-License-Identifier: Apache-2.0
"""GBA end to end: `fieldroot` with a SIM in a file, fieldrootd as MEF and GBA-BSF, a real
osmo-hlr as HSS, fieldroot-target, and stock Mosquitto as the NAF."""
import base64
import json
import os
import re
import signal
import stat
import urllib.parse

import gba
import lab
import test_resources
import test_secrets
from cutproxy import Proxy, http_message

OTHER = "other.example.com"
OTHER_IMSI = "001010000000002"
HLR_LEARNS = 1 << 24  # a SIM that is so far ahead is followed


class Case(gba.TestCase):
    def setUp(self):
        super().setUp()
        self.lab = self.site().start()

    def provisioned(self, run):
        self.assertEqual(run.status, 0, run)
        self.assertEqual(run.outcome["outcome"], "provisioned")
        self.assertRegex(run.outcome["keyId"], r"^[0-9A-Za-z+/]{22}==@mef\.example\.com$")
        return run.outcome["keyId"]

    def audit(self):
        return json.dumps(self.lab.ctl("audit"))


class Naf(Case):
    """The key's way to the broker, and a message under it."""

    def setUp(self):
        super().setUp()
        self.device = self.lab.subscriber()
        self.target = self.lab.target(pid_file=self.lab.path("mosquitto", "pid"))
        self.broker = lab.Broker(self.lab, self.target.psk_file)
        self.watch = self.target.watch()

    def at_the_broker(self, keid):
        lab.wait_until(lambda: keid in self.target.keys(), "the key at the target")
        lab.wait_until(lambda: "Reloading config" in self.broker.process.text(), "SIGHUP")
        return self.target.keys()[keid]

    def exported(self, *args):
        """The environment of stock clients, with the options that the device writes."""
        home = self.lab.path("exported")
        os.makedirs(home, mode=0o700, exist_ok=True)
        for client in ("mosquitto_pub", "mosquitto_sub"):
            path = os.path.join(home, client)
            done = self.device.fieldroot("credential", "export", "--format", "mosquitto",
                                         "--out", path, *args)
            self.assertEqual(done.status, 0, done)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        return {**os.environ, "XDG_CONFIG_HOME": home}

    def delivered(self, env, message):
        """Whether what one stock client says reaches the other."""
        sub = self.lab.process(
            ["mosquitto_sub", "-h", "127.0.0.1", "-p", self.broker.port, "-t", message, "-C", "1"],
            self.lab.path(message), env=env)
        lab.wait_until(lambda: f"\t{message} (QoS 0)" in self.broker.process.text(), "SUBSCRIBE")
        done = lab.run("mosquitto_pub", "-h", "127.0.0.1", "-p", self.broker.port, "-t", message,
                       "-m", message, "-q", "1", env=env)
        self.assertEqual(done.status, 0, done)
        sub.wait_for(message)
        return sub.popen.wait(lab.LIMIT) == 0

    def test_a_message_is_delivered_with_both_forms_of_the_identity(self):
        keid = self.provisioned(self.lab.provision(self.device))
        self.assertEqual(self.at_the_broker(keid), gba.Held(self.device).key())
        self.assertTrue(self.delivered(self.exported(), "by-b-tid"))
        self.device.settings["extra"] += '\npsk-identity = "3gpp"'
        self.device.write_config()
        self.assertTrue(self.delivered(self.exported(), "by-3gpp"))
        self.assertIn("3GPP-bootstrapping;" + keid, self.broker.process.text())

    def test_stock_openssl_gets_in_with_a_key_of_another_implementation(self):
        keid = self.provisioned(self.lab.provision(self.device))
        self.at_the_broker(keid)
        held = gba.Held(self.device)
        for key, opens in ((held.key(), True), (held.key(ua="tls1.3"), False)):
            done = lab.run("openssl", "s_client", "-connect", f"127.0.0.1:{self.broker.port}",
                           "-tls1_2", "-cipher", "PSK-AES128-CBC-SHA256", "-psk_identity", keid,
                           "-psk", key, stdin="Q\n")
            self.assertEqual("Cipher is PSK-AES128-CBC-SHA256" in done.out and
                             done.status == 0, opens, done)

    def test_a_revoked_b_tid_is_refused_and_nobody_else_is(self):
        keid = self.provisioned(self.lab.provision(self.device))
        key = self.at_the_broker(keid)
        lab.wait_until(lambda: self.broker.accepts(keid, key), "the broker")
        self.lab.ctl("credential", "revoke", keid)
        lab.wait_until(lambda: not self.target.keys(), "both lines to go")
        lab.wait_until(lambda: not self.broker.accepts(keid, key), "the broker's no")

    def test_success_can_wait_for_the_target(self):
        run = self.lab.provision(self.device, args=("--wait-target", "PT1M"))
        keid = self.provisioned(run)
        lab.wait_until(lambda: keid in self.target.keys(), "the psk file")

    def test_ks_stays_in_a_sim_that_can_keep_it(self):
        device = self.device = self.lab.subscriber(
            "dev2", OTHER_IMSI, listing=["--gba-u"], gba_u=True,
            more='gba-u = "required"')
        keid = self.provisioned(self.lab.provision(device))
        held = gba.Held(device)
        self.assertEqual(self.at_the_broker(keid), held.naf_key_tls1_2)
        self.assertTrue(self.delivered(self.exported(keid), "by-gba-u"))


class Resynchronisation(Case):
    def test_a_sim_that_is_ahead_is_followed(self):
        device = self.lab.subscriber(sqn=HLR_LEARNS)
        self.provisioned(self.lab.provision(device))
        self.assertEqual(self.audit().count('"resynchronised"'), 1)
        self.provisioned(self.lab.provision(device, args=["--renew"]))
        self.assertEqual(self.audit().count('"resynchronised"'), 1)


class Refusals(Case):
    def refused(self, device, reason, *entries):
        run = self.lab.provision(device, *entries)
        self.assertRefused(run, reason)
        self.assertEqual(device.slots(), set())
        self.assertEqual(self.lab.ctl("credential", "list"), [])
        return run

    def test_a_sim_that_is_not_listed(self):
        device = self.lab.sim_device()
        self.lab.subscribe(device)
        self.refused(device, "enrolee-not-listed")

    def test_a_sim_that_is_listed_but_not_at_the_hss(self):
        device = self.lab.sim_device()
        self.lab.list_sim(device)
        self.refused(device, "subscriber-unknown")
        self.assertIn("subscriber-unknown", json.dumps(self.lab.ctl("explain", "dev1")))

    def test_a_sim_with_another_key(self):
        device = self.lab.subscriber(k="00" * 16)
        self.refused(device, "aka-mac")

    def test_a_target_that_is_not_allowed_costs_no_vector(self):
        device = self.lab.subscriber()
        self.lab.ctl("target", "add", OTHER)
        self.refused(device, "target-not-allowed", self.lab.gba(target=OTHER))
        with open(device.sim.path, encoding="ascii") as f:
            self.assertIn("sqn=000000000000\n", f.read())

    def test_a_sim_that_cannot_keep_ks_and_a_listing_that_wants_it(self):
        device = self.lab.subscriber(listing=["--gba-u"])
        self.refused(device, "aka-mac")

    def test_a_device_that_wants_ks_kept_and_a_network_that_does_not_know_it(self):
        device = self.lab.subscriber(gba_u=True, more='gba-u = "required"')
        self.refused(device, "aka-mac")
        device.settings["extra"] = device.sim.section('gba-u = "auto"')
        device.write_config()
        self.provisioned(self.lab.provision(device))

    def test_an_hss_that_is_not_there_is_tried_again(self):
        device = self.lab.subscriber()
        self.lab.hlr.stop()
        run = self.lab.provision(device, self.lab.gba(budget="PT3S"))
        self.assertFailed(run, 69, "unreachable", "hss-unreachable")
        self.assertEqual(device.slots(), set())
        log = os.path.join(device.folder, "provision.log")
        again = device.start("provision", "--json", "--instructions", self.lab.document(
            self.lab.gba(budget="PT1M"), name="patient.json"))
        again.wait_for("hss-unreachable")
        self.lab.hlr.start()
        self.assertEqual(again.popen.wait(lab.LIMIT), 0, log)
        self.assertEqual(device.slots(), {"current"})


class Hss(Case):
    def test_what_it_answers_late_is_thrown_away(self):
        self.lab.stop()
        self.lab.start(**{"gba-bsf": self.lab.settings["gba-bsf"] + " hss-timeout = PT1S"})
        device = self.lab.subscriber()
        self.lab.hlr.process.send_signal(signal.SIGSTOP)
        run = device.start("provision", "--json", "--instructions", self.lab.document(
            self.lab.gba(budget="PT1M"), name="patient.json"))
        run.wait_for("hss-unreachable")
        self.lab.hlr.process.send_signal(signal.SIGCONT)
        self.assertEqual(run.popen.wait(lab.LIMIT), 0, run.text())
        self.assertEqual([c["slot"] for c in self.lab.ctl("credential", "list")], ["current"])
        self.assertEqual(self.audit().count("aka-mac"), 0)

    def test_many_devices_at_once(self):
        devices = [self.lab.subscriber(f"dev{n}", f"0010100000003{n:02}") for n in range(12)]
        list_ = self.lab.document(self.lab.gba(), name="all.json")
        runs = [d.start("provision", "--json", "--instructions", list_) for d in devices]
        self.assertEqual([r.popen.wait(lab.LIMIT) for r in runs], [0] * len(runs))
        held = {gba.Held(d).key_id: gba.Held(d).key() for d in devices}
        self.assertEqual(len(held), len(devices))
        target = self.lab.target()
        self.assertEqual(target.sync().status, 0)
        self.assertEqual({k: v for k, v in target.keys().items() if ";" not in k}, held)


class OnPostgres(Case):
    def test_two_nodes_on_one_store_have_one_hss(self):
        pg = self.postgres()
        self.lab.stop()
        self.lab.start(top=f'database = "{pg.conninfo()}" node = "a"')
        device = self.lab.subscriber(sqn=HLR_LEARNS)
        first = self.provisioned(self.lab.provision(device))
        self.lab.stop()
        self.lab.start(top=f'database = "{pg.conninfo()}" node = "b"')
        second = self.provisioned(self.lab.provision(device, args=["--renew"]))
        target = self.lab.target()
        self.assertEqual(target.sync().status, 0)
        self.assertEqual({k for k in target.keys() if ";" not in k}, {first, second})
        self.assertEqual(target.keys()[second], gba.Held(device).key())
        self.assertEqual(self.audit().count('"resynchronised"'), 1)


class Mixed(Case):
    """One device with a certificate and a SIM; the list chooses."""

    def steps(self, run):
        return [(a["position"], a["class"], a["reason"]) for a in run.attempts]

    def test_a_certificate_that_is_refused_and_then_the_sim(self):
        device = self.lab.subscriber()
        run = self.lab.provision(device, self.lab.bootstrap(), self.lab.gba())
        self.provisioned(run)
        self.assertEqual(self.steps(run), [("1", "refused", "enrolee-not-listed"),
                                           ("2", "provisioned", "provisioned")])
        self.assertIn("enrolee-not-listed", json.dumps(self.lab.ctl("explain", "dev1")))

    def test_a_sim_that_is_refused_and_then_the_certificate(self):
        device = self.lab.sim_device()
        self.lab.ctl("target", "add", lab.BROKER)
        self.lab.ctl("enrolee", "add", "dev1", "--san", device.san, "--anchor",
                     self.lab.device_ca.pem, "--imsi", device.sim.imsi, "--default", lab.BROKER)
        run = self.lab.provision(device, self.lab.gba(), self.lab.bootstrap())
        self.assertEqual(self.steps(run), [("1", "refused", "subscriber-unknown"),
                                           ("2", "provisioned", "provisioned")])
        self.assertRegex(run.outcome["keyId"], r"^[0-9A-F]{32}@mef\.example\.com$")
        told = json.dumps(self.lab.ctl("explain", "dev1"))
        self.assertIn("subscriber-unknown", told)

    def test_a_device_without_a_sim_says_so_and_goes_on(self):
        device = self.lab.listed_device()
        run = self.lab.provision(device, self.lab.gba(), self.lab.bootstrap())
        self.assertEqual(run.status, 0, run)
        self.assertEqual(self.steps(run)[0][:2], ("1", "unsupported"))

    def test_plan_knows_the_sim(self):
        device = self.lab.subscriber()
        run = device.fieldroot("plan", "--instructions", self.lab.document(self.lab.gba()))
        self.assertEqual(run.status, 0, run)
        self.assertRegex(run.out, r"(?m)^1 .*gba.* yes ")


class Variants(Case):
    """What an instruction may say besides, and what a config may."""

    def fetched(self, name, ua="tls1.2", suid=22):
        keid = self.device.credentials()[0]["keyId"]
        status, body = self.lab.target(name).get(
            f"/fetchCredentials/{urllib.parse.quote(keid, safe='')}/{suid}?ua={ua}")
        self.assertEqual(status, 200, body)
        return base64.b64decode(json.loads(body)["credential"]).hex(), json.loads(body)

    def test_the_mef_itself_is_the_target_of_who_has_none(self):
        self.device = self.lab.sim_device()
        self.lab.subscribe(self.device)
        self.lab.ctl("enrolee", "add", "dev1", "--imsi", self.device.sim.imsi)
        run = self.lab.provision(self.device)
        self.provisioned(run)
        self.assertEqual(run.outcome["target"], lab.MEF)

    def test_a_target_that_is_a_cse_gets_the_key_of_its_fqdn(self):
        self.device = self.lab.subscriber()
        cse = "//sp.example.com/cse-b"
        self.lab.ctl("target", "add", cse, "--fqdn", "cse.example.com")
        self.lab.ctl("enrolee", "allow", "dev1", cse)
        run = self.lab.provision(self.device, self.lab.gba(target=cse, suid=32))
        self.provisioned(run)
        self.assertEqual(run.outcome["suid"], 32)
        key, answer = self.fetched("cse.example.com", suid=32)
        self.assertEqual(answer["enroleeID"], self.device.sim.impi)
        self.assertEqual(key, gba.Held(self.device, target=cse).key("cse.example.com"))
        self.device.fieldroot("credential", "export", "--out", self.lab.path("key"))
        with open(self.lab.path("key"), encoding="ascii") as f:
            self.assertEqual(f.read(), key + "\n")

    def test_the_listing_says_how_long_a_ks_lives(self):
        for name, imsi, listing, hours in (("dev1", gba.IMSI, (), 24),
                                           ("dev2", OTHER_IMSI, ("--lifetime", "PT2H"), 2)):
            device = self.lab.subscriber(name, imsi, listing)
            self.provisioned(self.lab.provision(device))
            held = gba.Held(device)
            self.assertAlmostEqual(int(held.expires) - int(held.created), hours * 3600, delta=30)

    def test_one_of_two_sims_is_asked_for_by_name(self):
        self.device = self.lab.subscriber()
        os.mkdir(os.path.join(self.device.folder, "second"))
        second = gba.Sim(os.path.join(self.device.folder, "second"), OTHER_IMSI)
        self.device.settings["extra"] += second.section().replace(" sim ", " second ")
        self.device.write_config()
        self.assertRefused(self.lab.provision(self.device, self.lab.gba(credential="second")),
                           "enrolee-not-listed")
        run = self.lab.provision(self.device, self.lab.gba(credential="nobody"))
        self.assertFailed(run, 78, "unsupported")
        self.provisioned(self.lab.provision(self.device, self.lab.gba(credential="sim")))

    def test_an_impi_of_the_config_is_the_one_that_counts(self):
        self.device = self.lab.subscriber(more=f'impi = "{gba.IMSI}@private.example.com"')
        self.provisioned(self.lab.provision(self.device))
        key, answer = self.fetched(lab.BROKER)
        self.assertEqual(answer["enroleeID"], gba.IMSI + "@private.example.com")
        self.assertEqual(key, gba.Held(self.device).key())

    def test_without_tls_only_where_both_say_so(self):
        self.lab.stop()
        self.lab.start(**{"gba-bsf": "tls = off"})
        self.device = self.lab.subscriber()
        run = self.lab.provision(self.device, self.lab.gba(budget="PT2S"))
        self.assertNotEqual(run.status, 0, run)
        self.device.settings["extra"] += f'\nplain-ub = {{"{lab.MEF}"}}'
        self.device.write_config()
        run = self.lab.provision(self.device)
        self.provisioned(run)
        self.assertIn("without TLS", json.dumps(run.of("warning")))

    def test_akav2_is_not_ours_and_the_list_goes_on(self):
        self.lab.stop()
        self.lab.start(**{"gba-bsf": self.lab.settings["gba-bsf"] + " akav2 = on"})
        self.device = self.lab.subscriber()
        self.assertFailed(self.lab.provision(self.device), 78, "unsupported", "digest-algorithm")

    def test_a_device_that_loses_its_sim_loses_its_keys(self):
        self.device = self.lab.subscriber()
        self.provisioned(self.lab.provision(self.device))
        self.lab.ctl("enrolee", "sim", "dev1", "--none", ok=False)
        self.lab.ctl("enrolee", "remove", "dev1", ok=False)
        self.assertEqual([c["state"] for c in self.lab.ctl("credential", "list")], [])
        self.assertRefused(self.lab.provision(self.device, args=["--renew"]),
                           "enrolee-not-listed")


class Pseudonym(Case):
    """What who listens reads of a SIM, where Ub is plain."""

    def setUp(self):
        super().setUp()
        self.tls = self.lab.settings["gba-bsf"]
        self.serve("tls = off tmpi = on")
        self.device = self.lab.subscriber(more='tmpi = "on"')
        self.device.settings["extra"] += f'\nplain-ub = {{"{lab.MEF}"}}'
        self.device.write_config()
        self.proxy = Proxy(self.lab.ports["gba-bsf"], http_message)
        self.addCleanup(self.proxy.close)

    def serve(self, settings):
        self.lab.stop()
        self.lab.start(**{"gba-bsf": settings})

    def bootstrap(self):
        """All names that it said, in order, and whether its IMSI was on the wire."""
        wire = []
        self.proxy.heard = lambda way, message: wire.append(message)
        run = self.lab.provision(self.device, self.lab.gba(port=self.proxy.port),
                                 args=["--renew"])
        self.provisioned(run)
        self.assertEqual(len(run.attempts), 1, run)
        wire = b"".join(wire)
        names = re.findall(rb'username="([^"]+)"', wire)
        return [n.decode() for n in names], self.device.sim.imsi.encode() in wire

    def forget(self):
        """What is beside a current key goes with it."""
        for c in self.lab.ctl("credential", "list"):
            if c["slot"] == "current":
                self.lab.ctl("credential", "revoke", c["keyId"])

    def test_inside_tls_it_goes_the_same_way(self):
        self.serve(self.tls + " tmpi = on")
        self.device.settings["extra"] = self.device.settings["extra"].partition("\nplain-ub")[0]
        self.device.write_config()
        for refused in (0, 0, 1):
            if refused:
                self.forget()
            run = self.lab.provision(self.device, args=["--renew"])
            self.provisioned(run)
            self.assertEqual(len(run.attempts), 1, run)
            self.assertEqual(self.audit().count('"tmpi-unknown"'), refused)

    def test_a_sim_is_known_by_what_its_last_key_gave_it(self):
        impi = self.device.sim.impi
        self.assertEqual(self.bootstrap(), ([impi] * 2, True))
        for _ in range(2):
            tmpi = gba.Held(self.device).tmpi()
            self.assertEqual(self.bootstrap(), ([tmpi] * 2, False))
        audit = self.audit()
        self.assertEqual(audit.count('"confirmed"'), 3)
        self.assertNotIn("@tmpi.", audit)
        self.assertEqual(gba.Held(self.device).impi, impi)

    def test_a_mef_that_has_forgotten_it_hears_the_impi(self):
        impi = self.device.sim.impi
        self.bootstrap()
        tmpi = gba.Held(self.device).tmpi()
        self.forget()
        self.assertEqual(self.bootstrap(), ([tmpi, impi, impi], True))
        self.assertEqual(self.audit().count('"tmpi-unknown"'), 1)
        tmpi = gba.Held(self.device).tmpi()
        self.serve("tls = off tmpi = off")
        self.proxy.upstream = self.lab.ports["gba-bsf"]
        self.assertEqual(self.bootstrap(), ([tmpi, impi, impi], True))


class Life(Case):
    """How long a Ks is good, and for whom."""

    def setUp(self):
        super().setUp()
        self.device = self.lab.subscriber(listing=["--lifetime", "PT1H"])
        self.keid = self.provisioned(self.lab.provision(self.device))
        self.path = f"/fetchCredentials/{urllib.parse.quote(self.keid, safe='')}/22"

    def test_a_ks_that_is_valid_is_used_again(self):
        self.lab.hlr.stop()  # nobody asks it
        run = self.lab.provision(self.device)
        self.assertEqual((self.provisioned(run), run.outcome["reason"], run.attempts),
                         (self.keid, "nothing-to-do", []))

    def test_one_ks_serves_each_target_that_is_allowed(self):
        self.lab.ctl("target", "add", OTHER)
        other = self.lab.target(OTHER)
        self.assertEqual(other.get(self.path)[0], 403)
        self.lab.ctl("enrolee", "allow", "dev1", OTHER)
        self.lab.hlr.stop()  # nobody asks it
        out = self.lab.path("key")
        for ua in ("tls1.2", "tls1.3"):
            status, body = other.get(self.path + "?ua=" + ua)
            self.assertEqual(status, 200, body)
            fetched = base64.b64decode(json.loads(body)["credential"]).hex()
            run = self.device.fieldroot("credential", "export", "--naf", OTHER, "--ua", ua,
                                        "--out", out)
            self.assertEqual(run.status, 0, run)
            with open(out, encoding="ascii") as f:
                self.assertEqual(f.read(), fetched + "\n")
            self.assertEqual(fetched, gba.Held(self.device).key(OTHER, ua))
        self.lab.ctl("enrolee", "deny", "dev1", OTHER)
        self.assertEqual(other.get(self.path)[0], 403)

    def test_a_ks_that_has_expired_is_made_anew(self):
        clock = test_resources.Clock(self.lab.path("clock"))
        self.lab.stop()
        self.lab.wrap = self.device.wrap = clock.env
        clock.move(2)
        self.lab.start()
        target = self.lab.target()
        status, body = target.get(self.path)
        self.assertEqual((status, json.loads(body).get("reason")), (404, "key-expired"), body)
        keid = self.provisioned(self.lab.provision(self.device))
        self.assertNotEqual(keid, self.keid)
        self.assertEqual(self.device.slots(), {"current"})


class Secrets(Case):
    def test_no_key_is_anywhere_but_in_its_file(self):
        self.lab.stop()
        self.lab.start(top='log-level = "debug"')
        device = self.lab.subscriber(sqn=HLR_LEARNS)
        target = self.lab.target()
        outputs, secrets = [], {gba.K, gba.OPC}
        for _ in range(2):
            outputs.append(self.lab.provision(device, args=["--renew"]))
            self.assertEqual(target.sync().status, 0)
            secrets |= self.secrets(gba.Held(device)) | set(target.keys().values())
        outputs += [device.fieldroot(*c) for c in (
            ["status"], ["attempts", "--json"], ["credential", "show"])]
        outputs += [self.lab.ctl(*c, ok=False) for c in (
            ["audit"], ["explain", "dev1"], ["credential", "list"])]
        self.lab.stop()
        self.assertEqual(len(secrets), 2 + 2 * 4 + 2)
        where = {path for path in test_secrets.Secrets.files(self.lab)
                 if self.has_any(path, secrets)}
        self.assertEqual({p for p in where if not self.may_hold(p)}, set())
        self.assertTrue({device.sim.path, device.slot("current")} <= where)
        for output in outputs:
            self.assertFalse(self.holds((output.out + output.err).encode(), secrets))

    @staticmethod
    def secrets(held):
        """Ks, CK, IK and RES in hex."""
        return {held.ke, held.ke[:32], held.ke[32:], held.res().hex()}

    @staticmethod
    def holds(data, secrets):
        octets = [bytes.fromhex(s) for s in secrets]
        return any(form in data for o in octets for form in (
            o, o.hex().encode(), o.hex().upper().encode(), base64.b64encode(o).rstrip(b"=")))

    def has_any(self, path, secrets):
        with open(path, "rb") as f:
            return self.holds(f.read(), secrets)

    def may_hold(self, path):
        return (os.path.basename(path) in ("usim", "hlr.db", "hlr.db-wal") or
                test_secrets.Secrets.may_hold(path, self.lab))


if __name__ == "__main__":
    lab.main()
