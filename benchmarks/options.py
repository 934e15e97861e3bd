"""Types of options that several benchmarks have.

    parser.add_argument("--rounds", type=whole(1), default=5)
"""

import argparse


def whole(least):
    """A whole number of at least `least`."""

    def parse(text):
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is too few; {least} at least")
        return value

    return parse
