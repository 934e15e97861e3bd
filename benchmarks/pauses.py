"""Measures the pauses that the machine forces on programs, with a loop that only reads the clock.

    share_paused({0, 1}, 1.0)   # of the time of both cores: 0.004

A virtual machine pauses while its host runs others, and every machine pauses for interrupts. No program can avoid
that.
"""

import concurrent.futures
import os
import time

PAUSE_NS = 1_000_000


def share_paused(cores, seconds):
    """The share of these cores' time that passed in pauses of over 1 ms, with a loop on each of them."""
    with concurrent.futures.ProcessPoolExecutor(len(cores)) as loops:
        paused = loops.map(_paused_ns, cores, [int(seconds * 1e9)] * len(cores))
        return sum(paused) / (seconds * 1e9 * len(cores))


def _paused_ns(core, duration_ns):
    os.sched_setaffinity(0, {core})
    begun = last = time.perf_counter_ns()
    paused_ns = 0
    while last - begun < duration_ns:
        now = time.perf_counter_ns()
        if now - last > PAUSE_NS:
            paused_ns += now - last
        last = now
    return paused_ns
