"""The performance goals of ringrpc, and their comparison with measured figures.

    met = judge(ECHO, figures)

A goal without figures is not judged.
"""

import operator
import statistics
import sys
from typing import Callable, NamedTuple

from rounds import ratios, ratios_of, rounds_of

OURS, OURS_BY_H2LOAD = "ringrpc", "ringrpc (h2load)"
CEILING = "nghttpd (h2load)"
OURS_SPINNING = "ringrpc (spins)"
OURS_OBSERVED = "ringrpc (observed)"
BARE = "bare epoll"
TCP, TLS, UNIX = "tcp", "tls+tcp", "unix"
SIGNS = {"≤": operator.le, "≥": operator.ge, "<": operator.lt}


class Goal(NamedTuple):
    title: str
    sign: str  # a key of SIGNS
    limit: float
    # Takes the figures; gives a number, or one for each round, of which the median counts. KeyError if they are missing.
    measured: Callable


def _ratio(row, figure, name, other):
    return lambda figures: ratios(figures["rows"][row], figure, name, other)


def _cpu_to(row, other):
    return _ratio(row, "cpu_us", OURS_BY_H2LOAD if other == CEILING else OURS, other)


def _cpu_to_best_peer(name):
    def measured(figures):
        row = figures["rows"][name]
        peers = [peer for peer in row if peer not in (OURS, OURS_OBSERVED)]
        if not peers:
            raise KeyError(name)
        return max((ratios(row, "cpu_us", OURS, peer) for peer in peers), key=statistics.median)

    return measured


def _calls_per_second(row, name):
    return lambda figures: rounds_of(figures["rows"][row], name, "calls_per_second")


def _own_allocations(figures):
    return sum(each["per_call"] for each in figures["allocations"] if each["owner"] == "own code")


# Measured by peers.py.
ECHO = (
    Goal("10 × 10: server CPU a call, to nghttpd's", "≤", 0.85, _cpu_to("10x10", CEILING)),
    Goal("1 × 100: the same", "≤", 0.65, _cpu_to("1x100", CEILING)),
    Goal("100 × 1: the same", "≤", 0.95, _cpu_to("100x1", CEILING)),
    Goal("10 × 10: server CPU a call, to tonic's", "≤", 0.38, _cpu_to("10x10", "tonic")),
    Goal("10 × 10: the same, to grpc-go's", "≤", 0.19, _cpu_to("10x10", "grpc-go")),
    Goal("10 × 10: the same, to grpc++'s", "≤", 0.15, _cpu_to("10x10", "grpc++")),
    Goal("10 × 10: the same, observed, to unobserved", "≤", 1.1, _ratio("10x10", "cpu_us", OURS_OBSERVED, OURS)),
    Goal("64 KiB, 10 × 10: the same, to the best peer's", "≤", 0.55, _cpu_to_best_peer("64KiB")),
    Goal("user-space instructions a call", "≤", 11_500, lambda figures: figures["instructions"][OURS]),
    Goal("1 × 1: mean round trip, to bare epoll's", "≤", 1.25, _ratio("1x1", "mean_us", OURS, BARE)),
    Goal("1 × 1: the same, of a server that spins", "≤", 1.25, _ratio("1x1", "mean_us", OURS_SPINNING, BARE)),
    Goal("1 × 100: calls a second, to tonic's", "≥", 2, _ratio("1x100", "calls_per_second", OURS, "tonic")),
    Goal("1 × 100: calls a second", "≥", 50_000, _calls_per_second("1x100", OURS)),
    Goal("own heap allocations a call", "≤", 0, _own_allocations),
    Goal("grpcbench's CPU a call, to h2load's", "≤", 0.8, _ratio("10x10", "generator_us", OURS, OURS_BY_H2LOAD)),
    Goal(
        "two shards: server CPU a call, to one shard's", "≤", 1.05,
        lambda figures: ratios_of(figures["shards"]["two"], figures["shards"]["one"]),
    ),
    Goal("50 % load: 99th percentile, µs", "<", 1000, lambda figures: figures["half load"]["p99_us"]),
)  # fmt: skip

# Measured by unary_echo.py. The ways to observe are those of its rows.
NOTHING_ELSE, WITH_METRICS, SAMPLED = "nothing else", "--admin", "--admin --telemetry, sampled"
UNTRACED, NOT_SAMPLED = "off", "never"


def _added(part, more, less):
    return lambda figures: figures[part][more] - figures[part][less]


COSTS = (
    Goal("metrics: instructions of a call", "≤", 250, _added("observed", WITH_METRICS, NOTHING_ELSE)),
    Goal("metrics: own heap allocations of a call", "≤", 0, _own_allocations),
    Goal("traces: instructions of an unsampled call", "≤", 150, _added("tracing", NOT_SAMPLED, UNTRACED)),
    Goal("telemetry: instructions of a sampled call", "≤", 3_000, _added("observed", SAMPLED, NOTHING_ELSE)),
    Goal("scrape: longest time of a shard, µs", "≤", 200, lambda figures: figures["scrape"]["longest_us"]),
)

# Measured by transports.py.
TRANSPORTS = (
    Goal("10 × 10: server CPU a call over TLS, to TCP's", "≤", 1.35, _ratio("10x10", "cpu_us", TLS, TCP)),
    Goal("10 × 10: the same over unix sockets", "<", 1, _ratio("10x10", "cpu_us", UNIX, TCP)),
)


def judge(goals, figures, out=sys.stdout):
    """Prints the goals as a table. Returns whether all judged goals were met."""
    missed = 0
    row = "{:48} {:>10} {:>10} {:>10} {:>10}  {}".format
    print(row("goal", "least", "median", "most", "goal", "").rstrip(), file=out)
    for goal in goals:
        limit = f"{goal.sign} {_number(goal.limit)}"
        try:
            measured = goal.measured(figures)
        except KeyError:
            print(row(goal.title, "", "–", "", limit, "not measured"), file=out)
            continue
        rounds = measured if isinstance(measured, list) else [measured]
        value = statistics.median(rounds)
        met = SIGNS[goal.sign](value, goal.limit)
        missed += not met
        same = float(_number(value).replace(",", "")) == goal.limit  # equal as printed
        shown = _number(value) if met or not same else f"{value:,.3f}"
        least, most = map(_number, (min(rounds), max(rounds))) if len(rounds) > 1 else ("", "")
        print(row(goal.title, least, shown, most, limit, "met" if met else "NOT MET"), file=out)
    return missed == 0


def _number(value):
    return f"{value:,.0f}" if value >= 100 or value == 0 else f"{value:,.2f}"
