"""Each public header, compiled as C++17, must give as its first error the remedy.

    standard_test.py HEADER_FOLDER HEADER... -- COMPILER...
"""

import concurrent.futures
import os
import subprocess
import sys

folder, *headers = sys.argv[1:sys.argv.index("--")]
compiler = sys.argv[sys.argv.index("--") + 1:]
REMEDY = "ringrpc needs C++23: compile with -std=c++23"


def first_error(header):
    compiled = subprocess.run([*compiler, "-std=c++17", "-fsyntax-only", "-I", folder, "-x", "c++", "/dev/null", "-include",
                               header], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return next((line for line in compiled.stdout.splitlines() if "error:" in line), "it compiles")


with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
    errors = dict(zip(headers, threads.map(first_error, headers)))
wrong = [f"{header}: {error}" for header, error in errors.items() if REMEDY not in error]
print("\n".join(wrong) or f"{len(errors)} headers name the remedy")
sys.exit(bool(wrong) or len(errors) < 50)
