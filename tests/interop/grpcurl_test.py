"""grpcd through grpcurl: reflection lists and describes, calls succeed, and mistakes get the right status."""

import base64
import json
import subprocess
import time
import unittest

import harness
import tools

SERVICES = [
    "crypto.v1.CryptoService",
    "echo.v1.EchoService",
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "node.v1.NodeService",
]
RPC_ERROR = 64  # grpcurl adds the status code to it
UNIMPLEMENTED = 12
UNAVAILABLE = 14

# Methods that the server does not have, in a description that the client takes as true.
CLAIMED = """
syntax = "proto3";
package echo.v1;
message Nothing {}
service EchoService { rpc Absent(Nothing) returns (Nothing); }
service AbsentService { rpc Echo(Nothing) returns (Nothing); }
"""


def setUpModule():
    global grpcurl
    grpcurl = tools.path("grpcurl")


class OverTcp(harness.ServerCase):
    def target(self):
        return ["-plaintext", self.server.address]

    def grpcurl(self, *words, flags=()):
        *connection, address = self.target()
        return harness.run([grpcurl, "-connect-timeout", harness.DEADLINE_SECONDS, *flags, *connection, address, *words])

    def answer(self, *words, flags=()):
        """The JSON objects that a call prints."""
        done = self.grpcurl(*words, flags=flags)
        self.assertEqual(done.returncode, 0, done.stdout)
        return json.loads(done.stdout)

    def test_list_names_every_service(self):
        done = self.grpcurl("list")
        self.assertEqual((done.returncode, done.stdout.split()), (0, SERVICES), done.stdout)

    def test_list_names_the_methods_of_a_service(self):
        done = self.grpcurl("list", "echo.v1.EchoService")
        self.assertEqual((done.returncode, done.stdout.split()), (0, ["echo.v1.EchoService.Echo"]), done.stdout)

    def test_describe_shows_the_service_and_its_message(self):
        done = self.grpcurl("describe", "echo.v1.EchoService")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("rpc Echo ( .echo.v1.EchoRequest ) returns ( .echo.v1.EchoResponse );", done.stdout)
        done = self.grpcurl("describe", "echo.v1.EchoRequest")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("bytes payload = 1;", done.stdout)

    def test_both_versions_of_reflection_list_the_services(self):
        for version in ("v1", "v1alpha"):
            with self.subTest(version):
                answer = self.answer(
                    f"grpc.reflection.{version}.ServerReflection/ServerReflectionInfo", flags=("-d", '{"list_services": ""}')
                )
                names = [service["name"] for service in answer["listServicesResponse"]["service"]]
                self.assertEqual(sorted(names), SERVICES)

    def test_echo_gives_back_the_payload_and_the_id_with_the_servers_time(self):
        payload = base64.b64encode(bytes(range(256))).decode()
        before = time.time_ns()
        answer = self.answer(
            "echo.v1.EchoService/Echo", flags=("-d", json.dumps({"payload": payload, "request_id": "first"}))
        )
        after = time.time_ns()
        self.assertEqual(answer["payload"], payload)
        self.assertEqual(answer["requestId"], "first")
        self.assertLessEqual(before, int(answer["timestamp"]))
        self.assertLessEqual(int(answer["timestamp"]), after)
        self.assertGreater(int(answer["serverLatencyNs"]), 0)

    def test_echo_of_a_large_payload(self):
        payload = base64.b64encode(b"x" * 65_536).decode()
        answer = self.answer("echo.v1.EchoService/Echo", flags=("-d", json.dumps({"payload": payload})))
        self.assertEqual(answer["payload"], payload)

    def test_a_call_with_a_deadline_and_metadata_succeeds(self):
        flags = ("-max-time", harness.DEADLINE_SECONDS, "-H", "x-trace: 7", "-H", "x-trace-bin: AAEC", "-d", '{"request_id": "timed"}')
        self.assertEqual(self.answer("echo.v1.EchoService/Echo", flags=flags)["requestId"], "timed")

    def test_the_node_reports_its_state_and_accepts_metrics(self):
        node = self.answer("node.v1.NodeService/GetNode", flags=("-emit-defaults", "-d", '{"node_id": "n1"}'))
        self.assertEqual((node["nodeId"], node["status"]), ("n1", "SERVING"))
        self.assertGreaterEqual(int(node["uptimeSeconds"]), 0)
        points = [json.dumps({"metric_name": "load", "value": 0.5, "timestamp": at}) for at in range(3)]
        summary = self.answer("node.v1.NodeService/StreamMetrics", flags=("-d", " ".join(points)))
        self.assertEqual(summary, {"pointsReceived": 3})

    def test_unknown_methods_and_services_are_unimplemented(self):
        with open(self.folder + "/believed.proto", "w") as proto:
            proto.write(CLAIMED)
        refusals = {
            "echo.v1.EchoService/Absent": "unknown method Absent of service echo.v1.EchoService",
            "echo.v1.AbsentService/Echo": "unknown service echo.v1.AbsentService",
        }
        for method, message in refusals.items():
            with self.subTest(method):
                done = self.grpcurl(method, flags=("-import-path", self.folder, "-proto", "believed.proto"))
                self.assertEqual(done.returncode, RPC_ERROR + UNIMPLEMENTED, done.stdout)
                self.assertIn("Code: Unimplemented", done.stdout)
                self.assertIn(message, done.stdout)


class OverUnixSocket(OverTcp):
    def target(self):
        # grpcurl 1.9.3 ignores -unix.
        return ["-plaintext", "unix://" + self.socket]


class Watch(unittest.TestCase):
    def watch(self, method, first, last):
        """Watches on every shard report `first` at once and `last` when the server drains, and then end."""
        watches = []
        with harness.Server("--drain-timeout", "5m") as server:
            for _ in range(server.shards):  # a new connection goes to the shard with the fewest connections
                command = [grpcurl, "-plaintext", server.address, method]
                watch = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                watches.append(watch)
                said = iter(watch.stdout.readline, "")
                self.assertTrue(any(f'"status": "{first}"' in line for line in said), method)
        for watch in watches:
            rest, _ = watch.communicate(timeout=harness.RUN_SECONDS)
            self.assertEqual(watch.returncode, RPC_ERROR + UNAVAILABLE, rest)
            self.assertIn(f'"status": "{last}"', rest)
            self.assertIn("shutting down", rest)

    def test_watches_of_health_end_with_the_drain(self):
        self.watch("grpc.health.v1.Health/Watch", "SERVING", "NOT_SERVING")

    def test_watches_of_the_node_end_with_the_drain(self):
        self.watch("node.v1.NodeService/WatchNode", "SERVING", "DRAINING")


if __name__ == "__main__":
    harness.main()
