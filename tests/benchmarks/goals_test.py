"""Tests the judgement of goals with invented figures."""

import copy
import io
import unittest

import goals

# Figures of three rounds that meet every goal, most of them by the smallest margin.
FIGURES = {
    "rows": {
        "10x10": {
            goals.OURS: {"cpu_us": [1.9, 3.8, 5.7], "generator_us": [0.8, 1.6, 2.4]},
            goals.OURS_OBSERVED: {"cpu_us": [2.08, 4.17, 6.26]},
            goals.OURS_BY_H2LOAD: {"cpu_us": [1.7, 3.4, 5.1], "generator_us": [1.0, 2.0, 3.0]},
            goals.CEILING: {"cpu_us": [2.0, 4.0, 6.0]},
            "tonic": {"cpu_us": [5.0, 10.0, 15.0]},
            "grpc-go": {"cpu_us": [10.0, 20.0, 30.0]},
            "grpc++": {"cpu_us": [19.0, 38.0, 57.0]},
        },
        "1x100": {
            goals.OURS: {"calls_per_second": [400_000, 50_000, 300_000]},
            goals.OURS_BY_H2LOAD: {"cpu_us": [1.3, 1.3, 1.3]},
            goals.CEILING: {"cpu_us": [2.0, 2.0, 2.0]},
            "tonic": {"calls_per_second": [200_000, 25_000, 150_000]},
        },
        "100x1": {
            goals.OURS_BY_H2LOAD: {"cpu_us": [9.5, 9.5, 9.5]},
            goals.CEILING: {"cpu_us": [10.0, 10.0, 10.0]},
        },
        "64KiB": {
            goals.OURS: {"cpu_us": [11.0, 11.0, 11.0]},
            "grpc++": {"cpu_us": [20.0, 20.0, 20.0]},
            "tonic": {"cpu_us": [40.0, 40.0, 40.0]},
        },
        "1x1": {
            goals.OURS: {"mean_us": [25.0, 25.0, 25.0]},
            goals.OURS_SPINNING: {"mean_us": [12.0, 12.0, 12.0]},
            goals.BARE: {"mean_us": [20.0, 20.0, 20.0]},
        },
    },
    "instructions": {goals.OURS: 11_500},
    "allocations": [{"owner": "own code", "per_call": 0}, {"owner": "protobuf", "per_call": 3}],
    "shards": {"two": [2.1, 2.1], "one": [2.0, 2.0]},
    "half load": {"p99_us": [500, 999, 5000]},
}


OVER_TRANSPORTS = {
    "rows": {
        "10x10": {
            goals.TCP: {"cpu_us": [2.0, 4.0, 6.0]},
            goals.TLS: {"cpu_us": [2.7, 5.4, 8.1]},
            goals.UNIX: {"cpu_us": [1.99, 3.98, 5.97]},
        }
    }
}

COSTS = {
    "observed": {goals.NOTHING_ELSE: 11_000, goals.WITH_METRICS: 11_250, goals.SAMPLED: 14_000},
    "allocations": [{"owner": "own code", "per_call": 0}, {"owner": "protobuf", "per_call": 3}],
    "tracing": {goals.UNTRACED: 11_000, goals.NOT_SAMPLED: 11_150},
    "scrape": {"longest_us": [150, 200, 900]},
}


def judged(figures, stated=goals.ECHO):
    """Judges the figures. Returns whether no goal was missed, and the printed lines."""
    out = io.StringIO()
    met = goals.judge(stated, figures, out)
    return met, out.getvalue().splitlines()[1:]


def verdicts(figures, stated=goals.ECHO):
    """The title of each printed goal, and the end of its line."""
    return {line[:48].rstrip(): line[94:] for line in judged(figures, stated)[1]}


class Judge(unittest.TestCase):
    def assert_changed(self, change, verdict, *titles):
        """Checks that with the change these goals have this verdict, and that the others are met."""
        figures = copy.deepcopy(FIGURES)
        change(figures)
        self.assertEqual(judged(figures)[0], verdict != "NOT MET")
        self.assertEqual({title: said for title, said in verdicts(figures).items() if said != "met"},
                         dict.fromkeys(titles, verdict))  # fmt: skip

    def test_a_limit_that_is_just_reached_is_met(self):
        self.assertEqual(set(verdicts(FIGURES).values()), {"met"})
        self.assertEqual(len(verdicts(FIGURES)), len(goals.ECHO))
        self.assertTrue(judged(FIGURES)[0])

    def test_the_transports(self):
        tls, unix = (goal.title for goal in goals.TRANSPORTS)
        self.assertEqual(verdicts(OVER_TRANSPORTS, goals.TRANSPORTS), {tls: "met", unix: "met"})
        for transport, rounds, missed in ((goals.TLS, [2.71, 5.42, 8.13], tls), (goals.UNIX, [2.0, 4.0, 6.0], unix)):
            with self.subTest(transport):
                figures = copy.deepcopy(OVER_TRANSPORTS)
                figures["rows"]["10x10"][transport]["cpu_us"] = rounds
                self.assertEqual(verdicts(figures, goals.TRANSPORTS), {tls: "met", unix: "met", missed: "NOT MET"})
                self.assertFalse(judged(figures, goals.TRANSPORTS)[0])

    def test_the_costs(self):
        self.assertEqual(set(verdicts(COSTS, goals.COSTS).values()), {"met"})
        for goal, (part, name, figure) in zip(goals.COSTS, (
            ("observed", goals.WITH_METRICS, 11_251),
            ("allocations", 0, {"owner": "own code", "per_call": 0.001}),
            ("tracing", goals.NOT_SAMPLED, 11_151),
            ("observed", goals.SAMPLED, 14_001),
            ("scrape", "longest_us", [150, 201, 900]),
        ), strict=True):  # fmt: skip
            with self.subTest(goal.title):
                figures = copy.deepcopy(COSTS)
                figures[part][name] = figure
                missed = {title for title, verdict in verdicts(figures, goals.COSTS).items() if verdict == "NOT MET"}
                self.assertEqual(missed, {goal.title})

    def test_the_least_and_the_most_of_the_rounds_stand_beside_the_median(self):
        (line,) = [line for line in judged(FIGURES)[1] if line.startswith("50 % load")]
        self.assertEqual(line.split()[-6:], ["500", "999", "5,000", "<", "1,000", "met"])

    def test_a_little_worse_is_not_met(self):
        def worse(path, *rounds):
            def change(figures):
                *outer, last = path
                for name in outer:
                    figures = figures[name]
                figures[last] = rounds[0] if len(rounds) == 1 else list(rounds)

            return change

        rows = ("rows",)
        for change, titles in (
            (worse((*rows, "10x10", goals.CEILING, "cpu_us"), 1.99, 3.98, 5.97), ["10 × 10: server CPU a call, to nghttpd's"]),
            (worse((*rows, "1x100", goals.OURS_BY_H2LOAD, "cpu_us"), 1.31, 1.31, 1.31), ["1 × 100: the same"]),
            (worse((*rows, "100x1", goals.OURS_BY_H2LOAD, "cpu_us"), 9.6, 9.6, 9.6), ["100 × 1: the same"]),
            (worse((*rows, "10x10", "tonic", "cpu_us"), 4.9, 9.9, 14.9), ["10 × 10: server CPU a call, to tonic's"]),
            (worse((*rows, "10x10", "grpc-go", "cpu_us"), 9.9, 19.9, 29.9), ["10 × 10: the same, to grpc-go's"]),
            (worse((*rows, "10x10", "grpc++", "cpu_us"), 12.6, 25.2, 37.8), ["10 × 10: the same, to grpc++'s"]),
            (worse((*rows, "10x10", goals.OURS_OBSERVED, "cpu_us"), 2.1, 4.2, 6.3),
             ["10 × 10: the same, observed, to unobserved"]),
            (worse((*rows, "64KiB", "tonic", "cpu_us"), 19.0, 19.0, 19.0), ["64 KiB, 10 × 10: the same, to the best peer's"]),
            (worse(("instructions", goals.OURS), 11_501), ["user-space instructions a call"]),
            (worse((*rows, "1x1", goals.OURS, "mean_us"), 25.1, 25.1, 25.1), ["1 × 1: mean round trip, to bare epoll's"]),
            (worse((*rows, "1x1", goals.OURS_SPINNING, "mean_us"), 26.0, 26.0, 26.0), ["1 × 1: the same, of a server that spins"]),
            (worse((*rows, "1x100", "tonic", "calls_per_second"), 210_000, 26_000, 160_000), ["1 × 100: calls a second, to tonic's"]),
            (worse((*rows, "1x100", goals.OURS, "calls_per_second"), 49_999, 49_999, 49_999),
             ["1 × 100: calls a second, to tonic's", "1 × 100: calls a second"]),
            (worse(("allocations", 0, "per_call"), 1), ["own heap allocations a call"]),
            (worse((*rows, "10x10", goals.OURS, "generator_us"), 0.9, 1.7, 2.5), ["grpcbench's CPU a call, to h2load's"]),
            (worse(("shards", "two"), 2.2, 2.2), ["two shards: server CPU a call, to one shard's"]),
            (worse(("half load", "p99_us"), 1, 1000, 1001), ["50 % load: 99th percentile, µs"]),
        ):
            with self.subTest(titles):
                self.assert_changed(change, "NOT MET", *titles)

    def test_rounds_are_compared_with_one_another_and_the_middle_one_counts(self):
        def one_bad_round(figures):
            figures["rows"]["10x10"][goals.CEILING]["cpu_us"][1] = 0.1

        self.assert_changed(one_bad_round, "")

    def test_a_narrow_miss_is_printed_so_that_it_shows(self):
        figures = copy.deepcopy(FIGURES)
        figures["rows"]["1x1"][goals.OURS]["mean_us"] = [25.02] * 3
        (line,) = [line for line in judged(figures)[1] if "bare epoll's" in line]
        self.assertEqual(line.split()[-7:], ["1.25", "1.251", "1.25", "≤", "1.25", "NOT", "MET"])

    def test_a_miss_of_a_limit_of_zero_is_printed_so_that_it_shows(self):
        figures = copy.deepcopy(FIGURES)
        figures["allocations"][0]["per_call"] = 0.004
        (line,) = [line for line in judged(figures)[1] if "allocations" in line]
        self.assertEqual(line.split()[-5:], ["0.004", "≤", "0", "NOT", "MET"])

    def test_goals_without_figures_are_not_judged(self):
        def without_tonic(figures):
            for row in figures["rows"].values():
                row.pop("tonic", None)

        self.assert_changed(without_tonic, "not measured", "10 × 10: server CPU a call, to tonic's",
                            "1 × 100: calls a second, to tonic's")  # fmt: skip

        def a_round_without_figures(figures):
            figures["rows"]["1x1"][goals.BARE]["mean_us"][2] = None

        self.assert_changed(a_round_without_figures, "not measured", "1 × 1: mean round trip, to bare epoll's",
                            "1 × 1: the same, of a server that spins")  # fmt: skip


if __name__ == "__main__":
    unittest.main(verbosity=2)
