"""What a process holds in memory, as the kernel counts it.

    before = memory.resident_bytes(server)
    memory.peak_bytes(server)
"""

import re
import unittest

MEBIBYTE = 1024 * 1024
# What a sanitizer's shadow and quarantine make of what a process holds.
SANITIZED_FACTORS = {"libasan": 8, "libtsan": 16}


def resident_bytes(daemon):
    """Now."""
    return _read(daemon, "VmRSS")


def peak_bytes(daemon):
    """The most so far."""
    return _read(daemon, "VmHWM")


def sanitized_factor(daemon):
    """By how much a sanitizer makes it more; 1 without one."""
    with open(f"/proc/{daemon.process.pid}/maps") as file:
        maps = file.read()
    return next((factor for library, factor in SANITIZED_FACTORS.items() if library in maps), 1)


def skip_if_sanitized(daemon):
    if sanitized_factor(daemon) > 1:
        raise unittest.SkipTest("a sanitizer keeps what was freed, which hides what is held")


def _read(daemon, name):
    with open(f"/proc/{daemon.process.pid}/status") as status:
        return int(re.search(rf"^{name}:\s+(\d+) kB", status.read(), re.MULTILINE)[1]) * 1024
