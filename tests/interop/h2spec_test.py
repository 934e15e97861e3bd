"""HTTP/2 conformance: h2spec knows all its cases, in its strict mode, and none may fail or be skipped."""

import re

import harness
import tools

CASES = 146  # of h2spec 2.2.1 with -S; a release that runs fewer would otherwise pass unseen


def setUpModule():
    global h2spec
    h2spec = tools.path("h2spec")


class H2Spec(harness.ServerCase):
    def test_all_cases_pass(self):
        command = [h2spec, "-S", "-h", "127.0.0.1", "-p", self.server.port, "-o", "5"]
        output = harness.run(command, timeout=600).stdout
        summary = re.search(r"^(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed$", output, re.MULTILINE)
        self.assertIsNotNone(summary, output)
        print(summary[0])
        cases, passed, skipped, failed = map(int, summary.groups())
        self.assertEqual((cases, passed, skipped, failed), (CASES, CASES, 0, 0), output.partition("Failures:")[2])


if __name__ == "__main__":
    harness.main()
