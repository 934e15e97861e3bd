"""What the options of the benchmarks have in common.

    parser.add_argument("--rounds", type=whole(1), default=5)
"""

import argparse


def whole(least):
    """A whole number, not less than that."""

    def parse(text):
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is too few; {least} at least")
        return value

    return parse
