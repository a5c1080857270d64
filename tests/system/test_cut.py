# SPDX-License-Identifier: Apache-2.0
"""Cut matrix: every TLS record of discovery, exchange, resolve, fetch and feed, both ways,
is cut, held back, left out, sent twice or changed, by a proxy that sits between the real
programs. The cases are made from a dry run of each scenario. After each case the device
holds a key that the target can fetch, and the next run, undisturbed, ends well."""
import base64
import collections
import contextlib
import hmac
import http.client
import itertools
import json
import os
import queue
import re
import shutil
import socket
import ssl
import threading
import urllib.parse
import zlib

import lab
from cutproxy import Fault, Proxy

SAMPLE = int(os.environ.get("FIELDROOT_SAMPLE", "1"))  # every n-th case: slow builds
LANES = 24  # runs at a time; most of them wait for a budget to end
BUDGETS = ("PT1S", "PT4S", "PT16S")  # the next if the record had not come before it ended
CALM = "PT1M"
QUIET = "quiet.example.com"
LABEL = b"oneM2M Enrolment Key to Usage-Constrained Symmetric Key derivation"

# Octets of a record, of n, that are let through before the cut; or the one that changes.
PLACES = {"none": lambda n: 0, "header": lambda n: 5, "middle": lambda n: n // 2,
          "all but one": lambda n: n - 1, "all": lambda n: n}
CUTS = [("fin", "none"), ("fin", "header"), ("fin", "middle"), ("fin", "all"),
        ("rst", "none"), ("rst", "middle"), ("rst", "all but one"), ("rst", "all")]
OCTETS = {"type": lambda n: 0, "length": lambda n: 4, "middle": lambda n: n // 2,
          "last": lambda n: n - 1}

Case = collections.namedtuple("Case", "fault label may_miss")


def faults_at(way, record):
    for how, place in CUTS:
        yield Fault(way, record, "cut", PLACES[place], how), f"cut {how} at {place}"
    for octet, arg in OCTETS.items():
        yield Fault(way, record, "flip", arg), f"flip {octet}"
    for kind in ("half", "drop", "twice", "delay") + (("late",) if way == "c" else ()):
        yield Fault(way, record, kind), kind


def cases_of(scenario, log):
    seen = collections.Counter()
    last = collections.Counter(way for way, _ in log)
    for way, _ in log:
        record = seen[way]
        seen[way] += 1
        for fault, label in faults_at(way, record):
            # the last is the close_notify: whoever closes first may be spared the other's
            yield Case(fault, f"{scenario}: {way}{record} {label}", seen[way] == last[way])


class Slot:
    """A credential file of the device, read by other eyes than the device's."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            self.text = f.read()
        self.fields = dict(line.split("=", 1) for line in self.text.splitlines()[1:])
        self.key_id, self.ke = self.fields["key-id"], bytes.fromhex(self.fields["ke"])

    def target_key(self):
        label = LABEL + self.fields["suid"].encode() + self.fields["target-fqdn"].encode()
        return hmac.digest(self.ke, label, "sha256")

    def changed(self, **lines):
        body = re.sub(r"crc=.*\n", "", self.text)
        for name, value in lines.items():
            body = re.sub(rf"\n{name.replace('_', '-')}=.*", f"\n{name.replace('_', '-')}={value}",
                          body)
        return body + f"crc={zlib.crc32(body.encode()):08x}\n"

    def unknown(self):
        """The same with another KeID, as if the MEF had never heard of it."""
        relative = os.urandom(16).hex().upper()
        return self.changed(key_id=f"{relative}@{lab.MEF}",
                            registration=f"/mefbase/{relative}")


class Fetcher:
    """The target as seen by stock Python: one connection that stays open."""

    def __init__(self, site, target):
        self.context = ssl.create_default_context(cafile=site.mef_ca.pem)
        self.context.load_cert_chain(target.cert, target.key)
        self.address, self.line = ("127.0.0.1", site.ports["fetch"]), None

    def connect(self):
        self.line = http.client.HTTPConnection(lab.MEF)
        self.line.sock = self.context.wrap_socket(
            socket.create_connection(self.address), server_hostname=lab.MEF)
        self.line.sock.settimeout(lab.LIMIT)

    def ask(self, path):
        self.line.request("GET", path)
        return json.loads(self.line.getresponse().read())

    def key(self, key_id):
        """As octets; if the target cannot have it, why."""
        path = f"/fetchCredentials/{urllib.parse.quote(key_id, safe='')}/22"
        try:
            if not self.line:
                self.connect()
            answer = self.ask(path)
        except (OSError, http.client.HTTPException):  # the server ends idle connections
            self.connect()
            answer = self.ask(path)
        return base64.b64decode(answer["credential"]) if answer["status"] else answer


class Admin:
    """One line to the admin socket, for all: it serves few at a time."""

    def __init__(self, site):
        self.lock = threading.Lock()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(lab.LIMIT)
        self.socket.connect(site.socket)
        self.file = self.socket.makefile("rw", encoding="utf-8")

    def credentials(self, enrolee):
        with self.lock:
            self.file.write(json.dumps({"op": "credential.list", "enrolee": enrolee}) + "\n")
            self.file.flush()
            answer = json.loads(self.file.readline())
        assert answer["ok"], answer
        return answer["result"]


class Lane:
    """A device, a target's eye and a proxy that work on one case at a time."""

    make_slot = Slot

    def __init__(self, world, number, version):
        self.world, self.site = world, world.site
        self.proxy = self.make_proxy()
        self.site.cleanup(self.proxy.close)
        self.device = self.make_device(
            f"dev-{number}-{version.replace('.', '')}",
            f'tls-max = "{version}"\ntls-min = "{version}"')
        self.fetcher = Fetcher(self.site, world.target)
        self.budget = BUDGETS[0]
        self.ready = False

    def port(self):
        return self.site.ports["enrol"]

    def make_proxy(self):
        return Proxy(self.port())

    def make_device(self, name, extra):
        return self.site.listed_device(name, extra=extra)

    def instruction(self, **members):
        return self.site.bootstrap(**members)

    def list(self, budget=None):
        budget = budget or self.budget
        return self.site.document(
            self.instruction(port=self.proxy.port, budget=budget),
            name=f"list-{self.device.name}-{budget}.json")

    # ---- the device's slots ----

    def slot(self, name):
        path = self.device.slot(name)
        return self.make_slot(path) if path else None

    def key_id(self, name):
        slot = self.slot(name)
        return slot.key_id if slot else None

    def put(self, name, text):
        path = self.device.slot("current").replace(".current", "." + name)
        with open(path, "w", encoding="utf-8") as f:
            os.chmod(f.fileno(), 0o600)
            f.write(text)

    # ---- runs ----

    def provision(self, *args, document=None):
        run = self.device.provision("--instructions", document or self.list(), *args,
                                    limit=2 * lab.LIMIT)
        self.world.hear(run.out + run.err)
        return run

    def enrol(self):
        run = self.provision("--renew", document=self.list(CALM))
        assert run.status == 0, run
        return self.slot("current")

    # ---- what must be true, whatever was done to the connection ----

    def check_key(self, what):
        """What the device holds, the target can have."""
        slot = self.slot("current")
        if slot:
            self.world.secrets.update((slot.ke, slot.target_key()))
            got = self.fetcher.key(slot.key_id)
            said = "another key" if isinstance(got, bytes) else got
            assert got == slot.target_key(), f"{what}: the target gets {said}"
        pending = self.slot("pending")
        if pending:
            self.world.secrets.add(pending.ke)
        return slot

    def check_end(self):
        """After the undisturbed run."""
        slot = self.check_key("at the end")
        assert self.device.slot("pending") is None, "a pending slot stays"
        rows = self.world.admin.credentials(self.device.name)
        current = [r["keyId"] for r in rows if r["slot"] == "current"]
        assert current == [slot.key_id], (current, slot.key_id)
        assert len(rows) <= 3, rows  # two at most beside it, DESIGN 6

    def heal(self):
        run = self.provision(document=self.list(CALM))
        assert run.status == 0 and run.outcome["outcome"] == "provisioned", run
        assert self.key_id("current") == run.outcome["keyId"], run


def classes_of(fault):
    """What a disturbed try may end in: nobody may say more of a cut than that it was one."""
    return {"unreachable"} if fault.kind not in ("flip", "twice") else {
        "unreachable", "invalid", "refused", "unsupported"}


EXITS = {69: "unreachable", 76: "invalid", 77: "refused", 78: "unsupported"}


class Scenario:
    version = "1.3"
    step = 1  # every n-th case; 3 goes through all faults in turn

    def prepare(self, lane):
        pass

    def run(self, lane):
        return lane.provision("--renew")

    def check(self, lane, run, fault, before):
        """The run's end fits what was done, and success and a flip are one thing."""
        after = lane.key_id("current")
        if run.status == 0:
            assert run.outcome["outcome"] == "provisioned", run
            assert run.outcome["keyId"] == after != before, run
        else:
            assert EXITS.get(run.status) in classes_of(fault), run
            assert after == before, f"failed, but the slots have flipped: {run}"
        for attempt in run.attempts:
            assert attempt["reason"] == "resolve-dropped" or attempt["class"] in \
                classes_of(fault) | {"provisioned", "discovered"}, run

    def upstream(self, lane):
        return lane.port()

    def play(self, lane, fault):
        self.prepare(lane)
        before = lane.key_id("current")
        lane.proxy.upstream = self.upstream(lane)
        lane.proxy.arm(fault)
        run = self.run(lane)
        lane.proxy.disarm()
        return run, before

    def go(self, lane, case):
        for lane.budget in BUDGETS:
            run = self.go_once(lane, case.fault)
            if lane.proxy.hits or case.may_miss:
                return
        raise AssertionError(f"the record never came: {run}")

    def go_once(self, lane, fault):
        run, before = self.play(lane, fault)
        self.check(lane, run, fault, before)
        lane.check_key(f"after {run}")
        lane.heal()
        lane.proxy.release()
        lane.check_end()
        return run

    def dry(self, lane):
        self.go_dry(lane)
        return list(lane.proxy.log)

    def go_dry(self, lane):
        lane.budget = CALM
        run, _ = self.play(lane, None)
        assert run.status == 0, run
        lane.proxy.release()


class First(Scenario):
    def prepare(self, lane):
        shutil.rmtree(lane.device.state, ignore_errors=True)


class Renew(Scenario):
    def prepare(self, lane):
        if not lane.device.slot("current"):
            lane.enrol()


class Resolve(Scenario):
    """The run before was cut behind the MEF's commit: the device has old and pending."""

    def prepare(self, lane):
        if not lane.ready:
            lane.old, lane.new = lane.enrol(), lane.enrol()
            lane.ready = True
        lane.put("current", lane.old.text)
        lane.put("pending", lane.new.text)

    def run(self, lane):
        return lane.provision()

    def check(self, lane, run, fault, before):
        assert run.status == 0, run  # a key that is valid is enough
        resolve = run.attempts[0]
        assert resolve["position"] == "resolve", run
        if resolve["class"] == "provisioned":
            assert lane.key_id("current") == lane.new.key_id, run
        else:
            assert resolve["class"] in classes_of(fault), run
            assert lane.key_id("current") == lane.old.key_id, run
            assert lane.key_id("pending") == lane.new.key_id, "dropped, but the MEF has it"


class ResolveUncommitted(Resolve):
    """The run before was cut ahead of the MEF's commit."""

    step = 3

    def prepare(self, lane):
        if not lane.ready:
            lane.old, lane.ready = lane.enrol(), True
        lane.put("pending", lane.old.unknown())

    def check(self, lane, run, fault, before):
        assert run.status == 0, run
        resolve = run.attempts[0]
        assert lane.key_id("current") == lane.old.key_id, run
        if resolve["reason"] != "resolve-dropped":
            assert resolve["class"] in classes_of(fault), run
            assert lane.device.slot("pending"), run
        else:
            assert lane.device.slot("pending") is None, run


class Discovery(Scenario):
    """Only the connection to the discovery server is disturbed."""

    step = 3

    def prepare(self, lane):
        if not lane.device.slot("current"):
            lane.enrol()
        lane.discover = lane.site.document(
            lane.site.discover(resource=f"https://{lab.DISCOVERY}:{lane.proxy.port}/",
                               budget=lane.budget), name=f"discover-{lane.device.name}.json")

    def upstream(self, lane):
        return lane.site.ports["discovery"]

    def run(self, lane):
        return lane.provision("--renew", document=lane.discover)


class TargetLane:
    """A fieldroot-target with a state of its own, and a proxy before it."""

    def __init__(self, world, number, was):
        self.world, self.was = world, was
        self.proxy = Proxy(world.site.ports["fetch"])
        world.site.cleanup(self.proxy.close)
        folder = world.site.path(f"lane-{number}")
        os.makedirs(folder, mode=0o700)
        with open(world.quiet.config, encoding="utf-8") as f:
            text = f.read().replace(f"port = {world.site.ports['fetch']}",
                                    f"port = {self.proxy.port}")
        config = os.path.join(folder, "fieldroot-target.conf")
        with open(config, "w", encoding="utf-8") as f:
            f.write(re.sub(r'(?m)^(state|psk-file) = .*/(\w+)"$', rf'\1 = "{folder}/\2"', text))
        self.target = lab.Target(world.site, folder, config, world.quiet.cert,
                                 world.quiet.key, os.path.join(folder, "psk"))

    def sync(self):
        run = lab.run(lab.program("fieldroot-target"), "--config", self.target.config, "--json",
                      limit=3 * lab.LIMIT)
        self.world.hear(run.out + run.err)
        return run

    def prepare(self):
        shutil.rmtree(os.path.join(self.target.folder, "state"), ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.target.psk_file)
        if self.was:
            shutil.copytree(os.path.join(self.was, "state"),
                            os.path.join(self.target.folder, "state"))
            shutil.copy2(os.path.join(self.was, "psk"), self.target.psk_file)
        return self.target.keys()

    def go(self, case):
        had, truth = self.prepare(), self.world.truth
        self.proxy.arm(case.fault)
        run = self.sync()
        self.proxy.disarm()
        assert self.proxy.hits or case.may_miss, f"the record never came: {run}"
        self.check(run, case.fault, had, truth)
        run = self.sync()
        assert run.status == 0 and self.target.keys() == truth, run
        self.proxy.release()

    def check(self, run, fault, had, truth):
        keys = self.target.keys()
        assert had.items() <= keys.items() <= truth.items(), "a key was lost or made up"
        if run.status == 0:
            assert keys == truth, run
        else:
            assert EXITS.get(run.status) in classes_of(fault), run

    def dry(self):
        self.prepare()
        run = self.sync()
        assert run.status == 0 and self.target.keys() == self.world.truth, run
        self.proxy.release()
        return list(self.proxy.log)


def is_slow(case):
    """The target waits half a minute for an answer."""
    return case.fault.kind in ("drop", "delay", "late", "half") or "length" in case.label


def of_tls12(base):
    return type(base.__name__ + "12", (base,), {"version": "1.2", "step": 3})


EXCHANGE = {"first": First, "renew": Renew, "resolve": Resolve}
SCENARIOS = {**EXCHANGE, **{k + " on TLS 1.2": of_tls12(v) for k, v in EXCHANGE.items()},
             "resolve of what was not committed": ResolveUncommitted, "discovery": Discovery}


class Workers:
    """Works through cases with LANES lanes; the first failures are what is reported."""

    def __init__(self, cases, make_lane, go):
        self.cases, self.failures, self.done = queue.SimpleQueue(), [], 0
        for case in cases:
            self.cases.put(case)
        self.make_lane, self.go = make_lane, go
        self.lock = threading.Lock()

    def run(self, n):
        threads = [threading.Thread(target=self.work, args=(i,)) for i in range(n)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return self

    def work(self, number):
        lane = None
        while len(self.failures) < 5:
            try:
                case = self.cases.get_nowait()
            except queue.Empty:
                return
            try:
                lane = lane or self.make_lane(number)
                self.go(lane, case)
            except Exception as e:  # whatever it is, it is this case's
                with self.lock:
                    self.failures.append(f"{case.label}: {type(e).__name__}: {e}")
                lane = None
            with self.lock:
                self.done += 1


class World:
    def __init__(self, site):
        self.site, self.secrets = site, set()
        self.heard, self.lock = [], threading.Lock()
        site.start(top='log-level = "debug"',
                   limits="per-address = 1000 connections = 1000 requests-per-connection = 9999")
        site.ctl("target", "add", lab.BROKER)
        site.ctl("target", "add", QUIET)
        self.target, self.admin = site.target(), Admin(site)
        self.pids = lab.child_pids(site.daemon.pid)

    def hear(self, text):
        with self.lock:
            self.heard.append(text)

    def check(self):
        """The server is as it was, and nobody has said a secret."""
        assert lab.child_pids(self.site.daemon.pid) == self.pids, \
            "a process of the server has died"
        said = "\n".join([self.site.daemon.text(), *self.heard])
        wrong = re.search(r".*(Sanitizer|runtime error)", said)
        assert not wrong, said[wrong.start():][:3000]
        for word in re.findall(r"[0-9A-Fa-f]{64,}", said):
            for at in range(0, len(word) - 63):
                assert bytes.fromhex(word[at:at + 64]) not in self.secrets, "a key in hex"
        known = {base64.b64encode(s).rstrip(b"=").decode() for s in self.secrets}
        known |= {base64.urlsafe_b64encode(s).rstrip(b"=").decode() for s in self.secrets}
        for word in re.findall(r"[0-9A-Za-z+/_-]{43,}", said):
            assert not any(word[at:at + 43] in known for at in range(0, len(word) - 42)), \
                "a key in base64"
        verified = self.site.ctl("audit", "--verify", ok=False)
        assert verified.status == 0, verified


class Matrix(lab.TestCase):
    scenarios, make_lane, least = SCENARIOS, Lane, 6

    def all_of(self, names):
        """Dry runs, then the cases that they yield."""
        scenarios = {name: self.scenarios[name]() for name in names}
        lanes = {v: self.make_lane(self.world, "dry", v)
                 for v in {s.version for s in scenarios.values()}}
        for name, s in scenarios.items():
            log = s.dry(lanes[s.version])
            ways = collections.Counter(way for way, _ in log)
            print(f"# {name}: {ways['c']} records of the client, {ways['s']} of the server")
            self.assertGreaterEqual(min(ways["c"], ways["s"]), self.least)
            lanes[s.version].ready = False
            yield s, list(cases_of(name, log))

    def play(self, *names):
        plan = [(s, c) for s, cases in self.all_of(names)
                for c in cases[::s.step * SAMPLE]]
        by_label = {c.label: s for s, c in plan}
        lanes, fresh = {}, itertools.count()

        def lane_of(number, case):
            s = by_label[case.label]
            key = number, s.version, type(s)
            if key not in lanes:
                lanes[key] = self.make_lane(self.world, f"{number}-{next(fresh)}", s.version)
            return key, lanes[key]

        def go(number, case):
            key, lane = lane_of(number, case)
            del lanes[key]  # a failure leaves it as it is, and out
            by_label[case.label].go(lane, case)
            lanes[key] = lane

        work = Workers([c for _, c in plan], lambda number: number, go).run(LANES)
        print(f"# {work.done} cases", flush=True)
        self.assertFalse(work.failures, "\n".join(work.failures))
        self.assertEqual(work.done, len(plan))
        self.world.check()


class Cut(Matrix):
    def setUp(self):
        self.world = World(self.site())

    def test_first_enrolment(self):
        self.play("first", "first on TLS 1.2")

    def test_renewal(self):
        self.play("renew", "renew on TLS 1.2")

    def test_resolve(self):
        self.play("resolve", "resolve on TLS 1.2", "resolve of what was not committed")

    def test_discovery(self):
        site = self.world.site
        document = site.document(site.bootstrap(budget="PT1S"), name="assigned.json")
        site.ctl("instructions", "set", "all", document)
        site.ctl("instructions", "assign", "all", "--all")
        self.play("discovery")

    def quiet_target(self):
        """A target whose feed has two keys; and its state at the time of the first."""
        world, site = self.world, self.world.site
        device, world.quiet = site.device("quiet"), site.target(QUIET)
        site.list_device(device, QUIET)
        was = site.path("was")
        for turn in range(2):
            run = device.provision("--renew", "--instructions", site.document(site.bootstrap()))
            self.assertEqual(run.status, 0, run)
            self.assertEqual(world.quiet.sync().status, 0)
            if turn == 0:
                shutil.copytree(world.quiet.folder, was)
        world.truth = world.quiet.keys()
        self.assertEqual(len(world.truth), 2)
        world.secrets.update(map(bytes.fromhex, world.truth.values()))
        return was

    def test_fetch_and_feed(self):
        was, quick, slow = self.quiet_target(), [], []
        for name, state in (("fetch of all", None), ("feed", was)):
            log = TargetLane(self.world, "dry-" + name[:4], state).dry()
            print(f"# {name}: {len(log)} records")
            for case in cases_of(name, log):
                (slow if is_slow(case) else quick).append((state, case))
        quick, slow = quick[::2 * SAMPLE], slow[::7 * SAMPLE]
        lanes, states = {}, {case.label: state for state, case in quick + slow}

        def go(number, case):
            state = states[case.label]
            if (number, state) not in lanes:
                lanes[number, state] = TargetLane(self.world, f"{number}-{len(lanes)}", state)
            lanes[number, state].go(case)

        works = [Workers([c for _, c in cases], lambda n, first=first: first + n, go)
                 for cases, first in ((quick, 0), (slow, LANES))]
        side = threading.Thread(target=works[1].run, args=(len(slow),))
        side.start()
        works[0].run(8)
        side.join()
        for work in works:
            print(f"# {work.done} cases", flush=True)
            self.assertFalse(work.failures, "\n".join(work.failures))
        self.assertEqual(works[0].done + works[1].done, len(states))
        self.world.check()


if __name__ == "__main__":
    lab.main()
