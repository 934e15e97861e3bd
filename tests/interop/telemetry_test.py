"""OpenTelemetry's own code receives what our programs export, and grpc-go's OpenTelemetry plugin counts the same calls."""

import contextlib
import json
import os
import pathlib
import re
import socket
import tempfile
import threading
import unittest

import certificates
import frames
import harness
import memory
import otlp
import servers
import traces

CALLS = 20


def setUpModule():
    global peer
    peer = otlp.peer()


class GoServer(harness.Daemon):
    """echo.v1.EchoService on grpc-go with the plugin. Once it has ended, `metrics` gives what the plugin has counted."""

    def __init__(self, folder, environment=None):
        self.file = pathlib.Path(folder) / "server.json"
        super().__init__([peer, "serve", self.file], ready=otlp.LISTENING, environment=environment)

    def metrics(self):
        return json.loads(self.file.read_text())


def call_with_go(folder, address, environment=None):
    """What the plugin has counted of CALLS calls, and of one of an unknown method."""
    file = pathlib.Path(folder) / "client.json"
    done = harness.run([peer, "call", file, address, CALLS], env={**os.environ, **(environment or {})})
    if done.returncode != 0:
        raise AssertionError(f"the Go client failed:\n{done.stdout}")
    return json.loads(file.read_text())


def instrument(metric):
    """What does not depend on the calls."""
    return {key: metric[key] for key in ("unit", "description", "kind")}


def points(metric, values=True):
    """{attributes: point}, with the values of histograms if they are `values` that can be compared."""
    found = {}
    for point in metric["points"]:
        found[tuple(sorted(point["attributes"].items()))] = {
            "value": point["value"], "count": point["count"], "bounds": point["bounds"],
            "sum": point["sum"] if values else None, "buckets": point["buckets"] if values else None}
    return found


class Metrics(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())

    def equal(self, ours, theirs, side, other_values=(), only_ours=()):
        """Compares all metrics of a side; those of durations, and of `other_values`, without their values. The plugin may
        lack points with the attributes `only_ours`."""
        theirs = {name: metric for name, metric in theirs.items() if name.startswith(f"grpc.{side}.")}
        self.assertEqual({name: instrument(metric) for name, metric in ours.items() if name.startswith(f"grpc.{side}.")},
                         {name: instrument(metric) for name, metric in theirs.items()})
        self.assertGreaterEqual(len(theirs), 4)
        for name in theirs:
            with self.subTest(name):
                comparable = theirs[name]["unit"] != "s" and name not in other_values
                found = points(ours[name], comparable)
                for attributes in only_ours:
                    found.pop(attributes, None)
                self.assertEqual(found, points(theirs[name], comparable))

    def test_a_server_counts_as_the_plugin_of_grpc_go(self):
        with otlp.Sink(self.folder) as sink:
            with harness.Server("--telemetry", environment=otlp.environment(sink.address, "ours")) as ours:
                call_with_go(self.folder, ours.address)
            with GoServer(self.folder) as theirs:
                call_with_go(self.folder, theirs.address)
        # grpcd's response has a time, too. grpc-go does not count the ends of calls of unknown methods.
        self.equal(sink.metrics()["ours"], theirs.metrics(), "server",
                   other_values=["grpc.server.call.sent_total_compressed_message_size"],
                   only_ours=[(("grpc.method", "other"), ("grpc.status", "UNIMPLEMENTED"))])

    def test_a_channel_counts_as_the_plugin_of_grpc_go(self):
        # Both clients call the same server, so that the target is the same too.
        with otlp.Sink(self.folder) as sink, GoServer(self.folder) as server:
            theirs = call_with_go(self.folder, server.address)
            environment = otlp.environment(sink.address, "ours")
            client = harness.run([os.environ["CALLER"], server.address, CALLS], env={**os.environ, **environment})
            self.assertEqual(client.returncode, 0, client.stdout)
        self.equal(sink.metrics()["ours"], theirs, "client")

    def test_grpcbench_and_grpcclient_export_theirs(self):
        with otlp.Sink(self.folder) as sink, harness.Server() as server:
            for program, service, arguments in (
                    ("GRPCBENCH", "bench", ["--server", server.address, "--requests", 100]),
                    ("GRPCCLIENT", "client", ["call", server.address, "echo.v1.EchoService/Echo"])):
                environment = otlp.environment(sink.address, service)
                done = harness.run([os.environ[program], *arguments, "--telemetry"], env={**os.environ, **environment})
                self.assertEqual(done.returncode, 0, done.stdout)
        for service, calls in (("bench", 100), ("client", 1)):
            counts = {point["attributes"]["grpc.method"]: point["value"]
                      for point in sink.metrics()[service]["grpc.client.attempt.started"]["points"]}
            self.assertEqual(counts["echo.v1.EchoService/Echo"], calls)


class Traces(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())

    def check(self, choose):
        """Runs the chain that `choose` gives: a client and a server."""
        with otlp.Sink(self.folder) as sink:
            chain = traces.Chain(self.folder, sink.address)
            chain.call(*choose(chain))
        traces.check(self, sink.spans())

    def test_a_chain_of_a_go_client_and_a_go_server_is_one_trace(self):
        self.check(lambda chain: (chain.go_client, chain.go_server))

    def test_a_chain_of_our_client_and_a_go_server_is_one_trace(self):
        self.check(lambda chain: (chain.our_client, chain.go_server))

    def test_a_chain_of_a_go_client_and_our_server_is_one_trace(self):
        self.check(lambda chain: (chain.go_client, chain.our_server))

    def test_rotel_receives_a_chain_too(self):
        with otlp.Rotel() as rotel:
            chain = traces.Chain(self.folder, rotel.address)
            chain.call(chain.our_client, chain.our_server)
            self.assertTrue(rotel.has_spans(traces.CALLS * 6))
        traces.check(self, rotel.spans())


class OverTls(unittest.TestCase):
    """A collector that speaks TLS and wants to see a certificate."""

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.made = self.enterContext(certificates.Folder())
        own = self.made.issue("collector")
        self.sink = self.enterContext(otlp.Sink(self.folder, own.certificate, own.key, self.made.ca))

    def call(self, **variables):
        """What grpcclient says of a call whose trace and metrics go to the collector."""
        environment = {**otlp.environment(self.sink.addresses[0], "client"), **{name: str(value) for name, value in variables.items()}}
        with harness.Server() as server:
            done = harness.run([os.environ["GRPCCLIENT"], "call", server.address, "echo.v1.EchoService/Echo", "--telemetry"],
                               env={**os.environ, **environment})  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_it_gets_spans_and_metrics(self):
        own = self.made.issue("exporter")
        said = self.call(OTEL_EXPORTER_OTLP_ENDPOINT=f"https://{self.sink.addresses[0]}",
                         OTEL_EXPORTER_OTLP_CERTIFICATE=self.made.ca,
                         OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=own.certificate,
                         OTEL_EXPORTER_OTLP_CLIENT_KEY=own.key)  # fmt: skip
        self.assertNotIn("not exported", said)
        self.assertIn("Sent.echo.v1.EchoService.Echo", {span["name"] for span in self.sink.spans()})
        self.assertIn("grpc.client.call.duration", self.sink.metrics()["client"])

    def test_an_endpoint_without_a_scheme_uses_tls(self):
        own = self.made.issue("exporter")
        self.call(OTEL_EXPORTER_OTLP_ENDPOINT=self.sink.addresses[0], OTEL_EXPORTER_OTLP_INSECURE="false",
                  OTEL_EXPORTER_OTLP_CERTIFICATE=self.made.ca, OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=own.certificate,
                  OTEL_EXPORTER_OTLP_CLIENT_KEY=own.key)  # fmt: skip
        self.assertTrue(self.sink.spans())

    def test_a_warning_names_a_certificate_that_is_not_trusted(self):
        stranger = self.made.authority("stranger").certificate
        said = self.call(OTEL_EXPORTER_OTLP_ENDPOINT=f"https://{self.sink.addresses[0]}",
                         OTEL_EXPORTER_OTLP_CERTIFICATE=stranger, OTEL_BSP_EXPORT_TIMEOUT="500",
                         OTEL_METRIC_EXPORT_TIMEOUT="500")  # fmt: skip
        self.assertRegex(said, r"traces are not exported to .*certificate")
        self.assertFalse(self.sink.received().requests)


def respond_503(listener):
    """Accepts connections, and responds to each request as a proxy does that has no server behind it."""
    with contextlib.suppress(OSError):
        while True:
            threading.Thread(target=serve_503, args=(listener.accept()[0],), daemon=True).start()


def serve_503(accepted):
    accepted.recv(len(frames.PREFACE), socket.MSG_WAITALL)
    with contextlib.suppress(OSError), frames.Connection(accepted) as connection:
        connection.send(frames.settings() + frames.frame(frames.SETTINGS, frames.ACK))
        while found := connection.next_frame():
            if found.type == frames.HEADERS:
                connection.send(frames.headers(found.stream, frames.block([(":status", "503")]),
                                               frames.END_HEADERS | frames.END_STREAM))


class Outages(unittest.TestCase):
    """grpcd under load, with all calls sampled, and a collector that takes nothing."""

    WARM_UP = 20_000
    CALLS = 100_000
    GROWTH_MAX = 4 * memory.MEBIBYTE

    def check(self, address):
        environment = {**otlp.environment(address), "OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_METRIC_EXPORT_INTERVAL": "1000",
                       "OTEL_EXPORTER_OTLP_TIMEOUT": "1000", "OTEL_BSP_EXPORT_TIMEOUT": "2000"}
        with harness.Server("--telemetry", "--admin", "127.0.0.1:0", environment=environment) as server:
            memory.skip_if_sanitized(server.process)
            self.load(server, self.WARM_UP)
            self.assertTrue(server.says("traces are not exported"))
            before = memory.resident_bytes(server.process)
            self.load(server, self.CALLS)
            growth = memory.resident_bytes(server.process) - before
            self.assertLess(growth, self.GROWTH_MAX)
            print(f"memory grew by {growth} bytes in {self.CALLS} calls")
            # A signal has one warning, however many spans were dropped since.
            self.assertEqual(sum("traces are not exported" in line for line in server.log), 1, server.text())
            dropped = harness.run(["curl", "--silent", f"http://{server.admin_addresses[0]}/metrics"]).stdout
            lost = sum(map(int, re.findall(r"^ringrpc_telemetry_spans_dropped_total\{.*\} (\d+)$", dropped, re.MULTILINE)))
            self.assertGreater(lost, self.CALLS // 2)

    def load(self, server, calls):
        done = harness.run([os.environ["GRPCBENCH"], "--server", server.address, "--requests", calls, "--streams", 50])
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_a_collector_that_is_down_costs_a_limited_amount_of_memory(self):
        self.check(f"127.0.0.1:{servers.free_port()}")

    def test_a_collector_that_hangs_costs_a_limited_amount_of_memory(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.check("127.0.0.1:{}".format(listener.getsockname()[1]))

    def test_the_end_of_grpcd_does_not_wait_for_a_collector_that_refuses(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=respond_503, args=(listener,), daemon=True).start()
            for why, port in (("connection refused", servers.free_port()), ("HTTP status 503", listener.getsockname()[1])):
                with self.subTest(why):
                    with harness.Server("--telemetry", environment=otlp.environment(f"127.0.0.1:{port}")) as server:
                        self.load(server, 10)
                    # After five seconds the cause would be DEADLINE_EXCEEDED.
                    self.assertRegex(server.text(), f"the last exports have failed: UNAVAILABLE: .*{why}")
            listener.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    harness.main()
