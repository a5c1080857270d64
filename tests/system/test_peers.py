# SPDX-License-Identifier: Apache-2.0
"""Peers with the wrong papers, on either side: who may be who."""
import base64
import json
import os
import socket
import ssl
import subprocess

import lab


class Devices(lab.TestCase):
    """What the MEF must refuse."""

    def setUp(self):
        self.lab = self.site().start()
        self.lab.ctl("target", "add", lab.BROKER)

    def refused_by_alert(self, device, *alerts):
        run = device.provision(self.lab.mef())
        self.assertRefused(run)
        self.assertIn(run.attempts[-1]["reason"], [f"tls-alert-{a}" for a in alerts], run)
        return run

    def audit(self):
        return json.dumps(self.lab.ctl("audit"))

    def test_a_device_of_another_ca(self):
        stranger = lab.Authority(self.lab.path("ca-stranger"), "Stranger CA")
        device = self.lab.device("dev1", authority=stranger)
        self.lab.list_device(device, lab.BROKER)
        self.refused_by_alert(device, 48)
        lab.wait_until(lambda: "handshake-refused" in self.audit(), "the audit line")
        self.assertIn("dev1.devices.example.com", self.audit())

    def test_a_device_that_is_not_listed(self):
        device = self.lab.device("dev1")
        self.assertRefused(device.provision(self.lab.mef()), "enrolee-not-listed")
        told = self.lab.ctl("explain", device.san)
        self.assertIn("enrolee-not-listed", json.dumps(told))

    def test_a_certificate_that_names_nobody(self):
        # its chain is good: only an alert tells a client that trying again is no use
        context = ssl.create_default_context(cafile=self.lab.mef_ca.pem)
        context.load_cert_chain(*self.lab.device_ca.issue_odd(
            self.lab.path("wild"), "DNS:*.example.com"))
        plain = socket.create_connection(("127.0.0.1", self.lab.ports["enrol"]), lab.LIMIT)
        with context.wrap_socket(plain, server_hostname=lab.MEF) as tls:
            with self.assertRaisesRegex(ssl.SSLError, "(?i)alert.bad.certificate"):
                tls.recv(1)
        lab.wait_until(lambda: "wildcard" in self.audit(), "the audit line")
        self.assertIn("handshake-refused", self.audit())

    def test_an_expired_certificate(self):
        device = self.lab.device("dev1", cert=self.lab.device_ca.issue(
            self.lab.path("old"), "dns:dev1.devices.example.com", extra=[
                "--not-before", "2020-01-01T00:00:00Z", "--not-after", "2021-01-01T00:00:00Z"]))
        self.lab.list_device(device, lab.BROKER)
        self.refused_by_alert(device, 45)

    def test_a_certificate_of_the_future(self):
        device = self.lab.device("dev1", cert=self.lab.device_ca.issue(
            self.lab.path("early"), "dns:dev1.devices.example.com", extra=[
                "--not-before", "2090-01-01T00:00:00Z", "--not-after", "2091-01-01T00:00:00Z"]))
        self.lab.list_device(device, lab.BROKER)
        if device.clock()["kernel"] == "synchronised":
            self.refused_by_alert(device, 42)
        else:  # then it is the device that knows of 2090, and finds the MEF too old
            self.assertRefused(device.provision(self.lab.mef()), "peer-expired")

    def test_a_target_that_is_not_registered(self):
        device = self.lab.listed_device()
        run = device.provision("--instructions", self.lab.document(
            self.lab.bootstrap(target="nowhere.example.com")))
        self.assertRefused(run, "target-not-registered", text="nowhere.example.com")

    def test_a_target_that_is_not_allowed(self):
        device = self.lab.listed_device()
        self.lab.ctl("target", "add", "other.example.com")
        run = device.provision("--instructions", self.lab.document(
            self.lab.bootstrap(target="other.example.com")))
        self.assertRefused(run, "target-not-allowed", text="other.example.com")
        self.assertEqual(self.lab.ctl("credential", "list"), [])

    def test_a_target_that_was_allowed_and_is_denied_again(self):
        device = self.lab.listed_device()
        self.lab.ctl("enrolee", "deny", "dev1", lab.BROKER)
        run = device.provision("--instructions", self.lab.document(
            self.lab.bootstrap(target=lab.BROKER)))
        self.assertRefused(run, "target-not-allowed")

    def test_explain_says_why_in_a_sentence(self):
        device = self.lab.listed_device()
        device.provision("--instructions", self.lab.document(
            self.lab.bootstrap(target="nowhere.example.com")))
        told = self.lab.ctl("explain", "dev1")
        self.assertIn("target-not-registered", json.dumps(told))


def openssl(*argv):
    subprocess.run(["openssl", *argv], check=True, capture_output=True)


def join(to, *files):
    with open(to, "w", encoding="utf-8") as out:
        for name in files:
            with open(name, encoding="utf-8") as f:
                out.write(f.read())


class StockAuthority:
    """One of several levels, by stock openssl: ours has one level."""

    def __init__(self, prefix):
        self.key, self.csr, self.pem = (f"{prefix}.{e}" for e in ("key", "csr", "pem"))
        self.index, self.conf, self.ext = (f"{prefix}.{e}" for e in ("index", "conf", "ext"))
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.key, "-out", self.csr, "-subj", "/CN=" + os.path.basename(prefix))
        join(self.index)
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(f"[ca]\ndefault_ca=d\n[d]\ndatabase={self.index}\n"
                    "default_md=sha256\ndefault_crl_days=1\n")

    def sign(self, other, extensions):
        with open(other.ext, "w", encoding="utf-8") as f:
            f.write(extensions + "\n")
        by = ["-signkey", self.key] if other is self else ["-CA", self.pem, "-CAkey", self.key,
                                                           "-CAcreateserial"]
        openssl("x509", "-req", "-in", other.csr, *by, "-days", "1", "-extfile", other.ext,
                "-out", other.pem)

    def ca(self, *argv):
        openssl("ca", "-config", self.conf, "-keyfile", self.key, "-cert", self.pem, *argv)

    def revoke(self, other):
        self.ca("-revoke", other.pem)

    def crl(self):
        self.ca("-gencrl", "-out", self.index + ".crl")
        return self.index + ".crl"


def crl_of_many(authority, n):
    """A CRL of our authority that revokes n serials, highest first, by stock openssl."""
    prefix = os.path.join(authority.folder, "many")
    with open(prefix + ".index", "w", encoding="utf-8") as f:
        f.writelines(f"R\t491231235959Z\t260101000000Z\t{serial:04X}\tunknown\t/CN={serial}\n"
                     for serial in range(n, 0, -1))
    with open(prefix + ".conf", "w", encoding="utf-8") as f:
        f.write(f"[ca]\ndefault_ca=d\n[d]\ndatabase={prefix}.index\n"
                "default_md=sha256\ndefault_crl_days=1\n")
    openssl("ca", "-config", prefix + ".conf", "-cert", authority.pem, "-keyfile",
            os.path.join(authority.folder, "ca.key"), "-gencrl", "-out", prefix + ".crl")
    return prefix + ".crl"


class Revocation(lab.TestCase):
    def test_a_revoked_device_is_refused(self):
        site = self.site()
        site.start(mef=f'enrolee-crl = "{site.device_ca.crl}"')
        good, bad = site.listed_device("good"), site.listed_device("bad")
        self.assertEqual(good.provision(site.mef()).status, 0)
        site.device_ca.revoke(bad.cert)
        site.stop()
        site.start()
        self.assertRefused(bad.provision(site.mef()), "tls-alert-44")
        self.assertEqual(good.provision(site.mef(), "--renew").status, 0)

    def test_a_long_crl_serves_who_is_not_in_it(self):
        """OpenSSL sorts it at the first look, and glibc asks how much memory there is."""
        site = self.site()
        site.start(mef=f'enrolee-crl = "{crl_of_many(site.device_ca, 1000)}"')
        self.assertEqual(site.listed_device().provision(site.mef()).status, 0)

    def test_a_revoked_mef_is_refused(self):
        site = self.site().start()
        device = site.listed_device(trust=f'mef-crl = "{site.mef_ca.crl}"')
        self.assertEqual(device.provision(site.mef()).status, 0)
        site.mef_ca.revoke(site.mef_cert[0])
        self.assertRefused(device.provision(site.mef(), "--renew"), "peer-revoked")

    def test_a_mef_of_a_revoked_authority_is_refused(self):
        site = self.site()
        root, middle = StockAuthority(site.path("root")), StockAuthority(site.path("middle"))
        leaf = StockAuthority(site.path("leaf"))
        root.sign(root, "basicConstraints=critical,CA:TRUE")
        root.sign(middle, "basicConstraints=critical,CA:TRUE")
        middle.sign(leaf, f"subjectAltName=DNS:{lab.MEF}")
        root.revoke(middle)
        join(site.path("chain.pem"), leaf.pem, middle.pem)
        join(site.path("crls.pem"), root.crl(), middle.crl())
        peer = lab.Peer(site.path("chain.pem"), leaf.key, None, lambda tls: tls.recv(1))
        self.addCleanup(peer.close)
        device = site.device("dev1", mef=root.pem, trust=f'mef-crl = "{site.path("crls.pem")}"')
        self.assertRefused(device.provision("--instructions", site.document(
            {"bootstrap": "certificate", "mef": lab.MEF, "port": peer.port})), "peer-revoked")


class CrossIssuance(lab.TestCase):
    """The two attacks of DESIGN 6: authorities are scoped by role and never merged."""

    def test_another_device_ca_cannot_issue_the_first_ones_device(self):
        site = self.site()
        second = lab.Authority(site.path("ca-second"), "Second Maker CA")
        both = site.path("both.pem")
        with open(both, "w", encoding="utf-8") as out:
            for ca in site.device_ca, second:
                with open(ca.pem, encoding="utf-8") as f:
                    out.write(f.read())
        site.start(enrolees=both)
        genuine = site.listed_device("dev1")
        impostor = site.device("impostor", authority=second, san=genuine.san)
        self.assertRefused(impostor.provision(site.mef()), "enrolee-not-listed")
        self.assertEqual(genuine.provision(site.mef()).status, 0)

    def test_a_device_ca_cannot_issue_the_brokers_name(self):
        site = self.site().start()
        device = site.listed_device()
        keid = device.provision(site.mef()).outcome["keyId"]
        impostor = site.target(lab.BROKER, authority=site.device_ca)
        status, body = impostor.get(f"/fetchCredentials/{keid.replace('@', '%40')}/22")
        self.assertEqual(status, 0, body)
        self.assertRegex(body, "unknown ca|alert")
        self.assertEqual(impostor.sync().status, 77)
        self.assertEqual(impostor.keys(), {})


class Mefs(lab.TestCase):
    """What the device must refuse."""

    def setUp(self):
        self.lab = self.site().start()
        self.device = self.lab.listed_device()

    def impostor(self, cert, key):
        peer = lab.Peer(cert, key, None, lambda tls: tls.recv(1))
        self.addCleanup(peer.close)
        return self.device.provision("--instructions", self.lab.document(
            self.lab.bootstrap(port=peer.port, budget="PT3S")))

    def test_a_mef_of_another_ca(self):
        rogue = lab.Authority(self.lab.path("ca-rogue"), "Rogue CA")
        run = self.impostor(*rogue.issue(self.lab.path("rogue"), "dns:" + lab.MEF))
        self.assertRefused(run, "peer-untrusted", text=lab.MEF)

    def test_the_right_ca_but_another_fqdn(self):
        run = self.impostor(*self.lab.mef_ca.issue(self.lab.path("o"), "dns:other.example.com"))
        self.assertRefused(run, "peer-name", text=lab.MEF)

    def test_a_wildcard_is_no_name(self):
        wild = self.lab.mef_ca.issue_odd(self.lab.path("wild"), "DNS:*.example.com")
        self.assertRefused(self.impostor(*wild), "peer-name")

    def test_an_expired_mef(self):
        run = self.impostor(*self.lab.mef_ca.issue(
            self.lab.path("old"), "dns:" + lab.MEF, extra=[
                "--not-before", "2020-01-01T00:00:00Z", "--not-after", "2021-01-01T00:00:00Z"]))
        self.assertRefused(run, "peer-expired")

    def test_a_mef_of_the_future(self):
        run = self.impostor(*self.lab.mef_ca.issue(
            self.lab.path("early"), "dns:" + lab.MEF, extra=[
                "--not-before", "2090-01-01T00:00:00Z", "--not-after", "2091-01-01T00:00:00Z"]))
        if self.device.clock()["kernel"] == "synchronised":
            self.assertRefused(run, "peer-not-yet-valid")
        else:  # nothing tells what time it is: the beginning is not looked at (DESIGN 10)
            self.assertFailed(run, 69, "unreachable", "connection-cut")

    def test_an_anchor_may_be_an_intermediate_ca(self):
        below = self.lab.path("below")
        ext = self.lab.path("below.ext")
        with open(ext, "w", encoding="utf-8") as f:
            f.write("basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,cRLSign\n")
        os.makedirs(below)
        for argv in (["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                      "-nodes", "-keyout", below + "/ca.key", "-out", below + "/ca.csr",
                      "-subj", "/CN=below"],
                     ["x509", "-req", "-in", below + "/ca.csr", "-CA", self.lab.mef_ca.pem,
                      "-CAkey", os.path.join(self.lab.mef_ca.folder, "ca.key"),
                      "-CAcreateserial", "-days", "1", "-extfile", ext, "-out",
                      below + "/ca.pem"]):
            subprocess.run(["openssl", *argv], check=True, capture_output=True)
        authority = lab.Authority.__new__(lab.Authority)
        authority.folder = below
        self.device.settings["mef"] = authority.pem
        self.device.write_config()
        run = self.impostor(*authority.issue_odd(self.lab.path("mef-below"), "DNS:" + lab.MEF))
        self.assertFailed(run, 69, "unreachable", "connection-cut")  # accepted: it hangs up
        self.assertRefused(self.device.provision(self.lab.mef()), "peer-untrusted")

    def test_a_trust_anchor_hash_narrows_what_is_trusted(self):
        shown = json.loads(lab.run(lab.program("fieldrootctl"), "ca", "show", "--json",
                                   self.lab.mef_ca.pem).out)
        right = base64.urlsafe_b64encode(bytes.fromhex(shown["sha256"])).decode().rstrip("=")
        wrong = base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")
        run = self.device.provision("--instructions", self.lab.document(
            self.lab.bootstrap(trustAnchors=["ni:///sha-256;" + wrong])))
        self.assertRefused(run, "peer-untrusted")
        run = self.device.provision("--instructions", self.lab.document(
            self.lab.bootstrap(trustAnchors=["ni:///sha-256;" + right])))
        self.assertEqual(run.status, 0, run)


if __name__ == "__main__":
    lab.main()
