"""Ten thousand calls by gRPC's Go client, over one connection and over as many: each is answered, and the server's memory
is after the last thousand what it was after the first."""

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
# What allocators may differ by; a leak of 1 KiB a call would be 9 MiB.
SLACK = 2 * MEBIBYTE
SECONDS = 1_000

DONE = re.compile(r"soak iteration: (\d+) .* succeeded$")


def setUpModule():
    tools.path("client")  # skips all of it where there is no Go to build it with


def soak(server, case, iterations, on_iteration):
    """Runs the client; `on_iteration` is called with each iteration's number."""
    command = [
        *peers.go_client(), "--server_host=127.0.0.1", f"--server_port={server.port}", f"--test_case={case}",
        f"--soak_iterations={iterations}", f"--soak_overall_timeout_seconds={SECONDS}",
        "--soak_per_iteration_max_acceptable_latency_ms=30000",
    ]
    said = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as client:
        for line in client.stderr:
            if found := DONE.search(line):
                on_iteration(int(found[1]))
            else:
                said.append(line)
    if client.returncode != 0:
        raise AssertionError(f"{case} ended with {client.returncode}:\n{''.join(said[-20:])}")


class Soak(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(peers.our_server())
        memory.skip_if_sanitized(self.server)

    def expect_flat(self, what, first, last):
        print(f"{what}: {max(first)} bytes resident in the first thousand calls, {max(last)} in the last")
        self.assertLessEqual(max(last), max(first) + SLACK, (first, last))

    def test_calls_over_one_connection(self):
        samples = []
        iterations = []

        def sample(iteration):
            iterations.append(iteration)
            if iteration % SAMPLE_EVERY == SAMPLE_EVERY - 1:
                samples.append(memory.resident_bytes(self.server))

        soak(self.server, "rpc_soak", ITERATIONS, sample)
        self.assertEqual(len(iterations), ITERATIONS)
        part = PART // SAMPLE_EVERY
        self.expect_flat("rpc_soak", samples[:part], samples[-part:])

    def test_calls_over_a_connection_each(self):
        # The client closes its channels only when it ends, so it is run once for each thousand.
        after_each = []
        for _ in range(ITERATIONS // PART):
            iterations = []
            soak(self.server, "channel_soak", PART, iterations.append)
            self.assertEqual(len(iterations), PART)
            after_each.append(memory.resident_bytes(self.server))
        self.expect_flat("channel_soak", after_each[:1], after_each[-1:])


if __name__ == "__main__":
    harness.main()
