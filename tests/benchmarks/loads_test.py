"""The programs of the benchmarks ignore the caller's environment and make the requested number of calls."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import loads
from servers import Server
from subjects import grpcd_command

GRPCD, GRPCBENCH = os.environ["GRPCD"], os.environ["GRPCBENCH"]
LOAD_PY = pathlib.Path(os.environ["SOURCE_ROOT"]) / "benchmarks/load.py"
SHORT = ("--duration", "200ms", "--warmup", "0s")


def variables(program):
    """The variables that set the program, from its help."""
    text = subprocess.run([program, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {name for names in re.findall(r"env:([^\]]+)\]", text) for name in re.findall(r"[A-Z_]{2,}", names)}


class Environment(unittest.TestCase):
    """Exports every setting with a value that no program would start with."""

    def setUp(self):
        of_server, of_load = variables(GRPCD), variables(GRPCBENCH)
        self.assertLessEqual({"WORKER_THREADS", "RINGRPC_IO"}, of_server)
        self.assertLessEqual({"DURATION", "REQUESTS", "SERVICE", "BENCHMARK_TYPE", "THREADS", "RINGRPC_IO"}, of_load)
        self.enterContext(mock.patch.dict(os.environ, dict.fromkeys(of_server | of_load, "nonsense")))

    def test_it_reaches_neither_server_nor_load(self):
        core = min(os.sched_getaffinity(0))
        with Server(grpcd_command(GRPCD), core) as server:
            self.assertEqual(loads.grpcbench(GRPCBENCH, server.host, (1, 2), {core}, requests=100).calls, 100)
            self.assertGreater(loads.grpcbench(GRPCBENCH, server.host, (1, 2), {core}, *SHORT).calls, 0)

    def test_it_reaches_neither_where_load_py_starts_them(self):
        command = [sys.executable, "-B", LOAD_PY, "--grpcd", GRPCD, "--grpcbench", GRPCBENCH, "--", *SHORT, "--threads", "1"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)


class Requests(unittest.TestCase):
    def grpcbench(self, made, asked):
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / "grpcbench"
            program.write_text(
                "#!/bin/sh\n"
                f"""echo '{{"total": {made}, "calls_per_second": 1.0, "warnings": [],"""
                """ "latency_us": {"mean": 1.0, "p50": 1.0, "p99": 1.0}}'\n"""
            )
            program.chmod(0o755)
            return loads.grpcbench(program, "127.0.0.1:1", (1, 1), os.sched_getaffinity(0), requests=asked)

    def test_as_many_calls_as_were_asked_for(self):
        self.assertEqual(self.grpcbench(made=500, asked=500).calls, 500)

    def test_fewer_or_more_are_no_measurement(self):
        for made in (499, 501):
            with self.subTest(made), self.assertRaisesRegex(RuntimeError, f"made {made} of 500 calls"):
                self.grpcbench(made=made, asked=500)


if __name__ == "__main__":
    unittest.main(verbosity=2)
