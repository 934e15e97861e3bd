"""grpcd in a control group of 256 MiB and of 1 GiB, with the settings of the Kubernetes manifests: attacks that have it hold as
much memory as it lets them. It is not killed, uses less than three quarters of its limit, and serves others all the time.

memory_limit_test.py has the attacks that hold open calls and connections. The tests of attacks with the processor run in such
groups as well, with POD_MIB in their environment: see meson.build."""

import functools
import gzip
import http.client
import re
import socket
import ssl
import sys
import unittest
import urllib.request

import certificates
import frames
import harness
from attackers import Attackers, opened
from bystander import HONEST, Bystander, is_served
from frames import END_STREAM, WINDOW_UPDATE
from memory import MEBIBYTE

STREAMS = range(1, 201, 2)
CALLS = 50
NO_WINDOW = (4, 0)
OPEN_WINDOWS = (4, 0x7FFF_FFFF)
SIGN_RSA = frames.request("/crypto.v1.CryptoService/SignRSA")
STREAM_METRICS = "/node.v1.NodeService/StreamMetrics"
LARGEST = frames.message(b"x" * (4 * MEBIBYTE - 100))


def body(stream, data, whole=True):
    """DATA frames."""
    cuts = range(0, len(data), 16_384)
    return [frames.data(stream, data[at : at + 16_384], END_STREAM if whole and at == cuts[-1] else 0) for at in cuts]


def calls(data, fields=frames.ECHO, whole=True, streams=STREAMS):
    """A call on each stream with this body."""
    return [piece for stream in streams for piece in (frames.headers(stream, fields), *body(stream, data, whole))]


def metric(server, name):
    with urllib.request.urlopen(f"http://{server.admin_addresses[0]}/metrics", timeout=harness.RUN_SECONDS) as page:
        found = re.search(rf"^{name} (\d+)", page.read().decode(), re.MULTILINE)
    return int(found[1])


def total_is_used_up(server, _):
    """True once a hundred calls or connections have been refused, or have given way, because of the total."""
    names = (
        r'ringrpc_server_calls_refused_total\{limit="total_buffered_bytes"\}',
        r'ringrpc_server_connections_refused_total\{limit="total_buffered_bytes"\}',
        "ringrpc_server_connections_gave_way_total",
    )
    return sum(metric(server, name) for name in names) >= 100


def all_is_sent(_, attackers):
    return attackers.finished + attackers.ended + attackers.refused >= attackers.count and attackers.finished > 0


def every_one_was_disconnected(_, attackers):
    return attackers.ended >= 2 * attackers.count


def most_have_connected(_, attackers):
    come = attackers.connected + attackers.refused >= attackers.count
    return come and attackers.connected >= attackers.count * 3 // 4


def all_came(_, attackers):
    return attackers.connected >= attackers.count and attackers.sent_bytes > 0


class Pods(unittest.TestCase):
    def attacked(self, pieces, count, took_place, flags=(), listen=("127.0.0.1:0",), **options):
        """`count` is the number of attackers of a pod of 256 MiB; one of 1 GiB has as many for each 256 MiB."""
        for limit in harness.POD_SIZES:
            with self.subTest(limit=limit), harness.Server(*flags, listen=listen, pod=limit) as server:
                attackers = Attackers(self.attacked_port(server), pieces, count * limit // harness.POD_SIZES[0], **options)
                self.attack(server, attackers, took_place)

    def attacked_port(self, server):
        return server.port

    def is_served(self, server):
        return is_served(server.port, HONEST)

    def attack(self, server, attackers, took_place):
        ended = lambda: server.process.poll() is not None
        with attackers, Bystander(server.port, HONEST) as others:
            happened = harness.wait_until(lambda: ended() or took_place(server, attackers))
            self.assertFalse(ended(), "grpcd has ended")
            self.assertTrue(happened, f"the attack did not take place: {attackers}")
            served = sum(self.is_served(server) for _ in range(CALLS))
            self.assertFalse(ended(), "grpcd has ended")
        print(f"{attackers}; of others {others.answered + served} calls succeeded", file=sys.stderr)
        self.assertEqual((served, others.failed), (CALLS, 0), "others were not served")
        self.assertGreater(others.answered, 0)


class HeldMemory(Pods):
    def test_unfinished_requests(self):
        self.attacked([opened(), *calls(LARGEST[:250_000], whole=False)], 20, total_is_used_up, sources=3)

    def test_messages_of_the_largest_size(self):
        self.attacked([opened(), *calls(LARGEST[:-1], whole=False)], 20, total_is_used_up, sources=3)

    def test_responses_that_get_no_window(self):
        self.attacked([opened(NO_WINDOW), *calls(frames.message(b"x" * 250_000))], 20, total_is_used_up, sources=3)

    def test_responses_that_are_not_read(self):
        """The windows are open, so the system holds the responses: as many as a socket takes, or a quarter of that."""
        symbol = b"test.v1.Unknown"
        request = frames.message(b"\x22" + bytes([len(symbol)]) + symbol)
        stream = frames.headers(1, frames.request("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"))
        beginning = opened(OPEN_WINDOWS) + frames.frame(WINDOW_UPDATE, 0, 0, bytes([0x7F, 0, 0, 0])) + stream
        for requests, count in (1500, 800), (300, 4000):
            pieces = [beginning, *body(1, request * requests, whole=False)]
            self.attacked(pieces, count, total_is_used_up, sources=3, reads=False)

    def test_large_headers(self):
        fields = frames.request(STREAM_METRICS, *[(f"x-{n}", "y" * 120) for n in range(40)])
        self.attacked([opened(), *[frames.headers(n, fields) for n in STREAMS]], 400, total_is_used_up, sources=3)

    def test_headers_of_plain_http(self):
        fields = frames.block(
            [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "localhost")]
            + [(f"x-{n}", "y" * 120) for n in range(40)]
        )
        self.attacked([opened(NO_WINDOW), *[frames.headers(n, fields) for n in STREAMS]], 400, all_is_sent, sources=3)

    def test_header_blocks_that_do_not_end(self):
        block = frames.ECHO + frames.block([("x", "y" * 60_000)])
        cuts = [block[at : at + 16_384] for at in (0, 16_384, 32_768)]
        parts = [frames.frame(frames.CONTINUATION, 0, 1, cut) for cut in cuts[1:]]
        self.attacked([opened(), frames.headers(1, cuts[0], 0), *parts], 4500, total_is_used_up, sources=3)

    def test_header_blocks_of_many_fields_that_do_not_end(self):
        fields = frames.ECHO + b"\0\1x\1y" * 90
        self.attacked([opened(), frames.headers(1, fields, 0)], 4500, total_is_used_up, sources=3)

    def test_frames_that_do_not_end(self):
        self.attacked([opened(), frames.frame(frames.GOAWAY, 0, 0, bytes(16_384))[:-1]], 4500, total_is_used_up, sources=3)

    def test_header_bombs(self):
        entry = b"\40\1x" + b"\x7f\xa1\x1e" + b"v" * 4000
        bomb = frames.headers(1, frames.ECHO + entry, 0) + frames.frame(frames.CONTINUATION, 4, 1, b"\xbe" * 16_000)
        self.attacked([opened(), bomb], 400, every_one_was_disconnected, sources=3, again=True)

    def test_requests_that_grow_when_they_are_parsed(self):
        unknown = b"\x7a\0" * 125_000  # field 15 of no message of grpcd's
        request = len(unknown).to_bytes(5) + unknown
        sent = lambda _, attackers: attackers.finished > 0
        self.attacked([opened(), *calls(request, SIGN_RSA)], 20, sent, sources=3)

    def test_requests_that_grow_when_they_are_decompressed(self):
        packed = gzip.compress(LARGEST[5:])
        request = b"\1" + len(packed).to_bytes(4) + packed
        for path in ("/echo.v1.EchoService/Echo", "/crypto.v1.CryptoService/SignRSA"):
            fields = frames.request(path, ("grpc-encoding", "gzip"))
            self.attacked([opened(NO_WINDOW), *calls(request, fields)], 100, all_is_sent, sources=3)

    def test_signatures(self):
        request = frames.message(b"x" * 60_000)
        self.attacked([opened(), *calls(request, SIGN_RSA)], 40, all_is_sent, sources=3)

    def test_control_frames_that_wait(self):
        self.attacked([opened(), frames.settings() * 900], 4500, all_is_sent, sources=3, reads=False)

    def test_rapid_reset(self):
        resets = b"".join(frames.headers(1 + 2 * n) + frames.reset(1 + 2 * n) for n in range(2000))
        self.attacked([opened(), resets], 40, every_one_was_disconnected, sources=3, again=True)


def connected_with_tls(context, port, source):
    """A connection that has made its handshake and opened HTTP/2. What it would need to go on is dropped, for thousands of
    these take much memory."""
    connection = socket.create_connection(("127.0.0.1", port), 30, (source, 0))
    arriving, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(arriving, leaving, server_hostname="localhost")
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            connection.sendall(leaving.read())
            data = connection.recv(65536)
            if not data:
                connection.close()
                raise ConnectionResetError from None
            arriving.write(data)
    tls.write(opened())
    connection.sendall(leaving.read())
    return connection


class IdleWithTls(Pods):
    """The attackers' address has TLS, that of the others has not."""

    def attacked_port(self, server):
        return int(server.addresses[1].rpartition(":")[2])

    def test_idle_connections_with_tls(self):
        with certificates.Folder() as made:
            server = made.issue("server", "DNS:localhost")
            context = ssl.create_default_context(cafile=made.ca)
            context.set_alpn_protocols(["h2"])
            for limit in harness.POD_SIZES:
                flags = ("--tls-cert", server.certificate, "--tls-key", server.key)
                listen = ("127.0.0.1:0", "tls+127.0.0.1:0")
                with self.subTest(limit=limit), harness.Server(*flags, listen=listen, pod=limit) as pod:
                    connect = functools.partial(connected_with_tls, context, self.attacked_port(pod))
                    count = 4500 * limit // harness.POD_SIZES[0]
                    self.attack(pod, Attackers(0, [], count, sources=3, connect=connect), most_have_connected)


class AdminPages(Pods):
    """The attackers connect to the admin pages. A probe of others is served as well as their calls."""

    def attacked_port(self, server):
        return int(server.admin_addresses[0].rpartition(":")[2])

    def is_served(self, server):
        page = http.client.HTTPConnection(
            "127.0.0.1", self.attacked_port(server), timeout=harness.RUN_SECONDS, source_address=(HONEST, 0)
        )
        try:
            page.request("GET", "/healthz")
            return page.getresponse().read() == b"ok\n" and super().is_served(server)
        except (OSError, http.client.HTTPException):
            return False
        finally:
            page.close()

    def test_slow_heads(self):
        head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 15_000
        self.attacked([head], 500, all_came, sources=3, again=True)

    def test_pipelines_whose_responses_nobody_reads(self):
        requests = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2000
        self.attacked([requests], 500, all_came, sources=3, reads=False)

    def test_pages_that_get_no_window(self):
        fields = frames.block([(":method", "GET"), (":scheme", "http"), (":path", "/metrics"), (":authority", "localhost")])
        requests = b"".join(frames.headers(n, fields, frames.END_HEADERS | END_STREAM) for n in range(1, 33, 2))
        self.attacked([opened(NO_WINDOW) + requests], 500, all_came, sources=3)


if __name__ == "__main__":
    harness.main()
