"""The examples at the heads of the public headers against examples.cc, which is compiled.

    examples_test.py examples.cc HEADER...

An example is what stands indented in the comment before `#pragma once`; it must be the region of examples.cc
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


source = pathlib.Path(sys.argv[1]).read_text()
compared = 0
wrong = []
for header in map(pathlib.Path, sys.argv[2:]):
    example = example_of(header)
    region = region_of(header.name, source)
    pattern = re.escape(example).replace(re.escape("..."), ".*?")
    compared += bool(example)
    if not re.fullmatch(pattern, region):
        wrong.append(f"{header.name} shows:\n  {example}\nexamples.cc compiles:\n  {region}")
print("\n".join(wrong) or f"{compared} examples compile")
sys.exit(bool(wrong) or compared < 20)
