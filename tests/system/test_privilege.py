# SPDX-License-Identifier: Apache-2.0
"""What each of fieldrootd's processes has, and what it cannot do."""
import contextlib
import ctypes
import os
import pwd
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import unittest

import lab

needs_root = unittest.skipUnless(
    os.geteuid() == 0, "needs root: reads another process's memory, or changes users")


def kinds(site):
    """{kind: [pid, ...]} of a site's children, by the names that they give themselves."""
    return {name.removeprefix("frd-"): pids
            for name, pids in lab.children(site.daemon.pid).items()}


def private_octets(path):
    """The secret number of an EC key, big-endian."""
    text = subprocess.run(["openssl", "ec", "-in", path, "-noout", "-text"], check=True,
                          capture_output=True, text=True).stdout
    digits = re.search(r"priv:\s*([0-9a-f:\s]+)pub:", text)[1]
    return bytes.fromhex(re.sub(r"[:\s]", "", digits)).rjust(32, b"\0")[-32:]


def memory_has(pid, needles):
    """True if a readable page of the process holds one of them."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
        ranges = [line.split() for line in f]
    with open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for where, mode, *rest in ranges:
            if not mode.startswith("r") or rest[-1] in ("[vvar]", "[vsyscall]"):
                continue
            start, end = (int(x, 16) for x in where.split("-"))
            if end - start > 1 << 30:  # a sanitizer's shadow
                continue
            with contextlib.suppress(OSError):
                for at in range(start, end, 1 << 24):
                    # Overlaps, so that no needle is cut.
                    mem.seek(at)
                    piece = mem.read(min(end - at, (1 << 24) + 64))
                    if any(n in piece for n in needles):
                        return True
    return False


def forms(key_file):
    """A key as it can lie in memory: octets, OpenSSL's limbs, and its PEM file."""
    octets = private_octets(key_file)
    with open(key_file, "rb") as f:
        pem = f.read().splitlines()[1]
    return [octets, octets[::-1], pem[:48]]


class Keys(lab.TestCase):
    @needs_root
    def test_the_tls_key_is_in_the_signer_and_in_no_other_process(self):
        site = self.site().start()
        device = site.listed_device()
        self.assertEqual(device.provision(site.mef()).status, 0)
        for key in (site.mef_cert[1], site.discovery_cert[1]):
            holders = {kind for kind, pids in kinds(site).items() for pid in pids
                       if memory_has(pid, forms(key))}
            self.assertEqual(holders, {"signer"})
            self.assertFalse(memory_has(site.daemon.pid, forms(key)))

    @needs_root
    def test_the_key_encryption_key_is_in_the_vault_and_in_no_other_process(self):
        site = self.site().start()
        self.assertEqual(site.listed_device().provision(site.mef()).status, 0)
        with open(site.path("state", "kek"), encoding="ascii") as f:
            key = bytes.fromhex(f.read().strip())
        holders = {kind for kind, pids in kinds(site).items() for pid in pids
                   if memory_has(pid, [key])}
        self.assertEqual(holders, {"vault"})
        self.assertFalse(memory_has(site.daemon.pid, [key]))

    def test_a_renewed_key_comes_with_sighup(self):
        site = self.site().start()
        device = site.listed_device()
        before = set(lab.child_pids(site.daemon.pid))
        cert, key = site.mef_ca.issue(site.path("renewed"), "dns:" + lab.MEF)
        os.rename(cert, site.mef_cert[0])
        os.rename(key, site.mef_cert[1])
        os.kill(site.daemon.pid, signal.SIGHUP)
        lab.wait_until(lambda: len(set(lab.child_pids(site.daemon.pid)) & before) == 1,
                       "all but the vault to be replaced")
        self.assertEqual(device.provision(site.mef()).status, 0)

    def test_a_pair_that_does_not_fit_leaves_all_as_it_is(self):
        site = self.site().start()
        device = site.listed_device()
        before = lab.child_pids(site.daemon.pid)
        _, key = site.mef_ca.issue(site.path("renewed"), "dns:" + lab.MEF)
        os.rename(key, site.mef_cert[1])
        os.kill(site.daemon.pid, signal.SIGHUP)
        site.daemon.wait_for("it is not the key of that certificate")
        self.assertEqual(device.provision(site.mef()).status, 0)
        self.assertEqual(lab.child_pids(site.daemon.pid), before)

    def test_an_rsa_key_is_refused_with_a_reason(self):
        site = self.site()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
                        "/CN=rsa", "-keyout", site.mef_cert[1], "-out", site.mef_cert[0]],
                       check=True, capture_output=True)
        done = lab.run(lab.program("fieldrootd"), "--config", site.write_config())
        self.assertEqual(done.status, 65, done)
        self.assertIn("no key on P-256, P-384 or P-521", done.err)

    def test_a_killed_signer_is_replaced_and_the_vault_stays(self):
        site = self.site().start()
        device = site.listed_device()
        before = kinds(site)
        for _ in range(3):
            signer = kinds(site)["signer"][0]
            os.kill(signer, signal.SIGKILL)
            lab.wait_until(lambda s=signer: s not in lab.child_pids(site.daemon.pid) and
                           len(kinds(site)) == 6, "the replacement")
            run = device.provision(site.mef(), "--renew")
            self.assertEqual(run.status, 0, run)
            self.assertEqual(kinds(site)["vault"], before["vault"])


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def without_landlock():
    """In the child, before exec: landlock_create_ruleset does not exist (and nothing else
    is changed). A seccomp filter by hand: {u16 code, u8 jt, u8 jf, u32 k}, ..."""
    allow, enosys = 0x7FFF0000, 0x00050000 | 38
    program = struct.pack("=" + "HBBI" * 4, 0x20, 0, 0, 0,  # load the call's number
                          0x15, 0, 1, 444,  # is it landlock_create_ruleset?
                          0x06, 0, 0, enosys, 0x06, 0, 0, allow)
    code = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    filt = Program(4, ctypes.cast(code, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privs, set_seccomp, filter_mode = 38, 22, 2
    if libc.prctl(no_new_privs, 1, 0, 0, 0) or \
            libc.prctl(set_seccomp, filter_mode, ctypes.byref(filt), 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


class Sandbox(lab.TestCase):
    def test_every_process_is_confined_and_has_no_capability(self):
        site = self.site().start(top="sandbox = required")
        for kind, pids in kinds(site).items():
            for pid in pids:
                status = status_of(pid)
                self.assertEqual(status["Seccomp"], "2", kind)
                self.assertEqual(status["NoNewPrivs"], "1", kind)
                self.assertEqual(int(status["CapPrm"], 16), 0, kind)
                self.assertEqual(int(status["CapEff"], 16), 0, kind)
        self.assertEqual(status_of(site.daemon.pid)["Seccomp"], "2")
        self.assertEqual(site.listed_device().provision(site.mef()).status, 0)

    def test_required_refuses_a_kernel_without_landlock(self):
        site = self.site()
        site.settings["top"] = "sandbox = required"
        done = subprocess.run([lab.program("fieldrootd"), "--config", site.write_config()],
                              capture_output=True, text=True, timeout=lab.LIMIT, check=False,
                              preexec_fn=without_landlock)
        self.assertEqual(done.returncode, 65, done)
        self.assertIn("lacks Landlock", done.stderr)

    def test_auto_says_what_is_missing_and_serves(self):
        site = self.site().start(popen={"preexec_fn": without_landlock})
        self.assertIn("the sandbox lacks Landlock", site.daemon.text())
        self.assertEqual(site.listed_device().provision(site.mef()).status, 0)

    def test_off_confines_nothing_and_says_so(self):
        site = self.site().start(top="sandbox = off")
        self.assertEqual({status_of(p)["Seccomp"] for p in lab.child_pids(site.daemon.pid)}, {"0"})
        self.assertIn("sandbox = off", site.daemon.text())
        self.assertEqual(site.listed_device().provision(site.mef()).status, 0)


class Users(lab.TestCase):
    @needs_root
    def test_each_type_is_its_user_without_groups(self):
        site = self.site().start(
            top='user = "nobody" vault-user = "www-data" signer-user = "daemon"')
        want = {"vault": "www-data", "signer": "daemon"}
        for kind, pids in kinds(site).items():
            user = pwd.getpwnam(want.get(kind, "nobody"))
            for pid in pids:
                status = status_of(pid)
                self.assertEqual(set(status["Uid"].split()), {str(user.pw_uid)}, kind)
                self.assertEqual(set(status["Gid"].split()), {str(user.pw_gid)}, kind)
                self.assertEqual(status["Groups"].strip(), "", kind)
        vault = pwd.getpwnam("www-data").pw_uid
        for name in ("", "kek", "fieldroot.db"):
            self.assertEqual(os.stat(site.path("state", name)).st_uid, vault, name)
        self.assertEqual(os.stat(site.socket).st_uid, pwd.getpwnam("nobody").pw_uid)
        self.assertEqual(os.stat(site.mef_cert[1]).st_uid, 0)
        device = site.listed_device()
        self.assertEqual(device.provision(site.mef()).status, 0)
        before = set(lab.child_pids(site.daemon.pid))
        os.kill(site.daemon.pid, signal.SIGHUP)  # keys and certificates are root's
        lab.wait_until(lambda: len(set(lab.child_pids(site.daemon.pid)) & before) == 1,
                       "all but the vault to be replaced")
        self.assertEqual(device.provision(site.mef(), "--renew").status, 0)

    @needs_root
    def test_an_ordinary_user_may_start_it_all(self):
        site = self.site()
        user = pwd.getpwnam("nobody")
        for base, _, names in os.walk(site.folder):
            for path in [base, *(os.path.join(base, n) for n in names)]:
                os.chown(path, user.pw_uid, user.pw_gid)
        program = site.path("fieldrootd")  # the build folder may be root's alone
        shutil.copy(lab.program("fieldrootd"), program)
        os.chmod(program, 0o755)
        site.start(binary=program, top="sandbox = required",
                   popen={"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []})
        self.assertEqual({status_of(p)["Uid"].split()[0] for p in lab.child_pids(site.daemon.pid)},
                         {str(user.pw_uid)})
        self.assertEqual(site.listed_device().provision(site.mef()).status, 0)

    def test_a_user_that_is_not_there_is_named(self):
        site = self.site()
        for top, words in [('user = "no-such-user"', "no such user"),
                           ('vault-user = "nobody"', "user is not: give both")]:
            site.settings["top"] = top
            done = lab.run(lab.program("fieldrootd"), "--config", site.write_config())
            self.assertEqual(done.status, 65, done)
            self.assertIn(words, done.err)


class Rates(lab.TestCase):
    def test_a_device_enrols_so_often_a_minute_and_others_as_they_like(self):
        site = self.site().start(limits="enrolments-per-device = 2")
        device, other = site.listed_device(), site.listed_device("dev2")
        for _ in range(2):
            self.assertEqual(device.provision(site.mef(), "--renew").status, 0)
        once = site.document(site.bootstrap(budget="PT1S"))
        run = device.provision("--instructions", once, "--renew")
        self.assertFailed(run, 69, "unreachable", "enrolment-rate")
        self.assertEqual(other.provision(site.mef()).status, 0)
        target = site.target()
        self.assertEqual(target.sync().status, 0)
        self.assertEqual(len(target.keys()), 3)  # current, previous; the other's


    def test_an_address_begins_so_many_connections_over_all_workers(self):
        site = self.site().start(limits="handshakes-per-address = 3 per-address = 1000",
                                 top="workers = 4")
        device = site.listed_device()
        held, closed = [], 0
        for _ in range(30):
            s = socket.create_connection(("127.0.0.1", site.ports["enrol"]))
            held.append(s)
        for s in held:
            s.setblocking(False)
        ended = select.poll()
        for s in held:
            ended.register(s, select.POLLIN)
        while closed < 15:  # of 30, 6 at once and some in the time that it takes
            got = ended.poll(lab.LIMIT * 1000)
            self.assertTrue(got, f"only {closed} were closed")
            for fd, _ in got:
                ended.unregister(fd)
                closed += 1
        for s in held:
            s.close()
        site.daemon.wait_for("begins more than 3 connections a second")
        run = device.provision(site.mef())  # tries again until it may
        self.assertEqual(run.status, 0, run)


if __name__ == "__main__":
    lab.main()
