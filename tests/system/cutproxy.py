# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy that knows where TLS records begin, or other messages, and does one wrong thing
at one of them.

Its faults wait for events (a peer that closes, a word from the test), never for time.
"""
import collections
import contextlib
import re
import select
import socket
import struct
import threading

LIMIT = 60
HEADER = 5  # octets of a record's header: type, version, length


# ---- how long the message at the front of octets is; 0: that is not there yet

def tls_record(octets):
    return HEADER + struct.unpack(">H", octets[3:5])[0] if len(octets) >= HEADER else 0


def http_message(octets):
    head, end, _ = octets.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return len(head + end) + (int(length[1]) if length else 0) if end else 0


def ipa_frame(octets):
    return 3 + struct.unpack(">H", octets[:2])[0] if len(octets) >= 3 else 0


# way: "c" from the client, "s" from the server; record: number of the record that way;
# kind and arg:
#   cut    forwards arg(record) octets of it, then ends both sides; how: "fin" or "rst"
#   half   forwards all of it and says no more that way, the other way goes on
#   drop   leaves it out;  twice  sends it twice;  flip  one bit of octet arg(record)
#   delay  holds it and all behind it until the client has gone, then delivers
#   swap   holds it until the next one that way has gone ahead of it
#   late   the same, but until release() is called as well
Fault = collections.namedtuple("Fault", "way record kind arg how", defaults=(None, "fin"))


class Proxy(threading.Thread):
    """is_live: the fault is for the connection that there is, and counts from arm()."""

    def __init__(self, upstream, frame=tls_record, is_live=False, where="127.0.0.1"):
        super().__init__(daemon=True)
        self.upstream, self.fault, self.hits = upstream, None, 0
        self.frame, self.is_live, self.where = frame, is_live, where
        self.log = []  # of the last connection: (way, octets) of each record
        self.heard = None  # called with way and octets of each record, if it is set
        self.released = threading.Event()
        self.lines, self.lock = [], threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.start()

    def arm(self, fault):
        self.released.clear()
        self.fault, self.hits = fault, 0
        if self.is_live:
            with self.lock:
                for line in self.lines:
                    line.begin(fault)

    def disarm(self):
        self.fault = None

    def release(self):
        """Lets what is held go, and returns when no connection is left."""
        self.released.set()
        with self.lock:
            lines, self.lines = self.lines, []
        for line in lines:
            line.join(LIMIT)
            assert not line.is_alive(), f"a connection never ended: {line.fault}"

    def run(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                is_over = self.is_live and self.hits
                self.lines.append(Line(self, near, None if is_over else self.fault))
                self.lines[-1].start()

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Ended(Exception):
    pass


class Line(threading.Thread):
    """One connection through the proxy."""

    def __init__(self, proxy, near, fault):
        super().__init__(daemon=True)
        self.proxy = proxy
        self.far = socket.create_connection((proxy.where, proxy.upstream))
        self.ends = {"c": (near, self.far), "s": (self.far, near)}  # from, to
        for s in (near, self.far):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = {"c": b"", "s": b""}
        self.held = None  # octets, once a fault holds its way
        self.mute = None  # the way that says no more
        self.behind = b""  # goes after the next record
        self.begin(fault)

    def begin(self, fault):
        self.fault, self.count = fault, {"c": 0, "s": 0}
        self.log = self.proxy.log = []

    def run(self):
        with contextlib.suppress(Ended, OSError):
            self.relay()
        for s in self.ends["c"]:
            s.close()

    def relay(self):
        open_ways = {"c", "s"}
        while open_ways:
            poll = select.poll()
            for way in open_ways:
                poll.register(self.ends[way][0], select.POLLIN)
            ready = {fd for fd, _ in poll.poll(LIMIT * 1000)}
            if not ready:
                return
            for way in sorted(open_ways):
                if self.ends[way][0].fileno() in ready and not self.pump(way):
                    open_ways.discard(way)

    def pump(self, way):
        data = b""
        with contextlib.suppress(ConnectionError):  # a reset ends a way too
            data = self.ends[way][0].recv(65536)
        if not data:
            self.at_end(way)
            return False
        self.buffer[way] += data
        while 0 < (size := self.proxy.frame(self.buffer[way])) <= len(self.buffer[way]):
            record, self.buffer[way] = self.buffer[way][:size], self.buffer[way][size:]
            self.take(way, record)
        return True

    def at_end(self, way):
        if way == "c" and self.held is not None:
            if self.fault.kind == "late":
                self.proxy.released.wait(LIMIT)
            if self.fault.way == "c":
                self.ends["c"][1].sendall(self.held)
        if way != self.mute:
            self.send(way, self.buffer[way])
            with contextlib.suppress(OSError):
                self.ends[way][1].shutdown(socket.SHUT_WR)

    def send(self, way, octets):
        if self.held is not None and way == self.fault.way:
            self.held += octets
        elif octets and way != self.mute:
            self.ends[way][1].sendall(octets)

    def take(self, way, record):
        number = self.count[way]
        self.count[way] += 1
        self.log.append((way, len(record)))
        if self.proxy.heard:
            self.proxy.heard(way, record)
        f = self.fault
        if f is None or (way, number) != (f.way, f.record):
            self.send(way, record)
            if f and f.kind == "swap" and way == f.way:
                behind, self.behind = self.behind, b""
                self.send(way, behind)
            return
        self.proxy.hits += 1
        getattr(self, "do_" + f.kind)(way, record)

    def do_cut(self, way, record):
        self.send(way, record[:self.fault.arg(len(record))])
        if self.fault.how == "rst":
            for s in self.ends["c"]:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise Ended
        for s in self.ends["c"]:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_WR)
        for s in self.ends["c"]:  # so that no octet left unread makes it a reset
            s.settimeout(LIMIT)
            with contextlib.suppress(OSError):
                while s.recv(65536):
                    pass
        raise Ended

    def do_half(self, way, record):
        self.send(way, record)
        self.mute = way
        self.ends[way][1].shutdown(socket.SHUT_WR)

    def do_drop(self, way, record):
        pass

    def do_twice(self, way, record):
        self.send(way, record + record)

    def do_flip(self, way, record):
        at = self.fault.arg(len(record))
        self.send(way, record[:at] + bytes([record[at] ^ 0x01]) + record[at + 1:])

    def do_swap(self, way, record):
        self.behind = record

    def do_delay(self, way, record):
        self.held = b""
        self.send(way, record)

    do_late = do_delay
