"""Our programs with Python's grpclib, an implementation of HTTP/2 and gRPC that shares no code with gRPC's own."""

import pathlib
import unittest

import foreign_clients
import harness
import mirror
import peers

PEER = pathlib.Path(__file__).resolve().parent / "grpclib" / "peer.py"


def setUpModule():
    global peer
    peer = [foreign_clients.python_with("grpclib"), "-B", PEER]


class Client(unittest.TestCase):
    def test_its_calls_of_all_kinds_end_as_they_must(self):
        with peers.our_server() as server:
            done = harness.run([*peer, "client", server.port])
        self.assertEqual(done.returncode, 0, done.stdout)


class Server(mirror.Case):
    @classmethod
    def command(cls):
        return [*peer, "server"]


if __name__ == "__main__":
    harness.main()
