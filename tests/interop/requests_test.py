"""The responses to requests that are not quite gRPC, which gRPC's PROTOCOL-HTTP2 defines, seen through curl."""

import shutil
import struct
import unittest
import urllib.parse

import harness

ECHO = "/echo.v1.EchoService/Echo"
OK, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL = "0", "4", "8", "12", "13"

PAYLOAD = b"sixteen bytes..."
REQUEST = bytes([0x0A, len(PAYLOAD)]) + PAYLOAD  # field 1 of EchoRequest


def setUpModule():
    if not shutil.which("curl"):
        raise unittest.SkipTest("curl is not installed")


def framed(message, flags=0):
    """The message with gRPC's prefix."""
    return struct.pack(">BI", flags, len(message)) + message


class Answer:
    """The status, the fields (headers and trailers together) and the body of a response."""

    def __init__(self, head, body):
        lines = head.split("\r\n")
        self.status = int(lines[0].split()[1])
        self.fields = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if colon:
                self.fields[name.lower()] = value.strip()
        self.body = body

    @property
    def grpc(self):
        return self.fields.get("grpc-status")

    @property
    def message(self):
        return urllib.parse.unquote(self.fields.get("grpc-message", ""))


class Requests(harness.ServerCase):
    flags = ("--max-message-size", "4096")

    def ask(self, *, path=ECHO, method="POST", body=framed(REQUEST), **changes):
        """Sends a request with the usual headers, changed by `changes` (`grpc_timeout="1S"`; None removes one)."""
        fields = {"content_type": "application/grpc", "te": "trailers", **changes}
        head, request, response = (f"{self.folder}/{name}" for name in ("head", "request", "response"))
        with open(request, "wb") as file:
            file.write(body)
        open(response, "wb").close()
        command = ["curl", "--http2-prior-knowledge", "--silent", "--show-error", "--max-time", "20"]
        command += ["--request", method, "--dump-header", head, "--output", response]
        for name, value in fields.items():
            command += ["--header", name.replace("_", "-") + ":" + (f" {value}" if value is not None else "")]
        if method == "POST" and body:
            command += ["--data-binary", "@" + request]
        done = harness.run([*command, f"http://{self.server.address}{path}"])
        self.assertEqual(done.returncode, 0, done.stdout)
        with open(head, newline="", encoding="latin-1") as heads, open(response, "rb") as bodies:
            return Answer(heads.read(), bodies.read())

    def expect(self, answer, http, grpc, message=""):
        self.assertEqual((answer.status, answer.grpc), (http, grpc), answer.fields)
        self.assertIn(message, answer.message)

    def test_libprotobufs_errors_about_a_request_are_logged(self):
        bad = bytes([0x12, 1, 0xFF])  # a request_id that is not UTF-8
        why = ": echo.v1.EchoRequest.request_id is not valid UTF-8"
        self.expect(self.ask(body=framed(bad)), 200, INTERNAL, why)
        said = " warning protobuf: String field 'echo.v1.EchoRequest.request_id' contains invalid UTF-8 data"
        self.assertTrue(self.server.says(said))
        self.assertNotIn("[libprotobuf", self.server.text())

    def test_a_valid_request_succeeds(self):
        answer = self.ask()
        self.expect(answer, 200, OK)
        self.assertEqual(answer.fields["content-type"], "application/grpc")
        flags, length = struct.unpack(">BI", answer.body[:5])
        self.assertEqual((flags, length), (0, len(answer.body) - 5))
        self.assertTrue(answer.body[5:].startswith(REQUEST), answer.body)

    def test_a_content_type_of_grpc_may_name_its_codec(self):
        for kind in ("application/grpc+proto", "application/grpc;charset=utf-8"):
            with self.subTest(kind):
                self.expect(self.ask(content_type=kind), 200, OK)

    def test_another_content_type_is_unsupported(self):
        others = ("text/plain", "application/json", "application/grpcx", "application/grpc+json", "application/grpc-web+proto")
        for kind in (None, *others):
            with self.subTest(kind):
                self.expect(self.ask(content_type=kind, body=b""), 415, INTERNAL, "content-type")

    def test_only_post_is_allowed(self):
        for method in ("GET", "PUT", "DELETE"):
            with self.subTest(method):
                answer = self.ask(method=method, body=b"")
                self.assertEqual((answer.status, answer.fields["allow"]), (405, "POST"))
                self.assertIn(b"POST", answer.body)

    def test_a_malformed_timeout_is_a_bad_request(self):
        for timeout in ("1", "S", "1s", "-1S", "1 S", "123456789S", "1.5S", "0x1S"):
            with self.subTest(timeout):
                self.expect(self.ask(grpc_timeout=timeout, body=b""), 400, INTERNAL, "grpc-timeout")

    def test_a_timeout_of_any_unit_is_understood(self):
        for timeout in ("1H", "1M", "30S", "30000m", "30000000u", "99999999H"):
            with self.subTest(timeout):
                self.expect(self.ask(grpc_timeout=timeout), 200, OK)

    def test_a_deadline_that_has_passed_is_exceeded(self):
        self.expect(self.ask(grpc_timeout="0n", body=b""), 200, DEADLINE_EXCEEDED, "deadline")

    def test_binary_metadata_that_is_not_base64_is_a_bad_request(self):
        self.expect(self.ask(x_thing_bin="!!", body=b""), 400, INTERNAL, "x-thing-bin")

    def test_an_unknown_path_is_unimplemented(self):
        paths = {
            "/echo.v1.EchoService/Absent": "unknown method Absent of service echo.v1.EchoService",
            "/no.such.Service/Echo": "unknown service no.such.Service",
            "/": "/",
            "/echo.v1.EchoService": "/echo.v1.EchoService",
        }
        for path, message in paths.items():
            with self.subTest(path):
                self.expect(self.ask(path=path, body=b""), 200, UNIMPLEMENTED, message)

    def test_an_unknown_encoding_is_unimplemented_and_the_known_ones_are_named(self):
        answer = self.ask(grpc_encoding="snappy", body=b"")
        self.expect(answer, 200, UNIMPLEMENTED, "snappy")
        self.assertIn("identity", answer.fields["grpc-accept-encoding"])

    def test_a_compressed_message_without_an_encoding_is_an_error(self):
        self.expect(self.ask(body=framed(REQUEST, flags=1)), 200, INTERNAL, "grpc-encoding")

    def test_none_or_several_messages_are_not_a_unary_call(self):
        self.expect(self.ask(body=b""), 200, UNIMPLEMENTED)
        self.expect(self.ask(body=framed(REQUEST) * 2), 200, UNIMPLEMENTED)

    def test_a_request_that_ends_inside_a_message_is_an_error(self):
        for body in (framed(REQUEST)[:-1], framed(REQUEST)[:3]):
            with self.subTest(body):
                self.expect(self.ask(body=body), 200, INTERNAL)

    def test_invalid_protobuf_is_an_error(self):
        self.expect(self.ask(body=framed(b"\x0a\xff")), 200, INTERNAL)

    def test_a_message_over_the_limit_exhausts_it(self):
        self.expect(self.ask(body=framed(bytes(4097))), 200, RESOURCE_EXHAUSTED, "4096")


if __name__ == "__main__":
    harness.main()
