#!/usr/bin/env python3
"""Prints the man page of a program: man_page.py VERSION TEMPLATE HELP

HELP is the output of --help. TEMPLATE has the hand-written sections in man(7), and lines such as @FLAGS@, in whose
place the help goes. The page has a version and no date, so that each build writes the same bytes.
"""
import pathlib
import re
import sys

import help_text


def escaped(text):
    """Text as roff prints it literally: the dashes of flags are ASCII, and no line begins with a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha")
    return re.sub(r"^(?=[.'])", r"\\&", text)


def prose(text):
    """Escaped text with bold flags."""
    return re.sub(r"(?<![\w\-])\\-\\-[a-z](?:[a-z]|\\-(?=[a-z]))*", r"\\fB\g<0>\\fR", escaped(text))


def usage(text):
    """Bold words to type, and italic ones to replace."""
    return re.sub(r"[A-Z]+|(?<![\w])[a-z]+", lambda word: rf"\fI{word[0]}\fR" if word[0].isupper() or word[0] == "flags"
                  else rf"\fB{word[0]}\fR", escaped(text))


def tagged(tag, text):
    return f".TP\n{tag}\n{text}"


def flag_entry(flag):
    names = ", ".join(rf"\fB{escaped(name)}\fR" for name in flag.names)
    origin = [f"Default: {prose(flag.default)}."] if flag.default else []
    if flag.variables:
        origin.append("Environment: " + " or ".join(rf"\fB{name}\fR" for name in flag.variables) + ".")
    value = rf" \fI{escaped(flag.value)}\fR" if flag.value else ""
    text = prose(flag.text if flag.text.endswith(".") else flag.text + ".")
    return tagged(names + value, "\n".join([text, *([".br", *origin] if origin else [])]))


def flag_section(heading, flags):
    return "\n".join([f".SS {prose(heading)}", *map(flag_entry, flags)])


def synopsis(parts):
    rest = parts.usage.removeprefix(parts.program + " ")
    flags = rest[rest.rindex("["):]
    lines = [f"{command} {flags}" for command, _ in parts.commands] or [rest]
    return "\n.br\n".join(usage(f"{parts.program} {line}") for line in lines)


def variables(parts):
    named = {}
    for flag in parts.flags:
        for name in flag.variables:
            named.setdefault(name, []).append(rf"\fB{escaped(flag.long)}\fR")
    return "\n".join(tagged(rf"\fB{name}\fR", f"The value of {' and '.join(flags)}, if the flag is not given.")
                     for name, flags in sorted(named.items()))


def pieces(parts):
    """What goes in the place of each line of a template that has @NAME@."""
    return {
        "SYNOPSIS": synopsis(parts),
        "DESCRIPTION": "\n.PP\n".join(map(prose, parts.description)),
        "COMMANDS": "\n".join(tagged(usage(command), prose(text) + ".") for command, text in parts.commands),
        "FLAGS": "\n".join([*(flag_section(*section) for section in parts.sections),
                            ".SS Precedence", "\n.PP\n".join(map(prose, parts.closing))]),
        "VARIABLES": variables(parts),
        "PLACEHOLDERS": "\n".join(tagged(rf"\fB{escaped(name)}\fR", prose(text) + ".") for name, text in parts.placeholders),
        "STATUSES": "\n".join(tagged(rf"\fB{escaped(status)}\fR", prose(text) + ".") for status, text in parts.statuses),
        "EXAMPLES": "\n".join([".EX", *map(escaped, parts.examples), ".EE"]),
    }


def page(version, template, parts):
    made = pieces(parts)
    used = set()

    def piece(place):
        used.add(place[1])
        return made[place[1]]

    body = re.sub(r"^@([A-Z]+)@$", piece, template, flags=re.M)
    for name in ("COMMANDS", "PLACEHOLDERS", "STATUSES", "EXAMPLES"):
        if getattr(parts, name.lower()) and name not in used:
            raise ValueError(f"the template leaves out @{name}@, which the help has")
    return f'.TH {parts.program.upper()} 1 "" "ringrpc {version}" "User Commands"\n.nh\n.ad l\n{body}'


if __name__ == "__main__":
    version, template, text = sys.argv[1:]
    sys.stdout.write(page(version, pathlib.Path(template).read_text(), help_text.read(pathlib.Path(text).read_text())))
