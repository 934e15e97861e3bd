"""Our programs with Python's grpclib, an implementation of HTTP/2 and gRPC that shares no code with gRPC's own."""

import json
import pathlib
import re
import subprocess
import tempfile

import foreign_clients
import harness
import peers
from grpcclient_test import Case, Conversation, grpcclient

DATA_LOSS = 15
PEER = pathlib.Path(__file__).resolve().parent / "grpclib" / "peer.py"
MIRROR = """
syntax = "proto3";
package mirror;
service Mirror { rpc Unary(Text) returns (Text); rpc Talk(stream Text) returns (stream Text); }
message Text { string text = 1; }
"""


def setUpModule():
    global peer
    peer = [foreign_clients.python_with("grpclib"), "-B", PEER]


class Client(Case):
    def test_its_calls_of_all_kinds_end_as_they_must(self):
        with peers.our_server() as server:
            done = harness.run([*peer, "client", server.port])
        self.assertEqual(done.returncode, 0, done.stdout)


class Server(Case):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        proto = pathlib.Path(folder) / "mirror.proto"
        proto.write_text(MIRROR)
        cls.service = ["--proto", str(proto)]
        ready = re.compile(r"serving on (?P<addresses>\S+)$")
        cls.server = cls.enterClassContext(harness.Daemon([*peer, "server"], ready=ready))

    def unary(self, text):
        data = json.dumps({"text": text})
        return grpcclient("call", self.server.address, "mirror.Mirror/Unary", *self.service, "--data", data)

    def test_messages_of_all_sizes_come_back(self):
        for size in (0, 1, 16_384, 100_000):
            done = self.unary("x" * size)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(len(json.loads(done.stdout)["text"]), size)

    def test_a_failure_has_its_code_and_text(self):
        done = self.unary("fail")
        self.assertEqual((done.returncode, done.stdout), (DATA_LOSS, ""))
        self.assertIn("DATA_LOSS: ä wall", done.stderr)

    def test_a_conversation_takes_turns(self):
        talk = Conversation(self.server.address, subprocess.PIPE, "mirror.Mirror/Talk", *self.service)
        self.addCleanup(talk.end)
        for text in ("one", "two", "three"):
            talk.say(json.dumps({"text": text}))
            self.assertEqual(talk.hear(), {"text": text})


if __name__ == "__main__":
    harness.main()
