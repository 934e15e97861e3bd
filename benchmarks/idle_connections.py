"""Measures the cost of idle connections to a server.

    kib = memory_per_connection(ringrpc, connections=room_for(10_000), cores=(0, 1))
"""

import contextlib
import resource
import socket
import struct
import sys

from loads import h2load
from servers import HOST, Server

CONNECTION_SECONDS = 10

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS, ACK = 4, 1


def room_for(connections):
    """Limits the wanted connections by the descriptors, of which each takes one here and one in the server, which inherits
    the limit. A server that fits its connections to that limit keeps a quarter of them for other addresses."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    room = (limit - 200) * 3 // 4
    if limit == resource.RLIM_INFINITY or connections <= room:
        return connections
    print(f"only {limit} descriptors: holding {room} connections", file=sys.stderr)
    return room


def memory_per_connection(subject, connections, cores):
    """The KiB by which the server grows for each idle connection. The server must respond while it holds them all."""
    check = lambda server: h2load(subject, server, 1000, (10, 10), cores[1])
    with Server(subject.command, cores[0]) as server, contextlib.ExitStack() as held:
        check(server)
        before = server.resident_kib()
        for _ in range(connections):
            held.enter_context(_idle_connection(server.port))
        grown = server.resident_kib() - before
        check(server)
    return grown / connections


def _idle_connection(port):
    """A connection on which both sides have sent SETTINGS and acknowledged those of the other."""
    client = socket.create_connection((HOST, port), timeout=CONNECTION_SECONDS)
    try:
        client.sendall(PREFACE + _settings(flags=0))
        with client.makefile("rb") as stream:
            awaited = {0, ACK}
            while awaited:
                length, kind, flags = struct.unpack(">I", b"\0" + stream.read(3))[0], *stream.read(2)
                stream.read(4 + length)
                if kind == SETTINGS:
                    awaited.discard(flags)
        client.sendall(_settings(flags=ACK))
        return client
    except BaseException:
        client.close()
        raise


def _settings(flags):
    return struct.pack(">BHBBI", 0, 0, SETTINGS, flags, 0)
