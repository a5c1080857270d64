# SPDX-License-Identifier: Apache-2.0
"""Ub: the numbers on docs/protocol.md (section 13), computed again by examples/ub.py, which
was written from that page alone and is checked here against TS 35.208."""
import base64
import hashlib
import os
import re
import sys
import unittest

import lab
from test_protocol import page_text, read_pages

sys.path.insert(0, os.path.join(lab.ROOT, "examples"))
import ub  # pylint: disable=wrong-import-position

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
        body = (answer.body + "\n").encode()
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

    def test_proofs_and_keys(self):
        _, rand, autn = self.challenge()
        res, ck, ik = self.sim.authenticate(rand, autn)
        impi = self.authorization("ub-begin")["username"]
        ks_mef = ub.naf_key(ck + ik, rand, impi, lab.MEF, "http-digest")
        for name in ("ub-ack", "ub-fetched"):
            method, path, _ = self.pages[name].request.start.split(" ")
            said = self.authorization(name, "Fieldroot ")
            self.assertEqual(said["btid"], f"{base64.b64encode(rand).decode()}@{lab.MEF}")
            self.assertEqual(said["mac"], base64.urlsafe_b64encode(ub.proof(
                ks_mef, said["btid"], lab.MEF, method, path)).decode().rstrip("="))
        for number in (res, ck, ik, ks_mef, *(ub.naf_key(
                ck + ik, rand, impi, lab.BROKER, ua) for ua in ("tls1.2", "dtls1.2", "tls1.3"))):
            self.assertIn(f"`{number.hex()}`", self.text)
        self.assertIn(f"`{hashlib.md5(b'').hexdigest()}`", self.text)
        for octets in ub.UA.values():
            self.assertTrue(re.search(rf"`{octets}`", self.text), octets)


if __name__ == "__main__":
    lab.main()
