"""grpcbench as a program: its counts compared with grpcd's own log, its outputs, and all the ways in which a run can fail."""

import contextlib
import csv
import io
import json
import os
import pty
import re
import resource
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import certificates
import frames
import harness
import peers

FAILED, USAGE, INTERRUPTED = 1, 2, 130
VARIABLES = (
    "SERVER_ADDR TRANSPORT SERVICE BENCHMARK_TYPE CONNECTIONS CONCURRENT_REQUESTS THREADS REQUESTS TOTAL_REQUESTS "
    "RATE_LIMIT DURATION RINGRPC_IO RINGRPC_SPIN_US LOG_LEVEL"
).split()
SETTLED_LOOKS = 10
LATENCIES = ["min", "mean", "p50", "p90", "p99", "p99.9", "p99.99", "max"]


def environment(**more):
    return {**{name: value for name, value in os.environ.items() if name not in VARIABLES}, **more}


def grpcbench(*words, **variables):
    """Runs grpcbench to its end, with separate standard output and standard error."""
    return subprocess.run(
        [os.environ["GRPCBENCH"], *map(str, words)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=harness.RUN_SECONDS,
        env=environment(**variables),
    )


@contextlib.contextmanager
def running(*words, **options):
    """A running grpcbench; leaving the `with` kills it."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    with subprocess.Popen(
        [os.environ["GRPCBENCH"], *map(str, words)], stdin=subprocess.DEVNULL, env=environment(), **options
    ) as process:
        try:
            yield process
        finally:
            process.kill()


class Relay:
    """A proxy between clients and a server on 127.0.0.1 that can close single connections."""

    def __init__(self, port):
        self.port = port
        self.pairs = []
        self.carried = []  # bytes from the server, for each pair

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._refuse()
        for pair in self.pairs:
            self._end(pair)

    def carries(self, connections, least=10_000):
        """Waits until there are this many connections, each with more than `least` bytes from the server."""
        return harness.wait_until(lambda: len(self.carried) == connections and min(self.carried) > least)

    def cut_one(self):
        """Closes the first connection, and accepts no more."""
        self._refuse()
        self._end(self.pairs[0])

    def _accept(self):
        with contextlib.suppress(OSError):  # once _refuse has closed the listener
            while True:
                pair = self.listener.accept()[0], socket.create_connection(("127.0.0.1", self.port))
                self.carried.append(0)
                self.pairs.append(pair)
                number = len(self.pairs) - 1
                for source, target in (pair, pair[::-1]):
                    threading.Thread(target=self._carry, args=(source, target, number), daemon=True).start()

    def _carry(self, source, target, number):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
                if target is self.pairs[number][0]:
                    self.carried[number] += len(data)
        self._end((source, target))

    def _refuse(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    @staticmethod
    def _end(pair):
        for end in pair:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def send_goaway(listener):
    """Accepts connections, and sends SETTINGS and GOAWAY to each."""
    with contextlib.suppress(OSError), contextlib.ExitStack() as taken:
        while True:
            connection = taken.enter_context(listener.accept()[0])
            connection.sendall(frames.settings() + frames.frame(frames.GOAWAY, 0, 0, bytes(8)))


def opened_by(process):
    """The paths of the files that a process has open."""
    with contextlib.suppress(FileNotFoundError):
        folder = f"/proc/{process}/fd"
        return [os.readlink(os.path.join(folder, name)) for name in os.listdir(folder)]
    return []


def without_warnings(text):
    return "".join(line for line in text.splitlines(True) if not line.startswith("grpcbench: warning: "))


class Case(unittest.TestCase):
    def results(self, done, status=0):
        """The JSON output of a run. Ignores warnings, which a busy machine causes."""
        self.assertEqual(done.returncode, status, done.stderr)
        if status == 0:
            self.assertEqual(without_warnings(done.stderr), "")
        return json.loads(done.stdout)

    def assert_refused(self, done, status, line):
        """Checks that standard output is empty and standard error has one line."""
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(line, done.stderr)


class AgainstGrpcd(Case):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(harness.Server("--log-level", "debug", "--log-payload", "size"))
        cls.address = cls.server.address

    def json(self, *words, status=0, **variables):
        return self.results(grpcbench("--server", self.address, "-o", "json", *words, **variables), status)

    def echoes(self):
        """The number of echoes in the server's log."""
        return sum(" Echo " in line for line in list(self.server.log))

    def settled_echoes(self, wanted=0):
        """The number of echoes once no more arrive, so that a call too many would be seen."""
        harness.wait_until(lambda: self.echoes() >= wanted)
        seen, same = self.echoes(), 0
        while same < SETTLED_LOOKS:
            time.sleep(0.02)
            last, seen = seen, self.echoes()
            same = same + 1 if seen == last else 0
        return seen

    def test_its_counts_are_the_servers(self):
        for words in (["--requests", 1234, "--streams", 7], ["--requests", 500, "--rate", 5000]):
            before = self.settled_echoes()
            found = self.json(*words)
            self.assertEqual((found["total"], found["succeeded"], found["failed"]), (words[1], words[1], 0))
            self.assertEqual(self.settled_echoes(before + words[1]) - before, words[1])

    def test_json_names_the_results(self):
        found = self.json("--requests", 200)
        self.assertEqual(found["errors"], {})
        self.assertEqual(list(found["latency_us"]), LATENCIES)
        times = [found["latency_us"][name] for name in LATENCIES if name != "mean"]
        self.assertEqual(times, sorted(times))
        self.assertGreater(times[0], 0)
        self.assertAlmostEqual(found["calls_per_second"] * found["duration_s"], 200, delta=0.01)

    def test_placeholders_are_filled_for_each_call(self):
        with harness.Server("--log-level", "debug", "--log-payload", "size") as server:
            done = grpcbench(
                "--server", server.address, "--requests", 300, "-o", "json", "--call", "echo.v1.EchoService/Echo",
                "--data", '{"request_id": "id-{{call}}-{{random 1 2}}-{{open}}"}', "-H", "x-id: {{uuid}}",
            )
            self.assertEqual(self.results(done)["succeeded"], 300)
            ids = re.compile(r"Echo \"id-(\d+)-[12]-\{\{\"")
            harness.wait_until(lambda: sum(bool(ids.search(line)) for line in list(server.log)) >= 300)
            found = [int(match[1]) for line in server.log if (match := ids.search(line))]
        self.assertEqual(sorted(found), list(range(300)))

    def test_a_wrong_placeholder_is_refused_before_the_run(self):
        call = ["--server", self.address, "--call", "echo.v1.EchoService/Echo", "--data"]
        self.assert_refused(grpcbench(*call, '{"request_id": "{{cal}}"}'), USAGE, "{{cal}} is no placeholder; did you mean call?")
        self.assert_refused(grpcbench(*call, '{"request_id": [{{call}}]}'), USAGE, "field 'request_id' takes one value")

    def test_each_of_several_servers_has_figures_of_its_own(self):
        with harness.Server() as other:
            words = ["--server", f"{self.address},{other.address}", "--lb", "round_robin", "--requests", 2000]
            found = self.results(grpcbench(*words, "-o", "json"))
            text = without_warnings(grpcbench(*words).stdout)
        backends = found["backends"]
        self.assertEqual(set(backends), {self.address, other.address})
        self.assertEqual(sum(backend["succeeded"] for backend in backends.values()), found["succeeded"])
        for address, backend in backends.items():
            self.assertGreater(backend["succeeded"], 500)
            self.assertLessEqual(backend["latency_us"]["p50"], backend["latency_us"]["p99"])
            self.assertRegex(text, rf"(?m)^{re.escape(address)} +[\d,]+ +0 ")
        self.assertLessEqual(max(map(len, text.splitlines())), 80)
        self.assertNotIn("backends", self.json("--requests", 100))

    def test_a_server_that_gets_no_call_has_a_row_and_a_warning(self):
        words = ["--server", f"{self.address},127.0.0.1:1", "--lb", "round_robin", "--requests", 200, "-o", "json"]
        done = grpcbench(*words)
        found = self.results(done)
        self.assertEqual(found["backends"]["127.0.0.1:1"]["succeeded"], 0)
        self.assertEqual(found["backends"][self.address]["succeeded"], 200)
        self.assertTrue(any(warning.startswith("no call went to 127.0.0.1:1; ") for warning in found["warnings"]), found["warnings"])

    def test_its_own_processor_time_agrees_with_the_kernels(self):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        found = self.json("--requests", 50_000, "--streams", 10)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        counted = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        own = found["generator"]
        self.assertLess(own["cpu_s"], counted * 1.02)
        self.assertGreater(own["cpu_s"], counted * 0.5)  # starting takes the rest
        self.assertAlmostEqual(own["cpu_us_per_call"] * found["total"], own["cpu_s"] * 1e6, delta=own["cpu_s"] * 1e3)
        self.assertGreater(own["busiest_thread"], 0)
        self.assertLess(own["busiest_thread"], 1.05)

    def test_a_short_run_has_no_warning_about_the_generator(self):
        for words in (("-n", 1), ("-n", 1, "--rate", 1)):
            found = self.json(*words)
            self.assertEqual((found["total"], found["warnings"]), (1, []))
            self.assertLess(found["generator"]["busiest_thread"], 1.05)
        self.assertEqual(found["duration_s"], 1)

    def test_every_connection_is_used_as_much_as_any_other(self):
        with Relay(self.server.port) as relay:
            words = ("--requests", 1000, "--rate", 1000, "--connections", 5, "-o", "json")
            self.assertEqual(self.results(grpcbench("--server", relay.address, *words))["succeeded"], 1000)
            self.assertTrue(relay.carries(5))
            self.assertLess(max(relay.carried), min(relay.carried) * 1.5)

    def test_an_interrupt_before_the_measurement_is_reported_and_keeps_the_old_report(self):
        with tempfile.NamedTemporaryFile("w+") as report:
            report.write("old")
            report.flush()
            words = ("--server", self.address, "--warmup", "1h", "--report", report.name, "-o", "json")
            before = self.settled_echoes()
            with running(*words) as process:
                harness.wait_until(lambda: self.echoes() > before)
                process.send_signal(signal.SIGINT)
                output, errors = process.communicate(timeout=harness.RUN_SECONDS)
            report.seek(0)
            self.assertEqual(report.read(), "old")
        self.assertEqual((process.returncode, output), (INTERRUPTED, ""))
        self.assertEqual(errors, "grpcbench: interrupted before anything was measured\n")

    def test_results_that_cannot_be_printed_do_not_cost_the_report(self):
        with tempfile.TemporaryDirectory() as folder, open("/dev/full", "w") as full:
            words = ("--server", self.address, "-n", 10, "--report", folder + "/report.html")
            with running(*words, stdout=full) as process:
                _, errors = process.communicate(timeout=harness.RUN_SECONDS)
            self.assertEqual(os.listdir(folder), ["report.html"])
        self.assertEqual(process.returncode, FAILED)
        self.assertIn("no space left on device", errors)

    def test_a_server_with_fewer_streams_or_connections_is_reported(self):
        with harness.Server("--max-concurrent-streams", "1") as server:
            found = self.results(grpcbench("--server", server.address, "-n", 200, "--streams", 4, "-o", "json"))
            self.assertRegex(" ".join(found["warnings"]), r"\d+ calls waited for a stream, ")
        with harness.Server("--max-connections", "3") as server:
            done = grpcbench("--server", server.address)
        self.assert_refused(done, FAILED, " of 10 connections were made when one failed: ")

    def test_without_flags_it_makes_a_thousand_calls(self):
        self.assertEqual(self.json()["total"], 1000)

    def test_variables_set_what_flags_do_not(self):
        found = self.json(
            "--streams", 2, TOTAL_REQUESTS="300", CONCURRENT_REQUESTS="3", THREADS="1", BENCHMARK_TYPE="echo"
        )
        self.assertEqual(found["total"], 300)
        self.assertRegex(found["load"], "^3 connections of 2 streams, 1 thread on (io_uring|epoll), closed loop$")
        done = grpcbench("-o", "json", SERVER_ADDR=self.address, REQUESTS="10", RATE_LIMIT="1000", TRANSPORT="tcp")
        self.assertEqual(self.results(done)["total"], 10)

    def test_io_chooses_how_it_talks_to_the_kernel(self):
        before = self.settled_echoes()
        with running("--server", self.address, "--duration", "1h", "--io", "epoll") as process:
            self.assertTrue(harness.wait_until(lambda: self.echoes() > before))
            opened = opened_by(process.pid)
        self.assertIn("anon_inode:[eventpoll]", opened)
        self.assertNotIn("anon_inode:[io_uring]", opened)
        self.assertIn("1 thread on epoll,", self.json("--threads", 1, "--io", "epoll")["load"])

    def test_csv_is_a_heading_and_a_line(self):
        done = grpcbench("--server", self.address, "--requests", 100, "--output", "csv")
        (row,) = csv.DictReader(io.StringIO(done.stdout))
        self.assertEqual((row["total"], row["failed"], row["errors"]), ("100", "0", ""))
        self.assertGreater(float(row["p99.99_us"]), 0)

    def test_the_report_is_one_page(self):
        with tempfile.TemporaryDirectory() as folder:
            self.json("--duration", "1s", "--report", folder + "/report.html")
            with open(folder + "/report.html", encoding="utf-8") as file:
                page = file.read()
        self.assertEqual(page.count("<svg"), 4)
        self.assertTrue(page.endswith("</html>\n"))

    def test_a_report_that_cannot_be_written_is_an_error_before_the_run(self):
        line = "grpcbench: --report: /nowhere/report.html: No such file or directory\n"
        self.assert_refused(grpcbench("--server", "127.0.0.1:1", "--report", "/nowhere/report.html"), FAILED, line)
        with tempfile.TemporaryDirectory() as folder:
            grpcbench("--server", "127.0.0.1:1", "--report", folder + "/report.html")
            self.assertEqual(os.listdir(folder), [])

    def test_any_method_is_called_through_reflection(self):
        self.assertEqual(self.json("--call", "grpc.health.v1.Health/Check", "--requests", 50)["succeeded"], 50)
        found = self.json("--call", "grpc.health.v1.Health.Check", "--data", '{"service": "x"}', "-n", 5, status=FAILED)
        self.assertEqual(found["errors"], {"NOT_FOUND": 5})
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write('{"metricName": "a", "value": 1} {"metricName": "b"}')
            file.flush()
            found = self.json("--call", "node.v1.NodeService/StreamMetrics", "--data", "@" + file.name, "-n", 20)
        self.assertEqual((found["method"], found["succeeded"]), ("node.v1.NodeService/StreamMetrics", 20))
        self.assertEqual(found["bytes_received"], 20 * 2)

    def test_a_stream_that_does_not_end_meets_its_deadline(self):
        found = self.json("--call", "node.v1.NodeService/WatchNode", "-n", 3, "--deadline", "2s", status=FAILED)
        self.assertEqual(found["errors"], {"DEADLINE_EXCEEDED": 3})
        self.assertGreaterEqual(found["latency_us"]["min"], 2_000_000)

    def test_the_duration_ends_streams_that_do_not_end(self):
        words = ("--call", "grpc.health.v1.Health/Watch", "-c", 3, "--duration", "2s")
        found = self.json(*words)
        self.assertEqual((found["total"], found["open_streams"], found["messages_received"]), (0, 3, 3))
        self.assertGreaterEqual(found["duration_s"], 2)
        self.assertIsNone(found["latency_us"]["p50"])
        text = grpcbench("--server", self.address, *words).stdout
        self.assertRegex(text, r"\nopen streams +3\n")
        self.assertRegex(text, r"\nmessages received +3\n  per second +[01]\.\d\d\n")

    def test_messages_of_streams_are_counted(self):
        data = '{"metricName": "a", "value": 1} {"metricName": "b"}'
        found = self.json("--call", "node.v1.NodeService/StreamMetrics", "--data", data, "-n", 20)
        self.assertEqual((found["succeeded"], found["open_streams"]), (20, 0))
        self.assertEqual((found["messages_sent"], found["messages_received"]), (40, 20))

    def test_echoes_and_signatures_are_reported_apart(self):
        found = self.json("--service", "both", "-n", 200)
        self.assertEqual(found["succeeded"], 200)
        self.assertEqual(len(found["services"]), 2)

    def test_an_unknown_service_ends_the_run(self):
        with peers.our_server() as server:
            done = grpcbench("--server", server.address, "--service", "crypto", "--duration", "50s", "-o", "json")
        self.assertGreater(self.results(done, FAILED)["errors"]["UNIMPLEMENTED"], 0)
        self.assertIn("grpcbench: ended early: crypto.v1.CryptoService/Sign: UNIMPLEMENTED: ", done.stderr)
        self.assertIn("crypto.v1.CryptoService/Sign: UNIMPLEMENTED: ", json.loads(done.stdout)["ended_early"])
        self.assert_refused(
            grpcbench("--server", self.address, "--call", "a.B/C"), FAILED, "describes no service 'a.B'"
        )
        self.assert_refused(
            grpcbench("--server", self.address, "--call", "grpc.health.v1.Health/Chek"), FAILED, "did you mean Check?"
        )

    def test_impossible_options_are_refused_with_the_reason(self):
        for words, line in {
            ("--spacing", "poisson"): "--spacing needs --rate",
            ("--threads", "20", "--connections", "3"): "--threads 20 needs ",
            ("--data", "{}"): "--data is only for --call",
            ("--connections", "0"): "--connections: 0 ",
            ("--transport", "tcp", "--server", "unix:/x"): "--transport tcp contradicts --server unix:/x",
            ("--call", "grpc.health.v1.Health/Check", "-d", '{"no": 1}'): "grpcbench: --data: the message in line 1: grpc.health.v1.HealthCheckRequest has no field 'no'",
            ("--call", "Check"): "'Check' is not a method; write package.Service/Method",
        }.items():
            given = words if "--server" in words else ("--server", self.address, *words)
            self.assert_refused(grpcbench(*given), USAGE, line)

    def test_an_interrupted_run_shows_the_results_so_far(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            before = self.settled_echoes()
            # With one call at a time on each of its five connections, at most five requests have no response yet.
            words = ("--duration", "1h", "--rate", 200, "--connections", 5, "--streams", 1, "-o", "json")
            with running("--server", self.address, *words) as process:
                harness.wait_until(lambda: self.echoes() >= before + 20)
                process.send_signal(number)
                output, _ = process.communicate(timeout=harness.RUN_SECONDS)
            found = json.loads(output)
            self.assertEqual((process.returncode, found["interrupted"]), (INTERRUPTED, True))
            self.assertGreaterEqual(found["succeeded"], 15)

    def test_an_interrupted_run_leaves_its_report_too(self):
        with tempfile.TemporaryDirectory() as folder:
            words = ("--server", self.address, "--duration", "1h", "--connections", 1, "--report", folder + "/report.html")
            before = self.settled_echoes()
            with running(*words) as process:
                harness.wait_until(lambda: self.echoes() > before + 1)  # so the first response has been received
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(harness.RUN_SECONDS), INTERRUPTED)
            with open(folder + "/report.html", encoding="utf-8") as file:
                page = file.read()
            self.assertEqual(os.listdir(folder), ["report.html"])
        self.assertIn("; interrupted</p>", page)
        self.assertTrue(page.endswith("</html>\n"))

    def test_a_terminal_shows_the_progress_and_a_pipe_does_not(self):
        ours, theirs = pty.openpty()
        words = ("--server", self.address, "--duration", "2s", "--rate", "50", "-o", "json")
        with running(*words, stderr=theirs) as process:
            os.close(theirs)
            output = process.stdout.read()
        shown = b""
        while select.select([ours], [], [], 0)[0]:
            try:
                shown += os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
        os.close(ours)
        self.assertEqual(json.loads(output)["succeeded"], 100)
        self.assertRegex(shown, rb"\r\x1b\[K[01]\.\d s of 2 s   \d+ calls")
        self.assertEqual(without_warnings(grpcbench(*words).stderr), "")


class AgainstTrouble(Case):
    def test_the_error_without_a_server_says_so(self):
        self.assert_refused(
            grpcbench("--server", "127.0.0.1:1"), FAILED, "connect 127.0.0.1:1: connection refused; "
        )
        self.assert_refused(grpcbench("--server", "unix:/nowhere"), FAILED, "connect unix:/nowhere: ")
        self.assert_refused(grpcbench("--server", "no.such.name.invalid:1"), FAILED, "no.such.name.invalid: ")
        self.assert_refused(grpcbench("--call", "a.B/C", "--server", "127.0.0.1:1"), FAILED, "connection refused")

    def test_a_policy_of_retries_does_not_hide_the_error(self):
        retries = {"maxAttempts": 2, "initialBackoff": "0.01s", "maxBackoff": "0.01s", "backoffMultiplier": 1}
        method = {"name": [{}], "retryPolicy": {**retries, "retryableStatusCodes": ["UNAVAILABLE"]}}
        words = ("--service-config", json.dumps({"methodConfig": [method]}), "--server", "127.0.0.1:1")
        self.assert_refused(grpcbench(*words), FAILED, "connect 127.0.0.1:1: connection refused")

    def test_a_silent_server_ends_the_run(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = f"127.0.0.1:{silent.getsockname()[1]}"
            self.assert_refused(
                grpcbench("--server", address, "--connect-timeout", "300ms"), FAILED, "no HTTP/2 preface within 300 ms"
            )

    def test_a_server_that_dies_leaves_the_partial_result(self):
        server = harness.Server("--log-level", "debug", "--log-payload", "size")
        server.start()
        words = ("--duration", "1h", "--rate", 500, "--connections", 1, "--streams", 1, "-o", "json")
        with running("--server", server.address, *words) as process:
            begun = server.says(" Echo ") and server.says(" Echo ", after=len(server.log))  # so it has a response
            server.kill()
            output, errors = process.communicate(timeout=harness.RUN_SECONDS)
        found = json.loads(output)
        self.assertTrue(begun, errors)
        self.assertEqual(process.returncode, FAILED)
        self.assertGreater(found["succeeded"], 0)
        self.assertIn(f"grpcbench: ended early: connect {server.address}: connection refused; ", errors)

    def test_an_unreachable_server_of_one_thread_ends_the_run_for_all(self):
        with harness.Server() as server, Relay(server.port) as relay:
            words = ("--server", relay.address, "--threads", 2, "--connections", 2, "--duration", "1h", "-o", "json")
            with running(*words) as process:
                self.assertTrue(relay.carries(2), "two connections with calls on them")
                relay.cut_one()
                output, errors = process.communicate(timeout=harness.RUN_SECONDS)
        found = json.loads(output)
        self.assertEqual(process.returncode, FAILED)
        self.assertEqual(found["errors"], {"UNAVAILABLE": 2})  # the closed connection, and the refused reconnect
        self.assertLess(found["duration_s"], harness.RUN_SECONDS)
        self.assertIn(f"grpcbench: ended early: connect {relay.address}: connection refused; ", errors)

    def test_a_server_that_stops_responding_does_not_hold_the_run(self):
        with harness.Server("--log-level", "debug", "--log-payload", "size") as server:
            words = ("--server", server.address, "--requests", 500, "--rate", 100, "--deadline", "500ms", "-o", "json")
            with running(*words) as process:
                self.assertTrue(server.says(" Echo "))
                with server.stopped():
                    output, errors = process.communicate(timeout=harness.RUN_SECONDS)
        found = json.loads(output)
        self.assertEqual(process.returncode, FAILED, errors)
        self.assertEqual(found["total"], 500)
        self.assertGreater(found["errors"]["DEADLINE_EXCEEDED"], 0)

    def test_a_server_that_is_stopped_does_not_hold_a_run_of_many_calls(self):
        with harness.Server("--log-level", "debug", "--log-payload", "size") as server:
            words = ("--server", server.address, "--requests", 10**9, "--deadline", "2s", "-o", "json")
            with running(*words) as process:
                self.assertTrue(server.says(" Echo "))
                with server.stopped():
                    output, errors = process.communicate(timeout=harness.RUN_SECONDS)
        found = json.loads(output)
        self.assertEqual(process.returncode, FAILED, errors)
        self.assertGreater(found["succeeded"], 0)
        self.assertEqual(found["errors"], {"DEADLINE_EXCEEDED": 10})
        self.assertRegex(errors, r" deadline, .* 2 s more: the server ")

    def test_an_interrupt_ends_it_while_it_looks_up_a_method(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            with running("--server", f"127.0.0.1:{silent.getsockname()[1]}", "--call", "a.B/C") as process:
                with silent.accept()[0]:  # it has connected for reflection
                    process.send_signal(signal.SIGINT)
                    _, errors = process.communicate(timeout=harness.RUN_SECONDS)
        self.assertEqual((process.returncode, errors), (INTERRUPTED, "grpcbench: interrupted before anything was measured\n"))


    def test_a_server_that_ends_every_connection_with_goaway_ends_the_run(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            farewell = threading.Thread(target=send_goaway, args=(listener,), daemon=True)
            farewell.start()
            address = f"127.0.0.1:{listener.getsockname()[1]}"
            with running("--server", address, "--duration", "1h", "-o", "json") as process:
                output, errors = process.communicate(timeout=harness.RUN_SECONDS)
            listener.shutdown(socket.SHUT_RDWR)
            farewell.join()
        self.assertEqual(process.returncode, FAILED)
        self.assertRegex(errors, f"{address}: .* GOAWAY ")
        self.assertLess(json.loads(output or '{"total": 0}')["total"], 1000)

    def test_an_interrupt_ends_it_while_it_waits_for_a_pipe(self):
        with tempfile.TemporaryDirectory() as folder:
            pipe = folder + "/pipe"
            os.mkfifo(pipe)
            end = os.open(pipe, os.O_RDWR)  # so that opening the pipe does not wait, but reading it does
            with running("--config", pipe) as process:
                self.assertTrue(harness.wait_until(lambda: pipe in opened_by(process.pid)))
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(harness.RUN_SECONDS), -signal.SIGINT)
            os.close(end)

    def test_a_server_that_never_describes_itself_is_waited_for_until_the_deadline(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address = f"127.0.0.1:{listener.getsockname()[1]}"
            with running("--server", address, "--call", "a.B/C", "--deadline", "2s") as process:
                with listener.accept()[0] as silent:
                    silent.sendall(frames.settings() + frames.frame(frames.SETTINGS, frames.ACK))
                    output, errors = process.communicate(timeout=harness.RUN_SECONDS)
        self.assertEqual((process.returncode, output), (FAILED, ""))
        self.assertIn("DEADLINE_EXCEEDED", errors)
        self.assertIn("reflection", errors)


class WithCertificates(Case):
    @classmethod
    def setUpClass(cls):
        cls.made = cls.enterClassContext(certificates.Folder())
        server = cls.made.issue("server")
        cls.server = cls.enterClassContext(
            harness.Server("--tls-cert", server.certificate, "--tls-key", server.key, "--tls-client-ca", cls.made.ca)
        )
        cls.words = ("--server", cls.server.address.removeprefix("tls+"), "--tls-ca", cls.made.ca)

    def test_it_presents_its_certificate_on_request(self):
        identity = self.made.issue("client")
        words = (*self.words, "--tls-cert", identity.certificate, "--tls-key", identity.key)
        for call in ((), ("--call", "grpc.health.v1.Health/Check")):
            self.assertEqual(self.results(grpcbench(*words, *call, "-n", 100, "-o", "json"))["succeeded"], 100)

    def test_the_error_without_a_certificate_says_what_is_missing(self):
        self.assert_refused(grpcbench(*self.words), FAILED, "TLS: the peer refused: certificate required")


if __name__ == "__main__":
    harness.main()
