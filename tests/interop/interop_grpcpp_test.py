"""gRPC's interop test cases between our programs and those on Debian's grpc++, in both directions, including compression,
which gRPC's Go programs lack."""

import os
import re
import unittest

import harness
import peers


def setUpModule():
    if not os.environ["GRPCPP_SERVER"]:
        raise unittest.SkipTest("grpc++ was not there at build time: libgrpc++-dev and protobuf-compiler-grpc")


class GrpcppClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(peers.our_server())

    def check_case(self, name):
        done = harness.run([os.environ["GRPCPP_CLIENT"], self.server.address, name])
        self.assertEqual(done.returncode, 0, done.stdout)


class GrpcppServer(peers.Pair):
    @classmethod
    def peers(cls):
        ready = re.compile(r"^ready on (?P<addresses>127\.0\.0\.1:\d+)$")
        return peers.our_client(), harness.Daemon([os.environ["GRPCPP_SERVER"]], ready=ready)


peers.add_cases(GrpcppClient, peers.CASES + peers.COMPRESSION_CASES)
peers.add_cases(GrpcppServer, peers.CASES + peers.COMPRESSION_CASES)

if __name__ == "__main__":
    harness.main()
