#!/usr/bin/env python3
"""Prints the completion of a program for a shell, bash, zsh or fish: completion.py SHELL HELP

HELP is the output of --help. Completed are commands, flags, the values that the help lists, and file names.
"""
import pathlib
import re
import sys

import help_text


def summary(text):
    """The first clause of a text, without what is in parentheses."""
    return re.split(r"\. |[:;] ", re.sub(r" \([^)]*\)", "", text) + " ")[0].strip().rstrip(".:;")


def quoted(text):
    """A word of a shell."""
    return "'" + text.replace("'", "'\\''") + "'"


def fish_quoted(text):
    """A word of fish, which has backslashes between quotes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def names(parts, wanted):
    """The pattern of bash for the flags that are wanted."""
    return "|".join(name for flag in parts.flags if wanted(flag) for name in flag.names)


def commands(parts):
    """Pairs of a command and its text."""
    return [(usage.split()[0], text) for usage, text in parts.commands]


# compopt is for interactive use only.
BASH_FILES = """compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return"""


def bash(parts):
    arms = []
    for choices in dict.fromkeys(tuple(flag.choices) for flag in parts.flags if flag.choices):
        arms.append((lambda flag, choices=choices: tuple(flag.choices) == choices, f"words='{' '.join(choices)}'"))
    arms.append((lambda flag: flag.is_file, BASH_FILES))
    arms.append((lambda flag: flag.value and not flag.choices and not flag.is_file, "return"))
    cases = "\n".join(f"    {names(parts, wanted)})\n      {action} ;;" for wanted, action in arms)
    flags = " ".join(name for flag in parts.flags for name in flag.names)
    otherwise = ""
    if parts.commands:
        otherwise = f"""  elif [[ -z $words ]]; then
    local word skip=
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD - 1}}"; do
      if [[ -n $skip ]]; then
        [[ $word == = ]] || skip=
        continue
      fi
      case $word in
        :|{names(parts, lambda flag: flag.value)}) skip=1 ;;  # bash splits host:port too
        -*) ;;
        *) return ;;
      esac
    done
    [[ -z $skip ]] || return
    words='{' '.join(word for word, _ in commands(parts))}'
"""
    return f"""# Completion of {parts.program} for bash, made from its help.
_{parts.program}() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} words=
  COMPREPLY=()
  # bash splits --flag=value into three words.
  if [[ $current == = ]]; then
    current=
  elif [[ $previous == = ]]; then
    previous=${{COMP_WORDS[COMP_CWORD - 2]}}
  fi
  case $previous in
{cases}
  esac
  if [[ -z $words{" && $current == -*" if parts.commands else ""} ]]; then
    words='{flags}'
{otherwise}  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}}
complete -F _{parts.program} {parts.program}
"""


def zsh_values(flag):
    """What follows the description of a flag in _arguments: the name of its value and how it is completed."""
    if not flag.value:
        return ""
    action = f"({' '.join(flag.choices)})" if flag.choices else "_files" if flag.is_file else " "
    return f":{flag.value.strip(chr(39)).replace(':', '')}:{action}"


def zsh(parts):
    lines = []
    for flag in parts.flags:
        described = re.sub(r"([\[\]\\:])", r"\\\1", summary(flag.text))
        for name in flag.names:
            sign = ("=" if name.startswith("--") else "+") if flag.value else ""
            others = "*" if flag.repeats else f"({' '.join(flag.names)})" if len(flag.names) > 1 else ""
            lines.append(quoted(f"{others}{name}{sign}[{described}]{zsh_values(flag)}"))
    if parts.commands:
        listed = " ".join(rf"{word}\:" + re.sub(r"(\W)", r"\\\1", summary(text)) for word, text in commands(parts))
        lines += [quoted(f"1:command:(({listed}))"), quoted("*: : ")]
    head = f"#compdef {parts.program}\n# Completion of {parts.program} for zsh, made from its help.\n"
    return head + " \\\n  ".join(["_arguments", *lines]) + "\n"


def fish(parts):
    """fish completes a file name unless it is told not to (-f, or -x for a value)."""
    lines = [f"# Completion of {parts.program} for fish, made from its help.", f"complete -c {parts.program} -f"]
    # __fish_use_subcommand would take the value of a flag for a command.
    unseen = "not __fish_seen_subcommand_from " + " ".join(word for word, _ in commands(parts))
    for word, text in commands(parts):
        lines.append(f"complete -c {parts.program} -n {fish_quoted(unseen)} -a {word} "
                     f"-d {fish_quoted(summary(text))}")
    for flag in parts.flags:
        line = f"complete -c {parts.program}"
        for name in flag.names:
            line += f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}"
        if flag.value:
            line += " -r -F" if flag.is_file else " -x"
        if flag.choices:
            line += f" -a {fish_quoted(' '.join(flag.choices))}"
        lines.append(f"{line} -d {fish_quoted(summary(flag.text))}")
    return "\n".join(lines) + "\n"


SHELLS = {"bash": bash, "zsh": zsh, "fish": fish}

if __name__ == "__main__":
    sys.stdout.write(SHELLS[sys.argv[1]](help_text.read(pathlib.Path(sys.argv[2]).read_text())))
