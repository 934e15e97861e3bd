"""Counts a server's work for one call with Valgrind. The difference of two run lengths excludes the work of starting,
connecting and stopping.

    count = Counting(valgrind_wait, folder, cores=(0, 1), calls=20_000)
    print(count.instructions_per_call(ringrpc, (10, 10)))
    for allocation in count.allocations_per_call(ringrpc, (10, 10)): print(allocation)
"""

import collections
import json
import re
from typing import NamedTuple

from loads import h2load
from servers import Server

# An allocation is attributed to the innermost frame outside the allocator and the standard library.
OWNERS = (
    ("nghttp2", re.compile(r"libnghttp2|\bnghttp2_")),
    ("protobuf", re.compile(r"libprotobuf|google::protobuf::|^echo::v1::Echo(Request|Response)::")),
    ("OpenSSL", re.compile(r"libssl|libcrypto")),
)
PASSED_OVER = re.compile(
    r"^(malloc|calloc|realloc|memalign|aligned_alloc|posix_memalign|operator new.*) \(|"
    r"^(void |char\* |bool )?(std|__gnu_cxx)::|libstdc\+\+"
)
LEAST_PER_CALL = 0.001  # rarer allocations grow with the logarithm of the calls, or not at all


class Allocation(NamedTuple):
    """The blocks that one place took from the heap."""

    per_call: float
    owner: str
    place: str  # the frame that it is attributed to


class Counting:
    """`folder` keeps Valgrind's files."""

    def __init__(self, valgrind_wait, folder, cores, calls):
        self._valgrind_wait = valgrind_wait
        self._folder = folder
        self._cores = cores
        self._calls = calls

    def instructions_per_call(self, subject, shape):
        """Instructions in user space."""
        counted = [
            int(re.search(r"^(?:totals|summary): (\d+)$", text, re.MULTILINE)[1])
            for text in self._two_runs("callgrind", subject, shape)
        ]
        return (counted[1] - counted[0]) / self._calls

    def allocations_per_call(self, subject, shape):
        """The places that allocate in the steady state, the busiest first."""
        few, many = (_blocks(json.loads(text)) for text in self._two_runs("dhat", subject, shape))
        places = collections.Counter()
        for stack, blocks in many.items():
            places[_owner(stack)] += (blocks - few[stack]) / self._calls
        return [
            Allocation(per_call, owner, place)
            for (owner, place), per_call in places.most_common() if per_call >= LEAST_PER_CALL
        ]  # fmt: skip

    def _two_runs(self, tool, subject, shape):
        few = max(self._calls // 10, shape[0] * shape[1])
        return [self._run(tool, subject, shape, calls) for calls in (few, few + self._calls)]

    def _run(self, tool, subject, shape, calls):
        output = self._folder / f"{tool}.out"
        output.unlink(missing_ok=True)
        valgrind = ["valgrind", f"--tool={tool}", f"--{tool}-out-file={output}", "--quiet"]
        command = ["env", f"LD_PRELOAD={self._valgrind_wait}", *subject.variables, *valgrind, *subject.command]
        with Server(command, self._cores[0]) as server:
            h2load(subject, server, calls, shape, self._cores[1])
        return output.read_text()


def _blocks(profile):
    """{stack: blocks allocated}. A stack is the tuple of its frames, the innermost first."""
    blocks = collections.Counter()
    for point in profile["pps"]:
        blocks[tuple(profile["ftbl"][frame].partition(": ")[2] for frame in point["fs"])] += point["tbk"]
    return blocks


def _owner(stack):
    place = next((frame for frame in stack if not PASSED_OVER.search(frame)), stack[-1])
    return next((owner for owner, frames in OWNERS if frames.search(place)), "own code"), place
