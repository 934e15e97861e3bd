"""Debian's Prometheus scrapes grpcd under load. Its totals equal those of ghz, of grpcbench and of clients by hand, and the
dashboard and the alert rules of docs/operations find every metric that they name."""

import contextlib
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import tempfile
import threading
import unittest
import urllib.parse

import certificates
import frames
import harness
import servers
import tools

OPERATIONS = pathlib.Path(__file__).resolve().parents[2] / "docs/operations"
PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"
ECHO = 'grpc_service="echo.v1.EchoService",grpc_method="Echo"'
WATCH = frames.request("/grpc.health.v1.Health/Watch")
EMPTY_MESSAGE = b"\0" * 5
CALLS = 5_000
CONFIGURATION = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: ['{rules}']
scrape_configs:
  - {{job_name: grpcd, static_configs: [{{targets: ['{grpcd}']}}]}}
  - {{job_name: client, static_configs: [{{targets: ['{client}']}}]}}
"""


def setUpModule():
    global ghz
    for program in ("prometheus", "promtool"):
        if not shutil.which(program):
            raise unittest.SkipTest(f"{program} (Debian package prometheus) is not installed")
    ghz = tools.path("ghz")


class Page(http.server.ThreadingHTTPServer):
    """Serves one text at every path, as the admin page of a program that calls other servers would."""

    def __init__(self, text):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    def __enter__(self):
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.thread.join()
        self.server_close()


class Prometheus:
    def __init__(self, folder, grpcd, client):
        configuration = pathlib.Path(folder) / "prometheus.yml"
        configuration.write_text(CONFIGURATION.format(rules=OPERATIONS / "alerts.yaml", grpcd=grpcd, client=client))
        self.daemon = harness.Daemon(
            ["prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={folder}/data",
             "--web.listen-address=127.0.0.1:0"],
            ready=re.compile(r'msg="Listening on" address=(?P<addresses>\S+)'),
        )

    def __enter__(self):
        self.daemon.__enter__()
        if not harness.wait_until(lambda: self._request("/-/ready")[0] == 200):
            raise AssertionError(f"Prometheus did not become ready:\n{self.daemon.text()}")
        return self

    def __exit__(self, *error):
        self.daemon.__exit__(*error)

    def ask(self, path, **parameters):
        status, body = self._request(f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        answer = json.loads(body)
        if status != 200 or answer["status"] != "success":
            raise AssertionError(f"{parameters}: {body}")
        return answer["data"]

    def value(self, expression):
        """The number that `expression` has now; None if it has none."""
        results = self.ask("query", query=expression)["result"]
        return float(results[0]["value"][1]) if results else None

    def comes_to(self, expression, expected):
        """True once the expression has that value. False as soon as it has more, because counters only grow."""
        seen = []

        def decided():
            seen[:] = [self.value(expression)]
            return seen[0] is not None and seen[0] >= expected

        return harness.wait_until(decided) and seen == [expected]

    def _request(self, path):
        connection = http.client.HTTPConnection(self.daemon.address, timeout=harness.RUN_SECONDS)
        with contextlib.closing(connection):
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()


class Scrape(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        identity = cls.enterClassContext(certificates.Folder()).issue("server")
        absent = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{servers.free_port()}", "OTEL_TRACES_SAMPLER": "always_off"}
        cls.server = cls.enterClassContext(harness.Server(
            "--admin", "127.0.0.1:0", "--tls-cert", identity.certificate, "--tls-key", identity.key, "--telemetry",
            listen=("127.0.0.1:0", "tls+127.0.0.1:0"), environment=absent))
        with certificates.Folder() as made:
            text = harness.run([os.environ["METRICS_PAGE"], "prometheus", made.ca]).stdout
        page = cls.enterClassContext(Page(text))
        cls.prometheus = cls.enterClassContext(
            Prometheus(folder, cls.server.admin_addresses[0], f"127.0.0.1:{page.server_port}"))

    def grows(self, expression, calls):
        """Runs `calls()`, which returns by how much the expression must have grown in the end."""
        self.assertTrue(harness.wait_until(lambda: self.prometheus.value(expression) is not None), expression)
        before = self.prometheus.value(expression)
        grown = calls()
        self.assertTrue(self.prometheus.comes_to(expression, before + grown),
                        f"{expression}: {self.prometheus.value(expression)}, not {before} + {grown}")

    def settled(self, expression):
        """The value of the expression in a scrape that began later than this call."""
        clock = "max(timestamp(grpc_server_started_total))"
        begun = self.prometheus.value("vector(time())")
        self.assertTrue(harness.wait_until(lambda: (self.prometheus.value(clock) or 0) > begun))
        return self.prometheus.value(expression)

    def test_the_target_is_up(self):
        def health():
            return [(target["health"], target["lastError"]) for target in self.prometheus.ask("targets")["activeTargets"]]

        self.assertTrue(harness.wait_until(lambda: health() == [("up", "")] * 2), health())

    def test_the_totals_are_those_of_ghz(self):
        def load():
            done = harness.run([ghz, "--insecure", "--import-paths", PROTO, "--proto", "echo/v1/echo.proto",
                                "--call", "echo.v1.EchoService/Echo", "--data", '{"payload": "aGVsbG8="}', "--total", CALLS,
                                "--concurrency", 20, "--connections", 4, "--timeout", "0", "--format", "json",
                                self.server.address])
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertEqual(json.loads(done.stdout)["statusCodeDistribution"], {"OK": CALLS})
            return CALLS

        self.grows(f'grpc_server_handled_total{{{ECHO},grpc_code="OK"}}', load)
        in_flight = f"sum(grpc_server_started_total{{{ECHO}}}) - sum(grpc_server_handled_total{{{ECHO}}})"
        self.assertEqual(self.settled(in_flight), 0)

    def test_the_totals_are_those_of_grpcbench(self):
        def load():
            done = harness.run([os.environ["GRPCBENCH"], "--server", self.server.address, "--requests", CALLS, "--streams", 10,
                                "--output", "json"])
            self.assertEqual(done.returncode, 0, done.stdout)
            return CALLS

        self.grows(f"grpc_server_started_total{{{ECHO}}}", load)
        self.grows(f'grpc_server_handled_total{{{ECHO},grpc_code="OK"}}', load)
        self.grows(f"grpc_server_msg_received_total{{{ECHO}}}", load)
        self.grows(f"grpc_server_msg_sent_total{{{ECHO}}}", load)
        self.grows(f"grpc_server_handling_seconds_count{{{ECHO}}}", load)

    def test_cancelled_calls_are_counted(self):
        def cancel():
            with frames.Client(self.server.port) as client:
                client.open()
                for stream in range(1, 14, 2):
                    client.send(frames.headers(stream) + frames.reset(stream))
                client.send(frames.ping())
                client.read_until(lambda frame: frame.type == frames.PING and frame.flags & frames.ACK)
            return 7

        self.grows(f'sum(grpc_server_handled_total{{{ECHO},grpc_code="Canceled"}} or vector(0))', cancel)
        self.grows('sum(ringrpc_server_call_resets_total{by="client",code="CANCEL"})', cancel)

    def test_deadlines_are_counted(self):
        def let_pass():
            with frames.Client(self.server.port) as client:
                client.open()
                late = frames.request("/echo.v1.EchoService/Echo", ("grpc-timeout", "1m"))
                for stream in range(1, 12, 2):
                    client.send(frames.headers(stream, late))
                for _ in range(6):
                    client.read_until(lambda frame: frame.type == frames.HEADERS and frame.flags & frames.END_STREAM)
            return 6

        self.grows(f'sum(grpc_server_handled_total{{{ECHO},grpc_code="DeadlineExceeded"}} or vector(0))', let_pass)

    def test_messages_that_cannot_be_parsed_are_counted(self):
        def confuse():
            with frames.Client(self.server.port) as client:
                client.open()
                client.send(frames.headers(1) + frames.data(1, b"\0\0\0\0\2\x0a\x7f", frames.END_STREAM))
                client.read_until(lambda frame: frame.type == frames.HEADERS and frame.flags & frames.END_STREAM)
            return 1

        self.grows(f"ringrpc_server_unparsable_messages_total{{{ECHO}}}", confuse)

    def test_started_minus_handled_are_the_calls_in_flight(self):
        watches = 'grpc_method="Watch",grpc_service="grpc.health.v1.Health"'
        in_flight = f"sum(grpc_server_started_total{{{watches}}}) - sum(grpc_server_handled_total{{{watches}}})"
        with frames.Client(self.server.port) as client:
            client.open()
            for stream in range(1, 10, 2):
                client.send(frames.headers(stream, WATCH) + frames.data(stream, EMPTY_MESSAGE, frames.END_STREAM))
            self.assertTrue(harness.wait_until(lambda: self.prometheus.value(in_flight) == 5))
            self.assertEqual(self.settled(in_flight), 5)
        self.assertTrue(harness.wait_until(lambda: self.prometheus.value(in_flight) == 0))

    def test_the_certificate_has_its_expiry(self):
        expiry = self.settled("ringrpc_server_tls_certificate_not_after_timestamp_seconds - time()")
        self.assertLess(expiry, 24 * 3600)
        self.assertGreater(expiry, 22 * 3600)
        authority = self.settled('ringrpc_client_tls_certificate_not_after_timestamp_seconds{use="server_ca"} - time()')
        self.assertGreater(authority, 0)

    def test_dashboard_and_alerts_find_their_metrics(self):
        self.settled("vector(1)")
        known = set(self.prometheus.ask("label/__name__/values"))
        expressions = list(dashboard_expressions())
        for group in self.prometheus.ask("rules")["groups"]:
            expressions += [rule["query"] for rule in group["rules"]]
        self.assertGreater(len(expressions), 50)
        for expression in expressions:
            with self.subTest(expression):
                self.prometheus.ask("query", query=expression)
                names = set(re.findall(r"\b(?:grpc_(?:server|client)|ringrpc|process)_\w+", expression))
                self.assertTrue(names)
                self.assertLessEqual(names, known)


class Drain(unittest.TestCase):
    def test_the_sum_of_the_shards_is_exact_after_a_drain(self):
        with harness.Server("--admin", "127.0.0.1:0", "--drain-timeout", "1h") as server:
            bench = [os.environ["GRPCBENCH"], "--server", server.address, "--requests", CALLS, "--connections", 8]
            self.assertEqual(harness.run(bench).returncode, 0)
            admin = http.client.HTTPConnection(server.admin_addresses[0], timeout=harness.RUN_SECONDS)

            def value(name):
                admin.request("GET", "/metrics")
                page = admin.getresponse().read().decode()
                return float(re.search(f"^{re.escape(name)} (.*)$", page, re.MULTILINE)[1])

            labels = f'grpc_type="unary",{ECHO}'
            with frames.Client(server.port) as client:
                client.open()
                client.send(frames.headers(1))  # a request that does not end
                self.assertTrue(harness.wait_until(lambda: value(f"grpc_server_started_total{{{labels}}}") == CALLS + 1))
                server.process.send_signal(signal.SIGTERM)
                self.assertTrue(server.says("drain"))
                self.assertEqual(value(f'grpc_server_handled_total{{{labels},grpc_code="OK"}}'), CALLS)
                self.assertEqual(value(f"grpc_server_msg_sent_total{{{labels}}}"), CALLS)
                self.assertEqual(value(f"grpc_server_handling_seconds_count{{{labels}}}"), CALLS)
            # Leaving the `with` would send the second signal of a drain that has not ended.
            self.assertEqual(server.process.wait(harness.STOP_SECONDS), 0)
            admin.close()


def dashboard_expressions():
    dashboard = json.loads((OPERATIONS / "dashboard.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    expressions += [annotation["expr"] for annotation in dashboard["annotations"]["list"]]
    for expression in expressions:
        yield expression.replace("$__rate_interval", "1m").replace("$job", ".*").replace("$instance", ".*")


if __name__ == "__main__":
    harness.main()
