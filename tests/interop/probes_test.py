"""The static probes of the programs: readelf and bpftrace find them with their arguments, and the scripts of docs/operations
count the calls and the connections of a grpcd exactly."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import harness

OPERATIONS = pathlib.Path(os.environ["SOURCE_ROOT"]) / "docs/operations"
PAGE = (OPERATIONS / "profiling.md").read_text()
ECHO = "/echo.v1.EchoService/Echo"
SERVER = {"accept", "server_call_begin", "server_call_end", "send", "receive"}
CLIENT = {"client_call_begin", "client_call_end", "send", "receive"}
NOTE = re.compile(r"Provider: ringrpc\n\s+Name: (\w+)\n\s+Location: (\w+), .*, Semaphore: 0x0+\n\s+Arguments: (.*)")
# Signed or unsigned, in a register or a constant: `8@%rdi -4@$7`.
ARGUMENTS = re.compile(r"(?P<first>-?\d)@[%$]\S+ (?P<second>-?\d)@[%$]\S+")


def notes_of(program):
    """The places of each probe in the program's notes, by name: address and arguments."""
    listed = subprocess.run(["readelf", "--notes", "--wide", program], capture_output=True, text=True, check=True).stdout
    probes = {}
    for name, address, arguments in NOTE.findall(listed):
        probes.setdefault(name, []).append((int(address, 16), arguments.strip()))
    return probes


def code_at(process, addresses):
    """One byte of the process's program at each address."""
    with open(f"/proc/{process}/maps") as maps:
        base = int(maps.readline().partition("-")[0], 16)  # the program comes first
    with open(f"/proc/{process}/mem", "rb") as memory:
        return [os.pread(memory.fileno(), 1, base + address) for address in addresses]


class Notes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not shutil.which("readelf"):
            raise unittest.SkipTest("readelf (Debian package binutils) is not installed")
        if not notes_of(os.environ["GRPCD"]):
            raise unittest.SkipTest("this build has no probes (-Dusdt=disabled)")

    def test_programs_have_the_probes_with_two_arguments_each(self):
        wanted = {"GRPCD": SERVER | CLIENT, "GRPCBENCH": CLIENT, "GRPCCLIENT": CLIENT}
        for program, names in wanted.items():
            probes = notes_of(os.environ[program])
            self.assertLessEqual(names, set(probes), program)
            for name, places in probes.items():
                for _, arguments in places:
                    with self.subTest(program=program, probe=name, arguments=arguments):
                        found = ARGUMENTS.fullmatch(arguments)
                        self.assertTrue(found, "not two arguments in registers or constants")
                        # Objects are addresses. A descriptor is an int.
                        self.assertEqual(abs(int(found["first"])), 4 if name == "accept" else 8)

    def test_the_page_lists_all_probes(self):
        self.assertEqual(set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)), set(notes_of(os.environ["GRPCD"])))

    def test_bpftrace_lists_them(self):
        if not shutil.which("bpftrace") or os.geteuid() != 0:
            self.skipTest("bpftrace (Debian package of this name) needs root")
        done = harness.run(["bpftrace", "-l", f"usdt:{os.environ['GRPCD']}:*"])
        self.assertEqual({line.rpartition(":")[2] for line in done.stdout.split()}, SERVER | CLIENT)


class Scripts(harness.ServerCase):
    """Each script runs beside a grpcd that serves a known number of calls."""

    @classmethod
    def setUpClass(cls):
        if not shutil.which("bpftrace"):
            raise unittest.SkipTest("bpftrace (Debian package of this name) is not installed")
        if not notes_of(os.environ["GRPCD"]):
            raise unittest.SkipTest("this build has no probes (-Dusdt=disabled)")
        able = harness.run(["bpftrace", "-e", "BEGIN { exit(); }"])
        if able.returncode != 0:
            raise unittest.SkipTest("bpftrace cannot run here: " + able.stdout.strip()[-200:])
        super().setUpClass()

    def trace(self, script):
        """The maps that `script` prints as JSON after 1,000 calls over four connections."""
        probes = notes_of(os.environ["GRPCD"])
        used = re.findall(r"^usdt:\*:ringrpc:(\w+)$", (OPERATIONS / script).read_text(), re.MULTILINE)
        places = [address for name in used for address, _ in probes[name]]
        served = self.server.process.pid
        original = code_at(served, places)
        with tempfile.NamedTemporaryFile("w+") as output:
            tracer = subprocess.Popen(
                ["bpftrace", "-f", "json", "-p", str(served), str(OPERATIONS / script)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, text=True)  # fmt: skip
            self.addCleanup(tracer.stderr.close)
            self.addCleanup(tracer.wait)
            self.addCleanup(tracer.kill)
            # An attached probe has a breakpoint in the place of its nop.
            changed = lambda: all(new != old for new, old in zip(code_at(served, places), original))
            self.assertTrue(harness.wait_until(lambda: changed() or tracer.poll() is not None))
            if tracer.poll() is not None:
                self.skipTest("bpftrace cannot attach here: " + tracer.stderr.read().strip()[-200:])
            harness.run([os.environ["GRPCBENCH"], "--server", self.server.addresses[0], "--connections", "4", "--streams", "5",
                         "--requests", "1000", "--output", "json"])  # fmt: skip
            tracer.send_signal(signal.SIGINT)
            tracer.wait(harness.STOP_SECONDS)
            lines = [json.loads(line) for line in pathlib.Path(output.name).read_text().splitlines() if line]
        maps = {}
        for line in lines:
            if line["type"] in ("map", "hist", "stats"):
                maps.update(line["data"])
        return maps

    def test_calls(self):
        maps = self.trace("calls.bt")
        self.assertEqual(maps["@calls_by_code"], {f"{ECHO},0": 1000})
        self.assertEqual(sum(bucket["count"] for bucket in maps["@microseconds"][ECHO]), 1000)
        self.assertFalse(maps.get("@begun"))

    def test_batches(self):
        maps = self.trace("batches.bt")
        self.assertEqual(sum(maps["@accepted_to_shard"].values()), 4)
        for direction in ("@bytes_a_send", "@bytes_a_receive"):
            self.assertTrue(all(thread.startswith("shard-") for thread in maps[direction]), maps[direction])
            self.assertGreater(sum(bucket["count"] for shard in maps[direction].values() for bucket in shard), 4)


if __name__ == "__main__":
    harness.main()
