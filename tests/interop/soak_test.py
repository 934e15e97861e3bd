"""Ten thousand calls over one connection, and over ten thousand connections, by gRPC's Go client and by ours. All must succeed,
and the last thousand must leave server and client with no more memory and descriptors than the first."""

import os
import re
import subprocess
import unittest

import harness
import memory
import peers
import tools
from memory import MEBIBYTE

ITERATIONS = 10_000
PART = 1_000
SAMPLE_EVERY = 100
# The variation of allocators; a leak of 1 KiB a call would be 9 MiB.
SLACK = 2 * MEBIBYTE
# For each shard, connections that one end has closed and the other has not yet.
DESCRIPTORS_SLACK = 8
SECONDS = 1_000

DONE = re.compile(r"soak iteration: (\d+) .* succeeded$")


def soak(command, server, case, iterations, on_iteration):
    """Runs a client; `on_iteration` is called with the process and each iteration's number."""
    command = [
        *command, "--server_host=127.0.0.1", f"--server_port={server.port}", f"--test_case={case}",
        f"--soak_iterations={iterations}", f"--soak_overall_timeout_seconds={SECONDS}",
        f"--soak_per_iteration_max_acceptable_latency_ms={harness.DEADLINE_SECONDS * 1000}",
    ]
    said = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as client:
        for line in client.stderr:
            if found := DONE.search(line):
                on_iteration(client, int(found[1]))
            else:
                said.append(line)
    if client.returncode != 0:
        raise AssertionError(f"{case} ended with {client.returncode}:\n{''.join(said[-20:])}")


class Held:
    """The memory and descriptors of a process during a soak: a sample for each hundred calls."""

    def __init__(self, who):
        self.who = who
        self.resident = []
        self.descriptors = []

    def sample(self, process):
        """Takes a sample, unless the process has ended: its last lines may be read after its end."""
        try:
            resident, descriptors = memory.resident_bytes(process), memory.descriptors(process)
        except (ProcessLookupError, PermissionError):  # a process that has ended; root owns its list of descriptors
            return
        self.resident.append(resident)
        self.descriptors.append(descriptors)

    def memory_is_flat(self, part):
        return max(self.resident[-part:]) <= max(self.resident[:part]) + SLACK

    def descriptors_are_flat(self, part):
        return max(self.descriptors[-part:]) <= max(self.descriptors[:part]) + DESCRIPTORS_SLACK

    def expect_flat(self, part=PART // SAMPLE_EVERY):
        """Checks that the last `part` samples do not exceed the first."""
        first, last = max(self.resident[:part]), max(self.resident[-part:])
        print(f"{self.who}: {first} bytes resident in the first thousand calls, {last} in the last")
        if not self.memory_is_flat(part):
            raise AssertionError(f"{self.who} grows: {self.resident}")
        first, last = max(self.descriptors[:part]), max(self.descriptors[-part:])
        print(f"{self.who}: {first} descriptors in the first thousand calls, {last} in the last")
        if not self.descriptors_are_flat(part):
            raise AssertionError(f"{self.who} keeps descriptors: {self.descriptors}")


class Bound(unittest.TestCase):
    """The soak's checks can fail."""

    def taker(self, **kind):
        held = Held("taker")
        with memory.Taker(size=1024, **kind) as taker:
            for call in range(ITERATIONS):
                taker.give()
                if call % SAMPLE_EVERY == SAMPLE_EVERY - 1:
                    held.sample(taker.process)
        return held

    def test_a_kibibyte_left_by_each_call_is_too_much(self):
        with self.assertRaisesRegex(AssertionError, "taker grows"):
            self.taker(hoards=True).expect_flat()

    def test_a_process_that_has_ended_is_not_sampled(self):
        held = Held("somebody")
        with subprocess.Popen(["true"]) as ended:
            os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
            held.sample(ended)
        self.assertEqual((held.resident, held.descriptors), ([], []))

    def test_returned_memory_is_not_too_much(self):
        self.taker(hoards=False).expect_flat()

    def test_a_descriptor_left_by_each_connection_is_too_much(self):
        held = Held("somebody")
        held.resident = [MEBIBYTE] * (ITERATIONS // SAMPLE_EVERY)
        held.descriptors = [10 + SAMPLE_EVERY * sample for sample in range(ITERATIONS // SAMPLE_EVERY)]
        with self.assertRaisesRegex(AssertionError, "somebody keeps descriptors"):
            held.expect_flat()


class Soak(unittest.TestCase):
    def setUp(self):
        # One shard, because the memory of a second one, used only later, would look like growth.
        self.server = self.enterContext(peers.our_server(shards=1))
        memory.skip_if_sanitized(self.server.process)

    def soak(self, command, case, *watched):
        """Makes all calls in one run. `watched` has those of "server" and "client" that must not grow."""
        held = {who: Held(f"{who} of {case}") for who in watched}
        iterations = []

        def sample(client, iteration):
            iterations.append(iteration)
            if iteration % SAMPLE_EVERY == SAMPLE_EVERY - 1:
                for who in held:
                    held[who].sample({"server": self.server.process, "client": client}[who])

        soak(command, self.server, case, ITERATIONS, sample)
        self.assertEqual(len(iterations), ITERATIONS)
        for each in held.values():
            each.expect_flat()


class OurClient(Soak):
    def test_calls_over_one_connection(self):
        self.soak(peers.our_client(), "rpc_soak", "server", "client")

    def test_calls_over_a_connection_each(self):
        self.soak(peers.our_client(), "channel_soak", "server", "client")


class GoClient(Soak):
    @classmethod
    def setUpClass(cls):
        tools.path("client")  # skips if there is no Go to build it with

    def test_calls_over_one_connection(self):
        self.soak(peers.go_client(), "rpc_soak", "server")

    def test_calls_over_a_connection_each(self):
        # This client closes its channels only when it ends, so it runs once for each thousand calls.
        held = Held("server of channel_soak")
        for _ in range(ITERATIONS // PART):
            iterations = []
            soak(peers.go_client(), self.server, "channel_soak", PART, lambda _, number: iterations.append(number))
            self.assertEqual(len(iterations), PART)
            held.sample(self.server.process)
        # The server closes the connections of the last client after that has ended, and returns the memory of many
        # closed connections at most every ten seconds.
        def is_flat():
            held.sample(self.server.process)
            return held.memory_is_flat(part=1) and held.descriptors_are_flat(part=1)

        harness.wait_until(is_flat, pause=0.5)
        held.expect_flat(part=1)


if __name__ == "__main__":
    harness.main()
