# SPDX-License-Identifier: Apache-2.0
"""SIMs for the system tests and the demo: osmo-hlr, which has the subscribers' keys, and the
real pcscd with virtual readers and cards (tests/card). Each is a context manager.

    sim.py card FOLDER CARD.json [reader name]
    sim.py hlr FOLDER IMSI...

run pcscd with the card in its reader, or osmo-hlr with subscribers of K and OPC, until they are
told to end. CARD.json has the arguments of tests/card/card.py's Card: {"imsi": ..., "k": ...,
"opc": ..., "gba": true}. When it is ready, the first prints the socket, which clients find as
PCSCLITE_CSOCK_NAME, the second where its GSUP is."""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

import lab

sys.path.insert(0, os.path.join(lab.ROOT, "tests", "card"))
from card import (  # noqa: F401  pylint: disable=wrong-import-position,unused-import
    AUTHENTICATE, PULL, READ_BINARY, SELECT, USIM_AID, VERIFY, Card, kdf, with_lengths)
from reader import Reader  # pylint: disable=wrong-import-position

K = "465b5ce8b199b49faa5f0a2ee238a6bc"  # TS 35.208, set 1
OPC = "cd63cb71954a9f4e48a5994e37a02baf"
GSUP, VTY = 4222, 4258
RUN = "/run/pcscd"  # pcscd insists on it, whoever gives it its socket
DRIVER = "tests/card/fr_test_reader.so"


class Hlr:
    """osmo-hlr with a loopback address of its own, since its ports are fixed."""

    def __init__(self, folder):
        self.folder, self.process = folder, None
        self.address = f"127.1.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"
        self.gsup = f"{self.address}:{GSUP}"
        with open(os.path.join(folder, "hlr.cfg"), "w", encoding="ascii") as f:
            f.write(f"line vty\n bind {self.address}\nctrl\n bind {self.address}\n"
                    f"hlr\n gsup\n  bind ip {self.address}\n")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def answers(self, port):
        with socket.socket() as s:
            return s.connect_ex((self.address, port)) == 0

    def start(self):
        with open(os.path.join(self.folder, "hlr.log"), "ab") as log:
            self.process = subprocess.Popen(
                ["osmo-hlr", "-c", "hlr.cfg", "-l", "hlr.db"], cwd=self.folder,
                stdout=log, stderr=log)
        lab.wait_until(lambda: self.answers(VTY) and self.answers(GSUP), "osmo-hlr")

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None

    def vty(self, *lines):
        """Each line, and all that is said until the prompt after it."""
        with socket.create_connection((self.address, VTY), timeout=lab.LIMIT) as s:
            said = b""
            for line in ("enable", *lines, "exit"):
                s.sendall(line.encode() + b"\r\n")
            while octets := s.recv(4096):
                said += octets
        return said.decode(errors="replace")

    def add(self, imsi, k=K, opc=OPC):
        self.vty(f"subscriber imsi {imsi} create",
                 f"subscriber imsi {imsi} update aud3g milenage k {k} opc {opc} ind-bitlen 5")


def pcscd_program():
    return shutil.which("pcscd", path=os.environ.get("PATH", "") + ":/usr/sbin")


def is_there():
    """The tests of cards need a pcscd, and a build with the key store uicc."""
    return bool(pcscd_program()) and os.path.exists(lab.program(DRIVER))


class Pcscd:
    """The real pcscd with virtual readers, each with a card in it or none. It gets its socket
    as from systemd, so that it meets no other pcscd. Root runs it as nobody."""

    def __init__(self, names=("Virtual reader",), folder=None):
        self.names = names
        self.folder = folder or tempfile.mkdtemp(prefix="fr-pcscd-")
        self.is_ours = not folder
        os.makedirs(self.folder, exist_ok=True)
        os.chmod(self.folder, 0o711)
        self.socket = os.path.join(self.folder, "pcscd.comm")
        self.env = {**os.environ, "PCSCLITE_CSOCK_NAME": self.socket}
        self.readers, self.process = {}, None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        if self.is_ours:
            shutil.rmtree(self.folder)

    def configure(self):
        """The driver is copied, since nobody may be unable to reach the build folder."""
        driver, conf = (os.path.join(self.folder, name) for name in ("reader.so", "conf"))
        shutil.copy(lab.program(DRIVER), driver)
        os.makedirs(conf)
        with open(os.path.join(conf, "readers"), "w", encoding="utf-8") as f:
            for i, name in enumerate(self.names):
                path = os.path.join(self.folder, f"card-{i}")
                self.readers[name] = Reader(path)
                os.chmod(path, 0o666)
                f.write(f'FRIENDLYNAME "{name}"\nDEVICENAME {path}\nLIBPATH {driver}\n')
        for path, mode in ((driver, 0o755), (conf, 0o755), (f.name, 0o644)):
            os.chmod(path, mode)
        return conf

    @staticmethod
    def wrap():
        """Root makes RUN; who cannot hides /run behind an own one."""
        if os.geteuid() == 0:
            os.makedirs(RUN, exist_ok=True)
        if os.path.isdir(RUN):
            return []
        return ["unshare", "--map-root-user", "--mount", "sh", "-c",
                f'mount -t tmpfs tmpfs /run && mkdir {RUN} && exec "$@"', "sh"]

    def start(self):
        conf = self.configure()
        who = {"user": "nobody", "group": "nogroup", "extra_groups": []} \
            if os.geteuid() == 0 else {}
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.socket)
            os.chmod(self.socket, 0o666)
            listener.listen()
            self.process = lab.Process(
                ["sh", "-c", "exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; "
                             'exec "$@"', "sh", *self.wrap(), pcscd_program(), "-f", "-i", "-c", conf],
                os.path.join(self.folder, "log"), stdin=listener, cwd="/", **who)
        lab.wait_until(lambda: all(r.looked_at.is_set() for r in self.readers.values()) or
                       self.process.popen.poll() is not None, "pcscd to look at its readers")
        if self.process.popen.poll() is not None:
            raise AssertionError("pcscd did not start:\n" + self.process.text())

    def stop(self):
        if self.process:
            self.process.stop()
        self.process = None
        for reader in self.readers.values():
            reader.close()
        self.readers = {}

    def insert(self, card, name=None):
        """Returns when pcscd has seen it."""
        name = name or self.names[0]
        self.settle(name)
        self.readers[name].insert(card)
        self.settle(name)

    def pull(self, name=None):
        name = name or self.names[0]
        self.readers[name].pull()
        self.settle(name)

    def settle(self, name):
        """Until pcscd says of the reader what is so."""
        has_card = self.readers[name].card is not None

        def is_known():
            text = self.process.text()
            return has_card == (text.rfind(f"Card inserted into {name}") >
                                text.rfind(f"Card Removed From {name}"))
        lab.wait_until(is_known, f"pcscd to see what is in {name}")


def run_card(stack, folder, card, name="Virtual reader"):
    with open(card, encoding="utf-8") as f:
        settings = json.load(f)
    pcscd = Pcscd([name], folder)
    stack.callback(pcscd.stop)
    pcscd.start()
    pcscd.insert(Card(**settings))
    return pcscd.socket


def run_hlr(stack, folder, *imsis):
    hlr = Hlr(folder)
    stack.callback(hlr.stop)
    hlr.start()
    for imsi in imsis:
        hlr.add(imsi)
    return hlr.gsup


def main(what, *args):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with contextlib.ExitStack() as stack:
        print({"card": run_card, "hlr": run_hlr}[what](stack, *args), flush=True)
        signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
