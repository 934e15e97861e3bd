"""The admin pages of grpcd: curl, nghttp, h2load, h2spec and Python's http.client read them, and clients that misbehave
harm neither them nor the calls."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import unittest

import frames
import harness
import tools
from bystander import Bystander
from frames import Client

PAGES = ["/", "/healthz", "/readyz", "/metrics", "/debug/shards", "/debug/calls"]
OPEN_CALLS = 3
H2SPEC_SECONDS = 600


def connect(address):
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=harness.RUN_SECONDS)


def receive_all(connection):
    """Everything up to the end of the connection."""
    with connection.makefile("rb") as file:
        return file.read()


class Pages(harness.ServerCase):
    @classmethod
    def setUpClass(cls):
        # The suites run this file twice at once, and the namespace of abstract sockets is the machine's.
        cls.abstract_socket = f"ringrpc-admin-interop-{os.getpid()}"
        cls.flags = ("--admin", "127.0.0.1:0", "--admin", "unix-abstract:" + cls.abstract_socket, "--admin-host", "web1")
        super().setUpClass()
        cls.admin = cls.server.admin_addresses[0]

    def setUp(self):
        self.client = http.client.HTTPConnection(self.admin, timeout=harness.RUN_SECONDS)
        self.addCleanup(self.client.close)

    def get(self, path, method="GET"):
        self.client.request(method, path)
        response = self.client.getresponse()
        return response.status, response.read()

    def curl(self, *arguments, protocol="--http1.1"):
        command = ["curl", protocol, "--silent", "--show-error", "--max-time", str(harness.RUN_SECONDS), *arguments]
        done = harness.run(command)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_all_pages_come_over_one_connection(self):
        self.client.connect()
        port = self.client.sock.getsockname()
        for path in PAGES:
            for method in ("GET", "HEAD", "GET"):
                status, body = self.get(path, method)
                self.assertEqual(status, 200)
                self.assertEqual(bool(body), method == "GET")
        self.assertEqual(self.client.sock.getsockname(), port)

    def test_refusals_keep_the_connection(self):
        self.assertEqual(self.get("/absent")[0], 404)
        self.assertEqual(self.get("/healthz", "POST")[0], 405)
        self.assertEqual(self.get("/healthz")[0], 200)

    def test_other_sites_cannot_read_the_pages(self):
        for host, status in ("attacker.example", 421), ("web1", 200), ("10.0.0.7:9901", 200):
            self.client.request("GET", "/healthz", headers={"Host": host})
            response = self.client.getresponse()
            self.assertEqual((host, response.status), (host, status))
            self.assertEqual(b"--admin-host" in response.read(), status == 421)
        self.assertTrue(self.server.says('for the host "attacker.example" was refused'))

    def test_the_index_links_to_the_pages(self):
        _, index = self.get("/")
        for path in PAGES[1:]:
            self.assertIn(f'<a href="{path}">'.encode(), index)

    @unittest.skipUnless(shutil.which("curl"), "curl is not installed")
    def test_curl(self):
        url = f"http://{self.admin}"
        report = ["--write-out", "%{http_code} %{num_connects}\n"]
        out = self.curl(*report, f"{url}/healthz", "--next", "--silent", *report, f"{url}/readyz")
        self.assertEqual(out, "ok\n200 1\nready\n200 0\n")
        self.assertIn("content-length: 3\n", self.curl("--head", f"{url}/healthz").replace("\r", ""))
        self.assertEqual(
            self.curl("--abstract-unix-socket", self.abstract_socket, "http://localhost/healthz"), "ok\n"
        )

    @unittest.skipUnless(shutil.which("curl"), "curl is not installed")
    def test_curl_gets_the_same_over_http2(self):
        for path in ("/", "/healthz", "/readyz", "/absent"):
            report = ["--write-out", "%{http_code} %{content_type}", f"http://{self.admin}{path}"]
            over_2 = self.curl(*report, protocol="--http2-prior-knowledge")
            self.assertEqual(over_2, self.curl(*report))
        head = self.curl("--head", f"http://{self.admin}/healthz", protocol="--http2-prior-knowledge")
        self.assertTrue(head.startswith("HTTP/2 200"), head)
        self.assertIn("content-length: 3\n", head.replace("\r", ""))
        upgraded = self.curl("--head", f"http://{self.admin}/healthz", protocol="--http2")
        self.assertTrue(upgraded.startswith("HTTP/1.1 200"), upgraded)

    @unittest.skipUnless(shutil.which("h2load"), "h2load is not installed")
    def test_h2load(self):
        for flags in (["-m", "16"], ["-m", "16", "-w", "10", "-W", "12"], ["--h1"]):
            done = harness.run(["h2load", "-n", "800", "-c", "8", *flags, f"http://{self.admin}/metrics"])
            self.assertIn("800 succeeded, 0 failed, 0 errored", done.stdout)

    @unittest.skipUnless(shutil.which("nghttp"), "nghttp is not installed")
    def test_nghttp(self):
        done = harness.run(["nghttp", f"http://{self.admin}/healthz"])
        self.assertEqual((done.returncode, done.stdout), (0, "ok\n"))

    def test_h2spec(self):
        h2spec = tools.path("h2spec")
        command = [h2spec, "-S", "-h", "127.0.0.1", "-p", self.admin.rpartition(":")[2], "-o", "50"]
        output = harness.run(command, timeout=H2SPEC_SECONDS).stdout
        # Input that does not begin as HTTP/2 does is a request of HTTP/1.1, and gets its 400.
        failed = output.partition("Failures:")[2]
        self.assertIn("2: Sends invalid connection preface", failed)
        self.assertIn("146 tests, 145 passed, 0 skipped, 1 failed", failed)

    def test_a_pipeline(self):
        with connect(self.admin) as connection:
            requests = [f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n" for _ in range(100) for path in PAGES]
            requests.append("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            connection.sendall("".join(requests).encode())
            received = receive_all(connection)
        self.assertEqual(received.count(b"HTTP/1.1 200 OK\r\n"), 100 * len(PAGES) + 1)
        self.assertTrue(received.endswith(b"\r\n\r\nok\n"))

    def test_calls_in_flight_are_listed(self):
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Client(self.server.port)) for _ in range(OPEN_CALLS)]
            for client in clients:
                client.open()
                client.send(frames.headers(1))  # a request that does not end

            def calls():
                return json.loads(self.get("/debug/calls")[1])

            self.assertTrue(harness.wait_until(lambda: calls()["calls_in_flight"] == OPEN_CALLS))
            listed = calls()["oldest"]
            self.assertEqual(len(listed), OPEN_CALLS)
            for call in listed:
                self.assertEqual(call["method"], "/echo.v1.EchoService/Echo")
                self.assertRegex(call["peer"], r"^127\.0\.0\.1:\d+$")
                self.assertGreaterEqual(call["age_s"], 0)
                self.assertIsNone(call["deadline_in_s"])
                self.assertEqual(call["state"], "receiving")
            shards = json.loads(self.get("/debug/shards")[1])["shards"]
            self.assertEqual([shard["shard"] for shard in shards], [0, 1])
            self.assertGreaterEqual(sum(shard["connections_open"] for shard in shards), OPEN_CALLS)

    def test_garbage_gets_400_while_calls_go_on(self):
        with Bystander(self.server.port) as bystander:
            for _ in range(20):
                for garbage in (
                    b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(range(32)),
                    b"GET /healthz HTTP/1.1\nHost: localhost\n\n",
                    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n folded\r\n\r\n",
                    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
                    b"\0" * 100_000,
                ):
                    with connect(self.admin) as connection:
                        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                            connection.sendall(garbage)
                            self.assertTrue(receive_all(connection).startswith(b"HTTP/1.1 400 Bad Request\r\n"))
        self.assertEqual(bystander.failed, 0)
        self.assertGreater(bystander.answered, 0)
        self.assertEqual(self.get("/healthz"), (200, b"ok\n"))

    def test_a_thousand_idle_connections_harm_neither_pages_nor_calls(self):
        with Bystander(self.server.port) as bystander, contextlib.ExitStack() as stack:
            for _ in range(1000):
                stack.enter_context(connect(self.admin))
            self.assertEqual(self.get("/healthz"), (200, b"ok\n"))
        self.assertEqual(bystander.failed, 0)

    def test_many_readers_of_the_calls_do_not_harm_calls(self):
        request = b"GET /debug/calls HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with Bystander(self.server.port) as bystander, contextlib.ExitStack() as stack:
            connections = [stack.enter_context(connect(self.admin)) for _ in range(30)]
            for connection in connections:
                connection.sendall(request * 50)
                connection.shutdown(socket.SHUT_WR)
            for connection in connections:
                self.assertEqual(receive_all(connection).count(b"HTTP/1.1 200 OK\r\n"), 50)
        self.assertEqual(bystander.failed, 0)


class Drain(unittest.TestCase):
    def test_readyz_is_503_during_the_drain(self):
        with harness.Server("--admin", "127.0.0.1:0", "--drain-timeout", "1h") as server:
            admin = http.client.HTTPConnection(server.admin_addresses[0], timeout=harness.RUN_SECONDS)

            def ready():
                admin.request("GET", "/readyz")
                response = admin.getresponse()
                return response.status, response.read()

            self.assertEqual(ready(), (200, b"ready\n"))
            with Client(server.port) as client:
                client.open()
                client.send(frames.headers(1))  # a request that does not end
                self.assertTrue(harness.wait_until(lambda: self._calls(admin) == 1))
                server.process.send_signal(signal.SIGTERM)
                self.assertTrue(harness.wait_until(lambda: ready() == (503, b"the server is draining\n")))
                admin.request("GET", "/healthz")
                self.assertEqual(admin.getresponse().read(), b"ok\n")
            # Leaving the `with` would send the second signal of a drain that has not ended.
            self.assertEqual(server.process.wait(harness.STOP_SECONDS), 0)
            admin.close()

    def _calls(self, admin):
        admin.request("GET", "/debug/calls")
        return json.loads(admin.getresponse().read())["calls_in_flight"]


if __name__ == "__main__":
    harness.main()
