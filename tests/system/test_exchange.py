# SPDX-License-Identifier: Apache-2.0
"""The Enrolment Exchange spoken by a client that we did not write: stock
`openssl s_client`, which exports the key material, with hand-written requests; the keys
are recomputed here with Python's hmac. And the rules of the exchange at the MEF."""
import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import select
import struct
import subprocess
import time

import lab

TYPE = "application/vnd.onem2m-res+json"


class Client:
    """One TLS connection of `openssl s_client`, driven by hand."""

    def __init__(self, site, device, listener="enrol", version="-tls1_3"):
        self.site, self.device = site, device
        self.process = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{site.ports[listener]}",
             "-servername", lab.MEF, "-verify_hostname", lab.MEF, "-verify_return_error",
             "-CAfile", site.mef_ca.pem, "-cert", device.cert, "-key", device.key, version,
             "-keymatexport", "EXPORTER-oneM2M-Bootstrap", "-keymatexportlen", "48",
             "-ign_eof"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        site.cleanup(self.close)
        self.data = b""
        found = self.read(lambda d: re.search(rb"Keying material: ([0-9A-Fa-f]{96})", d) and
                          b"---\n" in d.split(b"Keying material:")[-1])
        self.exported = bytes.fromhex(
            re.search(rb"Keying material: ([0-9A-Fa-f]{96})", found)[1].decode())
        self.data = b""

    def close(self):
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()

    def read(self, enough):
        end = time.monotonic() + lab.LIMIT
        while not enough(self.data):
            ready, _, _ = select.select([self.process.stdout], [], [], end - time.monotonic())
            more = ready and os.read(self.process.stdout.fileno(), 65536)
            if not more:
                raise AssertionError(f"no answer: {self.data!r}")
            self.data += more
        return self.data

    @staticmethod
    def whole(data):
        head, gap, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        return gap and len(body) >= int(length[1] if length else 0)

    def call(self, method, path, body=None, kind=None, origin=None):
        """(HTTP status, RSC, headers, body octets)"""
        payload = body if isinstance(body, bytes) else (
            json.dumps(body).encode() if body is not None else b"")
        head = (f"{method} {path} HTTP/1.1\r\nHost: {lab.MEF}\r\nX-M2M-RI: 1\r\n"
                f"X-M2M-Origin: {origin or self.device.san.split(':', 1)[1]}\r\nX-M2M-RVI: 3\r\n")
        if body is not None:
            head += f"Content-Type: {kind or 'application/json'}\r\n"
        head += f"Content-Length: {len(payload)}\r\n\r\n"
        self.process.stdin.write(head.encode() + payload)
        self.process.stdin.flush()
        # s_client of TLS 1.3 may print session details first; skip to the answer
        raw = self.read(lambda d: b"HTTP/1.1 " in d and
                        self.whole(d[d.index(b"HTTP/1.1 "):]))
        raw = raw[raw.index(b"HTTP/1.1 "):]
        self.data = b""
        head, _, content = raw.partition(b"\r\n\r\n")
        headers = {k.lower(): v for k, v in re.findall(r"(?m)^([\w-]+): *(.*?)\r?$",
                                                       head.decode())}
        length = int(headers.get("content-length", 0))
        return (int(head.split()[1]), int(headers.get("x-m2m-rsc", 0)), headers,
                content[:length])

    # ---- the standard's steps ----

    def register(self):
        status, rsc, _, body = self.call("POST", "/mefbase", {"sec:mecr": {
            "adfq": lab.MEF, "et": "20991231T000000"}}, f"{TYPE};ty=102")
        assert (status, rsc) == (201, 2001), body
        return json.loads(body)["sec:mecr"]["ri"]

    def key_request(self, target=lab.BROKER, suid=22):
        return json.dumps({"sec:mkr": {"adfq": lab.MEF, "et": "20991231T000000", "suid": suid,
                                       "tgis": [target]}}).encode()

    def register_key(self, request=None):
        request = request or self.key_request()
        return request, self.call("POST", "/mefbase", request, f"{TYPE};ty=104")

    def fields(self, request, response):
        """F of DESIGN 6, written from its text."""
        relative = self.exported[:16].hex().upper()
        with open(self.device.cert, encoding="ascii") as f:
            pem = f.read().split("-----")[2]
        leaf = hashlib.sha256(base64.b64decode(pem)).hexdigest()
        return b"".join(struct.pack(">I", len(f)) + f for f in (
            f"{relative}@{lab.MEF}".encode(), lab.MEF.encode(), f"cert:{leaf}".encode(),
            hashlib.sha256(request).digest(), hashlib.sha256(response).digest()))

    def mac(self, role, request, response):
        k = hmac.digest(self.exported[16:], b"Fieldroot key confirmation v1", "sha256")
        return hmac.digest(k, role + self.fields(request, response), "sha256")

    def confirm(self, request, response, mac=None):
        relative = json.loads(response)["sec:mkr"]["ri"]
        mac = mac or self.mac(b"enrolee", request, response)
        return self.call("POST", f"/mefbase/{relative}/fieldroot-confirm", {
            "mac": base64.urlsafe_b64encode(mac).decode().rstrip("=")})

    def enrol(self):
        """The whole exchange; returns KeID."""
        registration = self.register()
        request, (status, rsc, _, response) = self.register_key()
        assert (status, rsc) == (201, 2001), response
        status, rsc, _, answer = self.confirm(request, response)
        assert status == 200, answer
        proof = base64.urlsafe_b64decode(json.loads(answer)["mac"] + "=")
        assert hmac.compare_digest(proof, self.mac(b"mef", request, response))
        status, rsc, _, command = self.call("GET", f"/mefbase/{registration}/cmd")
        assert (status, rsc) == (200, 2000), command
        assert json.loads(command)["sec:mcc"]["mccd"]["ccid"] == 0, command
        return f"{self.exported[:16].hex().upper()}@{lab.MEF}"


class Oracle(lab.TestCase):
    """The octets that stock OpenSSL exports give the KeID and the key that the MEF hands
    to the target."""

    def enrolled(self, version):
        site = self.site().start()
        device = site.listed_device()
        client = Client(site, device, version=version)
        keid = client.enrol()
        self.assertEqual([c["keyId"] for c in site.ctl("credential", "list")], [keid])
        target = site.target()
        self.assertEqual(target.sync().status, 0)
        label = b"oneM2M Enrolment Key to Usage-Constrained Symmetric Key derivation"
        want = hmac.digest(client.exported[16:], label + b"22" + lab.BROKER.encode(), "sha256")
        self.assertEqual(target.keys(), {keid: want.hex()})
        broker = lab.Broker(site, target.psk_file)
        self.assertTrue(broker.accepts(keid, want.hex()))

    def test_tls_1_3(self):
        self.enrolled("-tls1_3")

    def test_tls_1_2(self):
        self.enrolled("-tls1_2")

    def test_openssl_computes_the_same_confirmation(self):
        site = self.site().start()
        client = Client(site, site.listed_device())
        client.register()
        request, (_, _, _, response) = client.register_key()

        def dgst(key, data):
            done = subprocess.run(["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt",
                                   "hexkey:" + key.hex(), "-binary"], input=data, check=True,
                                  capture_output=True)
            return done.stdout
        k = dgst(client.exported[16:], b"Fieldroot key confirmation v1")
        mine = client.mac(b"enrolee", request, response)
        theirs = dgst(k, b"enrolee" + client.fields(request, response))
        self.assertEqual(mine, theirs)
        status, _, _, _ = client.confirm(request, response, theirs)
        self.assertEqual(status, 200)

    def test_curl_reads_the_discovery_server(self):
        site = self.site().start()
        device = site.listed_device()
        site.ctl("instructions", "set", "fleet", site.document(site.bootstrap()))
        site.ctl("instructions", "assign", "fleet", "--all")
        status, body = lab.curl(site, "discovery", lab.DISCOVERY,
                                "/.well-known/fieldroot/instructions", device.cert, device.key)
        self.assertEqual(status, 200, body)
        self.assertEqual(json.loads(body)["instructions"][0]["mef"], lab.MEF)


class Rules(lab.TestCase):
    def setUp(self):
        self.lab = self.site().start()
        self.device = self.lab.listed_device()
        self.client = Client(self.lab, self.device)

    def stored(self):
        return [c["keyId"] for c in self.lab.ctl("credential", "list")]

    def test_a_wrong_confirmation_commits_nothing(self):
        self.client.register()
        request, (_, _, _, response) = self.client.register_key()
        status, rsc, _, body = self.client.confirm(request, response, bytes(32))
        self.assertEqual((status, rsc), (403, 4103), body)
        self.assertEqual(json.loads(body)["reason"], "confirmation-mismatch")
        self.assertEqual(self.stored(), [])
        self.assertIn("confirmation-mismatch", json.dumps(self.lab.ctl("explain", "dev1")))

    def test_a_repeat_with_the_same_body_returns_the_same_resource(self):
        self.client.register()
        request, (_, _, _, first) = self.client.register_key()
        _, (status, rsc, _, again) = self.client.register_key(request)
        self.assertEqual((status, rsc), (201, 2001))
        self.assertEqual(first, again)

    def test_a_repeat_with_another_body_is_a_conflict(self):
        self.client.register()
        self.client.register_key()
        _, (status, rsc, _, body) = self.client.register_key(self.client.key_request(suid=21))
        self.assertEqual((status, rsc), (409, 4105), body)

    def test_a_registration_without_confirmation_is_provisional(self):
        self.client.register()
        _, (_, _, _, response) = self.client.register_key()
        relative = json.loads(response)["sec:mkr"]["ri"]
        self.client.close()
        later = Client(self.lab, self.device)
        status, rsc, _, _ = later.call("GET", f"/mefbase/{relative}")
        self.assertEqual((status, rsc), (404, 4004))
        self.assertEqual(self.stored(), [])
        self.assertEqual(self.lab.target().sync().status, 0)

    def test_a_client_without_the_extension_is_accepted_and_audited_as_unconfirmed(self):
        registration = self.client.register()
        self.client.register_key()
        self.assertEqual(self.stored(), [])
        status, _, _, body = self.client.call("GET", f"/mefbase/{registration}/cmd")
        self.assertEqual(status, 200, body)
        self.assertEqual(len(self.stored()), 1)
        self.assertIn("unconfirmed", json.dumps(self.lab.ctl("audit")))

    def test_the_committed_registration_answers_its_source_only(self):
        keid = self.client.enrol()
        relative = keid.split("@")[0]
        status, rsc, _, body = Client(self.lab, self.device).call("GET", f"/mefbase/{relative}")
        self.assertEqual((status, rsc), (200, 2000), body)
        other = self.lab.listed_device("dev2")
        status, rsc, _, _ = Client(self.lab, other).call("GET", f"/mefbase/{relative}")
        self.assertEqual((status, rsc), (404, 4004))

    def test_two_enrolments_of_one_device_at_once_leave_one_current(self):
        second = Client(self.lab, self.device)
        pending = []
        for client in self.client, second:
            client.register()
            request, (_, _, _, response) = client.register_key()
            pending.append((client, request, response))
        for client, request, response in pending:
            self.assertEqual(client.confirm(request, response)[0], 200)
        slots = sorted(c["slot"] for c in self.lab.ctl("credential", "list"))
        self.assertEqual(slots, ["current", "previous"])
        self.assertIn("possible-clone", json.dumps(self.lab.ctl("audit")))

    def test_an_origin_that_is_not_ones_own_is_refused(self):
        status, rsc, _, body = self.client.call(
            "POST", "/mefbase", {"sec:mecr": {"et": "20991231T000000"}}, f"{TYPE};ty=102",
            origin="somebody.else")
        self.assertEqual((status, rsc), (403, 4103), body)

    def test_unknown_paths_and_methods_are_told_apart(self):
        self.assertEqual(self.client.call("GET", "/nowhere")[:2], (404, 4004))
        self.assertEqual(self.client.call("DELETE", "/mefbase")[:2], (405, 4005))

    def test_malformed_bodies_are_bad_requests(self):
        for body in (b"{", b"[]", b'{"sec:mkr":7}', b'{"sec:mkr":{"suid":"x"}}', b"\xff"):
            with self.subTest(body=body):
                status, rsc, _, _ = self.client.call("POST", "/mefbase", body, f"{TYPE};ty=104")
                self.assertEqual((status, rsc), (400, 4000))
        self.assertEqual(self.stored(), [])

    def test_a_body_beyond_the_limit_is_refused(self):
        request = b'{"sec:mkr":{"x":"' + b"y" * 200_000 + b'"}}'
        try:
            status = self.client.call("POST", "/mefbase", request, f"{TYPE};ty=104")[0]
        except (AssertionError, BrokenPipeError):
            status = 413
        self.assertEqual(status, 413)
        self.assertEqual(self.stored(), [])


if __name__ == "__main__":
    lab.main()
