"""The folder that `make deb` fills.

    if __name__ == "__main__":
        built.or_skip()
"""

import os
import pathlib
import subprocess
import sys

SOURCE = pathlib.Path(os.environ["SOURCE_ROOT"])
FOLDER = SOURCE / "build-deb"


def or_skip():
    """Ends the test as skipped if the packages are missing or of another commit."""
    head = subprocess.run(["git", "-C", SOURCE, "rev-parse", "HEAD"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    commit = FOLDER / "commit"
    if head.returncode != 0 or not commit.exists() or commit.read_bytes() != head.stdout:
        print("skipped: there are no packages of this commit; `make deb` builds them")
        sys.exit(77)
