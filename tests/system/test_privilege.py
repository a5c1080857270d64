# SPDX-License-Identifier: Apache-2.0
"""What each of fieldrootd's processes has, and what it cannot do."""
import contextlib
import os
import re
import signal
import subprocess
import unittest

import lab

needs_root = unittest.skipUnless(
    os.geteuid() == 0, "needs root: reads another process's memory, or changes users")


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as f:
        return [int(p) for p in f.read().split()]


def kinds(site):
    """{kind: [pid, ...]} of a site's children, by the names that they give themselves."""
    found = {}
    for pid in children(site.daemon.pid):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="utf-8") as f:
            found.setdefault(f.read().strip().removeprefix("frd-"), []).append(pid)
    return found


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
        before = set(children(site.daemon.pid))
        cert, key = site.mef_ca.issue(site.path("renewed"), "dns:" + lab.MEF)
        os.rename(cert, site.mef_cert[0])
        os.rename(key, site.mef_cert[1])
        os.kill(site.daemon.pid, signal.SIGHUP)
        lab.wait_until(lambda: len(set(children(site.daemon.pid)) & before) == 1,
                       "all but the vault to be replaced")
        self.assertEqual(device.provision(site.mef()).status, 0)

    def test_a_pair_that_does_not_fit_leaves_all_as_it_is(self):
        site = self.site().start()
        device = site.listed_device()
        before = children(site.daemon.pid)
        _, key = site.mef_ca.issue(site.path("renewed"), "dns:" + lab.MEF)
        os.rename(key, site.mef_cert[1])
        os.kill(site.daemon.pid, signal.SIGHUP)
        site.daemon.wait_for("it is not the key of that certificate")
        self.assertEqual(device.provision(site.mef()).status, 0)
        self.assertEqual(children(site.daemon.pid), before)

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
            lab.wait_until(lambda s=signer: s not in children(site.daemon.pid) and
                           len(kinds(site)) == 6, "the replacement")
            run = device.provision(site.mef(), "--renew")
            self.assertEqual(run.status, 0, run)
            self.assertEqual(kinds(site)["vault"], before["vault"])


if __name__ == "__main__":
    lab.main()
