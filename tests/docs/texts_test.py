"""Checks that at most one test file quotes each text of an error or a log line, so that better words change only that file.

A text is a string literal of lib or apps. A literal of a test quotes it if both have the same run of at least 25 characters and
four words, between the text's {placeholders}. Help texts do not count. They begin with a capital letter, and errors do not.
"""
import ast
import collections
import os
import pathlib
import re
import unittest

ROOT = pathlib.Path(os.environ["SOURCE_ROOT"])
LENGTH_MIN = 25
WORDS_MIN = 4

STRING = r'"(?:\\.|[^"\\\n])*"'
# Comments and characters may contain quotation marks, and the names of test cases quote nothing.
NO_LITERAL = rf"//.*|'(?:\\.|[^'\\])'|(?:TEST_CASE|SUBCASE)\((?:\s*{STRING})+"
RAW = r'R"(?P<mark>\w*)\((?P<raw>(?s:.*?))\)(?P=mark)"'
TOKEN = re.compile(rf"{NO_LITERAL}|{RAW}|(?P<plain>{STRING}(?:\s*{STRING})*)")
HELP = re.compile(r"[A-Z][a-z]+\b(?!-)")


def literals_of_cpp(source: str):
    """The line and the value of each string literal; adjacent ones are one literal."""
    for token in TOKEN.finditer(source):
        line = source.count("\n", 0, token.start()) + 1
        if token["raw"]:
            yield line, token["raw"]
        elif token["plain"]:
            value = "".join(string[1:-1] for string in re.findall(STRING, token["plain"]))
            yield line, re.sub(r'\\(["\\])', r"\1", value)


def literals_of_python(source: str):
    """The same of Python, without the strings that are comments."""
    nodes = list(ast.walk(ast.parse(source)))
    comments = [node.value for node in nodes if isinstance(node, ast.Expr)]
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)) and node not in comments:
            yield node.lineno, node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value


def literals_in(*folders: str):
    """The place and the value of each literal in these folders."""
    for file in sorted(file for folder in folders for file in (ROOT / folder).rglob("*")):
        if file.suffix in (".cc", ".h", ".py") and file != pathlib.Path(__file__).resolve():
            for line, value in (literals_of_python if file.suffix == ".py" else literals_of_cpp)(file.read_text()):
                yield f"{file.relative_to(ROOT)}:{line}", value


def windows(text: str):
    """Each run of LENGTH_MIN characters, with its place."""
    return ((at, text[at : at + LENGTH_MIN]) for at in range(len(text) - LENGTH_MIN + 1))


class Texts:
    """The texts of a program, and their quotes."""

    def __init__(self, literals):
        self.places = {}  # of each text
        self._parts = collections.defaultdict(set)  # of texts, by their windows
        for place, text in literals:
            for part in re.split(r"\{[^{}]*\}", text):
                if len(part.split()) >= WORDS_MIN:
                    self.places.setdefault(text, place)
                    for _, window in windows(part):
                        self._parts[window].add((text, part))

    def quoted_by(self, literal: str) -> set[str]:
        """The texts that this literal of a test quotes. Of texts that share a run, it quotes the one with a part that it has as a
        whole, or else the one with the longest run."""
        runs = []
        for at, window in windows(literal):
            for text, part in self._parts.get(window, ()):
                run = os.path.commonprefix([literal[at:], part[part.index(window) :]])
                begins = at == 0 or literal[at - 1 : at + LENGTH_MIN] not in part
                if begins and len(run.split()) >= WORDS_MIN:
                    runs.append((run == part, len(run), at, text))
        quoted, taken = set(), set()
        for _, length, at, text in sorted(runs, reverse=True):
            if taken.isdisjoint(range(at, at + length)):
                taken.update(range(at, at + length))
                quoted.add(text)
        return quoted

    def quoted_twice(self, literals) -> list[str]:
        """A line for each text that literals of several files quote, with the first place in each."""
        quotes = collections.defaultdict(dict)
        for place, literal in literals:
            for text in self.quoted_by(literal):
                quotes[text].setdefault(place.partition(":")[0], place)
        return [
            f"{self.places[text]}: {text!r} is quoted by " + " and ".join(places.values())
            for text, places in quotes.items()
            if len(places) > 1 and not HELP.match(text)
        ]


class QuotedTexts(unittest.TestCase):
    def test_at_most_one_test_file_quotes_each_text(self):
        texts = Texts(literals_in("lib", "apps"))
        self.assertGreater(len(texts.places), 500)
        twice = texts.quoted_twice(literals_in("tests"))
        self.assertEqual(len(twice), 0, "\n" + "\n".join(twice) + "\nLet all but one check the code, the cause and the data.")

    def test_quotes_are_found(self):
        source = r"""
            option("Colour, which must be one of those from 0 to 65535");
            Status(code, fmt::format("{}: the colour must be one of those "
                                     "from 0 to {}", name, 65535));
            return "the colour must be one of those from 0 to 9 in tests";
        """
        texts = Texts((f"lib/a.cc:{line}", value) for line, value in literals_of_cpp(source))
        one, other = "{}: the colour must be one of those from 0 to {}", "the colour must be one of those from 0 to 9 in tests"
        self.assertEqual([texts.places[one], texts.places[other]], ["lib/a.cc:3", "lib/a.cc:5"])
        self.assertEqual(texts.quoted_by("x: the colour must be one of those from 0 to 65535"), {one})
        self.assertEqual(texts.quoted_by("the colour must be one of those from 0 to 9 in part"), {other})
        self.assertEqual(texts.quoted_by("the colour must be one"), set())

    def test_literals_are_found(self):
        source = r"""
            TEST_CASE("a name") {  // "a comment"
              const char quote = '"';
              text = "one \" " + std::string("two "
                                             "more") + R"(" raw)";
        """
        self.assertEqual(list(literals_of_cpp(source)), [(4, 'one " '), (4, "two more"), (5, '" raw')])
        source = '"""A comment."""\nf(f"one {a} two " "more", b"bytes")\n'
        self.assertEqual([value for _, value in literals_of_python(source)], ["bytes", "one ", " two more"])

    def test_quotes_in_two_files_are_told_with_their_places(self):
        texts = Texts([("lib/a.cc:3", "this text has no more than nine words")])
        quotes = [(place, "told: this text has no more than nine") for place in ("tests/a.py:2", "tests/a.py:9", "tests/b.cc:4")]
        self.assertEqual(texts.quoted_twice(quotes[:2]), [])
        told = "lib/a.cc:3: 'this text has no more than nine words' is quoted by tests/a.py:2 and tests/b.cc:4"
        self.assertEqual(texts.quoted_twice(quotes), [told])
        texts = Texts([("lib/a.cc:3", "This text has no more than nine words")])
        self.assertEqual(texts.quoted_twice(quotes), [])  # help begins so


if __name__ == "__main__":
    unittest.main()
