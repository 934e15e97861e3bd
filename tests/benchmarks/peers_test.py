"""Tests how peers.py chooses and evaluates its loads, without running any."""

import collections
import io
import types
import unittest
from unittest import mock

import peers
from loads import Load


class HalfLoad(unittest.TestCase):
    def test_the_rate_is_half_of_the_servers_capacity_for_any_number_of_calls(self):
        server = mock.MagicMock()
        server.__enter__.return_value = server
        server.resident_kib.return_value = 1
        asked = []

        def grpcbench(program, address, shape, cores, *flags, requests=None):
            asked.append(dict(zip(flags[::2], flags[1::2])))
            busy_us = requests * 2 if requests else 1.5e6 * 0.6
            server.cpu_ns.return_value += int(busy_us * 1000)
            return Load(calls=requests or 250_000, calls_per_second=100_000.0, mean_us=1.0, p50_us=2.0, p99_us=3.0)

        server.cpu_ns.return_value = 0
        bench = peers.Bench.__new__(peers.Bench)
        bench._options = types.SimpleNamespace(rounds=1, quick=False)
        bench._cores, bench._grpcbench = (0, 1), "grpcbench"
        bench._ours = lambda: peers.Subject("ringrpc", [], "/", 0)
        bench.runs, bench.warned, bench.warnings = 0, 0, collections.Counter()
        with (
            mock.patch.object(peers, "Server", return_value=server),
            mock.patch.object(peers.loads, "grpcbench", grpcbench),
            mock.patch.object(peers, "share_paused", return_value=0),
        ):
            figures = bench._half_load()
        # 2 µs a call are 500,000 calls in a second of the server's core, of which the load used 100,000.
        self.assertEqual(figures["rate"], [250_000] * peers.MANY)
        self.assertEqual([flags["--rate"] for flags in asked if "--rate" in flags], figures["rate"])
        self.assertEqual(figures["used"], [0.6] * peers.MANY)


class Warnings(unittest.TestCase):
    def test_a_kind_is_without_figures_and_advice(self):
        for warning, kind in (
            ("the client may be too slow, not the server: a thread ran 97 % of the time", "the client may be too slow"),
            ("a thread slept 12.5 % of the time, and more", "a thread slept … % of the time"),
            ("1,234 due calls found all streams busy; --streams allows more", "… due calls found all streams busy"),
        ):
            self.assertEqual(peers.kind_of(warning), kind)

    def test_each_kind_is_printed_with_its_number_of_runs(self):
        out = io.StringIO()
        peers.tell_warnings(185, 55, collections.Counter({"one": 40, "another": 20}), out)
        self.assertEqual(
            out.getvalue(), "grpcbench warned in 55 of 185 runs:\n   40 × one\n   20 × another\n"
        )
        out = io.StringIO()
        peers.tell_warnings(185, 0, collections.Counter(), out)
        self.assertEqual(out.getvalue(), "grpcbench warned in 0 of 185 runs\n")


if __name__ == "__main__":
    unittest.main(verbosity=2)
