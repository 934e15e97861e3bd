#!/usr/bin/env python3
"""Judges the tests: puts faults into the library and the programs, and counts those that no test notices.

  mutants.py BUILD [--again] [FAULT ...]

A FAULT is a name as in `server/drain-leaves-listeners-open`, or a pattern as in `server/*`. Each file in tests/mutants/faults
describes the faults of a folder of lib, or of apps, and the tests that should notice them:

  tests = ["http2", "rpc"]     # names of `meson test`, in the order in which they run
  first = "*/server/*"         # optional: these sources of a doctest program run before the rest

  [[fault]]
  name = "no-frame-limit"
  file = "lib/http2/session_input.cc"
  what = "One sentence about the wrong behaviour."
  old = '''exact text that occurs once in the file'''
  new = '''the text in its place, in which FAULT is true if this fault is chosen'''

All faults are compiled into one build, BUILD/build, from a copy of the sources, BUILD/source. A variable chooses one of them for each
run. The results are kept in BUILD/results.json; `--again` runs only the faults that no test noticed the last time. Ends with 1 if
tests notice less than nine tenths of the faults of a folder.
"""

import argparse
import collections
import concurrent.futures
import dataclasses
import fnmatch
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
GOAL = 0.9
# A test that takes so many times its usual time, and so many seconds more, waits for something that never happens.
LIMIT_FACTOR, LIMIT_MORE_SECONDS = 5, 60
SEEDS_MAX = 300  # of the tests that run under thousands


@dataclasses.dataclass(frozen=True)
class Fault:
    number: int
    name: str
    file: str
    what: str
    old: str
    new: str
    tests: tuple
    first: str

    @property
    def folder(self):
        return self.name.partition("/")[0]


@dataclasses.dataclass(frozen=True)
class Run:
    """A way to run a test: all of it, or the sources of a doctest program that `first` names."""

    test: str
    first: str = ""

    def __str__(self):
        return f"{self.test} {self.first}".strip()


def read_faults():
    faults = []
    for path in sorted((HERE / "faults").glob("*.toml")):
        described = tomllib.loads(path.read_text())
        for each in described["fault"]:
            faults.append(
                Fault(
                    number=len(faults) + 1,
                    name=f"{path.stem}/{each['name']}",
                    file=each["file"],
                    what=each["what"],
                    old=each["old"],
                    new=each["new"],
                    tests=tuple(each.get("tests", described["tests"])),
                    first=each.get("first", described.get("first", "")),
                )
            )
    names = collections.Counter(fault.name for fault in faults)
    if twice := [name for name, count in names.items() if count > 1]:
        sys.exit(f"mutants.py: two faults have the same name: {', '.join(twice)}")
    return faults


def woven(text, faults):
    """The source with all its faults."""
    places = []
    for fault in faults:
        if text.count(fault.old) != 1:
            sys.exit(f"mutants.py: {fault.name}: `old` occurs {text.count(fault.old)} times in {fault.file}, not once:\n{fault.old}")
        if "FAULT" not in fault.new:
            sys.exit(f"mutants.py: {fault.name}: `new` does not name FAULT")
        places.append((text.index(fault.old), fault))
    end = len(text)
    for at, fault in sorted(places, key=lambda place: place[0], reverse=True):
        if at + len(fault.old) > end:
            sys.exit(f"mutants.py: {fault.name} overlaps another fault of {fault.file}")
        chosen = re.sub(r"\bFAULT\b", f"::ringrpc_fault({fault.number})", fault.new)
        text = text[:at] + chosen + text[at + len(fault.old) :]
        end = at
    return text


def copy_sources(to, faults):
    """Copies what git tracks; leaves files that have not changed alone, so that the next build is quick."""
    by_file = collections.defaultdict(list)
    for fault in faults:
        by_file[fault.file].append(fault)
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True)
    kept = set()
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, target = ROOT / name, to / name
        if not source.is_file():
            continue
        kept.add(target)
        data = source.read_bytes()
        if name in by_file:
            data = woven(data.decode(), by_file.pop(name)).encode()
        if target.is_file() and target.read_bytes() == data:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        shutil.copymode(source, target)
    if by_file:
        sys.exit(f"mutants.py: there is no {', '.join(by_file)}")
    for path in to.rglob("*"):
        if path.is_file() and path not in kept:
            path.unlink()


class Tests:
    """The tests of the build, by name."""

    def __init__(self, source, build):
        self.build = build
        if not (build / "build.ninja").exists():
            arguments = f"-O1 -g0 -D_GLIBCXX_ASSERTIONS -include {source}/tests/mutants/fault.h"
            files = ["--native-file", ROOT / ".ci/clang.ini"]
            if shutil.which("ccache"):
                files += ["--native-file", ROOT / ".ci/ccache.ini"]
            options = ["-Dbenchmarks=false", "-Dbuildtype=plain", "-Db_ndebug=false", f"-Dcpp_args={arguments}"]
            subprocess.run(["meson", "setup", build, source, *files, *options], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["ninja", "-C", build, "--quiet", "build.ninja"], check=True)
        listed = subprocess.run(["meson", "introspect", "--tests", build], check=True, capture_output=True)
        # Some of the tests against other implementations have the names of unit tests.
        listed = sorted(json.loads(listed.stdout), key=lambda each: "ringrpc:interop" in each["suite"], reverse=True)
        self._tests = {each["name"]: each for each in listed}

    def make(self, names):
        if unknown := set(names) - set(self._tests):
            sys.exit(f"mutants.py: meson knows no test {', '.join(sorted(unknown))}")
        targets = {target for name in names for target in self._tests[name]["depends"]}
        introspected = subprocess.run(["meson", "introspect", "--targets", self.build], check=True, capture_output=True)
        files = {each["id"]: each["filename"] for each in json.loads(introspected.stdout)}
        wanted = [os.path.relpath(path, self.build) for target in sorted(targets) for path in files[target]]
        subprocess.run(["ninja", "-C", self.build, "--quiet", *wanted], check=True)

    def run(self, run, number, limit):
        """Gives "passed", "failed" or "hung", and the seconds that it took."""
        test = self._tests[run.test]
        command = list(test["cmd"])
        if command[-1].endswith(("-tests", "-chaos")) or any(word.startswith("--source-file") for word in command):
            command.append("--abort-after=1")
            if run.first:
                command.append(f"--source-file={run.first}")
        environment = {**os.environ, **test["env"], "RINGRPC_FAULT": str(number)}
        if seeds := test["env"].get("RINGRPC_SEEDS"):
            environment["RINGRPC_SEEDS"] = str(min(int(seeds), SEEDS_MAX))
        began = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=test["workdir"] or self.build,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            result = "passed" if process.wait(limit) == 0 else "failed"
        except subprocess.TimeoutExpired:
            result = "hung"
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        return result, time.monotonic() - began


def runs_of(fault, noticed_by):
    """The runs of a fault in their order: the one that noticed it the last time, if any, is the first."""
    runs = [Run(fault.tests[0], fault.first)] if fault.first else []
    runs += map(Run, fault.tests)
    runs.sort(key=lambda run: str(run) != noticed_by)
    return runs


def judge(fault, tests, usual, noticed_by):
    """The run that notices the fault, and how; nothing if none does."""
    for run in runs_of(fault, noticed_by):
        result, _ = tests.run(run, fault.number, usual[run] * LIMIT_FACTOR + LIMIT_MORE_SECONDS)
        if result != "passed":
            return {"by": str(run), "how": result}
    return {"by": "", "how": "survived"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("fault", nargs="*", help="names or patterns; all, if none is given")
    parser.add_argument("--again", action="store_true", help="only the faults that no test noticed the last time")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="faults at the same time (one a processor)")
    given = parser.parse_intermixed_args()
    build = given.build.resolve()
    kept = build / "results.json"
    results = json.loads(kept.read_text()) if kept.exists() else {}

    faults = read_faults()
    copy_sources(build / "source", faults)
    chosen = [
        fault
        for fault in faults
        if (not given.fault or any(fnmatch.fnmatch(fault.name, pattern) for pattern in given.fault))
        and (not given.again or results.get(fault.name, {}).get("how") == "survived")
    ]
    if not chosen:
        sys.exit("mutants.py: no fault has such a name")
    tests = Tests(build / "source", build / "build")
    tests.make({name for fault in chosen for name in fault.tests})

    usual = {}
    for run in sorted({run for fault in chosen for run in runs_of(fault, "")}, key=str):
        result, usual[run] = tests.run(run, 0, 600)
        print(f"without a fault: {run} {result} in {usual[run]:.1f} s", flush=True)
        if result != "passed":
            sys.exit(f"mutants.py: {run} fails without a fault")

    lock = threading.Lock()

    def one(fault):
        result = judge(fault, tests, usual, results.get(fault.name, {}).get("by"))
        with lock:
            results[fault.name] = result
            kept.write_text(json.dumps(results, indent=1, sort_keys=True))
            by = f" by {result['by']}" if result["by"] else f": {fault.file}: {fault.what}"
            print(f"{result['how']:9}{fault.name}{by}", flush=True)

    with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
        for done in [pool.submit(one, fault) for fault in chosen]:
            done.result()

    bad = False
    print(f"\n{'':12}faults  noticed")
    for folder, group in sorted(collections.Counter(fault.folder for fault in chosen).items()):
        noticed = sum(results[fault.name]["how"] != "survived" for fault in chosen if fault.folder == folder)
        bad |= noticed < GOAL * group
        print(f"{folder:12}{group:6}{noticed:9}{'  too few' if noticed < GOAL * group else ''}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
