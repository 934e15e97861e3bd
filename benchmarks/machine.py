"""The requirements of the benchmarks: cores, programs, vsock.

    require("h2load", "nghttpd")
    cores = two_cores()             # the server's and the load's
"""

import os
import shutil
import socket
import sys

from servers import VSOCK_LOCAL


def two_cores():
    """A core for the server and one for its load. On a machine with one core, the same twice, with a warning."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        print("one core only: the load disturbs the server", file=sys.stderr)
        cores *= 2
    return cores


def require(*programs):
    """Ends the benchmark if a program is missing."""
    for program in programs:
        if not shutil.which(program):
            sys.exit(f"{program} is needed: run `make setup`")


def has_vsock_local():
    """True if this machine can connect to itself over vsock."""
    try:
        with socket.socket(socket.AF_VSOCK) as probe:
            probe.bind((VSOCK_LOCAL, socket.VMADDR_PORT_ANY))
            return True
    except OSError:
        return False
