#!/usr/bin/env python3
"""Compares ringrpc with its peers: the same echo on tonic, grpc-go and grpc++, with nghttpd as the upper limit.

    make benchmark-peers
    make benchmark-peers ARGS='--only 10x10 64KiB --rounds 9'
    make benchmark-peers ARGS='--quick'

Every server has one core, and its load another. The servers take turns, round after round; a figure is the median of the
rounds. Beside each figure is its ratio to ringrpc's, the median of the rounds' ratios. Compare only the ratios: the figures
change from machine to machine and from minute to minute.

1x1 … 100x10  unary echo of 16 bytes: connections, and calls in flight on each. The load is grpcbench. nghttpd serves a
              file of 16 bytes and no gRPC, so its load is h2load; beside it is ringrpc under h2load. 1x1 also has
              ringrpc with 25 µs of spinning before it sleeps, and a bare ping-pong of two processes over epoll, the cost of a
              round trip alone. Most rows also have ringrpc as it is observed in production, with admin pages, metrics, an
              OpenTelemetry collector, one call in a hundred traced, and one in a hundred in the access log
64KiB         unary echo of 65,536 bytes, 10 connections of 10 calls
tls           unary echo of 16 bytes over TLS, 10 connections of 10 calls; the handshakes are part of it
feed          messages of 16 bytes that a server streams to 10 callers on one connection
connections   memory of an idle connection
instructions  user-space instructions of one unary echo, counted by callgrind
allocations   heap blocks of one unary echo in the steady state, by the code that allocates them
shards        server CPU of one call: two servers of one shard, and one server of two, on both cores under the same load
half-load     latency at half of the rate that the server's core has time for, with calls on schedule (Poisson). The rate
              follows from the CPU of one call, measured at 10x10 in closed loop just before. Beside it are the share of its
              core that the server used, and the share of time in which the machine paused even a loop that only reads the
              clock for more than 1 ms, which no server can avoid

`CPU` is the server's processor time for one call (one message), kernel included. Peers that cannot be built here are skipped
with the reason. The output ends with a table of the goals; the exit status is 1 if one of them is missed.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import functools
import json
import os
import pathlib
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
from typing import NamedTuple

import loads
import rounds
from counted_work import Counting
from goals import BARE, CEILING, ECHO, OURS, OURS_BY_H2LOAD, OURS_OBSERVED, OURS_SPINNING, judge
from idle_connections import memory_per_connection, room_for
from machine import require, two_cores
from options import whole
from pauses import share_paused
from peer_builds import build_peers
from rounds import Contender
from servers import Server
from subjects import (
    ADDRESS, Subject, echo_server, exporting_to, file_server, grpcd_command, make_certificate, observed_as_in_production,
)  # fmt: skip


class Row(NamedTuple):
    title: str
    shape: tuple  # connections, calls in flight on each
    calls: int  # in a round
    kind: str = "unary"
    payload_bytes: int = 16
    ceiling: bool = False  # also measures nghttpd
    observed: bool = True  # also measures ringrpc with metrics, traces and an access log


ROWS = {
    "1x1": Row("unary, 16 bytes, 1 connection x 1 call", (1, 1), 20_000, ceiling=True),
    "1x100": Row("unary, 16 bytes, 1 connection x 100 calls", (1, 100), 200_000, ceiling=True),
    "10x10": Row("unary, 16 bytes, 10 connections x 10 calls", (10, 10), 200_000, ceiling=True),
    "100x1": Row("unary, 16 bytes, 100 connections x 1 call", (100, 1), 100_000, ceiling=True),
    "100x10": Row("unary, 16 bytes, 100 connections x 10 calls", (100, 10), 200_000, ceiling=True),
    "64KiB": Row("unary, 64 KiB, 10 connections x 10 calls", (10, 10), 20_000, payload_bytes=65_536),
    "tls": Row("unary, 16 bytes, TLS, 10 connections x 10 calls", (10, 10), 200_000, kind="tls", observed=False),
    "feed": Row("server streaming, 16 bytes, 10 callers on 1 connection", (1, 10), 1_000_000, kind="feed"),
}
SPIN_US = 25
MANY = 5  # more rounds, each shorter, for rows that need both cores: other programs then disturb fewer of them
PROBES = ("connections", "instructions", "allocations", "shards", "half-load")


class Bench:
    """The programs, the peers, the cores, and all measurements."""

    def __init__(self, options, peers, folder, cores):
        self._options = options
        self._peers = peers
        self._folder = folder
        self._cores = cores
        self._certificate, self._key = make_certificate(folder)
        self._grpcd = options.build / "apps" / "grpcd"
        self._grpcbench = options.build / "apps" / "grpcbench"
        self._counting = Counting(
            options.build / "benchmarks" / "valgrind-wait.so", folder, cores, 2_000 if options.quick else 20_000
        )
        self.runs = 0  # of grpcbench, except pairs at the same time, which share their cores on purpose
        self.warned = 0  # runs with warnings
        self.warnings = collections.Counter()  # {kind: runs}

    def measure(self):
        figures = {"rows": {}}
        for name in self._options.only:
            print(f"measuring {name}", file=sys.stderr, flush=True)
            if name in ROWS:
                figures["rows"][name] = self._measure_row(ROWS[name])
            else:
                figures[name.replace("-", " ")] = getattr(self, "_" + name.replace("-", "_"))()
        return figures

    # Rows

    def _measure_row(self, row):
        with contextlib.ExitStack() as running:
            start = lambda command, core=self._cores[0]: running.enter_context(Server(command, core))
            return rounds.take_turns(list(self._contenders(row, start)), self._calls(row), self._options.rounds)

    def _calls(self, row):
        return row.calls // 5 if self._options.quick else row.calls

    def _contenders(self, row, start):
        """The servers of a row, ringrpc first. `start` starts each."""
        if row.kind == "feed":
            yield from self._streaming(row, start)
            return
        for subject in self._echo_servers(tls=row.kind == "tls"):
            yield self._by_grpcbench(row, subject, start(subject.command))
        if row.observed:
            yield self._observed(row, start)
        if row.ceiling:
            yield self._by_h2load(row, self._ours()._replace(name=OURS_BY_H2LOAD), start)
            yield self._by_h2load(row, file_server(self._folder)._replace(name=CEILING), start)
        if row.shape == (1, 1):
            spinning = self._ours()._replace(name=OURS_SPINNING)
            yield self._by_grpcbench(row, spinning, start([*spinning.command, "--spin-us", SPIN_US]))
            program = self._options.build / "benchmarks" / "peers" / "ping-pong"
            server = start([program, "serve", ADDRESS])
            yield Contender(BARE, server, functools.partial(loads.ping_pong, program, server, core=self._cores[1]))

    def _streaming(self, row, start):
        streams = self._options.build / "benchmarks" / "streams"
        commands = {OURS: [streams / "stream-server", ADDRESS], **self._peers.commands}
        load = functools.partial(loads.stream, streams / "stream-load", callers=row.shape[1], core=self._cores[1])
        for name, command in commands.items():
            server = start(command)
            yield Contender(name, server, functools.partial(load, server, "feed"))

    def _echo_servers(self, tls=False):
        ours = grpcd_command(self._grpcd)
        if not tls:
            commands = {OURS: ours, **self._peers.commands}
            return [echo_server(name, command, self._folder) for name, command in commands.items()]
        credentials = [self._certificate, self._key]
        commands = {OURS: [*ours, "--tls-cert", self._certificate, "--tls-key", self._key]}
        commands |= {name: [*command, *credentials] for name, command in self._peers.commands.items()}
        return [
            echo_server(name, command, self._folder)._replace(certificate=self._certificate)
            for name, command in commands.items()
        ]

    def _by_grpcbench(self, row, subject, server):
        load = lambda calls: self._checked(
            subject, server, row.shape, "--payload-size", row.payload_bytes, requests=calls
        )
        return Contender(subject.name, server, load)

    def _observed(self, row, start):
        """The collector has the core of the load, as others of its machine would have it."""
        collector = start([self._options.build / "benchmarks" / "traced-echo", ADDRESS, "off"], self._cores[1])
        flags, variables = observed_as_in_production(self._folder)
        ours = self._ours()
        command = ["env", exporting_to(collector), *variables, *ours.command, *flags]
        return self._by_grpcbench(row, ours._replace(name=OURS_OBSERVED), start(command))

    def _checked(self, subject, server, shape, *flags, requests=None):
        if subject.certificate:
            flags += "--tls-ca", subject.certificate
        load = loads.grpcbench(
            self._grpcbench, server.host, shape, {self._cores[1]}, *flags, requests=requests
        )
        self.runs += 1
        self.warned += bool(load.warnings)
        self.warnings.update({kind_of(warning) for warning in load.warnings})
        return load

    def _by_h2load(self, row, subject, start):
        server = start(subject.command)
        load = functools.partial(loads.h2load, subject, server, shape=row.shape, core=self._cores[1])
        return Contender(subject.name, server, load)

    def _ours(self) -> Subject:
        return echo_server(OURS, grpcd_command(self._grpcd), self._folder)

    # Probes

    def _connections(self):
        """{server: KiB for each connection}."""
        connections = room_for(1_000 if self._options.quick else 10_000)
        subjects = [*self._echo_servers(), file_server(self._folder)]
        return {
            "held": connections,
            "kib": {subject.name: memory_per_connection(subject, connections, self._cores) for subject in subjects},
        }

    def _instructions(self):
        both = (self._ours(), file_server(self._folder))
        return {subject.name: self._counting.instructions_per_call(subject, (10, 10)) for subject in both}

    def _allocations(self):
        return [allocation._asdict() for allocation in self._counting.allocations_per_call(self._ours(), (10, 10))]

    def _shards(self):
        """Measures two servers of one shard each, then one of two shards, on the same two cores under the same four loads,
        in each round. Each core has two of the loads and serves half of its requests to those of the other."""
        cpu_us = {"one": [], "two": []}
        calls = 10_000 if self._options.quick else 50_000
        ours, (first, second) = self._ours(), self._cores
        for _ in range(MANY * self._options.rounds):
            for name, cores in (("one", ((first,), (second,))), ("two", ((first, second),))):
                with contextlib.ExitStack() as running:
                    servers = [running.enter_context(Server(ours.command, *each)) for each in cores]
                    loaded = [(servers[number % len(servers)], self._cores[number // 2]) for number in range(4)]
                    self._load_all(loaded, calls // 10)
                    before = sum(server.cpu_ns() for server in servers)
                    self._load_all(loaded, calls)
                    cpu_ns = sum(server.cpu_ns() for server in servers) - before
                cpu_us[name].append(cpu_ns / (calls * len(loaded)) / 1000)
        return cpu_us

    def _load_all(self, loaded, calls):
        """Loads each of the servers from the core beside it, all at the same time."""
        with concurrent.futures.ThreadPoolExecutor(len(loaded)) as together:
            for _ in together.map(
                lambda pair: loads.grpcbench(
                    self._grpcbench, pair[0].host, (5, 10), {pair[1]}, requests=calls
                ), loaded
            ):
                pass  # they warn that they share their cores, as intended

    def _half_load(self):
        """Returns the latencies of each round, the rate of calls, and the share of its core that the server used at that
        rate."""
        figures = {"rate": [], "mean_us": [], "p50_us": [], "p99_us": [], "used": [], "paused": []}
        ours, row = self._ours(), ROWS["10x10"]
        with Server(ours.command, self._cores[0]) as server:
            for _ in range(MANY * self._options.rounds):
                closed_loop = rounds.measure(self._by_grpcbench(row, ours, server), self._calls(row))
                rate = round(0.5 * 1e6 / closed_loop["cpu_us"])
                before = server.cpu_ns()
                load = self._checked(ours, server, (10, 100), "--rate", rate, "--spacing", "poisson",
                                     "--warmup", "500ms", "--duration", "1s")  # fmt: skip
                figures["used"].append((server.cpu_ns() - before) / 1.5e9)
                figures["paused"].append(share_paused(self._cores, 1))
                figures["rate"].append(rate)
                for figure in ("mean_us", "p50_us", "p99_us"):
                    figures[figure].append(getattr(load, figure))
        return figures


def kind_of(warning):
    """grpcbench's warning, without its figures and its advice."""
    return re.split("[,:;] ", re.sub(r"[0-9][0-9.,]*", "…", warning))[0]


def tell_warnings(runs, warned, warnings, out=sys.stderr):
    print(f"grpcbench warned in {warned} of {runs} runs" + (":" if warned else ""), file=out)
    for kind, times in warnings.most_common():
        print(f"{times:5} × {kind}", file=out)


def report(figures):
    """All tables."""
    beside = lambda name: OURS_BY_H2LOAD if name == CEILING else OURS
    for name, row in figures["rows"].items():
        rounds.report(ROWS[name].title, row, beside, {**rounds.FIGURES, "MiB": "mib"})
    if idle := figures.get("connections"):
        ours = idle["kib"][OURS]
        print(f"\nmemory of an idle connection, {idle['held']:,} held, KiB")
        for name, kib in idle["kib"].items():
            print(f"{name:18} {kib:>9.1f} {kib / ours:>6.2f}")
    if counted := figures.get("instructions"):
        print("\nuser-space instructions of a unary echo: " + ", ".join(f"{name} {n:,.0f}" for name, n in counted.items()))
    if (allocations := figures.get("allocations")) is not None:
        print(f"\nheap allocations of a unary echo: {sum(each['per_call'] for each in allocations):.2f}")
        for each in allocations:
            print(f"{each['per_call']:8.2f}  {each['owner']}: {each['place'].partition('(')[0]}")
    if shards := figures.get("shards"):
        one, two = (statistics.median(shards[name]) for name in ("one", "two"))
        print(f"\nserver CPU of a call, µs: {one:.2f} on two servers of one shard, {two:.2f} on one of two")
    if half := figures.get("half load"):
        rate, p50, p99, used, paused = (
            statistics.median(half[figure]) for figure in ("rate", "p50_us", "p99_us", "used", "paused")
        )
        print(f"\nat 50 % load, {rate:,.0f} calls/s on schedule, half of what the server's core has time for in closed loop:")
        print(f"median {p50:,.0f} µs, 99th percentile {p99:,.0f} µs; the server used {used:.0%} of its core")
        print(f"loops that only read the clock, after each: paused for over 1 ms at once during {paused:.2%} of both cores' time")


def describe(peers):
    """Describes the machine and the servers."""
    model = re.search(r"^model name\s*: (.+)$", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    versions = {**peers.versions, "nghttpd": _version(["nghttpd", "--version"])}
    cpus, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    print(f"{cpus} cores of {model[1] if model else platform.machine()}, Linux {platform.release()}, load {load:.1f}")
    print("peers: " + ", ".join(f"{name} {version}" for name, version in versions.items()))
    for name, why in peers.skipped.items():
        print(f"skipped: {name}: {why}")


def _version(command):
    return subprocess.run(command, capture_output=True, text=True).stdout.split("/")[-1].strip()


def parse_options():
    parts = [*ROWS, *PROBES]
    parser = argparse.ArgumentParser(description="Measures ringrpc beside its peers.")
    parser.add_argument("--build", required=True, type=pathlib.Path, help="Meson's build directory")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts, metavar="ROW", help="of: " + " ".join(parts))
    parser.add_argument("--rounds", type=whole(1), help="(5, or 2 with --quick)")
    parser.add_argument("--quick", action="store_true", help="a fifth of the calls: for a first look")
    parser.add_argument("--json", action="store_true", help="print JSON, with every round")
    options = parser.parse_args()
    options.rounds = options.rounds or (2 if options.quick else 5)
    return options


def main():
    options = parse_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that every __exit__ runs
    require("h2load", "nghttpd", "openssl", "valgrind")
    cores = two_cores()
    peers = build_peers(options.build)
    if not options.json:
        describe(peers)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, peers, pathlib.Path(folder), cores)
        figures = bench.measure()
    if bench.runs:
        tell_warnings(bench.runs, bench.warned, bench.warnings)
    if options.json:
        print(json.dumps({**figures, "versions": peers.versions, "skipped": peers.skipped}, indent=2))
    else:
        report(figures)
        print()
    met = judge(ECHO, figures, sys.stderr if options.json else sys.stdout)
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
