"""grpcd in a control group of 256 MiB and of 1 GiB, with the settings of the Kubernetes manifests: no client ends it by what
it has the server hold, and others are served meanwhile.

Each attacker uses its own address on the loopback interface, and holds its connections while others call."""

import contextlib
import pathlib
import re
import socket
import ssl
import sys
import unittest
import urllib.request

import certificates
import frames
import harness
from bystander import echo
from control_group import ControlGroup
from frames import ACK, END_STREAM, PREFACE, SETTINGS
from memory import MEBIBYTE, resident_bytes, skip_if_sanitized

SETTINGS_OF_PODS = pathlib.Path(__file__).resolve().parents[2] / "docs/deploy/kubernetes/grpcd.toml"
POD_SIZES = (256 * MEBIBYTE, 1024 * MEBIBYTE)
HONEST = "127.0.0.200"
STREAMS = range(1, 201, 2)
OPENED = PREFACE + frames.settings() + frames.frame(SETTINGS, ACK)
NO_MESSAGE = b"\0\0\0\0\0"


def watches():
    """A hundred health watches."""
    fields = frames.request("/grpc.health.v1.Health/Watch")
    return OPENED + b"".join(frames.headers(n, fields) + frames.data(n, NO_MESSAGE, END_STREAM) for n in STREAMS)


def open_headers():
    """The headers of a hundred requests that do not go on."""
    fields = frames.request("/node.v1.NodeService/StreamMetrics")
    return OPENED + b"".join(frames.headers(n, fields) for n in STREAMS)


def remembered_fields():
    """A request whose fields fill HPACK's table, and four that the server remembers."""
    entries = b"".join(b"\x40\1" + bytes([97 + n % 26]) + b"\1" + bytes([33 + n]) for n in range(88))
    data = OPENED + frames.headers(1, frames.ECHO + entries) + frames.reset(1)
    for stream in (3, 5, 7, 9):
        block = frames.ECHO + b"\x0f\x2f\0" * 88 + frames.block([("x", str(stream))])
        data += frames.headers(stream, block) + frames.reset(stream)
    return data


def client_hello():
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2"])
    arriving, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(arriving, leaving, server_hostname="localhost").do_handshake()
    return leaving.read()


def crowd(port, count, data, sources):
    """Connections that send `data` and are held. The server may close them."""
    held = []
    for n in range(count):
        source = f"127.0.0.{1 + n % sources}"
        with contextlib.suppress(OSError):
            held.append(socket.create_connection(("127.0.0.1", port), 30, (source, 0)))
            held[-1].sendall(data)
            held[-1].setblocking(False)
    return held


def is_served(port):
    try:
        return echo(port, source=HONEST)
    except OSError:
        return False


def port_of(address):
    return int(address.rpartition(":")[2])


def refused_calls(server):
    with urllib.request.urlopen(f"http://{server.admin_addresses[0]}/metrics") as page:
        text = page.read().decode()
    name = r'ringrpc_server_calls_refused_total\{limit="total_buffered_bytes"\}'
    return int(re.search(rf"^{name} (\d+)", text, re.MULTILINE)[1])


class LimitedServer(harness.Server):
    """A grpcd in a control group."""

    def __init__(self, group, *flags, **options):
        super().__init__(*flags, **options)
        self.group = group

    def _limit(self):
        super()._limit()
        self.group.join()


class Pods(unittest.TestCase):
    @contextlib.contextmanager
    def pod(self, limit, *flags, listen):
        with ControlGroup(limit) as group:
            flags = ("--config", str(SETTINGS_OF_PODS), "--admin", "127.0.0.1:0", "--log-format", "text", *flags)
            with LimitedServer(group, *flags, listen=listen) as server:
                skip_if_sanitized(server.process)
                yield server
                self.assertIsNone(server.process.poll(), "grpcd has ended")
            self.assertEqual(group.kills(), 0)
            print(f"{limit // MEBIBYTE} MiB: held {group.peak_bytes() // MEBIBYTE} MiB at most", file=sys.stderr)
            self.assertLess(group.peak_bytes(), limit * 3 // 4, "more than docs/deploy/kubernetes/README.md says")

    def attacked(self, count, data, sources=1, flags=(), attacked="127.0.0.1:0"):
        """Attacks the address `attacked`; the others call at one of their own."""
        for limit in POD_SIZES:
            with self.subTest(limit=limit), self.pod(limit, *flags, listen=("127.0.0.1:0", attacked)) as server:
                held = crowd(port_of(server.addresses[1]), count, data, sources)
                try:
                    ended = lambda: server.process.poll() is not None
                    self.assertTrue(harness.wait_until(lambda: ended() or is_served(server.port)), "nobody else is served")
                    self.assertFalse(ended(), "grpcd has ended")
                    served = sum(is_served(server.port) for _ in range(50))
                    self.assertGreaterEqual(served, 45, "others are hardly served")
                finally:
                    for connection in held:
                        connection.close()

    def test_open_watches(self):
        self.attacked(4000, watches())

    def test_headers_of_calls_that_do_not_go_on(self):
        self.attacked(4000, open_headers(), sources=20)

    def test_idle_connections(self):
        self.attacked(18_000, OPENED, sources=3)

    def test_fields_that_are_remembered(self):
        self.attacked(8000, remembered_fields(), sources=3)

    def test_tls_hellos(self):
        with certificates.Folder() as made:
            server = made.issue("server", "DNS:localhost")
            flags = ("--tls-cert", server.certificate, "--tls-key", server.key, "--handshake-timeout", "1h")
            self.attacked(6000, client_hello(), flags=flags, attacked="tls+127.0.0.1:0")


class Total(unittest.TestCase):
    def test_open_calls_beyond_the_total_are_refused(self):
        with harness.Server("--max-total-buffered-size", "64M", "--admin", "127.0.0.1:0") as server:
            skip_if_sanitized(server.process)
            self.assertTrue(echo(server.port))
            before = resident_bytes(server.process)
            held = crowd(server.port, 1000, watches(), sources=1)
            try:
                self.assertTrue(harness.wait_until(lambda: refused_calls(server) > 0))
                self.assertTrue(all(is_served(server.port) for _ in range(20)), "others are not served")
                grown = resident_bytes(server.process) - before
                self.assertLess(grown, 128 * MEBIBYTE, f"grew by {grown / MEBIBYTE:.0f} MiB")
            finally:
                for connection in held:
                    connection.close()


if __name__ == "__main__":
    harness.main()
