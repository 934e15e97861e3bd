"""Our programs with Vert.x's implementation of gRPC for Java, which is not that of grpc-java."""

import unittest

import foreign_clients
import harness
import mirror
import peers

ENDED_BY_SIGTERM = 143


def setUpModule():
    global peer
    peer = foreign_clients.vertx()


class Client(unittest.TestCase):
    def test_its_calls_of_all_kinds_end_as_they_must(self):
        with peers.our_server() as server:
            done = harness.run([*peer, "client", server.port])
        self.assertEqual(done.returncode, 0, done.stdout)


class Server(mirror.Case):
    ends_with = ENDED_BY_SIGTERM

    @classmethod
    def command(cls):
        return [*peer, "server"]


if __name__ == "__main__":
    harness.main()
