#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The numbers of GBA by hmac and hashlib alone, to compare ours with.

gba_oracle.py naf KS RAND IMPI NAF-FQDN UA [gba-me|gba-u]   a NAF's key, in hex
gba_oracle.py tmpi KS RAND IMPI BSF-FQDN                    the TMPI
gba_oracle.py cases SEED COUNT                              random inputs and their results

KS and RAND in hex; UA: tls1.2, dtls1.2, tls1.3, http-digest. TS 33.220 annex B and H.3,
RFC 3310, RFC 4169, RFC 7616; the proof is of src/proto/gba_info.h. A system test imports it."""
import base64
import hashlib
import hmac
import random
import sys

UAS = {"tls1.2": "01000100ae", "dtls1.2": "010001c0a8", "tls1.3": "0100000007",
       "http-digest": "0100000002"}
TMPI_UA = "0100000100"


def kdf(key, *params):
    s = b"\x01" + b"".join(p + len(p).to_bytes(2, "big") for p in params)
    return hmac.new(key, s, hashlib.sha256).digest()


def ks_naf(ks, rand, impi, naf, ua, label="gba-me"):
    return kdf(ks, label.encode(), rand, impi.encode(), naf.lower().encode() + bytes.fromhex(UAS[ua]))


def tmpi(ks, rand, impi, bsf):
    key = kdf(ks, b"gba-me", rand, impi.encode(), bsf.lower().encode() + bytes.fromhex(TMPI_UA))
    return base64.b64encode(key[:24]).decode() + "@tmpi.bsf.3gppnetwork.org"


def akav2_password(res, ik, ck):
    return base64.b64encode(hmac.new(res + ik + ck, b"http-digest-akav2-password", hashlib.md5).digest())


def md5(octets):
    return hashlib.md5(octets).hexdigest()


def digest(password, method, body, username, realm, nonce, uri, nc, cnonce):
    """A request's response; with method "" an answer's rspauth."""
    a1 = md5(f"{username}:{realm}:".encode() + password)
    a2 = md5(f"{method}:{uri}:{md5(body)}".encode())
    return md5(f"{a1}:{nonce}:{nc}:{cnonce}:auth-int:{a2}".encode())


def proof(ks_mef, btid, mef, method, path, body):
    key = hmac.new(ks_mef, b"Fieldroot key confirmation v1", hashlib.sha256).digest()
    fields = [btid.encode(), mef.encode(), method.encode(), path.encode(), hashlib.sha256(body).digest()]
    octets = b"".join(len(f).to_bytes(4, "big") + f for f in fields)
    return hmac.new(key, octets, hashlib.sha256).digest()


def text(rng, alphabet, least, most):
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(least, most)))


def case(rng):
    """Lines of fields with tabs between; "" is a field too."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    ks, rand, autn = rng.randbytes(32), rng.randbytes(16), rng.randbytes(16)
    res = bytes(rng.choice((0, rng.randrange(256))) for _ in range(rng.randint(4, 16)))
    impi = text(rng, letters + "\u00e4.", 1, 40) + "@" + text(rng, letters, 1, 60)
    name = text(rng, letters + "ABC", 1, 60) + "." + text(rng, letters, 1, 60)
    cnonce, path, body = text(rng, letters, 1, 32), "/" + text(rng, letters + "/?", 0, 50), rng.randbytes(rng.randrange(80))
    nonce, nc = base64.b64encode(rand + autn).decode(), "%08x" % rng.randrange(1 << 32)
    btid = base64.b64encode(rand).decode() + "@" + name
    for ua in UAS:
        for label in ("gba-me", "gba-u"):
            yield "naf", ks.hex(), rand.hex(), impi, name, ua, label, ks_naf(ks, rand, impi, name, ua, label).hex()
    yield "tmpi", ks.hex(), rand.hex(), impi, name, tmpi(ks, rand, impi, name)
    for version, password in (("1", res), ("2", akav2_password(res, ks[16:], ks[:16])), ("0", b"")):
        for method in ("GET", ""):
            yield ("digest", version, res.hex(), ks.hex(), impi, name, nonce, path, nc, cnonce, method, body.hex(),
                   digest(password, method, body, impi, name, nonce, path, nc, cnonce))
    yield "proof", ks.hex(), btid, name, "POST", path, body.hex(), proof(ks, btid, name, "POST", path, body).hex()


def main(args):
    if args[:1] == ["naf"] and len(args) in (6, 7):
        print(ks_naf(bytes.fromhex(args[1]), bytes.fromhex(args[2]), *args[3:]).hex())
    elif args[:1] == ["tmpi"] and len(args) == 5:
        print(tmpi(bytes.fromhex(args[1]), bytes.fromhex(args[2]), *args[3:]))
    elif args[:1] == ["cases"] and len(args) == 3:
        rng = random.Random(int(args[1]))
        for _ in range(int(args[2])):
            for fields in case(rng):
                sys.stdout.buffer.write("\t".join(fields).encode() + b"\n")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
