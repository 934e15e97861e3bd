"""Compares the exports of the shared libraries with the macros in the headers.

    exports_test.py SOURCE_ROOT ARCHIVE...

The archives hold the objects of both libraries. A shared library exports their symbols of default visibility, so the test
needs no shared build.
"""

import pathlib
import re
import subprocess
import sys

# The messages of the library's services (proto/meson.build says why).
MESSAGES = re.compile(r"_Z(T[ISV])?NK?4grpc|_ZN6google8protobuf5Arena\w*IN4grpc|_ZN\d+TableStruct_grpc|descriptor_table_grpc")
# Weak symbols of templates and inline functions of others, which libstdc++, Boost, fmt and spdlog declare with default visibility. Some
# must be the same in the whole process, such as the pool of threads that wait for an atomic.
INLINE_OF_OTHERS = re.compile(r"_ZG?[TZ]?[ISV]?N?[VKRO]*(St|S[absiod]|9__gnu_cxx|5boost|3fmt|6spdlog)")
# Symbols that compilers and sanitizers add.
COMPILERS = re.compile(r"__|asan\.|tsan\.")
# The mangled names of namespace ringrpc: of functions and variables, type info, tables and thunks, and variables of functions.
OURS = re.compile(r"_Z(?:GV|T(?:[ISV]|hn\d+_|v\d+_n\d+_))?Z?N[VKRO]*7ringrpc")

# At the start of a line: a class that is defined, a function that is declared, a variable.
DECLARED = re.compile(r"^(?:(?:class|struct) (?:\[\[.*?\]\] |(?P<exported_class>RINGRPC_EXPORT) )*(?P<class>\w+)[^;{]*\{$"
                      r"|(?:\[\[nodiscard\]\] )?(?P<exported>RINGRPC_EXPORT )?"
                      r"(?!inline|constexpr|class|struct|enum|using|namespace|extern template)"
                      r"\w[\w:<>*& ,]*?\b(?P<name>\w+)(?:\(|;$))", re.MULTILINE)
FOR_TESTING = re.compile(r"^ *RINGRPC_TESTING_EXPORT (?:static )?(?:[\w:<>*&]+ )*?(~?\w+)\(", re.MULTILINE)
CLASS = re.compile(r"^(?:class|struct) (?P<whole>RINGRPC_TESTING_EXPORT )?(?P<name>\w+)[^;]*\{$", re.MULTILINE)


def public_names(headers):
    """The names that the public headers export, and those that they declare without exporting them."""
    exported, others = set(), set()
    for header in headers:
        for found in DECLARED.finditer(header.read_text()):
            marked = found["exported_class"] or found["exported"]
            (exported if marked else others).add(found["class"] or found["name"])
    return exported, others - exported


def testing_names(headers):
    """The functions that are exported for ringrpc-testing, or the classes that have such."""
    names = set()
    for header in headers:
        text = header.read_text()
        classes = list(CLASS.finditer(text))
        names |= {found["name"] for found in classes if found["whole"]}
        for found in FOR_TESTING.finditer(text):
            member = found[0].startswith(" ")
            names.add([each["name"] for each in classes if each.start() < found.start()][-1] if member else found[1])
    return names


def symbols(archives):
    """The linkage, visibility, mangled and demangled name of each symbol that the archives define for other objects."""
    lines = subprocess.run(["readelf", "--wide", "--symbols", *archives], check=True, capture_output=True, text=True).stdout
    found = sorted(set(re.findall(r" (GLOBAL|WEAK|UNIQUE) +(DEFAULT|PROTECTED|HIDDEN|INTERNAL) +(?!UND)\w+ (\S+)$", lines,
                                  re.MULTILINE)))
    names = subprocess.run(["c++filt"], input="\n".join(name for _, _, name in found), check=True, capture_output=True,
                           text=True).stdout.splitlines()
    return [(*symbol, name) for symbol, name in zip(found, names, strict=True)]


def outermost(mangled):
    """The class, or else the function or variable, of a symbol in namespace ringrpc."""
    found = OURS.match(mangled)
    name, at = None, found.end() if found else len(mangled)
    while name in (None, "detail", "log", "testing") and (size := re.match(r"\d+", mangled[at:])):
        at += len(size[0])
        name, at = mangled[at:at + int(size[0])], at + int(size[0])
    return name


root = pathlib.Path(sys.argv[1])
public_folder = root / "lib/include"
exported, not_exported = public_names(sorted(public_folder.rglob("*.h")))
for_testing = testing_names(header for header in sorted((root / "lib").rglob("*.h")) if public_folder not in header.parents)

wrong, seen = [], set()
for linkage, visibility, mangled, name in symbols(sys.argv[2:]):
    ours = outermost(mangled)
    if visibility == "HIDDEN":
        if linkage == "GLOBAL" and ours in not_exported:
            wrong.append(f"a public header declares this without RINGRPC_EXPORT: {name}")
    elif ours in exported | for_testing:
        seen.add(ours)
    elif not (MESSAGES.match(mangled) or COMPILERS.match(mangled) or (linkage != "GLOBAL" and INLINE_OF_OTHERS.match(mangled))):
        wrong.append(f"exported, but not by a macro in a header: {name}")
wrong += [f"exported for ringrpc-testing, but not there: {name}" for name in sorted(for_testing - seen)]
print("\n".join(wrong) or f"{len(seen)} names are exported, {len(for_testing)} of them for ringrpc-testing")
sys.exit(bool(wrong) or len(seen) < 60)
