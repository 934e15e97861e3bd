"""The OpenTelemetry Collector writes our spans and metrics to its file."""

import tempfile
import unittest

import harness
import otlp
import servers
import traces


def setUpModule():
    otlp.collector()
    otlp.peer()


class File(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())

    def test_a_chain_of_calls_is_one_trace(self):
        with otlp.Collector(self.folder, f"127.0.0.1:{servers.free_port()}") as collector:
            chain = traces.Chain(self.folder, collector.address)
            chain.call(chain.go_client, chain.go_server)
            self.assertTrue(collector.has_spans(traces.CALLS * 6))
            self.assertTrue(harness.wait_until(lambda: "relay" in collector.metrics()))
        traces.check(self, collector.spans())
        (started,) = collector.metrics()["relay"]["grpc.server.call.started"]["points"][:1]
        self.assertEqual(started["value"], traces.CALLS)


if __name__ == "__main__":
    harness.main()
