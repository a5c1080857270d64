# SPDX-License-Identifier: Apache-2.0
"""A reader for pcscd's driver ifd.c, with a virtual card in it or without."""
import contextlib
import os
import socket
import threading

from card import Pulled

OFF, ON, RESET, GET_ATR = 0, 1, 2, 4
POLLED = 3  # pcscd looks when it starts, when its thread for the reader does, and then polls


class Reader:
    """Its card's cables: a thread that answers what pcscd says on a Unix socket."""

    def __init__(self, path, card=None):
        self.path, self.card, self.connection = path, card, None
        self.looks = 0
        self.looked_at = threading.Event()  # from now on pcscd tells of a card that comes
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def insert(self, card):
        card.reset()
        self.card = card

    def pull(self):
        self.card = None

    def close(self):
        for end in (self.listener, self.connection):
            with contextlib.suppress(OSError, AttributeError):
                end.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()
        os.unlink(self.path)

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                self.connection, _ = self.listener.accept()
                with self.connection, self.connection.makefile("rb") as stream:
                    self.talk(stream)

    def talk(self, stream):
        while len(head := stream.read(2)) == 2:
            message = stream.read(int.from_bytes(head, "big"))
            answer = self.answer(self.card, message) if self.card else b""
            self.connection.sendall(len(answer).to_bytes(2, "big") + answer)
            self.looks += 1
            if self.looks == POLLED:
                self.looked_at.set()

    def answer(self, card, message):
        if len(message) == 1:
            if message[0] != GET_ATR:
                card.reset()
            return card.atr
        try:
            return card.transmit(message)
        except Pulled:
            self.pull()
            return b""
