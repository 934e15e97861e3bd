"""grpcclient and grpcbench with descriptors from files: sets that grpcurl writes, and gRPC-Go's interop service without
reflection."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import harness
import tools
from grpcclient_test import TEST_SERVICE, Case, GoServer, grpcclient

SYMBOLS = [TEST_SERVICE, f"{TEST_SERVICE}.FullDuplexCall", "grpc.testing.SimpleRequest", "grpc.testing.PayloadType"]
# The part of the service that the calls need, in two files.
SERVICE = """
syntax = "proto3";
package grpc.testing;
import "testing/messages.proto";
// As gRPC-Go serves it.
service TestService {
  rpc UnaryCall(SimpleRequest) returns (SimpleResponse);
  rpc StreamingOutputCall(StreamingOutputCallRequest) returns (stream StreamingOutputCallResponse);
  rpc FullDuplexCall(stream StreamingOutputCallRequest) returns (stream StreamingOutputCallResponse);
}
"""
MESSAGES = """
syntax = "proto3";
package grpc.testing;
message Payload { bytes body = 2; }
message SimpleRequest { int32 response_size = 2; Payload payload = 3; }
message SimpleResponse { Payload payload = 1; }
message ResponseParameters { int32 size = 1; }
message StreamingOutputCallRequest { repeated ResponseParameters response_parameters = 2; }
message StreamingOutputCallResponse { Payload payload = 1; }
"""
FIVE_BYTES = {"payload": {"body": "AAAAAAA="}}


def setUpModule():
    global grpcurl
    grpcurl = tools.path("grpcurl")


def run_grpcurl(*words):
    done = harness.run([grpcurl, *words])
    if done.returncode != 0:
        raise AssertionError(done.stdout)
    return done.stdout


class Files(Case):
    """A descriptor set that grpcurl has written by reflection, and .proto files."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.set = str(cls.folder / "service.set")
        cls.reflecting = cls.enterClassContext(GoServer("v1"))
        run_grpcurl("-plaintext", "-protoset-out", cls.set, cls.reflecting.address, "describe", TEST_SERVICE)
        (cls.folder / "testing").mkdir()
        (cls.folder / "testing" / "service.proto").write_text(SERVICE)
        (cls.folder / "testing" / "messages.proto").write_text(MESSAGES)
        cls.proto = ["--proto", "testing/service.proto", "--proto-path", str(cls.folder)]
        cls.server = cls.enterClassContext(GoServer("none"))

    def test_a_set_lists_what_grpcurl_lists(self):
        for words in ([], [TEST_SERVICE]):
            listed = grpcclient("list", "--protoset", self.set, *words)
            self.assertEqual((listed.returncode, listed.stderr), (0, ""))
            ours, theirs = listed.stdout.split(), run_grpcurl("-protoset", self.set, "list", *words).split()
            self.assertEqual(sorted(ours), theirs)  # grpcurl sorts the methods of a service

    def test_a_set_describes_what_reflection_describes(self):
        for symbol in SYMBOLS:
            described = grpcclient("describe", "--protoset", self.set, symbol)
            self.assertEqual((described.returncode, described.stderr), (0, ""))
            self.assertEqual(described.stdout, grpcclient("describe", self.reflecting.address, symbol).stdout)

    def test_a_set_of_protoc_has_the_services_of_its_files(self):
        protoc = shutil.which("protoc")
        if not protoc:
            self.skipTest("protoc is not installed")
        compiled = str(self.folder / "protoc.set")
        flags = ["-I", str(self.folder), "--include_imports", "--include_source_info", f"--descriptor_set_out={compiled}"]
        subprocess.run([protoc, *flags, "testing/service.proto"], check=True)
        for words in ([], [TEST_SERVICE], ["grpc.testing.Payload"]):
            command = "describe" if words else "list"
            of_set = grpcclient(command, "--protoset", compiled, *words)
            self.assertEqual((of_set.returncode, of_set.stderr), (0, ""))
            self.assertEqual(of_set.stdout, grpcclient(command, *self.proto, *words).stdout)
        self.assertIn("// As gRPC-Go serves it.", grpcclient("describe", *self.proto, TEST_SERVICE).stdout)

    def test_a_server_without_reflection_is_called(self):
        one = json.dumps({"responseSize": 5})
        several = json.dumps({"responseParameters": [{"size": 5}, {"size": 5}]})
        for files in (["--protoset", self.set], self.proto):
            with self.subTest(files[0]):
                call = ["call", self.server.address, *files]
                self.assertEqual(self.answers(*call, f"{TEST_SERVICE}/UnaryCall", "-d", one), [FIVE_BYTES])
                self.assertEqual(
                    self.answers(*call, f"{TEST_SERVICE}/StreamingOutputCall", "-d", several), [FIVE_BYTES] * 2
                )
                self.assertEqual(
                    self.answers(*call, f"{TEST_SERVICE}/FullDuplexCall", "-d", several + several), [FIVE_BYTES] * 4
                )

    def test_grpcbench_loads_a_server_without_reflection(self):
        for files in (["--protoset", self.set], self.proto):
            with self.subTest(files[0]):
                done = subprocess.run(
                    [
                        os.environ["GRPCBENCH"], "--server", self.server.address, "--call", f"{TEST_SERVICE}/UnaryCall",
                        "--data", '{"responseSize": 5}', "--requests", "200", "-o", "json", *files,
                    ],
                    capture_output=True, text=True, timeout=harness.RUN_SECONDS,
                )
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(json.loads(done.stdout)["succeeded"], 200)

    def test_a_missing_import_names_the_directories_and_the_place(self):
        path = self.folder / "testing" / "service.proto"
        done = grpcclient("list", "--proto", str(path))
        self.assertEqual((done.returncode, done.stdout), (71, ""))
        self.assertIn(f"--proto: {path}:4:1: 'testing/messages.proto' ", done.stderr)
        self.assertIn(f" {self.folder / 'testing'}, .; --proto-path DIR ", done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)

    def test_an_unknown_method_is_refused_with_similar_ones(self):
        done = grpcclient("call", *self.proto, f"{TEST_SERVICE}/UnaryCal")
        self.assert_refused(done, 66, f"{TEST_SERVICE} has no method 'UnaryCal'; did you mean UnaryCall?")


if __name__ == "__main__":
    harness.main()
