#!/usr/bin/env python3
"""The figures that grpcd is judged by, each beside nghttpd serving a 16-byte file on the same machine in the same run.

    make benchmark-micro
    make benchmark-micro ARGS='--only cpu --rounds 9 --json'

instructions  user-space instructions of one unary echo call, 10 connections of 10 streams, counted by callgrind: the
              difference of two run lengths, so that starting and stopping drop out
cpu           the server's processor time of one call, kernel included: the median of interleaved rounds, with h2load
              on another core. Compare the ratios: the times themselves are this machine's and this minute's
tls           the same processor time over TLS 1.3 (AES-128-GCM, P-256) and in plaintext, grpcd's own, taking turns; the
              handshakes are part of it
memory        what the resident set grows by for each idle connection that has exchanged SETTINGS, and whether the
              server still answers while it holds them

The echo's request and response carry a payload of 16 bytes. The exit status is 0 when everything could be measured.
"""

import argparse
import contextlib
import json
import pathlib
import signal
import statistics
import sys
import tempfile

from counted_work import Counting
from idle_connections import memory_per_connection, room_for
from loads import h2load
from machine import require, two_cores
from servers import Server
from subjects import echo_server, file_server, grpcd_command, make_certificate

SHAPES = ((10, 10), (1, 100), (100, 1))  # connections, streams on each


def subjects(grpcd, folder):
    """grpcd and nghttpd, with their files in `folder`."""
    return echo_server("grpcd", grpcd_command(grpcd), folder), file_server(folder)


def over_tls(plain, folder):
    """The same server behind TLS, with a certificate of its own making."""
    certificate, key = make_certificate(folder)
    command = [*plain.command, "--tls-cert", certificate, "--tls-key", key]
    return plain._replace(name="TLS", command=command, certificate=certificate)


def cpu_per_call(subjects, cores, shape, calls, rounds):
    """Each server's microseconds of processor time for one call, of each round; the servers take turns."""
    times = {subject.name: [] for subject in subjects}
    with contextlib.ExitStack() as running:
        pairs = [(subject, running.enter_context(Server(subject.command, cores[0]))) for subject in subjects]
        for subject, server in pairs:
            h2load(subject, server, max(calls // 10, shape[0]), shape, cores[1])
        for _ in range(rounds):
            for subject, server in pairs:
                before = server.cpu_ns()
                h2load(subject, server, calls, shape, cores[1])
                times[subject.name].append((server.cpu_ns() - before) / calls / 1000)
    return times


def idle_kib(subject, cores, connections):
    """The memory of an idle connection, of a server that goes on to answer."""
    answers = lambda server: h2load(subject, server, 1000, SHAPES[0], cores[1])
    return memory_per_connection(subject.command, connections, cores[0], answers)


def measure(options, cores):
    """All figures that were asked for, as they are printed by --json."""
    figures = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        both = subjects(options.grpcd, folder)
        if "instructions" in options.only:
            counting = Counting(options.valgrind_wait, folder, cores, options.counted_calls)
            figures["instructions_per_call"] = {
                subject.name: round(counting.instructions_per_call(subject, SHAPES[0])) for subject in both
            }
        if "cpu" in options.only:
            figures["cpu_us_per_call"] = {}
            for shape in SHAPES:
                rounds = cpu_per_call(both, cores, shape, options.calls, options.rounds)
                medians = {server: statistics.median(times) for server, times in rounds.items()}
                ratio = medians["grpcd"] / medians["nghttpd"]
                figures["cpu_us_per_call"]["{}x{}".format(*shape)] = {**medians, "ratio": ratio, "rounds": rounds}
        if "tls" in options.only:
            rounds = cpu_per_call([both[0], over_tls(both[0], folder)], cores, SHAPES[0], options.calls, options.rounds)
            medians = {server: statistics.median(times) for server, times in rounds.items()}
            ratio = medians["TLS"] / medians["grpcd"]
            figures["tls_cpu_us_per_call"] = {**medians, "ratio": ratio, "rounds": rounds}
        if "memory" in options.only:
            idle = {subject.name: idle_kib(subject, cores, options.connections) for subject in both}
            figures["idle_connection_kib"] = {**idle, "connections": options.connections}
    return figures


def report(figures):
    """The figures as a table."""
    row = "{:42} {:>10} {:>10} {:>7}".format
    print(row("unary echo, 16 bytes", "grpcd", "nghttpd", "ratio"))

    def line(title, pair, digits):
        values = (pair["grpcd"], pair["nghttpd"])
        print(row(title, *(f"{value:,.{digits}f}" for value in values), f"{values[0] / values[1]:.2f}"))

    if counted := figures.get("instructions_per_call"):
        line("user-space instructions a call, 10x10", counted, 0)
    for shape, pair in figures.get("cpu_us_per_call", {}).items():
        line(f"server CPU a call, {shape}, µs", pair, 2)
    if pair := figures.get("tls_cpu_us_per_call"):
        print(f"server CPU a call, 10x10, µs: {pair['TLS']:.2f} over TLS, {pair['grpcd']:.2f} in plaintext, "
              f"{pair['ratio']:.2f} times")
    if idle := figures.get("idle_connection_kib"):
        line("memory an idle connection, {connections:,} held, KiB".format(**idle), idle, 1)


def parse_options():
    parts = ["instructions", "cpu", "tls", "memory"]
    parser = argparse.ArgumentParser(description="Measures grpcd's unary echo, beside nghttpd.")
    parser.add_argument("--grpcd", required=True, type=pathlib.Path, help="the program to measure")
    parser.add_argument(
        "--valgrind-wait", required=True, type=pathlib.Path, help="valgrind-wait.so, which the build makes"
    )
    parser.add_argument("--only", nargs="+", choices=parts, default=parts, help="which figures (all)")
    parser.add_argument("--calls", type=int, default=100_000, help="calls of a round of cpu (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of cpu (%(default)s)")
    parser.add_argument(
        "--counted-calls", type=int, default=20_000, help="calls under callgrind (%(default)s)"
    )
    parser.add_argument(
        "--connections", type=int, default=10_000, help="idle connections; fewer where the limit is (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, with every round")
    return parser.parse_args()


def main():
    options = parse_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # by way of every __exit__
    require("h2load", "nghttpd", "valgrind")
    cores = two_cores()

    options.connections = room_for(options.connections)

    figures = measure(options, cores)
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        report(figures)


if __name__ == "__main__":
    main()
