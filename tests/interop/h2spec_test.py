"""HTTP/2 conformance: runs all cases of h2spec in its strict mode. None may fail or be skipped."""

import re

import harness
import tools

SUITE_SECONDS = 1800
CASES = 146  # in h2spec 2.2.1 with -S; shows it when a release runs fewer cases


def setUpModule():
    global h2spec
    h2spec = tools.path("h2spec")


class H2Spec(harness.ServerCase):
    def test_all_cases_pass(self):
        command = [h2spec, "-S", "-h", "127.0.0.1", "-p", self.server.port, "-o", "50"]
        output = harness.run(command, timeout=SUITE_SECONDS).stdout
        summary = re.search(r"^(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed$", output, re.MULTILINE)
        self.assertIsNotNone(summary, output)
        print(summary[0])
        cases, passed, skipped, failed = map(int, summary.groups())
        self.assertEqual((cases, passed, skipped, failed), (CASES, CASES, 0, 0), output.partition("Failures:")[2])


if __name__ == "__main__":
    harness.main()
