#!/usr/bin/env python3
"""How much of a core's signatures arrive at callers, and what echoes wait for meanwhile.

    make benchmark-signing
    make benchmark-signing ARGS='--seconds 3 --rounds 5 --json'

throughput  signatures a second of processor time of the thread that signs: with RSA and P-384 the worker's, with the
            others the shard's, which serves the calls as well. Beside it `openssl speed`, which counts its own processor
            time likewise: the medians of rounds in which they take turns, and of their ratios. `all` counts every thread of
            grpcd, the one that writes the audit lines among them
latency     the 99th percentile of an echo, one after the other, while nothing else is asked for, and while a hundred
            callers have RSA-2048 signed all the time by as many workers as there are cores

The load is our own client. Everything shares two cores, so do this where nothing else runs. A message has 32 bytes, an echo
16. The exit status is 0 when everything could be measured.
"""

import argparse
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import time

from machine import require
from options import whole
from servers import HOST, Server

# Each with the name that `openssl speed` has for it, the kind of key, and the thread that signs.
ALGORITHMS = {
    "RSA_PKCS1_SHA256": ("rsa2048", "rsa2048", "worker"),
    "ECDSA_P256_SHA256": ("ecdsap256", "p256", "shard-0"),
    "ECDSA_P384_SHA384": ("ecdsap384", "p384", "worker"),
    "ED25519": ("ed25519", "ed25519", "shard-0"),
}
CALLERS = 32
FULL_CALLERS = 100
PATIENCE_SECONDS = 300


def run(command, **options):
    return subprocess.Popen(
        [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, **options
    )


class Load:
    """Calls to a server, in the background until `wait`."""

    def __init__(self, options, server, what, seconds, callers):
        self._process = run([options.load, f"{HOST}:{server.port}", what, seconds, callers])

    def wait(self):
        """How many were answered, the seconds, and the median and 99th percentile of the latencies in µs."""
        said = self._process.communicate(timeout=PATIENCE_SECONDS)[0]
        if self._process.returncode != 0:
            raise RuntimeError("not every call was answered")
        return tuple(map(float, said.split()))


def openssl_speed(options, name):
    """Signatures a second of processor time, by OpenSSL alone."""
    process = run(["openssl", "speed", "-mr", "-seconds", options.seconds, name], stderr=subprocess.DEVNULL)
    said = process.communicate(timeout=PATIENCE_SECONDS)[0]
    # +F2:index:bits:signatures:verifications, and for EdDSA the curve's name before the two.
    found = re.search(r"^\+F[246]:.*:([0-9.]+):[0-9.]+$", said, re.MULTILINE)
    if not found:
        raise RuntimeError(f"openssl speed {name} said:\n{said}")
    return float(found[1])


def serve(options, kind, workers):
    command = [options.grpcd, "--shards", "1", "--signing-workers", workers, "--generate-key", kind]
    return Server([*command, "--listen", HOST + ":{port}"], *os.sched_getaffinity(0))


def throughput(options):
    """{algorithm: {"thread": [...], "all": [...], "openssl": [...]}}, signatures a second of each round."""
    figures = {}
    for algorithm, (speed_name, kind, thread) in ALGORITHMS.items():
        rates = figures[algorithm] = {"thread": [], "all": [], "openssl": []}
        with serve(options, kind, 1) as server:
            for _ in range(options.rounds):
                rates["openssl"].append(openssl_speed(options, speed_name))
                Load(options, server, algorithm, 1, CALLERS).wait()  # connects, and warms up
                before = server.cpu_ns(thread), server.cpu_ns()
                calls = Load(options, server, algorithm, options.seconds, CALLERS).wait()[0]
                after = server.cpu_ns(thread), server.cpu_ns()
                for name, begun, ended in zip(("thread", "all"), before, after):
                    rates[name].append(calls / (ended - begun) * 1e9)
    return figures


def latency(options):
    """The median and 99th percentile of an echo in µs, alone and beside signatures; and how many of those, of each round."""
    figures = {"alone": [], "beside": [], "signatures_per_second": []}
    with serve(options, "rsa2048", len(os.sched_getaffinity(0))) as server:
        for _ in range(options.rounds):
            figures["alone"].append(Load(options, server, "echo", options.seconds, 1).wait()[2:])
            signing = Load(options, server, "RSA_PKCS1_SHA256", options.seconds + 2, FULL_CALLERS)
            time.sleep(1)
            figures["beside"].append(Load(options, server, "echo", options.seconds, 1).wait()[2:])
            calls, seconds = signing.wait()[:2]
            figures["signatures_per_second"].append(calls / seconds)
    return figures


def report(figures):
    """The medians as tables."""
    row = "{:20} {:>10} {:>10} {:>7} {:>10}".format
    print(row("signatures/s of CPU", "grpcd", "openssl", "ratio", "all"))
    for algorithm, rounds in figures["throughput"].items():
        thread, every, alone = (statistics.median(rounds[name]) for name in ("thread", "all", "openssl"))
        ratio = statistics.median(ours / theirs for ours, theirs in zip(rounds["thread"], rounds["openssl"]))
        print(row(algorithm, f"{thread:,.0f}", f"{alone:,.0f}", f"{ratio:.2f}", f"{every:,.0f}"))
    print()
    row = "{:20} {:>10} {:>10} {:>7}".format
    print(row("echo, µs", "alone", "beside", "ratio"))
    for index, name in enumerate(("median", "99th percentile")):
        alone, beside = (
            statistics.median(pair[index] for pair in figures["latency"][kind]) for kind in ("alone", "beside")
        )
        print(row(name, f"{alone:,.0f}", f"{beside:,.0f}", f"{beside / alone:.2f}"))
    rate = statistics.median(figures["latency"]["signatures_per_second"])
    print(f"beside {rate:,.0f} RSA-2048 signatures/s")


def parse_options():
    parser = argparse.ArgumentParser(description="Measures grpcd's signatures, beside openssl speed.")
    parser.add_argument("--grpcd", required=True, type=pathlib.Path, help="the program to measure")
    parser.add_argument("--load", required=True, type=pathlib.Path, help="the program signing-load")
    parser.add_argument("--seconds", type=whole(1), default=1, help="of each measurement (%(default)s)")
    parser.add_argument("--rounds", type=whole(1), default=9, help="(%(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON, with every round")
    return parser.parse_args()


def main():
    options = parse_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # by way of every __exit__
    require("openssl")
    figures = {"throughput": throughput(options), "latency": latency(options)}
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        report(figures)


if __name__ == "__main__":
    main()
