"""What a process holds, as the kernel counts it.

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
# What the shadow and quarantine of a sanitizer, known by what its runtime is started with, make of what a process holds.
SANITIZED_FACTORS = {b"__asan_init": 8, b"__tsan_init": 16}


def resident_bytes(process):
    """Now. ProcessLookupError where it has ended, whether or not it has been waited for."""
    return _read(process, "VmRSS")


def peak_bytes(process):
    """The most so far."""
    return _read(process, "VmHWM")


def address_space_bytes(process):
    """What it has mapped, touched or not: what RLIMIT_AS bounds."""
    return _read(process, "VmSize")


def descriptors(process):
    """How many are open now."""
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def sanitized_factor(process):
    """By how much a sanitizer makes it more; 1 without one."""
    with open(f"/proc/{process.pid}/exe", "rb") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as program:
            return next((factor for name, factor in SANITIZED_FACTORS.items() if program.find(name) >= 0), 1)


def skip_if_sanitized(process):
    if sanitized_factor(process) > 1:
        raise unittest.SkipTest("a sanitizer keeps what was freed, which hides what is held")


class Taker:
    """A process that takes what it is given, and keeps it if it `hoards`: shows that a bound can be broken."""

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
        """Returns when it has taken `size` bytes."""
        self.process.stdin.write(b"x" * self.size)
        self.process.stdout.read(1)


def _read(process, name):
    with open(f"/proc/{process.pid}/status") as status:
        held = re.search(rf"^{name}:\s+(\d+) kB", status.read(), re.MULTILINE)
    if not held:
        raise ProcessLookupError(f"process {process.pid} has ended, and holds no memory")
    return int(held[1]) * 1024
