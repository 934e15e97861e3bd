"""grpcclient, grpcbench and protoc-gen-ringrpc with services in protobuf's editions: a server in Python, and a protoc that
knows editions, both from grpcio-tools."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import foreign_clients
import harness
from grpcclient_test import Case, grpcclient

HERE = pathlib.Path(__file__).resolve().parent / "editions"
ECHO = "editions.Catalog/Echo"
ITEM = {
    "explicit": 0,
    "implicit": 5,
    "required": "here",
    "expanded": [1, 2],
    "packed": [3, 4],
    "delimited": {"count": 6},
    "parts": [{"kind": "SOME"}, {}],
    "closed": "GOOD",
    "open": "SOME",
    "preset": "0",
    "named": {"x": {"count": 8}},
    "made": "2026-01-02T03:04:05Z",
    "right": {"count": 9},
    "tree": {"branches": [{"branches": [{}, {}]}, {}]},
    "grades": ["GOOD", "POOR"],
}


def setUpModule():
    global python, folder, files
    python = foreign_clients.python_with("editions")
    folder = unittest.enterModuleContext(tempfile.TemporaryDirectory())
    files = {
        "--protoset": ["--protoset", f"{folder}/catalog.set"],
        "--proto": ["--proto", str(HERE / "catalog.proto")],
    }
    protoc("--python_out=.", "--grpc_python_out=.", "--include_imports", "--descriptor_set_out=catalog.set")


def protoc(*flags):
    command = [python, "-m", "grpc_tools.protoc", f"-I{HERE}", *flags, "catalog.proto", "common.proto"]
    done = harness.run(command, cwd=folder)
    if done.returncode != 0:
        raise AssertionError(done.stdout)


class Server:
    """The server in Python, with reflection or without."""

    def __init__(self, describes):
        self.command = [python, "-B", HERE / "server.py", folder, describes]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()
        return self

    def __exit__(self, kind, error, trace):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Editions(Case):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server("reflection"))
        cls.silent = cls.enterClassContext(Server("none"))

    def sources(self):
        """Each way to describe the service: a server, and flags."""
        yield self.server, []
        for flags in files.values():
            yield self.silent, flags

    def test_they_are_listed(self):
        for server, flags in self.sources():
            done = grpcclient("list", *([] if flags else [server.address]), *flags)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("editions.Catalog", done.stdout.split())

    def test_they_are_described_alike(self):
        for symbol in ("editions.Catalog", "editions.Item", "editions.Tree", "editions.Grade"):
            texts = set()
            for server, flags in self.sources():
                done = grpcclient("describe", *([] if flags else [server.address]), *flags, symbol)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                texts.add("".join(line for line in done.stdout.splitlines(True) if line != "// Returns what it gets.\n"))
            self.assertEqual(len(texts), 1, texts)
        self.assertIn("in common.proto of edition 2024, written as proto2\n", texts.pop())

    def test_they_are_called(self):
        for server, flags in self.sources():
            with self.subTest(flags):
                call = ["call", server.address, *flags, ECHO, "-d"]
                self.assertEqual(self.answers(*call, json.dumps(ITEM)), [ITEM])
                self.assertEqual(self.answers(*call, '{"required": ""}'), [{"required": ""}])
                stream = ["call", server.address, *flags, "editions.Catalog/Watch", "-d"]
                self.assertEqual(self.answers(*stream, json.dumps(ITEM)), [ITEM] * 3)
                self.assert_refused(grpcclient(*call, "{}"), 65, "--data: the message in line 1: missing field required")

    def test_grpcbench_calls_them(self):
        for server, flags in self.sources():
            with self.subTest(flags):
                done = subprocess.run(
                    [
                        os.environ["GRPCBENCH"], "--server", server.address, "--call", ECHO, "--data", json.dumps(ITEM),
                        "--requests", "20", "-o", "json", *flags,
                    ],
                    capture_output=True, text=True, timeout=harness.RUN_SECONDS,
                )
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(json.loads(done.stdout)["succeeded"], 20)

    def test_the_plugin_generates_their_services_under_a_newer_protoc(self):
        protoc(f"--plugin=protoc-gen-ringrpc={os.environ['PROTOC_GEN_RINGRPC']}", "--ringrpc_out=.")
        header = (pathlib.Path(folder) / "catalog.ringrpc.h").read_text()
        self.assertIn("/// Returns what it gets.\nstruct Catalog {", header)
        self.assertIn("::ringrpc::Task<::ringrpc::Result<::editions::Item>> Echo(", header)
        self.assertIn("::ringrpc::Writer<::editions::Item>& out", header)


if __name__ == "__main__":
    harness.main()
