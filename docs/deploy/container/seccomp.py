#!/usr/bin/env python3
"""Prints a seccomp profile that also allows io_uring, made from the default profile of a container engine:

    seccomp.py /usr/share/containers/seccomp.json >io_uring.json

Docker, Podman and containerd read the same format.
"""
import argparse
import json
import sys

IO_URING = ["io_uring_enter", "io_uring_register", "io_uring_setup"]


def with_io_uring(profile):
    """The profile, in which no rule names io_uring but one at the end, which allows it."""
    rules = []
    for rule in profile["syscalls"]:
        named = [name for name in rule["names"] if name not in IO_URING]
        if named:
            rules.append({**rule, "names": named})
    return {**profile, "syscalls": [*rules, {"names": IO_URING, "action": "SCMP_ACT_ALLOW"}]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("profile", help="the engine's default profile, a JSON file")
    path = parser.parse_args().profile
    try:
        with open(path, encoding="utf-8") as file:
            profile = with_io_uring(json.load(file))
    except OSError as error:
        sys.exit(f"seccomp.py: {path}: {error.strerror}; give the default profile of the container engine")
    except (ValueError, TypeError, KeyError):
        sys.exit(f"seccomp.py: {path}: this is no seccomp profile; give a JSON object with a list of syscalls")
    json.dump(profile, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
