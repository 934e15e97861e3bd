"""`buf curl`, which speaks gRPC by connect-go and finds services by reflection, against grpcd."""

import base64
import json
import subprocess

import foreign_clients
import harness


def setUpModule():
    global buf
    buf = foreign_clients.node_program("buf", "buf")


class BufCurl(harness.ServerCase):
    flags = ("--generate-key", "ed25519")

    def curl(self, *words, path="", **options):
        command = [buf, "curl", "--protocol", "grpc", "--http2-prior-knowledge", *words]
        return harness.run([*command, f"http://{self.server.address}{path}"], **options)

    def call(self, method, data):
        """Data comes from stdin, because it may be longer than an argument."""
        pipes = {"stdin": None, "input": json.dumps(data), "stderr": subprocess.PIPE}
        return self.curl("--data", "@-", path=f"/{method}", **pipes)

    def test_it_finds_the_services_and_calls_them(self):
        for size in (0, 5, 100_000):
            payload = base64.b64encode(b"x" * size).decode()
            done = self.call("echo.v1.EchoService/Echo", {"payload": payload})
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(json.loads(done.stdout).get("payload", ""), payload)

    def test_it_lists_the_methods(self):
        done = self.curl("--list-methods")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("echo.v1.EchoService/Echo", done.stdout.split())
        self.assertIn("grpc.health.v1.Health/Watch", done.stdout.split())

    def test_a_failure_has_its_code_and_text(self):
        done = self.call("grpc.health.v1.Health/Check", {"service": "no.such.Service"})
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(json.loads(done.stderr)["code"], "not_found", done.stderr)


if __name__ == "__main__":
    harness.main()
