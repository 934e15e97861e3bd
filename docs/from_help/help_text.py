"""Reads what a program prints for --help: its commands, flags, placeholders, exit statuses and examples."""
import dataclasses
import re

CHOSEN = {"FORMAT", "KIND", "LEVEL", "NAME", "POLICY", "VERSION"}
FILES = {"CONFIG", "DIR", "FILE"}
WORD = r"\w+(?:[.-]\w+)*"


@dataclasses.dataclass
class Flag:
    names: list  # "-d" and "--data", or the long one alone
    value: str  # what it takes, such as FILE; empty if it takes nothing
    text: str
    default: str
    variables: list

    @property
    def long(self):
        return self.names[-1]

    @property
    def choices(self):
        """The words that the help lists as values: "constant, or poisson, like many clients" has two."""
        if self.value not in CHOSEN:
            return []
        listed = re.search(rf": ({WORD}(?:, {WORD})*),? or ({WORD})", re.sub(r" \([^)]*\)", "", self.text))
        return [*listed[1].split(", "), listed[2]] if listed else []

    @property
    def is_file(self):
        return self.value in FILES

    @property
    def repeats(self):
        return "Repeat the flag" in self.text


@dataclasses.dataclass
class Help:
    program: str
    usage: str
    description: list  # paragraphs before the flags
    commands: list  # (usage, text)
    sections: list  # (heading, flags)
    closing: list  # paragraphs after the flags
    placeholders: list  # (placeholder, text)
    statuses: list  # (status, text)
    examples: list  # lines

    @property
    def flags(self):
        return [flag for _, flags in self.sections for flag in flags]


def entries(lines):
    """Pairs of an indented head and its text, which is two spaces away or on deeper lines."""
    found = []
    for line in lines:
        if re.match(r"  \S", line):
            head, _, text = re.sub(r"^(\S.*?) {2,}", r"\1\0", line.strip()).partition("\0")
            found.append([head, text])
        else:
            found[-1][1] = f"{found[-1][1]} {line.strip()}".strip()
    return [tuple(entry) for entry in found]


def flag(head, text):
    names, _, value = head.partition(" ")
    text, default, variables = re.fullmatch(r"(.*?)(?: \[default: (.*?)(?:; env: (.*))?\])?", text).groups()
    return Flag(names.split(","), value, text, default or "", variables.split(" or ") if variables else [])


def read(text):
    """The parts of the help. Raises ValueError where it has another form, so that no page silently loses a flag."""
    help_text = Help("", "", [], [], [], [], [], [], [])
    for block in text.strip("\n").split("\n\n"):
        heading, *lines = block.split("\n")
        if heading.startswith("Usage: "):
            help_text.usage = heading.removeprefix("Usage: ")
            help_text.program = help_text.usage.split()[0]
        elif not heading.endswith(":") or not lines:
            paragraphs = help_text.closing if help_text.sections else help_text.description
            paragraphs.append(" ".join([heading, *lines]))
        elif not all(line.startswith("  ") for line in lines):
            raise ValueError(f"the help has a line under '{heading}' that is not indented")
        elif heading == "Commands:":
            help_text.commands = entries(lines)
        elif heading == "Placeholders in --data and --header:":
            help_text.placeholders = entries(lines)
        elif heading == "Exit status:":
            help_text.statuses = entries(lines)
        elif heading == "Examples:":
            help_text.examples = [line.strip() for line in lines]
        elif lines[0].startswith("  -"):
            help_text.sections.append((heading[:-1], [flag(*entry) for entry in entries(lines)]))
        else:
            raise ValueError(f"the help has an unknown section '{heading}'")
    if not help_text.program or not help_text.sections:
        raise ValueError("this is no help of a program: it has no line 'Usage:' or no flags")
    return help_text
