"""A stranger's project: installs ringrpc into an empty folder, generates code, compiles and links by pkg-config, and runs.

The server is the one that README shows (docs/examples/shout.cc), with its health checks and its reflection.
"""

import os
import pathlib
import shlex
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import frames

BUILD = os.environ["BUILD_ROOT"]
SOURCE = pathlib.Path(os.environ["SOURCE_ROOT"])

PORT = "50052"  # of the example; others may be using it here


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


def run(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240, **options)
    if done.returncode != 0:
        raise AssertionError(f"{shlex.join(map(str, command))}\n{done.stdout}")
    return done.stdout


class Install(unittest.TestCase):
    def test_a_project_outside_the_tree_builds_and_serves(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            run([os.environ["MESON"], "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", root / "image"])
            package = next((root / "image").rglob("ringrpc.pc"))
            prefix = package.parents[3] if package.parents[1].name != "lib" else package.parents[2]
            environment = {**os.environ, "PKG_CONFIG_PATH": str(package.parent)}

            def flags(*wanted):
                words = ["pkg-config", f"--define-variable=prefix={prefix}", *wanted, "ringrpc"]
                return shlex.split(run(words, env=environment))

            plugin = flags("--variable=plugin")[0]
            run(["protoc", f"--plugin=protoc-gen-ringrpc={plugin}", f"-I{SOURCE / 'proto'}", f"--cpp_out={root}",
                 f"--ringrpc_out={root}", "echo/v1/echo.proto"])
            program = root / "shout"
            source = root / "shout.cc"
            port = free_port()
            text = (SOURCE / "docs/examples/shout.cc").read_text()
            self.assertEqual(text.count(PORT), 1)
            source.write_text(text.replace(PORT, port))
            run([*shlex.split(os.environ["CXX"]), *flags("--cflags"), f"-I{root}", source,
                 root / "echo/v1/echo.pb.cc", root / "echo/v1/echo.ringrpc.cc", "-o", program, *flags("--static", "--libs")])
            self.serves(program, port)

    def serves(self, program, port):
        running = subprocess.Popen([program], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            for _ in range(200):
                if running.poll() is not None:
                    self.fail(running.stderr.read())
                try:
                    with frames.Client(port) as client:
                        client.open()
                        self.answers(client)
                        break
                except ConnectionRefusedError:
                    time.sleep(0.05)
            else:
                self.fail(f"shout did not listen on 127.0.0.1:{port}")
            running.communicate("\n", timeout=30)
            self.assertEqual(running.returncode, 0)
        finally:
            running.kill()
            running.wait()

    def answers(self, client):
        def call(stream, path, request):
            body = bytes([0, 0, 0, 0, len(request)]) + request
            client.send(frames.headers(stream, frames.request(path)) + frames.data(stream, body, frames.END_STREAM))
            return client.read_until(lambda frame: frame.stream == stream and frame.type == frames.DATA).payload

        self.assertEqual(call(1, "/echo.v1.EchoService/Echo", b"\x0a\2hi"), b"\0\0\0\0\5\x0a\3hi!")
        self.assertEqual(call(3, "/grpc.health.v1.Health/Check", b""), b"\0\0\0\0\2\x08\1")  # SERVING
        listed = call(5, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", b"\x3a\0")  # list_services
        self.assertIn(b"echo.v1.EchoService", listed)


if __name__ == "__main__":
    if os.environ["SANITIZE"] != "none":
        print("skipped: what a sanitizer build installs needs the sanitizer")
        sys.exit(77)
    unittest.main(verbosity=2)
