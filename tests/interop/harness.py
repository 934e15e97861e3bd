"""Shared by the interop checks: a grpcd that is started and stopped, programs to test it with, and outcomes for Meson.

    class Echo(harness.ServerCase):
        def test_it_answers(self):
            harness.run(["curl", "--version"])

    if __name__ == "__main__":
        harness.main()

Meson passes the path of grpcd (GRPCD) and a folder to build tools in (TOOLS_DIR). A module that cannot run here raises
unittest.SkipTest in setUpModule; it is then reported as skipped (exit status 77), never as passed.
"""

import contextlib
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from control_group import ControlGroup
from memory import MEBIBYTE

READY = re.compile(
    r"ready on (?P<addresses>.+) \((?P<shards>\d+) shards?, (?P<backend>\S+)\)"
    r"(, admin pages on (?P<admin>.+?))?(, channelz on (?P<channelz>.+))?$"
)
# Timeouts of checks for events that do not happen. A busy machine must not fail a check, so each timeout is at least
# ten times the duration on an idle machine.
START_SECONDS = 300
STOP_SECONDS = 300
RUN_SECONDS = 600
DEADLINE_SECONDS = 300  # for a call or a connection that must succeed, passed to programs in their flags
SKIPPED = 77
# The memory of the control group that each grpcd is run in; 0 for none.
POD_BYTES = int(os.environ.get("POD_MIB", 0)) * MEBIBYTE
POD_SIZES = (256 * MEBIBYTE, 1024 * MEBIBYTE)
SETTINGS_OF_PODS = pathlib.Path(__file__).resolve().parents[2] / "docs/deploy/kubernetes/grpcd.toml"


class Daemon:
    """A program that runs until it is stopped, and prints a line with its addresses on standard error; `ready` finds them
    there. Leaving the `with` stops it with SIGTERM and demands the exit status `ends_with`. `descriptors`, if given, limits
    its open descriptors."""

    def __init__(self, command, ready=READY, ends_with=0, descriptors=None, environment=None):
        self.command = [str(word) for word in command]
        self.name = os.path.basename(self.command[0])
        self.ready = ready
        self.ends_with = ends_with
        self.descriptors = descriptors
        self.environment = {**os.environ, **(environment or {})}
        self.log = []
        self.addresses = []
        self.admin_addresses = []
        self.channelz_addresses = []
        self.shards = 0
        self._ready = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def start(self):
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            preexec_fn=self._limit,
            env=self.environment,
        )
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        self._ready.wait(START_SECONDS)
        if not self.addresses:
            self.kill()
            raise AssertionError(f"{self.command} did not become ready:\n{self.text()}")

    def __exit__(self, kind, error, trace):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            status = f"nothing within {STOP_SECONDS} s of SIGTERM"
        self._reader.join()
        self.process.stderr.close()
        if error is not None:
            print(f"--- log of {self.name}\n{self.text()}---", file=sys.stderr)
        elif status != self.ends_with:
            raise AssertionError(f"{self.name} ended with {status}, not {self.ends_with}:\n{self.text()}")

    @property
    def address(self):
        return self.addresses[0]

    @property
    def port(self):
        return int(self.address.rpartition(":")[2])

    def text(self):
        return "".join(self.log)

    def says(self, *texts, after=0):
        """Waits until a line of the log, from number `after` on, contains all `texts`. False on timeout."""
        return wait_until(lambda: any(all(text in line for text in texts) for line in self.log[after:]))

    @contextlib.contextmanager
    def stopped(self):
        """Suspends the program while in scope."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def _limit(self):
        if self.descriptors:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))

    def _read_log(self):
        for line in self.process.stderr:
            self.log.append(line)
            if ready := self.ready.search(line):
                self.addresses = ready["addresses"].split()
                self.shards = int(ready.groupdict().get("shards", 0))
                self.admin_addresses = (ready.groupdict().get("admin") or "").split()
                self.channelz_addresses = (ready.groupdict().get("channelz") or "").split()
                self._ready.set()
        self._ready.set()

    def kill(self):
        """Ends it at once, without cleaning up, as a second signal does."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stderr.close()


class Server(Daemon):
    """A running grpcd on free ports. With `pod`, it has the settings of the Kubernetes manifests, and so much memory; leaving
    the `with` demands that it has not been killed and has used less than three quarters, and less than all with the system's memory
    of sockets. A control group of version 2 counts the sockets with the rest, so there only the latter is demanded."""

    def __init__(self, *flags, listen=("127.0.0.1:0",), program=None, descriptors=None, environment=None, pod=POD_BYTES):
        command = [program or os.environ["GRPCD"], "--shards", "2"]
        if pod:
            command += ["--config", SETTINGS_OF_PODS, "--admin", "127.0.0.1:0", "--log-format", "text"]
        command += flags
        for address in listen:
            command += ["--listen", address]
        super().__init__(command, descriptors=descriptors, environment=environment)
        self.pod = pod
        self._group = None

    def __enter__(self):
        with contextlib.ExitStack() as opened:
            if self.pod:
                self._group = opened.enter_context(ControlGroup(self.pod))
            super().__enter__()
            self._opened = opened.pop_all()
        return self

    def __exit__(self, kind, error, trace):
        with self._opened:
            super().__exit__(kind, error, trace)
            if self._group:
                self._check_memory()

    def _limit(self):
        super()._limit()
        if self._group:
            self._group.join()

    def _check_memory(self):
        peak = self._group.peak_bytes()
        sockets = self._group.peak_bytes_of_sockets()
        held = f"held {peak // MEBIBYTE} MiB at most, and {sockets // MEBIBYTE} MiB of sockets"
        print(f"{self.pod // MEBIBYTE} MiB: {held}", file=sys.stderr)
        if self._group.kills():
            raise AssertionError("the kernel has killed grpcd for its memory")
        together = self._group.version == 2
        if (peak >= self.pod * 3 // 4 and not together) or peak + sockets >= self.pod:
            raise AssertionError(f"{held}: more than docs/deploy/kubernetes/README.md says")


class ServerCase(unittest.TestCase):
    """Checks against one grpcd, which listens on a port and on a unix socket."""

    flags = ()

    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.socket = cls.folder + "/grpcd.sock"
        cls.server = cls.enterClassContext(Server(*cls.flags, listen=("127.0.0.1:0", "unix:" + cls.socket)))

    @classmethod
    def tearDownClass(cls):
        if cls.server.process.poll() is not None:
            raise AssertionError(f"grpcd ended by itself, with {cls.server.process.poll()}:\n{cls.server.text()}")


def wait_until(holds, pause=0.02):
    """Waits until `holds` is true, with a pause after each check. False on timeout."""
    end = time.monotonic() + RUN_SECONDS
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def run(command, timeout=RUN_SECONDS, **options):
    """Runs a program to its end. Its output includes standard error, unless `options` say otherwise."""
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **options}
    return subprocess.run([str(word) for word in command], text=True, errors="replace", timeout=timeout, **options)


class Result(unittest.TextTestResult):
    """Counts the tests that passed, because skipped modules and classes are not among the tests that ran."""

    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def main():
    """Runs the checks of the calling module and exits with the status that Meson expects."""
    runner = unittest.TextTestRunner(verbosity=2, resultclass=Result)
    result = unittest.main(module="__main__", testRunner=runner, exit=False).result
    if not result.wasSuccessful():
        sys.exit(1)
    if result.skipped and not result.passed:
        for _, reason in result.skipped:
            print(f"skipped: {reason}")
        sys.exit(SKIPPED)
