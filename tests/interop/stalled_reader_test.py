"""A GiB through one stream whose reader pauses in the middle: the writer must wait, and neither our server nor our client may
hold more than the windows, in either direction."""

import re
import unittest

import harness
import memory
import peers
import tools
from memory import MEBIBYTE

# The program itself, the connection's window of 1 MiB, and data that waits to be sent. A writer that does not wait
# would get some hundred MiB ahead during the pause.
PEAK_MAX = 24 * MEBIBYTE
UNDER_WAY_MAX = 2 * MEBIBYTE
SECONDS = 1800  # for a GiB


def expect_held_back(peak_bytes):
    if peak_bytes > PEAK_MAX:
        raise AssertionError(f"held {peak_bytes} bytes at its peak, where {PEAK_MAX} would do")


def expect_pause(said):
    """The bytes by which the writer got ahead of the paused reader, as our client reports them."""
    under_way = int(re.search(r"during the pause: (\d+) KiB", said)[1]) * 1024
    if under_way > UNDER_WAY_MAX:
        raise AssertionError(f"wrote {under_way} bytes while nobody read, where {UNDER_WAY_MAX} were due")


class Bound(unittest.TestCase):
    """The checks below can fail."""

    def peak(self, **kind):
        with memory.Taker(size=MEBIBYTE, **kind) as taker:
            for _ in range(PEAK_MAX // MEBIBYTE):
                taker.give()
            return memory.peak_bytes(taker.process)

    def test_a_reader_that_keeps_its_data_holds_too_much(self):
        with self.assertRaisesRegex(AssertionError, "at its peak"):
            expect_held_back(self.peak(hoards=True))

    def test_a_reader_that_frees_its_data_does_not(self):
        expect_held_back(self.peak(hoards=False))

    def test_a_writer_that_does_not_wait_is_noticed(self):
        with self.assertRaisesRegex(AssertionError, "while nobody read"):
            expect_pause("under way during the pause: 204800 KiB; peak resident: 7000 kB")


class Stalled(unittest.TestCase):
    def run_case(self, server, name):
        where = ["--server_host=127.0.0.1", f"--server_port={server.port}", f"--test_case={name}"]
        done = harness.run([*peers.our_client(), *where], timeout=SECONDS)
        self.assertEqual(done.returncode, 0, done.stdout)
        print(f"{name}: {done.stdout.strip()}")
        expect_held_back(int(re.search(r"peak resident: (\d+) kB", done.stdout)[1]) * 1024)
        return done.stdout


class OurServer(Stalled):
    def test_it_reads(self):
        with peers.our_server() as server:
            memory.skip_if_sanitized(server.process)
            expect_pause(self.run_case(server, "upload_to_stalled_reader"))
            expect_held_back(memory.peak_bytes(server.process))

    def test_it_writes(self):
        with peers.our_server() as server:
            memory.skip_if_sanitized(server.process)
            self.run_case(server, "download_by_stalled_reader")
            expect_held_back(memory.peak_bytes(server.process))


class ServerOfOthers(Stalled):
    @classmethod
    def setUpClass(cls):
        tools.path("server")  # skips if there is no Go to build it with

    def test_it_reads(self):
        with peers.our_server() as ours, peers.go_server() as server:
            memory.skip_if_sanitized(ours.process)
            self.run_case(server, "upload_to_stalled_reader")

    def test_it_writes(self):
        with peers.our_server() as ours, peers.go_server() as server:
            memory.skip_if_sanitized(ours.process)
            self.run_case(server, "download_by_stalled_reader")


if __name__ == "__main__":
    harness.main()
