"""Builds the servers of other gRPC implementations in `peers`, if their tools are present.

    peers = build_peers(pathlib.Path("build"))
    print(peers.commands["tonic"], peers.skipped.get("grpc-go"))

The build directory keeps the programs, so that building again takes a moment. The first time, cargo and go fetch the
versions in Cargo.lock and go.sum.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
from typing import NamedTuple

from subjects import ADDRESS

HERE = pathlib.Path(__file__).resolve().parent
PROTOS = HERE.parent / "proto"
BUILD_SECONDS = 1800
RUST_LEAST = (1, 85)
GO_LEAST = (1, 25)


class Peers(NamedTuple):
    commands: dict  # by name; two more arguments, certificate and key, make the server use TLS
    versions: dict
    skipped: dict  # the reasons why the others are missing


class _Missing(Exception):
    """A peer cannot be built; the message says what is missing."""


def build_peers(build):
    """`build` is Meson's build directory, which has the C++ programs already."""
    peers = Peers({}, {}, {})
    for name, make in (("tonic", _tonic), ("grpc-go", _grpc_go), ("grpc++", _grpcpp)):
        try:
            command, version = make(build.resolve())
        except _Missing as missing:
            peers.skipped[name] = str(missing)
        else:
            peers.commands[name] = [*command, ADDRESS]
            peers.versions[name] = version
    return peers


def _tonic(build):
    """Runs on one thread; optimized at link time."""
    source, target = HERE / "peers" / "tonic", build / "peers" / "tonic"
    cargo = _tool("cargo", pathlib.Path.home() / ".cargo" / "bin", RUST_LEAST, "--version")
    _run("tonic", [cargo, "build", "--release", "--locked", "--target-dir", target], source)
    version = re.search(r'name = "tonic"\nversion = "(.+)"', (source / "Cargo.lock").read_text())[1]
    return [target / "release" / "tonic-server"], version


def _grpc_go(build):
    """Runs on one processor. The module is assembled in the build directory, because it contains generated code."""
    source, module = HERE / "peers" / "grpc-go", build / "peers" / "grpc-go"
    go = _tool("go", "/usr/local/go/bin", GO_LEAST, "version")
    module.mkdir(parents=True, exist_ok=True)
    for name in ("go.mod", "go.sum", "main.go"):
        shutil.copyfile(source / name, module / name)
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOBIN": str(module / "bin")}
    _run("grpc-go", [go, "install", "tool"], module, environment)
    _run("grpc-go", ["protoc", *_go_packages(module), "echo/v1/echo.proto", "streams.proto"], module)
    _run("grpc-go", [go, "build", "-mod=readonly", "-buildvcs=false", "-o", "grpc-go-server", "."], module, environment)
    version = re.search(r"google.golang.org/grpc v(\S+)", (source / "go.mod").read_text())[1]
    return ["env", "GOMAXPROCS=1", module / "grpc-go-server"], version


def _go_packages(module):
    """protoc's flags for Go packages in the module; the protos name none."""
    name = re.search(r"^module (\S+)", (module / "go.mod").read_text())[1]
    where = f"module={name},Mecho/v1/echo.proto={name}/echo,Mstreams.proto={name}/streams"
    plugins = [f"--plugin={module}/bin/protoc-gen-{plugin}" for plugin in ("go", "go-grpc")]
    outputs = [f"--{plugin}_{what}" for plugin in ("go", "go-grpc") for what in ("out=.", f"opt={where}")]
    return [*plugins, "-I", PROTOS, "-I", HERE / "streams", *outputs]


def _grpcpp(build):
    server = build / "benchmarks" / "peers" / "grpcpp-server"
    if not server.exists():
        raise _Missing("Meson has not found grpc++ and its plugin (libgrpc++-dev, protobuf-compiler-grpc)")
    known = subprocess.run(["pkg-config", "--modversion", "grpc++"], capture_output=True, text=True)
    return [server], known.stdout.strip()


def _tool(name, elsewhere, least, version):
    """The path of the program, if it is new enough."""
    found = shutil.which(name) or shutil.which(name, path=str(elsewhere))
    needed = "{} {}.{} or newer".format(name, *least)
    if not found:
        raise _Missing(f"{needed} is not installed")
    said = subprocess.run([found, version], capture_output=True, text=True).stdout
    number = re.search(r"(\d+)\.(\d+)", said)
    if not number or tuple(map(int, number.groups())) < least:
        raise _Missing(f"{needed} is needed, and this is {said.strip()!r}")
    return found


def _run(peer, command, folder, environment=None):
    print(f"building {peer} by {pathlib.Path(command[0]).name}", file=sys.stderr, flush=True)
    try:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=BUILD_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise _Missing(f"{command[0]} took more than {BUILD_SECONDS} s") from error
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-3:]
        raise _Missing(f"{pathlib.Path(command[0]).name} failed: {' / '.join(last)}")
