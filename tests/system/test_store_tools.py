# SPDX-License-Identifier: Apache-2.0
"""`fieldrootctl store`: backup, restore, move and rekey of a fleet that is in use, as an
operator would drill them; and every input that is wrong."""
import contextlib
import json
import os
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess

import lab
from load import Load


def ctl(*args, **how):
    return lab.run(lab.program("fieldrootctl"), "--json", *args, **how)


def said(run):
    return json.loads(run.out.splitlines()[-1])


class StoreTest(lab.TestCase):
    def setUp(self):
        self.lab = self.site().start()
        self.db = self.lab.path("state", "fieldroot.db")
        self.kek = self.lab.path("state", "kek")
        self.target = self.lab.target()
        self.lab.ctl("target", "add", lab.BROKER)
        self.lab.ctl("enrolee", "add", "fleet", "--anchor", self.lab.device_ca.pem, "--any",
                     "--default", lab.BROKER)
        self.config = self.lab.path("fieldrootd.conf")

    def devices(self, *names):
        return [self.lab.device(n) for n in names]

    def renew(self, device):
        return device.provision("--renew", "--instructions", self.lab.document(
            self.lab.bootstrap(budget="PT5S"), name=device.name + ".json"))

    def provision(self, device):
        run = self.renew(device)
        self.assertEqual(run.status, 0, run)
        return run.outcome["keyId"]

    def keys_of(self, db):
        """KeIDs that ever were in a store."""
        with contextlib.closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as c:
            return {k for k, in c.execute("SELECT key_id FROM feed WHERE event = 0")}

    def backup(self, name="backup.db"):
        path = self.lab.path(name)
        run = ctl("store", "backup", path, "--config", self.config)
        self.assertEqual(run.status, 0, run)
        return path

    def restore(self, path, *args):
        return ctl("store", "restore", path, "--config", self.config, *args)

    def assertWorks(self, *devices):
        """Each device's current key is what the target gets."""
        target = self.target
        self.assertEqual(target.sync().status, 0)
        for d in devices:
            keid = d.credentials()[0]["keyId"]
            out = os.path.join(d.folder, "exported")
            run = d.fieldroot("credential", "export", keid, "--format", "mosquitto", "--out", out)
            self.assertEqual(run.status, 0, run)
            with open(out, encoding="utf-8") as f:
                self.assertIn(target.keys().get(keid, "?"), f.read())
            os.unlink(out)
        self.assertEqual(self.lab.ctl("audit", "--verify")["intact"], True)


class Backup(StoreTest):
    def test_a_backup_under_load_holds_all_that_was_acknowledged_before_it(self):
        with Load(self.devices("a", "b"), self.renew) as load:
            for n in range(3):
                load.wait_for_more(2)
                before = set(load.seen())
                path = self.backup(f"backup-{n}.db")
                self.assertLessEqual(before, self.keys_of(path))
        self.assertEqual(load.failed, [])

    def test_it_is_one_file_for_its_owner_without_any_key_to_it(self):
        self.provision(self.lab.device("a"))
        path = self.backup()
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual([f for f in os.listdir(self.lab.folder) if f.startswith("backup")],
                         ["backup.db"])
        with open(path, "rb") as f, open(self.kek, "rb") as k:
            octets, key = f.read(), k.read().strip()
        self.assertNotIn(key, octets)
        self.assertNotIn(bytes.fromhex(key.decode()), octets)

    def test_it_says_what_it_holds_and_that_the_key_is_not_in_it(self):
        self.provision(self.lab.device("a"))
        key_id = self.lab.ctl("status")["keyId"]
        run = ctl("store", "backup", self.lab.path("b1"), "--config", self.config)
        self.assertEqual((said(run)["credentials"], said(run)["keyId"]), (1, key_id))
        run = lab.run(lab.program("fieldrootctl"), "store", "backup", self.lab.path("b2"),
                      "--config", self.config)
        self.assertIn(f"key-encryption key {key_id}, which is not in it", run.out)


class Restore(StoreTest):
    def test_it_is_refused_while_the_server_runs_and_over_a_store_that_is_there(self):
        path = self.backup()
        run = self.restore(path, "--replace")
        self.assertEqual((run.status, said(run)["reason"]), (75, "already-running"), run)
        self.lab.stop()
        run = self.restore(path)
        self.assertEqual((run.status, said(run)["reason"]), (1, "store-exists"), run)
        self.lab.start()

    def drill(self, path, *args):
        self.lab.stop()
        run = self.restore(path, *args)
        self.assertEqual(run.status, 0, run)
        self.lab.start()
        return said(run)

    def test_the_drill_and_a_target_with_a_newer_cursor_begins_again(self):
        a, b, c = self.devices("a", "b", "c")
        kept = self.provision(a)
        path = self.backup()
        lost = self.provision(b)
        target = self.target
        target.sync()
        self.assertEqual(set(target.keys()), {kept, lost})
        restored = self.drill(path, "--replace")
        self.assertEqual(restored["credentials"], 1)
        self.assertIn(lost, self.keys_of(restored["aside"]))
        new = self.provision(c)
        # as many changes as were lost: the numbers alone would say that nothing is new
        self.assertEqual(target.sync().status, 0)
        self.assertEqual(set(target.keys()), {kept, new})
        again = self.provision(b)
        self.assertEqual(target.sync().status, 0)
        self.assertEqual(set(target.keys()), {kept, new, again})
        self.assertWorks(a, b, c)
        trail = self.lab.ctl("audit", "--limit", "100")
        self.assertTrue([x for x in trail if x["reason"] == "store-changed"], trail)

    def test_the_same_backup_twice_gives_targets_of_the_life_between_a_fresh_start(self):
        a, b, c = self.devices("a", "b", "c")
        kept = self.provision(a)
        path = self.backup()
        self.drill(path, "--replace")
        between = self.provision(b)
        target = self.target
        target.sync()
        self.assertEqual(set(target.keys()), {kept, between})
        self.drill(path, "--replace")
        new = self.provision(c)
        self.assertEqual(target.sync().status, 0)
        self.assertEqual(set(target.keys()), {kept, new})

    def test_on_a_new_machine_the_key_file_must_come_first(self):
        a, = self.devices("a")
        self.provision(a)
        path = self.backup()
        self.lab.stop()
        with open(self.kek, encoding="utf-8") as f:
            key = f.read()
        shutil.rmtree(self.lab.path("state"))
        run = self.restore(path)
        self.assertEqual((run.status, said(run)["reason"]), (65, "key-file-missing"), run)
        with open(self.kek, "w", encoding="utf-8") as f:
            os.chmod(self.kek, 0o600)
            f.write("00" * 32 + "\n")
        run = self.restore(path)
        self.assertEqual((run.status, said(run)["reason"]), (65, "key-other"), run)
        with open(self.kek, "w", encoding="utf-8") as f:
            f.write(key)
        self.assertEqual(self.restore(path).status, 0)
        self.assertEqual(sorted(os.listdir(self.lab.path("state"))), ["fieldroot.db", "kek"])
        self.lab.start()
        self.assertWorks(a)

    def test_a_server_that_was_killed_has_its_log_set_aside_with_its_store(self):
        a, b = self.devices("a", "b")
        self.provision(a)
        path = self.backup()
        lost = self.provision(b)
        self.lab.daemon.stop(signal.SIGKILL)
        run = self.retry_restore(path, "--replace")
        self.assertIn(lost, self.keys_of(said(run)["aside"]))
        self.lab.start()
        self.assertWorks(a)

    def test_a_log_whose_store_is_gone_is_not_played_into_what_is_restored(self):
        a, b = self.devices("a", "b")
        self.provision(a)
        path = self.backup()
        lost = self.provision(b)
        self.lab.daemon.stop(signal.SIGKILL)
        self.assertGreater(os.path.getsize(self.db + "-wal"), 0)
        os.unlink(self.db)
        self.assertNotIn("aside", said(self.retry_restore(path)))
        self.assertNotIn(lost, self.keys_of(self.db))
        self.assertTrue([f for f in os.listdir(self.lab.path("state"))
                         if f.startswith("fieldroot.db.replaced-") and f.endswith("-wal")])
        self.lab.start()
        self.assertWorks(a)

    def retry_restore(self, path, *args):
        """The children of a killed parent hold the lock until they are gone."""
        def tried():
            run = self.restore(path, *args)
            return run if said(run).get("reason") != "already-running" else None
        return lab.wait_until(tried, "the lock")


class WrongInput(StoreTest):
    def bad_files(self):
        def sql(path, text):
            with contextlib.closing(sqlite3.connect(path)) as c:
                c.executescript(text)

        text, other, newer, damaged, folder = (
            self.lab.path(n) for n in ("text", "other.db", "newer.db", "damaged.db", "folder"))
        with open(text, "w", encoding="utf-8") as f:
            f.write("not a database\n" * 1000)
        sql(other, "CREATE TABLE t (a); INSERT INTO t VALUES (1);")
        shutil.copy(self.good, newer)
        sql(newer, "INSERT INTO schema_version (version) VALUES (99);")
        shutil.copy(self.good, damaged)
        with open(damaged, "r+b") as f:
            size = f.seek(0, 2)
            for at in range(8192, size, 4096):
                f.seek(at)
                f.write(b"\xff" * 2048)
        os.mkdir(folder)
        yield self.lab.path("none"), {"not-found"}
        yield text, {"not-a-store"}
        yield other, {"not-a-store"}
        yield newer, {"schema-newer"}
        yield damaged, {"database-damaged", "not-a-store", "store"}
        yield folder, {"store", "not-a-store"}

    def test_what_is_no_whole_store_is_not_restored_and_changes_nothing(self):
        keid = self.provision(self.lab.device("a"))
        self.good = self.backup("good.db")
        self.lab.stop()
        before = sorted(os.listdir(self.lab.path("state")))
        for path, reasons in self.bad_files():
            with self.subTest(path=os.path.basename(path)):
                run = self.restore(path, "--replace")
                self.assertNotEqual(run.status, 0, run)
                self.assertIn(said(run)["reason"], reasons, run)
                self.assertEqual(sorted(os.listdir(self.lab.path("state"))), before)
        self.lab.start()
        self.assertEqual([c["keyId"] for c in self.lab.ctl("credential", "list")], [keid])

    def test_a_backup_never_overwrites(self):
        folder, file = self.lab.path("folder"), self.backup()
        os.mkdir(folder)
        with open(file, "rb") as f:
            was = f.read()
        for path in (folder, file):
            run = ctl("store", "backup", path, "--config", self.config)
            self.assertEqual((run.status, said(run)["reason"]), (1, "file-exists"), run)
        with open(file, "rb") as f:
            self.assertEqual(f.read(), was)

    def test_without_space_there_is_no_backup_and_no_rest_of_one(self):
        path = self.lab.path("backup.db")

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (32768, 32768))

        done = subprocess.run(
            [lab.program("fieldrootctl"), "--json", "store", "backup", path, "--config",
             self.config], preexec_fn=limit, restore_signals=False, capture_output=True,
            text=True, check=False, timeout=lab.LIMIT)
        self.assertEqual(done.returncode, 73, done)
        self.assertFalse([f for f in os.listdir(self.lab.folder) if f.startswith("backup")])

    def test_a_folder_that_is_not_there_and_a_store_that_is_not_there(self):
        run = ctl("store", "backup", self.lab.path("no", "where"), "--config", self.config)
        self.assertEqual(run.status, 73, run)
        run = ctl("store", "backup", self.lab.path("x"), "--from", self.lab.path("none"))
        self.assertEqual(run.status, 1, run)
        self.assertFalse(os.path.exists(self.lab.path("none")))

    def test_a_copy_is_not_made_over_a_store_that_lives(self):
        backup = self.backup()
        run = ctl("store", "copy", "--from", self.db, "--to", backup)
        self.assertEqual((run.status, said(run)["reason"]), (1, "store-exists"), run)
        run = ctl("store", "copy", "--from", self.db, "--to", self.db)
        self.assertEqual((run.status, said(run)["reason"]), (1, "store-exists"), run)
        run = ctl("store", "copy", "--from", backup, "--abandon")
        self.assertEqual(run.status, 1, run)
        run = ctl("store", "copy", "--from", self.db)
        self.assertEqual(run.status, 64, run)


class Move(StoreTest):
    def setUp(self):
        super().setUp()
        os.mkdir(self.lab.path("new"), 0o700)
        self.to = self.lab.path("new", "fieldroot.db")

    def copy(self, *args, ok=True):
        run = ctl("store", "copy", "--from", self.db, "--to", self.to, *args)
        if ok:
            self.assertEqual(run.status, 0, run)
        return said(run)

    def serve_from_new(self):
        shutil.copy(self.kek, self.lab.path("new", "kek"))
        os.rename(self.lab.path("state"), self.lab.path("was"))
        os.rename(self.lab.path("new"), self.lab.path("state"))

    def refusal_at_start(self):
        run = lab.run(lab.program("fieldrootd"), "--config", self.config)
        self.assertEqual(run.status, 65, run)
        return run.err

    def test_a_fleet_that_serves_moves_and_loses_nothing(self):
        devices = self.devices("a", "b")
        target = self.target
        with Load(devices, self.renew) as load:
            load.wait_for_more(4)
            first = self.copy()
            load.wait_for_more(4)
            target.sync()
            second = self.copy()
            self.assertGreater(second["tables"]["audit"]["rows"], first["tables"]["audit"]["rows"])
            self.assertGreater(second["tables"]["audit"]["added"], 0)
            load.wait_for_more(2)
            self.assertEqual(load.failed, [])
            final = self.copy("--final")
            load.over.set()
        # what was acknowledged was so before the freeze, and is there
        with contextlib.closing(sqlite3.connect(f"file:{self.to}?mode=ro", uri=True)) as c:
            there = {k for k, in c.execute("SELECT key_id FROM feed")}
        self.assertLessEqual(set(load.seen()), there)
        self.assertTrue(final["final"])
        self.assertTrue(all(r.attempts[-1]["class"] == "unreachable" for r in load.failed))
        self.lab.stop()
        self.assertIn("has moved", self.refusal_at_start())
        self.serve_from_new()
        self.lab.start()
        for d in devices:  # one that was cut by the freeze settles by itself
            self.assertEqual(d.provision(self.lab.mef()).status, 0)
        self.assertWorks(*devices)
        self.assertEqual(target.sync().status, 0)
        for d in devices:
            self.assertIn(d.credentials()[0]["keyId"], target.keys())

    def test_nobody_serves_from_a_copy_that_is_not_finished(self):
        self.provision(self.lab.device("a"))
        self.copy()
        self.lab.stop()
        self.serve_from_new()
        self.assertIn("a copy that is not finished", self.refusal_at_start())

    def test_a_move_can_be_taken_back(self):
        a, = self.devices("a")
        self.copy("--final")
        run = a.provision("--instructions", self.lab.document(self.lab.bootstrap(budget="PT1S")))
        self.assertFailed(run, 69, "unreachable")
        self.assertEqual(ctl("store", "copy", "--from", self.db, "--abandon").status, 0)
        self.provision(a)  # without a restart
        self.assertWorks(a)

    def test_a_final_pass_that_fails_lets_the_fleet_go_on(self):
        a, = self.devices("a")
        self.copy()
        with contextlib.closing(sqlite3.connect(self.to)) as c:
            c.executescript("CREATE TRIGGER no BEFORE INSERT ON audit"
                            " BEGIN SELECT RAISE(ABORT, 'no more'); END;")
        self.provision(a)
        self.assertEqual(self.copy("--final", ok=False)["code"], "store")
        self.provision(a)
        with contextlib.closing(sqlite3.connect(self.to)) as c:
            c.executescript("DROP TRIGGER no;")
        self.assertTrue(self.copy("--final")["final"])


class Rekey(StoreTest):
    def fact(self, name):
        with contextlib.closing(sqlite3.connect(f"file:{self.db}?mode=ro", uri=True)) as c:
            row = c.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
            return row[0] if row else ""

    def test_every_key_opens_during_and_after_and_the_old_file_is_useless(self):
        devices = self.devices("a", "b")
        was = self.lab.ctl("status")["keyId"]
        with Load(devices, self.renew) as load:
            load.wait_for_more(2)
            self.assertEqual(ctl("--socket", self.lab.socket, "store", "rekey").status, 0)
            load.wait_for_more(2)
        self.assertEqual(load.failed, [])
        self.assertNotEqual(self.lab.ctl("status")["keyId"], was)
        self.assertWorks(*devices)
        self.lab.stop()
        self.lab.start()  # the new file alone
        self.assertWorks(*devices)
        self.lab.stop()
        os.replace(self.kek + ".old", self.kek)
        run = lab.run(lab.program("fieldrootd"), "--config", self.config)
        self.assertEqual(run.status, 65, run)
        self.assertIn("is not the key", run.err)

    def vault(self):
        """None between two of them. Its descriptors are for root alone to see."""
        return next(iter(lab.children(self.lab.daemon.pid).get("frd-vault", [])), None)

    def clone_rows(self, device, n):
        """Rows that only make the work longer: their wrapping belongs to another KeID, so
        that they stay as they are."""
        with contextlib.closing(sqlite3.connect(self.db)) as c:
            names = [r[1] for r in c.execute("PRAGMA table_info(credential)")]
            row = dict(zip(names, c.execute("SELECT * FROM credential").fetchone()))
            for i in range(n):
                row["key_id"] = f"{i:032X}@{lab.MEF}"
                row["suid"] = 1000 + i
                c.execute(f"INSERT INTO credential ({','.join(row)}) VALUES "
                          f"({','.join('?' * len(row))})", list(row.values()))
            c.commit()

    def test_a_vault_that_is_killed_in_the_middle_goes_on_by_itself(self):
        devices = self.devices("a", "b")
        for d in devices:
            self.provision(d)
        self.clone_rows(devices[0], 2000)
        killed = []

        def kill_in_the_middle():
            before = self.vault()
            run = ctl("--socket", self.lab.socket, "store", "rekey", "--no-wait")
            self.assertEqual(run.status, 0, run)
            lab.wait_until(lambda: self.fact("rekeyed")[:2] not in ("", "0 ") or
                           self.fact("kek") == said(run)["to"], "some work")
            os.kill(before, signal.SIGKILL)
            killed.append(self.fact("kek-next") != "")
            lab.wait_until(lambda: self.vault() not in (None, before), "another vault")
            lab.wait_until(lambda: self.fact("kek-next") == "" and
                           self.fact("kek") == said(run)["to"], "the end of it")

        while not any(killed):
            self.assertLess(len(killed), 10, "no kill came before the end")
            kill_in_the_middle()
        lab.wait_until(lambda: self.lab.ctl("status", ok=False).status == 0, "service")
        self.assertWorks(*devices)
        self.assertEqual(self.lab.ctl("status")["rekey"], None)
        self.provision(devices[0])
        with contextlib.closing(sqlite3.connect(self.db)) as c:
            c.execute("DELETE FROM credential WHERE suid >= 1000")
            c.commit()
        self.lab.stop()
        self.lab.start()
        self.assertWorks(*devices)

    def test_a_backup_of_before_needs_the_key_of_before(self):
        a, = self.devices("a")
        self.provision(a)
        path = self.backup()
        self.assertEqual(ctl("--socket", self.lab.socket, "store", "rekey").status, 0)
        self.lab.stop()
        run = self.restore(path, "--replace")
        self.assertEqual((run.status, said(run)["reason"]), (65, "key-other"), run)
        os.replace(self.kek + ".old", self.kek)
        self.assertEqual(self.restore(path, "--replace").status, 0)
        self.lab.start()
        self.assertWorks(a)


class Postgres(StoreTest):
    """The same between SQLite and PostgreSQL."""

    def setUp(self):
        super().setUp()
        self.pg = self.postgres()
        self.there = self.pg.conninfo()

    def serve_from(self, conninfo):
        """With the key file that the state folder has."""
        self.lab.stop()
        self.lab.start(top=f'database = "{conninfo}"' if conninfo else "")

    def copy(self, from_, to, *args):
        run = ctl("store", "copy", "--from", from_, "--to", to, *args)
        self.assertEqual(run.status, 0, run)
        return said(run)

    def keys_in_pg(self, database="postgres"):
        return set(self.pg.sql("SELECT key_id FROM feed WHERE event = 0", database))

    def test_a_fleet_moves_to_postgres_and_back_while_it_serves(self):
        devices = self.devices("a", "b")
        with Load(devices, self.renew) as load:
            load.wait_for_more(2)
            self.copy(self.db, self.there)
            self.target.sync()
            load.wait_for_more(2)
            self.assertEqual(load.failed, [])
            self.copy(self.db, self.there, "--final")
            load.over.set()
        self.assertLessEqual(set(load.seen()), self.keys_in_pg())
        self.serve_from(self.there)
        for d in devices:
            self.assertEqual(d.provision(self.lab.mef()).status, 0)
        self.assertWorks(*devices)
        with Load(devices, self.renew) as load:
            back = self.lab.path("back.db")
            load.wait_for_more(2)
            self.copy(self.there, back)
            load.wait_for_more(2)
            self.assertEqual(load.failed, [])
            self.copy(self.there, back, "--final")
            load.over.set()
        self.assertLessEqual(set(load.seen()), self.keys_of(back))
        self.lab.stop()
        run = lab.run(lab.program("fieldrootd"), "--config", self.config)
        self.assertIn("has moved", run.err)
        os.replace(back, self.db)
        for end in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.db + end)
        self.lab.start(top="")
        for d in devices:
            self.assertEqual(d.provision(self.lab.mef()).status, 0)
        self.assertWorks(*devices)

    def test_a_backup_of_postgres_is_a_file_that_any_store_is_restored_from(self):
        a, b = self.devices("a", "b")
        self.copy(self.db, self.there, "--final")
        self.serve_from(self.there)
        kept = self.provision(a)
        path = self.backup()
        self.assertIn(kept, self.keys_of(path))
        lost = self.provision(b)
        self.target.sync()
        self.lab.stop()
        run = self.restore(path, "--replace")
        self.assertEqual(run.status, 64, run)
        run = self.restore(path)
        self.assertEqual((run.status, said(run)["reason"]), (1, "store-exists"), run)
        self.pg.sql("CREATE DATABASE second")
        self.lab.settings["top"] = f'database = "{self.pg.conninfo("second")}"'
        self.lab.write_config()
        run = self.restore(path)
        self.assertEqual(run.status, 0, run)
        self.lab.start()
        self.assertEqual(self.keys_in_pg("second"), {kept})
        self.assertEqual(self.target.sync().status, 0)
        self.assertEqual(set(self.target.keys()), {kept})
        self.assertNotIn(lost, self.target.keys())
        self.assertWorks(a)

    def test_after_a_rewind_by_its_own_tools_targets_begin_again(self):
        a, b = self.devices("a", "b")
        self.copy(self.db, self.there, "--final")
        self.serve_from(self.there)
        kept = self.provision(a)
        self.lab.stop()
        self.pg.sql("CREATE DATABASE second TEMPLATE postgres")
        self.lab.start()
        self.provision(b)
        self.target.sync()
        self.serve_from(self.pg.conninfo("second"))
        run = ctl("store", "restore", "--rewound", "--config", self.config)
        self.assertEqual(run.status, 0, run)
        new = self.provision(b)
        self.assertEqual(self.target.sync().status, 0)
        self.assertEqual(set(self.target.keys()), {kept, new})

    def test_a_database_without_tables_is_no_store(self):
        run = ctl("store", "backup", self.lab.path("x"), "--from", self.there)
        self.assertEqual((run.status, said(run)["reason"]), (65, "not-a-store"), run)
        self.assertEqual(self.pg.sql("SELECT 1 FROM pg_tables WHERE schemaname = 'public'"), [])
        self.copy(self.db, self.there)
        self.pg.sql("INSERT INTO schema_version (version) VALUES (99)")
        run = ctl("store", "backup", self.lab.path("x"), "--from", self.there)
        self.assertEqual((run.status, said(run)["reason"]), (73, "schema-newer"), run)
        self.assertEqual([f for f in os.listdir(self.lab.folder) if f.startswith("x")], [])


if __name__ == "__main__":
    lab.main()
