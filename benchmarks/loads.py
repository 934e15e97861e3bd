"""The programs that put load on servers, and their results. Each runs to its end, pinned to cores, and fails unless every
call succeeded.

    load = grpcbench(program, server.host, (10, 10), {1}, requests=100_000)
    print(load.calls_per_second, load.p99_us)
"""

import json
import os
import re
import resource
import subprocess
from typing import NamedTuple

from servers import bare_environment

LOAD_SECONDS = 600


class Load(NamedTuple):
    """The results of a run; None for figures that the load generator does not report."""

    calls: int | None = None
    calls_per_second: float | None = None
    mean_us: float | None = None
    p50_us: float | None = None
    p99_us: float | None = None
    generator_us: float | None = None  # its processor time for one call, including start and connections
    warnings: tuple = ()


def h2load(subject, server, calls, shape, core):
    connections, streams = shape
    scheme = "https" if subject.certificate else "http"
    command = ["h2load", "-n", calls, "-c", connections, "-m", streams, *subject.load_flags]
    said, cpu_us = _run([*command, f"{scheme}://{server.host}{subject.path}"], {core})
    succeeded = re.search(r"(\d+) succeeded, 0 failed, 0 errored, 0 timeout", said)
    data = re.search(r"\((\d+)\) data$", said, re.MULTILINE)
    if not succeeded or int(succeeded[1]) != calls or int(data[1]) < calls * subject.answer_bytes:
        raise RuntimeError(f"not every call to {subject.name} succeeded:\n{said}")
    rate = re.search(r"^finished in .*?, ([0-9.]+) req/s", said, re.MULTILINE)
    return Load(calls=calls, calls_per_second=float(rate[1]), generator_us=cpu_us / calls)


def grpcbench(program, address, shape, cores, *flags, requests=None):
    """`flags` can replace the number of requests: --duration TIME."""
    connections, streams = shape
    command = [program, "--server", address, "--connections", connections, "--streams", streams,
               "--threads", len(cores), "--output", "json"]  # fmt: skip
    if requests is not None:
        command += ["--requests", requests]
    said, cpu_us = _run([*command, *flags], cores)
    result = json.loads(said)
    if requests not in (None, result["total"]):
        raise RuntimeError(f"{program} made {result['total']} of {requests} calls:\n{said}")
    latency = result["latency_us"]
    return Load(
        calls=result["total"], calls_per_second=result["calls_per_second"],
        mean_us=latency["mean"], p50_us=latency["p50"], p99_us=latency["p99"],
        generator_us=cpu_us / result["total"], warnings=tuple(result["warnings"]),
    )  # fmt: skip


def stream(program, server, mode, messages, callers, core):
    """Shares the messages evenly between the callers on one connection; each is sent as soon as possible."""
    share = messages // callers * callers
    said, cpu_us = _run([program, server.host, mode, share, callers], {core})
    return Load(calls=share, calls_per_second=share / float(said), generator_us=cpu_us / share)


def ping_pong(program, server, rounds, core):
    said, cpu_us = _run([program, "call", server.host, rounds], {core})
    mean_us = float(said)
    return Load(calls=rounds, calls_per_second=1e6 / mean_us, mean_us=mean_us, generator_us=cpu_us / rounds)


def _run(command, cores):
    """Returns the program's stdout and its processor time in microseconds."""
    before = _children_us()
    done = subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, timeout=LOAD_SECONDS, env=bare_environment(),
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout, _children_us() - before


def _children_us():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (usage.ru_utime + usage.ru_stime) * 1e6
