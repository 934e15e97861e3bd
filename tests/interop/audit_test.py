"""The log of signatures on a disk that is full for a while: lost lines are counted, and with --audit-required no signature
is sent without its line. The disk is a file that may not grow (RLIMIT_FSIZE)."""

import json
import os
import re
import resource
import signal
import subprocess
import tempfile
import unittest

import harness

SIGNED = re.compile(r" Sign ECDSA_P256_SHA256 key \w{64} digest SHA256:\w{64}: OK\n")
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
LOST = re.compile(
    rf"^{TIME} warning (\d+) .* {TIME}: .* \(File too large\)$",
    re.MULTILINE,
)
RECORD_BYTES = 250


class Audit(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.address = f"unix:{self.folder}/grpcd.sock"

    def serve(self, *flags):
        """Starts a grpcd whose log is a file."""
        with open(f"{self.folder}/log", "wb") as log:
            # Keeps Python's signal dispositions: SIGXFSZ is ignored, which would otherwise end a process that writes
            # too much.
            self.process = subprocess.Popen(
                [os.environ["GRPCD"], "--listen", self.address, "--generate-key", "p256", *flags],
                stdin=subprocess.DEVNULL, stderr=log, restore_signals=False,
            )
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.send_signal, signal.SIGKILL)
        self.assertTrue(harness.wait_until(lambda: " ready on " in self.log()))

    def log(self):
        with open(f"{self.folder}/log", encoding="utf-8") as log:
            return log.read()

    def room(self, more):
        """Sets the number of bytes that the log can still take; None means no limit."""
        _, hard = resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE)
        soft = hard if more is None else os.path.getsize(f"{self.folder}/log") + more
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (soft, hard))

    def sign(self, count, streams=8):
        """Requests signatures. Returns how many succeeded, and the number of failures for each code."""
        done = harness.run(
            [os.environ["GRPCBENCH"], "--server", self.address, "--service", "crypto", "--algorithm", "ECDSA_P256_SHA256",
             "--connections", "1", "--streams", streams, "--requests", count, "--output", "json"],
            stderr=subprocess.DEVNULL,
        )
        told = json.loads(done.stdout)
        return told["succeeded"], told.get("errors", {})

    def test_lost_lines_are_counted_and_torn_ones_are_marked(self):
        self.serve()
        self.room(50 * RECORD_BYTES)
        self.assertEqual(self.sign(650), (650, {}))
        self.room(None)
        self.assertEqual(self.sign(1), (1, {}))
        self.assertTrue(harness.wait_until(lambda: LOST.search(self.log())))
        self.assertTrue(harness.wait_until(lambda: SIGNED.search(self.log(), LOST.search(self.log()).end())))
        lost = sum(int(count) for count in LOST.findall(self.log()))
        self.assertEqual(len(SIGNED.findall(self.log())) + lost, 651)
        self.assertGreater(lost, 500)
        for line in self.log().splitlines():
            self.assertRegex(line, rf"^{TIME} (info|warning) |\[torn\]$")

    def test_no_signature_leaves_without_its_line_if_it_is_required(self):
        self.serve("--audit-required")
        self.room(50 * RECORD_BYTES)
        signed, refused = self.sign(650)
        self.assertEqual(signed + refused["UNAVAILABLE"], 650)
        self.assertGreater(signed, 0)
        self.assertLessEqual(signed, len(SIGNED.findall(self.log())))
        self.assertEqual(self.sign(10), (0, {"UNAVAILABLE": 10}))
        self.room(None)
        recovered = 0

        def recovers():
            nonlocal recovered
            recovered += self.sign(1)[0]
            return recovered > 0

        self.assertTrue(harness.wait_until(recovers))
        self.assertEqual(self.sign(20), (20, {}))
        self.assertLessEqual(signed + recovered + 20, len(SIGNED.findall(self.log())))
        self.assertRegex(self.log(), LOST)
        self.assertRegex(self.log(), r": UNAVAILABLE \(.*: File too large\)")

    def test_callers_learn_nothing_about_the_disk(self):
        self.serve("--audit-required")
        self.room(0)
        for _ in range(2):
            done = harness.run([os.environ["GRPCCLIENT"], "call", self.address, "crypto.v1.CryptoService/SignECC", "-d", "{}"])
            self.assertRegex(done.stdout, r"^grpcclient: crypto\.v1\.CryptoService/SignECC: UNAVAILABLE: [a-z; ]+\n$")


if __name__ == "__main__":
    harness.main()
