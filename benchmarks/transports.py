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

The echo carries 16 bytes; server and client have one shard each and a core of their own. `server CPU` is the server's
processor time for one call, kernel included. Each figure is the median of rounds in which the transports take turns, and
`ratio` that of the rounds' ratios to tcp: compare these, the times themselves are this machine's and this minute's. What
transports are held to is said below the table; the exit status is 1 when one of these is missed.
"""

import argparse
import json
import os
import pathlib
import signal
import statistics
import sys
import tempfile

import loads
from goals import median_ratio
from machine import has_vsock_local, two_cores
from options import whole
from servers import HOST, VSOCK_LOCAL, Server, free_port
from subjects import make_certificate

SHAPES = {"10x10": (10, 10, 1), "1x1": (1, 1, 10)}  # connections, streams on each, which part of the calls is made
PLAIN = "tcp"
GOALS = {"tls+tcp": ("at most", 1.35), "unix": ("less than", 1.0)}  # times the server CPU of tcp, 10x10


def addresses(folder):
    """Where the server listens and what its clients connect to, by the transport's name."""
    tls_port = free_port()
    all_of_them = {
        PLAIN: HOST + ":{port}",
        "unix": f"unix:{folder}/echo.sock",
        "unix-abstract": f"unix-abstract:ringrpc-benchmark-{os.getpid()}",
        "tls+tcp": f"tls+{HOST}:{tls_port}",
        "tls+unix": f"tls+unix:{folder}/tls.sock",
    }
    if has_vsock_local():
        all_of_them["vsock"] = f"vsock:{VSOCK_LOCAL}:{tls_port}"
    return all_of_them


def load(options, address, authority, calls, shape, core):
    """What grpcbench measured; fails unless every call was answered."""
    flags = ["--io", options.io]
    if address.startswith("tls+"):
        flags += ["--tls-ca", authority, "--tls-server-name", HOST]
    return loads.grpcbench(options.grpcbench, address, shape[:2], {core}, *flags, requests=calls)


def measure(options, cores):
    """Each transport's rounds for each shape."""
    figures = {}
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
                calls = options.calls // shape[2]
                rounds = {transport: [] for transport in where}
                for number in range(options.rounds + 1):
                    for transport, address in where.items():
                        before = server.cpu_ns()
                        told = load(options, address.format(port=server.port), authority, calls, shape, cores[1])
                        cpu_us = (server.cpu_ns() - before) / calls / 1000
                        if number > 0:  # the first one warms up
                            rounds[transport].append({
                                "cpu_us_per_call": cpu_us, "calls_per_second": told.calls_per_second,
                                "p50_us": told.p50_us, "p99_us": told.p99_us,
                            })  # fmt: skip
                figures[title] = {transport: summary(each, rounds[PLAIN]) for transport, each in rounds.items()}
    return figures


def summary(rounds, plain):
    """The medians of a transport's rounds, the median of their ratios to those of tcp, and the rounds."""
    medians = {figure: statistics.median(each[figure] for each in rounds) for figure in rounds[0]}
    ratio = median_ratio(*([each["cpu_us_per_call"] for each in side] for side in (rounds, plain)))
    return {**medians, "ratio": ratio, "rounds": rounds}


def report(figures):
    """The medians as a table for each shape."""
    row = "{:24} {:>15} {:>7} {:>11} {:>9} {:>9}".format
    for title, transports in figures.items():
        print(row(f"16 bytes, {title}", "server CPU, µs", "ratio", "calls/s", "p50, µs", "p99, µs"))
        for transport, each in transports.items():
            print(row(transport, f"{each['cpu_us_per_call']:.2f}", f"{each['ratio']:.2f}",
                      f"{each['calls_per_second']:,.0f}", f"{each['p50_us']:.1f}", f"{each['p99_us']:.1f}"))  # fmt: skip
        print()


def judge(figures, out):
    """Says of each goal whether it was reached; whether all were."""
    reached_all = True
    for transport, (bound, limit) in GOALS.items():
        ratio = figures["10x10"][transport]["ratio"]
        reached = ratio <= limit if bound == "at most" else ratio < limit
        reached_all &= reached
        print(f"{'reached' if reached else 'MISSED'}: {transport} takes {bound} {limit:.2f} times the CPU of {PLAIN}, "
              f"10x10: {ratio:.2f}", file=out)  # fmt: skip
    return reached_all


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
        report(figures)
    if "vsock" not in figures["10x10"]:
        print("skipped: vsock; load its loopback to have it (modprobe vsock_loopback)", file=sys.stderr)
    reached = judge(figures, sys.stderr if options.json else sys.stdout)
    sys.exit(0 if reached else 1)


if __name__ == "__main__":
    main()
