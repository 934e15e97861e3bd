"""HTTP/2 conformance: h2spec knows all its cases, in its strict mode, and none may fail or be skipped."""

import re

import harness
import tools

SUITE_SECONDS = 1800
CASES = 146  # of h2spec 2.2.1 with -S; a release that runs fewer would otherwise pass unseen


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
