"""The Go programs of go.mod, built once into TOOLS_DIR, and again when go.mod, go.sum or a source here has changed.

    def setUpModule():
        global grpcurl
        grpcurl = tools.path("grpcurl")     # skips the module if there is no Go to build it with

The first check builds all of them, which takes some minutes with empty Go caches; the others wait for it. `build_once`
builds programs in other languages in the same way.
"""

import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import unittest

MODULE = pathlib.Path(__file__).resolve().parent
GO_LEAST = (1, 25)
BUILD_SECONDS = 3000


def path(name):
    """The path of the program `name`. Raises unittest.SkipTest, with the reason, if it cannot be built."""
    sources = [MODULE / "go.mod", MODULE / "go.sum", *sorted(MODULE.glob("*/*.go"))]
    return build_once(".", sources, _build) / name


def go_module(folder, chore=None):
    """The program of the Go module in `folder`, which has a go.mod of its own. As for `path`. With a `chore`, only
    `make CHORE` builds it, because that takes long."""
    folder = MODULE / folder
    sources = [folder / "go.mod", folder / "go.sum", *sorted(folder.glob("*.go"))]

    def build(into):
        if chore and "RINGRPC_BUILD_ALL" not in os.environ:
            raise unittest.SkipTest(f"{folder.name} is not built; `make {chore}` builds it once, in some minutes")
        _go_build(into, folder, ["build", "-o", into])

    return build_once(folder.name, sources, build) / folder.name


def build_once(name, sources, build):
    """The folder `name` in TOOLS_DIR, filled by `build(folder)` now, or earlier from the same sources."""
    folder = pathlib.Path(os.environ["TOOLS_DIR"]) / name
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = folder / ".built-from"
        wanted = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
        if not stamp.exists() or stamp.read_text() != wanted:
            build(folder)
            stamp.write_text(wanted)
    return folder


def _build(folder):
    _go_build(folder, MODULE, ["install", "tool"])


def _go_build(folder, module, command):
    # Go must neither fetch another version of itself nor lack a folder for its caches.
    environment = {"HOME": str(folder), **os.environ, "GOTOOLCHAIN": "local", "GOBIN": str(folder)}
    go = _go(environment)
    print(f"building {module.name}'s Go programs, which may take some minutes", flush=True)
    built = subprocess.run(
        [go, *command],
        cwd=module, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=BUILD_SECONDS,
    )
    if built.returncode != 0:
        raise unittest.SkipTest(f"{module.name}'s Go programs did not build: {built.stderr.strip()}")


def _go(environment):
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    needed = "Go {}.{} or newer".format(*GO_LEAST)
    if not go:
        raise unittest.SkipTest(f"{needed} is not installed")
    version = subprocess.run([go, "env", "GOVERSION"], env=environment, cwd="/", capture_output=True, text=True).stdout
    found = re.match(r"go(\d+)\.(\d+)", version)
    if not found or tuple(map(int, found.groups())) < GO_LEAST:
        raise unittest.SkipTest(f"{needed} is needed, {go} is {version.strip() or 'of an unknown version'}")
    return go
