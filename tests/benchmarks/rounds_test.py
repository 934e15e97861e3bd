"""Tests the turns of contenders and the evaluation of their rounds."""

import contextlib
import io
import unittest

import rounds
import signing
import unary_echo
from loads import Load


class Machine:
    """Records who made how many calls."""

    def __init__(self):
        self.turns = []

    def contender(self, name, cpu_us, made=lambda calls: calls):
        server = Server()

        def load(calls):
            self.turns.append((name, calls))
            server.spent_ns += made(calls) * cpu_us * 1000
            return Load(calls=made(calls))

        return rounds.Contender(name, server, load)


class Server:
    spent_ns = 0

    def cpu_ns(self):
        return self.spent_ns

    def resident_kib(self):
        return 2048


class Turns(unittest.TestCase):
    def test_each_has_its_turn_in_every_round_after_a_tenth_of_the_calls(self):
        machine = Machine()
        row = rounds.take_turns([machine.contender("a", 1), machine.contender("b", 3)], 20_000, 2)
        self.assertEqual(machine.turns, [("a", 2000), ("b", 2000)] + [("a", 20_000), ("b", 20_000)] * 2)
        self.assertEqual((row["a"]["cpu_us"], row["b"]["cpu_us"], row["b"]["mib"]), ([1, 1], [3, 3], [2, 2]))

    def test_few_calls_are_as_few_before(self):
        for calls, before in ((5000, 1000), (200, 200)):
            machine = Machine()
            rounds.take_turns([machine.contender("a", 1)], calls, 1)
            self.assertEqual(machine.turns, [("a", before), ("a", calls)])

    def test_the_time_is_divided_by_the_calls_that_were_made(self):
        row = rounds.take_turns([Machine().contender("feed", 2, made=lambda calls: 20 * calls)], 1000, 1)
        self.assertEqual(row["feed"]["cpu_us"], [2])


class Ratios(unittest.TestCase):
    # In two of three rounds a takes half as long as b; the ratio of their medians would be 3.3.
    ROW = {"a": {"cpu_us": [1, 20, 30]}, "b": {"cpu_us": [2, 40, 6]}, "c": {"cpu_us": [1, None, 1]}}

    def test_it_is_the_median_of_the_rounds(self):
        self.assertEqual(rounds.median(self.ROW, "a", "cpu_us"), 20)
        self.assertEqual(rounds.ratio(self.ROW, "cpu_us", "a", "b"), 0.5)
        self.assertEqual(rounds.ratio(self.ROW, "cpu_us", "b", "a"), 2)

    def test_rounds_without_figures_have_none(self):
        for name, figure in (("c", "cpu_us"), ("a", "p99_us"), ("d", "cpu_us")):
            with self.subTest(name), self.assertRaises(KeyError):
                rounds.median(self.ROW, name, figure)

    def test_a_line_has_each_figure_and_its_ratio(self):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            rounds.report("title", self.ROW, lambda name: "b", {"CPU": "cpu_us", "p99": "p99_us"})
        lines = [line.split() for line in out.getvalue().splitlines()]
        self.assertEqual(lines[1:], [
            ["title"], ["CPU", "×", "p99", "×"],
            ["a", "20.00", "0.50", "–", "–"], ["b", "6.00", "1.00", "–", "–"], ["c", "–", "–", "–", "–"],
        ])  # fmt: skip

    def test_the_table_of_the_unary_echo_has_it(self):
        row = {unary_echo.OURS: self.ROW["a"], unary_echo.THEIRS: self.ROW["b"]}
        with contextlib.redirect_stdout(io.StringIO()) as out:
            unary_echo.report({"rows": {"10x10": row}})
        self.assertEqual(out.getvalue().splitlines()[1].split()[-3:], ["20.00", "6.00", "0.50"])

    def test_that_of_an_echo_beside_signatures_too(self):
        pairs = {kind: [(cpu_us, 100) for cpu_us in self.ROW[name]["cpu_us"]] for kind, name in (("alone", "b"), ("beside", "a"))}
        with contextlib.redirect_stdout(io.StringIO()) as out:
            signing.report_latency({**pairs, "signatures_per_second": [1]})
        self.assertEqual(out.getvalue().splitlines()[1].split(), ["median", "6", "20", "0.50"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
