# SPDX-License-Identifier: Apache-2.0
"""A site whose processes are counted and killed (ops.py), and what must hold after it:

- the key that a device holds as current is one that its target can fetch, from the
  device's first success on, at every moment;
- at most one current credential a place, at both ends;
- what was acknowledged is there, and what the device has acknowledged it has;
- the audit trail is whole.
"""
import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import re
import select
import signal
import sqlite3
import ssl
import socket
import urllib.parse

import gba
import lab
import ops

LABEL = b"oneM2M Enrolment Key to Usage-Constrained Symmetric Key derivation"
LINE = re.compile("[0-9A-F]{32}@[a-z.]+:[0-9a-f]{64}")  # of a broker's file
HASTE = {"device": 20, "parent": 100, "target": 50, "ctl": 1}


class Broken(AssertionError):
    """A promise of the commit protocol was not kept."""


class Held:
    """A credential's file on a device; its lines are "name=value"."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            lines = dict(line.rstrip("\n").split("=", 1) for line in f if "=" in line)
        self.key_id, self.suid = lines["key-id"], lines["suid"]
        self.fqdn, self.ke = lines["target-fqdn"], bytes.fromhex(lines["ke"])
        self.sim = (bytes.fromhex(lines["rand"]), lines["impi"]) if "rand" in lines else ()

    @property
    def key(self):
        """The target's key, by another implementation than ours: of Ks, or RSPF 5.5."""
        if self.sim:
            return gba.ub.naf_key(self.ke, *self.sim, self.fqdn, "tls1.2")
        text = LABEL + self.suid.encode() + self.fqdn.encode()
        return hmac.new(self.ke, text, hashlib.sha256).digest()


def held(device, slot):
    path = device.slot(slot)
    return Held(path) if path else None


class World:
    make_site = lab.Site

    def __init__(self, case, log=None, **settings):
        self.case, self.site = case, case.site(self.make_site)
        self.ops = ops.Ops(self.site.folder)
        self.plain_process = self.site.process
        self.site.process = self.process
        self.log = log and self.site.path(log)  # of what fieldrootd's processes do
        # The library counts and kills by calls that a sandbox forbids.
        self.site.start(top="workers = 1 sandbox = off", **settings)
        self.site.ctl("target", "add", lab.BROKER)
        self.site.ctl("enrolee", "add", "fleet", "--any", "--anchor", self.site.device_ca.pem,
                      "--default", lab.BROKER)
        self.n_devices = 0
        self.target = self.site.target()
        self.connection = None
        self.acknowledged = {}  # device: KeID
        case.addCleanup(self.hang_up)

    def process(self, argv, log, **popen):
        """A process group of its own: so all of fieldrootd can be killed at once."""
        popen.setdefault("env", self.ops.env("parent", HASTE["parent"], self.log))
        return self.plain_process(argv, log, start_new_session=True, **popen)

    # ---- the device ----

    def device(self):
        self.n_devices += 1
        return self.site.device(f"d{self.n_devices}")

    def entry(self):
        """What a device is told to do, as arguments; and as an instruction."""
        return (self.site.mef(),)

    def instruction(self):
        return self.site.bootstrap()

    def argv(self, device, *args):
        return [lab.program("fieldroot"), "provision", "--json", "--config", device.config,
                *(args or self.entry())]

    def provision(self, device, *args, log=None, haste=HASTE["device"]):
        return lab.run(*self.argv(device, *args), env=self.ops.env("device", haste, log))

    def renew(self, device):
        run = self.provision(device, *self.entry(), "--renew")
        if run.status != 0:
            raise Broken(f"renewal: {run}")
        self.note(device)

    def note(self, device):
        self.acknowledged[device] = held(device, "current").key_id

    # ---- the target and the operator ----

    def target_argv(self, *args):
        return [lab.program("fieldroot-target"), "--config", self.target.config, "--json",
                *args]

    def sync(self):
        return lab.run(*self.target_argv(), env=self.ops.env("target", HASTE["target"]))

    def ctl_argv(self, *args):
        return [lab.program("fieldrootctl"), "--socket", self.site.socket, *args]

    # ---- the server ----

    def revive(self, victim):
        """Starts fieldrootd again if all of it was killed since victim was started."""
        killed = self.ops.fired and self.ops.control.group
        if victim is self.site.daemon and (killed or victim.popen.poll() is not None):
            self.bury()
            self.site.start()

    def bury(self):
        """Waits until all of a fieldrootd that was killed is gone, and what it held."""
        victim = self.site.daemon
        victim.popen.wait(lab.LIMIT)
        lab.wait_until(lambda: not is_group_alive(victim.pid), "its children to be gone")
        self.hang_up()

    def run_through_kill(self, argv, process):
        """Runs a program while a process of its server is killed, or all of them, which
        are then started again meanwhile."""
        victim, log = self.site.daemon, self.site.path("run.log")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(log)
        run = lab.Process(argv, log, env=self.ops.env(process, HASTE[process]))
        fds = [os.pidfd_open(run.pid), os.pidfd_open(victim.pid)]
        select.select(fds, [], [], lab.LIMIT)
        for fd in fds:
            os.close(fd)
        self.revive(victim)
        status = run.popen.wait(lab.LIMIT)
        self.revive(victim)
        self.ops.disarm()
        self.revive(victim)
        return status

    def hang_up(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def connect(self):
        context = ssl.create_default_context(cafile=self.site.mef_ca.pem)
        context.load_cert_chain(self.target.cert, self.target.key)
        plain = socket.create_connection(("127.0.0.1", self.site.ports["fetch"]), lab.LIMIT)
        self.connection = http.client.HTTPConnection(lab.MEF)
        self.connection.sock = context.wrap_socket(plain, server_hostname=lab.MEF)

    def get(self, path):
        """(status, body) as the target; a worker that was killed is waited for."""
        def attempt():
            try:
                if not self.connection:
                    self.connect()
                self.connection.request("GET", path)
                answer = self.connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException):
                self.hang_up()
                if self.site.daemon.popen.poll() is not None:
                    self.revive(self.site.daemon)
                return None
            return None if answer.status in (500, 503) else (answer.status, body)
        return lab.wait_until(attempt, "the fetch worker to answer")

    def await_service(self):
        """The fetch worker answers, and the vault with it."""
        self.get("/fieldroot/v1/credentials?since=0")

    def fetch(self, credential):
        status, body = self.get("/fetchCredentials/{}/{}".format(
            urllib.parse.quote(credential.key_id, safe=""), credential.suid))
        if status != 200:
            return None
        return base64.b64decode(json.loads(body)["credential"] + "==")

    def rows(self, device=None):
        """(KeID, slot, acked) of the database; the vault is up."""
        where = f"WHERE san = '{device.san}'" if device else ""
        path = f"file:{self.site.path('state', 'fieldroot.db')}?mode=ro"
        with contextlib.closing(sqlite3.connect(path, uri=True)) as db:
            return db.execute("SELECT key_id, slot, acked, identity, target, suid"
                              f" FROM credential {where}").fetchall()

    # ---- what must hold ----

    def check(self, device):
        """Now, whatever has just been killed."""
        current = held(device, "current")
        if current and self.fetch(current) != current.key:
            raise Broken(f"{current.key_id} is current on {device.name}, and its target "
                         "does not get it")
        if not current and device in self.acknowledged:
            raise Broken(f"{device.name} has lost its credential")
        if not current:
            self.await_service()
        rows = self.rows(device)
        slots = [row[1:2] + row[3:] for row in rows]
        if len(slots) != len(set(slots)):
            raise Broken(f"a place has two credentials in one slot: {rows}")
        for key_id, slot, acked, *_ in rows:
            if slot == 0 and acked and (not current or current.key_id != key_id):
                raise Broken(f"{key_id} is acknowledged, and {device.name} does not have it")

    def check_settled(self, device, status, said=""):
        """After the next run: provisioned, and both ends agree."""
        if status != 0:
            raise Broken(f"the next run ends with status {status}: {said}")
        if held(device, "pending"):
            raise Broken("the next run leaves a pending credential")
        self.check(device)
        self.note(device)
        now = [key_id for key_id, slot, *_ in self.rows(device) if slot == 0]
        if now != [self.acknowledged[device]]:
            raise Broken(f"{device.name} has {self.acknowledged[device]}, the MEF {now}")

    def check_feed(self, status, said=""):
        """After a sync: the target has what there is, and nothing else."""
        if status != 0:
            raise Broken(f"the next sync ends with status {status}: {said}")
        have, want = set(self.target.keys()), {row[0] for row in self.rows()}
        if have != want:
            raise Broken(f"of the target's keys {len(have - want)} are none and "
                         f"{len(want - have)} are missing")
        for device in self.acknowledged:
            current = held(device, "current")
            if self.target.keys()[current.key_id] != current.key.hex():
                raise Broken(f"the target has another key for {device.name}")

    def check_all(self):
        """At the end: nothing that was acknowledged is gone."""
        there = {row[0] for row in self.rows() if row[1] == 0}
        for device, key_id in self.acknowledged.items():
            if key_id not in there:
                raise Broken(f"{key_id} of {device.name} is gone")
        run = self.site.ctl("audit", "--verify", ok=False)
        if run.status != 0:
            raise Broken(f"the audit trail is not whole: {run}")


class SimWorld(World):
    """The same with a SIM in a file as the device's credential, and one real osmo-hlr."""
    make_site = gba.BusySite

    def __init__(self, case, log=None, **settings):
        self.spent = {}  # device: (KeIDs that it has had, what its SIM has counted to)
        super().__init__(case, log, **settings)

    def device(self, sqn=0):
        self.n_devices += 1
        with self.ops.aside():
            device = self.site.subscriber(f"d{self.n_devices}", f"00101{self.n_devices:010}",
                                          sqn=sqn)
        device.san = "impi:" + device.sim.impi
        return device

    def entry(self):
        return "--bootstrap", f"gba:{lab.MEF}:{self.site.ports['gba-bsf']}"

    def instruction(self):
        return self.site.gba()

    def check(self, device):
        super().check(device)
        now = {h.key_id for h in (held(device, "current"), held(device, "pending")) if h}
        had, was = self.spent.get(device, (set(), 0))
        sqn = device.sim.sqn()
        if sqn < was or (now - had and sqn == was):
            raise Broken(f"{device.name}: a challenge was accepted twice: {was}, {sqn}")
        self.spent[device] = had | now, sqn


def is_group_alive(group):
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{entry}/stat", encoding="utf-8") as f:
            state, _, of = f.read().rsplit(")", 1)[1].split()[:3]
            if int(of) == group and state not in "ZX":
                return True
    return False


def was_killed(run):
    return run.status == -signal.SIGKILL
