#!/usr/bin/env python3
"""Prints the default configuration file of grpcd, made from its help: grpcd --help | default_config.py

Each setting is a comment with its default, so that an upgrade may change defaults. The exception is `listen`: the
package's socket unit opens the sockets.
"""
import re
import sys

FLAG = re.compile(r"  --([a-z-]+)(?: ([A-Z]+))?(?:\s{2,}(.*))?$")
NUMBERS = {"N"}
OUTSIDE_THE_FILE = {"config", "version"}


def flags(help_text):
    """Yields (section, None, None, []) and (None, key, what it takes, lines of help)."""
    flag = None
    for line in help_text.splitlines():
        match = FLAG.match(line)
        if match:
            if flag:
                yield flag
            flag = (None, match[1], match[2], [match[3]] if match[3] else [])
        elif flag and line.startswith(" " * 30):
            flag[3].append(line.strip())
        else:
            if flag:
                yield flag
            flag = None
            if re.match(r"[A-Z].*:$", line):
                yield (line[:-1], None, None, [])


def setting(key, takes, text):
    """The line that sets `key` to its default, or to what it takes if the file has no words for its default."""
    if takes is None:
        return f"{key} = false"
    default = re.search(r"\[default: ([^;\]]*)", text)[1].strip()
    if default == "none" and "none" not in text.replace(default_of(text), ""):
        return f'{key} = "{takes}"'
    if " " in default:
        return f"{key} = {takes}" if takes in NUMBERS else f'{key} = "{takes}"'
    return f"{key} = {default}" if takes in NUMBERS else f'{key} = "{default}"'


def default_of(text):
    return re.search(r"\[default:[^\]]*\]|$", text)[0]


def page(help_text):
    lines = ["# The settings of grpcd, each with its default. grpcd --help describes the same flags.",
             "# systemctl reload grpcd applies the log level and certificates; other settings need a restart."]
    for section, key, takes, text in flags(help_text):
        if section:
            if section != "General":
                lines += ["", f"## {section}"]
            continue
        if key in OUTSIDE_THE_FILE:
            continue
        lines += [""] + ["# " + line for line in text]
        if key == "listen":
            lines += ["# Here: the sockets of grpcd.socket.", 'listen = "systemd"']
        else:
            lines.append("#" + setting(key, takes, " ".join(text)))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page(sys.stdin.read()))
