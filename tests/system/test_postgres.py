# SPDX-License-Identifier: Apache-2.0
"""fieldrootd on PostgreSQL: the main job, a database that goes away, what is refused, and
several nodes on one database."""
import copy
import os
import shutil
import signal
import threading

import lab


class Case(lab.TestCase):
    def setUp(self):
        self.pg = self.postgres()
        self.lab = self.site()

    def start(self, site=None, conninfo=None, top="", **settings):
        site = site or self.lab
        return site.start(top=f'database = "{conninfo or self.pg.conninfo()}"\n{top}', **settings)

    def provisioned(self, device, site=None, *args):
        run = device.provision((site or self.lab).mef(), *args)
        self.assertEqual(run.status, 0, run)
        return run.outcome["keyId"]


class Store(Case):
    def refused(self, conninfo, status, *texts, top=""):
        """fieldrootd does not start, and says why."""
        self.lab.settings["top"] = f'database = "{conninfo}"\n{top}'
        run = lab.run(lab.program("fieldrootd"), "--config", self.lab.write_config())
        self.assertEqual(run.status, status, run)
        for text in texts:
            self.assertIn(text, run.err)
        self.assertNotIn("s3cret", run.err)

    def test_a_device_is_provisioned_and_its_target_fetches(self):
        self.start()
        key_id = self.provisioned(self.lab.listed_device())
        target = self.lab.target()
        self.assertEqual(target.sync().status, 0)
        self.assertEqual(set(target.keys()), {key_id})
        self.assertEqual(self.lab.ctl("status")["store"], "postgres")
        self.assertTrue(self.lab.ctl("audit", "--verify")["intact"])

    def test_a_refused_device_leaves_its_line_and_nothing_else(self):
        self.start()
        self.lab.listed_device("dev1")
        self.assertRefused(self.lab.device("dev2").provision(self.lab.mef()),
                           "enrolee-not-listed")
        self.assertEqual(self.lab.ctl("credential", "list"), [])
        self.assertIn("enrolee-not-listed",
                      [line["reason"] for line in self.lab.ctl("audit")])

    def test_a_server_that_crashes_loses_nothing_and_is_found_again(self):
        self.start()
        device = self.lab.listed_device()
        first = self.provisioned(device)
        self.pg.stop(signal.SIGQUIT)
        self.assertEqual(self.lab.ctl("status", ok=False).status, 73)
        self.pg.start()
        second = lab.wait_until(
            lambda: (lambda r: r.status == 0 and r.outcome["keyId"])(
                device.provision(self.lab.mef(), "--renew")), "a renewal")
        self.assertEqual({c["keyId"] for c in self.lab.ctl("credential", "list")},
                         {first, second})
        self.assertTrue(self.lab.ctl("audit", "--verify")["intact"])

    def test_what_cannot_be_used_is_said(self):
        pg = self.pg
        pg.sql("CREATE ROLE guest LOGIN")
        pg.sql("CREATE ROLE locked LOGIN PASSWORD 'right'")
        pg.sql("CREATE DATABASE newer")
        pg.sql("CREATE TABLE schema_version (version BIGINT PRIMARY KEY);"
               "INSERT INTO schema_version VALUES (99)", "newer")
        pg.sql("CREATE DATABASE careless")
        pg.sql("ALTER DATABASE careless SET synchronous_commit = off")
        with open(os.path.join(pg.data, "pg_hba.conf"), "w", encoding="utf-8") as f:
            f.write("local all locked scram-sha-256\nlocal all all trust\n")
        pg.sql("SELECT pg_reload_conf()")
        passfile = self.lab.path("passfile")
        with open(passfile, "w", encoding="utf-8") as f:
            os.chmod(passfile, 0o600)
            f.write("*:*:*:*:s3cret\n")
        self.refused(pg.conninfo("nowhere"), 73, 'database "nowhere" does not exist')
        self.refused(pg.conninfo(user="nobody"), 73, 'role "nobody" does not exist')
        self.refused(pg.conninfo(user="guest"), 73, "permission denied")
        self.refused(pg.conninfo(user="locked", passfile=passfile), 73,
                     "password authentication failed")
        self.refused(pg.conninfo(password="s3cret"), 65, "passfile=")
        self.refused("postgresql://tester:s3cret@/postgres?host=" + pg.folder, 65, "service=")
        self.refused(pg.conninfo("newer"), 73, "schema 99")
        self.refused(pg.conninfo("careless"), 73, "synchronous_commit = off")
        pg.sql("ALTER DATABASE postgres SET default_transaction_read_only = on")
        self.refused(pg.conninfo(), 73, "read-only")
        self.refused("fieldroot.db", 65, "leave it out for SQLite")


class Network(Case):
    """Over TCP: TLS, a password from a file, a service file; again after a crash, when the
    vault is in its sandbox."""

    def setUp(self):
        super().setUp()
        pg = self.pg
        pg.sql("CREATE ROLE fieldroot LOGIN PASSWORD 'opensesame'")
        pg.sql("CREATE DATABASE fleet OWNER fieldroot")
        self.ca = lab.Authority(self.lab.path("ca-db"), "Database CA")
        for path in self.ca.issue(os.path.join(pg.top, "db"), "dns:db.example.com"):
            shutil.move(path, pg.data)
            if pg.who:
                shutil.chown(os.path.join(pg.data, os.path.basename(path)), "postgres",
                             "postgres")
        pg.port = lab.free_port()
        pg.configure(listen_addresses="127.0.0.1", port=pg.port, ssl="on",
                     ssl_cert_file="db.pem", ssl_key_file="db.key")
        with open(os.path.join(pg.data, "pg_hba.conf"), "w", encoding="utf-8") as f:
            f.write("hostssl fleet fieldroot 127.0.0.1/32 scram-sha-256\n")
        pg.stop()
        pg.start()

    def write(self, name, text):
        path = self.lab.path(name)
        with open(path, "w", encoding="utf-8") as f:
            os.chmod(path, 0o600)
            f.write(text)
        return path

    def environment(self, password="opensesame", anchor=None, host="db.example.com"):
        passfile = self.write("passfile", f"{host}:{self.pg.port}:fleet:fieldroot:{password}\n")
        service = self.write("services", f"""[fleet]
host={host}
hostaddr=127.0.0.1
port={self.pg.port}
dbname=fleet
user=fieldroot
passfile={passfile}
sslmode=verify-full
sslrootcert={anchor or self.ca.pem}
""")
        return {**os.environ, "PGSERVICEFILE": service}

    def refusal(self, env):
        self.lab.settings["top"] = 'database = "service=fleet"'
        done = lab.run(lab.program("fieldrootd"), "--config", self.lab.write_config(), env=env)
        self.assertEqual(done.status, 73, done)
        return done.err

    def test_by_service_and_pass_file(self):
        self.start(conninfo="service=fleet", popen={"env": self.environment()})
        device = self.lab.listed_device()
        self.provisioned(device)
        self.pg.stop(signal.SIGQUIT)
        self.pg.start()
        lab.wait_until(lambda: device.provision(self.lab.mef(), "--renew").status == 0,
                       "a renewal")
        self.assertNotIn("opensesame", self.lab.daemon.text())

    def test_another_authority_another_name_or_password_is_refused(self):
        self.assertIn("certificate verify failed",
                      self.refusal(self.environment(anchor=self.lab.mef_ca.pem)))
        self.assertIn("other.example.com", self.refusal(self.environment(host="other.example.com")))
        said = self.refusal(self.environment(password="s3cret"))
        self.assertIn("password authentication failed", said)
        self.assertNotIn("s3cret", said)


class Nodes(Case):
    """Several fieldrootd on one database."""

    def node(self, name, kek=True):
        site = copy.copy(self.lab)
        site.settings, site.ports, site._anchors = dict(self.lab.settings), {}, {}
        site.folder = os.path.join(self.lab.folder, name)
        os.makedirs(os.path.join(site.folder, "state"), mode=0o700)
        if kek:
            shutil.copy2(self.lab.path("state", "kek"), os.path.join(site.folder, "state"))
        return site

    def test_a_target_at_one_node_hears_what_another_commits(self):
        self.start(top='node = "a"')
        other = self.start(self.node("b"), top='node = "b"')
        device = self.lab.listed_device()
        watch = other.target().watch()
        key_id = self.provisioned(device)
        watch.wait_for(key_id)
        self.assertTrue(other.ctl("audit", "--verify")["intact"])
        self.assertEqual({line["node"] for line in self.lab.ctl("audit")}, {"a", "b"})

    def test_another_key_and_a_name_that_is_taken_are_refused(self):
        self.start(top='node = "a"')
        for site, top, text in ((self.node("b", kek=False), 'node = "b"', "key-encryption"),
                                (self.node("c"), 'node = "a"', "give each its own name")):
            site.settings["top"] = f'database = "{self.pg.conninfo()}"\n{top}'
            run = lab.run(lab.program("fieldrootd"), "--config", site.write_config())
            self.assertEqual(run.status, 65, run)
            self.assertIn("kek" if "key" in text else text, run.err)

    def enrol_at_once(self, sites, count):
        self.lab.ctl("target", "add", lab.BROKER)
        devices = [self.lab.device(f"dev{i}") for i in range(count)]
        for device in devices:
            self.lab.list_device(device, lab.BROKER)
        keys, failed = [], []

        def enrol(i):
            for args in ((), ("--renew",)):
                run = devices[i].provision(sites[i % len(sites)].mef(), *args)
                (keys if run.status == 0 else failed).append(
                    run.outcome["keyId"] if run.status == 0 else run)
        threads = [threading.Thread(target=enrol, args=(i,)) for i in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])
        return keys

    def check(self, keys):
        seqs = [int(row) for row in self.pg.sql("SELECT seq FROM feed ORDER BY seq")]
        self.assertEqual(seqs, list(range(1, len(keys) + 1)))
        self.assertEqual(set(self.pg.sql("SELECT key_id FROM feed WHERE event = 0")), set(keys))
        verified = self.lab.ctl("audit", "--verify")
        self.assertEqual(verified["lines"], int(self.pg.sql("SELECT COUNT(*) FROM audit")[0]))

    def test_two_nodes_enrol_at_once(self):
        a = self.start(top='node = "a"')
        b = self.start(self.node("b"), top='node = "b"')
        self.check(self.enrol_at_once([a, b], 8))


    def test_two_nodes_enrol_at_once_where_the_database_is_strict(self):
        """It refuses what it cannot put in an order."""
        self.pg.sql("ALTER DATABASE postgres SET default_transaction_isolation = serializable")
        self.test_two_nodes_enrol_at_once()


if __name__ == "__main__":
    lab.main()
