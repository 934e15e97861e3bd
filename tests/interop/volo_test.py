"""Our programs with volo-grpc, CloudWeGo's implementation of gRPC for Rust."""

import json
import os
import pathlib
import unittest

import foreign_clients
import harness
import mirror
from grpcclient_test import UNIMPLEMENTED, grpcclient

ECHO = pathlib.Path(os.environ["SOURCE_ROOT"]) / "proto/echo/v1/echo.proto"


def setUpModule():
    global peer
    peer = foreign_clients.volo()


class Client(unittest.TestCase):
    def test_its_calls_of_grpcd_end_as_they_must(self):
        with harness.Server() as server:
            done = harness.run([*peer, "client", server.port])
        self.assertEqual(done.returncode, 0, done.stdout)


class Server(mirror.Case):
    empty = {}

    @classmethod
    def command(cls):
        return [*peer, "server"]

    def test_metadata_comes_back(self):
        done = self.unary("x", "--header", "made-of: glass", "--verbose")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("< made-of: glass\n", done.stderr)

    def test_messages_may_be_compressed(self):
        text = "x" * 100_000
        done = self.unary(text, "--compress", "gzip")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["text"], text)

    def test_an_unknown_service_is_unimplemented(self):
        done = grpcclient("call", self.server.address, "echo.v1.EchoService/Echo", "--proto", ECHO)
        self.assertEqual(done.returncode, UNIMPLEMENTED, done.stderr)


if __name__ == "__main__":
    harness.main()
