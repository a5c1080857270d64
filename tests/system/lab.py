# SPDX-License-Identifier: Apache-2.0
"""A whole world in a temporary folder for the system tests: certificate authorities,
fieldrootd, Mosquitto, devices, targets. Real programs only, all on 127.0.0.1.

    class Provisioning(lab.TestCase):
        def test_a_listed_device_is_provisioned(self):
            site = self.site()
            site.start()
            device = site.device("dev1")
            site.ctl("enrolee", "add", ...)
            run = device.provision("mef.example.com")
            self.assertEqual(run.status, 0)

Nothing sleeps: programs tell when they are ready, and waits are for events, bounded by
LIMIT seconds.
"""
import contextlib
import glob
import json
import os
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.path.realpath(os.environ.get("FIELDROOT_BUILD", os.path.join(ROOT, "build")))
LIMIT = 60  # seconds that any single wait may take
MEF = "mef.example.com"
DISCOVERY = "discovery.example.com"
BROKER = "broker.example.com"


def program(name):
    return os.path.join(BUILD, name)


def wait_until(check, what, limit=LIMIT):
    """For state that nobody announces (a process table, a log): looks until check()."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        value = check()
        if value:
            return value
        select.select([], [], [], 0.02)
    raise AssertionError(f"waited {limit} s for {what}")


def children(pid):
    """{name: [pid, ...]} of a process's living children; fieldrootd's are frd-vault, ..."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError):
            with open(f"/proc/{entry}/stat", encoding="utf-8") as f:
                stat = f.read()
            name, rest = stat[stat.index("(") + 1:stat.rindex(")")], stat.rsplit(")", 1)[1]
            if int(rest.split()[1]) == pid and rest.split()[0] != "Z":
                found.setdefault(name, []).append(int(entry))
    return found


def child_pids(pid):
    return sorted(p for pids in children(pid).values() for p in pids)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Run:
    """How a command ended."""

    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr

    @property
    def events(self):
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]

    def of(self, kind):
        return [e for e in self.events if e.get("event") == kind]

    @property
    def outcome(self):
        """The last event, with the members of its credential beside its own."""
        last = self.of("outcome")[-1]
        return {**last.get("credential", {}), **last}

    @property
    def attempts(self):
        return self.of("attempt")

    def __repr__(self):
        return f"status {self.status}\n{self.out}\n{self.err}"


def run(*argv, stdin=None, limit=LIMIT, env=None):
    done = subprocess.run(
        [str(a) for a in argv], input=stdin, capture_output=True, text=True,
        timeout=limit, env=env, check=False, errors="replace")
    return Run(done)


class Authority:
    """A certificate authority made by `fieldrootctl ca`."""

    def __init__(self, folder, name):
        self.folder = folder
        done = run(program("fieldrootctl"), "ca", "init", folder, "--name", name)
        assert done.status == 0, done

    @property
    def pem(self):
        return os.path.join(self.folder, "ca.pem")

    @property
    def crl(self):
        return os.path.join(self.folder, "crl.pem")

    def issue(self, prefix, *sans, extra=()):
        argv = [program("fieldrootctl"), "ca", "issue", self.folder, "--out", prefix]
        for san in sans:
            argv += ["--san", san]
        done = run(*argv, *extra)
        assert done.status == 0, done
        return prefix + ".pem", prefix + ".key"

    def issue_odd(self, prefix, sans):
        """What our own authority refuses to issue: stock openssl does not."""
        key, csr, cert, ext = (f"{prefix}.{e}" for e in ("key", "csr", "pem", "ext"))
        with open(ext, "w", encoding="utf-8") as f:
            f.write(f"subjectAltName={sans}\nkeyUsage=digitalSignature\n")
        for argv in (["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                      "-nodes", "-keyout", key, "-out", csr, "-subj", "/CN=odd"],
                     ["x509", "-req", "-in", csr, "-CA", self.pem, "-CAkey",
                      os.path.join(self.folder, "ca.key"), "-CAcreateserial", "-days", "1",
                      "-extfile", ext, "-out", cert]):
            subprocess.run(["openssl", *argv], check=True, capture_output=True)
        return cert, key

    def revoke(self, cert):
        done = run(program("fieldrootctl"), "ca", "revoke", self.folder, cert)
        assert done.status == 0, done


class Process:
    """A program that runs beside the test and is ended by pid."""

    def __init__(self, argv, log, **popen):
        self.log = log
        popen.setdefault("stdin", subprocess.DEVNULL)
        with open(log, "ab") as out:
            self.popen = subprocess.Popen([str(a) for a in argv], stdout=out, stderr=out,
                                          **popen)

    @property
    def pid(self):
        return self.popen.pid

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait_for(self, text, limit=LIMIT):
        def seen():
            if text in self.text():
                return True
            if self.popen.poll() is not None and text not in self.text():
                raise AssertionError(f"ended before it said {text!r}:\n{self.text()}")
            return False
        wait_until(seen, f"{text!r} in {self.log}:\n", limit)

    def stop(self, sig=signal.SIGTERM, limit=15):
        if self.popen.poll() is None:
            self.popen.send_signal(sig)
            try:
                self.popen.wait(limit)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
                raise AssertionError(f"did not end on {sig!r}: {self.log}") from None
        return self.popen.returncode


class Device:
    """A device: certificate, config and state folder of its own."""

    wrap = ()  # what its commands are started by, like nsenter

    def __init__(self, site, name, authority=None, san=None, cert=None, **settings):
        self.site, self.name = site, name
        self.folder = os.path.join(site.folder, "device-" + name)
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        self.state = os.path.join(self.folder, "state")
        self.san = san or f"dns:{name}.devices.example.com"
        self.cert, self.key = cert or (authority or site.device_ca).issue(
            os.path.join(self.folder, "device"), self.san)
        self.config = os.path.join(self.folder, "fieldroot.conf")
        self.settings = {
            "mef": site.mef_ca.pem, "discovery": site.mef_ca.pem, "extra": "", "trust": "",
            "agent": "", "hosts": {MEF: "127.0.0.1", DISCOVERY: "127.0.0.1"}, **settings}
        self.write_config()

    def write_config(self):
        s = self.settings
        hosts = "".join(f'host {n} {{ address = "{a}" }}\n' for n, a in s["hosts"].items())
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(f"""state = "{self.state}"
{s["extra"]}
credential factory {{ certificate = "{self.cert}"  key = "{self.key}" }}
trust {{ mef = "{s["mef"]}"  discovery = "{s["discovery"]}" {s["trust"]} }}
{hosts}
{"agent {" + s["agent"] + "}" if s["agent"] else ""}
""")

    def fieldroot(self, command, *args, **how):
        return run(*self.wrap, program("fieldroot"), command, "--config", self.config, *args, **how)

    def provision(self, *args, **how):
        return self.fieldroot("provision", "--json", *args, **how)

    def start(self, command, *args):
        log = os.path.join(self.folder, command + ".log")
        return self.site.process([program("fieldroot"), command, "--config", self.config,
                                  *args], log)

    def credentials(self):
        done = self.fieldroot("credential", "list", "--json")
        assert done.status == 0, done
        return json.loads(done.out)

    def clock(self):
        done = self.fieldroot("clock", "--json")
        assert done.status == 0, done
        return json.loads(done.out)

    def slot_files(self):
        return glob.glob(os.path.join(self.state, "*.current")) + \
            glob.glob(os.path.join(self.state, "*.pending"))

    def slot(self, name):
        """The file of the only slot of that name, or None."""
        return next((path for path in self.slot_files() if path.endswith("." + name)), None)

    def slots(self):
        """Names of the slots that exist, e.g. {'current', 'pending'}."""
        return {path.rsplit(".", 1)[1] for path in self.slot_files()}


class Site:
    """The operator's side."""

    wrap = ()  # what fieldrootd is started by

    def __init__(self, folder, cleanup):
        self.folder, self.cleanup = folder, cleanup
        self.device_ca = Authority(self.path("ca-device"), "Device Maker CA")
        self.mef_ca = Authority(self.path("ca-mef"), "Operator CA")
        self.target_ca = Authority(self.path("ca-target"), "Target CA")
        self.mef_cert = self.mef_ca.issue(self.path("mef"), "dns:" + MEF)
        self.discovery_cert = self.mef_ca.issue(self.path("discovery"), "dns:" + DISCOVERY)
        self.daemon = None
        self.ports = {}
        self.settings = {"mef": "", "discovery": "", "top": "", "limits": "", "tls": "",
                         "enrolees": self.device_ca.pem}
        self._anchors = {}

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def process(self, argv, log, **popen):
        p = Process(argv, log, **popen)
        self.cleanup(p.stop)
        return p

    @property
    def socket(self):
        return self.path("run", "admin.sock")

    def write_config(self):
        s = self.settings
        with open(self.path("fieldrootd.conf"), "w", encoding="utf-8") as f:
            f.write(f"""
state = "{self.path('state')}"
run-dir = "{self.path('run')}"
{s["top"]}
mef {{
    fqdn = "{MEF}"
    listen = "127.0.0.1:{self.ports.get('enrol', 0)}"
    fetch-listen = "127.0.0.1:{self.ports.get('fetch', 0)}"
    certificate = "{self.mef_cert[0]}"
    key = "{self.mef_cert[1]}"
    enrolee-anchors = "{s["enrolees"]}"
    target-anchors = "{self.target_ca.pem}"
    {s["mef"]}
}}
discovery {{
    listen = "127.0.0.1:{self.ports.get('discovery', 0)}"
    certificate = "{self.discovery_cert[0]}"
    key = "{self.discovery_cert[1]}"
    enrolee-anchors = "{s["enrolees"]}"
    {s["discovery"]}
}}
admin {{ socket = "{self.socket}" }}
limits {{ {s["limits"]} }}
tls {{ {s["tls"]} }}
""")
        return self.path("fieldrootd.conf")

    def start(self, binary=None, popen=None, **settings):
        """Starts fieldrootd and returns when it is ready."""
        self.settings.update(settings)
        config = self.write_config()
        ready, tell = os.pipe()
        self.daemon = self.process(
            [*self.wrap, binary or program("fieldrootd"), "--config", config, "--ready-fd",
             tell],
            self.path("fieldrootd.log"), pass_fds=[tell], **(popen or {}))
        os.close(tell)
        got = select.select([ready], [], [], LIMIT)[0] and os.read(ready, 1)
        os.close(ready)
        if not got:
            raise AssertionError("fieldrootd did not start:\n" + self.daemon.text())
        with open(self.path("run", "listeners"), encoding="utf-8") as f:
            for line in f:
                kind, address = line.split()
                if kind != "admin":
                    self.ports[kind] = int(address.rsplit(":", 1)[1])
        return self

    def stop(self):
        return self.daemon.stop()

    def ctl(self, *args, ok=True):
        done = run(program("fieldrootctl"), "--socket", self.socket, "--json", *args)
        if ok:
            assert done.status == 0, done
            return json.loads(done.out) if done.out.strip() else None
        return done

    def anchor(self, authority):
        if authority not in self._anchors:
            done = run(program("fieldrootctl"), "ca", "show", "--json", authority.pem)
            assert done.status == 0, done
            self._anchors[authority] = json.loads(done.out)
        return authority.pem

    def device(self, name, **how):
        return Device(self, name, **how)

    def list_device(self, device, *targets, authority=None):
        """The operator lists a device and allows it targets (the first by default)."""
        self.ctl("enrolee", "add", device.name, "--san", device.san,
                 "--anchor", (authority or self.device_ca).pem)
        for i, target in enumerate(targets):
            self.ctl("enrolee", "allow", device.name, target, *(["--default"] if not i else []))

    def listed_device(self, name="dev1", target=BROKER, **how):
        if not any(t["id"] == target for t in self.ctl("target", "list")):
            self.ctl("target", "add", target)
        device = self.device(name, **how)
        self.list_device(device, target)
        return device

    def mef(self, host=MEF):
        return f"{host}:{self.ports['enrol']}"

    def bootstrap(self, **members):
        return {"bootstrap": "certificate", "mef": MEF, "port": self.ports["enrol"], **members}

    def discover(self, **members):
        return {"discovery": "https", "resource":
                f"https://{DISCOVERY}:{self.ports['discovery']}/", **members}

    def document(self, *entries, name="list.json", **members):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as f:
            json.dump({"version": 1, "instructions": list(entries), **members}, f)
        return path

    # ---- targets ----

    def target(self, name=BROKER, authority=None, psk_file=None, pid_file=None):
        folder = self.path("target-" + name)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        cert, key = (authority or self.target_ca).issue(os.path.join(folder, "target"),
                                                        "dns:" + name)
        config = os.path.join(folder, "fieldroot-target.conf")
        with open(config, "w", encoding="utf-8") as f:
            f.write(f"""
fqdn = "{name}"
mef {{ fqdn = "{MEF}"  port = {self.ports['fetch']}  address = "127.0.0.1" }}
certificate = "{cert}"
key = "{key}"
trust-anchors = "{self.mef_ca.pem}"
state = "{folder}/state"
psk-file = "{psk_file or folder + '/psk'}"
{f'pid-file = "{pid_file}"' if pid_file else ''}
""")
        return Target(self, folder, config, cert, key, psk_file or folder + "/psk")


class Target:
    def __init__(self, site, folder, config, cert, key, psk_file):
        self.site, self.folder, self.config = site, folder, config
        self.cert, self.key, self.psk_file = cert, key, psk_file

    def sync(self, *args):
        return run(program("fieldroot-target"), "--config", self.config, "--json", *args)

    def watch(self):
        return self.site.process(
            [program("fieldroot-target"), "--config", self.config, "--watch", "--json"],
            os.path.join(self.folder, "watch.log"))

    def keys(self):
        """{KeID: hex key} of the psk file."""
        if not os.path.exists(self.psk_file):
            return {}
        with open(self.psk_file, encoding="utf-8") as f:
            return dict(line.strip().split(":", 1) for line in f if ":" in line)

    def get(self, path):
        """(HTTP status, body) by stock curl with the target's certificate."""
        return curl(self.site, "fetch", MEF, path, self.cert, self.key)


def curl(site, listener, host, path, cert, key, *extra):
    done = run("curl", "-sS", "--cacert", site.mef_ca.pem, "--cert", cert, "--key", key,
               "--resolve", f"{host}:{site.ports[listener]}:127.0.0.1", "-w", "\n%{http_code}",
               *extra, f"https://{host}:{site.ports[listener]}{path}")
    if done.status != 0:
        return 0, done.err
    body, _, status = done.out.rpartition("\n")
    return int(status), body


class Broker:
    """Stock Mosquitto with TLS-PSK, and its stock clients."""

    def __init__(self, site, psk_file, name="mosquitto"):
        self.site, self.folder = site, site.path(name)
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        self.psk_file = psk_file
        if not os.path.exists(psk_file):
            with open(psk_file, "w", encoding="utf-8"):
                os.chmod(psk_file, 0o600)
        self.port = free_port()
        self.pid_file = os.path.join(self.folder, "pid")
        config = os.path.join(self.folder, "mosquitto.conf")
        with open(config, "w", encoding="utf-8") as f:
            f.write(f"""listener {self.port} 127.0.0.1
psk_hint fieldroot
psk_file {psk_file}
use_identity_as_username true
allow_anonymous true
pid_file {self.pid_file}
user {run('id', '-un').out.strip()}
log_type all
""")
        self.process = site.process(["mosquitto", "-c", config],
                                    os.path.join(self.folder, "log"))
        self.process.wait_for("running")

    def options(self, name, identity, key):
        """An options file, found through XDG_CONFIG_HOME: a key in argv would show in ps."""
        home = os.path.join(self.folder, "home-" + name)
        os.makedirs(home, mode=0o700, exist_ok=True)
        for client in ("mosquitto_pub", "mosquitto_sub"):
            with open(os.path.join(home, client), "w", encoding="utf-8") as f:
                os.chmod(f.fileno(), 0o600)
                f.write(f"--psk {key}\n--psk-identity {identity}\n")
        return {**os.environ, "XDG_CONFIG_HOME": home}

    def publish(self, identity, key, message, topic="fieldroot"):
        return run("mosquitto_pub", "-h", "127.0.0.1", "-p", self.port, "-t", topic, "-m",
                   message, "-q", "1", env=self.options("pub", identity, key))

    def accepts(self, identity, key):
        return self.publish(identity, key, "hello").status == 0


class Postgres:
    """A real PostgreSQL server: a cluster of its own, on a Unix socket in its folder. It
    refuses root, so root runs it as the user postgres. Settings go to postgresql.conf.

        pg = self.postgres()
        site.start(top=f'database = "{pg.conninfo()}"')
    """
    USER = "tester"

    def __init__(self, cleanup, **settings):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        if not found:
            raise unittest.SkipTest("no PostgreSQL server in /usr/lib/postgresql")
        self.bin, self.cleanup = found[-1], cleanup
        self.who = {"user": "postgres", "group": "postgres", "extra_groups": []} \
            if os.geteuid() == 0 else {}
        self.top = tempfile.mkdtemp(prefix="fr-pg-")
        os.chmod(self.top, 0o711)
        cleanup(shutil.rmtree, self.top, ignore_errors=True)
        self.folder = os.path.join(self.top, "pg")  # and of its socket
        os.mkdir(self.folder, 0o711)
        if self.who:
            shutil.chown(self.folder, "postgres", "postgres")
        self.data = os.path.join(self.folder, "data")
        self.process, self.port = None, 5432
        self.make()
        self.configure(listen_addresses="", unix_socket_directories=self.folder,
                       shared_buffers="8MB", **settings)
        self.start()

    def program(self, name, *args):
        done = subprocess.run([os.path.join(self.bin, name), *args], capture_output=True,
                              text=True, cwd="/", check=False, **self.who)
        assert done.returncode == 0, done

    def make(self):
        self.program("initdb", "-D", self.data, "-U", self.USER, "-A", "trust", "-E", "UTF8",
                     "--locale=C.UTF-8", "--no-sync")

    def configure(self, **settings):
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf-8") as f:
            for key, value in settings.items():
                f.write(f"{key} = '{value}'\n")

    def start(self):
        self.process = Process([os.path.join(self.bin, "postgres"), "-D", self.data],
                               os.path.join(self.top, "log"), cwd="/", **self.who)
        self.cleanup(self.stop)
        wait_until(lambda: run(os.path.join(self.bin, "pg_isready"), "-q", "-h", self.folder,
                                  "-p", self.port).status == 0 or self.process.popen.poll() is not None, "PostgreSQL")
        if self.process.popen.poll() is not None:
            raise AssertionError("PostgreSQL did not start:\n" + self.process.text())
        return self

    def stop(self, sig=signal.SIGINT):
        """SIGINT ends its sessions and stops it; SIGQUIT is its crash."""
        return self.process.stop(sig)

    def conninfo(self, database="postgres", user=USER, **more):
        extra = "".join(f" {k}={v}" for k, v in more.items())
        return f"host={self.folder} dbname={database} user={user}{extra}"

    def sql(self, text, database="postgres"):
        """Rows as text, columns split by |."""
        done = run(os.path.join(self.bin, "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d",
                   self.conninfo(database), "-c", text)
        assert done.status == 0, done
        return done.out.splitlines()


class Peer(threading.Thread):
    """A misbehaving TLS server: calls behave(connection) for each client."""

    def __init__(self, cert, key, client_ca, behave, context=None):
        super().__init__(daemon=True)
        self.context = context or ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert, key)
        if client_ca:
            self.context.load_verify_locations(client_ca)
            self.context.verify_mode = ssl.CERT_REQUIRED
        self.behave, self.count = behave, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            self.count += 1
            with contextlib.suppress(OSError, ssl.SSLError, ValueError), plain:
                plain.settimeout(LIMIT)
                with self.context.wrap_socket(plain, server_side=True) as tls:
                    self.behave(tls)

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def read_request(tls):
    """(request line, body) of one HTTP request."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = tls.recv(65536)
        if not more:
            return "", b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    while length and len(body) < int(length[1]):
        body += tls.recv(65536)
    return head.split(b"\r\n")[0].decode(), body


class TestCase(unittest.TestCase):
    def site(self, make=Site):
        folder = tempfile.mkdtemp(prefix="fieldroot-")
        os.chmod(folder, 0o711)
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        return make(folder, self.addCleanup)

    def postgres(self, **settings):
        return Postgres(self.addCleanup, **settings)

    def assertRefused(self, run_, reason=None, **kw):
        self.assertFailed(run_, 77, "refused", reason, **kw)

    def assertFailed(self, run_, status, cls, reason=None, text=None):
        self.assertEqual(run_.status, status, run_)
        last = run_.attempts[-1]
        self.assertEqual(last["class"], cls, run_)
        if reason:
            self.assertEqual(last["reason"], reason, run_)
        if text:
            self.assertIn(text, last["text"])


def note(text):
    """A diagnostic line of TAP."""
    print("#", text, flush=True)


class TapResult(unittest.TestResult):
    number = 0

    def report(self, verdict, test, note=""):
        self.number += 1
        print(f"{verdict} {self.number} - {test.id().split('.', 1)[-1]}{note}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.report("ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.report("ok", test, f" # SKIP {reason}")

    def bad(self, test, err):
        self.report("not ok", test)
        for line in self._exc_info_to_string(err, test).splitlines():
            print("#", line, flush=True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.bad(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.bad(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.bad(subtest, err)


def main():
    """Runs the tests of the calling file and prints TAP. Arguments select by substring."""
    tests = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    chosen = unittest.TestSuite(
        t for case in tests for t in case
        if not sys.argv[1:] or any(a in t.id() for a in sys.argv[1:]))
    print(f"1..{chosen.countTestCases()}", flush=True)
    result = TapResult()
    chosen.run(result)
    sys.exit(0 if result.wasSuccessful() and result.number else 1)
