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
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile

from servers import HOST, Server

PAYLOAD = b"sixteen octets.."
MESSAGE = bytes([0x0A, len(PAYLOAD)]) + PAYLOAD  # field 1 of echo.v1.EchoRequest
BODY = struct.pack(">BI", 0, len(MESSAGE)) + MESSAGE
SHAPES = ((10, 10), (1, 100), (100, 1))  # connections, streams on each
LOAD_SECONDS = 600
CONNECTION_SECONDS = 10

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS, ACK = 4, 1


class Subject:
    """One of the two servers, with the request that it is asked and the least that a good answer carries."""

    def __init__(self, name, command, path, answer_bytes, load_flags=(), wrapper=(), scheme="http"):
        self.name = name
        self.command = command
        self.path = path
        self.answer_bytes = answer_bytes
        self.load_flags = load_flags
        self.wrapper = wrapper  # goes before Valgrind
        self.scheme = scheme

    def load(self, server, calls, shape, core):
        """Runs h2load to its end; fails unless every call was answered."""
        connections, streams = shape
        command = ["h2load", "-n", calls, "-c", connections, "-m", streams, *self.load_flags, f"{self.scheme}://{server.host}{self.path}"]
        done = subprocess.run(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=LOAD_SECONDS, preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
        succeeded = re.search(r"(\d+) succeeded, 0 failed, 0 errored, 0 timeout", done.stdout)
        data = re.search(r"\((\d+)\) data$", done.stdout, re.MULTILINE)
        if not succeeded or int(succeeded[1]) != calls or int(data[1]) < calls * self.answer_bytes:
            raise RuntimeError(f"not every call to {self.name} was answered:\n{done.stdout}")


def subjects(grpcd, valgrind_wait, folder):
    """grpcd and nghttpd, with their files in `folder`."""
    (folder / "body").write_bytes(BODY)
    (folder / "file").write_bytes(PAYLOAD)
    grpc = ("-d", folder / "body", "-H", "content-type: application/grpc", "-H", "te: trailers")
    serve = [grpcd, "--shards", "1", "--log-level", "warn", "--generate-key", "none", "--listen", HOST + ":{port}"]
    return [
        Subject(
            "grpcd", serve, "/echo.v1.EchoService/Echo", len(BODY), grpc, ("env", f"LD_PRELOAD={valgrind_wait}")
        ),
        Subject("nghttpd", ["nghttpd", "--no-tls", "-a", HOST, "-d", folder, "{port}"], "/file", len(PAYLOAD)),
    ]


def over_tls(plain, folder):
    """The same server behind TLS, with a certificate of its own making."""
    certificate, key = folder / "server.pem", folder / "server.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-keyout", key, "-out", certificate],
        check=True, stdin=subprocess.DEVNULL, capture_output=True,
    )  # fmt: skip
    command = [*plain.command, "--tls-cert", certificate, "--tls-key", key]
    return Subject("TLS", command, plain.path, plain.answer_bytes, plain.load_flags, scheme="https")


def instructions_per_call(subject, folder, cores, shape, calls):
    """The user-space instructions of one call: of a run with `calls` more than another, by their number."""
    few = max(calls // 10, shape[0] * shape[1])
    counted = [_instructions(subject, folder, cores, shape, count) for count in (few, few + calls)]
    return (counted[1] - counted[0]) / calls


def _instructions(subject, folder, cores, shape, calls):
    output = folder / "callgrind.out"
    output.unlink(missing_ok=True)
    valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={output}", "--quiet"]
    with Server([*subject.wrapper, *valgrind, *subject.command], cores[0]) as server:
        subject.load(server, calls, shape, cores[1])
    total = re.search(r"^(?:totals|summary): (\d+)$", output.read_text(), re.MULTILINE)
    return int(total[1])


def cpu_per_call(subjects, cores, shape, calls, rounds):
    """Each server's microseconds of processor time for one call, of each round; the servers take turns."""
    times = {subject.name: [] for subject in subjects}
    with contextlib.ExitStack() as running:
        pairs = [(subject, running.enter_context(Server(subject.command, cores[0]))) for subject in subjects]
        for subject, server in pairs:
            subject.load(server, max(calls // 10, shape[0]), shape, cores[1])
        for _ in range(rounds):
            for subject, server in pairs:
                before = server.cpu_ns()
                subject.load(server, calls, shape, cores[1])
                times[subject.name].append((server.cpu_ns() - before) / calls / 1000)
    return times


def memory_per_connection(subject, cores, connections):
    """How many KiB the server grows by for each idle connection; it must answer calls while it holds them all."""
    shape = SHAPES[0]
    with Server(subject.command, cores[0]) as server, contextlib.ExitStack() as held:
        subject.load(server, 1000, shape, cores[1])
        before = server.resident_kib()
        for _ in range(connections):
            held.enter_context(_idle_connection(server.port))
        grown = server.resident_kib() - before
        subject.load(server, 1000, shape, cores[1])
    return grown / connections


def _idle_connection(port):
    """A connection on which both sides have sent their SETTINGS and acknowledged the other's."""
    client = socket.create_connection((HOST, port), timeout=CONNECTION_SECONDS)
    try:
        client.sendall(PREFACE + _settings(flags=0))
        with client.makefile("rb") as stream:
            awaited = {0, ACK}
            while awaited:
                length, kind, flags = struct.unpack(">I", b"\0" + stream.read(3))[0], *stream.read(2)
                stream.read(4 + length)
                if kind == SETTINGS:
                    awaited.discard(flags)
        client.sendall(_settings(flags=ACK))
        return client
    except BaseException:
        client.close()
        raise


def _settings(flags):
    return struct.pack(">BHBBI", 0, 0, SETTINGS, flags, 0)


def measure(options, cores):
    """All figures that were asked for, as they are printed by --json."""
    figures = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        both = subjects(options.grpcd, options.valgrind_wait, folder)
        if "instructions" in options.only:
            figures["instructions_per_call"] = {
                subject.name: round(instructions_per_call(subject, folder, cores, SHAPES[0], options.counted_calls))
                for subject in both
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
            idle = {subject.name: memory_per_connection(subject, cores, options.connections) for subject in both}
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
    for program in ("h2load", "nghttpd", "valgrind"):
        if not shutil.which(program):
            sys.exit(f"{program} is needed: run `make setup`")

    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        print("one core only: the load generator disturbs the server", file=sys.stderr)
        cores *= 2

    # Servers inherit the limit; they need some descriptors beside the connections.
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    if limit != resource.RLIM_INFINITY and options.connections > limit - 200:
        options.connections = limit - 200
        print(f"only {limit} descriptors: holding {options.connections} connections", file=sys.stderr)

    figures = measure(options, cores)
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        report(figures)


if __name__ == "__main__":
    main()
