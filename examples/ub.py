#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A device's client of Ub in python3 alone, written from docs/protocol.md (section 13).

    ub.py --mef mef.example.com[:PORT] --sim SIM.json [--ca operator-ca.pem | --plain]
          [--connect HOST:PORT] [--target broker.example.com] [--ua tls1.2]

SIM.json is a software SIM for tests: {"imsi", "impi", "k", "opc", "sqn"} in hex, of which
sqn is written back. Prints one JSON object: B-TID, when it ends, the target, and the key
that the target gets, in hex. Exit status as in section 9's classes."""
import argparse
import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import secrets
import ssl
import struct
import sys
import time
import xml.etree.ElementTree as ElementTree

EXIT = {"refused": 77, "invalid": 76, "unreachable": 69}
UA = {"tls1.2": "01000100ae", "dtls1.2": "010001c0a8", "tls1.3": "0100000007",
      "http-digest": "0100000002"}
EMPTY = hashlib.md5(b"").hexdigest()
SPACE = "{uri:3gpp-gba}"
OURS = "{urn:fieldroot:gba}"


class Failed(Exception):
    """args: the class of section 9, words"""


# ---- the SIM: AES-128 (FIPS 197) and Milenage (TS 35.206)

def _xtime(a):
    return (a << 1 ^ 0x11b if a & 0x80 else a << 1)


def _sbox():
    box, p, q = [0x63] * 256, 1, 1
    while True:
        p ^= _xtime(p)  # times 3; q: divided by 3
        q ^= q << 1
        q ^= q << 2
        q ^= q << 4
        q &= 0xff
        if q & 0x80:
            q ^= 0x09
        x = q
        for shift in (1, 2, 3, 4):
            x ^= (q << shift | q >> 8 - shift) & 0xff
        box[p] = x ^ 0x63
        if p == 1:
            return box


SBOX = _sbox()


def aes(key, block):
    words = [list(key[i:i + 4]) for i in range(0, 16, 4)]
    rcon = 1
    for i in range(4, 44):
        word = list(words[i - 1])
        if i % 4 == 0:
            word = [SBOX[b] for b in word[1:] + word[:1]]
            word[0] ^= rcon
            rcon = _xtime(rcon)
        words.append([a ^ b for a, b in zip(word, words[i - 4])])
    keys = [sum(words[r:r + 4], []) for r in range(0, 44, 4)]
    state = [a ^ b for a, b in zip(block, keys[0])]
    for r in range(1, 11):
        state = [SBOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if r < 10:
            mixed = []
            for c in range(0, 16, 4):
                a = state[c:c + 4]
                every = a[0] ^ a[1] ^ a[2] ^ a[3]
                mixed += [a[i] ^ every ^ _xtime(a[i] ^ a[(i + 1) % 4]) for i in range(4)]
            state = mixed
        state = [a ^ b for a, b in zip(state, keys[r])]
    return bytes(state)


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


class Sim:
    def __init__(self, k, opc, sqn):
        self.k, self.opc, self.sqn = k, opc, sqn

    def _out(self, temp, rotate, constant):
        """f2 to f5*: E(rot(TEMP ^ OPc) ^ c) ^ OPc"""
        block = xor(temp, self.opc)
        block = block[rotate:] + block[:rotate]
        block = block[:15] + bytes([block[15] ^ constant])
        return xor(aes(self.k, block), self.opc)

    def _f1(self, temp, sqn, amf):
        block = xor((sqn + amf) * 2, self.opc)
        block = block[8:] + block[:8]
        return xor(aes(self.k, xor(temp, block)), self.opc)

    def authenticate(self, rand, autn):
        """(res, ck, ik), or AUTS if SQN was there before."""
        temp = aes(self.k, xor(rand, self.opc))
        both = self._out(temp, 0, 1)
        res, ak = both[8:], both[:6]
        sqn = xor(autn[:6], ak)
        if not hmac.compare_digest(self._f1(temp, sqn, autn[6:8])[:8], autn[8:]):
            raise Failed("refused", "aka-mac: the network does not know this SIM's key")
        if int.from_bytes(sqn, "big") <= self.sqn:
            mine = self.sqn.to_bytes(6, "big")
            return (xor(mine, self._out(temp, 12, 8)[:6]) +
                    self._f1(temp, mine, bytes(2))[8:])
        self.sqn = int.from_bytes(sqn, "big")
        return res, self._out(temp, 4, 2), self._out(temp, 8, 4)


# ---- the numbers of section 13

def digest(username, realm, nonce, cnonce, password, method, body=b""):
    a1 = f"{username}:{realm}:".encode() + password
    a2 = f"{method}:/:{hashlib.md5(body).hexdigest()}".encode()
    middle = f"{nonce}:00000001:{cnonce}:auth-int".encode()
    return hashlib.md5(b":".join([hashlib.md5(a1).hexdigest().encode(), middle,
                                  hashlib.md5(a2).hexdigest().encode()])).hexdigest()


def naf_key(ks, rand, impi, fqdn, ua):
    text = b"\x01"
    for field in (b"gba-me", rand, impi.encode(), fqdn.encode() + bytes.fromhex(UA[ua])):
        text += field + struct.pack(">H", len(field))
    return hmac.new(ks, text, hashlib.sha256).digest()


def proof(ks_mef, btid, mef, method, path, body=b""):
    key = hmac.new(ks_mef, b"Fieldroot key confirmation v1", hashlib.sha256).digest()
    text = b""
    for field in (btid.encode(), mef.encode(), method.encode(), path.encode(),
                  hashlib.sha256(body).digest()):
        text += struct.pack(">I", len(field)) + field
    return hmac.new(key, text, hashlib.sha256).digest()


# ---- HTTP

def parameters(value, scheme):
    if not value or not value.startswith(scheme):
        raise Failed("invalid", f"no {scheme}")
    return {name: quoted or bare for name, quoted, bare in re.findall(
        r'(\w+)=(?:"([^"]*)"|([^\s,"]+))', value[len(scheme):])}


class Mef:
    def __init__(self, args, impi):
        self.mef, _, port = args.mef.partition(":")
        where = args.connect or f"{self.mef}:{port or 8446}"
        host, _, port = where.rpartition(":")
        self.impi, self.wishes = impi, {}
        if args.target:
            self.wishes["X-Fieldroot-Target"] = args.target
        self.host = f"{self.mef}:{port}"
        self.link = http.client.HTTPConnection(host, int(port), timeout=30)
        if not args.plain:
            self.link.connect()
            context = ssl.create_default_context(cafile=args.ca)
            self.link.sock = context.wrap_socket(self.link.sock, server_hostname=self.mef)

    def ask(self, method, path, authorization, body=b"", **more):
        headers = {"Host": self.host, "Accept": "*/*", "User-Agent": "ub.py 3gpp-gba-tmpi",
                   "Authorization": authorization, **more}
        if body:
            headers["Content-Type"] = "application/json"
        self.link.request(method, path, body or None, headers)
        answer = self.link.getresponse()
        return answer, answer.read()

    def ub(self, nonce="", **more):
        said = "".join(f", {k}={v}" for k, v in more.items())
        answer, body = self.ask(
            "GET", "/", f'Digest username="{self.impi}", realm="{self.mef}", '
            f'nonce="{nonce}", uri="/"' + (said or ', response=""'), **self.wishes)
        if answer.status not in (200, 401):
            reason = re.search(rb'"reason": ?"([^"]*)"', body)
            raise Failed("unreachable" if answer.status >= 500 else
                         "refused" if answer.status == 403 else "invalid",
                         reason[1].decode() if reason else f"HTTP {answer.status}")
        return answer, body

    def prove(self, ks_mef, btid, method, path, body=b""):
        mac = proof(ks_mef, btid, self.mef, method, path, body)
        text = base64.urlsafe_b64encode(mac).decode().rstrip("=")
        return self.ask(method, path, f'Fieldroot btid="{btid}", mac="{text}"', body)

    def ack(self, ks_mef, btid):
        """The status; success is of who holds the key, or of nobody."""
        path = "/fieldroot/v1/gba/ack"
        answer, body = self.prove(ks_mef, btid, "POST", path)
        if answer.status == 204:
            self.check_proof(answer, body, ks_mef, btid, path)
        return answer.status

    def check_proof(self, answer, body, ks_mef, btid, path):
        said = parameters(answer.headers["X-Fieldroot-Proof"], "Fieldroot ")
        mac = base64.urlsafe_b64decode(said.get("mac", "") + "=")
        if not hmac.compare_digest(mac, proof(ks_mef, btid, self.mef, "200", path, body)):
            raise Failed("refused", "proof-mismatch")


def challenge_of(mef, answer):
    c = parameters(answer.headers["WWW-Authenticate"], "Digest ")
    octets = base64.b64decode(c["nonce"], validate=True)
    if c["realm"].lower() != mef.mef or len(octets) != 32 or "auth-int" not in c["qop"]:
        raise Failed("invalid", "that is no challenge of this MEF")
    return c["nonce"], octets[:16], octets[16:]


def info_of(mef, body):
    if b"<!" in body:
        raise Failed("invalid", "XML with a declaration")
    root = ElementTree.fromstring(body)
    target = root.find(f"{SPACE}Extension/{OURS}target")
    btid, lifetime = root.findtext(SPACE + "btid"), root.findtext(SPACE + "lifetime")
    if btid.rpartition("@")[2].lower() != mef.mef:
        raise Failed("refused", "the B-TID is another MEF's")
    ends = time.strptime(lifetime, "%Y-%m-%dT%H:%M:%SZ")
    return btid, lifetime, ends, dict(target.attrib) if target is not None else {}


def bootstrap(mef, sim):
    answer, _ = mef.ub()
    for _ in range(3):
        if answer.status != 401:
            break
        nonce, rand, autn = challenge_of(mef, answer)
        said, cnonce = sim.authenticate(rand, autn), secrets.token_hex(8)
        auts = {} if isinstance(said, tuple) else {
            "auts": f'"{base64.b64encode(said).decode()}"'}
        res, ck, ik = said if isinstance(said, tuple) else (b"", b"", b"")
        response = digest(mef.impi, mef.mef, nonce, cnonce, res, "GET")
        answer, body = mef.ub(nonce, algorithm="AKAv1-MD5", qop="auth-int", nc="00000001",
                              cnonce=f'"{cnonce}"', response=f'"{response}"', **auts)
        if not auts:
            break
    if answer.status != 200:
        raise Failed("refused", "no end of challenges")
    info = parameters(answer.headers["Authentication-Info"], "")
    want = digest(mef.impi, mef.mef, nonce, cnonce, res, "", body)
    if not hmac.compare_digest(info.get("rspauth", ""), want) or info["cnonce"] != cnonce:
        raise Failed("refused", "rspauth-wrong")
    ks, told = ck + ik, info_of(mef, body)
    if answer.headers["X-Fieldroot-Proof"]:
        mef.check_proof(answer, body, naf_key(ks, rand, mef.impi, mef.mef, "http-digest"),
                        told[0], "/")
    return ks, rand, told


def run(args, sim_file):
    sim = Sim(bytes.fromhex(sim_file["k"]), bytes.fromhex(sim_file["opc"]),
              int(sim_file["sqn"], 16))
    mef = Mef(args, sim_file["impi"])
    try:
        ks, rand, (btid, ends, _, target) = bootstrap(mef, sim)
    finally:
        sim_file["sqn"] = f"{sim.sqn:012x}"
    acked = mef.ack(naf_key(ks, rand, mef.impi, mef.mef, "http-digest"), btid)
    fqdn = target.get("fqdn") or args.target or mef.mef
    return {"btid": btid, "ends": ends, "target": target.get("id", ""), "ack": acked,
            "key": naf_key(ks, rand, mef.impi, fqdn, args.ua).hex()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in ("--mef", "--sim"):
        parser.add_argument(name, required=True)
    for name in ("--ca", "--connect", "--target"):
        parser.add_argument(name)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--ua", choices=sorted(UA), default="tls1.2")
    args = parser.parse_args()
    with open(args.sim, encoding="ascii") as f:
        sim_file = json.load(f)
    try:
        print(json.dumps(run(args, sim_file)))
    except Failed as failed:
        print(f"ub.py: {failed.args[0]}: {failed.args[1]}", file=sys.stderr)
        return EXIT[failed.args[0]]
    except (OSError, http.client.HTTPException) as failed:
        print(f"ub.py: unreachable: {failed}", file=sys.stderr)
        return EXIT["unreachable"]
    finally:
        with open(args.sim + ".new", "w", encoding="ascii") as f:
            json.dump(sim_file, f)
        os.replace(args.sim + ".new", args.sim)
    return 0


if __name__ == "__main__":
    sys.exit(main())
