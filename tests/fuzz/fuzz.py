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
from concurrent.futures import ThreadPoolExecutor

SOURCE = pathlib.Path(__file__).resolve().parent
INPUT_BYTES_MAX = 4096
INPUT_SECONDS_MAX = 30
MEMORY_MIB_MAX = 1024


def programs(build: pathlib.Path, names: list[str]) -> dict[str, pathlib.Path]:
    found = {p.name.removeprefix("fuzz-"): p for p in sorted((build / "tests/fuzz").glob("fuzz-*")) if os.access(p, os.X_OK) and p.is_file()}
    for name in names:
        if name not in found:
            sys.exit(f"fuzz.py: there is no target {name}; there are: {', '.join(found)}")
    return {name: path for name, path in found.items() if not names or name in names}


def folder(path: pathlib.Path) -> pathlib.Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def fuzz(name: str, program: pathlib.Path, build: pathlib.Path, seconds: int, planted: bool) -> tuple[str, bool, str]:
    """Gives the name, if the run ended as it should, and a line about it."""
    found = folder(build / ("corpus-planted" if planted else "corpus") / name)
    findings = folder(build / ("planted" if planted else "findings"))
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1"}
    if planted:
        environment["RINGRPC_FUZZ_PLANTED"] = "1"
    corpus = SOURCE / "corpus" / name
    command = [str(program), f"-max_total_time={seconds}", f"-max_len={INPUT_BYTES_MAX}", f"-timeout={INPUT_SECONDS_MAX}",
               f"-rss_limit_mb={MEMORY_MIB_MAX}", f"-artifact_prefix={findings}/{name}-", "-print_final_stats=1",
               "-use_value_profile=1", str(found)]
    if corpus.is_dir():
        command.append(str(corpus))
    log = folder(build / "logs") / f"{name}.log"
    with log.open("wb") as output:
        status = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, env=environment).returncode
    text = log.read_text(errors="replace")
    runs = re.findall(r"stat::number_of_executed_units:\s*(\d+)", text)
    coverage = re.findall(r"cov: (\d+)", text)
    line = f"{name:16} {int(runs[-1]) if runs else 0:>12,} runs  coverage {coverage[-1] if coverage else '?':>6}"
    if planted:
        hit = "the planted fault was found" in text
        return name, hit, line + ("  planted fault found" if hit else "  PLANTED FAULT NOT FOUND")
    if status == 0:
        return name, True, line
    artifact = re.findall(r"Test unit written to (\S+)", text)
    return name, False, line + f"  FAILED: {log}" + (f"\n  again: {program} {artifact[-1]}" if artifact else "")


def minimize(name: str, program: pathlib.Path, build: pathlib.Path) -> None:
    """Replaces the corpus in the source tree by the fewest inputs, of it and of BUILD/corpus, with the same coverage."""
    kept = SOURCE / "corpus" / name
    merged = folder(build / "merged" / name)
    shutil.rmtree(merged)
    merged.mkdir()
    sources = [str(path) for path in (build / "corpus" / name, kept) if path.is_dir()]
    subprocess.run([str(program), "-set_cover_merge=1", f"-max_len={INPUT_BYTES_MAX}", str(merged), *sources], check=True,
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
    given = parser.parse_args()
    build = given.build.resolve()
    chosen = programs(build, given.target)
    if given.minimize:
        for name, program in chosen.items():
            minimize(name, program, build)
        return 0
    failed = 0
    with ThreadPoolExecutor(given.jobs) as pool:
        for _, good, line in pool.map(lambda item: fuzz(*item, build, given.seconds, given.planted), chosen.items()):
            print(line, flush=True)
            failed += not good
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
