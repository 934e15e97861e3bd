"""The targets of `make` that load a grpcd of their own: each with the flags of the Makefile, but short."""

import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import unittest

import harness

from machine import has_vsock_local

SOURCE_ROOT = pathlib.Path(os.environ["SOURCE_ROOT"])
SHORT = ["--duration", "300ms", "--warmup", "0s", "--output", "json"]
LOAD = re.compile(r"benchmarks/load\.py .*?(?P<own>--vsock )? *-- (?P<flags>.*)$", re.MULTILINE)
LOADS = {
    "benchmark": "10 connections of 1 stream, 2 threads",
    "benchmark-light": "10 connections of 1 stream, 2 threads",
    "benchmark-medium": "50 connections of 1 stream, 2 threads",
    "benchmark-heavy": "100 connections of 1 stream, 2 threads",
    "benchmark-tcp": "10 connections of 1 stream, 2 threads",
    "benchmark-vsock": "10 connections of 1 stream, 2 threads",
    "benchmark-latency": "10 connections of 100 streams, 2 threads",
    "benchmark-throughput": "10 connections of 10 streams, 2 threads",
}


def load_of(target):
    """load.py's arguments in `make target`: its own flags and those of grpcbench."""
    shown = subprocess.run(
        # A make above may have set ARGS for its own target.
        ["make", "--dry-run", "--no-print-directory", "ARGS=", target],
        cwd=SOURCE_ROOT, capture_output=True, text=True, check=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
    )  # fmt: skip
    found = LOAD.search(shown.stdout)
    return shlex.split(found["own"] or ""), shlex.split(found["flags"])


def load(own, flags, **options):
    return subprocess.Popen(
        [sys.executable, "-B", SOURCE_ROOT / "benchmarks/load.py", "--grpcd", os.environ["GRPCD"],
         "--grpcbench", os.environ["GRPCBENCH"], *own, "--", *flags, "--threads", "2"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


class Targets(unittest.TestCase):
    def run_target(self, target):
        own, flags = load_of(target)
        self.assertTrue({"--duration"} <= set(flags), flags)
        with load(own, flags + SHORT) as process:
            output, errors = process.communicate(timeout=harness.RUN_SECONDS)
        self.assertEqual(process.returncode, 0, errors)
        return json.loads(output)

    def test_each_target_loads_a_server_of_its_own(self):
        for target, shape in LOADS.items():
            if target == "benchmark-vsock" and not has_vsock_local():
                print("skipped: benchmark-vsock, for there is no vsock_loopback")
                continue
            with self.subTest(target):
                found = self.run_target(target)
                self.assertTrue(found["load"].startswith(shape), found["load"])
                self.assertGreater(found["succeeded"], 0)
                self.assertEqual(found["failed"], 0)

    def test_no_other_target_loads_a_server(self):
        text = (SOURCE_ROOT / "Makefile").read_text()
        self.assertEqual(set(re.findall(r"^(benchmark[a-z-]*):.*\n\t@\$\(call load,", text, re.MULTILINE)), set(LOADS))


class Endings(unittest.TestCase):
    def test_a_failure_fails_make_too(self):
        with load([], ["--call", "a.B/C"]) as process:
            _, errors = process.communicate(timeout=harness.RUN_SECONDS)
        self.assertEqual(process.returncode, 1)
        self.assertIn("describes no service 'a.B'", errors)

    def test_an_interrupt_shows_the_results_so_far_and_leaves_no_server(self):
        # As a terminal does: to all processes in the foreground.
        with load([], ["--duration", "1h", "--output", "json"], start_new_session=True) as process:
            self.assertTrue(harness.wait_until(lambda: len(programs_of(process.pid)) == 3))
            children = programs_of(process.pid) - {process.pid}
            harness.wait_until(lambda: all(is_busy(child) for child in children))
            os.killpg(process.pid, signal.SIGINT)
            output, errors = process.communicate(timeout=harness.RUN_SECONDS)
        self.assertEqual(process.returncode, 130, errors)
        self.assertTrue(json.loads(output)["interrupted"])
        self.assertEqual(programs_of(process.pid), set())


def programs_of(session):
    """The processes of this session."""
    found = set()
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.getsid(int(entry.name)) == session:
                found.add(int(entry.name))
        except ProcessLookupError:
            pass
    return found


def is_busy(process):
    """True if it has used a processor for long enough to be past its start."""
    ticks = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) >= 20


if __name__ == "__main__":
    harness.main()
