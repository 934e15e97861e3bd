"""The logs of grpcd and grpcclient, read by others: Python's json and jq parse every line, the access log has a line for
each of grpcbench's calls, readers that stall delay no call, and the TLS secrets equal those of Python's own OpenSSL."""

import fcntl
import http.client
import json
import os
import re
import resource
import shutil
import signal
import ssl
import subprocess
import tempfile
import unittest

import certificates
import frames
import harness

ECHO = "/echo.v1.EchoService/Echo"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
LEVELS = {"trace", "debug", "info", "warning", "error"}
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
# Values that a client may send (RFC 9110, 5.5) and that are no UTF-8.
HOSTILE = b'"},{"level":"error"\\ \xff\xc3\xe2\x80\xae'
READY = re.compile(r'ready on (?P<addresses>.+) \((?P<shards>\d+) shards?, \w+\)(, admin pages on (?P<admin>[^"\n]+))?')


def literal(name, value):
    """A field of a header block, without compression (RFC 7541, 6.2.2). Both are shorter than 127 bytes."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def objects(text):
    """The objects of lines that must be UTF-8 and JSON."""
    return [json.loads(line) for line in text.decode("utf-8", "strict").splitlines()]


class Logs(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())

    def path(self, name):
        return f"{self.folder}/{name}"

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def serve(self, *flags, environment=None, log=None):
        """Starts a grpcd whose log is a file, unless `log` is a descriptor. Returns its port."""
        with open(self.path("log"), "wb") as file:
            self.process = subprocess.Popen(
                [os.environ["GRPCD"], "--listen", "127.0.0.1:0", "--generate-key", "none", "--shards", "2",
                 *(str(flag) for flag in flags)],
                stdin=subprocess.DEVNULL, stderr=log or file, env={**os.environ, **(environment or {})},
                restore_signals=False,  # SIGXFSZ is ignored then, which a full disk must not make deadly
            )  # fmt: skip
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        if log is None:
            self.assertTrue(harness.wait_until(lambda: READY.search(self.read("log").decode(errors="replace"))))
            return self.listening(self.read("log").decode(errors="replace"))
        return None

    def listening(self, text):
        found = READY.search(text)
        self.admin = found["admin"]
        return int(found["addresses"].rpartition(":")[2])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(harness.STOP_SECONDS), 0)

    def bench(self, port, count):
        """Makes so many calls, all of which must succeed."""
        done = harness.run(
            [os.environ["GRPCBENCH"], "--server", f"127.0.0.1:{port}", "--connections", "4", "--streams", "25",
             "--requests", count, "--output", "json"],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        told = json.loads(done.stdout)
        self.assertEqual((told["succeeded"], told.get("errors", {})), (count, {}))

    def metric(self, name):
        client = http.client.HTTPConnection(self.admin, timeout=harness.RUN_SECONDS)
        self.addCleanup(client.close)
        client.request("GET", "/metrics")
        return int(re.search(rf"^{name} (\d+)$", client.getresponse().read().decode(), re.MULTILINE)[1])


class Json(Logs):
    def check(self, name, members):
        """Parses a file's lines with Python and with jq."""
        found = objects(self.read(name))
        for line in found:
            self.assertLessEqual(members, line.keys())
            self.assertRegex(line["time"], TIME)
        self.assertGreater(len(found), 0)
        if jq := shutil.which("jq"):
            done = harness.run([jq, "--exit-status", "--raw-output", ".time", self.path(name)])
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertEqual(done.stdout.splitlines(), [line["time"] for line in found])
        else:
            print("skipped: jq is not installed")
        return found

    def test_every_line_is_json_whatever_clients_send(self):
        access = self.path("access")
        port = self.serve("--log-level", "trace", "--access-log", access, environment={"LOG_FORMAT": "json"})
        with frames.Client(port) as client:
            client.open()
            more = literal(b"x-request-id", HOSTILE) + literal(b"traceparent", PARENT.encode())
            client.send(frames.headers(1, frames.ECHO + more) + frames.data(1, frames.message(b"x"), frames.END_STREAM))
            odd = literal(b":method", b"POST") + literal(b":scheme", b"http") + literal(b":authority", b"h")
            odd += literal(b":path", b"/" + HOSTILE.replace(b" ", b"")) + literal(b"content-type", b"application/grpc")
            odd += literal(b"te", b"trailers")
            client.send(frames.headers(3, odd, frames.END_HEADERS | frames.END_STREAM))
            client.send(frames.frame(frames.GOAWAY, 0, 0, bytes(4) + b"\0\0\0\2" + HOSTILE))
            self.assertTrue(harness.wait_until(lambda: self.read("access").count(b"\n") == 2))
        with open(self.path("client"), "wb") as log:
            subprocess.run(
                [os.environ["GRPCCLIENT"], "call", f"127.0.0.1:{port}", ECHO[1:], "--log-level", "trace", "--log-format",
                 "json"],
                check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
            )  # fmt: skip
        self.stop()
        log = self.check("log", {"time", "level", "message"})
        self.assertEqual({line["level"] for line in log} - LEVELS, set())
        self.assertTrue(any("GOAWAY" in line["message"] and "\\xff" in line["message"] for line in log))
        self.check("client", {"time", "level", "message"})
        calls = self.check("access", {"time", "method", "peer", "status", "duration_ms", "sent_bytes"})
        marked = [call for call in calls if "trace_id" in call]
        self.assertEqual([(call["method"], call["trace_id"]) for call in marked], [(ECHO, PARENT[3:35])])
        self.assertTrue(marked[0]["request_id"].startswith('"},{"level":"error"\\ \\xff\\xc3'))
        self.assertEqual([call["status"] for call in calls if call["method"].startswith('/"},{"lev')], ["UNIMPLEMENTED"])

    def test_a_failure_to_start_is_json_too(self):
        with harness.Server() as server:
            done = harness.run(
                [os.environ["GRPCD"], "--log-format", "json", "--generate-key", "none", "--listen", server.address]
            )
        self.assertEqual(done.returncode, 1)
        (line,) = objects(done.stdout.encode())
        self.assertEqual(line["level"], "error")
        self.assertIn("already in use", line["message"])


class Collector(Logs):
    def test_clients_warn_once_for_each_signal_of_a_collector_that_is_down(self):
        address = f"127.0.0.1:{self.serve()}"
        for program, arguments in (
                ("GRPCBENCH", ["--server", address, "--requests", "100"]),
                ("GRPCCLIENT", ["call", address, ECHO[1:]])):  # fmt: skip
            done = subprocess.run([os.environ[program], *arguments, "--telemetry"], capture_output=True, text=True,
                                  env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})  # fmt: skip
            self.assertEqual(done.returncode, 0, done.stderr)
            for of in ("traces", "metrics"):
                self.assertEqual(len(re.findall(f"{of} .* 127.0.0.1:1: ", done.stderr)), 1, done.stderr)


class Access(Logs):
    def test_each_call_has_a_line_also_when_the_file_is_rotated(self):
        port = self.serve("--access-log", self.path("access"), "--log-format", "json")
        self.bench(port, 2000)
        os.rename(self.path("access"), self.path("access.1"))
        self.bench(port, 1000)
        self.process.send_signal(signal.SIGHUP)
        self.assertTrue(harness.wait_until(lambda: b"reloaded the access log" in self.read("log")))
        self.bench(port, 500)
        self.stop()
        old, new = objects(self.read("access.1")), objects(self.read("access"))
        echoes = [line for line in old + new if line["method"] == ECHO]
        self.assertEqual(len(echoes), 3500)
        self.assertGreaterEqual(len([line for line in new if line["method"] == ECHO]), 500)
        for line in echoes:
            self.assertEqual((line["status"], line["received_messages"], line["sent_messages"]), ("OK", 1, 1))

    def test_sampling_and_rate(self):
        port = self.serve("--access-log", self.path("access"), "--log-format", "json", "--access-log-sample", "100")
        self.bench(port, 10000)
        self.stop()
        self.assertAlmostEqual(len(objects(self.read("access"))), 100, delta=4)
        port = self.serve("--access-log", self.path("limited"), "--log-format", "json", "--access-log-rate", "50")
        self.bench(port, 10000)
        self.stop()
        lines = objects(self.read("limited"))
        rest = re.search(r"the rate limit has left out the last (\d+) lines", self.read("log").decode())
        suppressed = sum(line.get("suppressed", 0) for line in lines) + (int(rest[1]) if rest else 0)
        self.assertEqual(len(lines) + suppressed, 10000)
        self.assertGreater(suppressed, 1000)

    def test_a_reader_that_stalls_delays_no_call_and_lost_lines_are_counted(self):
        calls = 60000
        pipe = self.path("pipe")
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        port = self.serve("--access-log", pipe, "--admin", "127.0.0.1:0")
        self.bench(port, calls)  # while nobody reads
        lost = self.metric("ringrpc_log_lines_lost_total")
        self.assertGreater(lost, calls // 2)
        fcntl.fcntl(reader, fcntl.F_SETFL, 0)
        read = 0
        while read < calls - lost:
            read += os.read(reader, 1 << 16).count(b"\n")
        self.assertEqual(read + lost, calls)
        self.stop()
        os.close(reader)
        told = re.findall(r"access log \S+: (\d+) .*\blost\b", self.read("log").decode())
        self.assertEqual(sum(map(int, told)), lost)

    def test_a_reader_of_stderr_that_stalls_delays_no_call(self):
        reader, writer = os.pipe()
        self.serve("--log-level", "trace", "--admin", "127.0.0.1:0", "--access-log", self.path("access"), log=writer)
        os.close(writer)
        text = b""
        while not READY.search(text.decode()):
            text += os.read(reader, 4096)
        port = self.listening(text.decode())
        self.bench(port, 20000)  # while nobody reads the pipe
        self.assertGreater(self.metric("ringrpc_log_lines_lost_total"), 0)
        self.assertTrue(harness.wait_until(lambda: self.read("access").count(b"status=OK") == 20000))
        self.process.kill()
        os.close(reader)

    def test_a_full_disk_costs_lines_and_no_calls(self):
        port = self.serve("--access-log", self.path("access"), "--admin", "127.0.0.1:0")
        _, hard = resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (20000, hard))
        self.bench(port, 2000)
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        self.bench(port, 100)

        def whole():
            return len(re.findall(rb" request_id=[0-9a-f]{16}\n", self.read("access")))

        self.assertTrue(harness.wait_until(lambda: whole() + self.metric("ringrpc_log_lines_lost_total") == 2100))
        self.assertLess(whole(), 1000)
        self.stop()


class KeyLog(Logs):
    def setUp(self):
        super().setUp()
        self.made = self.enterContext(certificates.Folder())
        identity = self.made.issue("server")
        self.flags = ["--tls-cert", identity.certificate, "--tls-key", identity.key]

    def talk(self, port):
        """A connection by Python's own OpenSSL, which logs its secrets."""
        context = ssl.create_default_context(cafile=self.made.ca)
        context.set_alpn_protocols(["h2"])
        context.keylog_filename = self.path("pythons")
        with frames.Client(port) as client:
            client.socket = context.wrap_socket(client.socket, server_hostname="localhost")
            client.open()
            client.read_until(lambda frame: frame.type == frames.SETTINGS and frame.flags & frames.ACK)

    def secrets(self, name):
        return sorted(line for line in self.read(name).splitlines() if not line.startswith(b"#"))

    def test_a_client_of_others_has_the_same_secrets(self):
        keys = self.path("keys")
        port = self.serve(*self.flags, "--allow-tls-key-log", environment={"SSLKEYLOGFILE": keys})
        self.assertIn(b" warning --allow-tls-key-log: the secrets of all TLS connections go to ", self.read("log"))
        self.talk(port)
        self.assertGreaterEqual(len(self.secrets("pythons")), 4)
        self.assertTrue(harness.wait_until(lambda: self.secrets("keys") == self.secrets("pythons")))
        self.assertEqual(os.stat(keys).st_mode & 0o777, 0o600)
        theirs = self.path("clients")
        done = harness.run(
            [os.environ["GRPCCLIENT"], "call", f"tls+localhost:{port}", ECHO[1:], "--tls-ca", self.made.ca,
             "--allow-tls-key-log"],
            env={**os.environ, "SSLKEYLOGFILE": theirs},
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertGreaterEqual(len(self.secrets("clients")), 4)
        # The server may write its last secrets after the client has ended.
        self.assertTrue(harness.wait_until(lambda: set(self.secrets("clients")) <= set(self.secrets("keys"))))
        self.stop()

    def test_the_variable_alone_has_no_effect(self):
        port = self.serve(*self.flags, environment={"SSLKEYLOGFILE": self.path("keys")})
        self.talk(port)
        self.stop()
        self.assertFalse(os.path.exists(self.path("keys")))

    def test_a_file_that_others_may_read_is_refused(self):
        with open(self.path("keys"), "wb") as file:
            os.fchmod(file.fileno(), 0o644)
        done = harness.run(
            [os.environ["GRPCD"], "--listen", "127.0.0.1:0", *self.flags, "--allow-tls-key-log"],
            env={**os.environ, "SSLKEYLOGFILE": self.path("keys")},
        )
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, re.escape(self.path("keys")) + ": .* 0600\n")


if __name__ == "__main__":
    harness.main()
