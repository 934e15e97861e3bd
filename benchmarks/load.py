#!/usr/bin/env python3
"""Starts a grpcd, runs grpcbench against it, prints grpcbench's results, and stops the grpcd.

    benchmarks/load.py --grpcd build/apps/grpcd --grpcbench build/apps/grpcbench -- --duration 5s --connections 10

Each has half of the cores if there are two or more. The arguments behind `--` are passed to grpcbench, whose exit status
is returned. The caller can choose between TCP and vsock but not the address, so that no other server is put under load.
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
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that every __exit__ runs
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # grpcbench gets it too, and prints its results so far

    command = [options.grpcd, "--log-level", "warn", "--listen", address + ":{port}"]
    with Server(command, *of_server, vsock=options.vsock) as server:
        load = subprocess.run(
            [options.grpcbench, *options.flags, "--server", f"{address}:{server.port}"],  # the last --server counts
            env=bare_environment(),
            preexec_fn=lambda: (
                signal.signal(signal.SIGINT, signal.SIG_DFL), os.sched_setaffinity(0, of_load)
            ),
        )
    sys.exit(load.returncode)


if __name__ == "__main__":
    main()
