"""A server of another implementation whose responses are its requests, as grpcclient sees it.

    class Server(mirror.Case):
        @classmethod
        def command(cls):
            return ["peer", "server"]       # prints "serving on 127.0.0.1:PORT"

Its service is mirror.Mirror, with the methods Unary and Talk. Unary fails with DATA_LOSS for the text "fail".
"""

import json
import pathlib
import re
import subprocess

import harness
from grpcclient_test import Case as GrpcclientCase
from grpcclient_test import Conversation, grpcclient

DATA_LOSS = 15
PROTO = pathlib.Path(__file__).resolve().parent / "proto" / "mirror" / "mirror.proto"


class Case(GrpcclientCase):
    ends_with = 0
    empty = {"text": ""}  # a message without text; {} where the server decodes it and does not send the field again

    @classmethod
    def setUpClass(cls):
        cls.service = ["--proto", str(PROTO)]
        ready = re.compile(r"serving on (?P<addresses>\S+)$")
        cls.server = cls.enterClassContext(harness.Daemon(cls.command(), ready=ready, ends_with=cls.ends_with))

    def unary(self, text, *flags):
        data = json.dumps({"text": text})
        return grpcclient("call", self.server.address, "mirror.Mirror/Unary", *self.service, "--data", data, *flags)

    def test_messages_of_all_sizes_come_back(self):
        for size in (0, 1, 16_384, 100_000):
            done = self.unary("x" * size)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(json.loads(done.stdout), {"text": "x" * size} if size > 0 else self.empty)

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
