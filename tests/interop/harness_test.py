"""The outcome of a check for Meson: skipped only if nothing ran, and passed only if something did."""

import pathlib
import sys
import tempfile
import unittest

import harness

PASSES = """
class Passes(unittest.TestCase):
    def test_it(self):
        pass
"""
FAILS = """
class Fails(unittest.TestCase):
    def test_it(self):
        self.fail()
"""
SKIPPED_MODULE = """
def setUpModule():
    raise unittest.SkipTest("no module today")
"""
SKIPPED_CLASS = """
class ClassSkipped(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise unittest.SkipTest("no class today")

    def test_it(self):
        self.fail()

    def test_it_again(self):
        self.fail()
"""
SKIPPED_METHOD = """
class MethodSkipped(unittest.TestCase):
    def test_it(self):
        self.skipTest("no method today")
"""
SKIPPED_BEFORE_IT_RUNS = """
@unittest.skip("not at all today")
class Skipped(unittest.TestCase):
    def test_it(self):
        self.fail()
"""


class Main(unittest.TestCase):
    def ends_with(self, *parts):
        """The exit status and the output of a check with these parts."""
        with tempfile.TemporaryDirectory() as folder:
            check = pathlib.Path(folder, "some_test.py")
            check.write_text("import unittest\n\nimport harness\n" + "".join(parts) + "\n\nharness.main()\n")
            here = str(pathlib.Path(__file__).parent)
            done = harness.run([sys.executable, "-B", check], env={"PYTHONPATH": here})
        return done.returncode, done.stdout

    def test_passed_tests_pass(self):
        self.assertEqual(self.ends_with(PASSES)[0], 0)

    def test_failed_tests_fail(self):
        self.assertEqual(self.ends_with(FAILS)[0], 1)

    def test_a_skipped_module_is_skipped(self):
        status, output = self.ends_with(SKIPPED_MODULE, PASSES)
        self.assertEqual(status, harness.SKIPPED, output)
        self.assertIn("skipped: no module today", output)

    def test_a_skipped_class_is_skipped(self):
        status, output = self.ends_with(SKIPPED_CLASS)
        self.assertEqual(status, harness.SKIPPED, output)
        self.assertIn("skipped: no class today", output)

    def test_skipped_methods_are_skipped(self):
        status, output = self.ends_with(SKIPPED_METHOD, SKIPPED_BEFORE_IT_RUNS)
        self.assertEqual(status, harness.SKIPPED, output)
        self.assertIn("skipped: no method today", output)
        self.assertIn("skipped: not at all today", output)

    def test_all_kinds_together_are_skipped(self):
        self.assertEqual(self.ends_with(SKIPPED_CLASS, SKIPPED_METHOD)[0], harness.SKIPPED)

    def test_a_skip_beside_a_passed_test_passes(self):
        for skipped in (SKIPPED_CLASS, SKIPPED_METHOD, SKIPPED_BEFORE_IT_RUNS):
            with self.subTest(skipped):
                self.assertEqual(self.ends_with(skipped, PASSES)[0], 0)

    def test_a_skip_beside_a_failed_test_fails(self):
        for skipped in (SKIPPED_CLASS, SKIPPED_METHOD):
            with self.subTest(skipped):
                self.assertEqual(self.ends_with(skipped, FAILS)[0], 1)


if __name__ == "__main__":
    harness.main()
