# SPDX-License-Identifier: Apache-2.0
"""Peers that are slow, many, endless or speak nonsense: each is ended by a limit, the
server stays small, and an honest device enrols meanwhile."""
import contextlib
import os
import resource
import select
import socket
import ssl
import threading

import lab

SAMPLE = int(os.environ.get("FIELDROOT_SAMPLE", "1"))
MANY = 10_000 // SAMPLE
MEMORY = 8 if SAMPLE > 1 else 1  # a sanitizer keeps what was freed
REQUEST = "{} HTTP/1.1\r\nHost: " + lab.MEF + "\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\n"


def rss(pids):
    """Octets of memory that the processes have."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/statm", encoding="utf-8") as f:
            total += int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return total


class Case(lab.TestCase):
    def open(self, limits="", top="workers = 1", **how):
        self.site_ = self.site().start(limits=limits, top=top, **how)
        self.device = self.site_.listed_device()
        self.list = self.site_.document(self.site_.bootstrap(budget="PT1M"))
        self.pids = lab.child_pids(self.site_.daemon.pid)
        self.context = ssl.create_default_context(cafile=self.site_.mef_ca.pem)
        self.context.load_cert_chain(self.device.cert, self.device.key)

    def plain(self, source=None):
        s = socket.create_connection(("127.0.0.1", self.site_.ports["enrol"]),
                                     source_address=source and (source, 0))
        s.settimeout(lab.LIMIT)
        self.addCleanup(s.close)
        return s

    def tls(self, source=None, context=None):
        tls = (context or self.context).wrap_socket(self.plain(source), server_hostname=lab.MEF)
        self.addCleanup(tls.close)
        return tls

    def enrols(self):
        run = self.device.provision("--renew", "--instructions", self.list, limit=2 * lab.LIMIT)
        self.assertEqual(run.status, 0, run)

    def unharmed(self):
        self.enrols()
        self.assertEqual(lab.child_pids(self.site_.daemon.pid), self.pids)


def rest(s):
    """All that the server says until it ends the connection; a timeout is an error."""
    data = b""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while more := s.recv(65536):
            data += more
    return data


def send_all(s, octets):
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        s.sendall(octets)


def drip(s, octets):
    """One octet at a time, until the server has something to say or ends it."""
    sent = 0
    while not select.select([s], [], [], 0.1)[0]:
        if sent < len(octets):
            send_all(s, octets[sent:sent + 1])
            sent += 1
    return sent


def client_hello():
    into = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), into, server_hostname=lab.MEF)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return into.read()


class Slow(Case):
    def setUp(self):
        self.open("handshake = PT2S request = PT2S idle = PT2S")

    def check(self, s, octets):
        enrolling = threading.Thread(target=self.enrols)
        enrolling.start()
        sent = drip(s, octets)
        said = rest(s)
        enrolling.join()
        self.assertGreater(len(octets), sent, "it waited for all of it")
        self.unharmed()
        return said

    def test_handshake_by_the_octet_is_ended(self):
        self.check(self.plain(), client_hello())

    def test_header_by_the_octet_is_ended(self):
        head = REQUEST.format("GET /mefbase/x") + "X-Slow: " + "y" * 2000
        self.assertIn(b" 408 ", self.check(self.tls(), head.encode()))

    def test_body_by_the_octet_is_ended(self):
        head = (REQUEST.format("POST /mefbase") + "Content-Type: application/json\r\n"
                "Content-Length: 2000\r\n\r\n")
        s = self.tls()
        s.sendall(head.encode())
        self.assertIn(b" 408 ", self.check(s, b" " * 2000))

    def test_answers_that_nobody_reads_are_given_up(self):
        before, s = rss(self.pids), self.tls()
        s.setblocking(False)
        request = (REQUEST.format("GET /mefbase/x") + "\r\n").encode()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            for _ in range(100_000):
                s.send(request)
        self.enrols()
        s.settimeout(lab.LIMIT)
        rest(s)
        self.assertLess(rss(self.pids) - before, MEMORY * 16 << 20)
        self.unharmed()

    def test_half_open_connections_are_ended(self):
        hello = client_hello()
        for octets in (b"", hello[:10], hello):
            with self.subTest(octets=len(octets)):
                s = self.plain()
                s.sendall(octets)
                s.shutdown(socket.SHUT_WR)
                rest(s)
        tls = self.tls()
        socket.socket.shutdown(tls, socket.SHUT_WR)
        rest(tls)
        self.tls()  # and one that says nothing any more
        self.unharmed()


class Bombs(Case):
    """What is too long or makes no sense is refused and ended."""

    def setUp(self):
        self.open()

    def bomb(self, octets, endless=b"", statuses=(400, 413, 414, 431, 501)):
        s = self.tls()
        send_all(s, octets)
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while endless and not select.select([s], [], [], 0)[0]:
                s.sendall(endless)
        answer = rest(s)
        first = answer.split(b"\r\n")[0].split()
        self.assertIn(int(first[1]), statuses, answer)
        return answer

    def test_bombs_of_headers(self):
        get = REQUEST.format("GET /mefbase/x").encode()
        for name, octets, endless in (
                ("many", get + b"".join(b"X-%d: y\r\n" % i for i in range(5000)), b""),
                ("one long", get + b"X: " + b"y" * 100_000 + b"\r\n\r\n", b""),
                ("endless line", get + b"X: ", b"y" * 1000),
                ("endless lines", get, b"X: y\r\n" * 100),
                ("endless name", get, b"y" * 1000),
                ("endless request line", b"GET /", b"y" * 1000),
                ("endless method", b"", b"Y" * 1000),
                ("endless empty lines", b"", b"\r\n" * 1000)):
            with self.subTest(name):
                self.bomb(octets, endless)
        self.unharmed()

    def test_bombs_of_bodies(self):
        post = (REQUEST.format("POST /mefbase") + "Content-Type: application/json\r\n").encode()
        for name, octets, endless in (
                ("huge", post + b"Content-Length: 99999999999\r\n\r\n", b"x" * 1000),
                ("beyond 64 bits", post + b"Content-Length: 99999999999999999999999\r\n\r\n", b""),
                ("negative", post + b"Content-Length: -1\r\n\r\n", b""),
                ("two lengths", post + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", b""),
                ("chunks", post + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 100),
                ("chunks and length", post + b"Transfer-Encoding: chunked\r\n"
                 b"Content-Length: 5\r\n\r\n0\r\n\r\n", b""),
                ("more than said", post + b"Content-Length: 2\r\n\r\n{}" + b"x" * 1000,
                 b"x" * 1000)):
            with self.subTest(name):
                self.bomb(octets, endless)
        self.unharmed()

    def test_nesting_bomb_in_json(self):
        body = b"[" * 60_000
        post = REQUEST.format("POST /mefbase") + "Content-Type: application/json\r\n"
        self.bomb(f"{post}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                  + body)
        self.unharmed()

    def test_what_is_no_tls_is_ended(self):
        hello = client_hello()
        for name, octets in (
                ("HTTP", b"GET / HTTP/1.1\r\n\r\n"), ("zeros", bytes(100_000)),
                ("a flood of alerts", b"\x15\x03\x03\x00\x02\x01\x5a" * 20_000),
                ("a flood of empty records", b"\x16\x03\x03\x00\x00" * 20_000),
                ("a flood of ciphers", b"\x14\x03\x03\x00\x01\x01" * 20_000),
                ("alerts behind a hello", hello + b"\x15\x03\x03\x00\x02\x01\x5a" * 20_000),
                ("data behind a hello", hello + b"\x17\x03\x03\x40\x00" + bytes(16384)),
                ("a hello that never ends", b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" +
                 bytes(16379) + (b"\x16\x03\x01\x40\x00" + bytes(16384)) * 20),
                ("a record too long", b"\x16\x03\x03\xff\xff" + bytes(70_000)),
                ("two hellos", hello + hello)):
            with self.subTest(name):
                s = self.plain()
                send_all(s, octets)
                rest(s)
        self.unharmed()


class Many(Case):
    def test_idle_connections_leave_room_for_a_device(self):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < 2 * MANY:
            self.skipTest(f"needs {2 * MANY} descriptors, and may have {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.open("connections = 6000 per-address = 300 handshake = PT30M idle = PT30M",
                  top="workers = 2")
        before, shaken = rss(self.pids), MANY // 50
        had = self.descriptors()
        held = []
        for i in range(MANY):  # 200 of an address; the last ones have spoken TLS
            source = f"127.0.1.{1 + i // 200}"
            held.append(self.tls(source) if i >= MANY - shaken else self.plain(source))
        lab.wait_until(lambda: self.descriptors() - had >= MANY, "all to be accepted")
        each = (rss(self.pids) - before) / MANY
        print(f"# {MANY} idle connections, {shaken} of them with TLS: {each:.0f} octets each")
        self.assertLess(each, MEMORY * 96 << 10)
        self.unharmed()
        for s in held:
            s.close()
        lab.wait_until(lambda: self.descriptors() - had < 10, "them to be gone")
        self.unharmed()

    def descriptors(self):
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.pids)

    def test_one_address_gets_its_share_and_no_more(self):
        self.open("per-address = 20 connections = 200", top="workers = 2")
        held = [self.plain("127.0.0.2") for _ in range(100)]
        end, gone = set(held), 0
        lab.wait_until(lambda: len(self.ended(end)) >= 60, "those beyond its share to end")
        gone = len(self.ended(end))
        self.assertLessEqual(gone, 80)  # each of two workers may hold 20
        self.unharmed()

    @staticmethod
    def ended(sockets):
        return select.select(list(sockets), [], [], 0)[0]

    def test_flood_of_handshakes_does_not_keep_another_from_enrolling(self):
        self.open(top="workers = 2")
        context = ssl.create_default_context(cafile=self.site_.mef_ca.pem)
        over, count = threading.Event(), [0]

        def flood():
            while not over.is_set():
                with contextlib.suppress(OSError), socket.create_connection(
                        ("127.0.0.1", self.site_.ports["enrol"]),
                        source_address=("127.0.0.2", 0)) as s:
                    s.settimeout(lab.LIMIT)
                    count[0] += 1
                    with context.wrap_socket(s, server_hostname=lab.MEF) as tls:
                        tls.recv(1)

        threads = [threading.Thread(target=flood) for _ in range(8)]
        for t in threads:
            t.start()
        try:
            lab.wait_until(lambda: count[0] > 100, "the flood to rise")
            for _ in range(5):
                self.enrols()
        finally:
            over.set()
            for t in threads:
                t.join()
        print(f"# {count[0]} connections in the flood")
        self.unharmed()


if __name__ == "__main__":
    lab.main()
