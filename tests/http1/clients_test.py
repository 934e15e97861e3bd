"""Other people's clients of HTTP/1.1 speak to http1::Session: curl, and Python's http.client."""

import http.client
import os
import shutil
import socket
import subprocess
import sys
import unittest

SERVER = os.environ["HTTP1_SERVER"]
LARGE = b"0123456\n" * 1_000_000
CHUNKED = b"x" * 8_000_000
TIMEOUT_S = 120


class Served(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = subprocess.Popen([SERVER], stdout=subprocess.PIPE)
        cls.port = int(cls.server.stdout.readline())
        cls.url = f"http://127.0.0.1:{cls.port}"

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()
        cls.server.wait()
        cls.server.stdout.close()


@unittest.skipUnless(shutil.which("curl"), "curl is not installed")
class Curl(Served):
    def curl(self, *arguments, **more):
        command = ["curl", "--http1.1", "--silent", "--show-error", "--max-time", str(TIMEOUT_S), *arguments]
        done = subprocess.run(command, capture_output=True, check=False, **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_two_requests_take_one_connection(self):
        report = ["--write-out", "%{num_connects}\n"]
        out = self.curl(*report, f"{self.url}/head?a=b", "--next", "--silent", *report, f"{self.url}/head")
        self.assertEqual(out, b"GET a=b 3\n1\nGET  3\n0\n")

    def test_a_connection_is_closed_when_asked_for(self):
        out = self.curl("--include", "--header", "Connection: close", f"{self.url}/head")
        self.assertIn(b"connection: close\r\n", out)

    def test_a_head_has_the_length_of_its_page(self):
        out = self.curl("--head", f"{self.url}/large")
        self.assertIn(b"content-length: 8000000\r\n", out)
        self.assertTrue(out.endswith(b"\r\n\r\n"))

    def test_large_pages_arrive_whole(self):
        self.assertEqual(self.curl(f"{self.url}/large"), LARGE)
        self.assertEqual(self.curl(f"{self.url}/chunked"), CHUNKED)

    def test_a_client_of_http_1_0_gets_a_page_without_chunks(self):
        self.assertEqual(self.curl("--http1.0", f"{self.url}/chunked"), CHUNKED)

    def test_a_body_of_known_length(self):
        self.assertEqual(self.curl("--data-binary", "@-", f"{self.url}/echo", input=LARGE), LARGE)

    def test_a_chunked_body_after_100_continue(self):
        upload = ["--header", "Transfer-Encoding: chunked", "--header", "Expect: 100-continue"]
        out = self.curl("--verbose", *upload, "--upload-file", "-", f"{self.url}/echo", input=CHUNKED)
        self.assertEqual(out, CHUNKED)

    def test_a_request_target_that_is_too_long(self):
        out = self.curl("--include", f"{self.url}/{'a' * 9000}")
        self.assertTrue(out.startswith(b"HTTP/1.1 414 URI Too Long\r\n"), out)

    def test_a_proxys_request(self):
        self.assertEqual(self.curl("--proxy", self.url, "http://example.org/head?a"), b"GET a 4\n")


class HttpClient(Served):
    def setUp(self):
        self.client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        self.addCleanup(self.client.close)

    def ask(self, method, path, body=None, headers=None, **more):
        self.client.request(method, path, body, headers or {}, **more)
        response = self.client.getresponse()
        return response.status, response.read()

    def test_requests_on_one_connection(self):
        self.client.connect()
        port = self.client.sock.getsockname()
        self.assertEqual(self.ask("GET", "/head"), (200, b"GET  2\n"))
        self.assertEqual(self.ask("HEAD", "/large"), (200, b""))
        self.assertEqual(self.ask("GET", "/large"), (200, LARGE))
        self.assertEqual(self.ask("GET", "/chunked"), (200, CHUNKED))
        self.assertEqual(self.ask("POST", "/echo", LARGE), (200, LARGE))
        self.assertEqual(self.ask("POST", "/echo", iter([b"one", b"two"]), encode_chunked=True), (200, b"onetwo"))
        self.assertEqual(self.ask("GET", "/absent"), (404, b"not found\n"))
        self.assertEqual(self.client.sock.getsockname(), port)

    def test_a_malformed_request_gets_its_cause(self):
        status, text = self.ask("GET", "/", headers={"Transfer-Encoding": "identity"})
        self.assertEqual(status, 400)
        self.assertRegex(text, rb"^Transfer-Encoding .*\(RFC 9112, 6\.1\)\n$")

    def test_a_pipeline(self):
        with socket.create_connection(("127.0.0.1", self.port), TIMEOUT_S) as connection:
            requests = [b"GET /head?%d HTTP/1.1\r\nHost: h\r\n\r\n" % i for i in range(500)]
            requests.append(b"GET /large HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            connection.sendall(b"".join(requests))
            file = connection.makefile("rb")
            self.addCleanup(file.close)
            received = file.read()
        self.assertEqual(received.count(b"HTTP/1.1 200 OK\r\n"), 501)
        for i in range(500):
            self.assertIn(b"\r\n\r\nGET %d 1\n" % i, received)
        self.assertTrue(received.endswith(b"\r\n\r\n" + LARGE))


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if result.skipped else 0)
