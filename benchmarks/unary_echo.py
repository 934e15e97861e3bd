#!/usr/bin/env python3
"""Measures the main figures of grpcd, each beside nghttpd serving a 16-byte file on the same machine in the same run.

    make benchmark-micro
    make benchmark-micro ARGS='--only cpu --rounds 9 --json'

instructions  user-space instructions of one unary echo call, 10 connections of 10 streams, counted by callgrind: the
              difference of two run lengths, which excludes starting and stopping
cpu           the server's processor time of one call, kernel included: the median of rounds in which the two take turns,
              with h2load on another core, and the median of the rounds' ratios. Compare only the ratios: the times change
              from machine to machine and from minute to minute
tracing       user-space instructions of the same call to a server with a tracer: of a call that is not sampled, and of a
              sampled call, whose span is dropped where an exporter would take it; and what each adds to the call of the
              same server without a tracer
observed      user-space instructions of the same call to grpcd with admin pages, with telemetry in addition, with one call
              in a hundred sampled and in the access log, and with every call sampled, whose spans a collector takes; and
              what each adds to the call without them; and heap blocks of a call with admin pages
scrape        the longest time for which a scrape of 1,000 methods on 8 shards holds a shard at once, in processor time
tls           the same processor time over TLS 1.3 (AES-128-GCM, P-256) and in plaintext, both of grpcd, taking turns;
              handshakes included
memory        the growth of the resident set for each idle connection that has exchanged SETTINGS, and whether the server
              still responds while it holds them all

The echo's request and response have a payload of 16 bytes. The output ends with a table of the goals; the exit status
is 1 if one of them is missed.
"""

import argparse
import contextlib
import functools
import json
import pathlib
import shlex
import signal
import subprocess
import sys
import tempfile

from counted_work import Counting
from goals import COSTS, NOT_SAMPLED, NOTHING_ELSE, SAMPLED, UNTRACED, WITH_METRICS, judge
from idle_connections import memory_per_connection, room_for
from loads import h2load
from machine import require, two_cores
from options import whole
from rounds import Contender, median, ratio, take_turns
from servers import Server
from subjects import (
    ADDRESS, echo_server, exporting_to, file_server, grpcd_command, make_certificate, observed_as_in_production,
)  # fmt: skip

SHAPES = ((10, 10), (1, 100), (100, 1))  # connections, streams on each
OURS, THEIRS, OVER_TLS = "grpcd", "nghttpd", "TLS"
SAMPLING = {UNTRACED: "no tracer", NOT_SAMPLED: "tracer, not sampled", "always": "sampled"}


def over_tls(plain, folder):
    """The same server with TLS and a self-signed certificate."""
    certificate, key = make_certificate(folder)
    command = [*plain.command, "--tls-cert", certificate, "--tls-key", key]
    return plain._replace(name=OVER_TLS, command=command, certificate=certificate)


def under_h2load(options, subjects, shape, cores):
    """Measures the row of the subjects."""
    with contextlib.ExitStack() as running:
        contenders = []
        for subject in subjects:
            server = running.enter_context(Server(subject.command, cores[0]))
            load = functools.partial(h2load, subject, server, shape=shape, core=cores[1])
            contenders.append(Contender(subject.name, server, load))
        return take_turns(contenders, options.calls, options.rounds)


def ways_to_observe(folder):
    """Further flags of grpcd, and variables of its environment. If every call is sampled, the queue has room for all spans,
    so that none is dropped."""
    admin = ["--admin", "127.0.0.1:0"]
    return {
        NOTHING_ELSE: ([], ()),
        WITH_METRICS: (admin, ()),
        "--admin --telemetry, not sampled": ([*admin, "--telemetry"], ("OTEL_TRACES_SAMPLER=always_off",)),
        "that, 1 % sampled, 1 % in the access log": observed_as_in_production(folder),
        SAMPLED: ([*admin, "--telemetry"], ("OTEL_TRACES_SAMPLER=always_on", "OTEL_BSP_MAX_QUEUE_SIZE=1000000")),
    }  # fmt: skip


def observed(options, counting, cores, folder):
    """Instructions of a call for each of these ways."""
    counted = {}
    with Server([options.traced_echo, ADDRESS, UNTRACED], cores[1]) as collector:
        for title, (flags, variables) in ways_to_observe(folder).items():
            subject = echo_server(OURS, [*grpcd_command(options.grpcd), *shlex.split(options.flags), *flags], folder)
            subject = subject._replace(variables=(exporting_to(collector), *variables))
            counted[title] = counting.instructions_per_call(subject, SHAPES[0])
    return counted


def allocations_with_metrics(options, counting, folder):
    flags, _ = ways_to_observe(folder)[WITH_METRICS]
    subject = echo_server(OURS, [*grpcd_command(options.grpcd), *shlex.split(options.flags), *flags], folder)
    return [allocation._asdict() for allocation in counting.allocations_per_call(subject, SHAPES[0])]


def scrape(options):
    """The longest step of each repetition."""
    command = [options.scrape_bench, f"--benchmark_repetitions={options.rounds}", "--benchmark_format=json"]
    done = subprocess.run(command, check=True, capture_output=True)
    rows = [row for row in json.loads(done.stdout)["benchmarks"] if row["run_type"] == "iteration"]
    rounds = {row["repetition_index"] for row in rows}
    return {"longest_us": [max(row["longest_us"] for row in rows if row["repetition_index"] == at) for at in sorted(rounds)]}


def measure(options, cores):
    """All requested figures, as --json prints them."""
    figures = {"rows": {}}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        ours = echo_server(OURS, [*grpcd_command(options.grpcd), *shlex.split(options.flags)], folder)
        both = (ours, file_server(folder))
        counting = Counting(options.valgrind_wait, folder, cores, options.counted_calls)
        if "instructions" in options.only:
            figures["instructions"] = {each.name: counting.instructions_per_call(each, SHAPES[0]) for each in both}
        if "tracing" in options.only:
            figures["tracing"] = {
                sampling: counting.instructions_per_call(
                    echo_server(sampling, [options.traced_echo, ADDRESS, sampling], folder), SHAPES[0])
                for sampling in SAMPLING
            }
        if "observed" in options.only:
            figures["observed"] = observed(options, counting, cores, folder)
            figures["allocations"] = allocations_with_metrics(options, counting, folder)
        if "scrape" in options.only:
            figures["scrape"] = scrape(options)
        if "cpu" in options.only:
            for shape in SHAPES:
                figures["rows"]["{}x{}".format(*shape)] = under_h2load(options, both, shape, cores)
        if "tls" in options.only:
            figures["tls"] = under_h2load(options, (ours, over_tls(ours, folder)), SHAPES[0], cores)
        if "memory" in options.only:
            held = room_for(options.connections)
            kib = {each.name: memory_per_connection(each, held, cores) for each in both}
            figures["connections"] = {"held": held, "kib": kib}
    return figures


def report(figures):
    """Prints the figures as a table."""
    row = "{:42} {:>10} {:>10} {:>7}".format
    print(row("unary echo, 16 bytes", OURS, THEIRS, "ratio"))
    if counted := figures.get("instructions"):
        ours, theirs = counted[OURS], counted[THEIRS]
        print(row("user-space instructions a call, 10x10", f"{ours:,.0f}", f"{theirs:,.0f}", f"{ours / theirs:.2f}"))
    if traced := figures.get("tracing"):
        for sampling, title in SAMPLING.items():
            print(row(f"instructions a call, {title}", f"{traced[sampling]:,.0f}", "",
                      f"{traced[sampling] - traced['off']:+,.0f}"))
    if counted := figures.get("observed"):
        without = next(iter(counted.values()))
        for title, instructions in counted.items():
            print(row(f"the same, {title}", f"{instructions:,.0f}", "", f"{instructions - without:+,.0f}"))
    for shape, cpu in figures["rows"].items():
        each = (f"{median(cpu, name, 'cpu_us'):.2f}" for name in (OURS, THEIRS))
        print(row(f"server CPU a call, {shape}, µs", *each, f"{ratio(cpu, 'cpu_us', OURS, THEIRS):.2f}"))
    if tls := figures.get("tls"):
        print(f"server CPU a call, 10x10, µs: {median(tls, OVER_TLS, 'cpu_us'):.2f} over TLS, "
              f"{median(tls, OURS, 'cpu_us'):.2f} in plaintext, {ratio(tls, 'cpu_us', OVER_TLS, OURS):.2f} times")
    if idle := figures.get("connections"):
        ours, theirs = idle["kib"][OURS], idle["kib"][THEIRS]
        title = f"memory an idle connection, {idle['held']:,} held, KiB"
        print(row(title, f"{ours:.1f}", f"{theirs:.1f}", f"{ours / theirs:.2f}"))


def parse_options():
    parts = ["instructions", "tracing", "observed", "scrape", "cpu", "tls", "memory"]
    parser = argparse.ArgumentParser(description="Measures grpcd's unary echo, beside nghttpd.")
    parser.add_argument("--grpcd", required=True, type=pathlib.Path, help="the program to measure")
    parser.add_argument(
        "--valgrind-wait", required=True, type=pathlib.Path, help="valgrind-wait.so, which the build makes"
    )
    parser.add_argument("--traced-echo", type=pathlib.Path, help="traced-echo, which the build makes, for tracing and observed")
    parser.add_argument("--scrape-bench", type=pathlib.Path, help="scrape-bench, which the build makes, for scrape")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts, help="which figures (all)")
    parser.add_argument("--calls", type=whole(100), default=100_000, help="calls of a round of cpu and tls (%(default)s)")
    parser.add_argument("--rounds", type=whole(1), default=5, help="rounds of cpu and tls (%(default)s)")
    parser.add_argument(
        "--counted-calls", type=whole(1), default=20_000, help="calls under callgrind (%(default)s)"
    )
    parser.add_argument(
        "--connections", type=whole(1), default=10_000, help="idle connections; fewer where the limit is (%(default)s)"
    )
    parser.add_argument("--flags", default="", help="further flags of grpcd, in one argument")
    parser.add_argument("--json", action="store_true", help="print JSON, with every round")
    options = parser.parse_args()
    if {"tracing", "observed"} & set(options.only) and not options.traced_echo:
        parser.error("tracing and observed need --traced-echo")
    if "scrape" in options.only and not options.scrape_bench:
        parser.error("scrape needs --scrape-bench")
    return options


def main():
    options = parse_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that every __exit__ runs
    require("h2load", "nghttpd", "valgrind")
    cores = two_cores()
    figures = measure(options, cores)
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        report(figures)
        print()
    met = judge(COSTS, figures, sys.stderr if options.json else sys.stdout)
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
