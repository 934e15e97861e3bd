"""What ringrpc's echo is held to, each goal with what was measured.

    for line in judge(figures): print(line)

`figures` is what peers.py has measured. A goal whose figures are not there is not judged.
"""

import operator
import statistics
from typing import Callable, NamedTuple

OURS, OURS_BY_H2LOAD = "ringrpc", "ringrpc (h2load)"
CEILING = "nghttpd (h2load)"
OURS_SPINNING = "ringrpc (spins)"
BARE = "bare epoll"
SIGNS = {"≤": operator.le, "≥": operator.ge, "<": operator.lt}


class Goal(NamedTuple):
    title: str
    sign: str  # of SIGNS
    limit: float
    measured: Callable  # from the figures; KeyError where they are not there


def median(figures, row, name, figure):
    return statistics.median(_rounds(figures, row, name, figure))


def ratio(figures, row, figure, name, other):
    """Of the first to the second: the median of each round's, in which both met the same machine."""
    return median_ratio(_rounds(figures, row, name, figure), _rounds(figures, row, other, figure))


def _rounds(figures, row, name, figure):
    rounds = figures["rows"][row][name][figure]
    if None in rounds:
        raise KeyError(figure)
    return rounds


def median_ratio(ours, others):
    return statistics.median(one / other for one, other in zip(ours, others, strict=True))


def _ratio(row, figure, ours, other):
    return lambda figures: ratio(figures, row, figure, ours, other)


def _cpu_to(row, other):
    return _ratio(row, "cpu_us", OURS_BY_H2LOAD if other == CEILING else OURS, other)


def _cpu_to_best_peer(row):
    def measured(figures):
        peers = [name for name in figures["rows"][row] if name != OURS]
        if not peers:
            raise KeyError(row)
        return max(ratio(figures, row, "cpu_us", OURS, peer) for peer in peers)

    return measured


def _own_allocations(figures):
    return sum(allocation["per_call"] for allocation in figures["allocations"] if allocation["owner"] == "own code")


GOALS = (
    Goal("10 × 10: server CPU a call, to nghttpd's", "≤", 0.85, _cpu_to("10x10", CEILING)),
    Goal("1 × 100: the same", "≤", 0.65, _cpu_to("1x100", CEILING)),
    Goal("100 × 1: the same", "≤", 0.95, _cpu_to("100x1", CEILING)),
    Goal("10 × 10: server CPU a call, to tonic's", "≤", 0.38, _cpu_to("10x10", "tonic")),
    Goal("10 × 10: the same, to grpc-go's", "≤", 0.19, _cpu_to("10x10", "grpc-go")),
    Goal("10 × 10: the same, to grpc++'s", "≤", 0.15, _cpu_to("10x10", "grpc++")),
    Goal("64 KiB, 10 × 10: the same, to the best peer's", "≤", 0.55, _cpu_to_best_peer("64KiB")),
    Goal("user-space instructions a call", "≤", 11_500, lambda figures: figures["instructions"][OURS]),
    Goal("1 × 1: mean round trip, to bare epoll's", "≤", 1.25, _ratio("1x1", "mean_us", OURS, BARE)),
    Goal("1 × 1: the same, of a server that spins", "≤", 1.25, _ratio("1x1", "mean_us", OURS_SPINNING, BARE)),
    Goal("1 × 100: calls a second, to tonic's", "≥", 2, _ratio("1x100", "calls_per_second", OURS, "tonic")),
    Goal("1 × 100: calls a second", "≥", 50_000, lambda figures: median(figures, "1x100", OURS, "calls_per_second")),
    Goal("own heap allocations a call", "≤", 0, _own_allocations),
    Goal("grpcbench's CPU a call, to h2load's", "≤", 0.8, _ratio("10x10", "generator_us", OURS, OURS_BY_H2LOAD)),
    Goal(
        "two shards: server CPU a call, to one shard's", "≤", 1.05,
        lambda figures: median_ratio(figures["shards"]["two"], figures["shards"]["one"]),
    ),
    Goal("50 % load: 99th percentile, µs", "<", 1000, lambda figures: statistics.median(figures["half load"]["p99_us"])),
)  # fmt: skip


def judge(figures):
    """The table, line by line."""
    row = "{:48} {:>10} {:>10}  {}".format
    yield row("goal", "measured", "goal", "")
    for goal in GOALS:
        limit = f"{goal.sign} {_number(goal.limit)}"
        try:
            value = goal.measured(figures)
        except KeyError:
            yield row(goal.title, "–", limit, "not measured")
        else:
            met = SIGNS[goal.sign](value, goal.limit)
            shown = _number(value) if met or _number(value) != _number(goal.limit) else f"{value:,.3f}"
            yield row(goal.title, shown, limit, "met" if met else "NOT MET")


def _number(value):
    return f"{value:,.0f}" if value >= 100 or value == 0 else f"{value:,.2f}"
