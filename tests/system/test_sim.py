# SPDX-License-Identifier: Apache-2.0
"""A device with a SIM card: the real pcscd, a virtual card in its reader (tests/card), the
device's key store, fieldrootd and a real osmo-hlr."""
import hashlib
import json
import os
import socket
import threading
import unittest

import lab
import sim
import test_gba
import ub
from gba import DOMAIN, IMSI, Held
from sim import AUTHENTICATE, PULL, READ_BINARY, SELECT, VERIFY
from test_ub import SETS

H = bytes.fromhex
IMPI = IMSI + DOMAIN
PIN = "1234"
SELECT_USIM = H("00a4040410") + sim.USIM_AID


class TheCard(unittest.TestCase):
    """The virtual card is one of the standards, whatever our key store makes of it."""

    def card(self, which=0, **how):
        card = sim.Card(*SETS[which][:2], IMSI, **how)
        self.said(card, SELECT_USIM)
        return card

    def said(self, card, command, status="9000"):
        """What it answers in the end, over T=0."""
        answer = card.transmit(command)
        if answer[0] == 0x61:
            answer = card.transmit(H("00c00000") + answer[1:2])
        elif answer[0] == 0x6c:
            answer = card.transmit(command[:4] + answer[1:2])
        self.assertEqual(answer[-2:].hex(), status)
        return answer[:-2]

    def challenge(self, which, gba=False):
        _, _, rand, sqn, amf, mac, _, _, ik, ak = SETS[which]
        mac = ub.xor(H(mac), hashlib.sha1(H(ik)).digest()[:8]) if gba else H(mac)
        return H("10" + rand + "10") + ub.xor(H(sqn), H(ak)) + H(amf) + mac

    def test_authenticate_is_that_of_ts_35_208(self):
        for which, (_, _, rand, sqn, _, _, res, ck, ik, _) in enumerate(SETS):
            card = self.card(which, sqn=int(sqn, 16) - 32)
            command = H("0088008122") + self.challenge(which)
            self.assertEqual(self.said(card, command).hex(),
                             f"db08{res}10{ck}10{ik}08" + "00" * 8)
            self.assertEqual(self.said(card, command)[:2].hex(), "dc0e")  # AUTS
            self.said(card, command[:-1] + bytes([command[-1] ^ 1]), "9862")

    def test_gba_context_keeps_ks_and_gives_the_naf_key(self):
        _, _, rand, sqn, *_ = SETS[0]
        card = self.card(sqn=int(sqn, 16) - 32, gba=True)
        naf = b"naf.example.org" + H("01000100ae")
        derive = b"\xde" + sim.with_lengths(naf, IMPI.encode())
        command = H("00880084") + bytes([len(derive)]) + derive
        self.said(card, command, "6985")
        self.said(card, H("0088008423dd") + self.challenge(0), "9862")
        self.assertEqual(self.said(card, H("0088008423dd") + self.challenge(0, True)).hex(),
                         "db08" + SETS[0][6])
        self.assertEqual(  # NET 7
            self.said(card, command).hex(), "db20" +
            "74259dd94b4d3558f4e05dcc1ce37087ab724aab9ddb18b03613e6fb8ca8ed44")
        self.assertEqual(len(card.ks_int_naf), 32)
        self.said(self.card(), command, "9864")

    def test_pin(self):
        card = self.card(pin="1234")
        self.said(card, H("00a40004026f07"))
        self.said(card, H("00b0000009"), "6982")
        self.said(card, H("00200001"), "63c3")
        self.said(card, H("0020000108") + b"4321\xff\xff\xff\xff", "63c2")
        self.said(card, H("0020000108") + b"1234\xff\xff\xff\xff")
        self.assertEqual(self.said(card, H("00b0000000")).hex(), "080910100000000010")
        card.reset()
        for left in ("63c2", "63c1", "63c0", "6983"):
            self.said(card, H("0020000108") + b"4321\xff\xff\xff\xff", left)
        self.said(card, H("0020000108") + b"1234\xff\xff\xff\xff", "6983")


@unittest.skipUnless(sim.is_there(), "no pcscd, or a build without uicc")
class Conformance(unittest.TestCase):
    def test_a_card_does_what_every_sim_must(self):
        ours, theirs = socket.socketpair()
        with sim.Pcscd() as pcscd, ours:
            with theirs:
                suite = lab.Process([lab.program("tests/system/usim_card"), theirs.fileno()],
                                    os.path.join(pcscd.folder, "suite.log"), env=pcscd.env,
                                    pass_fds=[theirs.fileno()])
            self.addCleanup(suite.stop)
            while asked := ours.recv(1):
                if asked == b"e":
                    pcscd.pull()
                else:
                    pcscd.insert(sim.Card(sim.K, sim.OPC, IMSI, gba=asked == b"g"))
                ours.sendall(b"k")
            self.assertEqual(suite.popen.wait(lab.LIMIT), 0, suite.text())
            self.assertIn("[  PASSED  ] 14 test(s)", suite.text())


class InReader:
    """The SIM of a device whose key store names a reader; like gba.Sim."""

    def __init__(self, folder, imsi=IMSI):
        self.imsi, self.pin_file = imsi, os.path.join(folder, "pin")

    def write_pin(self, text=PIN + "\n", mode=0o600):
        with open(self.pin_file, "w", encoding="ascii") as f:
            f.write(text)
        os.chmod(self.pin_file, mode)

    def section(self, *more):
        return f'credential sim {{ kind = "uicc" {" ".join(more)} }}'


@unittest.skipUnless(sim.is_there(), "no pcscd, or a build without uicc")
class Case(test_gba.Case):
    names = ("Virtual reader",)

    def setUp(self):
        super().setUp()
        self.pcscd = self.enterContext(sim.Pcscd(self.names, self.lab.path("pcscd")))
        self.device = self.lab.device("dev1")
        self.device.sim = InReader(self.device.folder)
        self.lab.subscribe(self.device)
        self.lab.list_sim(self.device)
        self.configure()
        self.target = self.lab.target()

    def configure(self, *more):
        self.device.settings["extra"] = self.device.sim.section(*more)
        self.device.write_config()

    def with_pin(self, text=PIN + "\n", mode=0o600):
        self.device.sim.write_pin(text, mode)
        self.configure(f'pin-file = "{self.device.sim.pin_file}"')

    def insert(self, name=None, **how):
        card = sim.Card(sim.K, sim.OPC, IMSI, **how)
        self.pcscd.insert(card, name)
        return card

    def provision(self, *entries, args=("--renew",), **how):
        return self.lab.provision(self.device, *entries, args=args, env=self.pcscd.env, **how)

    def has_the_targets_key(self):
        self.assertEqual(self.target.sync().status, 0)
        held = Held(self.device)
        self.assertEqual(self.target.keys()[held.key_id], held.key())

    def fails(self, status, cls, reason):
        run = self.provision()
        self.assertFailed(run, status, cls, reason)
        self.assertEqual(self.device.slots(), set())
        self.assertEqual(self.lab.ctl("credential", "list"), [])
        return run


class Card(Case):
    """What a card in order does."""

    def test_a_card_gives_the_device_its_credential(self):
        for protocol in (0, 1):
            card = self.insert(protocol=protocol)
            self.provisioned(self.provision())
            self.has_the_targets_key()
            self.assertNotIn(VERIFY, card.asked)
            self.assertEqual(card.asked.count(AUTHENTICATE), 1)
            self.pcscd.pull()

    def test_a_card_that_is_ahead_is_followed(self):
        card = self.insert(sqn=test_gba.HLR_LEARNS)
        self.provisioned(self.provision())
        self.has_the_targets_key()
        self.assertEqual(self.audit().count('"resynchronised"'), 1)
        self.assertEqual(card.asked.count(AUTHENTICATE), 2)

    def test_ks_stays_in_a_card_that_can_keep_it(self):
        self.lab.ctl("enrolee", "add", "dev2", "--imsi", "001010000000002", "--gba-u",
                     "--default", lab.BROKER)
        self.lab.hlr.add("001010000000002")
        card = sim.Card(sim.K, sim.OPC, "001010000000002", gba=True)
        self.pcscd.insert(card)
        self.configure('gba-u = "required"')
        self.provisioned(self.provision())
        self.assertEqual(self.target.sync().status, 0)
        held = Held(self.device)
        self.assertEqual(self.target.keys()[held.key_id], held.naf_key_tls1_2)
        naf_id = lab.BROKER.encode() + H(ub.UA["tls1.2"])
        impi = "001010000000002" + DOMAIN
        self.assertEqual(held.naf_key_tls1_2, sim.kdf(
            card.ks, b"gba-me", card.rand, impi.encode(), naf_id).hex())
        secrets = {card.ks.hex(), card.ks[:16].hex(), card.ks[16:].hex(), card.ks_int_naf.hex()}
        for path in test_gba.test_secrets.Secrets.files(self.lab):
            if self.device.folder in path or "log" in os.path.basename(path):
                with open(path, "rb") as f:
                    self.assertFalse(test_gba.Secrets.holds(f.read(), secrets), path)

    def test_a_card_without_a_gba_context_uses_the_other(self):
        self.insert()
        self.configure('gba-u = "required"')
        self.fails(78, "unsupported", "no-gba-u")
        self.configure('gba-u = "auto"')
        self.provisioned(self.provision())

    def test_isim_and_an_identity_of_the_config(self):
        card = self.insert(usim=False, impi=IMPI)
        self.fails(78, "unsupported", "no-application")
        self.configure('application = "isim"')
        self.provisioned(self.provision())
        self.assertEqual(Held(self.device).impi, IMPI)
        self.configure('application = "isim"', f'impi = "{IMSI}@private.example"')
        self.provisioned(self.provision())
        self.assertEqual(Held(self.device).impi, f"{IMSI}@private.example")
        self.assertEqual(card.asked.count(AUTHENTICATE), 2)

    def test_no_key_of_a_challenge_is_anywhere_but_in_its_file(self):
        self.lab.stop()
        self.lab.start(top='log-level = "debug"')
        self.with_pin()
        self.insert(pin=PIN)
        outputs = [self.provision(), self.device.fieldroot("attempts", "--json")]
        secrets = test_gba.Secrets.secrets(Held(self.device)) | {sim.K, sim.OPC}
        self.lab.stop()
        files = test_gba.test_secrets.Secrets.files(self.lab)
        self.assertIn(self.lab.path("pcscd", "log"), files)
        for path in files:
            with open(path, "rb") as f:
                if test_gba.Secrets.holds(f.read(), secrets):
                    self.assertTrue(os.path.basename(path).startswith("hlr.db") or
                                    test_gba.test_secrets.Secrets.may_hold(path, self.lab), path)
        for output in outputs:
            said = output.out + output.err
            self.assertFalse(test_gba.Secrets.holds(said.encode(), secrets), said)


class Challenge(Case):
    def test_a_challenge_of_another_network_is_refused(self):
        self.pcscd.insert(sim.Card("00" * 16, sim.OPC, IMSI))
        self.fails(77, "refused", "aka-mac")

    def test_a_card_that_answers_nonsense(self):
        card = self.insert()
        for answer in ("9000", "db0490009000", "dc0490009000", "6f00", "6700"):
            card.faults[AUTHENTICATE] = H(answer)
            self.fails(76, "invalid", "card-answer")

    def test_a_card_that_is_never_content(self):
        self.insert(ind_bits=0, sqn=(1 << 48) - 1)  # no SQN is newer
        self.fails(77, "refused", "resync-no-end")


class Pin(Case):
    def test_a_pin_is_needed(self):
        card = self.insert(pin=PIN)
        run = self.fails(77, "refused", "pin-needed")
        self.assertIn("pin-file", run.attempts[-1]["text"])
        self.assertEqual(card.tries, 3)
        self.with_pin()
        self.provisioned(self.provision())
        self.has_the_targets_key()

    def test_what_was_unlocked_is_locked_again(self):
        card = self.insert(pin=PIN)
        self.with_pin()
        self.provisioned(self.provision())
        self.assertFalse(card.is_verified)

    def test_a_wrong_pin_never_spends_the_last_try(self):
        card = self.insert(pin="4321")
        self.with_pin()
        for left in (2, 1):
            self.fails(77, "refused", "pin-wrong")
            self.assertEqual(card.tries, left)
        for _ in range(3):
            run = self.fails(77, "refused", "pin-last-try")
            self.assertEqual(card.tries, 1)
            self.assertNotIn(PIN, run.out + run.err)
        self.with_pin("4321")  # not even with the right one
        self.fails(77, "refused", "pin-last-try")

    def test_a_blocked_pin(self):
        card = self.insert(pin=PIN, tries=0)
        for configure in (self.configure, self.with_pin):
            configure()
            self.fails(77, "refused", "pin-blocked")
        self.assertEqual(card.tries, 0)

    def test_a_pin_file_that_is_none(self):
        card = self.insert(pin=PIN)
        for text, mode, reason in ((PIN, 0o640, "key-file-open"), ("12", 0o600, "pin-file"),
                                   ("123456789", 0o600, "pin-file"), ("12a4", 0o600, "pin-file"),
                                   ("1234\n\n", 0o600, "pin-file"), ("", 0o600, "pin-file")):
            self.with_pin(text, mode)
            run = self.provision()
            self.assertNotEqual(run.status, 0)
            self.assertEqual(run.attempts[-1]["reason"], reason, run)
        os.unlink(self.device.sim.pin_file)
        self.assertEqual(self.provision().attempts[-1]["reason"], "pin-file")
        self.assertEqual(card.asked, [])

    def test_a_list_goes_on_after_a_pin(self):
        self.insert(pin=PIN)
        self.lab.ctl("enrolee", "add", "by-certificate", "--san", self.device.san, "--anchor",
                     self.lab.device_ca.pem, "--default", lab.BROKER)
        run = self.provision(self.lab.gba(), self.lab.bootstrap())
        self.assertEqual([(a["class"], a["reason"]) for a in run.attempts],
                         [("refused", "pin-needed"), ("provisioned", "provisioned")])


class Plan(Case):
    """What provision would meet, and no try of a PIN is spent on knowing it."""

    def plan(self):
        run = self.device.fieldroot("plan", "--json", "--instructions",
                                    self.lab.document(self.lab.gba()), env=self.pcscd.env)
        self.assertEqual(run.status, 0, run)
        entry = json.loads(run.out)["entries"][0]
        return entry["supported"], entry.get("note", "")

    def says(self, *words):
        is_supported, note = self.plan()
        self.assertFalse(is_supported)
        for word in words:
            self.assertIn(word, note)

    def test_plan_looks_at_the_card(self):
        self.says("no card is in it")
        card = self.insert(pin="4321")
        self.says("asks for its PIN", "3 tries")
        self.with_pin()  # a wrong one, but that would cost a try
        self.assertEqual(self.plan(), (True, ""))
        card.tries = 1
        self.says("one try is left")
        card.tries = 0
        self.says("blocked")
        card.pin = None
        self.assertEqual(self.plan(), (True, ""))
        self.with_pin("none")
        self.says("no file with a PIN")
        self.configure('reader = "Middle"')
        self.says("Middle")
        self.pcscd.stop()
        self.configure()
        self.says("pcscd does not answer")
        self.assertNotIn(AUTHENTICATE, card.asked)


class Busy(Case):
    def test_a_card_that_another_program_has_is_waited_for(self):
        busy, go_on = threading.Event(), threading.Event()
        self.insert().faults[AUTHENTICATE] = lambda: (busy.set(), go_on.wait(lab.LIMIT))
        document = self.lab.document(self.lab.gba(budget="PT1M"))
        argv = [lab.program("fieldroot"), "provision", "--config", self.device.config,
                "--instructions", document, "--json"]
        first = self.lab.process(argv, self.lab.path("first.log"), env=self.pcscd.env)
        self.assertTrue(busy.wait(lab.LIMIT))
        other = self.lab.device("other")
        other.settings["extra"] = self.device.sim.section()
        other.write_config()
        argv[3] = other.config
        second = self.lab.process(argv, self.lab.path("second.log"), env=self.pcscd.env)
        second.wait_for("card-busy")
        go_on.set()
        self.assertEqual([p.popen.wait(lab.LIMIT) for p in (first, second)], [0, 0])


class Absent(Case):
    names = ("Left reader", "Right reader")

    def test_no_card_and_no_such_reader(self):
        self.fails(78, "unsupported", "no-card")
        self.insert("Right reader")
        self.configure('reader = "Left"')
        self.fails(78, "unsupported", "no-card")
        self.configure('reader = "Middle"')
        self.fails(78, "unsupported", "no-reader")
        for more in ((), ('reader = "Right"',)):
            self.configure(*more)
            self.provisioned(self.provision())

    def test_the_reader_that_is_named_is_the_one(self):
        left, right = self.insert("Left reader"), self.insert("Right reader")
        self.configure('reader = "Right"')
        self.provisioned(self.provision())
        self.assertEqual(left.asked, [])
        self.assertIn(AUTHENTICATE, right.asked)

    def test_no_pcscd(self):
        self.pcscd.stop()
        self.fails(78, "unsupported", "no-pcscd")

    def test_a_card_that_is_pulled_in_the_middle(self):
        for ins in (SELECT, READ_BINARY, AUTHENTICATE):
            card = self.insert("Left reader")
            card.faults[ins] = PULL
            run = self.fails(78, "unsupported", "no-card")
            self.assertEqual({(a["class"], a["reason"]) for a in run.attempts[:-1]},
                             {("unreachable", "card-gone")})
        self.insert("Left reader")
        self.provisioned(self.provision())


if __name__ == "__main__":
    lab.main()
