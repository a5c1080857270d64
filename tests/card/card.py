# SPDX-License-Identifier: Apache-2.0
"""A virtual SIM card: what TS 102.221 says of a card, TS 31.102 of its USIM and TS 31.103 of
its ISIM, as far as a key store asks, with the GBA security context. Octets in, octets out;
reader.py puts it into a reader of pcscd.

It keeps what it computes (ks, ks_int_naf), counts what it was asked, and fails on demand:

    card = Card(k, opc, "001010000000001", pin="1234")
    card.faults[AUTHENTICATE] = b"\\x98\\x62"    # its answer to the next such commands
    card.faults[AUTHENTICATE] = PULL            # or it is pulled in the middle of one
    card.faults[AUTHENTICATE] = event.wait      # or it takes its time
"""
import hashlib
import hmac
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples"))
import ub  # pylint: disable=wrong-import-position

SELECT, READ_BINARY, READ_RECORD, VERIFY = 0xa4, 0xb0, 0xb2, 0x20
AUTHENTICATE, GET_RESPONSE = 0x88, 0xc0
PULL = object()
USIM_AID = bytes.fromhex("a0000000871002fff49f0189000001ff")
ISIM_AID = bytes.fromhex("a0000000871004fff49f0189000001ff")
ATR = {0: "3b00", 1: "3b800181"}  # for T=0, for T=1
GBA_SERVICE = {USIM_AID: 68, ISIM_AID: 2}  # in EF_UST, EF_IST


class Pulled(Exception):
    pass


class Refused(Exception):
    """args: the status word"""


class Aka(ub.Sim):
    """The SIM of examples/ub.py with an SQN for each IND (TS 33.102 C.2), and GBA_U."""

    def __init__(self, k, opc, sqn, ind_bits):
        super().__init__(k, opc, sqn)
        self.ind_bits, self.accepted = ind_bits, {}

    def is_new(self, sqn):
        seq, ind = sqn >> self.ind_bits, sqn & (1 << self.ind_bits) - 1
        return (self.accepted.get(ind, self.sqn) >> self.ind_bits < seq
                and seq - (self.greatest() >> self.ind_bits) <= 1 << 28)

    def greatest(self):
        return max([self.sqn, *self.accepted.values()])

    def challenge(self, rand, autn, gba):
        """(RES, CK, IK), or AUTS; gba: AUTN is AUTN* (TS 33.220, 5.3.2)."""
        temp = ub.aes(self.k, ub.xor(rand, self.opc))
        both, ck, ik = (self._out(temp, *how) for how in ((0, 1), (4, 2), (8, 4)))
        mac = ub.xor(autn[8:], hashlib.sha1(ik).digest()[:8]) if gba else autn[8:]
        sqn = ub.xor(autn[:6], both[:6])
        if self._f1(temp, sqn, autn[6:8])[:8] != mac:
            raise Refused(0x9862)
        number = int.from_bytes(sqn, "big")
        if not self.is_new(number):
            mine = self.greatest().to_bytes(6, "big")
            return ub.xor(mine, self._out(temp, 12, 8)) + self._f1(temp, mine, bytes(2))[8:]
        self.accepted[number & (1 << self.ind_bits) - 1] = number
        return both[8:], ck, ik


def tlv(tag, value):
    return bytes([tag, len(value)]) + value


def with_lengths(*values):
    return b"".join(bytes([len(v)]) + v for v in values)


def bcd(imsi):
    digits = f"{9 if len(imsi) % 2 else 1}{imsi}" + ("" if len(imsi) % 2 else "f")
    swapped = bytes.fromhex("".join(digits[i:i + 2][::-1] for i in range(0, len(digits), 2)))
    return bytes([len(swapped)]) + swapped


def kdf(key, *fields):
    """TS 33.220, annex B: Ks_ext_NAF, Ks_int_NAF."""
    text = b"\x01" + b"".join(f + len(f).to_bytes(2, "big") for f in fields)
    return hmac.new(key, text, hashlib.sha256).digest()


def table(*services):
    """The octets of EF_UST or EF_IST."""
    bits = sum(1 << n - 1 for n in services)
    return bits.to_bytes(max(services) // 8 + 1, "little")


class Card:  # pylint: disable=too-many-instance-attributes
    def __init__(self, k, opc, imsi, *, mnc_digits=2, sqn=0, ind_bits=5, gba=False, pin=None,
                 tries=3, impi=None, protocol=0, usim=True, directory=True):
        """pin None: it asks for none. impi: it has an ISIM. protocol: T=0 or T=1."""
        self.aka = Aka(bytes.fromhex(k), bytes.fromhex(opc), sqn, ind_bits)
        self.gba, self.pin, self.tries, self.protocol = gba, pin, tries, protocol
        self.applications = {}
        if usim:
            self.applications[USIM_AID] = {
                0x6f07: bcd(imsi), 0x6fad: bytes([0x81, 0, 0, mnc_digits]),
                0x6f38: table(27, *([68] if gba else []))}
        if impi:
            self.applications[ISIM_AID] = {
                0x6f02: tlv(0x80, impi.encode()), 0x6f07: table(1, *([2] if gba else []))}
        self.records = [tlv(0x61, tlv(0x4f, aid) + tlv(0x50, b"SIM")) for aid in self.applications]
        self.has_directory = directory
        self.faults, self.asked = {}, []
        self.ks = self.rand = self.ks_int_naf = None
        self.reset()

    @property
    def atr(self):
        return bytes.fromhex(ATR[self.protocol])

    def reset(self):
        self.application, self.file, self.waiting = None, None, b""
        self.is_verified = False

    # ---- octets ----

    def transmit(self, command):
        """A command's answer. The PIN and every key stay out of what is kept of it."""
        self.asked.append(command[1])
        fault = self.faults.get(command[1])
        if fault is PULL:
            raise Pulled
        if isinstance(fault, bytes):
            return fault
        if fault:
            fault()
        try:
            return self.reply(command, self.do(command))
        except Refused as refused:
            return refused.args[0].to_bytes(2, "big")

    def reply(self, command, out):
        """T=0: what a command with data answers is fetched, and Le must be its length."""
        done = b"\x90\x00"
        if self.protocol == 1 or not out:
            return out + done
        if len(command) > 5:
            self.waiting = out
            return bytes([0x61, len(out)])
        le = command[4] if len(command) == 5 else 0
        return out + done if le == len(out) else bytes([0x6c, len(out)])

    def do(self, command):
        cla, ins, p1, p2 = command[:4]
        data = command[5:5 + command[4]] if len(command) > 5 else b""
        if cla != 0:
            raise Refused(0x6e00)
        handlers = {SELECT: self.select, READ_BINARY: self.read_binary,
                    READ_RECORD: self.read_record, VERIFY: self.verify,
                    AUTHENTICATE: self.authenticate, GET_RESPONSE: self.get_response}
        if ins not in handlers:
            raise Refused(0x6d00)
        if ins != GET_RESPONSE:
            self.waiting = b""
        return handlers[ins](p1, p2, data)

    def get_response(self, *_):
        if not self.waiting:
            raise Refused(0x6985)
        return self.waiting

    # ---- files ----

    def select(self, p1, p2, data):
        if p1 == 0x04:
            found = [aid for aid in self.applications if aid.startswith(data)]
            if not found:
                raise Refused(0x6a82)
            self.application, self.file = found[0], None
        elif p1 == 0x00 and data == b"\x3f\x00":
            self.application, self.file = None, None
        elif p1 == 0x00 and self.known(int.from_bytes(data, "big")):
            self.file = int.from_bytes(data, "big")
        else:
            raise Refused(0x6a82)
        return self.control_parameters() if p2 == 0x04 else b""

    def known(self, file):
        if self.application is None:
            return file == 0x2f00 and self.has_directory
        return file in self.applications[self.application]

    def control_parameters(self):
        """FCP; of an application with the state of its PINs (TS 102.221, 9.5.2)."""
        if self.file:
            return tlv(0x62, bytes.fromhex("82024121") + tlv(0x83, self.file.to_bytes(2, "big")))
        pins = tlv(0x90, b"\x80" if self.pin else b"\x00") + tlv(0x83, b"\x01") + tlv(0x83, b"\x81")
        return tlv(0x62, bytes.fromhex("82027821") + tlv(0x84, self.application or b"") +
                   bytes.fromhex("8a0105") + tlv(0xc6, pins))

    def check_pin(self):
        if self.pin and not self.is_verified:
            raise Refused(0x6982)

    def read_binary(self, p1, p2, _):
        if self.file is None or self.application is None:
            raise Refused(0x6986)
        if self.file != 0x6fad:  # EF_AD is for everybody
            self.check_pin()
        return self.applications[self.application][self.file][p1 << 8 | p2:]

    def read_record(self, number, p2, _):
        if self.file != 0x2f00 or p2 & 7 != 4:
            raise Refused(0x6981)
        if not 1 <= number <= len(self.records):
            raise Refused(0x6a83)
        return self.records[number - 1].ljust(38, b"\xff")

    # ---- PIN ----

    def verify(self, _, reference, data):
        if reference != 0x01:
            raise Refused(0x6a88)
        if not self.pin:
            raise Refused(0x6984)
        if self.tries == 0:
            raise Refused(0x6983)
        if not data:
            raise Refused(0x63c0 | self.tries)
        if data != self.pin.encode().ljust(8, b"\xff"):
            self.tries -= 1
            raise Refused(0x63c0 | self.tries)
        self.tries, self.is_verified = 3, True
        return b""

    # ---- AUTHENTICATE ----

    def authenticate(self, p1, p2, data):
        if p1 != 0 or self.application is None:
            raise Refused(0x6a86)
        self.check_pin()
        if p2 == 0x81:
            return self.aka_context(self.parts(data, 16, 16))
        if p2 != 0x84 or not self.gba:
            raise Refused(0x9864)
        if data[:1] == b"\xdd":
            return self.bootstrap(self.parts(data[1:], 16, 16))
        if data[:1] == b"\xde":
            return self.naf_key(self.parts(data[1:]))
        raise Refused(0x6a80)

    def parts(self, data, *lengths):
        found = []
        while data:
            found.append(data[1:1 + data[0]])
            data = data[1 + data[0]:]
        if len(found) != 2 or lengths and [len(f) for f in found] != list(lengths):
            raise Refused(0x6700)
        return found

    def aka_context(self, parts):
        said = self.aka.challenge(*parts, gba=False)
        if isinstance(said, bytes):
            return tlv(0xdc, said)
        return b"\xdb" + with_lengths(*said, bytes(8))  # Kc is not of any use here

    def bootstrap(self, parts):
        said = self.aka.challenge(*parts, gba=True)
        if isinstance(said, bytes):
            return tlv(0xdc, said)
        self.ks, self.rand = said[1] + said[2], parts[0]
        return b"\xdb" + with_lengths(said[0])

    def naf_key(self, parts):
        if not self.ks:
            raise Refused(0x6985)
        naf_id, impi = parts
        self.ks_int_naf = kdf(self.ks, b"gba-u", self.rand, impi, naf_id)
        return b"\xdb" + with_lengths(kdf(self.ks, b"gba-me", self.rand, impi, naf_id))
