"""Calls of grpcd by well-behaved clients, during attacks and other load."""

import frames
from background import Background
from frames import Client

HONEST = "127.0.0.200"  # an address of no attacker


def echo(port, payload=b"still here", source="127.0.0.1"):
    """Makes a call on a new connection. Returns whether the response has the payload."""
    with Client(port, source=source) as client:
        client.open()
        client.send(frames.headers(1) + frames.data(1, frames.message(payload), frames.END_STREAM))
        body = b""
        while found := client.next_frame():
            if found.type == frames.DATA:
                body += found.payload
            if found.stream == 1 and found.flags & frames.END_STREAM and found.type == frames.HEADERS:
                return payload in body
    return False


def is_served(port, source="127.0.0.1"):
    try:
        return echo(port, source=source)
    except OSError:
        return False


class Bystander(Background):
    """Makes calls all the time while it is in scope; `answered` counts those that succeeded."""

    def __init__(self, port, source="127.0.0.1"):
        super().__init__()
        self.port = port
        self.source = source
        self.answered = self.failed = 0

    def _run(self):
        while True:
            if is_served(self.port, self.source):
                self.answered += 1
            else:
                self.failed += 1
            if self._over.wait(0.01):
                return
