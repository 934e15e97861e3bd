"""Each mistake of mistakes.cc must fail to compile, and the compiler's first lines must name the remedy.

    mistakes_test.py mistakes.cc COMPILER...
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(sys.argv[1])
COMPILER = [*sys.argv[2:], "-Wall", "-Wextra", "-Werror", "-Wno-unused-variable", "-Wno-unused-but-set-variable",
            "-fdiagnostics-color=never"]
IS_CLANG = "clang" in subprocess.run([*COMPILER, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
FIRST_LINES = 6


def parts():
    """The head, and the name, the expected text and the code of each mistake."""
    head, *rest = re.split(r"^// mistake: ", SOURCE.read_text(), flags=re.MULTILINE)
    mistakes = []
    for part in rest:
        name, _, code = part.partition("\n")
        words = re.match(r"// (error|clang): (.*)\n", code)
        mistakes.append((name, words and words.groups(), code))
    return head, mistakes


class Mistakes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.head, cls.mistakes = parts()
        # Compiled once for all mistakes.
        (cls.folder / "head.h").write_text(cls.head)
        subprocess.run([*COMPILER, "-x", "c++-header", cls.folder / "head.h", "-o", cls.folder / "head.h.gch"], check=True)

    def compiled(self, number, code):
        source = self.folder / f"mistake{number}.cc"
        source.write_text(code)
        return subprocess.run([*COMPILER, "-fsyntax-only", "-include", self.folder / "head.h", source],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def test_each(self):
        self.assertGreater(len(self.mistakes), 40)
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
            runs = list(threads.map(self.compiled, *zip(*enumerate(code for _, _, code in self.mistakes))))
        for (name, words, _), compiled in zip(self.mistakes, runs):
            with self.subTest(name):
                if words is None:
                    self.assertEqual(compiled.returncode, 0, compiled.stdout)
                    continue
                self.assertNotEqual(compiled.returncode, 0, "it compiles")
                kind, wanted = words
                if kind == "error" or IS_CLANG:
                    lines = compiled.stdout.splitlines()
                    first = next((at for at, line in enumerate(lines) if "error:" in line), 0)
                    self.assertIn(wanted, "\n".join(lines[first:first + FIRST_LINES]), compiled.stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
