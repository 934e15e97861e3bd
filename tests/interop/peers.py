"""gRPC's interop programs, ours and those of other implementations, and the cases for each pair of them.

    class GoClient(peers.Pair):
        @classmethod
        def peers(cls):
            return peers.go_client(), peers.our_server()

    peers.add_cases(GoClient)

In addition to harness.py's variables, Meson passes the paths of our programs (INTEROP_SERVER and INTEROP_CLIENT).
"""

import os
import re
import signal
import unittest

import harness
import tools

# The cases that every pair can run: those without credentials and load balancing.
CASES = [
    "empty_unary",
    "large_unary",
    "client_streaming",
    "server_streaming",
    "ping_pong",
    "empty_stream",
    "timeout_on_sleeping_server",
    "cancel_after_begin",
    "cancel_after_first_response",
    "status_code_and_message",
    "special_status_message",
    "custom_metadata",
    "unimplemented_method",
    "unimplemented_service",
    "rpc_soak",
    "channel_soak",
]

# Cases that gRPC's Go programs lack.
COMPRESSION_CASES = [
    "client_compressed_unary",
    "client_compressed_streaming",
    "server_compressed_unary",
    "server_compressed_streaming",
]

# A busy machine must not fail a soak, which checks only that every call gets the right response. So its limits are
# generous.
SOAK_FLAGS = [
    "--soak_iterations=100",
    f"--soak_overall_timeout_seconds={harness.DEADLINE_SECONDS}",
    f"--soak_per_iteration_max_acceptable_latency_ms={harness.DEADLINE_SECONDS * 1000}",
]


def our_server(made=None, host="127.0.0.1", shards=2, log_level="info"):
    where = [f"--host={host}", "--port=0", f"--shards={shards}"]
    return harness.Daemon([os.environ["INTEROP_SERVER"], *where, f"--log_level={log_level}", *_serving(made)])


def our_client(made=None):
    return [os.environ["INTEROP_CLIENT"], *_calling(made)]


def go_server(made=None):
    """It prints its port only with its log turned on, and only SIGTERM ends it."""
    return harness.Daemon(
        [tools.path("server"), "--port=0", *_serving(made)],
        ready=re.compile(r"interop server listening on (?P<addresses>\[::\]:\d+)$"),
        ends_with=-signal.SIGTERM,
        environment={"GRPC_GO_LOG_SEVERITY_LEVEL": "info"},
    )


def go_client(made=None):
    return [tools.path("client"), *_calling(made)]


def _serving(made):
    """The flags for plaintext, or for TLS with the certificates in `made`."""
    if made is None:
        return ["--use_tls=false"]
    server = made.issue("server")
    return ["--use_tls=true", f"--tls_cert_file={server.certificate}", f"--tls_key_file={server.key}"]


def _calling(made):
    if made is None:
        return ["--use_tls=false"]
    return ["--use_tls=true", "--use_test_ca=true", f"--ca_file={made.ca}", "--server_host_override=localhost"]


class Pair(unittest.TestCase):
    """One client against one server, which stays up for all cases."""

    @classmethod
    def setUpClass(cls):
        cls.client, server = cls.peers()
        cls.server = cls.enterClassContext(server)

    def where(self):
        return ["--server_host=127.0.0.1", f"--server_port={self.server.port}"]

    def check_case(self, name):
        done = harness.run([*self.client, *self.where(), f"--test_case={name}", *SOAK_FLAGS])
        self.assertEqual(done.returncode, 0, done.stdout)


def add_cases(pair, names=CASES):
    """Gives `pair` one test for each case, so that each is reported separately."""
    for name in names:
        setattr(pair, "test_" + name, lambda self, name=name: self.check_case(name))
