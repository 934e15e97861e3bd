"""HTTP/2 frames made by hand, and a client on a plain socket that can send any bytes.

    with frames.Client(port) as client:
        client.open()
        client.send(frames.headers(1, frames.ECHO) + frames.data(1, frames.message(b"..."), END_STREAM))
        client.read_until(lambda frame: frame.type == frames.HEADERS and frame.flags & frames.END_STREAM)

Header blocks are literals without indexing (RFC 7541, section 6.2.2), so they need no state. Received header blocks are not
decoded.
"""

import dataclasses
import socket
import struct

import harness

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 0x1
END_HEADERS = 0x4
CANCEL, ENHANCE_YOUR_CALM = 0x8, 0xB

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def text(value):
    """A string of a header block (RFC 7541, section 5.2)."""
    size, rest = b"", len(value) - 127
    if rest < 0:
        return bytes([len(value)]) + value.encode()
    while rest >= 128:
        size, rest = size + bytes([rest & 0x7F | 0x80]), rest >> 7
    return b"\x7f" + size + bytes([rest]) + value.encode()


def block(fields):
    return b"".join(b"\0" + text(name) + text(value) for name, value in fields)


def request(path, *more):
    return block(
        [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "localhost"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            *more,
        ]
    )


ECHO = request("/echo.v1.EchoService/Echo")


def headers(stream, fields=ECHO, flags=END_HEADERS):
    return frame(HEADERS, flags, stream, fields)


def data(stream, body, flags=0):
    return frame(DATA, flags, stream, body)


def reset(stream, code=CANCEL):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def ping(opaque=0):
    return frame(PING, 0, 0, struct.pack(">Q", opaque))


def settings(*entries):
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *entry) for entry in entries))


def window_update(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def message(payload):
    """An EchoRequest with this payload, with gRPC's prefix."""
    size, rest = b"", len(payload)
    while rest >= 128:
        size, rest = size + bytes([rest & 0x7F | 0x80]), rest >> 7
    size += bytes([rest])
    encoded = b"\x0a" + size + payload
    return struct.pack(">BI", 0, len(encoded)) + encoded


@dataclasses.dataclass
class Frame:
    type: int
    flags: int
    stream: int
    payload: bytes

    def code(self):
        """The error code of an RST_STREAM or a GOAWAY."""
        return struct.unpack(">I", self.payload[4:8] if self.type == GOAWAY else self.payload[:4])[0]


def take_frames(received):
    """Takes the frames that are whole off the front of a bytearray."""
    taken = []
    at = 0
    while len(received) - at >= 9 and len(received) - at >= (size := 9 + int.from_bytes(received[at : at + 3])):
        kind, flags, stream = struct.unpack_from(">BBI", received, at + 3)
        taken.append(Frame(kind, flags, stream, received[at + 9 : at + size]))
        at += size
    del received[:at]
    return taken


class Connection:
    """Either end of a connection, on its socket."""

    def __init__(self, connection):
        self.socket = connection
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def try_send(self, data):
        """Sends; False if the server has ended the connection."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def is_over(self):
        """True if the server has ended the connection. Drops everything that it sent before."""
        try:
            while data := self.socket.recv(65536, socket.MSG_DONTWAIT):
                pass
            return data == b""
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True

    def send_until_stuck(self, data, seconds):
        """Sends without reading, until sending blocks for `seconds`. Returns the number of bytes sent, and whether the
        connection is still open."""
        self.socket.settimeout(seconds)
        taken = 0
        try:
            while taken < len(data):
                taken += self.socket.send(data[taken : taken + 65536])
        except TimeoutError:
            return taken, True
        except (BrokenPipeError, ConnectionResetError):
            return taken, False
        return taken, True

    def next_frame(self):
        """The next frame; None if the connection has ended."""
        while len(self.received) < 9 or len(self.received) < 9 + int.from_bytes(self.received[:3]):
            try:
                data = self.socket.recv(262144)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self.received += data
        size = 9 + int.from_bytes(self.received[:3])
        kind, flags, stream = struct.unpack(">BBI", self.received[3:9])
        found = Frame(kind, flags, stream, self.received[9:size])
        self.received = self.received[size:]
        return found

    def read_until(self, wanted):
        """The first frame for which `wanted` is true; None if the connection ends before it. Drops all frames before it."""
        while (found := self.next_frame()) and not wanted(found):
            pass
        return found

    def goaway(self):
        """The error code of the GOAWAY that ends the connection; None if it ends without one."""
        found = self.read_until(lambda each: each.type == GOAWAY)
        return found.code() if found else None


class Client(Connection):
    def __init__(self, port, timeout=harness.RUN_SECONDS, source="127.0.0.1"):
        super().__init__(socket.create_connection(("127.0.0.1", port), timeout=timeout, source_address=(source, 0)))

    def open(self, *entries, acknowledge=True):
        self.send(PREFACE + settings(*entries) + (frame(SETTINGS, ACK) if acknowledge else b""))
