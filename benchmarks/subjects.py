"""The servers that are compared: how each is started, and what it is asked.

    ringrpc, nghttpd = echo_server("ringrpc", [grpcd, "--listen", ADDRESS], folder), file_server(folder)
    with Server(ringrpc.command, 0) as server:
        h2load(ringrpc, server, 1000, (10, 10), core=1)

The echo's request and response carry a payload of 16 bytes, and nghttpd serves a file of as many.
"""

import pathlib
import struct
import subprocess
from typing import NamedTuple

from servers import HOST

ADDRESS = HOST + ":{port}"
PAYLOAD = b"sixteen octets.."
MESSAGE = bytes([0x0A, len(PAYLOAD)]) + PAYLOAD  # field 1 of echo.v1.EchoRequest
BODY = struct.pack(">BI", 0, len(MESSAGE)) + MESSAGE


class Subject(NamedTuple):
    """A server, with the request that h2load asks it and the least that a good answer carries."""

    name: str
    command: list
    path: str
    answer_bytes: int
    load_flags: tuple = ()
    certificate: pathlib.Path | None = None  # its own, where it speaks TLS


def echo_server(name, command, folder):
    """A server of echo.v1.EchoService; `folder` keeps the request."""
    (folder / "body").write_bytes(BODY)
    flags = ("-d", folder / "body", "-H", "content-type: application/grpc", "-H", "te: trailers")
    return Subject(name, command, "/echo.v1.EchoService/Echo", len(BODY), flags)


def file_server(folder):
    """nghttpd, with its file in `folder`."""
    (folder / "file").write_bytes(PAYLOAD)
    return Subject("nghttpd", ["nghttpd", "--no-tls", "-a", HOST, "-d", folder, "{port}"], "/file", len(PAYLOAD))


def grpcd_command(grpcd):
    """On as many shards as it has cores, and without what only signing needs."""
    return [grpcd, "--log-level", "warn", "--generate-key", "none", "--listen", ADDRESS]


def make_certificate(folder):
    """A certificate for HOST that vouches for itself, and its key."""
    certificate, key = folder / "server.pem", folder / "server.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", f"subjectAltName=IP:{HOST}", "-keyout", key, "-out", certificate],
        check=True, stdin=subprocess.DEVNULL, capture_output=True,
    )  # fmt: skip
    return certificate, key
