"""A control group (cgroups(7)) that limits the memory of a process, version 1 or 2.

    with ControlGroup(256 * MEBIBYTE) as group:
        process = subprocess.Popen(["grpcd", ...], preexec_fn=group.join)
        group.kills(), group.peak_bytes()

Skips the test where groups cannot be
made: that needs root, and a memory controller that this process may use.
"""

import contextlib
import itertools
import os
import pathlib
import re
import unittest

HIERARCHY = pathlib.Path("/sys/fs/cgroup")
NUMBERS = itertools.count()


class ControlGroup:
    def __init__(self, limit_bytes):
        self.limit_bytes = limit_bytes
        failures = []
        name = f"ringrpc-test-{os.getpid()}-{next(NUMBERS)}"
        for parent, limit in ((HIERARCHY / "memory", "memory.limit_in_bytes"), (HIERARCHY, "memory.max")):
            self.path = parent / name
            self.version = 2 if limit == "memory.max" else 1
            try:
                if self.version == 2:
                    (parent / "cgroup.subtree_control").write_text("+memory")
                self.path.mkdir()
                (self.path / limit).write_text(str(limit_bytes))
                if self.version == 1:  # counts sockets from then on
                    (self.path / "memory.kmem.tcp.limit_in_bytes").write_text(str(limit_bytes))
                return
            except OSError as failure:
                failures.append(str(failure))
                with contextlib.suppress(OSError):
                    self.path.rmdir()
        raise unittest.SkipTest("no control group can be made here: " + "; ".join(failures))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.path.rmdir()

    def join(self):
        """Moves the calling process into the group."""
        (self.path / "cgroup.procs").write_text("0")

    def kills(self):
        """The number of processes that were killed because the group's memory was used up."""
        if self.version == 2:
            return self._number("memory.events", r"^oom_kill (\d+)")
        return self._number("memory.oom_control", r"^oom_kill (\d+)")

    def peak_bytes(self):
        """The maximum so far, with cached files, and in version 2 with the kernel's memory for sockets."""
        return self._number("memory.peak" if self.version == 2 else "memory.max_usage_in_bytes", r"^(\d+)")

    def peak_bytes_of_sockets(self):
        """The maximum so far of what version 1 counts apart from the rest; 0 in version 2."""
        return 0 if self.version == 2 else self._number("memory.kmem.tcp.max_usage_in_bytes", r"^(\d+)")

    def _number(self, file, pattern):
        return int(re.search(pattern, (self.path / file).read_text(), re.MULTILINE)[1])
