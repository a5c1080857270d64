#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A device's client in python3 and stock openssl, written from docs/protocol.md alone.

    enrol.py --mef mef.example.com --cert device.pem --key device.key --ca operator-ca.pem \\
             --id dev1.devices.example.com --state FOLDER [--target broker.example.com]

Leaves FOLDER/current.json (0600): KeID, Ke, and the key that the target shares. After a cut
the next run resolves FOLDER/pending.json first. The section numbers are the page's."""
import argparse
import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import signal
import ssl
import struct
import subprocess
import sys
import time

EXIT = {"refused": 77, "invalid": 76, "unreachable": 69, "unsupported": 78}
TYPE = "application/vnd.onem2m-res+json"
LABELS = {  # section 3
    "usage": b"oneM2M Enrolment Key to Usage-Constrained Symmetric Key derivation",
    "km": b"oneM2M Enrolment Key to Master Credential derivation",
    "kpsa": b"oneM2M Enrolment Key to Provisioned Secure Connection Key derivation"}


class Failed(Exception):
    """args: the class of section 9, words"""


def need(fact, words, result="invalid"):
    if not fact:
        raise Failed(result, words)


class Mef:
    """One TLS connection, spoken by s_client (section 2), and HTTP on it (section 4)."""

    def __init__(self, args):
        self.args, self.said = args, b""
        self.tls = subprocess.Popen(
            ["openssl", "s_client", "-connect", args.connect or f"{args.mef}:8443",
             "-servername", args.mef, "-verify_hostname", args.mef, "-verify_return_error",
             "-CAfile", args.ca, "-cert", args.cert, "-key", args.key, "-ign_eof", "-nocommands",
             "-keymatexport", "EXPORTER-oneM2M-Bootstrap", "-keymatexportlen", "48"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def __enter__(self):
        found = self.until(rb"Keying material: ([0-9A-Fa-f]{96})\n(?s:.*?)---\n")
        self.exported = bytes.fromhex(found[1].decode())
        return self

    def __exit__(self, *_):
        self.tls.kill()
        self.tls.wait()

    def more(self):
        octets = os.read(self.tls.stdout.fileno(), 65536)
        if not octets:
            alert = int((re.search(rb"alert number (\d+)", self.said) or (0, -1))[1])
            raise Failed("unsupported" if alert in (40, 70, 71) else
                         "refused" if b"verify error" in self.said or alert in
                         (42, 43, 44, 45, 46, 48, 49, 51, 115, 116) else "unreachable",
                         f"the connection ended, TLS alert {alert}")
        self.said += octets

    def until(self, pattern):
        while not (found := re.search(pattern, self.said)):
            self.more()
        self.said = self.said[found.end():]
        return found

    def call(self, method, path, body=b"", kind=None):
        """(RSC, headers, body); of failures only a 404 that is the MEF's own comes back."""
        request_id = secrets.token_hex(8)
        head = [f"{method} {path} HTTP/1.1", f"Host: {self.args.mef}:8443",
                f"X-M2M-Origin: {self.args.id}", f"X-M2M-RI: {request_id}", "X-M2M-RVI: 3"]
        if kind:
            head += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        try:
            self.tls.stdin.write("\r\n".join(head + ["", ""]).encode() + body)
            self.tls.stdin.flush()
        except BrokenPipeError:
            pass  # the reason is still to be read
        answer = self.until(rb"HTTP/1\.1 (\d{3}) .*\r\n((?:.+\r\n)*)\r\n")
        headers = {name.lower(): value.strip() for name, value in (
            line.split(":", 1) for line in answer[2].decode().splitlines())}
        length = int(headers.get("content-length", 0))
        while len(self.said) < length:
            self.more()
        content, self.said = self.said[:length], self.said[length:]
        need(headers.get("x-m2m-ri", request_id) == request_id, "another request's answer")
        status, rsc = int(answer[1]), int(headers.get("x-m2m-rsc", 0))
        self.judge(status, rsc, f"{method} {path}: {status} {rsc} {content.decode()}")
        return rsc, headers, content

    @staticmethod
    def judge(status, rsc, words):  # section 9
        if rsc:
            need((rsc // 1000 == 2) == (status // 100 == 2), words)
            need(rsc // 100 != 41 or rsc == 4105, words, "refused")
            need(rsc < 5000 and rsc != 4105, words, "unreachable")
            need(rsc // 1000 == 2 or (rsc, status) == (4004, 404), words)
        else:
            need(status not in (401, 403, 407), words, "refused")
            need(status < 500 and status not in (408, 429), words, "unreachable")
            need(status // 100 == 2, words)

    def create(self, ty, name, members):
        """(path, request's body, answer's body, resource) of a new child of MEFBase."""
        stamp = "%Y%m%dT%H%M%S"
        expires = time.strftime(stamp, time.gmtime(time.time() + 365 * 86400))
        body = json.dumps({name: {"et": expires, **members}}).encode()
        rsc, headers, answer = self.call("POST", "/mefbase", body, f"{TYPE}; ty={ty}")
        need(rsc == 2001, "not created")
        made = json.loads(answer)[name]
        need(made["cr"] == self.args.id and made["et"] > time.strftime(stamp, time.gmtime()) and
             all(made[k] == v for k, v in members.items()), "another registration than asked for")
        return headers.get("content-location", f"/mefbase/{made['ri']}"), body, answer, made


def confirmation(args, ke, key_id, role, request, answer):  # section 3
    with open(args.cert, encoding="ascii") as f:
        pem = re.search(r"-----BEGIN CERT.*?-----END CERTIFICATE-----", f.read(), re.S)[0]
    leaf = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    fields = (key_id.encode(), args.mef.encode(), b"cert:" + leaf.encode(),
              hashlib.sha256(request).digest(), hashlib.sha256(answer).digest())
    framed = b"".join(struct.pack(">I", len(f)) + f for f in fields)
    k = hmac.digest(ke, b"Fieldroot key confirmation v1", "sha256")
    return hmac.digest(k, role + framed, "sha256")


def sync_folder(args):
    folder = os.open(args.state, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def write_pending(args, credential):
    with open(os.open(args.pending + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
              encoding="ascii") as f:
        json.dump(credential, f)
        f.flush()
        os.fsync(f.fileno())
    os.rename(args.pending + ".new", args.pending)
    sync_folder(args)


def flip(args):
    os.rename(args.pending, os.path.join(args.state, "current.json"))
    sync_folder(args)


def acknowledge(mef, client):  # 6.4
    try:
        _, _, answer = mef.call("GET", client + "/cmd")
        while (command := json.loads(answer)["sec:mcc"])["mccd"]["ccid"] != 0:
            report = json.dumps({"sec:mcc": {"mcci": command["mcci"], "mccs": 41}}).encode()
            _, _, answer = mef.call("PUT", client + "/cmd", report, TYPE)
    except Failed as e:
        print("warning", *e.args, sep=": ", file=sys.stderr)  # the key is current: a success


def enrol(args, mef):  # section 6
    client, _, _, _ = mef.create(102, "sec:mecr", {})
    asked = {"suid": args.suid, **({"tgis": [args.target]} if args.target else {})}
    path, request, answer, made = mef.create(104, "sec:mkr", asked)
    ke, key_id, target = mef.exported[16:], f"{made['ri'].upper()}@{args.mef}", made["tgis"][0]
    labels = dict(label.split("=", 1) for label in made.get("lbl", ()) if "=" in label)
    derivation = labels.get("fieldroot:derivation", "usage")
    fqdn = labels.get("fieldroot:target-fqdn", target).lower()
    context = f"{args.suid}{fqdn}" if derivation == "usage" else target
    key = hmac.digest(ke, LABELS[derivation] + context.encode(), "sha256")
    write_pending(args, {"keyId": key_id, "registration": path, "target": target,
                         "expires": made["et"], "ke": ke.hex(), "key": key.hex()})
    mac = confirmation(args, ke, key_id, b"enrolee", request, answer)
    body = json.dumps({"mac": base64.urlsafe_b64encode(mac).decode().rstrip("=")}).encode()
    rsc, _, said = mef.call("POST", path + "/fieldroot-confirm", body, "application/json")
    need(rsc == 2000, "the MEF has no key confirmation", "refused")
    proof = base64.urlsafe_b64decode(json.loads(said)["mac"] + "=")
    if not hmac.compare_digest(proof, confirmation(args, ke, key_id, b"mef", request, answer)):
        os.unlink(args.pending)
        raise Failed("refused", "the MEF holds another key")
    flip(args)
    acknowledge(mef, client)
    return key_id


def resolve(args, mef):  # section 7
    with open(args.pending, encoding="ascii") as f:
        pending = json.load(f)
    rsc, _, answer = mef.call("GET", pending["registration"])
    if rsc == 4004:
        os.unlink(args.pending)
        return None
    need(json.loads(answer)["sec:mkr"]["ri"] == pending["keyId"].split("@")[0], "another key")
    flip(args)
    client, _, _, _ = mef.create(102, "sec:mecr", {})
    acknowledge(mef, client)
    return pending["keyId"]


def run(args):
    for step in ([resolve] if os.path.exists(args.pending) else []) + [enrol]:
        with Mef(args) as mef:
            key_id = step(args, mef)
        if key_id:
            return key_id


def too_late(*_):
    raise Failed("unreachable", "no answer in time")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    for name in ("mef", "cert", "key", "ca", "id", "state"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--connect", help="HOST:PORT (default: the MEF, 8443)")
    parser.add_argument("--target")
    parser.add_argument("--suid", type=int, default=22)
    args = parser.parse_args()
    args.pending = os.path.join(args.state, "pending.json")
    os.makedirs(args.state, mode=0o700, exist_ok=True)
    signal.signal(signal.SIGALRM, too_late)
    signal.alarm(30)
    try:
        print(run(args))
    except Failed as e:
        print(*e.args, sep=": ", file=sys.stderr)
        return EXIT[e.args[0]]
    except (KeyError, IndexError, TypeError, ValueError) as e:
        print(f"invalid: the answer is malformed: {e!r}", file=sys.stderr)
        return EXIT["invalid"]
    return 0


if __name__ == "__main__":
    sys.exit(main())
