"""What a process holds in memory, as the kernel counts it.

    before = memory.resident_bytes(server)
    memory.peak_bytes(server)
"""

import mmap
import re
import unittest

MEBIBYTE = 1024 * 1024
# What the shadow and quarantine of a sanitizer, known by what its runtime is started with, make of what a process holds.
SANITIZED_FACTORS = {b"__asan_init": 8, b"__tsan_init": 16}


def resident_bytes(daemon):
    """Now."""
    return _read(daemon, "VmRSS")


def peak_bytes(daemon):
    """The most so far."""
    return _read(daemon, "VmHWM")


def sanitized_factor(daemon):
    """By how much a sanitizer makes it more; 1 without one."""
    with open(f"/proc/{daemon.process.pid}/exe", "rb") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as program:
            return next((factor for name, factor in SANITIZED_FACTORS.items() if program.find(name) >= 0), 1)


def skip_if_sanitized(daemon):
    if sanitized_factor(daemon) > 1:
        raise unittest.SkipTest("a sanitizer keeps what was freed, which hides what is held")


def _read(daemon, name):
    with open(f"/proc/{daemon.process.pid}/status") as status:
        return int(re.search(rf"^{name}:\s+(\d+) kB", status.read(), re.MULTILINE)[1]) * 1024
