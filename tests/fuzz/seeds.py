#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes seeds for the fuzz targets whose inputs are made of pieces or are binary, in the
form that the sources of today read: seeds.py FOLDER (FOLDER/<target>/<name>). What a
fuzzer makes of them, minimised, is the corpus (scripts/fuzz --merge)."""
import os
import re
import struct
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.dirname(os.path.dirname(here))
MEF, DEVICE, BROKER = "mef.example.com", "dev1.example.com", "broker.example.com"
RI = "C1AEC59A313D1341C3D91E1FEE552FF2"
ANCHOR, ANCHOR_2 = "a" * 64, "b" * 64


def order_of(x_list):
    """The names of an X-macro list in msg.h, in order: what numbers the enum."""
    text = open(f"{root}/src/server/ipc/msg.h").read()
    body = text[text.index(f"#define {x_list}(X)"):]
    body = body[:body.index("\nenum")]
    return re.findall(r'X\(FR_\w+, "([\w-]+)"', body)


FIELDS, MSGS = order_of("FR_FIELDS"), order_of("FR_MSGS")


def octets(value):
    return value if isinstance(value, bytes) else value.encode()


def piece(value):
    return struct.pack(">H", len(octets(value))) + octets(value)


def msg(kind, number=1, **fields):
    body = struct.pack(">HI", MSGS.index(kind), number)
    for name, value in sorted(fields.items(), key=lambda f: FIELDS.index(f[0])):
        value = bytes([value]) if isinstance(value, int) else octets(value)
        body += struct.pack(">BI", FIELDS.index(name), len(value)) + value
    return struct.pack(">I", len(body)) + body


def u64(value):
    return struct.pack(">Q", value)


def peer(name, anchor=ANCHOR):
    return b"\1" + piece(anchor) + b"\1\0" + piece(name) + b"\x5a" * 32 + piece("CN=x")


def commit(n, **changed):
    ke = bytes([n]) * 32
    fields = dict(peer=peer(DEVICE), address="192.0.2.1", suid=22, target=BROKER,
                  adminFQDN=MEF, keyId="%032X@%s" % (n, MEF), ke=ke, requestSha=b"\1" * 32,
                  responseSha=b"\2" * 32, response='{"b":2}', method="certificate",
                  credentialRef="cert:" + "5a" * 32, expires=u64(1900000000))
    fields.update(changed)
    return msg("commit", **fields)


IMPI = "001010000000001@ims.mnc001.mcc001.3gppnetwork.org"


def packed_digest(auts=b""):
    """src/server/ipc/digest_pack.c"""
    texts = (IMPI, MEF, NONCE, "/", "", "0a4f113b", "00000001", "9a" * 16)
    return bytes([0, 1, bool(auts)]) + auts.ljust(14, b"\0") + b"".join(map(piece, texts))


def ub():
    wishes = dict(address="192.0.2.1", suid=22, target=BROKER)
    proof = dict(address="192.0.2.1", keyId=BTID, mac=b"\1" * 32, requestSha=b"\2" * 32)
    yield msg("admin", json='{"op":"enrolee.add","name":"sim","imsi":"001010000000001","default":"%s"}' % BROKER)
    yield msg("ub-begin", subscriber=IMPI, **wishes)
    yield msg("ub-finish", digest=packed_digest(), **wishes)
    yield msg("ub-resync", digest=packed_digest(b"\x5a" * 14), **wishes)
    yield msg("ub-ack", requestLine="POST /fieldroot/v1/gba/ack", **proof)
    yield msg("vector", ticket=u64(1), code=0, vector=b"\3" * 72)


def vault():
    who = dict(peer=peer(DEVICE), address="192.0.2.1")
    key = "%032X@%s" % (1, MEF)
    admin = ['{"op":"%s"%s}' % call for call in (
        ("enrolee.list", ""), ("target.list", ""), ("status", ""), ("audit", ',"limit":5'),
        ("enrolee.add", ',"name":"dev2","anchor":"%s","san":"dns:dev2.example.com"' % ANCHOR),
        ("enrolee.show", ',"name":"dev1"'), ("enrolee.deny", ',"name":"dev1","target":"%s"' % BROKER),
        ("enrolee.remove", ',"name":"dev1"'), ("target.remove", ',"id":"%s"' % BROKER),
        ("target.show", ',"id":"%s"' % BROKER), ("credential.list", ""),
        ("credential.show", ',"keyId":"%s"' % key), ("credential.revoke", ',"keyId":"%s"' % key),
        ("explain", ',"what":"dev1"'), ("instructions.list", ""),
        ("instructions.set", ',"name":"l","document":{"version":1,"instructions":['
         '{"bootstrap":"certificate","mef":"mef.example.com"}]}'),
        ("instructions.assign", ',"name":"l","enrolee":"dev1"'))]
    device = [msg("authorise", suid=22, expires=u64(1900000000), target=BROKER, **who),
              commit(1), msg("ack", keyId=key, **who), msg("lookup", keyId=key, **who),
              msg("report", json="[]", **who),
              msg("note", reason="tls-alert-48", text="unknown CA", **who)]
    target = [msg("fetch", keyId=key, suid=22, **who), msg("feed", since=u64(0), **who)]
    say = lambda how, hours, m: bytes([how, hours]) + piece(m)
    enrol = b"".join(say(0, 0, m) for m in device)
    yield "enrolment", enrol
    yield "renewal", say(0, 0, commit(1)) + say(0, 1, commit(2)) + say(0, 0, commit(3)) + \
        say(0, 30, msg("ack", keyId="%032X@%s" % (3, MEF), **who)) + say(2, 30, target[1])
    yield "target", say(0, 0, commit(1)) + b"".join(say(2, 1, m) for m in target) + say(3, 0, target[0])
    yield "key-twice", say(0, 0, commit(1)) + say(0, 0, commit(1))
    yield "forbidden", say(0x80, 0, target[0]) + say(0x88, 0, device[1])
    yield "discover", say(0, 0, msg("admin", json=admin[15])) + say(0, 0, msg("admin", json=admin[16])) + \
        say(0, 0, msg("discover", **who))
    yield "ub", b"".join(say(0, 0, m) for m in ub())
    for i, call in enumerate(admin):
        yield "admin-%d" % i, enrol + say(0, 0, msg("admin", json=call))


def answer(status, rsc, body, headers=""):
    return ("HTTP/1.1 %s\r\nX-M2M-RSC: %d\r\nX-M2M-RI: $I\r\n%sContent-Length: %d\r\n\r\n%s"
            % (status, rsc, headers, len(body), body))


def exchange():
    reg = '{"sec:mecr":{"ri":"client-1","cr":"%s","apd":"%s","et":"20330101T000000"}}' % (DEVICE, MEF)
    key = ('{"sec:mkr":{"ri":"%s","cr":"%s","apd":"%s","et":"20330101T000000","suid":22,'
           '"tgis":["%s"],"lbl":["fieldroot:target-fqdn=%s"]}}' % (RI, DEVICE, MEF, BROKER, BROKER))
    text = open(f"{root}/tests/fuzz/corpus/mmef/key-reg").read()
    key_of_corpus = answer("201 Created", 2001, text)
    mac = ("HTTP/1.1 200 OK\r\nX-M2M-RI: $I\r\nContent-Length: 53\r\n\r\n"
           '{"mac":"$M"}')
    cmd = '{"sec:mecd":{"cmid":1,"cmcl":0,"cmar":{"rdur":"P1D"},"cmst":10}}'
    start = bytes([0, 1])
    octets_ = lambda text, how=20: bytes([how]) + piece(text)
    first = answer("201 Created", 2001, reg)
    whole = [first, answer("201 Created", 2001, key), mac, answer("200 OK", 2000, cmd)]
    for confirm in (0, 1):
        yield "enrol-%d" % confirm, bytes([0, confirm]) + start + b"".join(map(octets_, whole))
    yield "slow", b"\0\0" + start + b"".join(octets_(text, 21) for text in whole)
    yield "as-in-corpus", b"\0\0" + start + octets_(first) + octets_(key_of_corpus) + octets_(mac)
    yield "no-confirm", b"\0\1" + start + octets_(first) + octets_(whole[1]) + \
        octets_(answer("404 Not Found", 4004, "")) + octets_(whole[3])
    yield "refused", b"\0\0" + start + octets_(first) + octets_(
        answer("403 Forbidden", 4103, '{"reason":"target-not-allowed","text":"no"}'))
    yield "busy", b"\0\0" + start + octets_(answer("503 Busy", 5000, "", "Retry-After: 3\r\n"))
    yield "resolve", b"\1\0" + start + octets_(answer("200 OK", 2000, key)) + octets_(first) + octets_(whole[3])
    yield "resolve-gone", b"\1\0" + start + octets_(answer("404 Not Found", 4004, ""))
    yield "cut", b"\0\0" + start + bytes([3])
    yield "failed", b"\0\0" + start + octets_(first) + bytes([4])


def discovery():
    doc = '{"version":1,"instructions":[{"bootstrap":"certificate","mef":"mef.example.com"}]}'
    nested = '{"version":1,"instructions":[{"discovery":"https","resource":"https://d.example/"}]}'
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
    for how in (0, 1, 2, 4):
        yield "list-%d" % how, bytes([how]) + octets(head % (len(doc), doc))
    yield "nested", b"\0" + octets(head % (len(nested), nested))
    yield "until-close", b"\0HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + octets(doc)
    yield "refused", b"\0HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    yield "redirect", b"\0HTTP/1.1 302 Found\r\nLocation: https://x/\r\nContent-Length: 0\r\n\r\n"


def service():
    def request(method, path, body="", kind="application/vnd.onem2m-res+json; ty=104"):
        return b"\0" + piece("%s %s HTTP/1.1\r\nHost: x\r\nX-M2M-Origin: %s\r\nX-M2M-RI: 1\r\n"
                             "Content-Type: %s\r\nContent-Length: %d\r\n\r\n%s"
                             % (method, path, DEVICE, kind, len(body), body))
    reply = lambda **f: b"\1" + piece(msg("reply", ord("$"), **f))
    yes = dict(code=0, target=BROKER, targetFQDN=BROKER, derivation="usage", enrolee="dev1",
               expires=u64(1800000000))
    rel = "01020300000000000000000000000000"
    client = request("POST", "/mefbase", '{"sec:mecr":{"et":"20271101T000000"}}',
                     "application/vnd.onem2m-res+json; ty=102")
    key = request("POST", "/mefbase", '{"sec:mkr":{"et":"20271101T000000","suid":22,"tgis":["%s"]}}' % BROKER)
    mac = request("POST", "/mefbase/%s/fieldroot-confirm" % rel, '{"mac":"%s"}' % ("A" * 43), "application/json")
    yield "mef", b"\0" + client + key + reply(**yes) + mac + reply(code=0, mac=b"\x5a" * 32) + \
        request("GET", "/mefbase/" + rel) + request("DELETE", "/mefbase/" + rel)
    yield "mef-refused", b"\0" + client + key + reply(code=5, reason="target-not-allowed", text="no")
    yield "mef-repeat", b"\0" + key + reply(**yes) + key + key.replace(b"suid\":22", b"suid\":21")
    yield "mef-lookup", b"\0" + request("GET", "/mefbase/%s" % ("0" * 32)) + reply(code=0, response='{"b":2}')
    yield "fetch", b"\1" + request("GET", "/fetchCredentials/%s%%40%s/22" % ("0" * 32, MEF)) + \
        reply(code=0, key=b"k" * 32, enrolee="dev1", expires=u64(1800000000))
    yield "feed", b"\1" + request("GET", "/fieldroot/v1/credentials?since=0") + \
        reply(code=0, json='{"cursor":0,"changes":[]}') + b"\1" + piece(msg("wake", 0, targetFQDN=DEVICE))
    yield "discovery", b"\2" + request("GET", "/.well-known/fieldroot/instructions") + \
        reply(code=0, json='{"version":1,"instructions":[]}')
    yield "discovery-none", b"\2" + request("GET", "/.well-known/fieldroot/instructions") + \
        reply(code=8, reason="no-instructions", text="none")
    yield "not-there", b"\0" + request("GET", "/nothing") + request("PUT", "/mefbase")


def state():
    full = open(f"{here}/corpus/credential/full", "rb").read()
    three = open(f"{here}/corpus/attempt/three", "rb").read()
    yield "both", piece(full) + piece(full) + piece(three)
    yield "pending", piece("") + piece(full) + piece("")
    yield "damaged", piece(full[:99]) + piece(full) + piece(three[:77])
    yield "empty", b""
    yield "clock", piece(full) + piece("") + piece("") + piece("2026-11-24T03:07:19Z\n")


def signer():
    """kind, then what TLS signs."""
    verify = b" " * 64 + b"TLS 1.3, server CertificateVerify\0"
    params = b"r" * 64 + b"\x03\x00\x1d\x20" + b"x" * 32
    yield "hello", b"\0"
    yield "verify", b"\1" + verify + b"h" * 32
    yield "verify-384", b"\2" + verify + b"h" * 48
    yield "params", b"\1" + params
    yield "params-p256", b"\3" + b"r" * 64 + b"\x03\x00\x17\x41" + b"x" * 65
    yield "client-verify", b"\1" + verify.replace(b"server", b"client") + b"h" * 32
    yield "short", b"\1" + verify
    yield "a-hash", b"\1" + b"h" * 32


def sync():
    key = "%032X@mef.example" % 1
    added = ('{"cursor":4,"changes":[{"seq":4,"change":"added","keyId":"%s","suid":22,"enroleeID":'
             '"dns:dev.example","lifetime":"20330518T033320"}]}' % key)
    gives = ('{"status":true,"credential":"qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=","enroleeID":'
             '"dns:dev.example","lifetime":"20330518T033320"}')
    ok = lambda text: b"\0" + piece(text)
    end = '{"cursor":4,"changes":[]}'
    yield "added", ok(added) + ok(gives) + ok(end)
    yield "revoked", ok(added) + ok(gives) + ok(added.replace("added", "revoked").replace('4', '5')) + ok(end)
    yield "reset", ok(added) + ok(gives) + ok(end.replace("{", '{"reset":true,', 1)) + ok(end)
    yield "withheld", ok(added) + b"\1" + piece("{}") + ok(end)
    yield "refused", b"\2" + piece("{}")
    yield "two", ok(added) + ok(gives) + ok(end) + ok(added.replace("1@", "2@").replace('4', '7')) + ok(gives)


def target():
    cache = ("fieldroot-target-cache 1\nmef=mef.example\ncursor=17\ncomplete=1\n"
             "key=%032X@mef.example 22 2000000000 0 %s dns%%3Adev\n" % (1, "aa" * 32))
    yield "cache", cache + "crc=00000000\n"
    yield "empty", cache[:cache.index("key=")] + "crc=00000000\n"
    yield "psk-file", "other:00\n%032X@mef.example:aa\n# no line of ours" % 1
    yield "psk-empty", "\n\n"


def engine():
    yield "one", bytes([0, 0, 0, 0, 0, 1, 0])
    yield "mixed", bytes([4, 0x0c, 0x0d, 0x0e, 0x0c, 0, 0, 0, 1, 0x14, 3, 0, 2, 6, 2, 0x0c, 0x0e, 0x0c, 1, 3])
    yield "nested", bytes([2, 0x0d, 0x0d, 0x0d, 1, 0, 0, 2, 6, 63] + [0x0c] * 64 + [1, 0x43, 3, 0x20, 1, 0x74])
    yield "stopped", bytes([3, 0x0c, 0x0c, 0x0c, 0x0c, 0, 0, 0, 4, 0])
    yield "waits", bytes([1, 0x0c, 0x08, 3, 0, 0, 1, 0x94, 3, 0x40, 0x41, 0x84])


def agent():
    doc = '{"version":1,"instructions":[{"bootstrap":"certificate","mef":"mef.example.com"}]}'
    yield "provision", '{"op":"provision","document":%s}' % doc
    yield "renew", '{"op":"provision","renew":true,"document":%s,"hosts":[{"name":"mef.example.com","address":"127.0.0.1"}]}' % doc
    yield "discover", '{"op":"provision","document":{"version":1,"instructions":[{"discovery":"file","resource":"file:///nowhere"}]}}'
    yield "trigger", '{"op":"trigger"}'
    yield "status", '{"op":"status"}'
    yield "other", '{"op":"x"}'
    yield "no-json", '{"op":'


def admin():
    yield "status", '{"op":"status"}\n'
    yield "two", '{"op":"status"}\n{"op":"audit","limit":3}\n'
    yield "no-op", '{"OP":1}\n[]\n\n'
    yield "cut", '{"op":"enrolee.list"'
    yield "long", '{"op":"' + "x" * 1500 + '"}\n'


def conf():
    yield "device", ('dstate = "s"\nconfirmation = required\ncredential "factory" {\n certificate = "c.pem"\n'
                     ' key = "c.key"\n}\nmef-anchors = "a.pem"\nhost "mef.example.com" { address = "127.0.0.1" }\n'
                     'agent { retry-first = PT1S }\n')
    yield "target", ('tfqdn = "b.example"\nmef {\nfqdn = "m.example"\nport = 18444\naddress = "127.0.0.1"\n}\n'
                     'host "o.example" { address = "::1" }\ncertificate = "b.pem"\nkey = "b.key"\n'
                     'trust-anchors = "ca.pem"\ncrl = "crl.pem"\npsk-file = "psk"\npid-file = "pid"\n')
    yield "cut", 'tfqdn = "b.example"\nmef {\nfqdn = "m.'
    yield "unknown", "dstatus = 1\n"
    yield "comment", "d# a\n/* b */ state = 's' // c\n"
    yield "list", 'dtls { except-ems = {"a", "b"} }\n'


def server_conf():
    mef = ('mef {\n fqdn = "mef.example.com"\n certificate = "c.pem"\n key = "c.key"\n'
           ' enrolee-anchors = "a.pem"\n')
    yield "least", mef + "}\n"
    yield "more", ('state = "s"\nrun-dir = "r"\n' + mef + ' listen = "127.0.0.1:0"\n target-anchors = "t.pem"\n'
                   ' confirmation = required\n expiry-max = P30D\n admin-fqdns = {"sp.example.com"}\n}\n'
                   'tls { min = "1.2" profile = onem2m }\nlimits { connections = 10 idle = PT5S }\n'
                   'log-level = debug\n')
    yield "empty", ""
    yield "cut", mef
    yield "wrong", "workers = x\n"


def text():
    for i, line in enumerate([
            "2026-11-24T03:07:19Z", "20261124T030719,5", "P1DT2H3M4S", "PT30S", "mef.example.com",
            "//sp.example.com/cse-1", "https://host.example:8443/a%20b?x=1", "mef.example.com:8443",
            RI + "@" + MEF, "qqqqqqqqqqqqqqqqqqqqqg==", "a%2Fb%C3%A4", "dns:dev1.example.com",
            "other:1.2.3.4;x", "rid:1.2.3", "uri://sp/cse", "/mefbase/x", "\x00\xff\x1b[0m\u00e4"]):
        yield "t%d" % i, line


BTID = "I1U8vpY3qJ0+iuZNrke/NQ==@" + MEF
NONCE = "I1U8vpY3qJ0hiuZNrke/NVXzKLQ1d7m5Sp/6w1Tfr7M="


def digest():
    who = 'username="001010000000001@ims.mnc001.mcc001.3gppnetwork.org", realm="%s", uri="/"' % MEF
    numbers = 'nonce="%s", qop=auth-int, nc=00000001, cnonce="0a4f113b", response="%s"' % (NONCE, "9a" * 16)
    challenge = 'Digest realm="%s", nonce="%s", qop="auth,auth-int", algorithm=AKAv1-MD5' % (MEF, NONCE)
    yield "challenge", challenge
    yield "challenge-v2", challenge.replace("v1", "v2") + ', opaque="a, b", stale=false, x="a\\"b"'
    yield "challenge-bare", challenge.replace('"', "").replace("auth,", "")
    yield "challenge-48", challenge.replace(NONCE, NONCE[:-1] + "N" * 21)
    yield "challenge-twice", challenge + ', realm="x"'
    yield "first", 'Digest %s, nonce="", response=""' % who
    yield "response", 'Digest %s, %s, algorithm=AKAv1-MD5, opaque="abc"' % (who, numbers)
    yield "resync", 'Digest %s, %s, auts="uoU/PBI8z0TpNZbjVcY="' % (who, numbers)
    yield "qop-alone", 'Digest username=u, realm=r, uri="/", qop=auth-int'
    yield "info", 'qop=auth-int, rspauth="%s", cnonce="0a4f113b", nc=00000001' % ("9a" * 16)
    yield "proof", 'Fieldroot btid="%s", mac="%s"' % (BTID, "A" * 43)
    yield "btid", BTID
    yield "imsi", "001010000000001"
    yield "impi", "001010000000001@ims.mnc001.mcc001.3gppnetwork.org"
    yield "control", 'Digest %s, cnonce="a\rb"' % who


def card():
    def say(how, *answers):
        return bytes([how]) + b"".join(
            bytes([len(a) // 2]) + bytes.fromhex(a) for a in answers)

    t0, isim, pin, gba_u = 1, 2, 4, 8
    usim_aid, isim_aid = ("a000000087100%dff49ff0589000001ff" % n for n in (2, 4))
    find = ["9000", "9000", "6c14", "61124f10" + usim_aid + "9000", "610f",
            "620dc60b9001809501088301018301819000"]
    imsi = ["6106", "6204800200099000", "0809101000000000109000"]
    services = ["9000", "810000029000", "9000", "0000000000000000089000"]
    aka = "db08" + "a5" * 8 + ("10" + "b4" * 16) * 2 + "9000"
    yield "usim", say(t0, *find, *imsi, *services, "6135", aka)
    yield "usim-pin", say(t0 | pin, *find, *imsi[:2], "6982", "63c3", "9000", *imsi, *services,
                          "dc0e" + "ba" * 14 + "9000")
    yield "usim-gba-u", say(gba_u, "9000", "6a82", "62009000", "9000", imsi[2], *services,
                            "db04000000019000", "db20" + "74" * 32 + "9000")
    yield "isim", say(isim, "9000", "62098205422100260183009000",
                      "61124f10" + isim_aid + "9000", "9000", "9000",
                      "800b6d65746572374073702e789000", "9000", "029000", aka)
    yield "blocked", say(t0 | pin, *find, *imsi[:2], "6982", "6983")
    yield "forged", say(t0, *find, *imsi, *services, "9862")


def gba_info():
    root, end = '<BootstrappingInfo xmlns="uri:3gpp-gba">', "</BootstrappingInfo>"
    two = "<btid>%s</btid><lifetime>2026-11-25T03:07:19Z</lifetime>" % BTID
    target = ('<f:target xmlns:f="urn:fieldroot:gba" id="//sp.example.com/cse-1" fqdn="broker.example.com" '
              'suid="22" adminFQDN="mef.example.com"/>')
    time = "<currenttime>2026-11-24T03:07:19Z</currenttime>"
    yield "least", root + two + end
    yield "full", '<?xml version="1.0" encoding="UTF-8"?>\n' + root + two + "<Extension>" + time + target + \
        "</Extension>" + end
    yield "prefixed", ('<g:BootstrappingInfo xmlns:g="uri:3gpp-gba"><g:btid>%s</g:btid>\n<g:lifetime> '
                       '2026-11-25T03:07:19.5Z </g:lifetime></g:BootstrappingInfo>' % BTID)
    yield "unknown", root + two + '<x y="z"><btid>a</btid></x><!-- c --><?p i?><![CDATA[<]]>' + end
    yield "escaped", root + two.replace("+", "&#43;").replace("=@", "&amp;@") + end
    yield "laughs", ('<!DOCTYPE b [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>' +
                     root + two.replace(BTID, "&c;") + end)
    yield "external", '<!DOCTYPE b SYSTEM "file:///etc/passwd">' + root + two + end
    yield "entity", root + two.replace(BTID, "&x;") + end
    yield "twice", root + two + two + end
    yield "namespace", root.replace("gba", "gbx") + two + end
    yield "deep", root + "<a>" * 20
    yield "utf-16", '<?xml version="1.0"?>'.encode("utf-16") + b"\0"


def certificates(form):
    """Real ones: a name of each type, a wildcard, none, and an odd one."""
    exts = {"dns": "DNS:dev1.example.com,DNS:b.example", "uri": "URI:urn:x", "rid": "RID:1.2.3.4",
            "other": "otherName:1.2.3.4;UTF8:abc", "wild": "DNS:*.example.com", "mail": "email:a@b.example",
            "ip": "IP:192.0.2.1,DNS:x"}
    with tempfile.TemporaryDirectory() as tmp:
        for name, san in exts.items():
            made = subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", tmp + "/k", "-subj", "/CN=x", "-outform", form, "-addext", "subjectAltName=" + san],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
            yield name, made.stdout


def certificate():
    return certificates("DER")


def pem():
    both = b""
    for name, made in certificates("PEM"):
        both += made
        if name in ("dns", "other", "mail"):
            yield name, made
    yield "many", both
    yield "none", b"no certificate\n"
    yield "cut", both[:300]


def main():
    for name in ("vault", "exchange", "discovery", "service", "state", "signer", "sync", "target", "engine", "agent",
                 "admin", "conf", "server_conf", "text", "digest", "gba_info", "card", "certificate", "pem"):
        folder = os.path.join(sys.argv[1], name)
        os.makedirs(folder, exist_ok=True)
        for seed, value in globals()[name]():
            with open(os.path.join(folder, seed), "wb") as f:
                f.write(octets(value))


main()
