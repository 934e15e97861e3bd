#!/usr/bin/env python3
"""What a unary echo costs over each transport: one grpcd that listens on all of them, called by grpcbench.

    make benchmark-transports
    make benchmark-transports ARGS='--rounds 9 --io epoll --json'

tcp            127.0.0.1
unix           a socket in the file system
unix-abstract  one without a file
vsock          CID 1, the loopback; skipped aloud where its module is not loaded, since that CID could lead elsewhere
tls+tcp        TLS 1.3 (AES-128-GCM, P-256) over the first, handshakes included
tls+unix       over the second

The echo carries 16 bytes; server and client have one shard each and a core of their own. `CPU` is the server's processor
time for one call, kernel included. Each figure is the median of rounds in which the transports take turns, and each ratio
that of the rounds' ratios to tcp: compare these, the figures themselves are this machine's and this minute's. The end is
a table of the goals, and the exit status 1 when one of them is missed.
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

SHAPES = {"10x10": (10, 10, 1), "1x1": (1, 1, 10)}  # connections, streams on each, which part of the calls is made


def addresses(folder):
    """Where the server listens and what its clients connect to, by the transport's name."""
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
    """What grpcbench measured; fails unless every call was answered."""
    flags = ["--io", options.io]
    if address.startswith("tls+"):
        flags += ["--tls-ca", authority, "--tls-server-name", HOST]
    return loads.grpcbench(options.grpcbench, address, shape[:2], {core}, *flags, requests=calls)


def measure(options, cores):
    """The row of each shape."""
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
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # by way of every __exit__
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
