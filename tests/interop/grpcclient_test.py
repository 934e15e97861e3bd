"""grpcclient as a program: against grpcd, and against gRPC-Go's interop service for all four kinds of calls."""

import base64
import json
import os
import pty
import re
import select
import socket
import subprocess
import tempfile
import unittest

import harness
import tools

NOT_FOUND, DEADLINE_EXCEEDED, PERMISSION_DENIED, UNIMPLEMENTED, UNAVAILABLE = 5, 4, 7, 12, 14
USAGE, DATA, NO_SUCH, OUTPUT = 64, 65, 66, 74
SERVICES = [
    "crypto.v1.CryptoService",
    "echo.v1.EchoService",
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "node.v1.NodeService",
]
TEST_SERVICE = "grpc.testing.TestService"


def grpcclient(*words, stdin="", environment=None):
    """Runs grpcclient to its end, with separate standard output and standard error."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("SERVER_ADDR", "LOG_LEVEL")}
    return subprocess.run(
        [os.environ["GRPCCLIENT"], *words],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=harness.RUN_SECONDS,
        env={**inherited, **(environment or {})},
    )


def messages(text):
    """The consecutive JSON values of a text."""
    decoder = json.JSONDecoder()
    found = []
    text = text.strip()
    while text:
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:].lstrip()
    return found


class Case(unittest.TestCase):
    def answers(self, *words, **options):
        done = grpcclient(*words, **options)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stderr)
        return messages(done.stdout)

    def assert_refused(self, done, status, line):
        """Checks that standard output is empty and standard error has one line."""
        self.assertEqual((done.returncode, done.stdout, done.stderr), (status, "", f"grpcclient: {line}\n"))

    def assert_refused_with(self, done, status, data):
        """The same if only the data in the line matters, as this regular expression."""
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertRegex(done.stderr, rf"\Agrpcclient: {data}.*\n\Z")


class AgainstGrpcd(Case):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(harness.Server())
        cls.address = cls.server.address

    def test_the_demo_echoes_four_growing_messages_and_signs(self):
        done = grpcclient("demo", environment={"SERVER_ADDR": self.address})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        echoes, signatures = (part.splitlines() for part in done.stdout.split("\n\n"))
        heading, *lines = echoes
        self.assertEqual(heading.split(), ["payload", "round", "trip", "in", "server"])
        self.assertEqual([" ".join(line.split()[:2]) for line in lines], ["16 B", "1 KiB", "64 KiB", "1 MiB"])
        heading, *lines = signatures
        self.assertEqual(heading.split(), ["signature", "round", "trip", "key", "fetched", "verified"])
        self.assertEqual([line.split()[0] for line in lines], ["RSA_PKCS1_SHA256", "ECDSA_P256_SHA256", "ED25519"])
        self.assertEqual(grpcclient("demo", self.address).returncode, 0)

    def test_without_arguments_it_shows_its_help_and_calls_nothing(self):
        done = grpcclient(environment={"SERVER_ADDR": self.address})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, grpcclient("--help").stdout)
        self.assertIn("Usage: grpcclient COMMAND", done.stdout)
        self.assert_refused_with(grpcclient("--compact", environment={"SERVER_ADDR": self.address}), USAGE, "a command .* demo, ")

    def test_the_demo_signs_with_the_requested_keys(self):
        for kind, algorithms in {
            "rsa": ["RSA_PKCS1_SHA256"], "ecc": ["ECDSA_P256_SHA256"], "ed25519": ["ED25519"], "none": []
        }.items():
            done = grpcclient("demo", self.address, "--key", kind)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            signatures = [line.split()[0] for line in done.stdout.splitlines()[7:]]
            self.assertEqual(signatures, algorithms)
        self.assert_refused(grpcclient("list", self.address, "--key", "rsa"), USAGE, "--key is only for the command demo")

    def test_the_demo_signs_with_the_existing_keys_and_fails_for_the_missing_ones(self):
        with harness.Server("--generate-key", "p256", "--generate-key", "ed25519") as server:
            done = grpcclient("demo", server.address)
        self.assertEqual(done.returncode, 5)
        signatures = [line.split()[0] for line in done.stdout.splitlines()[7:]]
        self.assertEqual(signatures, ["ECDSA_P256_SHA256", "ED25519"])
        self.assertRegex(
            done.stderr, r"^grpcclient: crypto.v1.CryptoService/SignRSA: NOT_FOUND: no key is for RSA_PKCS1_SHA256; .*\n$"
        )

    def test_the_reflection_call_succeeds_once_it_has_a_response(self):
        with harness.Server("--log-level", "debug") as server:
            grpcclient("list", server.address)
            grpcclient("describe", server.address, "echo.v1.EchoService.Echo")
            grpcclient("call", server.address, "echo.v1.EchoService/Echo")
            grpcclient("call", server.address, "echo.v1.EchoService/Ecko")
        outcomes = re.findall(r"ServerReflectionInfo: (.*)", server.text())
        self.assertEqual(outcomes, ["OK"] * 4, server.text())

    def test_list_names_services_and_methods(self):
        self.assertEqual(grpcclient("list", self.address).stdout.split(), SERVICES)
        self.assertEqual(
            grpcclient("list", self.address, "grpc.health.v1.Health").stdout.split(),
            ["grpc.health.v1.Health.Check", "grpc.health.v1.Health.List", "grpc.health.v1.Health.Watch"],
        )

    def test_describe_shows_proto_text(self):
        done = grpcclient("describe", self.address, "echo.v1.EchoRequest")
        self.assertEqual(done.stdout.splitlines()[1:3], ["message EchoRequest {", "  bytes payload = 1;"])
        done = grpcclient("describe", self.address)
        for service in SERVICES:
            self.assertIn(f"// {service}, a service in ", done.stdout)

    def test_echo_gives_back_the_payload(self):
        payload = base64.b64encode(bytes(range(256))).decode()
        data = json.dumps({"payload": payload, "requestId": "first"})
        for source in (("-d", data), ("-d", "-"), ("-d", "@")):
            (answer,) = self.answers("call", self.address, "echo.v1.EchoService/Echo", *source, stdin=data)
            self.assertEqual((answer["payload"], answer["requestId"]), (payload, "first"))

    def test_messages_are_compressed_on_request(self):
        data = json.dumps({"payload": base64.b64encode(b"x" * 10000).decode()})
        for kind in ("gzip", "deflate", "zstd", "none"):
            done = grpcclient(
                "call", self.address, "echo.v1.EchoService/Echo", "-v", "--compress", kind, "-d", "-", stdin=data
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(messages(done.stdout)[0]["payload"], json.loads(data)["payload"])
            self.assertEqual(f"> grpc-encoding: {kind}" in done.stderr, kind != "none")
            self.assertEqual(", the last one compressed" in done.stderr, kind != "none")  # the response, like the request

    def test_without_data_the_message_is_empty(self):
        (answer,) = self.answers("call", self.address, "grpc.health.v1.Health/Check")
        self.assertEqual(answer, {"status": "SERVING"})

    def test_the_exit_status_is_the_code(self):
        done = grpcclient("call", self.address, "grpc.health.v1.Health/Check", "-d", '{"service": "none"}')
        self.assertEqual((done.returncode, done.stdout), (NOT_FOUND, ""))
        self.assertTrue(done.stderr.startswith("grpcclient: grpc.health.v1.Health/Check: NOT_FOUND: "), done.stderr)

    def test_mistakes_are_one_line_with_a_remedy(self):
        call = ("call", self.address, "echo.v1.EchoService/Echo")
        self.assert_refused(
            grpcclient("call", self.address, "echo.v1.EchoService/Ecko"),
            NO_SUCH, "echo.v1.EchoService has no method 'Ecko'; did you mean Echo?",
        )
        self.assert_refused(
            grpcclient(*call, "-d", '{"paylaod": ""}'),
            DATA, "--data: the message in line 1: echo.v1.EchoRequest has no field 'paylaod'; did you mean payload?",
        )
        self.assert_refused_with(
            grpcclient(*call, "-d", "-", stdin='{\n  "payload": }'), DATA, "--data: standard input: line 2, column 14: a value "
        )
        self.assert_refused_with(
            grpcclient(*call, "-d", '{"payload": "\\ud800"}'), DATA, "--data: line 1, column 20: half "
        )
        done = subprocess.run(
            [os.environ["GRPCCLIENT"], *call, "-d", b'{"requestId": "\xff"}'], capture_output=True, timeout=harness.RUN_SECONDS
        )
        self.assertEqual(done.returncode, DATA)
        self.assertIn(b"--data: line 1, column 16: this is not UTF-8", done.stderr)
        self.assert_refused(
            grpcclient("list", self.address, "-d", "{}"), USAGE, "--data is only for the command call",
        )

    def test_the_error_without_a_server_has_the_cause_and_the_remedy(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # without listening
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            for command in (["demo", address], ["list", address], ["call", address, "a.B/C"]):
                self.assert_refused_with(grpcclient(*command), UNAVAILABLE, f"connect {address}: connection refused; ")

    def test_a_peer_that_does_not_speak_http2_is_reported_before_it_closes(self):
        for greeting, data in (
            (b"SSH-2.0-OpenSSH_9.2p1\r\n", r"the peer .* HTTP/2; .*\? .* tls\+ .*"),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n", r"the peer .* HTTP/2, .* HTTP/1; .*\? .* tls\+ .*"),
            (b"\x15\x03\x01\x00\x02\x02\x46", r"the peer .* TLS; .* tls\+ .*, or give --tls or --tls-ca"),
        ):
            with self.subTest(greeting), socket.create_server(("127.0.0.1", 0)) as listener:
                address = f"127.0.0.1:{listener.getsockname()[1]}"
                client = subprocess.Popen([os.environ["GRPCCLIENT"], "list", address], stderr=subprocess.PIPE, text=True)
                peer, _ = listener.accept()
                with peer:
                    peer.sendall(greeting)
                    _, told = client.communicate(timeout=harness.RUN_SECONDS)
                self.assertEqual(client.returncode, UNAVAILABLE)
                self.assertRegex(told, rf"\Agrpcclient: connect {address}: {data}\n\Z")

    def test_a_missing_socket_and_too_many_files_have_remedies_of_their_own(self):
        with tempfile.TemporaryDirectory() as folder:
            address = f"unix:{folder}/server.sock"
            self.assert_refused(
                grpcclient("list", address),
                UNAVAILABLE,
                f"connect {address}: no such file or directory; has a server been started with that path?",
            )
        command = ["sh", "-c", 'ulimit -n 5 && exec "$0" "$@"', os.environ["GRPCCLIENT"], "list", self.address]
        done = subprocess.run([*command, "--io", "epoll"], capture_output=True, text=True, timeout=harness.RUN_SECONDS)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("too many open files", done.stderr)
        self.assertNotIn("is a server listening", done.stderr)

    def test_a_full_disk_is_reported(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [os.environ["GRPCCLIENT"], "list", self.address], stdout=full, stderr=subprocess.PIPE, text=True
            )
        self.assertEqual((done.returncode, done.stderr), (OUTPUT, "grpcclient: stdout: no space left on device\n"))


class GoServer:
    """gRPC-Go's interop service with that version of reflection."""

    def __init__(self, version):
        self.command = [tools.path("reflecting-server"), "-reflection", version]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()
        return self

    def __exit__(self, kind, error, trace):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


def sizes(*numbers):
    return {"responseParameters": [{"size": number} for number in numbers]}


class AgainstGo(Case):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(GoServer("v1"))
        cls.address = cls.server.address

    def call(self, method, *flags, **options):
        return grpcclient("call", self.address, f"{TEST_SERVICE}/{method}", *flags, **options)

    def received(self, method, *flags, **options):
        """The payload's size in each response."""
        answers = self.answers("call", self.address, f"{TEST_SERVICE}/{method}", *flags, **options)
        return [len(base64.b64decode(answer["payload"]["body"])) for answer in answers]

    def test_unary(self):
        self.assertEqual(self.received("UnaryCall", "-d", '{"responseSize": 300000}'), [300000])

    def test_server_streaming(self):
        self.assertEqual(self.received("StreamingOutputCall", "-d", json.dumps(sizes(1, 70000, 3))), [1, 70000, 3])

    def test_client_streaming(self):
        parts = "".join(json.dumps({"payload": {"body": base64.b64encode(b"x" * n).decode()}}) for n in (1, 70000, 3))
        method = f"{TEST_SERVICE}/StreamingInputCall"
        for flags in ((), ("-d", "-"), ("-d", parts)):
            answers = self.answers("call", self.address, method, *flags, stdin=parts)
            self.assertEqual(answers, [{"aggregatedPayloadSize": 70004}])
        self.assertEqual(self.answers("call", self.address, method), [{}])

    def test_bidirectional(self):
        data = "\n".join(json.dumps(sizes(n)) for n in range(1, 200))
        self.assertEqual(self.received("FullDuplexCall", stdin=data), list(range(1, 200)))

    def test_a_conversation_is_held_message_by_message(self):
        conversation = Conversation(self.address, subprocess.PIPE)
        try:
            for size in (1, 2, 3):
                conversation.say(json.dumps(sizes(size)))
                self.assertEqual(len(base64.b64decode(conversation.hear()["payload"]["body"])), size)
            conversation.process.stdin.close()
            self.assertEqual(conversation.process.wait(harness.RUN_SECONDS), 0)
        finally:
            conversation.end()

    def test_the_end_of_a_call_does_not_wait_for_more_input(self):
        conversation = Conversation(self.address, subprocess.PIPE)
        try:
            conversation.say('{"responseStatus": {"code": 7, "message": "enough"}}')
            self.assertEqual(conversation.process.wait(harness.RUN_SECONDS), PERMISSION_DENIED)
            self.assertIn("PERMISSION_DENIED: enough", conversation.process.stderr.read())
        finally:
            conversation.end()

    def test_at_a_terminal_it_prints_that_it_reads(self):
        ours, theirs = pty.openpty()
        conversation = Conversation(self.address, theirs)
        os.close(theirs)
        try:
            self.assertIn("reading JSON messages from the terminal", conversation.process.stderr.readline())
            os.write(ours, json.dumps(sizes(5)).encode() + b"\n")
            self.assertEqual(len(base64.b64decode(conversation.hear()["payload"]["body"])), 5)
            os.write(ours, b"\x04")
            self.assertEqual(conversation.process.wait(harness.RUN_SECONDS), 0)
        finally:
            conversation.end()
            os.close(ours)

    def test_broken_data_within_a_stream_ends_the_call(self):
        data = json.dumps(sizes(1)) + '\n{"responseParameters": [{"sise": 1}]}'
        done = self.call("StreamingInputCall", stdin='{}\n{"paylod": {}}')
        self.assertEqual(done.returncode, DATA)
        self.assertIn("the message in line 2: ", done.stderr)
        done = self.call("FullDuplexCall", stdin=data)
        self.assertEqual(done.returncode, DATA)
        self.assertIn("responseParameters[0]", done.stderr.replace("response_parameters", "responseParameters"))

    def test_headers_are_sent_and_received(self):
        done = self.call(
            "UnaryCall", "--verbose",
            "-H", "X-Grpc-Test-Echo-Initial: here I am",
            "-H", "x-grpc-test-echo-trailing-bin: q6urAA==",
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        told = done.stderr.splitlines()
        for line in ("x-grpc-test-echo-initial: here I am", "x-grpc-test-echo-trailing-bin: q6urAA"):
            self.assertIn("> " + line, told)
            self.assertIn("< " + line, told)
        self.assertRegex(told[-1], r"^\* OK after .+: 1 message sent, 1 received$")

    def test_a_deadline_ends_a_call(self):
        slow = '{"responseParameters": [{"size": 1, "intervalUs": 60000000}]}'
        done = self.call("StreamingOutputCall", "--deadline", "300ms", "-d", slow)
        self.assertEqual((done.returncode, done.stdout), (DEADLINE_EXCEEDED, ""), done.stderr)

    def test_a_deadline_within_a_stream_counts_the_received_responses(self):
        slow = '{"responseParameters": [{"size": 1}, {"size": 1}, {"size": 1, "intervalUs": 60000000}]}'
        done = self.call("StreamingOutputCall", "--deadline", "5s", "-d", slow)
        self.assertEqual((done.returncode, len(messages(done.stdout))), (DEADLINE_EXCEEDED, 2), done.stderr)
        self.assertRegex(done.stderr, r" deadline; 2 messages arrived; --deadline .*\n\Z")

    def test_a_method_that_is_not_implemented(self):
        done = self.call("UnimplementedCall")
        self.assertEqual(done.returncode, UNIMPLEMENTED)
        self.assertIn(": UNIMPLEMENTED: ", done.stderr)

    def test_a_compression_that_the_server_lacks_is_reported_and_reflection_uses_none(self):
        self.assertEqual(self.received("UnaryCall", "--compress", "gzip", "-d", '{"responseSize": 9}'), [9])
        payload = base64.b64encode(b"x" * 10000).decode()  # a message that compression does not shrink is sent as it is
        done = self.call("UnaryCall", "--compress", "zstd", "-d", json.dumps({"payload": {"body": payload}}))
        self.assertEqual((done.returncode, done.stdout), (UNIMPLEMENTED, ""), done.stderr)
        self.assertIn("zstd", done.stderr)

    def test_output_is_compact_or_complete_on_request(self):
        done = self.call("UnaryCall", "--compact", "-d", '{"responseSize": 1}')
        self.assertEqual(done.stdout, '{"payload":{"body":"AA=="}}\n')
        (answer,) = self.answers("call", self.address, f"{TEST_SERVICE}/UnaryCall", "--emit-defaults")
        self.assertEqual(answer["username"], "")

    def test_a_message_beyond_the_limit_names_the_flag(self):
        done = self.call("UnaryCall", "-d", '{"responseSize": 5000}', "--max-message-size", "4K")
        self.assertEqual(done.returncode, 8)
        self.assertIn("--max-message-size", done.stderr)


class Conversation:
    """A bidirectional call in flight."""

    def __init__(self, address, stdin, *method):
        self.process = subprocess.Popen(
            [os.environ["GRPCCLIENT"], "call", address, *(method or [f"{TEST_SERVICE}/FullDuplexCall"]), "--compact"],
            stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        self.heard = b""  # not by lines of Python's, whose buffer select does not see

    def say(self, text):
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def hear(self):
        """The next response; it must arrive although no further request is sent."""
        while b"\n" not in self.heard:
            if not select.select([self.process.stdout], [], [], harness.RUN_SECONDS)[0]:
                raise AssertionError("no response while the input is open")
            part = os.read(self.process.stdout.fileno(), 1 << 16)
            if not part:
                raise AssertionError("the call has ended")
            self.heard += part
        line, _, self.heard = self.heard.partition(b"\n")
        return json.loads(line)

    def end(self):
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                stream.close()


class Versions(Case):
    def test_a_server_with_only_v1alpha_is_understood(self):
        with GoServer("v1alpha") as server:
            self.assertIn(TEST_SERVICE, grpcclient("list", server.address).stdout.split())
            self.assertEqual(self.answers("call", server.address, f"{TEST_SERVICE}/EmptyCall"), [{}])

    def test_a_server_without_reflection_is_recognized(self):
        with GoServer("none") as server:
            self.assert_refused(
                grpcclient("list", server.address),
                UNIMPLEMENTED,
                f"{server.address} has no reflection; register grpc.reflection.v1.ServerReflection in that server, "
                "or describe its services by --proto or --protoset",
            )


class ClosedStreams(harness.ServerCase):
    """A shell's `<&-` and `>&-` close descriptors, whose numbers the program must not use for other files."""

    def run_without(self, closed, *words):
        command = ["sh", "-c", f'exec "$0" "$@" {closed}', os.environ["GRPCCLIENT"], *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=harness.RUN_SECONDS)

    def test_a_closed_input_is_at_its_end(self):
        for io in ("auto", "epoll"):
            done = self.run_without("<&-", "call", self.server.address, "node.v1.NodeService/StreamMetrics", "--io", io)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(messages(done.stdout), [{}])

    def test_a_closed_output_is_reported(self):
        done = self.run_without(">&-", "list", self.server.address)
        self.assertEqual((done.returncode, done.stderr), (OUTPUT, "grpcclient: stdout: bad file descriptor\n"))


if __name__ == "__main__":
    harness.main()
