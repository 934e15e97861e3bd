#!/usr/bin/env python3
"""Runs the fuzz targets of a build directory: fuzz.py BUILD [--seconds N] [--planted] [target ...]

Each target begins with the corpus in tests/fuzz/corpus, which it does not change. What it finds in addition is kept in
BUILD/corpus for the next run. An input that crashes or hangs a target is kept in BUILD/findings, and its path is printed.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

SOURCE = pathlib.Path(__file__).resolve().parent
LIMITS = ["-max_len=4096", "-timeout=30", "-rss_limit_mb=1024"]  # bytes, seconds and MiB of an input
ASAN_OPTIONS = "detect_leaks=1:quarantine_size_mb=32"  # a large quarantine costs time, and inputs are small
PLANTED = "the planted fault was found"  # harness.cc


def programs(build: pathlib.Path, names: list[str]) -> dict[str, pathlib.Path]:
    found = {p.name.removeprefix("fuzz-"): p for p in sorted((build / "tests/fuzz").glob("fuzz-*")) if os.access(p, os.X_OK) and p.is_file()}
    for name in names:
        if name not in found:
            sys.exit(f"fuzz.py: there is no target {name}; there are: {', '.join(found)}")
    return {name: path for name, path in found.items() if not names or name in names}


def folder(path: pathlib.Path) -> pathlib.Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def inputs(name: str) -> list[str]:
    """The corpus and the dictionary of a target, as far as there are any."""
    corpus = SOURCE / "corpus" / name
    dictionary = SOURCE / "dictionaries" / f"{name}.dict"
    return [str(corpus)] * corpus.is_dir() + [f"-dict={dictionary}"] * dictionary.is_file()


class Run(NamedTuple):
    """How one run of libFuzzer has ended."""
    status: int
    output: str
    log: pathlib.Path
    seconds: float

    @property
    def executed(self) -> int:
        return int(([0] + re.findall(r"stat::number_of_executed_units:\s*(\d+)", self.output))[-1])

    @property
    def coverage(self) -> str:
        return (["?"] + re.findall(r"cov: (\d+)", self.output))[-1]


def libfuzzer(name: str, program: pathlib.Path, log: pathlib.Path, *arguments: str, planted: bool = False) -> Run:
    environment = {**os.environ, "ASAN_OPTIONS": ASAN_OPTIONS}
    if planted:
        environment["RINGRPC_FUZZ_PLANTED"] = "1"
    began = time.monotonic()
    with log.open("wb") as output:
        status = subprocess.run([str(program), *LIMITS, "-print_final_stats=1", *arguments, *inputs(name)],
                                stdout=output, stderr=subprocess.STDOUT, env=environment).returncode
    return Run(status, log.read_text(errors="replace"), log, time.monotonic() - began)


def fuzz(name: str, program: pathlib.Path, build: pathlib.Path, seconds: int) -> tuple[bool, str]:
    """Gives whether no input has failed, and a line about the run."""
    run = libfuzzer(name, program, folder(build / "logs") / f"{name}.log", f"-max_total_time={seconds}",
                    f"-artifact_prefix={folder(build / 'findings')}/{name}-", str(folder(build / "corpus" / name)))
    line = f"{name:16} {run.executed:>12,} runs  coverage {run.coverage:>6}"
    if run.status == 0:
        return True, line
    artifact = re.findall(r"Test unit written to (\S+)", run.output)
    return False, line + f"  FAILED: {run.log}" + (f"\n  again: {program} {artifact[-1]}" if artifact else "")


def find_planted(name: str, program: pathlib.Path, build: pathlib.Path, seconds: int) -> tuple[bool, str]:
    """Gives whether libFuzzer has found the planted fault, which the corpus must not reach by itself, and a line about the run."""
    found = build / "corpus-planted" / name
    shutil.rmtree(found, ignore_errors=True)
    where = [f"-artifact_prefix={folder(build / 'planted')}/{name}-", str(folder(found))]
    log = folder(build / "logs") / f"{name}-planted.log"
    seeds = libfuzzer(name, program, log, "-runs=0", *where, planted=True)
    if seeds.status != 0:
        return False, f"{name:16} AN INPUT OF THE CORPUS FAILS: {log}"
    run = libfuzzer(name, program, log, f"-max_total_time={seconds}", *where, planted=True)
    line = f"{name:16} {run.executed:>12,} runs  {run.seconds:5.1f} s"
    if PLANTED in run.output:
        return True, line + "  planted fault found"
    return False, line + f"  PLANTED FAULT NOT FOUND: {log}"


def minimize(name: str, program: pathlib.Path, build: pathlib.Path) -> None:
    """Replaces the corpus in the source tree by the fewest inputs, of it and of BUILD/corpus, with the same coverage."""
    kept = SOURCE / "corpus" / name
    merged = folder(build / "merged" / name)
    shutil.rmtree(merged)
    merged.mkdir()
    sources = [str(path) for path in (build / "corpus" / name, kept) if path.is_dir()]
    subprocess.run([str(program), "-set_cover_merge=1", *LIMITS, str(merged), *sources], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(merged, kept)
    print(f"{name:16} {sum(1 for _ in kept.iterdir())} inputs, {sum(p.stat().st_size for p in kept.iterdir()):,} bytes")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("target", nargs="*")
    parser.add_argument("--seconds", type=int, default=60, help="time of each target (60)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="targets at the same time (one a processor)")
    parser.add_argument("--planted", action="store_true", help="look for the faults that the targets plant")
    parser.add_argument("--minimize", action="store_true", help="only put the inputs that matter into tests/fuzz/corpus")
    given = parser.parse_intermixed_args()  # targets may follow options
    build = given.build.resolve()
    chosen = programs(build, given.target)
    if given.minimize:
        for name, program in chosen.items():
            minimize(name, program, build)
        return 0
    task = find_planted if given.planted else fuzz
    failed = False
    with ThreadPoolExecutor(given.jobs) as pool:
        for good, line in pool.map(lambda target: task(*target, build, given.seconds), chosen.items()):
            print(line, flush=True)
            failed |= not good
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
