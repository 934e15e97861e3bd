"""The examples at the heads of the public headers against sources, which are compiled.

    examples_test.py SOURCE.cc... HEADER.h...

An example is what stands indented in the comment before `#pragma once`; it must be the region of a source
that bears the header's name, but for white space and what the header leaves out ("...").
"""

import pathlib
import re
import sys


def joined(text):
    return " ".join(text.split())


def example_of(header):
    head = header.read_text().partition("#pragma once")[0]
    return joined("\n".join(line[5:] for line in head.splitlines() if line.startswith("///   ")))


def region_of(name, source):
    mark = re.escape(name)
    return joined("\n".join(re.findall(rf"// \[{mark}\]\n(.*?)// \[/{mark}\]", source, re.DOTALL)))


paths = [pathlib.Path(argument) for argument in sys.argv[1:]]
source = "".join(path.read_text() for path in paths if path.suffix == ".cc")
compared = 0
wrong = []
for header in [path for path in paths if path.suffix == ".h"]:
    example = example_of(header)
    region = region_of(header.name, source)
    pattern = re.escape(example).replace(re.escape("..."), ".*?")
    compared += bool(example)
    if not re.fullmatch(pattern, region):
        wrong.append(f"{header.name} shows:\n  {example}\nthe sources compile:\n  {region}")
print("\n".join(wrong) or f"{compared} examples compile")
sys.exit(bool(wrong) or compared < 20)
