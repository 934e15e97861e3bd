#!/usr/bin/env python3
"""Runs grpcbench against a grpcd of its own, which is started for it and stopped afterwards, and passes on its result.

    benchmarks/load.py --grpcd build/apps/grpcd --grpcbench build/apps/grpcbench -- --duration 5s --connections 10

Each has its own half of the cores where there are two or more. What stands behind `--` goes to grpcbench; the exit status
is grpcbench's. The address is not for the caller to choose, so that nobody else's server is put under load; whether it is
one of TCP or of vsock is.
"""

import argparse
import os
import signal
import subprocess
import sys

from machine import has_vsock_local
from servers import HOST, VSOCK_LOCAL, Server, bare_environment


def halves(cores):
    """The cores of the server and those of the load."""
    middle = len(cores) // 2
    return (set(cores[:middle]), set(cores[middle:])) if middle else (set(cores), set(cores))


def main():
    parser = argparse.ArgumentParser(description="Puts load on a grpcd of its own.")
    parser.add_argument("--grpcd", required=True, help="the server")
    parser.add_argument("--grpcbench", required=True, help="the load generator")
    parser.add_argument("--vsock", action="store_true", help="over vsock within this machine, not TCP")
    parser.add_argument("flags", nargs="*", help="of grpcbench, behind --")
    options = parser.parse_args()

    if options.vsock and not has_vsock_local():
        sys.exit("this machine cannot reach itself over vsock: the module vsock_loopback is needed (modprobe vsock_loopback)")
    address = f"vsock:{VSOCK_LOCAL}" if options.vsock else HOST

    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("one core only: the load generator disturbs the server", file=sys.stderr)
    of_server, of_load = halves(cores)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # by way of every __exit__
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # grpcbench has it too, and shows what it has

    command = [options.grpcd, "--log-level", "warn", "--listen", address + ":{port}"]
    with Server(command, *of_server, vsock=options.vsock) as server:
        load = subprocess.run(
            [options.grpcbench, *options.flags, "--server", f"{address}:{server.port}"],  # of two the last one counts
            env=bare_environment(),
            preexec_fn=lambda: (
                signal.signal(signal.SIGINT, signal.SIG_DFL), os.sched_setaffinity(0, of_load)
            ),
        )
    sys.exit(load.returncode)


if __name__ == "__main__":
    main()
