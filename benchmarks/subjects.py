"""The servers to compare: how to start each, and the request to send.

    ringrpc, nghttpd = echo_server("ringrpc", [grpcd, "--listen", ADDRESS], folder), file_server(folder)
    with Server(ringrpc.command, 0) as server:
        h2load(ringrpc, server, 1000, (10, 10), core=1)

The echo's request and response have a payload of 16 bytes; nghttpd serves a file of the same size.
"""

import pathlib
import struct
import subprocess
from typing import NamedTuple

from servers import HOST

ADDRESS = HOST + ":{port}"
PAYLOAD = b"sixteen bytes..."
MESSAGE = bytes([0x0A, len(PAYLOAD)]) + PAYLOAD  # field 1 of echo.v1.EchoRequest
BODY = struct.pack(">BI", 0, len(MESSAGE)) + MESSAGE


class Subject(NamedTuple):
    """A server, with h2load's request and the minimal size of a correct response."""

    name: str
    command: list
    path: str
    answer_bytes: int
    load_flags: tuple = ()
    certificate: pathlib.Path | None = None  # its own, if it uses TLS
    variables: tuple = ()  # of its environment, as "name=value"


def echo_server(name, command, folder):
    """A server of echo.v1.EchoService; `folder` keeps the request's file."""
    (folder / "body").write_bytes(BODY)
    flags = ("-d", folder / "body", "-H", "content-type: application/grpc", "-H", "te: trailers")
    return Subject(name, command, "/echo.v1.EchoService/Echo", len(BODY), flags)


def file_server(folder):
    """nghttpd, with its file in `folder`."""
    (folder / "file").write_bytes(PAYLOAD)
    return Subject("nghttpd", ["nghttpd", "--no-tls", "-a", HOST, "-d", folder, "{port}"], "/file", len(PAYLOAD))


def grpcd_command(grpcd):
    """One shard for each of its cores, and without the parts that only signing needs."""
    return [grpcd, "--log-level", "warn", "--generate-key", "none", "--listen", ADDRESS]


def observed_as_in_production(folder):
    """Further flags of grpcd, and variables of its environment: metrics, one call in a hundred traced, and one in a hundred
    in the access log. Nobody reads the metrics meanwhile: a scrape every 15 s costs no call anything."""
    flags = ["--admin", f"{HOST}:0", "--telemetry", "--access-log", folder / "access.log", "--access-log-sample", "100"]
    return flags, ("OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.01")


def exporting_to(collector):
    """The variable that names a running collector."""
    return f"OTEL_EXPORTER_OTLP_ENDPOINT=http://{collector.host}"


def make_certificate(folder):
    """A self-signed certificate for HOST, and its key."""
    certificate, key = folder / "server.pem", folder / "server.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", f"subjectAltName=IP:{HOST}", "-keyout", key, "-out", certificate],
        check=True, stdin=subprocess.DEVNULL, capture_output=True,
    )  # fmt: skip
    return certificate, key
