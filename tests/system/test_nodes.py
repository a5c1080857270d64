# SPDX-License-Identifier: Apache-2.0
"""Three fieldrootd on one PostgreSQL with a synchronous standby, each machine a network
namespace. While devices enrol, a node dies, then the database's primary, and the standby
takes its place: nothing that was acknowledged is lost. Needs root, for the namespaces."""
import contextlib
import os
import select
import shutil
import signal
import subprocess
import unittest

import lab
from load import Load

NET, PORT = "10.77.0", 5432
PRIMARY, STANDBY = f"{NET}.11", f"{NET}.12"


def sh(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")


class Net:
    """A hub with a bridge, and machines at its ports; nothing of it is in the namespace
    of the test itself."""

    def __init__(self, cleanup):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root: network namespaces")
        self.cleanup, self.n = cleanup, 0
        self.hub = self.add("hub")
        for argv in (["link", "add", "br0", "type", "bridge"],
                     ["addr", "add", f"{NET}.254/24", "dev", "br0"], ["link", "set", "br0", "up"]):
            sh("ip", "-n", self.hub, *argv)

    def add(self, name):
        ns = f"fr{os.getpid()}{name}"
        try:
            sh("ip", "netns", "add", ns)
        except (RuntimeError, OSError) as e:
            raise unittest.SkipTest(f"needs network namespaces: {e}") from None
        self.cleanup(sh, "ip", "netns", "del", ns)
        sh("ip", "-n", ns, "link", "set", "lo", "up")
        return ns

    def machine(self, name, address):
        ns, self.n = self.add(name), self.n + 1
        end = f"v{self.n}"
        sh("ip", "-n", self.hub, "link", "add", end, "type", "veth", "peer", "name", "eth0",
           "netns", ns)
        sh("ip", "-n", self.hub, "link", "set", end, "master", "br0", "up")
        sh("ip", "-n", ns, "addr", "add", f"{address}/24", "dev", "eth0")
        sh("ip", "-n", ns, "link", "set", "eth0", "up")
        return ns


def within(ns, *argv):
    return ["ip", "netns", "exec", ns, *argv]


class Database(lab.Postgres):
    """A PostgreSQL on a machine of its own."""

    def __init__(self, cleanup, ns, address, of=None):
        self.ns, self.address, self.of = ns, address, of
        super().__init__(cleanup)

    def make(self):
        if not self.of:
            super().make()
            with open(os.path.join(self.data, "pg_hba.conf"), "a", encoding="utf-8") as f:
                f.write(f"host all all {NET}.0/24 trust\nhost replication all {NET}.0/24 trust\n")
            return
        sh(*self.as_postgres("pg_basebackup", "-D", self.data, "-R", "-X", "stream", "-c", "fast",
                             "-d", f"host={self.of.address} user={self.USER}"
                                   " application_name=standby"))

    def as_postgres(self, name, *args):
        return within(self.ns, "setpriv", "--reuid", "postgres", "--regid", "postgres",
                      "--clear-groups", os.path.join(self.bin, name), *args)

    def configure(self, **settings):
        super().configure(**{**settings, "listen_addresses": self.address, "port": PORT})

    def start(self):
        self.process = lab.Process(self.as_postgres("postgres", "-D", self.data),
                                   os.path.join(self.top, "log"), cwd="/")
        self.cleanup(self.stop)
        lab.wait_until(lambda: lab.run(os.path.join(self.bin, "pg_isready"), "-q", "-h",
                                       self.folder).status == 0, "PostgreSQL")
        return self

    def make_synchronous(self):
        self.sql("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        self.sql("SELECT pg_reload_conf()")
        lab.wait_until(lambda: self.sql("SELECT sync_state FROM pg_stat_replication") == ["sync"],
                       "the standby to be synchronous")

    def kill(self):
        family = lab.child_pids(self.process.pid)
        self.process.stop(signal.SIGKILL)
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def promote(self):
        sh(*self.as_postgres("pg_ctl", "promote", "-D", self.data, "-w"))


class Node:
    """A fieldrootd of the site's authorities, on a machine of its own."""

    def __init__(self, site, ns, number):
        self.site, self.ns, self.number = site, ns, number
        self.address = f"{NET}.{number}"
        self.folder = site.path(f"node{number}")
        os.makedirs(os.path.join(self.folder, "state"), mode=0o700)
        self.kek = os.path.join(self.folder, "state", "kek")
        self.process = None

    @property
    def socket(self):
        return os.path.join(self.folder, "run", "admin.sock")

    def write_config(self, name=None):
        s = self.site
        path = os.path.join(self.folder, "fieldrootd.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"""
state = "{self.folder}/state"
run-dir = "{self.folder}/run"
node = "{name or f'node{self.number}'}"
workers = 1
database = "host={PRIMARY},{STANDBY} port={PORT} dbname=postgres user={lab.Postgres.USER} connect_timeout=2 target_session_attrs=read-write"
mef {{
    fqdn = "{lab.MEF}"
    listen = "{self.address}:8443"
    fetch-listen = "{self.address}:8444"
    certificate = "{s.mef_cert[0]}"
    key = "{s.mef_cert[1]}"
    enrolee-anchors = "{s.device_ca.pem}"
    target-anchors = "{s.target_ca.pem}"
}}
admin {{ socket = "{self.socket}" }}
limits {{ per-address = 1000 handshakes-per-address = 0 }}
""")
        return path

    def begin(self, **how):
        """Starts it; ready() waits for it."""
        config = self.write_config(**how)
        ready, tell = os.pipe()
        self.process = self.site.process(
            within(self.ns, lab.program("fieldrootd"), "--config", config, "--ready-fd", str(tell)),
            os.path.join(self.folder, "log"), pass_fds=[tell])
        os.close(tell)
        got = select.select([ready], [], [], lab.LIMIT)[0] and os.read(ready, 1)
        os.close(ready)
        return bool(got)

    def start(self):
        if not self.begin():
            raise AssertionError(self.process.text())

    def refusal(self, **how):
        """It must not start: why not."""
        before = len(self.process.text()) if self.process else 0
        if self.begin(**how):
            raise AssertionError("it has started")
        self.process.popen.wait(lab.LIMIT)
        return self.process.text()[before:]

    def kill(self):
        family = lab.child_pids(self.process.pid)
        self.process.stop(signal.SIGKILL)
        lab.wait_until(lambda: not any(os.path.exists(f"/proc/{p}") for p in family), "its end")

    def ctl(self, *args):
        done = lab.run(lab.program("fieldrootctl"), "--socket", self.socket, "--json", *args)
        assert done.status == 0, done
        return lab.json.loads(done.out)


class Device(lab.Device):
    """Lives in the hub; the order in which it knows the nodes is its own."""

    def __init__(self, site, net, name, order):
        super().__init__(site, name, hosts={})
        self.hosts, self.net = os.path.join(self.folder, "hosts"), net
        self.know(order)

    def know(self, order):
        with open(self.hosts, "w", encoding="utf-8") as f:
            f.writelines(f"{NET}.{n} {lab.MEF}\n" for n in order)

    def fieldroot(self, command, *args, **how):
        """`ip netns exec` gives it a mount namespace, so its /etc/hosts is its own."""
        return lab.run(*within(self.net.hub, "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"',
                               self.hosts, lab.program("fieldroot"), command, "--config",
                               self.config, *args), **how)

    def renew(self):
        return self.provision(f"{lab.MEF}:8443", "--renew")


class NodesTest(lab.TestCase):
    def setUp(self):
        self.net = Net(self.addCleanup)
        self.lab = self.site()
        self.primary = Database(self.addCleanup, self.net.machine("p", PRIMARY), PRIMARY)
        self.nodes = [Node(self.lab, self.net.machine(f"n{n}", f"{NET}.{n}"), n)
                      for n in (1, 2, 3)]

    def start_nodes(self, *which):
        """The first makes the key-encryption key; every other gets a copy."""
        first = self.nodes[0]
        for node in [self.nodes[i] for i in which] or self.nodes:
            if node is not first and not os.path.exists(node.kek):
                shutil.copy(first.kek, node.kek)
            node.start()
        first.ctl("target", "add", lab.BROKER)
        first.ctl("enrolee", "add", "fleet", "--anchor", self.lab.device_ca.pem, "--any",
                  "--default", lab.BROKER)

    def target(self):
        """A target in the hub."""
        self.lab.ports["fetch"] = 8444
        target = self.lab.target()
        target.sync = lambda: lab.run(*within(self.net.hub, lab.program("fieldroot-target"),
                                              "--config", target.config, "--json"))
        return target

    def move(self, target, node):
        with open(target.config, encoding="utf-8") as f:
            text = f.read()
        head, _, rest = text.partition('address = "')
        with open(target.config, "w", encoding="utf-8") as f:
            f.write(f'{head}address = "{node.address}"{rest[rest.index(chr(34)) + 1:]}')

    def assertServes(self, node, devices):
        """A target that is new to it gets every device's current key from that node."""
        target = self.target_of_its_own(node)
        run = target.sync()
        self.assertEqual(run.status, 0, run)
        for d in devices:
            keid = d.credentials()[0]["keyId"]
            out = os.path.join(d.folder, "exported")
            run = d.fieldroot("credential", "export", keid, "--format", "mosquitto", "--out", out)
            self.assertEqual(run.status, 0, run)
            with open(out, encoding="utf-8") as f:
                self.assertIn(target.keys().get(keid, "?"), f.read())
            os.unlink(out)
        self.assertTrue(node.ctl("audit", "--verify")["intact"])

    def target_of_its_own(self, node):
        folder = self.lab.path(f"target-{lab.BROKER}")
        for name in os.listdir(folder):
            if name not in ("target.pem", "target.key", "fieldroot-target.conf"):
                path = os.path.join(folder, name)
                shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        self.move(self.a_target, node)
        return self.a_target


class Failover(NodesTest):
    def setUp(self):
        super().setUp()
        self.standby = Database(self.addCleanup, self.net.machine("s", STANDBY), STANDBY,
                                of=self.primary)
        self.primary.make_synchronous()
        self.start_nodes()
        self.a_target = self.target()
        orders = ([1, 2, 3], [2, 3, 1], [3, 1, 2])
        self.devices = [Device(self.lab, self.net, f"d{n}", orders[n % 3]) for n in range(6)]

    def test_nothing_acknowledged_is_lost_when_a_node_and_then_the_primary_dies(self):
        one, two, three = self.nodes
        with Load(self.devices, Device.renew) as load:
            load.wait_for_each(2)
            self.move(self.a_target, two)
            self.assertEqual(self.a_target.sync().status, 0)
            one.kill()
            load.wait_for_each()
            self.primary.kill()
            self.standby.promote()
            load.wait_for_each()
        self.assertTrue(all(r.attempts[-1]["class"] == "unreachable" for r in load.failed),
                        load.failed[:1])
        keids = load.seen()
        self.assertEqual(len(keids), len(set(keids)))
        there = self.standby.sql("SELECT key_id FROM feed WHERE event = 0")
        self.assertLessEqual(set(keids), set(there))
        self.assertEqual(len(there), len(set(there)))
        # the target goes on at another node, and misses nothing
        self.move(self.a_target, three)
        run = self.a_target.sync()
        self.assertEqual(run.status, 0, run)
        self.assertEqual(set(self.a_target.keys()),
                         {c["keyId"] for c in two.ctl("credential", "list")})
        one.start()
        for node in self.nodes:
            self.assertServes(node, self.devices)
        print(f"# {len(keids)} acknowledged, {len(load.failed)} runs gave up and came again")


class Together(NodesTest):
    def setUp(self):
        super().setUp()
        self.start_nodes(0, 1)
        self.a_target = self.target()
        self.devices = [Device(self.lab, self.net, f"d{n}", [1 + n % 2, 2 - n % 2])
                        for n in range(4)]

    def test_a_node_with_another_key_or_the_name_of_another_is_refused(self):
        three = self.nodes[2]
        with open(three.kek, "w", encoding="utf-8") as f:
            os.chmod(three.kek, 0o600)
            f.write("5a" * 32 + "\n")
        self.assertIn("is not the key", three.refusal())
        shutil.copy(self.nodes[0].kek, three.kek)
        self.assertIn('has written as node "node1"', three.refusal(name="node1"))
        three.start()

    def test_a_newer_schema_stops_no_node_that_runs_but_one_that_starts(self):
        with Load(self.devices, Device.renew) as load:
            load.wait_for_each()
            self.primary.sql("INSERT INTO schema_version (version) SELECT MAX(version) + 1"
                             " FROM schema_version")
            load.wait_for_each()
        self.assertEqual(load.failed, [])
        shutil.copy(self.nodes[0].kek, self.nodes[2].kek)
        self.assertIn("a newer fieldrootd made this database", self.nodes[2].refusal())

    def test_an_operator_asks_while_devices_enrol(self):
        """His messages are in one batch with theirs."""
        with Load(self.devices, Device.renew) as load:
            load.wait_for_each()
            for _ in range(60):
                self.nodes[0].ctl("status")
            load.wait_for_each()
        self.assertEqual(load.failed, [])

    def put_next_keys(self, *nodes):
        for node in nodes:
            with open(node.kek + ".next", "w", encoding="utf-8") as f:
                os.chmod(f.fileno(), 0o600)
                f.write("a5" * 32 + "\n")

    def fact(self, name):
        return "".join(self.primary.sql(f"SELECT value FROM meta WHERE name = '{name}'"))

    def make_it_long(self, n):
        """Rows whose wrapping belongs to another KeID: they cost a step their time."""
        columns = self.primary.sql("SELECT column_name FROM information_schema.columns"
                                   " WHERE table_name = 'credential' AND column_name NOT IN"
                                   " ('key_id', 'suid')")
        names = ", ".join(columns)
        self.primary.sql(f"INSERT INTO credential (key_id, suid, {names}) SELECT"
                         f" lpad(to_hex(i), 32, '0') || '@{lab.MEF}', 1000 + i, {names}"
                         f" FROM generate_series(1, {n}) AS i,"
                         " (SELECT * FROM credential LIMIT 1) AS one")

    def test_another_node_ends_a_rekeying_whose_node_has_died(self):
        one, two = self.nodes[:2]
        self.assertEqual(self.devices[0].renew().status, 0)
        self.make_it_long(4000)
        self.put_next_keys(one, two)
        run = lab.run(lab.program("fieldrootctl"), "--socket", one.socket, "--json", "store",
                      "rekey", "--no-wait")
        self.assertEqual(run.status, 0, run)
        lab.wait_until(lambda: self.fact("rekeyed")[:2] not in ("", "0 "), "some work")
        one.kill()
        self.assertNotEqual(self.fact("kek-next"), "", "it was over too soon")
        # an idle node learns of it by the first request that it gets
        lab.wait_until(lambda: two.ctl("status")["rekey"] is None, "the other node to end it")
        self.assertEqual(self.fact("kek-next"), "")
        self.primary.sql("DELETE FROM credential WHERE suid >= 1000")
        self.assertEqual(self.devices[0].renew().status, 0)
        self.assertServes(two, self.devices[:1])

    def test_rekeying_goes_over_all_nodes_while_they_serve(self):
        one, two = self.nodes[:2]
        run = lab.run(lab.program("fieldrootctl"), "--socket", one.socket, "store", "rekey")
        self.assertEqual(run.status, 65, run)
        self.assertIn("the same on every node", run.err)
        self.put_next_keys(one, two)
        was = one.ctl("status")["keyId"]
        with Load(self.devices, Device.renew) as load:
            load.wait_for_each()
            run = lab.run(lab.program("fieldrootctl"), "--socket", one.socket, "store", "rekey")
            self.assertEqual(run.status, 0, run)
            load.wait_for_each()
        self.assertEqual(load.failed, [])
        for node in (one, two):
            self.assertNotEqual(node.ctl("status")["keyId"], was)
            with open(node.kek, encoding="utf-8") as f:
                self.assertEqual(f.read().strip(), "a5" * 32)
            self.assertServes(node, self.devices)


if __name__ == "__main__":
    lab.main()
