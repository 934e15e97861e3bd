"""Runs contenders in turns, round after round, so that disturbances of the machine affect all; and evaluates the rounds.

    row = take_turns([Contender("ringrpc", server, load), ...], calls=200_000, rounds=5)
    print(median(row, "ringrpc", "cpu_us"), ratio(row, "cpu_us", "tonic", "ringrpc"))

A row is {contender: {figure: [value of each round]}}. The figures are those of a load, `cpu_us` and `mib`.
"""

import statistics
from typing import Callable, NamedTuple

from servers import Server

LEAST_WARM_UP = 1000  # calls
FIGURES = {"calls/s": "calls_per_second", "CPU µs": "cpu_us", "p50 µs": "p50_us", "p99 µs": "p99_us"}


class Contender(NamedTuple):
    """A running server and its load; `load` takes the number of calls and returns a Load."""

    name: str
    server: Server
    load: Callable


def take_turns(contenders, calls, rounds):
    """Measures a row, after uncounted calls to each contender, a tenth of the number."""
    row = {contender.name: {} for contender in contenders}
    for contender in contenders:
        contender.load(min(calls, max(calls // 10, LEAST_WARM_UP)))
    for _ in range(rounds):
        for contender in contenders:
            for figure, value in measure(contender, calls).items():
                row[contender.name].setdefault(figure, []).append(value)
    return row


def measure(contender, calls):
    """The figures of one turn: those of the load, the server's processor time for one call, kernel included, and its
    memory."""
    before = contender.server.cpu_ns()
    load = contender.load(calls)
    cpu_us = (contender.server.cpu_ns() - before) / load.calls / 1000
    return {**load._asdict(), "cpu_us": cpu_us, "mib": contender.server.resident_kib() / 1024}


def median(row, name, figure):
    return statistics.median(rounds_of(row, name, figure))


def ratio(row, figure, name, other):
    """The median of the rounds' ratios of the first to the second, because both met the same machine within a round."""
    return statistics.median(ratios(row, figure, name, other))


def ratios(row, figure, name, other):
    """The ratio of each round."""
    return ratios_of(rounds_of(row, name, figure), rounds_of(row, other, figure))


def ratios_of(ones, others):
    return [one / other for one, other in zip(ones, others, strict=True)]


def rounds_of(row, name, figure):
    """KeyError if it was not measured."""
    rounds = row[name][figure]
    if None in rounds:
        raise KeyError(figure)
    return rounds


def report(title, row, beside, figures=FIGURES):
    """One line for each contender: the median of each figure, and its ratio to that of the contender `beside(name)`."""
    print(f"\n{title}\n{'':18}" + "".join(f" {heading:>10} {'×':>6}" for heading in figures))
    for name in row:
        line = f"{name:18}"
        for figure in figures.values():
            try:
                line += f" {_shown(median(row, name, figure)):>10} {ratio(row, figure, name, beside(name)):>6.2f}"
            except KeyError:
                line += f" {'–':>10} {'–':>6}"
        print(line)


def _shown(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:,.1f}" if value >= 100 else f"{value:,.2f}"
