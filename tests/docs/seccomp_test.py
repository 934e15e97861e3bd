"""docs/deploy/container/seccomp.py: the profile that it prints, its help, and its errors."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(os.environ["SOURCE_ROOT"]) / "docs/deploy/container/seccomp.py"


def run(*words):
    return subprocess.run([sys.executable, "-B", SCRIPT, *words], capture_output=True, text=True, timeout=60)


def run_on(text):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(text)
        file.flush()
        return run(file.name)


class Seccomp(unittest.TestCase):
    def test_io_uring_is_allowed_by_one_rule_at_the_end(self):
        rules = [{"names": ["read", "io_uring_enter"], "action": "SCMP_ACT_ERRNO"}]
        done = run_on(json.dumps({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": rules}))
        self.assertEqual(done.returncode, 0, done.stderr)
        first, last = json.loads(done.stdout)["syscalls"]
        self.assertEqual(first["names"], ["read"])
        self.assertEqual(last["action"], "SCMP_ACT_ALLOW")
        self.assertIn("io_uring_enter", last["names"])

    def test_help_tells_what_it_prints(self):
        done = run("--help")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("seccomp.py /usr/share/containers/seccomp.json >io_uring.json", done.stdout)

    def test_wrong_files_are_one_line(self):
        for done, cause in [
            (run("/absent/seccomp.json"), "/absent/seccomp.json: No such file or directory"),
            (run_on("{}"), "no seccomp profile"),
            (run_on('{"syscalls": [1]}'), "no seccomp profile"),
            (run_on("[]"), "no seccomp profile"),
            (run_on("nothing"), "no seccomp profile"),
        ]:
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertIn(cause, done.stderr)


if __name__ == "__main__":
    unittest.main()
