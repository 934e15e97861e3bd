#!/usr/bin/env python3
"""Compares the cost of a message in a stream with that of a unary call, between our server and our client.

    make benchmark-streams
    make benchmark-streams ARGS='--callers 100 --rounds 9 --json'

unary      one call for each message: a request and its response
pingpong   one bidirectional call for each caller: the next message leaves when the response to the last has arrived
feed       one server-streaming call for each caller: messages in one direction only, as fast as they are read

A message carries 16 bytes. Server and client have one shard each on a core of their own, and share one connection over
loopback. `messages/s` counts requests with their responses, or for feed the messages sent; `CPU` is the server's processor
time for one of them, kernel included. Each figure is the median of rounds in which the three take turns, and each ratio is
the median of the rounds' ratios to unary. Compare only the ratios: the figures change from machine to machine and from
minute to minute.
"""

import argparse
import functools
import json
import pathlib
import signal
import sys

import loads
import rounds
from machine import two_cores
from options import whole
from servers import Server
from subjects import ADDRESS

# Each mode with the factor for its messages in a round, so that no round is too short.
MODES = {"unary": 1, "pingpong": 1, "feed": 20}


def measure(options, cores):
    """Measures the row of the modes."""
    with Server([options.server, ADDRESS], cores[0]) as server:

        def load(mode, messages):
            return loads.stream(options.load, server, mode, MODES[mode] * messages, options.callers, cores[1])

        modes = [rounds.Contender(mode, server, functools.partial(load, mode)) for mode in MODES]
        return rounds.take_turns(modes, options.messages, options.rounds)


def parse_options():
    parser = argparse.ArgumentParser(description="Measures messages within streams, beside unary calls.")
    parser.add_argument("--server", required=True, type=pathlib.Path, help="the program stream-server")
    parser.add_argument("--load", required=True, type=pathlib.Path, help="the program stream-load")
    parser.add_argument("--messages", type=whole(1), default=200_000, help="of a mode in a round (%(default)s)")
    parser.add_argument("--callers", type=whole(1), default=10, help="that share them, 100 at most (%(default)s)")
    parser.add_argument("--rounds", type=whole(1), default=5, help="(%(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON, with every round")
    options = parser.parse_args()
    if not options.callers <= min(100, options.messages):
        parser.error(f"--callers {options.callers}: one connection takes 100, each with a message at least")
    return options


def main():
    options = parse_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that every __exit__ runs
    cores = two_cores()
    figures = measure(options, cores)
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        columns = {"messages/s": "calls_per_second", "CPU µs": "cpu_us"}
        rounds.report(f"16 bytes, {options.callers} callers", figures, lambda mode: "unary", columns)


if __name__ == "__main__":
    main()
