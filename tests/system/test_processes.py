# SPDX-License-Identifier: Apache-2.0
"""fieldrootd's processes: supervision, a clean end, limits that hold before memory does."""
import contextlib
import os
import signal
import socket
import ssl

import lab


class Supervision(lab.TestCase):
    def setUp(self):
        self.lab = self.site().start()
        self.device = self.lab.listed_device()

    def all_children(self):
        return set(lab.child_pids(self.lab.daemon.pid))

    def test_the_vault_and_each_type_of_worker_are_processes_of_their_own(self):
        self.assertGreaterEqual(len(self.all_children()), 5)

    def test_any_child_that_dies_is_replaced_and_service_goes_on(self):
        count = len(self.all_children())
        for turn in range(count):
            pid = sorted(self.all_children())[turn]
            with self.subTest(turn=turn):
                os.kill(pid, signal.SIGKILL)
                lab.wait_until(lambda: pid not in self.all_children() and
                               len(self.all_children()) == count, "the replacement")
                run = self.device.provision(self.lab.mef(), "--renew")
                self.assertEqual(run.status, 0, run)

    def test_an_acknowledged_credential_outlives_a_kill_of_everything(self):
        keid = self.device.provision(self.lab.mef()).outcome["keyId"]
        pids = self.all_children()
        self.lab.daemon.stop(signal.SIGKILL)
        lab.wait_until(lambda: not any(os.path.exists(f"/proc/{p}") for p in pids),
                       "the children to follow their parent")
        self.lab.start()
        self.assertEqual([c["keyId"] for c in self.lab.ctl("credential", "list")], [keid])
        target = self.lab.target()
        target.sync()
        self.assertEqual(list(target.keys()), [keid])

    def test_sigterm_ends_all_of_it_with_status_0(self):
        pids = self.all_children()
        self.assertEqual(self.lab.daemon.stop(signal.SIGTERM), 0)
        self.assertFalse(any(os.path.exists(f"/proc/{p}") for p in pids))

    def test_sighup_reads_certificates_and_crls_again(self):
        self.lab.stop()
        self.lab.start(mef=f'enrolee-crl = "{self.lab.device_ca.crl}"')
        self.assertEqual(self.device.provision(self.lab.mef()).status, 0)
        self.lab.device_ca.revoke(self.device.cert)
        before = self.all_children()
        os.kill(self.lab.daemon.pid, signal.SIGHUP)
        lab.wait_until(lambda: len(self.all_children() - before) >= 4 and
                       len(self.all_children() & before) <= 1, "a new generation of workers")
        run = self.device.provision(self.lab.mef(), "--renew")
        self.assertRefused(run, "tls-alert-44")

    def test_a_second_daemon_on_the_same_state_is_refused(self):
        run = lab.run(lab.program("fieldrootd"), "--config", self.lab.path("fieldrootd.conf"))
        self.assertNotEqual(run.status, 0)
        self.assertTrue(run.err)


class Limits(lab.TestCase):
    def test_one_address_cannot_take_every_connection(self):
        site = self.site().start(limits="per-address = 4", top="workers = 1")
        device = site.listed_device()
        held = [socket.create_connection(("127.0.0.1", site.ports["enrol"])) for _ in range(8)]
        closed = 0
        for s in held:
            s.settimeout(2)
            with contextlib.suppress(socket.timeout, ConnectionError):
                closed += s.recv(1) == b""
                continue
            if s.gettimeout() is None:
                closed += 1
        for s in held:
            s.close()
        self.assertGreaterEqual(closed, 4)
        run = device.provision("--instructions", site.document(site.bootstrap()))
        self.assertEqual(run.status, 0, run)

    def test_a_handshake_that_never_comes_is_ended(self):
        site = self.site().start(limits="handshake = PT1S")
        with socket.create_connection(("127.0.0.1", site.ports["enrol"])) as s:
            s.settimeout(lab.LIMIT)
            with contextlib.suppress(ConnectionResetError):
                while s.recv(100):
                    pass

    def test_a_request_that_never_ends_is_ended(self):
        site = self.site().start(limits="request = PT1S idle = PT1S")
        device = site.device("dev1")
        context = ssl.create_default_context(cafile=site.mef_ca.pem)
        context.load_cert_chain(device.cert, device.key)
        with socket.create_connection(("127.0.0.1", site.ports["enrol"])) as plain:
            tls = context.wrap_socket(plain, server_hostname=lab.MEF)
            tls.settimeout(lab.LIMIT)
            tls.sendall(b"POST /mefbase HTTP/1.1\r\n")
            with contextlib.suppress(ConnectionResetError, ssl.SSLError):
                while tls.recv(1000):
                    pass


class AdminSocket(lab.TestCase):
    def test_it_belongs_to_its_owner_alone(self):
        site = self.site().start()
        self.assertEqual(os.stat(site.socket).st_mode & 0o777, 0o600)

    def test_garbage_gets_an_error_and_the_next_line_works(self):
        site = self.site().start()
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(lab.LIMIT)
            s.connect(site.socket)
            file = s.makefile("rw", encoding="utf-8")
            for line, ok in [("garbage", False), ('{"op":"no.such.op"}', False),
                             ('{"op":"enrolee.show"}', False), ('{"op":"status"}', True)]:
                file.write(line + "\n")
                file.flush()
                self.assertIn(f'"ok":{str(ok).lower()}', file.readline().replace(" ", ""))

    def test_the_audit_chain_verifies(self):
        site = self.site().start()
        site.listed_device().provision(site.mef())
        run = site.ctl("audit", "--verify", ok=False)
        self.assertEqual(run.status, 0, run)


if __name__ == "__main__":
    lab.main()
