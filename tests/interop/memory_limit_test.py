"""grpcd in a control group of 256 MiB and of 1 GiB, with the settings of the Kubernetes manifests: no client ends it by what
it has the server hold, and others are served meanwhile.

Attackers use addresses of their own on the loopback interface, and hold their connections while others call. A smaller attack
would prove nothing. So the tests check that each connection was made and came to the server, and that limits of memory alone
turned some away."""

import contextlib
import re
import resource
import socket
import ssl
import unittest
import urllib.request

import certificates
import frames
import harness
from attackers import opened
from bystander import HONEST, echo, is_served
from frames import END_STREAM
from memory import MEBIBYTE, resident_bytes, skip_if_sanitized

STREAMS = range(1, 201, 2)
OPENED = opened()
NO_MESSAGE = b"\0\0\0\0\0"
IDLE_CONNECTIONS = 18_000
DESCRIPTORS = IDLE_CONNECTIONS + 1000


def setUpModule():
    """The servers inherit the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= DESCRIPTORS or soft == resource.RLIM_INFINITY:
        return
    raised = hard if hard == resource.RLIM_INFINITY else max(hard, DESCRIPTORS)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, raised))
    except (OSError, ValueError):
        reason = f"the attackers and the server need {DESCRIPTORS} descriptors each, and ulimit -n allows at most {hard}"
        raise unittest.SkipTest(reason) from None


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


def metric(server, name, labels=""):
    """The sum over all series of a family that have these labels."""
    with urllib.request.urlopen(f"http://{server.admin_addresses[0]}/metrics") as page:
        text = page.read().decode()
    values = re.findall(rf"^{name}(?:{{[^}}]*{re.escape(labels)}[^}}]*}})? (\S+)$", text, re.MULTILINE)
    return int(sum(map(float, values)))


def came(server):
    """The number of connections that were accepted, or refused because the server's memory was used up."""
    refused = metric(server, "ringrpc_server_connections_refused_total", 'limit="total_buffered_bytes"')
    return metric(server, "ringrpc_server_connections_accepted_total") + refused


def kept_away(server):
    """The number of connections that were refused by limits of their number, in all or of an address."""
    return metric(server, "ringrpc_server_connections_refused_total", 'limit="connections')


def turned_away(server):
    """Numbers of connections and calls that the server refused or closed because its memory was used up."""
    return (
        metric(server, "ringrpc_server_connections_refused_total", 'limit="total_buffered_bytes"'),
        metric(server, "ringrpc_server_connections_gave_way_total"),
        metric(server, "ringrpc_server_calls_refused_total", 'limit="total_buffered_bytes"'),
    )


class Crowd:
    """Connections that send `data` and are held. The server may close them."""

    def __init__(self, server, port, count, data, sources=1):
        self.server = server
        self.before = came(server)
        self.count = count
        self.held = []
        self.failure = None
        for n in range(count):
            source = f"127.0.0.{1 + n % sources}"
            try:
                self.held.append(socket.create_connection(("127.0.0.1", port), harness.RUN_SECONDS, (source, 0)))
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    self.held[-1].sendall(data)
            except OSError as failure:
                self.failure = f"attacker {n + 1} of {count} failed: {failure}"
                break
            self.held[-1].setblocking(False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for connection in self.held:
            connection.close()

    def check(self):
        """Waits until all have come to the server. AssertionError if they have not, or if another limit than that of memory
        refused some."""
        if self.failure:
            raise AssertionError(self.failure)
        arrived = lambda: came(self.server) - self.before
        harness.wait_until(lambda: arrived() >= self.count or kept_away(self.server) > 0, pause=0.2)
        if arrived() < self.count or kept_away(self.server) > 0:
            raise AssertionError(
                f"{arrived()} of {self.count} attackers came, and limits of connections refused {kept_away(self.server)}"
            )


def port_of(address):
    return int(address.rpartition(":")[2])


class Pods(unittest.TestCase):
    def attacked(self, count, data, sources=1, flags=(), attacked="127.0.0.1:0"):
        """Attacks the address `attacked`; the others call at one of their own."""
        for limit in harness.POD_SIZES:
            with self.subTest(limit=limit), harness.Server(*flags, listen=("127.0.0.1:0", attacked), pod=limit) as server:
                skip_if_sanitized(server.process)
                ended = lambda: server.process.poll() is not None
                with Crowd(server, port_of(server.addresses[1]), count, data, sources) as attackers:
                    self.assertFalse(ended(), "grpcd has ended")
                    attackers.check()
                    self.assertTrue(harness.wait_until(lambda: ended() or is_served(server.port, HONEST)), "nobody else is served")
                    self.assertFalse(ended(), "grpcd has ended")
                    served = sum(is_served(server.port, HONEST) for _ in range(50))
                    self.assertGreaterEqual(served, 45, "others are hardly served")
                    if limit == min(harness.POD_SIZES):
                        self.assertTrue(any(turned_away(server)), "the attack is too small to use up the memory")

    def test_open_watches(self):
        self.attacked(4000, watches())

    def test_headers_of_calls_that_do_not_go_on(self):
        self.attacked(4000, open_headers(), sources=20)

    def test_idle_connections(self):
        self.attacked(IDLE_CONNECTIONS, OPENED, sources=3)

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
            with Crowd(server, server.port, 1000, watches()) as attackers:
                attackers.check()
                self.assertTrue(harness.wait_until(lambda: turned_away(server)[-1] > 0))
                self.assertTrue(all(is_served(server.port, HONEST) for _ in range(20)), "others are not served")
                grown = resident_bytes(server.process) - before
                self.assertLess(grown, 128 * MEBIBYTE, f"grew by {grown / MEBIBYTE:.0f} MiB")


class Attackers(unittest.TestCase):
    """The checks of attacks can fail."""

    def test_attackers_without_a_connection_are_noticed(self):
        with harness.Server("--admin", "127.0.0.1:0") as server, socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
            closed.close()
            with Crowd(server, port, 10, OPENED) as attackers:
                self.assertRaisesRegex(AssertionError, "attacker 1 of 10 failed", attackers.check)

    def test_attackers_that_limits_of_connections_keep_away_are_noticed(self):
        for flag in ("--max-connections", "--max-connections-per-address"):
            with harness.Server(flag, "5", "--admin", "127.0.0.1:0") as server:
                with Crowd(server, server.port, 10, OPENED) as attackers:
                    self.assertRaisesRegex(AssertionError, "limits of connections refused [1-9]", attackers.check)


if __name__ == "__main__":
    harness.main()
