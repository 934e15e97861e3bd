#!/usr/bin/env python3
"""Measures the cost of a unary echo over each transport: one grpcd that listens on all of them, called by grpcbench.

    make benchmark-transports
    make benchmark-transports ARGS='--rounds 9 --io epoll --json'

tcp            127.0.0.1
unix           a socket in the file system
unix-abstract  a socket without a file
vsock          CID 1, the loopback; skipped with a message if its module is not loaded, since the CID could lead elsewhere
tls+tcp        TLS 1.3 (AES-128-GCM, P-256) over tcp, handshakes included
tls+unix       TLS 1.3 over unix

The echo carries 16 bytes; server and client have one shard each on a core of their own. `CPU` is the server's processor
time for one call, kernel included. Each figure is the median of rounds in which the transports take turns, and each ratio
is the median of the rounds' ratios to tcp. Compare only the ratios: the figures change from machine to machine and from
minute to minute. The output ends with a table of the goals; the exit status is 1 if one of them is missed.
"""

import argparse
import functools
import json
import os
import pathlib
import signal
import sys
import tempfile

import loads
import rounds
from goals import TCP, TLS, TRANSPORTS, UNIX, judge
from machine import has_vsock_local, two_cores
from options import whole
from servers import HOST, VSOCK_LOCAL, Server, free_port
from subjects import make_certificate

SHAPES = {"10x10": (10, 10, 1), "1x1": (1, 1, 10)}  # connections, streams on each, divisor of the number of calls


def addresses(folder):
    """The server's address and the client's, for each transport."""
    tls_port = free_port()
    all_of_them = {
        TCP: HOST + ":{port}",
        UNIX: f"unix:{folder}/echo.sock",
        "unix-abstract": f"unix-abstract:ringrpc-benchmark-{os.getpid()}",
        TLS: f"tls+{HOST}:{tls_port}",
        "tls+unix": f"tls+unix:{folder}/tls.sock",
    }
    if has_vsock_local():
        all_of_them["vsock"] = f"vsock:{VSOCK_LOCAL}:{tls_port}"
    return all_of_them


def load(options, address, authority, shape, core, calls):
    """grpcbench's figures; fails unless every call succeeded."""
    flags = ["--io", options.io]
    if address.startswith("tls+"):
        flags += ["--tls-ca", authority, "--tls-server-name", HOST]
    return loads.grpcbench(options.grpcbench, address, shape[:2], {core}, *flags, requests=calls)


def measure(options, cores):
    """Measures the row of each shape."""
    rows = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        authority, key = make_certificate(folder)
        where = addresses(folder)
        command = [options.grpcd, "--shards", "1", "--io", options.io, "--log-level", "warn", "--generate-key", "none",
                   "--tls-cert", authority, "--tls-key", key]  # fmt: skip
        for address in where.values():
            command += ["--listen", address]
        with Server(command, cores[0]) as server:
            for title, shape in SHAPES.items():
                transports = [
                    rounds.Contender(transport, server, functools.partial(
                        load, options, address.format(port=server.port), authority, shape, cores[1]
                    ))
                    for transport, address in where.items()
                ]  # fmt: skip
                rows[title] = rounds.take_turns(transports, options.calls // shape[2], options.rounds)
    return {"rows": rows}


def parse_options():
    parser = argparse.ArgumentParser(description="Measures grpcd's unary echo over each transport.")
    parser.add_argument("--grpcd", required=True, type=pathlib.Path, help="the server")
    parser.add_argument("--grpcbench", required=True, type=pathlib.Path, help="the load generator")
    parser.add_argument("--io", choices=("auto", "uring", "epoll"), default="auto", help="of both (%(default)s)")
    parser.add_argument(
        "--calls", type=whole(1000), default=100_000, help="of a transport in a round of 10x10; a tenth of 1x1 (%(default)s)"
    )
    parser.add_argument("--rounds", type=whole(1), default=5, help="(%(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON, with every round")
    return parser.parse_args()


def main():
    options = parse_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that every __exit__ runs
    cores = two_cores()
    figures = measure(options, cores)
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        for title, row in figures["rows"].items():
            rounds.report(f"16 bytes, {title}", row, lambda transport: TCP)
        print()
    if "vsock" not in figures["rows"]["10x10"]:
        print("skipped: vsock; load its loopback to have it (modprobe vsock_loopback)", file=sys.stderr)
    met = judge(TRANSPORTS, figures, sys.stderr if options.json else sys.stdout)
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
