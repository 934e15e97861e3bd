"""A GiB through one stream whose reader pauses in the middle: the writer is held back, and neither our server nor our client
ever holds more than the windows, whichever of them reads."""

import re
import unittest

import harness
import memory
import peers
import tools
from memory import MEBIBYTE

# The program itself, the connection's window of 1 MiB and what waits to be sent; a writer that is not held back gets some
# hundred MiB ahead within the pause.
PEAK_MAX = 24 * MEBIBYTE
UNDER_WAY_MAX = 2 * MEBIBYTE
SECONDS = 300


def setUpModule():
    tools.path("server")  # skips all of it where there is no Go to build it with


class Stalled(unittest.TestCase):
    def run_case(self, server, name):
        where = ["--server_host=127.0.0.1", f"--server_port={server.port}", f"--test_case={name}"]
        done = harness.run([*peers.our_client(), *where], timeout=SECONDS)
        self.assertEqual(done.returncode, 0, done.stdout)
        print(f"{name}: {done.stdout.strip()}")
        client_peak = int(re.search(r"peak resident: (\d+) kB", done.stdout)[1]) * 1024
        self.assertLessEqual(client_peak, PEAK_MAX)
        return done.stdout

    def test_our_server_reads(self):
        with peers.our_server() as server:
            memory.skip_if_sanitized(server)
            said = self.run_case(server, "upload_to_stalled_reader")
            under_way = int(re.search(r"during the pause: (\d+) KiB", said)[1]) * 1024
            self.assertLessEqual(under_way, UNDER_WAY_MAX)
            self.assertLessEqual(memory.peak_bytes(server), PEAK_MAX)

    def test_our_server_writes(self):
        with peers.our_server() as server:
            memory.skip_if_sanitized(server)
            self.run_case(server, "download_by_stalled_reader")
            self.assertLessEqual(memory.peak_bytes(server), PEAK_MAX)

    def test_our_client_writes_to_a_server_of_others(self):
        with peers.our_server() as ours, peers.go_server() as server:
            memory.skip_if_sanitized(ours)
            self.run_case(server, "upload_to_stalled_reader")

    def test_our_client_reads_from_a_server_of_others(self):
        with peers.our_server() as ours, peers.go_server() as server:
            memory.skip_if_sanitized(ours)
            self.run_case(server, "download_by_stalled_reader")


if __name__ == "__main__":
    harness.main()
