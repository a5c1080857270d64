# SPDX-License-Identifier: Apache-2.0
"""Keeps docs/protocol.md true. Its captured requests are sent to a live fieldrootd, whose
answers must be those of the page; its captured answers are given to the real fieldroot and
fieldroot-target, whose requests must be those of the page; the vectors are computed again;
and the client that was written from the page alone, examples/enrol.py, enrols."""
import base64
import collections
import contextlib
import copy
import hashlib
import hmac
import json
import os
import re
import struct
import sys
import time

import lab
from test_exchange import Client

DOCS = os.environ.get("FIELDROOT_DOCS", os.path.join(lab.ROOT, "docs"))  # to try a copy
PAGES = ("protocol.md", os.path.join("captures", "more.md"))
ENROL = os.path.join(lab.ROOT, "examples", "enrol.py")
PLACEHOLDER = "<44 base64 characters>"
FUTURE = time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() + 180 * 86400))
STAMP = re.compile(r"\b\d{8}T\d{6}\b")
FIXED = ("reason", "ccid", "mcci", "mccs", "suid", "version", "seq", "cursor")

# What differs from run to run, and how it looks.
VOLATILE = (
    (re.compile(r"\b[0-9A-F]{32}\b"), "<RelativeKeyID>"),
    (re.compile(r"\b[0-9a-f]{8}\b"), "<MEFClientRegID>"),
    (re.compile(r"^[0-9a-f]{16}$"), "<list>"),
    (STAMP, "<time>"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "<rfc3339>"),
    (re.compile(r"^[A-Za-z0-9_-]{43}$"), "<mac>"),
    (re.compile(r"^(?:[A-Za-z0-9+/]{43}=|" + PLACEHOLDER + ")$"), "<key>"))


def plain(text):
    for pattern, name in VOLATILE:
        text = pattern.sub(name, text)
    return text


def shape(value, name=""):
    """A JSON value without what may differ; words for people and counts by type only."""
    if isinstance(value, dict):
        return {k: shape(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [shape(v) for v in value]
    if isinstance(value, str):
        return "<words>" if name in ("text", "errorString") else plain(value)
    return value if name in FIXED or isinstance(value, bool) else type(value).__name__


class Message:
    """A request or an answer, of a page or of a wire."""

    def __init__(self, start, headers, body):
        self.start, self.headers, self.body = start, headers, body

    @classmethod
    def of_page(cls, text):
        head, _, body = text.partition("\n\n")
        start, *lines = head.rstrip("\n").split("\n")
        headers = dict(line.split(": ", 1) for line in lines)
        end = "\n" if headers.get("Content-Type", "").endswith("+xml") else ""
        return cls(start, headers, body.rstrip("\n") + end)

    @classmethod
    def of_wire(cls, octets):
        head, _, body = octets.decode().partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        return cls(start, dict(line.split(": ", 1) for line in lines), body)

    @property
    def json(self):
        return json.loads(self.body) if self.body and self.body[0] in "{[" else None

    def octets(self):
        headers = dict(self.headers)
        if "Content-Length" in headers:
            headers["Content-Length"] = str(len(self.body.encode()))
        return "\r\n".join([self.start, *(f"{k}: {v}" for k, v in headers.items()), "",
                            self.body]).encode()

    def with_(self, words):
        """The same with words replaced, and every m2m:timestamp in the future."""
        def swap(text):
            for old, new in words.items():
                text = text.replace(old, new)
            return STAMP.sub(FUTURE, text)
        return Message(swap(self.start), {k: swap(v) for k, v in self.headers.items()},
                       swap(self.body))


Example = collections.namedtuple("Example", "request response")


def read_pages():
    blocks = collections.defaultdict(dict)
    for page in PAGES:
        with open(os.path.join(DOCS, page), encoding="utf-8") as f:
            for kind, name, text in re.findall(
                    r"^```http (request|response) ([a-z-]+)\n(.*?)^```$", f.read(),
                    re.M | re.S):
                assert kind not in blocks[name], f"{name} is on the pages twice"
                blocks[name][kind] = Message.of_page(text)
    return {name: Example(**both) for name, both in blocks.items()}


def page_text():
    with open(os.path.join(DOCS, PAGES[0]), encoding="utf-8") as f:
        return f.read()


def host_of(value):
    return value.split(":")[0]


class Compare(lab.TestCase):
    """How a message of a page and one of a run are held against each other."""
    maxDiff = None

    def same_answer(self, name, page, live):
        self.assertEqual(page.start, live.start, name)
        self.assertEqual(sorted(page.headers), sorted(live.headers), name)
        for header in ("X-M2M-RSC", "Content-Type", "Content-Location", "Cache-Control",
                       "Connection", "Allow"):
            self.assertEqual(*(plain(m.headers.get(header, "")) for m in (page, live)), name)
        self.assertEqual(shape(page.json), shape(live.json), name)

    def same_request(self, name, page, live):
        self.assertEqual(plain(page.start), plain(live.start), name)
        self.assertEqual(sorted(page.headers), sorted(live.headers), name)
        self.assertEqual(host_of(page.headers["Host"]), host_of(live.headers["Host"]), name)
        for header in ("X-M2M-Origin", "X-M2M-RVI", "Accept", "Content-Type", "Connection"):
            self.assertEqual(page.headers.get(header), live.headers.get(header), name)
        self.assertEqual(shape(page.json), shape(live.json), name)


class Wire(Client):
    """A connection of stock openssl that says the page's requests."""

    def __init__(self, site, who, listener):
        was, lab.MEF = lab.MEF, lab.DISCOVERY if listener == "discovery" else lab.MEF
        try:
            super().__init__(site, who, listener)
        finally:
            lab.MEF = was

    def ask(self, request, meanwhile=None):
        self.process.stdin.write(request.octets())
        self.process.stdin.flush()
        if meanwhile:
            meanwhile()
        raw = self.read(lambda d: b"HTTP/1.1 " in d and self.whole(d[d.index(b"HTTP/1.1 "):]))
        raw = raw[raw.index(b"HTTP/1.1 "):]
        head, _, body = raw.partition(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", head)
        self.data = b""
        return Message.of_wire(head + b"\r\n\r\n" + body[:int(length[1]) if length else 0])


class ThePageAndTheServer(Compare):
    def setUp(self):
        self.pages = read_pages()
        self.lab = self.site().start()
        self.device = self.lab.listed_device()
        self.lab.ctl("target", "add", "other.example.com")
        self.words = {}  # of the page: of this run

    def wire(self, listener="enrol", who=None):
        return Wire(self.lab, who or self.device, listener)

    def learn(self, page, live):
        """The ids in an answer of this run stand for those of the page from now on."""
        for pattern, _ in VOLATILE[:2]:
            for old, new in zip(pattern.findall(page.body), pattern.findall(live.body)):
                self.words[old] = new

    def replay(self, wire, name, meanwhile=None):
        page = self.pages[name]
        request = page.request.with_(self.words)
        live = wire.ask(request, meanwhile)
        self.same_answer(name, page.response, live)
        if "X-M2M-RI" in request.headers:
            self.assertEqual(request.headers["X-M2M-RI"], live.headers["X-M2M-RI"])
        self.learn(page.response, live)
        return request.body.encode(), live.body.encode()

    def mac_for(self, name, mac):
        page = self.pages[name].request.json["mac"]
        self.words[page] = base64.urlsafe_b64encode(mac).decode().rstrip("=")

    def enrol(self, wire):
        self.replay(wire, "register")
        bodies = self.replay(wire, "register-key")
        self.mac_for("confirm", wire.mac(b"enrolee", *bodies))
        return bodies

    def test_discovery(self):
        self.lab.ctl("instructions", "set", "fleet", self.lab.document(
            {"bootstrap": "certificate", "mef": lab.MEF, "target": lab.BROKER}))
        self.lab.ctl("instructions", "assign", "fleet", "--all")
        self.replay(self.wire("discovery"), "discover")
        self.lab.ctl("instructions", "remove", "fleet")
        self.replay(self.wire("discovery"), "discover-none")

    def test_the_enrolment_exchange(self):
        wire = self.wire()
        bodies = self.enrol(wire)
        self.replay(wire, "register-key-other")
        _, answer = self.replay(wire, "confirm")
        proof = base64.urlsafe_b64decode(json.loads(answer)["mac"] + "=")
        self.assertEqual(proof, wire.mac(b"mef", *bodies))
        self.replay(wire, "command")
        self.replay(wire, "command-update")
        self.replay(wire, "attempts")
        self.replay(wire, "deregister")
        [credential] = self.lab.ctl("credential", "list")
        self.assertEqual((credential["state"], credential["confirmed"]), ("valid", True))
        self.assertIn("this build has no", json.dumps(self.lab.ctl("explain", "dev1")))

    def test_refusals(self):
        self.replay(self.wire(), "register-key-refused")
        wire = self.wire()
        self.enrol(wire)
        wrong = re.search(VOLATILE[0][0], self.pages["confirm-wrong"].request.start)[0]
        self.words[wrong] = wire.exported[:16].hex().upper()
        self.replay(wire, "confirm-wrong")
        self.replay(self.wire(), "resolve-gone")
        self.assertEqual(self.lab.ctl("credential", "list"), [])

    def test_resolve(self):
        wire = self.wire()
        self.enrol(wire)
        self.replay(wire, "confirm")
        self.replay(self.wire(), "resolve")

    def test_what_a_repeat_does(self):
        """The table of section 6.7."""
        wire = self.wire()

        def say(*args):
            status, rsc, _, body = wire.call(*args)
            return status, rsc, json.loads(body or b"{}")
        kind = "application/vnd.onem2m-res+json"
        client = wire.register()
        self.assertEqual(wire.register(), client)
        refused = wire.call("POST", "/mefbase", wire.key_request("other.example.com"), kind)
        self.assertEqual(refused[:2], (403, 4103))
        request, (_, _, _, answer) = wire.register_key()
        self.assertEqual(wire.register_key(request)[1][3], answer)
        first = wire.confirm(request, answer)
        self.assertEqual(wire.confirm(request, answer)[::3], first[::3])
        status, rsc, _, body = wire.confirm(request, answer, bytes(32))
        self.assertEqual((status, rsc, json.loads(body)["reason"]),
                         (409, 4105, "already-committed"))
        command = f"/mefbase/{client}/cmd"
        for method, body, want in (
                ("GET", None, (200, 2000, 1, 10)), ("GET", None, (200, 2000, 1, 11)),
                ("PUT", {"sec:mcc": {"mcci": 9, "mccs": 20}}, (200, 2004, 1, 11)),
                ("PUT", {"mcc": {"mcci": 1, "mccs": 20}}, (200, 2004, 2, 10))):
            status, rsc, body = say(method, command, body, kind)
            self.assertEqual((status, rsc, body["sec:mcc"]["mcci"], body["sec:mcc"]["mccs"]),
                             want)
        self.assertEqual(say("GET", f"/mefbase/{client}")[2]["sec:mecr"]["ri"], client)
        for method, path, want in (
                ("PUT", f"/mefbase/{client}", (405, 4005)),
                ("DELETE", "/mefbase/" + wire.exported[:16].hex().upper(), (404, 4004)),
                ("DELETE", f"/mefbase/{client}", (200, 2002)), ("GET", command, (404, 4004))):
            self.assertEqual(say(method, path)[:2], want, path)

    def test_a_confirmation_that_failed_stays_failed(self):
        wire = self.wire()
        client = wire.register()
        request, (_, _, _, answer) = wire.register_key()
        for mac in (bytes(32), None):  # None: the right one
            self.assertEqual(wire.confirm(request, answer, mac)[:2], (403, 4103))
        self.assertEqual(wire.call("GET", f"/mefbase/{client}/cmd")[:2], (403, 4103))
        self.assertEqual(self.lab.ctl("credential", "list"), [])

    def test_what_a_target_asks(self):
        wire = self.wire()
        self.enrol(wire)
        self.replay(wire, "confirm")
        target = self.lab.target()
        target.san = "dns:" + lab.BROKER
        fetch = self.wire("fetch", target)
        self.replay(fetch, "feed")
        _, answer = self.replay(fetch, "fetch")
        self.assertEqual(len(base64.b64decode(json.loads(answer)["credential"])), 32)
        self.replay(fetch, "fetch-refused")
        self.replay(fetch, "feed-revoked", lambda: self.lab.ctl(
            "credential", "revoke", self.lab.ctl("credential", "list")[0]["keyId"]))
        self.replay(fetch, "feed-reset")

    def test_the_operators_socket(self):
        self.lab.ctl("enrolee", "add", "dev3", "--san", "dns:dev3.devices.example.com",
                     "--anchor", self.lab.device_ca.pem)
        [block] = re.findall(r"^```admin\n(.*?)^```$", page_text(), re.M | re.S)
        lines = [line[2:] for line in block.splitlines()]
        with contextlib.closing(lab.socket.socket(lab.socket.AF_UNIX)) as plain_socket:
            plain_socket.settimeout(lab.LIMIT)
            plain_socket.connect(self.lab.socket)
            stream = plain_socket.makefile("rwb")
            for call, answer in zip(lines[::2], lines[1::2]):
                stream.write(call.encode() + b"\n")
                stream.flush()
                live = stream.readline().decode()
                page, live = (re.sub(r"[0-9a-f]{64}", "<anchor>", a) for a in (answer, live))
                self.assertEqual(shape(json.loads(page)), shape(json.loads(live)), call)

    def test_curl_fetches_the_key_of_the_client_that_was_written_from_the_page(self):
        target = self.lab.target()
        keys = []
        for extra in ((), ("--target", lab.BROKER)):  # the second: a renewal
            run = self.enrol_py(*extra)
            self.assertEqual(run.status, 0, run)
            with open(self.lab.path("client", "current.json"), encoding="ascii") as f:
                mine = json.load(f)
            self.assertEqual(run.out.strip(), mine["keyId"])
            status, body = target.get("/fetchCredentials/%s/22" % mine["keyId"])
            self.assertEqual(status, 200, body)
            self.assertEqual(base64.b64decode(json.loads(body)["credential"]).hex(),
                             mine["key"])
            keys.append(mine["keyId"])
        have = {c["keyId"]: (c["slot"], c["confirmed"], bool(c["acked"]))
                for c in self.lab.ctl("credential", "list")}
        self.assertEqual(have, {keys[0]: ("previous", True, True),
                                keys[1]: ("current", True, True)})

    def test_the_client_of_the_page_resolves_a_cut(self):
        self.assertEqual(self.enrol_py().status, 0)
        os.rename(self.lab.path("client", "current.json"),
                  self.lab.path("client", "pending.json"))
        run = self.enrol_py()
        self.assertEqual(run.status, 0, run)
        [credential] = self.lab.ctl("credential", "list")
        self.assertEqual(run.out.strip(), credential["keyId"])
        self.assertEqual(os.listdir(self.lab.path("client")), ["current.json"])

    def test_the_client_of_the_page_drops_what_the_mef_does_not_know(self):
        self.assertEqual(self.enrol_py().status, 0)
        os.rename(self.lab.path("client", "current.json"),
                  self.lab.path("client", "pending.json"))
        [old] = self.lab.ctl("credential", "list")
        self.lab.ctl("credential", "revoke", old["keyId"])
        run = self.enrol_py()
        self.assertEqual(run.status, 0, run)
        self.assertNotEqual(run.out.strip(), old["keyId"])

    def test_the_client_of_the_page_tells_the_classes_apart(self):
        self.assertEqual(self.enrol_py("--target", "other.example.com").status, 77)
        self.assertEqual(self.enrol_py("--suid", "77").status, 76)
        self.assertEqual(self.enrol_py("--connect", "127.0.0.1:%d" % lab.free_port()).status,
                         69)
        self.device.cert, self.device.key = self.lab.target_ca.issue(
            self.lab.path("stranger"), "dns:dev1.devices.example.com")
        run = self.enrol_py()
        self.assertEqual(run.status, 77, run)
        self.assertIn("alert 48", run.err)

    def enrol_py(self, *extra):
        return lab.run(
            sys.executable, ENROL, "--mef", lab.MEF, "--connect",
            f"127.0.0.1:{self.lab.ports['enrol']}", "--cert", self.device.cert, "--key",
            self.device.key, "--ca", self.lab.mef_ca.pem, "--id", "dev1.devices.example.com",
            "--state", self.lab.path("client"), *extra)


def read_message(tls):
    data = b""
    while not Client.whole(data):
        more = tls.recv(65536)
        if not more:
            return None
        data += more
    return Message.of_wire(data)


class ThePageAndItsClients(Compare):
    """The real programs against a server that knows nothing but the page's answers. (It is
    made in Python, which cannot export keys: it has no key confirmation.)"""

    def setUp(self):
        self.pages = read_pages()
        self.lab = self.site()
        self.seen = {}
        self.once = []  # in place of the page's answer: (example, Message or None: a cut)
        self.words = {PLACEHOLDER: base64.b64encode(bytes(32)).decode()}

    def peer(self, cert, anchors):
        peer = lab.Peer(*cert, anchors, self.behave)
        self.addCleanup(peer.close)
        return peer.port

    def behave(self, tls):
        while request := read_message(tls):
            name = self.find(request)
            if name is None:
                self.seen["stranger"] = request
                return
            self.seen.setdefault(name, request)
            answer = self.nothing() if name == "feed-nothing" else self.pages[name].response
            if self.once and self.once[0][0] == name:
                answer = self.once.pop(0)[1]
            if answer is None:
                return
            answer = answer.with_(self.words)
            if "X-M2M-RI" in answer.headers:
                answer.headers["X-M2M-RI"] = request.headers["X-M2M-RI"]
            tls.sendall(answer.octets())
            if request.headers.get("Connection") == "close":
                tls.unwrap()
                return

    def find(self, request):
        """The success on the pages that answers this kind of request."""
        if re.search(r"since=(1(&last=\w+)? |[2-9])", request.start):
            return "feed-nothing"

        def kind(message):
            root = next(iter(message.json)) if isinstance(message.json, dict) else ""
            return plain(message.start), root
        return next((name for name, page in self.pages.items()
                     if kind(page.request) == kind(request) and
                     page.response.start.split()[1] in ("200", "201", "204")), None)

    def nothing(self):
        feed = self.pages["feed-revoked" if "feed-revoked" in self.seen else "feed"].response
        return Message(feed.start, feed.headers, json.dumps({**feed.json, "changes": []}))

    def check(self, *names):
        self.assertNotIn("stranger", self.seen)
        for name in names:
            self.assertIn(name, self.seen)
            self.same_request(name, self.pages[name].request, self.seen[name])

    def absent(self, name):
        page = self.pages["resolve-gone"].response
        return name, Message(page.start, dict(page.headers), page.body)

    def test_a_device_enrols(self):
        other = copy.deepcopy(self.pages["command"].response)
        other.body = json.dumps({"sec:mcc": {"mcci": 1, "mccd": {"ccid": 2, "cma": {}},
                                             "mccs": 10}})
        self.once = [self.absent("confirm"), ("command", other)]
        device = self.lab.device("dev1", extra='confirmation = "optional"')
        port = self.peer(self.lab.mef_cert, self.lab.device_ca.pem)
        run = device.provision("--instructions", self.lab.document(
            {"bootstrap": "psk", "mef": "mef2.example.com", "target": lab.BROKER},
            {"bootstrap": "certificate", "mef": lab.MEF, "port": port, "target": lab.BROKER}))
        self.assertEqual(run.status, 0, run)
        self.check("register", "register-key", "confirm", "command", "command-update",
                   "attempts")

    def test_a_device_resolves(self):
        self.once = [("confirm", None)]
        device = self.lab.device("dev1")
        port = self.peer(self.lab.mef_cert, self.lab.device_ca.pem)
        entry = self.lab.document({"bootstrap": "certificate", "mef": lab.MEF, "port": port,
                                   "target": lab.BROKER, "budget": "PT1S"})
        run = device.provision("--instructions", entry)
        if run.status:
            run = device.provision("--instructions", entry)
        self.assertEqual(run.status, 0, run)
        self.check("register", "register-key", "confirm", "resolve", "command")

    def test_a_device_discovers(self):
        device = self.lab.device("dev1")
        self.words['"certificate"'] = '"none-such"'  # so that the run ends there
        port = self.peer(self.lab.discovery_cert, self.lab.device_ca.pem)
        run = device.provision("--discover", f"https://{lab.DISCOVERY}:{port}/")
        self.check("discover")
        self.assertEqual(run.attempts[-1]["class"], "unsupported", run)
        self.assertEqual(run.attempts[-1]["mef"], lab.MEF)

    def test_a_target_follows_the_feed_and_fetches(self):
        self.lab.ports["fetch"] = self.peer(self.lab.mef_cert, self.lab.target_ca.pem)
        target = self.lab.target()
        watch = target.watch()
        lab.wait_until(lambda: "feed-revoked" in self.seen or watch.popen.poll() is not None,
                       "the target's long poll")
        self.check("feed", "fetch", "feed-revoked")
        self.assertEqual(watch.stop(), 0, watch.text())


def others(value):
    """Values that differ from this one in the name or type of one member."""
    if isinstance(value, dict):
        for name, inner in value.items():
            rest = {k: v for k, v in value.items() if k != name}
            yield rest
            yield {**rest, name + "x": inner}
            yield from ({**rest, name: other} for other in others(inner))
    elif isinstance(value, list):
        yield []
        for i, inner in enumerate(value):
            yield from (value[:i] + [other] + value[i + 1:] for other in others(inner))
    elif value is not None:
        yield {str: 0, bool: "true", int: "0"}[type(value)]


class ThePageItself(Compare):
    def setUp(self):
        self.pages = read_pages()

    def test_lengths_are_those_of_the_bodies(self):
        self.assertGreaterEqual(len(self.pages), 19)
        for name, page in self.pages.items():
            for message in page:
                body = message.body.replace(PLACEHOLDER, "k" * 44)
                self.assertEqual(int(message.headers.get("Content-Length", 0)), len(body), name)

    def test_no_key_is_on_it(self):
        for name, page in self.pages.items():
            self.assertIn((page.response.json or {}).get("credential", PLACEHOLDER)
                          if isinstance(page.response.json, dict) else PLACEHOLDER,
                          [PLACEHOLDER], name)

    def test_a_change_of_a_message_would_be_noticed(self):
        for name, page in self.pages.items():
            for side, same in (("request", self.same_request), ("response", self.same_answer)):
                message = getattr(page, side)
                same(name, message, copy.deepcopy(message))
                for change in self.changes(message):
                    with self.subTest(name=name, side=side, change=change.start):
                        with self.assertRaises(AssertionError):
                            same(name, change, message)

    @staticmethod
    def changes(message):
        start = message.start.replace("/1.1 2", "/1.1 3").replace("GET", "PUT")
        if start == message.start:
            start += "x"
        yield Message(start, message.headers, message.body)
        for header in message.headers:
            yield Message(message.start, {("X-" + k if k == header else k): v
                                          for k, v in message.headers.items()}, message.body)
        if "X-M2M-RSC" in message.headers:
            yield Message(message.start, {**message.headers, "X-M2M-RSC": "2999"},
                          message.body)
        for body in others(message.json):
            yield Message(message.start, message.headers, json.dumps(body))

    def test_the_vectors(self):
        [block] = re.findall(r"^```vectors\n(.*?)^```$", page_text(), re.M | re.S)
        is_ = dict(re.split(r"\s+= ", line) for line in block.splitlines())
        exported = bytes.fromhex(is_["export"])
        ke = exported[16:]
        self.assertEqual(ke.hex(), is_["Ke"])
        self.assertEqual(exported[:16].hex().upper() + "@mef.example.com", is_["KeID"])
        label = {name: re.search(rf"^\| `{name}` \| HMAC\(Ke, `([^`]+)`", page_text(), re.M)[1]
                 for name in ("usage", "km", "kpsa")}
        checked = 0
        for name in is_:
            kind, *context = name.split()
            if kind in label:
                want = hmac.digest(ke, (label[kind] + "".join(context)).encode(), "sha256")
                self.assertEqual(want.hex(), is_[name], name)
                checked += 1
        self.assertEqual(checked, 4)
        k = hmac.digest(ke, b"Fieldroot key confirmation v1", "sha256")
        self.assertEqual(k.hex(), is_["K"])
        fields = (is_["KeID"].encode(), b"mef.example.com", b"psk:kpm-1@mef.example.com",
                  hashlib.sha256(b'{"a":1}').digest(), hashlib.sha256(b'{"b":2}').digest())
        framed = b"".join(struct.pack(">I", len(f)) + f for f in fields)
        for role in "enrolee", "mef":
            self.assertEqual(hmac.digest(k, role.encode() + framed, "sha256").hex(),
                             is_["MAC " + role])

    def test_every_reason_token_that_a_peer_can_see_is_on_it(self):
        told = set(re.findall(r"`([a-z][a-z0-9-]+)`", page_text()))
        mine = set()
        for folder in ("bsf", "mef", "fetch", "discovery", "http", "worker", "vault"):
            path = os.path.join(lab.ROOT, "src", "server", folder)
            for name in os.listdir(path):
                if name.endswith(".c"):
                    with open(os.path.join(path, name), encoding="utf-8") as f:
                        mine |= set(re.findall(r'FR_FAIL_AS\([^;"]*?"([a-z0-9-]+)"', f.read()))
        inside = {"ipc-forbidden", "key-file", "key-file-missing", "key-other", "key-same",
                  "key-next-missing", "rekeying", "store-moved", "copy-unfinished",
                  "node-taken", "batch-retry"}  # no peer's: an operator's
        self.assertGreater(len(mine), 30)
        self.assertEqual(mine - told - inside, set())


if __name__ == "__main__":
    lab.main()
