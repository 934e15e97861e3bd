"""Clients on grpc-java, grpcio and grpc-js, built once into TOOLS_DIR, and the demands on our server towards each.

    class GrpcJs(foreign_clients.Check):
        def test_it_keeps_its_connection(self):
            self.check(foreign_clients.grpc_js())       # skips if there is no Node.js to run it with

Each client makes 20,000 calls of grpc.testing.TestService through one channel: echoes, streams that it cancels while it
sends, and calls of all kinds with deadlines from 1 ms on. Its first argument is the port. It prints how the calls ended. It
fails unless calls without cancel and deadline succeed and the others end with CANCELLED or DEADLINE_EXCEEDED. A build
fetches packages from registries; nothing else does.
"""

import pathlib
import shutil
import subprocess
import sys
import unittest

import harness
import peers
import tools

HERE = pathlib.Path(__file__).resolve().parent
BUILD_SECONDS = 900
CHECK_SECONDS = 900


class Check(unittest.TestCase):
    def check(self, client, channels=1):
        """Runs the client, and checks that each of its channels has kept its first connection."""
        with peers.our_server(log_level="debug") as server:
            done = harness.run([*client, server.port], timeout=CHECK_SECONDS)
        print(done.stdout)
        self.assertEqual(done.returncode, 0, f"calls went wrong:\n{done.stdout}{_lost(server)}")
        connections = sum(line.endswith(": connected\n") for line in server.log)
        self.assertEqual(connections, channels, f"connections of {channels} channels\n{_lost(server)}")


def grpc_java():
    return _java("java", "Client", sorted(HERE.glob("java/*.java")))


def vertx():
    return _java("vertx", "Peer", [HERE / "vertx" / "Peer.java", HERE / "java" / "Wire.java"])


def _java(name, main, sources):
    """A program of Java, with the libraries that pom.xml in the folder `name` lists."""
    java, javac, mvn = (_installed(program) for program in ("java", "javac", "mvn"))
    libraries = HERE / name / "pom.xml"

    def build(folder):
        shutil.rmtree(folder / "libraries", ignore_errors=True)
        # Maven's own log has the reason for a failure.
        fetch = [mvn, "--batch-mode", "--quiet", f"--file={libraries}", "dependency:copy-dependencies"]
        _fetch(f"the libraries of {name}", [*fetch, f"-DoutputDirectory={folder}/libraries"])
        shutil.rmtree(folder / "classes", ignore_errors=True)
        compile = [javac, "-Xlint:all,-classfile", "-Werror", "-d", folder / "classes", "-cp", f"{folder}/libraries/*"]
        done = harness.run([*compile, *sources], timeout=BUILD_SECONDS)
        if done.returncode != 0:
            raise AssertionError(f"the program of {name} does not compile:\n{done.stdout}")

    folder = tools.build_once(name, [libraries, *sources], build)
    return [java, "-Xmx512m", "-cp", f"{folder}/classes:{folder}/libraries/*", f"ringrpc.interop.{main}"]


def grpcio():
    return [python_with("grpcio"), "-B", HERE / "grpcio" / "client.py"]


def python_with(name):
    """A Python that has the packages which requirements.txt in the folder `name` lists."""
    requirements = HERE / name / "requirements.txt"

    def build(folder):
        _fetch("a virtual environment", [sys.executable, "-m", "venv", "--clear", folder / "venv"])
        install = [folder / "venv/bin/pip", "install", "--quiet", "--only-binary=:all:"]
        _fetch(f"the packages of {name}", [*install, f"--requirement={requirements}"])

    return tools.build_once(name, [requirements], build) / "venv/bin/python"


def volo():
    """A program of Rust, with the crates that Cargo.lock lists."""
    cargo = _installed("cargo", elsewhere=pathlib.Path.home() / ".cargo" / "bin")
    crate = HERE / "volo"
    manifest = f"--manifest-path={crate}/Cargo.toml"

    def build(folder):
        _fetch("the crates of volo-grpc", [cargo, "fetch", "--locked", manifest])
        compile = [cargo, "build", "--locked", "--offline", manifest, f"--target-dir={folder}"]
        done = harness.run(compile, timeout=BUILD_SECONDS)
        if done.returncode != 0:
            raise AssertionError(f"the program of volo-grpc does not compile:\n{done.stdout}")

    sources = [crate / name for name in ("Cargo.toml", "Cargo.lock", "build.rs", "src/main.rs")]
    protos = sorted([*HERE.parents[1].glob("proto/**/*.proto"), *HERE.glob("proto/mirror/*.proto")])
    return [tools.build_once("volo", [*sources, *protos], build) / "debug" / "volo-peer"]


def grpc_js():
    node = _installed("node")
    return ["env", f"NODE_PATH={_node_modules('node')}", node, HERE / "node" / "client.js"]


def node_program(name, program):
    """The path of a program in the packages that package-lock.json in the folder `name` lists."""
    _installed("node")
    return _node_modules(name) / ".bin" / program


def _node_modules(name):
    npm = _installed("npm")
    sources = [HERE / name / "package.json", HERE / name / "package-lock.json"]

    def build(folder):
        for source in sources:
            shutil.copy(source, folder)
        _fetch(f"the packages of {name}", [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", f"--prefix={folder}"])

    return tools.build_once(name, sources, build) / "node_modules"


def _installed(name, elsewhere=""):
    program = shutil.which(name) or shutil.which(name, path=str(elsewhere))
    if not program:
        raise unittest.SkipTest(f"{name} is not installed")
    return program


def _fetch(what, command):
    """Runs a command that may need a registry, which may be out of reach."""
    print(f"fetching {what}, which may take a minute", flush=True)
    try:
        done = harness.run(command, timeout=BUILD_SECONDS)
    except subprocess.TimeoutExpired as slow:
        raise unittest.SkipTest(f"{what} took longer than {BUILD_SECONDS} s to fetch") from slow
    if done.returncode != 0:
        raise unittest.SkipTest(f"{what} is not available: {done.stdout.strip()}")


def _lost(server):
    """The reasons in the server's log for which connections ended, each once."""
    return "".join(sorted({line.partition(": ")[2] for line in server.log if "connection ended" in line}))
