"""Connect's conformance cases for gRPC: the runner tests our server and our client, and no case may fail."""

import os
import pathlib
import re
import unittest

import harness
import tools

FEATURES = pathlib.Path(__file__).resolve().with_name("conformance.yaml")
# The numbers of cases of connectconformance 1.0.5 with these features, in plaintext and over TLS with and without a
# client's certificate. They show it when a release runs fewer cases.
SERVER_CASES = 566
CLIENT_CASES = 634
SUITE_SECONDS = 1800


def setUpModule():
    global runner
    runner = tools.path("connectconformance")


class Conformance(unittest.TestCase):
    def expect_all_to_pass(self, mode, program, cases):
        output = harness.run([runner, "--mode", mode, "--conf", FEATURES, "--", program], timeout=SUITE_SECONDS).stdout
        summary = re.search(r"^(\d+) passed, (\d+) failed", output, re.MULTILINE)
        self.assertIsNotNone(summary, output)
        print(f"{mode}: {summary[0]}")
        self.assertEqual(tuple(map(int, summary.groups())), (cases, 0), output)

    def test_every_case_of_the_server_passes(self):
        self.expect_all_to_pass("server", os.environ["CONFORMANCE_SERVER"], SERVER_CASES)

    def test_every_case_of_the_client_passes(self):
        self.expect_all_to_pass("client", os.environ["CONFORMANCE_CLIENT"], CLIENT_CASES)


if __name__ == "__main__":
    harness.main()
