"""A flood of calls whose JSON Web Tokens have forged signatures.

    with TokenFlood(server.port, token) as flood:  # 100 connections from one address, with 100 calls each at a time
        ...
    flood.ended                                     # the calls that have ended, whatever their status

Each call has a token of its own: header and claims are those of `token`, and the signature is random. A call that has ended
is followed by another.
"""

import base64
import os
import selectors

import frames
from background import Background

CONNECTIONS = 100
CALLS = 100
BODY = frames.message(b"x")


class _Connection:
    def __init__(self, port):
        self.client = frames.Client(port)
        self.client.open()
        self.client.socket.setblocking(False)
        self.next_stream = 1
        self.unsent = bytearray()
        self.received = bytearray()

    def call(self, fields):
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        self.unsent += frames.headers(stream, fields) + frames.data(stream, BODY, frames.END_STREAM)

    def send(self):
        try:
            del self.unsent[: self.client.socket.send(self.unsent)]
        except BlockingIOError:
            pass

    def receive(self):
        """The number of calls that have ended."""
        self.received += self.client.socket.recv(262144)
        return sum(
            each.type == frames.HEADERS and each.flags & frames.END_STREAM for each in frames.take_frames(self.received)
        )


class TokenFlood(Background):
    def __init__(self, port, token):
        super().__init__()
        self.port = port
        self.ended = 0
        self._signed, _, signature = token.rpartition(".")
        self._signature_bytes = len(signature) * 3 // 4

    def __enter__(self):
        self._connections = [_Connection(self.port) for _ in range(CONNECTIONS)]
        return super().__enter__()

    def __exit__(self, *_):
        super().__exit__()
        for connection in self._connections:
            connection.client.socket.close()

    def _request(self):
        # A first byte of 0 keeps the number below the modulus of RSA and the order of the curve.
        signature = base64.urlsafe_b64encode(b"\0" + os.urandom(self._signature_bytes - 1)).rstrip(b"=").decode()
        return frames.ECHO + frames.block([("authorization", f"Bearer {self._signed}.{signature}")])

    def _run(self):
        with selectors.DefaultSelector() as selector:
            for connection in self._connections:
                for _ in range(CALLS):
                    connection.call(self._request())
                selector.register(connection.client.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, connection)
            while not self._over.is_set():
                for key, events in selector.select(timeout=0.1):
                    self._serve(selector, key.data, events)

    def _serve(self, selector, connection, events):
        if events & selectors.EVENT_READ:
            ended = connection.receive()
            self.ended += ended
            for _ in range(ended):
                connection.call(self._request())
        if connection.unsent:
            connection.send()
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.unsent else 0)
        selector.modify(connection.client.socket, wanted, connection)
