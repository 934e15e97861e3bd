"""Many clients at once that attack a server, in a thread of their own, while a test calls it.

    with Attackers(port, pieces, count=100) as attackers:
        harness.wait_until(lambda: attackers.finished == attackers.count)

Each connection sends the pieces one after the other. A piece that begins with a DATA frame is no more than this frame, and waits
for the windows of HTTP/2.
"""

import contextlib
import selectors
import socket
import struct

import frames
from background import Background
from frames import ACK, DATA, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE

FIRST_WINDOW = 65_535
INITIAL_WINDOW_SIZE = 4


def opened(*settings):
    """What opens a connection of HTTP/2."""
    return PREFACE + frames.settings(*settings) + frames.frame(SETTINGS, ACK)


class _Attacker:
    def __init__(self, number, connection):
        self.number = number
        self.socket = connection
        self.next = 0  # of the pieces
        self.unsent = memoryview(b"")
        self.first_window = FIRST_WINDOW
        self.windows = {0: FIRST_WINDOW}  # by stream, 0 for the connection
        self.reset = set()  # streams that the server has reset
        self.received = bytearray()

    def has_sent_all(self, pieces):
        return self.next == len(pieces) and not self.unsent

    def is_vain(self, piece):
        """True for DATA of a stream that is over, which gets no window."""
        return piece[3] == DATA and int.from_bytes(piece[5:9]) in self.reset

    def may_send(self, piece):
        """Takes what the piece needs of the windows. False if they are too small."""
        if piece[3] != DATA:
            return True
        stream, size = int.from_bytes(piece[5:9]), len(piece) - 9
        window = self.windows.setdefault(stream, self.first_window)
        if min(window, self.windows[0]) < size:
            return False
        self.windows[0] -= size
        self.windows[stream] -= size
        return True

    def receive(self, data):
        """Drops the frames that have arrived, but keeps account of the windows."""
        self.received += data
        for each in frames.take_frames(self.received):
            self._take_windows(each.type, each.stream, each.payload)

    def _take_windows(self, kind, stream, payload):
        if kind == WINDOW_UPDATE and stream in self.windows:
            self.windows[stream] += int.from_bytes(payload)
        elif kind == RST_STREAM:
            self.reset.add(stream)
        elif kind == SETTINGS:
            for name, value in struct.iter_unpack(">HI", payload):
                if name == INITIAL_WINDOW_SIZE:
                    for each in self.windows.keys() - {0}:
                        self.windows[each] += value - self.first_window
                    self.first_window = value


class Attackers(Background):
    """`sources` is the number of their addresses. With `again`, each that was disconnected connects again.
    Without `reads`, they read nothing, and have the smallest receive buffer. `connect` makes a connection of another kind."""

    def __init__(self, port, pieces, count, sources=1, again=False, reads=True, connect=None):
        super().__init__()
        self.port = port
        self.pieces = pieces
        self.count = count
        self.sources = sources
        self.again = again
        self.reads = reads
        self.connect = connect or self._connect
        self.connected = self.finished = self.ended = self.refused = 0  # how many, in all
        self.sent_bytes = 0
        self._open = set()

    def __exit__(self, *_):
        super().__exit__()
        for attacker in self._open:
            attacker.socket.close()

    def __str__(self):
        return (
            f"{self.connected} connected, {self.refused} could not, {self.finished} sent all, {self.ended} were disconnected; "
            f"{self.sent_bytes} bytes were sent"
        )

    def _connect(self, source):
        connection = socket.socket()
        with contextlib.ExitStack() as failed:
            failed.callback(connection.close)
            if not self.reads:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(30)
            connection.bind((source, 0))
            connection.connect(("127.0.0.1", self.port))
            failed.pop_all()
        return connection

    def _add(self, selector, number):
        try:
            attacker = _Attacker(number, self.connect(f"127.0.0.{1 + number % self.sources}"))
        except OSError:
            self.refused += 1
            return
        self.connected += 1
        attacker.socket.setblocking(False)
        self._open.add(attacker)
        selector.register(attacker.socket, selectors.EVENT_WRITE, attacker)

    def _run(self):
        with selectors.DefaultSelector() as selector:
            for number in range(self.count):
                if self._over.is_set():
                    return
                self._add(selector, number)
                self._serve(selector, 0)
            while not self._over.is_set():
                self._serve(selector, 0.1)

    def _serve(self, selector, timeout):
        for key, events in selector.select(timeout):
            if self._over.is_set():
                return
            attacker = key.data
            had_sent_all = attacker.has_sent_all(self.pieces)
            try:
                open_still, sending = self._receive(attacker, events), self._send(attacker)
            except OSError:
                open_still = sending = False
            sent_all = attacker.has_sent_all(self.pieces)
            self.finished += sent_all and not had_sent_all
            self.ended += not open_still
            waits = (selectors.EVENT_READ if self.reads else 0) | (selectors.EVENT_WRITE if sending else 0)
            if open_still and waits:
                selector.modify(attacker.socket, waits, attacker)
                continue
            selector.unregister(attacker.socket)
            if not open_still:
                self._open.discard(attacker)
                attacker.socket.close()
                if self.again:
                    self._add(selector, attacker.number)

    def _receive(self, attacker, events):
        """False once the server has ended the connection."""
        if not events & selectors.EVENT_READ:
            return True
        data = attacker.socket.recv(262_144)
        attacker.receive(data)
        return data != b""

    def _send(self, attacker):
        """Sends what it may. Returns whether more can be sent once the socket takes it."""
        while True:
            if not attacker.unsent:
                while attacker.next < len(self.pieces) and attacker.is_vain(self.pieces[attacker.next]):
                    attacker.next += 1
                if attacker.next == len(self.pieces) or not attacker.may_send(self.pieces[attacker.next]):
                    return False
                attacker.unsent = memoryview(self.pieces[attacker.next])
                attacker.next += 1
            try:
                sent = attacker.socket.send(attacker.unsent)
            except BlockingIOError:
                return True
            self.sent_bytes += sent
            attacker.unsent = attacker.unsent[sent:]
