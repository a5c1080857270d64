# SPDX-License-Identifier: Apache-2.0
"""A MEF with the right papers that answers garbage, half an answer, errors, or nothing:
the right class and reason each time."""
import collections
import contextlib
import json
import select
import socket
import ssl

import lab

ANSWER = "HTTP/1.1 {} X\r\nContent-Type: application/json\r\nX-M2M-RSC: {}\r\n" \
         "Content-Length: {}\r\n\r\n{}"


def answer(tls, status, rsc, body=""):
    if not isinstance(body, str):
        body = json.dumps(body)
    tls.sendall(ANSWER.format(status, rsc, len(body), body).encode())


def says(raw):
    """Reads a request and sends these octets."""
    def behave(tls):
        lab.read_request(tls)
        tls.sendall(raw if isinstance(raw, bytes) else raw.encode())
        tls.unwrap()
    return behave


class Hostile(lab.TestCase):
    def setUp(self):
        self.lab = self.site()
        self.device = self.lab.device("dev1")
        self.extra = {}

    def provision(self, behave, budget="PT2S", client_ca=True, **how):
        peer = lab.Peer(*self.lab.mef_cert, self.lab.device_ca.pem if client_ca else None,
                        behave, **how)
        self.addCleanup(peer.close)
        self.peer = peer
        return self.device.provision("--instructions", self.lab.document(
            {"bootstrap": "certificate", "mef": lab.MEF, "port": peer.port, "budget": budget,
             **self.extra}))


class Answers(Hostile):
    def test_garbage_is_invalid(self):
        self.assertFailed(self.provision(says("mooo\r\n\r\n")), 76, "invalid",
                          "http-malformed")

    def test_garbage_in_json_is_invalid(self):
        body = "HTTP/1.1 201 Created\r\nX-M2M-RSC: 2001\r\nContent-Length: 5\r\n\r\n{]{]{"
        self.assertFailed(self.provision(says(body)), 76, "invalid")

    def test_another_resource_than_asked_for_is_invalid(self):
        body = '{"sec:other":{}}'
        text = f"HTTP/1.1 201 C\r\nX-M2M-RSC: 2001\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        self.assertFailed(self.provision(says(text)), 76, "invalid")

    def test_a_bomb_of_headers_is_invalid(self):
        text = "HTTP/1.1 200 OK\r\n" + "".join(f"X-{i}: {'y' * 900}\r\n" for i in range(100))
        self.assertFailed(self.provision(says(text)), 76, "invalid", "http-too-large")

    def test_a_bomb_of_a_body_is_invalid(self):
        text = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"
        self.assertFailed(self.provision(says(text)), 76, "invalid", "http-too-large")

    def test_half_an_answer_is_unreachable_and_retried(self):
        half = "HTTP/1.1 201 Created\r\nX-M2M-RSC: 2001\r\nContent-Length: 500\r\n\r\n{"
        run = self.provision(says(half), budget="PT3S")
        self.assertFailed(run, 69, "unreachable")
        # the budget may end in the middle of the last try, which then says "timeout"
        self.assertEqual(run.attempts[0]["reason"], "connection-cut")
        self.assertGreater(self.peer.count, 1)

    def test_5xx_is_unreachable(self):
        self.assertFailed(self.provision(lambda tls: (
            lab.read_request(tls), answer(tls, 500, 5000))), 69, "unreachable")

    def test_4000_is_invalid_and_not_retried(self):
        run = self.provision(lambda tls: (lab.read_request(tls), answer(tls, 400, 4000)))
        self.assertFailed(run, 76, "invalid")
        self.assertEqual(self.peer.count, 1)

    def test_4103_is_refused_and_not_retried(self):
        run = self.provision(lambda tls: (lab.read_request(tls), answer(tls, 403, 4103, {
            "reason": "target-not-allowed", "text": "no"})))
        self.assertRefused(run, "target-not-allowed")
        self.assertEqual(self.peer.count, 1)

    def test_4105_is_unreachable(self):
        self.assertFailed(self.provision(lambda tls: (
            lab.read_request(tls), answer(tls, 409, 4105))), 69, "unreachable")

    def test_503_with_retry_after_is_honoured_inside_the_budget(self):
        def behave(tls):
            lab.read_request(tls)
            tls.sendall(b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")
        run = self.provision(behave, budget="PT3S")
        self.assertFailed(run, 69, "unreachable")
        self.assertGreaterEqual(self.peer.count, 2)
        self.assertLessEqual(self.peer.count, 4)

    def test_503_with_a_retry_after_beyond_the_budget_ends_the_instruction(self):
        def behave(tls):
            lab.read_request(tls)
            tls.sendall(b"HTTP/1.1 503 Busy\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n")
        run = self.provision(behave, budget="PT30S")
        self.assertFailed(run, 69, "unreachable")
        self.assertEqual(self.peer.count, 1)

    def test_silence_is_unreachable_when_the_budget_ends(self):
        run = self.provision(lambda tls: tls.recv(10 ** 6) and tls.recv(1), budget="PT2S")
        self.assertFailed(run, 69, "unreachable")

    def test_no_exporter_key_is_kept_of_a_failed_exchange(self):
        self.provision(lambda tls: (lab.read_request(tls), answer(tls, 400, 4000)))
        self.assertEqual(self.device.slots(), set())


def goes_on(head, more, pace=0):
    """Reads a request, answers head, and then more and more until the client has gone."""
    def behave(tls):
        lab.read_request(tls)
        tls.sendall(head.encode())
        while not select.select([tls], [], [], pace)[0]:
            tls.sendall(more.encode())
    return behave


OK = "HTTP/1.1 200 OK\r\nX-M2M-RSC: 2000\r\nContent-Type: application/json\r\n"
REDIRECT = "HTTP/1.1 {} X\r\nLocation: https://{}:{}/other\r\nContent-Length: 0\r\n\r\n"
ENDLESS = {
    "headers": (OK, "X-More: y\r\n" * 100),
    "a header": (OK + "X-Long: ", "y" * 1000),
    "a status line": ("HTTP/1.1 200 ", "y" * 1000),
    "a body": (OK + "\r\n", "y" * 1000),
    "chunks": (OK + "Transfer-Encoding: chunked\r\n\r\n", "3e8\r\n" + "y" * 1000 + "\r\n"),
    "a chunk's size": (OK + "Transfer-Encoding: chunked\r\n\r\n", "0" * 1000),
    "1xx answers": ("", "HTTP/1.1 100 Continue\r\n\r\n" * 10),
}


class Endless(Hostile):
    """What never ends is ended by a limit, or by the budget at the latest."""

    def test_endless_answers_are_invalid(self):
        for name, (head, more) in ENDLESS.items():
            with self.subTest(name):
                run = self.provision(goes_on(head, more), budget="PT1M")
                self.assertFailed(run, 76, "invalid")
                self.assertEqual(self.peer.count, 1)

    def test_answer_by_the_octet_is_unreachable_when_the_budget_ends(self):
        run = self.provision(goes_on(OK + "X-Slow: ", "y", pace=0.05), budget="PT1S")
        self.assertFailed(run, 69, "unreachable")

    def test_redirect_is_not_followed(self):
        for status in (301, 302, 307, 308):
            with self.subTest(status=status):
                other = lab.Peer(*self.lab.mef_cert, None, says(OK))
                self.addCleanup(other.close)
                run = self.provision(says(REDIRECT.format(status, lab.MEF, other.port)))
                self.assertFailed(run, 76, "invalid")
                self.assertEqual((self.peer.count, other.count), (1, 0))


class HostileDiscovery(Hostile):
    def discover(self, behave, budget="PT1M"):
        peer = lab.Peer(*self.lab.discovery_cert, self.lab.device_ca.pem, behave)
        self.addCleanup(peer.close)
        self.peer = peer
        return self.device.provision("--instructions", self.lab.document(
            {"discovery": "https", "budget": budget,
             "resource": f"https://{lab.DISCOVERY}:{peer.port}/"}))

    def document(self, n, **members):
        body = json.dumps({"version": 1, "instructions": [
            {"bootstrap": "certificate", "mef": lab.MEF, **members}] * n})
        return says(f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n{body}")

    def test_more_instructions_than_64_are_invalid(self):
        self.assertFailed(self.discover(self.document(65)), 76, "invalid")

    def test_64_instructions_that_lead_nowhere_share_one_budget(self):
        run = self.discover(self.document(64, port=lab.free_port(), budget="PT10M"), "PT2S")
        self.assertFailed(run, 69, "unreachable")  # long before 64 times 10 minutes
        self.assertGreater(len(run.attempts), 1)

    def test_document_larger_than_the_limit_is_invalid(self):
        self.assertFailed(self.discover(self.document(1, comment="x" * 270_000)), 76, "invalid")

    def test_endless_answers_are_invalid(self):
        for name, (head, more) in ENDLESS.items():
            with self.subTest(name):
                self.assertFailed(self.discover(goes_on(head, more)), 76, "invalid")

    def test_redirect_is_not_followed(self):
        other = lab.Peer(*self.lab.discovery_cert, None, self.document(1))
        self.addCleanup(other.close)
        run = self.discover(says(REDIRECT.format(302, lab.DISCOVERY, other.port)))
        self.assertFailed(run, 76, "invalid")
        self.assertEqual(other.count, 0)


class Script:
    """A MEF that speaks the exchange, up to the confirmation. Python cannot export the TLS
    key, so it never knows Ke: what it confirms is wrong."""

    def __init__(self, confirm=(200, 2000, {"mac": "A" * 43}), **key_reg):
        self.confirm, self.key_reg, self.seen = confirm, key_reg, []

    def __call__(self, tls):
        while True:
            line, body = lab.read_request(tls)
            if not line:
                return
            self.seen.append(line)
            self.answer(tls, line, body)

    def answer(self, tls, line, body):
        if "fieldroot-confirm" in line:
            answer(tls, *self.confirm)
            return
        asked = json.loads(body)
        kind, attributes = next(iter(asked.items()))
        common = {"ri": "f" * 16, "cr": "dev1.devices.example.com", "adfq": lab.MEF}
        if kind == "sec:mkr":
            common.update(ri="AB" * 16, tgis=["broker.example.com"],
                          lbl=["fieldroot:target-fqdn=broker.example.com"])
            attributes.update(self.key_reg)
        answer(tls, 201, 2001, {kind: {**common, **attributes}})


class Confirmation(Hostile):
    def test_a_wrong_confirmation_is_refused(self):
        script = Script()
        run = self.provision(script)
        self.assertRefused(run, "confirmation-mismatch")
        self.assertEqual(len(script.seen), 3, script.seen)
        self.assertEqual(self.device.slots(), set())

    def test_a_confirmation_that_is_no_mac_is_invalid(self):
        for body in ({"mac": "short"}, {"mac": 7}, {}, [], "x"):
            with self.subTest(body=body):
                run = self.provision(Script(confirm=(200, 2000, body)))
                self.assertFailed(run, 76, "invalid")

    def test_a_mef_without_the_extension_is_refused_by_default(self):
        run = self.provision(Script(confirm=(404, 4004, "")))
        self.assertRefused(run, "unconfirmed")
        self.assertEqual(self.device.slots(), set())  # nothing that a resolve could flip

    def test_a_registration_for_another_source_is_invalid(self):
        self.assertFailed(self.provision(Script(cr="other.example.com")), 76, "invalid",
                          text="other.example.com")

    def test_a_registration_for_another_target_is_invalid(self):
        self.extra = {"target": "broker.example.com"}
        self.assertFailed(self.provision(Script(tgis=["evil.example.com"])), 76, "invalid",
                          text="evil.example.com")

    def test_a_registration_that_has_expired_is_invalid(self):
        self.assertFailed(self.provision(Script(et="20200101T000000")), 76, "invalid")

    def test_a_registration_for_another_usage_is_invalid(self):
        self.assertFailed(self.provision(Script(suid=21)), 76, "invalid")


class Alerts(Hostile):
    """In TLS 1.3 the client is finished before the server rejects its certificate."""

    def setUp(self):
        super().setUp()
        self.lab.start()
        self.stranger = lab.Authority(self.lab.path("ca-stranger"), "Stranger CA")

    def test_the_device_says_refused_200_times_of_200(self):
        device = self.lab.device("stranger", authority=self.stranger,
                                 extra='tls-min = "1.3"')
        seen = collections.Counter()
        document = self.lab.document(*[self.lab.bootstrap()] * 50)
        for _ in range(4):
            run = device.provision("--instructions", document)
            self.assertEqual(run.status, 77, run)
            seen.update((a["class"], a["reason"]) for a in run.attempts)
        self.assertEqual(seen, {("refused", "tls-alert-48"): 200})

    def test_a_stock_client_reads_the_alert_200_times_of_200_with_a_large_request_in_flight(
            self):
        cert, key = self.stranger.issue(self.lab.path("other"), "dns:other.example.com")
        context = ssl.create_default_context(cafile=self.lab.mef_ca.pem)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(cert, key)
        seen = collections.Counter()
        for _ in range(200):
            with socket.create_connection(("127.0.0.1", self.lab.ports["enrol"])) as plain:
                tls = context.wrap_socket(plain, server_hostname=lab.MEF)
                try:
                    with contextlib.suppress(BrokenPipeError):
                        tls.sendall(b"POST /mefbase HTTP/1.1\r\n" + b"x" * 2_000_000)
                    tls.recv(1)
                    seen["answered"] += 1
                except ssl.SSLError as e:
                    seen[e.reason] += 1
                except OSError as e:
                    seen[type(e).__name__] += 1
        self.assertEqual(seen, {"TLSV1_ALERT_UNKNOWN_CA": 200})


if __name__ == "__main__":
    lab.main()
