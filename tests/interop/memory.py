"""The memory and descriptors of a process, as the kernel counts them.

    before = memory.resident_bytes(server.process)
    memory.peak_bytes(server.process)
    memory.descriptors(server.process)
"""

import mmap
import os
import re
import subprocess
import sys
import unittest

MEBIBYTE = 1024 * 1024
# The factors by which the shadow memory and the quarantine of a sanitizer increase memory, by a function of its
# runtime.
SANITIZED_FACTORS = {b"__asan_init": 8, b"__tsan_init": 16}


def resident_bytes(process):
    """The present resident memory. ProcessLookupError if the process has ended, even before it is waited for."""
    return _read(process, "VmRSS")


def peak_bytes(process):
    """The maximum resident memory so far."""
    return _read(process, "VmHWM")


def address_space_bytes(process):
    """The size of all mappings, used or not, which RLIMIT_AS limits."""
    return _read(process, "VmSize")


def descriptors(process):
    """The number of open descriptors."""
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def sanitized_factor(process):
    """The factor by which a sanitizer increases memory of a `subprocess.Popen`; 1 without one."""
    # By the path, because /proc shows the program of a process in a sandbox to root alone.
    with open(process.args[0], "rb") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as program:
            return next((factor for name, factor in SANITIZED_FACTORS.items() if program.find(name) >= 0), 1)


def skip_if_sanitized(process):
    if sanitized_factor(process) > 1:
        raise unittest.SkipTest("a sanitizer keeps what was freed, which hides what is held")


class Taker:
    """A process that reads data, and keeps it if it `hoards`. It shows that the checks of memory can fail."""

    PROGRAM = """
import os, sys
hoards, size, kept = sys.argv[1] == "True", int(sys.argv[2]), []
while given := sys.stdin.buffer.read(size):
    if hoards: kept.append(given)
    os.write(1, b".")
"""

    def __init__(self, hoards, size):
        self.size = size
        command = [sys.executable, "-c", self.PROGRAM, str(hoards), str(size)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def give(self):
        """Returns once the process has read `size` bytes."""
        self.process.stdin.write(b"x" * self.size)
        self.process.stdout.read(1)


def _read(process, name):
    with open(f"/proc/{process.pid}/status") as status:
        held = re.search(rf"^{name}:\s+(\d+) kB", status.read(), re.MULTILINE)
    if not held:
        raise ProcessLookupError(f"process {process.pid} has ended, and holds no memory")
    return int(held[1]) * 1024
