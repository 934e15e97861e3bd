"""Runs servers under measurement: starts each on a free port of 127.0.0.1, pins it, and always stops it.

    with Server([grpcd, "--listen", "127.0.0.1:{port}"], 0) as server:
        before = server.cpu_ns()
"""

import contextlib
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import tempfile
import time

HOST = "127.0.0.1"
VSOCK_LOCAL = 1  # VMADDR_CID_LOCAL, for which Python has no name
START_SECONDS = 60  # Valgrind takes a few
STOP_SECONDS = 60

PASSED_ON = re.compile(r"PATH|HOME|TMPDIR|LANG|LC_\w+|LD_LIBRARY_PATH|\w+SAN_OPTIONS")


class Server(contextlib.AbstractContextManager):
    """A running server, pinned to these cores. `{port}` in its command becomes the port: of vsock if it listens on
    VSOCK_LOCAL, else of TCP. Its output is shown when it fails."""

    def __init__(self, command, *cores, vsock=False):
        self._command = command
        self._cores = cores
        self._vsock = vsock

    def __enter__(self):
        self.port = free_port()
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [str(word).format(port=self.port) for word in self._command],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, env=bare_environment(),
            preexec_fn=lambda: (
                # A terminal sends Ctrl-C to the whole group; only the program that started the server handles it.
                os.setpgrp(), os.sched_setaffinity(0, self._cores)
            ),
        )
        try:
            self._wait_ready()
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        return self

    def __exit__(self, kind, error, trace):
        self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            status = f"nothing within {STOP_SECONDS} s of SIGTERM"
        # nghttpd does not catch SIGTERM.
        if error is None and status not in (0, -signal.SIGTERM):
            raise RuntimeError(f"{self._command[0]} ended with {status}:\n{self._said()}")

    @property
    def host(self):
        return f"{HOST}:{self.port}"

    def cpu_ns(self, thread=""):
        """The processor time of the server, or of its threads whose names begin with `thread`. The time of the whole
        server includes threads that have ended."""
        if not thread:
            return time.clock_gettime_ns(~self._process.pid << 3 | 2)  # its CPU clock, see clock_getcpuclockid(3)
        total = 0
        for task in pathlib.Path(f"/proc/{self._process.pid}/task").iterdir():
            if (task / "comm").read_text().startswith(thread):
                total += int((task / "schedstat").read_text().split()[0])
        return total

    def resident_kib(self):
        for line in pathlib.Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise RuntimeError(f"{self._command[0]} has ended:\n{self._said()}")

    def _wait_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError), self._connect():
                return
            time.sleep(0.05)
        raise RuntimeError(f"{self._command} does not listen:\n{self._said()}")

    def _connect(self):
        if not self._vsock:
            return socket.create_connection((HOST, self.port), timeout=1)
        client = socket.socket(socket.AF_VSOCK)
        try:
            client.settimeout(1)
            client.connect((VSOCK_LOCAL, self.port))
            return client
        except BaseException:
            client.close()
            raise

    def _said(self):
        self._log.seek(0)
        return self._log.read().decode(errors="replace")


def bare_environment():
    """The environment of programs under measurement: the caller's, without variables that change how they work (DURATION,
    WORKER_THREADS, RINGRPC_IO, GOGC ...), because those would change the figures silently."""
    return {name: value for name, value in os.environ.items() if PASSED_ON.fullmatch(name)}


def free_port():
    """A port below the range for outgoing connections, one of which could take it in the meantime."""
    for port in random.sample(range(20_000, 32_000), 100):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return port
    raise RuntimeError("no free port between 20000 and 32000")
