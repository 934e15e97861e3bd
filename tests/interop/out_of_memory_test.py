"""grpcd when the system has no more memory for it: calls and connections end, the process does not, and it serves as before
once the attackers have left."""

import resource
import unittest

import frames
import harness
import memory
from bystander import echo, is_served
from frames import Client
from memory import MEBIBYTE

ROOM = 100 * MEBIBYTE  # address space beyond that of a grpcd that is ready
ROUNDS = 3


def unfinished_messages():
    """A hundred requests, each with 192 KiB of a message of 4 MiB."""
    part = b"\0\0\x3f\xff\xff" + bytes(16_379)
    data = b""
    for stream in range(1, 201, 2):
        data += frames.headers(stream) + frames.data(stream, part) + frames.data(stream, bytes(16_384)) * 11
    return data


def open_requests():
    """A hundred requests with 7 KiB of metadata each, all different, and no message."""
    data = b""
    for stream in range(1, 201, 2):
        metadata = [(f"x-{n}", f"{stream:0>100}") for n in range(50)]
        data += frames.headers(stream, frames.request("/echo.v1.EchoService/Echo", *metadata))
    return data


class OutOfMemory(unittest.TestCase):
    def attacked(self, data, connections):
        with harness.Server("--max-total-buffered-size", "64G", "--stall-timeout", "5m") as server:
            memory.skip_if_sanitized(server.process)
            self.assertTrue(echo(server.port))
            limit = memory.address_space_bytes(server.process) + ROOM
            resource.prlimit(server.process.pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
            for _ in range(ROUNDS):
                self.attack(server.port, data, connections)
                self.assertIsNone(server.process.poll(), "grpcd has ended")
                # Twenty connections reach both shards. One of them may still serve the attackers when the other does
                # not.
                served = harness.wait_until(lambda: all(is_served(server.port) for _ in range(20)))
                self.assertTrue(served, "not all are served after the attack")
            self.assertTrue(server.says("out of memory"), "it was not short of memory at all")
            resource.prlimit(server.process.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def attack(self, port, data, connections):
        crowd = []
        for _ in range(connections):
            try:
                client = Client(port, timeout=3)
                crowd.append(client)
                client.open()
                client.try_send(data)
            except OSError:
                pass  # the server has closed it, or reads no more
        for client in crowd:
            try:  # its acknowledgement of a PING shows that it has read everything before
                client.send(frames.ping())
                client.read_until(lambda frame: frame.type == frames.PING)
            except OSError:
                pass
        for client in crowd:
            client.socket.close()

    def test_a_drain_without_memory_for_a_thread(self):
        with harness.Server() as server:
            memory.skip_if_sanitized(server.process)
            with Client(server.port) as client:
                client.open()
                message = frames.message(b"in flight")
                client.send(frames.headers(1) + frames.data(1, message[:5]) + frames.ping())
                client.read_until(lambda frame: frame.type == frames.PING)
                limit = memory.address_space_bytes(server.process) + MEBIBYTE
                resource.prlimit(server.process.pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
                server.process.terminate()
                client.read_until(lambda frame: frame.type == frames.GOAWAY)
                client.send(frames.data(1, message[5:], frames.END_STREAM))
                body = client.read_until(lambda frame: frame.type == frames.DATA).payload
                self.assertIn(b"in flight", body)
            self.assertEqual(server.process.wait(harness.RUN_SECONDS), 0)
            self.assertTrue(server.says("drained: 1 call finished, 0 ended"))

    def test_messages_that_never_end(self):
        self.attacked(unfinished_messages(), 15)

    def test_requests_that_never_go_on(self):
        self.attacked(open_requests(), 300)


if __name__ == "__main__":
    harness.main()
