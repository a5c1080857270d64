# SPDX-License-Identifier: Apache-2.0
"""Ub: the numbers on docs/protocol.md (section 13), computed again by examples/ub.py, which
was written from that page alone and is checked here against TS 35.208; and that client with a
real fieldrootd and a real osmo-hlr."""
import base64
import hashlib
import json
import re
import sys
import unittest
import urllib.parse

import gba
import lab
from gba import ub
from test_protocol import page_text, read_pages

H = bytes.fromhex
# TS 35.208 4.3: K, OPc, RAND, SQN, AMF, f1, f2, f3, f4, f5
SETS = (
    ("465b5ce8b199b49faa5f0a2ee238a6bc", "cd63cb71954a9f4e48a5994e37a02baf",
     "23553cbe9637a89d218ae64dae47bf35", "ff9bb4d0b607", "b9b9", "4a9ffac354dfafb3",
     "a54211d5e3ba50bf", "b40ba9a3c58b2a05bbf0d987b21bf8cb",
     "f769bcd751044604127672711c6d3441", "aa689c648370"),
    ("fec86ba6eb707ed08905757b1bb44b8f", "1006020f0a478bf6b699f15c062e42b3",
     "9f7c8d021accf4db213ccff0c7f71a6a", "9d0277595ffc", "725c", "9cabc3e99baf7281",
     "8011c48c0c214ed2", "5dbdbb2954e8f3cde665b046179a5098",
     "59a92d3b476a0443487055cf88b2307b", "33484dc2136b"))


class TheNumbersOfThePage(unittest.TestCase):
    def setUp(self):
        self.pages, self.text = read_pages(), page_text()
        self.sim = ub.Sim(H(SETS[0][0]), H(SETS[0][1]), 0)

    def authorization(self, name, scheme="Digest "):
        return ub.parameters(self.pages[name].request.headers["Authorization"], scheme)

    def challenge(self):
        page = self.pages["ub-begin"].response
        nonce = ub.parameters(page.headers["WWW-Authenticate"], "Digest ")["nonce"]
        octets = base64.b64decode(nonce)
        return nonce, octets[:16], octets[16:]

    def test_the_clients_sim_is_that_of_the_standard(self):
        for k, opc, rand, sqn, amf, f1, f2, f3, f4, f5 in SETS:
            autn = ub.xor(H(sqn), H(f5)) + H(amf) + H(f1)
            sim = ub.Sim(H(k), H(opc), 0)
            self.assertEqual(sim.authenticate(H(rand), autn), (H(f2), H(f3), H(f4)))
            self.assertEqual(len(sim.authenticate(H(rand), autn)), 14)  # AUTS
            with self.assertRaises(ub.Failed):
                sim.authenticate(H(rand), autn[:-1] + bytes([autn[-1] ^ 1]))

    def test_response_and_rspauth(self):
        nonce, rand, autn = self.challenge()
        res, _, _ = self.sim.authenticate(rand, autn)
        said = self.authorization("ub-response")
        self.assertEqual(said["nonce"], nonce)
        self.assertEqual(said["response"], ub.digest(
            said["username"], said["realm"], nonce, said["cnonce"], res, "GET"))
        answer = self.pages["ub-response"].response
        body = answer.body.encode()
        self.assertEqual(len(body), int(answer.headers["Content-Length"]))
        info = ub.parameters(answer.headers["Authentication-Info"], "")
        self.assertEqual(info["rspauth"], ub.digest(
            said["username"], said["realm"], nonce, said["cnonce"], res, "", body))
        self.assertEqual((info["cnonce"], info["nc"]), (said["cnonce"], said["nc"]))

    def test_resynchronisation(self):
        nonce, rand, autn = self.challenge()
        self.sim.authenticate(rand, autn)
        auts = self.sim.authenticate(rand, autn)
        said = self.authorization("ub-response")
        self.assertIn('response="%s", algorithm=AKAv1-MD5, auts="%s"' % (
            ub.digest(said["username"], said["realm"], nonce, said["cnonce"], b"", "GET"),
            base64.b64encode(auts).decode()), self.text)

    @staticmethod
    def mac(ks_mef, btid, method, path, body=b""):
        mac = ub.proof(ks_mef, btid, lab.MEF, method, path, body)
        return base64.urlsafe_b64encode(mac).decode().rstrip("=")

    def test_proofs_and_keys(self):
        _, rand, autn = self.challenge()
        res, ck, ik = self.sim.authenticate(rand, autn)
        impi = self.authorization("ub-begin")["username"]
        ks_mef = ub.naf_key(ck + ik, rand, impi, lab.MEF, "http-digest")
        for name in ("ub-ack", "ub-fetched", "ub-target"):
            page = self.pages[name].request
            method, path, _ = page.start.split(" ")
            said = self.authorization(name, "Fieldroot ")
            self.assertEqual(said["btid"], f"{base64.b64encode(rand).decode()}@{lab.MEF}")
            self.assertEqual(said["mac"], self.mac(ks_mef, said["btid"], method, path,
                                                   page.body.encode()))
        for name, path in (("ub-response", "/"), ("ub-ack", "/fieldroot/v1/gba/ack"),
                           ("ub-target", "/fieldroot/v1/gba/targets")):
            answer = self.pages[name].response
            info = ub.parameters(answer.headers["X-Fieldroot-Proof"], "Fieldroot ")
            self.assertEqual(info["mac"], self.mac(ks_mef, info["btid"], "200", path,
                                                   answer.body.encode()))
        for number in (res, ck, ik, ks_mef, *(ub.naf_key(
                ck + ik, rand, impi, lab.BROKER, ua) for ua in ("tls1.2", "dtls1.2", "tls1.3"))):
            self.assertIn(f"`{number.hex()}`", self.text)
        self.assertIn(f"`{hashlib.md5(b'').hexdigest()}`", self.text)
        for octets in ub.UA.values():
            self.assertTrue(re.search(rf"`{octets}`", self.text), octets)


IMSI = gba.IMSI
IMPI = IMSI + gba.DOMAIN


class UbWithARealHss(gba.TestCase):
    tls = True

    def setUp(self):
        super().setUp()
        self.lab = self.site()
        self.lab.hlr.add(IMSI, *SETS[0][:2])
        self.lab.start(**{} if self.tls else {"gba-bsf": "tls = off"})
        self.lab.ctl("target", "add", lab.BROKER)
        self.lab.ctl("target", "add", "other.example.com")
        self.lab.ctl("enrolee", "add", "dev1", "--imsi", IMSI, "--default", lab.BROKER)
        self.target = self.lab.target()
        self.write_sim()

    def write_sim(self, sqn="000000000000", k=SETS[0][0], impi=IMPI):
        with open(self.lab.path("sim.json"), "w", encoding="ascii") as f:
            json.dump({"impi": impi, "k": k, "opc": SETS[0][1], "sqn": sqn}, f)

    def ub(self, *args):
        how = ["--ca", self.lab.mef_ca.pem] if self.tls else ["--plain"]
        return lab.run(sys.executable, ub.__file__, "--mef", lab.MEF, "--connect",
                       f"127.0.0.1:{self.lab.ports['gba-bsf']}", "--sim",
                       self.lab.path("sim.json"), *how, *args)

    def ub_is_refused(self, status, reason, *args):
        done = self.ub(*args)
        self.assertEqual(done.status, status, done)
        self.assertIn(reason, done.err)

    def audit(self):
        return json.dumps(self.lab.ctl("audit"))

    def fetch(self, btid, ua="tls1.2"):
        status, body = self.target.get(
            f"/fetchCredentials/{urllib.parse.quote(btid, safe='')}/22?ua={ua}")
        self.assertEqual(status, 200, body)
        return base64.b64decode(json.loads(body)["credential"]).hex()

    def test_device_and_target_have_one_key(self):
        for ua in ("tls1.2", "tls1.3"):  # the second is a renewal
            done = self.ub("--target", lab.BROKER, "--ua", ua)
            self.assertEqual(done.status, 0, done)
            mine = json.loads(done.out)
            self.assertEqual((mine["target"], mine["ack"]), (lab.BROKER, 204))
            self.assertEqual(self.fetch(mine["btid"], ua), mine["key"])
        self.assertIn("acknowledged", self.audit())
        self.assertEqual(len(self.lab.ctl("credential", "list")), 2)

    def test_a_sim_that_is_ahead_resynchronises(self):
        self.write_sim(sqn="000000100000")
        done = self.ub()
        self.assertEqual(done.status, 0, done)
        self.assertIn("resynchronised", self.audit())
        self.assertEqual(self.fetch(json.loads(done.out)["btid"]), json.loads(done.out)["key"])

    def test_who_is_refused(self):
        self.ub_is_refused(77, "target-not-allowed", "--target", "other.example.com")
        self.ub_is_refused(77, "target-not-registered", "--target", "none.example.com")
        self.write_sim(impi="001010000000009@ims.mnc001.mcc001.3gppnetwork.org")
        self.ub_is_refused(77, "enrolee-not-listed")
        self.lab.ctl("enrolee", "add", "dev9", "--imsi", "001010000000009")
        self.ub_is_refused(77, "subscriber-unknown")
        self.write_sim(k="00" * 16)
        self.ub_is_refused(77, "aka-mac")
        self.assertEqual(self.lab.ctl("credential", "list"), [])
        self.assertEqual(self.audit().count('"subscriber-unknown"'), 1)

    def test_a_header_of_a_megabyte_is_refused(self):
        scheme = ["--cacert", self.lab.mef_ca.pem] if self.tls else []
        host = f"{lab.MEF}:{self.lab.ports['gba-bsf']}"
        header = self.lab.path("header")
        with open(header, "w", encoding="ascii") as f:
            f.write(f'Authorization: Digest username="{"x" * (1 << 20)}"\n')
        done = lab.run("curl", "-sS", *scheme, "--resolve", f"{host}:127.0.0.1", "-H",
                       "@" + header, "-o", "/dev/null", "-w", "%{http_code}",
                       f"http{'s' if self.tls else ''}://{host}/")
        self.assertIn(done.out, ("431", "000"), done)  # or it was cut while it still sent
        self.assertEqual(self.ub().status, 0)

    def test_an_hss_that_stops_and_comes_back(self):
        self.lab.hlr.stop()
        self.ub_is_refused(69, "hss-unreachable")
        self.lab.hlr.start()
        lab.wait_until(lambda: self.ub().status == 0, "the HSS is back")

    def test_nothing_secret_is_in_a_file_or_log(self):
        self.assertEqual(self.ub().status, 0)
        with open(self.lab.path("fieldrootd.log"), encoding="utf-8") as f:
            log = f.read()
        for secret in (SETS[0][0], SETS[0][1], json.loads(self.ub().out)["key"]):
            self.assertNotIn(secret, log + self.audit())


class PlainUb(UbWithARealHss):
    """The same without TLS."""
    tls = False


if __name__ == "__main__":
    lab.main()
