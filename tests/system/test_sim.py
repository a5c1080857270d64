# SPDX-License-Identifier: Apache-2.0
"""A device with a SIM card: the real pcscd, a virtual card in its reader (tests/card), the
device's key store, fieldrootd and a real osmo-hlr."""
import hashlib
import unittest

import lab
import sim
import ub
from test_ub import SETS

H = bytes.fromhex
IMSI = "001010000000001"
IMPI = IMSI + "@ims.mnc001.mcc001.3gppnetwork.org"
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


if __name__ == "__main__":
    lab.main()
