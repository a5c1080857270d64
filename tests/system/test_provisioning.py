# SPDX-License-Identifier: Apache-2.0
"""The main job: triggers, discoveries, the certificate bootstrap, and the target's side."""
import json
import os
import stat

import lab


class Manual(lab.TestCase):
    """`fieldroot provision` with the real fieldrootd."""

    def setUp(self):
        self.lab = self.site().start()

    def provisioned(self, run, target=lab.BROKER):
        self.assertEqual(run.status, 0, run)
        self.assertEqual(run.outcome["outcome"], "provisioned")
        self.assertEqual(run.outcome["target"], target)
        self.assertRegex(run.outcome["keyId"], r"^[0-9A-F]{32}@mef\.example\.com$")
        return run.outcome["keyId"]

    def test_a_fqdn_is_all_that_a_device_needs(self):
        device = self.lab.listed_device()
        keid = self.provisioned(device.provision(self.lab.mef()))
        self.assertEqual([c["keyId"] for c in device.credentials()], [keid])
        self.assertEqual(device.slots(), {"current"})
        shown = self.lab.ctl("credential", "show", keid)
        here = json.loads(device.fieldroot("credential", "show", "--json", keid).out)
        self.assertEqual(shown["fingerprint"], here["fingerprint"])
        self.assertTrue(shown["confirmed"])

    def test_without_an_assignment_the_target_is_the_mef_itself(self):
        device = self.lab.device("dev1")
        self.lab.list_device(device)
        self.provisioned(device.provision(self.lab.mef()), target=lab.MEF)

    def test_a_valid_credential_means_nothing_to_do(self):
        device = self.lab.listed_device()
        keid = self.provisioned(device.provision(self.lab.mef()))
        again = device.provision(self.lab.mef())
        self.assertEqual(self.provisioned(again), keid)
        self.assertEqual(again.attempts, [])

    def test_renew_replaces_the_credential_and_keeps_the_previous_fetchable(self):
        device = self.lab.listed_device()
        first = self.provisioned(device.provision(self.lab.mef()))
        second = self.provisioned(device.provision(self.lab.mef(), "--renew"))
        self.assertNotEqual(first, second)
        slots = {c["keyId"]: c["slot"] for c in self.lab.ctl("credential", "list")}
        self.assertEqual(slots, {second: "current", first: "previous"})
        target = self.lab.target()
        self.assertEqual(target.sync().status, 0)
        self.assertEqual(set(target.keys()), {first, second})

    def test_a_list_falls_through_every_class_to_its_success(self):
        device = self.lab.listed_device(hosts={
            lab.MEF: "127.0.0.1", lab.DISCOVERY: "127.0.0.1", "nobody.example.com": "127.0.0.1"})
        self.lab.ctl("target", "add", "other.example.com")
        inner = self.lab.document(self.lab.bootstrap(target="other.example.com"),
                                  name="inner.json")
        broken = self.lab.path("broken.json")
        with open(broken, "w", encoding="utf-8") as f:
            f.write('{"version": 1, "instructions": [')
        run = device.provision("--instructions", self.lab.document(
            {"bootstrap": "gba", "mef": "bsf.example.com"},
            {"bootstrap": "certificate", "mef": "nobody.example.com", "port": 1,
             "budget": "PT2S"},
            {"discovery": "file", "resource": "file://" + broken},
            {"discovery": "file", "resource": "file://" + inner},
            self.lab.bootstrap()))
        self.provisioned(run)
        final = {}
        for attempt in run.attempts:
            final[attempt["position"]] = (attempt["class"], attempt["reason"])
        self.assertEqual(final["1"][0], "unsupported")
        self.assertEqual(final["2"][0], "unreachable")
        self.assertEqual(final["3"][0], "invalid")
        self.assertEqual(final["4.1"], ("refused", "target-not-allowed"))
        self.assertEqual(final["5"][0], "provisioned")
        self.assertGreater(len([a for a in run.attempts if a["position"] == "2"]), 1, run)
        kept = json.loads(device.fieldroot("attempts", "--json").out)
        self.assertEqual([a["position"] for a in kept], [a["position"] for a in run.attempts])

    def test_records_of_the_run_reach_the_operator_in_the_session_that_succeeds(self):
        device = self.lab.listed_device()
        run = device.provision("--instructions", self.lab.document(
            {"bootstrap": "gba", "mef": "bsf.example.com"}, self.lab.bootstrap()))
        self.provisioned(run)
        told = self.lab.ctl("explain", "dev1")
        self.assertIn("unsupported", json.dumps(told))

    def test_exit_status_says_what_failed(self):
        device = self.lab.listed_device()
        self.lab.ctl("target", "add", "other.example.com")
        refused = self.lab.bootstrap(target="other.example.com")
        unreachable = {"bootstrap": "certificate", "mef": lab.MEF, "port": 1, "budget": "PT0S"}
        unreachable["budget"] = "PT1S"
        unsupported = {"bootstrap": "gba", "mef": lab.MEF}
        invalid = {"discovery": "file", "resource": "file:///nowhere/at/all"}
        for entries, status in [([unsupported], 78), ([unsupported, unreachable], 69),
                                ([unreachable, refused], 77), ([refused, unsupported], 77)]:
            with self.subTest(status=status, n=len(entries)):
                run = device.provision("--instructions", self.lab.document(*entries))
                self.assertEqual(run.status, status, run)
                self.assertEqual(run.outcome["outcome"], "failed")
        run = device.provision("--instructions", self.lab.document(invalid))
        self.assertIn(run.status, (69, 76), run)

    def test_options_are_taken_in_their_order(self):
        device = self.lab.listed_device()
        self.lab.ctl("instructions", "set", "fleet", self.lab.document(self.lab.bootstrap()))
        self.lab.ctl("instructions", "assign", "fleet", "dev1")
        port = self.lab.ports["discovery"]
        run = device.provision(
            "--bootstrap", "gba:bsf.example.com", "--discover",
            f"https://{lab.DISCOVERY}:{port}/", "--bootstrap", "gba:late.example.com")
        self.provisioned(run)
        self.assertEqual([a["position"] for a in run.attempts], ["1", "2", "2.1"])

    def test_instructions_come_from_standard_input_too(self):
        device = self.lab.listed_device()
        text = json.dumps({"version": 1, "instructions": [self.lab.bootstrap()]})
        self.provisioned(device.provision("--instructions", "-", stdin=text))

    def test_resolve_gives_an_address_and_checks_the_name_all_the_same(self):
        device = self.lab.listed_device(hosts={})
        run = device.provision(self.lab.mef(), "--resolve", f"{lab.MEF}=127.0.0.1")
        self.provisioned(run)
        other = self.lab.device("dev2", hosts={})
        run = other.provision(f"wrong.example.com:{self.lab.ports['enrol']}",
                              "--resolve", "wrong.example.com=127.0.0.1")
        self.assertRefused(run, "peer-name")

    def test_plan_opens_no_bootstrap(self):
        device = self.lab.listed_device()
        run = device.fieldroot("plan", "--instructions", self.lab.document(
            self.lab.bootstrap(), {"bootstrap": "gba", "mef": lab.MEF}))
        self.assertEqual(run.status, 0, run)
        self.assertRegex(run.out, r"(?m)^1 .*certificate.* yes ")
        self.assertRegex(run.out, r"(?m)^2 .*gba.* no ")
        self.assertEqual(self.lab.ctl("credential", "list"), [])

    def test_status_tells_valid_from_none(self):
        device = self.lab.listed_device()
        self.assertEqual(device.fieldroot("status").status, 3)
        self.provisioned(device.provision(self.lab.mef()))
        self.assertEqual(device.fieldroot("status").status, 0)

    def test_a_credential_can_be_forgotten(self):
        device = self.lab.listed_device()
        keid = self.provisioned(device.provision(self.lab.mef()))
        self.assertEqual(device.fieldroot("credential", "forget", keid).status, 0)
        self.assertEqual(device.credentials(), [])
        self.assertEqual(device.fieldroot("status").status, 3)

    def test_a_key_is_shown_only_on_request_and_written_only_for_its_owner(self):
        device = self.lab.listed_device()
        keid = self.provisioned(device.provision(self.lab.mef()))
        run = device.fieldroot("credential", "export", keid)
        self.assertEqual(run.status, 64, run)
        out = self.lab.path("key")
        run = device.fieldroot("credential", "export", "--format", "mosquitto", "--out", out,
                               keid)
        self.assertEqual(run.status, 0, run)
        self.assertEqual(stat.S_IMODE(os.stat(out).st_mode), 0o600)
        with open(out, encoding="utf-8") as f:
            options = f.read()
        self.assertRegex(options, rf"^--psk-identity {keid}\n--psk [0-9a-f]{{64}}\n$")
        shown = device.fieldroot("credential", "export", "--show-secret", "--format", "hex",
                                 keid)
        self.assertEqual(shown.out.strip(), options.split()[-1])

    def test_both_tls_versions_and_the_profile_of_the_standard(self):
        for name, extra in [("tls13", 'tls-min = "1.3"'), ("tls12", 'tls-max = "1.2"'),
                            ("onem2m", 'profile = "onem2m"')]:
            with self.subTest(name):
                device = self.lab.listed_device(name, extra=extra)
                self.provisioned(device.provision(self.lab.mef()))


class Library(lab.TestCase):
    def test_a_device_makers_program_is_provisioned_by_the_public_api(self):
        site = self.site().start()
        device = site.listed_device()
        example = lab.program("tests/unit/agent/example-provision")
        port = site.ports["enrol"]
        run = lab.run(example, lab.MEF, device.config, port)
        self.assertEqual(run.status, 0, run)
        self.assertRegex(run.out, r"^psk_identity [0-9A-F]{32}@mef\.example\.com\n$")
        self.assertEqual(device.slots(), {"current"})
        refused = lab.run(example, "wrong.example.com", device.config, 1)
        self.assertEqual(refused.status, 69, refused)


class ServerProfile(lab.TestCase):
    def test_a_server_pinned_to_the_standards_suites_serves_pinned_devices_only(self):
        site = self.site().start(tls='profile = "onem2m"')
        device = site.listed_device("pinned", extra='profile = "onem2m"')
        self.assertEqual(device.provision(site.mef()).status, 0)
        modern = site.listed_device("modern", extra='tls-min = "1.3"')
        self.assertFailed(modern.provision(site.mef()), 78, "unsupported", "tls-alert-70")


class Discovery(lab.TestCase):
    """The product {none, file, https} x certificate; each device knows only its trigger."""

    def setUp(self):
        self.lab = self.site().start()

    def test_every_discovery_leads_to_the_certificate_bootstrap(self):
        entry = {"none": self.lab.bootstrap,
                 "file": lambda: {"discovery": "file", "resource": "file://" + self.lab.document(
                     self.lab.bootstrap(), name="found.json")},
                 "https": self.lab.discover}
        for name, make in entry.items():
            with self.subTest(name):
                device = self.lab.listed_device("by-" + name)
                if name == "https":
                    self.lab.ctl("instructions", "set", "fleet",
                                 self.lab.document(self.lab.bootstrap()))
                    self.lab.ctl("instructions", "assign", "fleet", device.name)
                run = device.provision("--instructions", self.lab.document(make()))
                self.assertEqual(run.status, 0, run)

    def test_the_server_chooses_by_the_identity_of_the_device(self):
        for name in "dev1", "dev2":
            self.lab.listed_device(name)
            self.lab.ctl("instructions", "set", "of-" + name, self.lab.document(
                self.lab.bootstrap(comment=name)))
            self.lab.ctl("instructions", "assign", "of-" + name, name)
        for name in "dev1", "dev2":
            folder = self.lab.path("device-" + name, "device")
            status, body = lab.curl(self.lab, "discovery", lab.DISCOVERY,
                                    "/.well-known/fieldroot/instructions",
                                    folder + ".pem", folder + ".key")
            self.assertEqual(status, 200)
            self.assertEqual(json.loads(body)["instructions"][0]["comment"], name)

    def test_only_a_key_moves_the_last_time_that_the_device_knows_of(self):
        device = self.lab.listed_device("dev1")
        listed = self.lab.document({"bootstrap": "gba", "mef": lab.MEF}, name="gba.json")
        self.lab.ctl("instructions", "set", "gba", listed)
        self.lab.ctl("instructions", "assign", "gba", device.name)
        run = device.provision("--instructions", self.lab.document(self.lab.discover()))
        self.assertEqual(run.attempts[0]["class"], "discovered", run)
        self.assertEqual(run.status, 78, run)
        self.assertEqual(device.clock()["lastKnown"], "none")
        self.assertEqual(device.provision(self.lab.mef()).status, 0)
        begun = lab.run("openssl", "x509", "-in", self.lab.mef_cert[0], "-noout", "-startdate",
                        "-dateopt", "iso_8601").out.strip().partition("=")[2]
        self.assertEqual(device.clock()["lastKnown"], begun.replace(" ", "T"))
        back = device.fieldroot("clock", "--json", "--set", "2020-01-01T00:00:00Z")
        self.assertEqual(json.loads(back.out)["lastKnown"], "2020-01-01T00:00:00Z", back)

    def test_a_device_without_a_document_is_told_so(self):
        device = self.lab.listed_device()
        run = device.provision("--instructions", self.lab.document(self.lab.discover()))
        self.assertFailed(run, 76, "invalid", "no-instructions")

    def test_a_discovery_inside_a_discovered_list_is_malformed(self):
        device = self.lab.listed_device()
        inner = self.lab.document({"discovery": "file", "resource": "file:///x"},
                                  name="inner.json")
        run = device.provision("--instructions", self.lab.document(
            {"discovery": "file", "resource": "file://" + inner}))
        self.assertFailed(run, 76, "invalid", "document-nested-discovery")

    def test_a_rogue_discovery_server_cannot_make_a_device_trust_a_mef(self):
        rogue = lab.Authority(self.lab.path("ca-rogue"), "Rogue CA")
        cert, key = rogue.issue(self.lab.path("rogue-mef"), "dns:" + lab.MEF)
        peer = lab.Peer(cert, key, None, lambda tls: None)
        self.addCleanup(peer.close)
        device = self.lab.listed_device()
        self.lab.ctl("instructions", "set", "fleet", self.lab.document(
            self.lab.bootstrap(port=peer.port)))
        self.lab.ctl("instructions", "assign", "fleet", "dev1")
        run = device.provision("--instructions", self.lab.document(self.lab.discover()))
        self.assertRefused(run, "peer-untrusted")


class Target(lab.TestCase):
    """fieldroot-target and stock Mosquitto."""

    def setUp(self):
        self.lab = self.site().start()
        self.device = self.lab.listed_device()
        self.target = self.lab.target(pid_file=self.lab.path("mosquitto", "pid"))

    def key_of_device(self, keid):
        out = self.lab.path("exported")
        self.device.fieldroot("credential", "export", "--format", "hex", "--out", out, keid)
        with open(out, encoding="utf-8") as f:
            return f.read().strip()

    def test_a_broker_accepts_the_device_and_refuses_it_after_revocation(self):
        broker = lab.Broker(self.lab, self.target.psk_file)
        watch = self.target.watch()
        keid = self.device.provision(self.lab.mef()).outcome["keyId"]
        lab.wait_until(lambda: keid in self.target.keys(), "the key at the target")
        key = self.key_of_device(keid)
        self.assertEqual(self.target.keys()[keid], key)
        self.assertEqual(stat.S_IMODE(os.stat(self.target.psk_file).st_mode), 0o600)
        lab.wait_until(lambda: broker.accepts(keid, key), "Mosquitto to accept the device")
        self.assertFalse(broker.accepts(keid, "00" * 32))
        self.lab.ctl("credential", "revoke", keid)
        lab.wait_until(lambda: keid not in self.target.keys(), "the line to go")
        lab.wait_until(lambda: not broker.accepts(keid, key), "Mosquitto to refuse the device")
        self.assertEqual(watch.stop(), 0)

    def test_success_can_wait_for_the_target(self):
        alone = self.device.provision("--wait-target", "PT1S", self.lab.mef())
        self.assertFailed(alone, 69, "unreachable", "target-not-fetched")
        self.assertEqual(self.device.slots(), {"current"})
        self.target.watch()
        run = self.device.provision("--wait-target", "PT1M", "--renew", self.lab.mef())
        self.assertEqual(run.status, 0, run)
        lab.wait_until(lambda: run.outcome["keyId"] in self.target.keys(), "the psk file")

    def test_one_pass_is_enough_and_a_second_changes_nothing(self):
        keid = self.device.provision(self.lab.mef()).outcome["keyId"]
        self.assertEqual(self.target.sync().status, 0)
        self.assertEqual(list(self.target.keys()), [keid])
        before = os.stat(self.target.psk_file).st_ino
        self.assertEqual(self.target.sync().status, 0)
        self.assertEqual(os.stat(self.target.psk_file).st_ino, before)

    def test_lines_of_others_in_the_psk_file_stay(self):
        with open(self.target.psk_file, "w", encoding="utf-8") as f:
            f.write("someone:" + "ab" * 32 + "\n")
        os.chmod(self.target.psk_file, 0o600)
        keid = self.device.provision(self.lab.mef()).outcome["keyId"]
        self.assertEqual(self.target.sync().status, 0)
        self.assertEqual(set(self.target.keys()), {"someone", keid})

    def test_a_target_gets_its_own_keys_only(self):
        other = self.lab.target("other.example.com")
        self.lab.ctl("target", "add", "other.example.com")
        keid = self.device.provision(self.lab.mef()).outcome["keyId"]
        status, body = other.get(f"/fetchCredentials/{keid.replace('@', '%40')}/22")
        self.assertEqual(status, 403, body)
        self.assertEqual(json.loads(body)["status"], False)
        self.assertEqual(other.sync().status, 0)
        self.assertEqual(other.keys(), {})

    def test_unknown_keid_and_unknown_suid_are_told_apart(self):
        keid = self.device.provision(self.lab.mef()).outcome["keyId"]
        fetch = "/fetchCredentials/{}/{}"
        for path, want in [(fetch.format("0" * 32 + "%40" + lab.MEF, 22), 404),
                           (fetch.format(keid.replace("@", "%40"), 21), 403),
                           (fetch.format(keid.replace("@", "%40"), 99), 400),
                           (fetch.format("nonsense", 22), 400),
                           (fetch.format(keid.replace("@", "%40"), 22), 200)]:
            with self.subTest(path):
                status, body = self.target.get(path)
                self.assertEqual(status, want, body)
                self.assertEqual(json.loads(body)["status"], want == 200)

    def test_a_device_is_no_target(self):
        status, body = lab.curl(self.lab, "fetch", lab.MEF, "/fieldroot/v1/credentials?since=0",
                                self.device.cert, self.device.key)
        self.assertEqual(status, 0, body)
        self.assertRegex(body, "unknown ca|alert")


if __name__ == "__main__":
    lab.main()
