"""The man pages that the build makes from the help of the programs, judged by mandoc and man."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

FOLDER = pathlib.Path(os.environ["SOURCE_ROOT"]) / "docs/from_help"
sys.path.insert(0, str(FOLDER))
import help_text
import man_page

PROGRAMS = {pathlib.Path(path).name: path for path in os.environ["PROGRAMS"].split(":")}
PAGES = [pathlib.Path(path) for path in os.environ["MADE"].split(":")]
WAIT_S = 120
# The warning of mandoc that each page has on purpose.
NO_DATE = 'WARNING: missing date, using "": TH'


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=WAIT_S)


def parts(name):
    return help_text.read(subprocess.run([PROGRAMS[name], "--help"], env={}, check=True, capture_output=True, text=True,
                                         timeout=WAIT_S).stdout)


class Pages(unittest.TestCase):
    def test_each_program_has_one(self):
        self.assertEqual({page.name for page in PAGES}, {f"{name}.1" for name in PROGRAMS})

    def test_they_have_every_flag_of_the_help_with_its_text(self):
        for page in PAGES:
            plain = " ".join(re.sub(".\b", "", output("mandoc", "-T", "utf8", page).stdout).split())
            found = parts(page.stem).flags
            self.assertGreater(len(found), 20)
            for flag in found:
                for name in flag.names:
                    self.assertIn(name, plain, page)
                self.assertIn(flag.text.removesuffix("."), plain, page)
                if flag.default:
                    self.assertIn(f"Default: {flag.default}.", plain, page)

    def test_mandoc_finds_nothing_but_that_they_have_no_date(self):
        for page in PAGES:
            findings = output("mandoc", "-T", "lint", "-W", "warning", page).stdout.splitlines()
            self.assertEqual([line for line in findings if not line.endswith(NO_DATE)], [])

    def test_man_shows_them_without_a_warning(self):
        if not shutil.which("man") or not shutil.which("groff"):
            self.skipTest("apt-get install man-db groff")
        for page in PAGES:
            done = output("man", "--warnings", "--encoding=UTF-8", "--local-file", "-Tutf8", "-Z", page)
            self.assertEqual((done.returncode, "warning" in done.stdout), (0, False), done.stdout)

    def test_they_have_the_version_and_the_usual_sections(self):
        for page in PAGES:
            text = page.read_text()
            for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "ENVIRONMENT", "FILES", "EXIT STATUS",
                            "EXAMPLES", "SEE ALSO"):
                self.assertIn(f"\n.SH {section}\n", text, page)
            self.assertIn(f'"ringrpc {os.environ["VERSION"]}"', text.splitlines()[0])


class Generator(unittest.TestCase):
    HELP = r"""Does it.

Usage: it [flags]

Some:
  -d,--do THING  .profile and \n are 'as is'
                 [default: a-b; env: IT or THAT]
"""

    def test_text_that_roff_would_execute_is_shown(self):
        made = man_page.page("1", ".SH OPTIONS\n@FLAGS@\n", help_text.read(self.HELP))
        self.assertIn("\n\\&.profile and \\en are 'as is'.\n.br\nDefault: a\\-b.\n"
                      "Environment: \\fBIT\\fR or \\fBTHAT\\fR.\n", made)

    def test_a_help_of_another_form_is_refused(self):
        for text in ("", "Does it.", self.HELP + "\nMore:\n  thing  text\n", self.HELP + "\nMore:\nthing\n"):
            self.assertRaises(ValueError, help_text.read, text)

    def test_a_template_that_leaves_out_examples_is_refused(self):
        self.assertRaises(ValueError, man_page.page, "1", "@FLAGS@\n", help_text.read(self.HELP + "\nExamples:\n  it\n"))


if __name__ == "__main__":
    if not shutil.which("mandoc"):
        print("SKIPPED: there is no mandoc; apt-get install mandoc")
        sys.exit(77)
    unittest.main()
