"""Other implementations look at our servers, channels and connections through channelz: grpcio's stubs, and grpcurl
and grpcclient by reflection."""

import json
import os
import pathlib
import subprocess
import unittest

import foreign_clients
import harness
import tools

HERE = pathlib.Path(__file__).resolve().parent
PEER = os.environ["CHANNELZ_PEER"]


class Grpcio(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.python = foreign_clients.python_with("channelz")

    def check(self, *arguments):
        done = harness.run([self.python, "-B", HERE / "channelz" / "check.py", *arguments])
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_it_finds_the_servers_sockets_and_calls_of_grpcd(self):
        with harness.Server("--channelz", "127.0.0.1:0") as grpcd:
            (channelz,) = grpcd.channelz_addresses
            self.check("descriptors", channelz)
            self.check("server", channelz, grpcd.address)

    def test_it_finds_the_channel_of_a_client(self):
        with subprocess.Popen([PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as peer:
            self.check("channel", *peer.stdout.readline().split())
            peer.stdin.close()
            self.assertEqual(peer.wait(harness.STOP_SECONDS), 0)


class Reflected(unittest.TestCase):
    def test_grpcclient_reads_it_without_its_proto_files(self):
        with harness.Server("--channelz", "127.0.0.1:0") as grpcd:
            (channelz,) = grpcd.channelz_addresses
            call = [os.environ["GRPCCLIENT"], "call", channelz, "grpc.channelz.v1.Channelz/GetServers"]
            done = subprocess.run(call, capture_output=True, text=True, timeout=harness.RUN_SECONDS)
            self.assertEqual(done.returncode, 0, done.stderr)
            names = {server["ref"]["name"] for server in json.loads(done.stdout)["server"]}
            self.assertEqual(names, {grpcd.address, channelz})

    def test_grpcurl_reads_it_without_its_proto_files(self):
        grpcurl = tools.path("grpcurl")
        with harness.Server("--channelz", "127.0.0.1:0") as grpcd:
            (channelz,) = grpcd.channelz_addresses

            def ask(method, request="{}"):
                done = subprocess.run([grpcurl, "-plaintext", "-d", request, channelz, f"grpc.channelz.v1.Channelz/{method}"],
                                      capture_output=True, text=True, timeout=harness.RUN_SECONDS)  # fmt: skip
                self.assertEqual(done.returncode, 0, done.stderr)
                return json.loads(done.stdout)

            for _ in range(3):
                harness.run([os.environ["GRPCCLIENT"], "call", grpcd.address, "echo.v1.EchoService/Echo"])
            servers = {server["ref"]["name"]: server for server in ask("GetServers")["server"]}
            self.assertEqual(set(servers), {grpcd.address, channelz})
            self.assertEqual(int(servers[grpcd.address]["data"]["callsSucceeded"]), 3 * 2)  # with those of reflection
            own = servers[channelz]["ref"]["serverId"]
            self.assertTrue(ask("GetServerSockets", json.dumps({"server_id": own}))["socketRef"])  # grpcurl's own

    def test_it_is_not_on_the_port_of_the_calls(self):
        with harness.Server("--channelz", "127.0.0.1:0") as grpcd:
            call = [os.environ["GRPCCLIENT"], "call", grpcd.address, "grpc.channelz.v1.Channelz/GetServers"]
            done = subprocess.run(call, capture_output=True, text=True, timeout=harness.RUN_SECONDS)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("grpc.channelz.v1.Channelz", done.stderr)


if __name__ == "__main__":
    harness.main()
