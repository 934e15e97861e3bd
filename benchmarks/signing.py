#!/usr/bin/env python3
"""Measures how many of a core's signatures reach callers, and how long echoes wait meanwhile.

    make benchmark-signing
    make benchmark-signing ARGS='--seconds 3 --rounds 5 --json'
    make benchmark-signing ARGS='--only RSA_PKCS1_SHA256 latency'

throughput  signatures a second of processor time of the thread that signs: the worker for RSA and P-384, else the shard,
            which also serves the calls. Beside it `openssl speed`, which also counts its own processor time: on an idle
            machine, and while echoes pass through the same grpcd at the rate of the signature requests, so that both run
            on equally busy cores. `all` counts every thread of grpcd, including the one that writes the audit lines.
            Rounds take turns; a ratio is the median of the rounds' ratios
latency     the 99th percentile of an echo, one after the other: alone, and with a hundred concurrent requests for RSA-2048
            signatures, with as many workers as there are cores

The load is grpcbench. Everything shares two cores, so use an otherwise idle machine. A message has 32 bytes, an echo 16.
The exit status is 0 if everything could be measured.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import time

import loads
from machine import require
from options import whole
from rounds import ratios_of
from servers import HOST, Server, bare_environment

# Each algorithm with its name in `openssl speed`, its kind of key, and the thread that signs.
ALGORITHMS = {
    "RSA_PKCS1_SHA256": ("rsa2048", "rsa2048", "worker"),
    "ECDSA_P256_SHA256": ("ecdsap256", "p256", "shard-0"),
    "ECDSA_P384_SHA384": ("ecdsap384", "p384", "worker"),
    "ED25519": ("ed25519", "ed25519", "shard-0"),
}
CALLERS = 32
FULL_CALLERS = 100
TIMEOUT_SECONDS = 300


def openssl_speed(options, name):
    """Signatures a second of processor time, by OpenSSL alone."""
    said = subprocess.run(
        ["openssl", "speed", "-mr", "-seconds", str(options.seconds), name],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, check=True, timeout=TIMEOUT_SECONDS, env=bare_environment(),
    ).stdout  # fmt: skip
    # +F2:index:bits:signatures:verifications, and for EdDSA the curve's name before the two.
    found = re.search(r"^\+F[246]:.*:([0-9.]+):[0-9.]+$", said, re.MULTILINE)
    if not found:
        raise RuntimeError(f"openssl speed {name} said:\n{said}")
    return float(found[1])


def serve(options, kind, workers):
    command = [options.grpcd, "--shards", "1", "--signing-workers", workers, "--generate-key", kind]
    return Server([*command, "--listen", HOST + ":{port}"], *os.sched_getaffinity(0))


def load(options, server, callers, seconds, *flags):
    """Calls one after the other by each caller on one connection."""
    cores = sorted(os.sched_getaffinity(0))
    return loads.grpcbench(
        options.grpcbench, server.host, (1, callers), cores[-1:], "--duration", f"{seconds}s", *flags
    )


def sign(options, server, algorithm, callers, seconds):
    flags = ("--service", "crypto", "--algorithm", algorithm, "--payload-size", 32)
    return load(options, server, callers, seconds, *flags)


def throughput(options):
    """{algorithm: {"thread": [...], "all": [...], "alone": [...], "beside": [...]}}: signatures a second in each round."""
    figures = {}
    for algorithm in options.only:
        if algorithm not in ALGORITHMS:
            continue
        speed_name, kind, thread = ALGORITHMS[algorithm]
        rates = figures[algorithm] = {"thread": [], "all": [], "alone": [], "beside": []}
        with serve(options, kind, 1) as server, concurrent.futures.ThreadPoolExecutor(1) as beside:
            sign(options, server, algorithm, CALLERS, 1)  # warm-up
            for _ in range(options.rounds):
                rates["alone"].append(openssl_speed(options, speed_name))
                before = server.cpu_ns(thread), server.cpu_ns()
                signed = sign(options, server, algorithm, CALLERS, options.seconds)
                after = server.cpu_ns(thread), server.cpu_ns()
                for name, begun, ended in zip(("thread", "all"), before, after):
                    rates[name].append(signed.calls / (ended - begun) * 1e9)
                rate = ("--rate", max(1, round(signed.calls_per_second)))
                echoes = beside.submit(load, options, server, CALLERS, options.seconds + 1, *rate)
                rates["beside"].append(openssl_speed(options, speed_name))
                echoes.result()
    return figures


def latency(options):
    """In each round: the median and 99th percentile of an echo in µs, alone and beside signatures, and the signatures."""
    figures = {"alone": [], "beside": [], "signatures_per_second": []}
    with serve(options, "rsa2048", len(os.sched_getaffinity(0))) as server:
        for _ in range(options.rounds):
            alone = load(options, server, 1, options.seconds)
            with concurrent.futures.ThreadPoolExecutor(1) as signing:
                signed = signing.submit(
                    sign, options, server, "RSA_PKCS1_SHA256", FULL_CALLERS, options.seconds + 2
                )
                time.sleep(1)
                beside = load(options, server, 1, options.seconds)
            for name, echoes in (("alone", alone), ("beside", beside)):
                figures[name].append((echoes.p50_us, echoes.p99_us))
            figures["signatures_per_second"].append(signed.result().calls_per_second)
    return figures


def report(figures):
    """The medians as tables."""
    if figures["throughput"]:
        report_throughput(figures["throughput"])
    if "latency" in figures:
        report_latency(figures["latency"])


def report_throughput(figures):
    row = "{:20} {:>10} {:>10} {:>7} {:>10} {:>7} {:>10}".format
    print(row("signatures/s of CPU", "grpcd", "openssl", "ratio", "busy", "ratio", "all"))
    for algorithm, rounds in figures.items():
        rate = {name: f"{statistics.median(rounds[name]):,.0f}" for name in rounds}
        ratio = {name: f"{statistics.median(ratios_of(rounds['thread'], rounds[name])):.2f}" for name in ("alone", "beside")}
        print(row(algorithm, rate["thread"], rate["alone"], ratio["alone"], rate["beside"], ratio["beside"], rate["all"]))
    print()


def report_latency(figures):
    row = "{:20} {:>10} {:>10} {:>7}".format
    print(row("echo, µs", "alone", "beside", "ratio"))
    for index, name in enumerate(("median", "99th percentile")):
        alone, beside = ([pair[index] for pair in figures[kind]] for kind in ("alone", "beside"))
        medians = (f"{statistics.median(rounds):,.0f}" for rounds in (alone, beside))
        print(row(name, *medians, f"{statistics.median(ratios_of(beside, alone)):.2f}"))
    rate = statistics.median(figures["signatures_per_second"])
    print(f"beside {rate:,.0f} RSA-2048 signatures/s")


def parse_options():
    parser = argparse.ArgumentParser(description="Measures grpcd's signatures, beside openssl speed.")
    parser.add_argument("--grpcd", required=True, type=pathlib.Path, help="the program to measure")
    parser.add_argument("--grpcbench", required=True, type=pathlib.Path, help="the program that puts load on it")
    parser.add_argument("--seconds", type=whole(1), default=1, help="of each measurement (%(default)s)")
    parser.add_argument("--rounds", type=whole(1), default=9, help="(%(default)s)")
    parser.add_argument("--only", nargs="+", choices=[*ALGORITHMS, "latency"], default=[*ALGORITHMS, "latency"],
                        metavar="WHAT", help="algorithms, or latency: %(choices)s")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON, with every round")
    return parser.parse_args()


def main():
    options = parse_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that every __exit__ runs
    require("openssl")
    figures = {"throughput": throughput(options)}
    if "latency" in options.only:
        figures["latency"] = latency(options)
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        report(figures)


if __name__ == "__main__":
    main()
