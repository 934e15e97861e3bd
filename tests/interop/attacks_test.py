"""Attacks on grpcd. Each must end only the attacker's connection, cost a limited amount of memory, and leave all other
clients served."""

import contextlib
import os
import socket
import threading
import unittest

import frames
import harness
from bystander import Bystander, echo, is_served
from frames import Client
from memory import MEBIBYTE, resident_bytes, sanitized_factor

# Flags for a server that never ends a connection by a timeout during a test.
LONG_TIMEOUTS = ("--handshake-timeout", "1h", "--stall-timeout", "1h")
SMALL_POD_BYTES = 256 * MEBIBYTE
GROWTH_MAX = 12 * MEBIBYTE  # that grpcd may keep after an attack and hold during one, pools included


class Attacked(harness.ServerCase):
    def setUp(self):
        self.assertTrue(echo(self.server.port))
        self.before = resident_bytes(self.server.process)
        self.allowed = GROWTH_MAX * sanitized_factor(self.server.process)

    def tearDown(self):
        self.check_memory()
        self.assertTrue(echo(self.server.port), "nobody is served after the attack")
        self.assertIsNone(self.server.process.poll(), "grpcd has ended")

    def check_memory(self):
        grown = resident_bytes(self.server.process) - self.before
        self.assertLess(grown, self.allowed, f"grew by {grown / MEBIBYTE:.1f} MiB")


class Attacks(Attacked):
    def flood(self, data, code=frames.ENHANCE_YOUR_CALM):
        """Sends the whole flood while it reads. The connection must end with a GOAWAY of this code."""
        with Client(self.server.port) as client, Bystander(self.server.port) as bystander:
            client.open()
            sender = threading.Thread(target=client.try_send, args=(data,))
            sender.start()
            said = client.goaway()
            # The rest of the flood meets a connection that has ended.
            self.assertIsNone(client.read_until(lambda frame: False))
            sender.join()
        self.assertIn(said, (code, None))  # a TCP reset may overtake the GOAWAY
        self.assertEqual(bystander.failed, 0)
        self.assertGreater(bystander.answered, 0)
        return said

    def test_rapid_reset(self):
        calls = (frames.headers(1 + 2 * n) + frames.reset(1 + 2 * n) for n in range(100_000))
        self.flood(b"".join(calls))

    def test_continuation_flood(self):
        for payload in (b"", b"\0\1x\1y" * 3000):
            with self.subTest(len(payload)):
                self.flood(
                    frames.headers(1, frames.ECHO, 0) + frames.frame(frames.CONTINUATION, 0, 1, payload) * 1000
                )

    def test_settings_flood(self):
        self.flood(frames.settings((3, 100)) * 100_000)

    def test_settings_of_many_entries(self):
        with Client(self.server.port) as client:
            client.open()
            client.try_send(frames.settings(*[(3, 100)] * 2000))
            self.assertIsNone(client.read_until(lambda frame: False))

    def test_ping_flood(self):
        self.flood(frames.ping() * 100_000)

    def test_frames_without_progress(self):
        for name, data in {
            "priority": frames.frame(frames.PRIORITY, 0, 1, b"\0\0\0\3\x10"),
            "window update": frames.window_update(0, 1),
            "unknown": frames.frame(0x42, 0, 0, b"?"),
        }.items():
            with self.subTest(name):
                self.flood(data * 100_000)

    def test_empty_data(self):
        self.flood(frames.headers(1) + frames.data(1, b"") * 100_000)

    def test_floods_whose_responses_nobody_reads(self):
        calls = b"".join(
            frames.headers(1 + 2 * n) + frames.data(1 + 2 * n, frames.message(b"x" * 1000), frames.END_STREAM)
            for n in range(20_000)
        )
        for name, data in {"ping": frames.ping() * 400_000, "settings": frames.settings() * 400_000, "calls": calls}.items():
            with self.subTest(name), Client(self.server.port) as client:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.open()
                client.send_until_stuck(data, 5)
                self.check_memory()
                self.assertTrue(echo(self.server.port))

    def test_settings_that_are_never_acknowledged(self):
        with Client(self.server.port) as client, Bystander(self.server.port) as bystander:
            client.open(acknowledge=False)
            client.try_send(b"".join(frames.headers(1 + 2 * n) for n in range(100_000)))
            self.assertIsNone(client.read_until(lambda frame: False))
            self.check_memory()
        self.assertEqual(bystander.failed, 0)

    def test_header_bomb(self):
        # One large entry in HPACK's table, and thousands of references to it of one byte each.
        entry = b"\x40\1x" + b"\x7f\xa1\x1e" + b"v" * 4000
        references = b"\xbe" * 16_000
        bomb = frames.headers(1, frames.ECHO + entry, 0) + frames.frame(
            frames.CONTINUATION, frames.END_HEADERS, 1, references
        )
        self.flood(bomb)

    def test_a_length_prefix_of_4_gib(self):
        with Client(self.server.port) as client:
            client.open()
            client.send(frames.headers(1) + frames.data(1, b"\0\xff\xff\xff\xff" + b"x" * 1000))
            answer = client.read_until(lambda frame: frame.type == frames.HEADERS)
            self.assertTrue(answer.flags & frames.END_STREAM)
            self.check_memory()

    def test_bytes_that_are_not_http2(self):
        hello = bytes.fromhex("160301007a010000760303") + bytes(range(111))
        for name, data in {
            "TLS": hello,
            "HTTP/1.1": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "zeros": bytes(100_000),
            "noise": os.urandom(100_000),
            "noise behind the preface": frames.PREFACE + frames.settings() + os.urandom(100_000),
        }.items():
            with self.subTest(name), Client(self.server.port) as client:
                client.try_send(data)
                self.assertIsNone(client.read_until(lambda frame: False))

    def test_frames_behind_a_reset_cost_no_other_call(self):
        request = frames.message(b"given up")
        with Client(self.server.port) as client:
            client.open()
            for n in range(200):
                given_up, served = 4 * n + 1, 4 * n + 3
                late = frames.data(given_up, request) + frames.data(given_up, b"", frames.END_STREAM)
                call = frames.headers(served) + frames.data(served, frames.message(b"%d" % n), frames.END_STREAM)
                client.send(
                    frames.headers(given_up) + frames.data(given_up, request) + frames.reset(given_up) + late + call
                )
                found = client.read_until(lambda each: each.type in (frames.DATA, frames.GOAWAY))
                self.assertEqual((found.type, found.stream), (frames.DATA, served), found)
                self.assertIn(frames.message(b"%d" % n)[5:], found.payload)


class Dawdlers(Attacked):
    """Peers that take too long. The server, which has short timeouts, must close their connections."""

    flags = ("--handshake-timeout", "2s", "--header-timeout", "2s", "--stall-timeout", "3s")

    def test_a_window_that_never_opens(self):
        with Client(self.server.port) as client:
            client.open((4, 0))
            body = frames.message(b"x" * 16_000)
            for n in range(50):
                client.send(frames.headers(1 + 2 * n) + frames.data(1 + 2 * n, body, frames.END_STREAM))
            self.check_memory()
            self.assertIsNone(client.read_until(lambda frame: False), "the connection outlived the stall timeout")

    def test_a_window_that_opens_by_one(self):
        with Client(self.server.port) as client:
            client.open((4, 0))
            client.send(frames.headers(1) + frames.data(1, frames.message(b"x" * 16_000), frames.END_STREAM))
            self.assertTrue(harness.wait_until(lambda: not client.try_send(frames.window_update(1, 1)), pause=0.3))

    def test_headers_that_never_end(self):
        with Client(self.server.port) as client:
            client.open()
            client.send(frames.headers(1, frames.ECHO, 0))
            self.assertIsNotNone(client.read_until(lambda frame: frame.type == frames.GOAWAY))

    def test_slow_prefaces(self):
        clients = [Client(self.server.port) for _ in range(500)]
        left = set(range(len(clients)))
        sent = 0

        def drip():
            """Sends one more byte of each preface. Returns whether the server has closed all of the connections."""
            nonlocal sent
            byte = frames.PREFACE[sent : sent + 1]
            sent += 1
            left.difference_update([at for at in left if clients[at].is_over() or not clients[at].try_send(byte)])
            self.assertTrue(echo(self.server.port))
            return not left

        self.assertTrue(harness.wait_until(drip, pause=0.5))
        self.assertLess(sent, len(frames.PREFACE), "some prefaces were sent whole")
        for client in clients:
            client.socket.close()


class Crowd(unittest.TestCase):
    def test_memory_of_closed_connections_is_returned(self):
        connections, streams = 800, 100
        unfinished = b"".join(frames.headers(1 + 2 * at) for at in range(streams))
        with harness.Server(*LONG_TIMEOUTS) as server:
            self.assertTrue(echo(server.port))
            before = resident_bytes(server.process)
            crowd = [Client(server.port) for _ in range(connections)]
            for client in crowd:
                client.open()
                client.try_send(unfinished)
            left = [client for client in crowd if client.try_send(frames.ping())]
            if server.pod != SMALL_POD_BYTES:  # where some give way
                self.assertEqual(len(left), connections)
            for client in left:
                client.read_until(lambda frame: frame.type == frames.PING)
            taken = resident_bytes(server.process) - before
            self.assertGreater(taken, 40 * MEBIBYTE)
            for client in crowd:
                client.socket.close()
            factor = sanitized_factor(server.process)
            if factor == 1:
                wanted = before + 12 * MEBIBYTE
                self.assertTrue(harness.wait_until(lambda: resident_bytes(server.process) < wanted), "the crowd's memory stays")
            self.assertTrue(echo(server.port))


class LargeConnections(unittest.TestCase):
    """A few connections that make grpcd hold much, and then end."""

    CONNECTIONS, STREAMS = 8, 100
    BODY = frames.message(b"x" * 250_000)  # fits into a stream's window

    def fill(self, client, body):
        """Sends the body on every stream, with END_STREAM if it is complete."""
        window = 65_535
        for stream in range(1, 2 * self.STREAMS, 2):
            client.send(frames.headers(stream))
            for at in range(0, len(body), 16_384):
                piece = body[at : at + 16_384]
                while window < len(piece):
                    given = client.read_until(lambda each: each.type == frames.WINDOW_UPDATE and each.stream == 0)
                    window += int.from_bytes(given.payload)
                window -= len(piece)
                whole = at + len(piece) == len(self.BODY)
                client.send(frames.data(stream, piece, frames.END_STREAM if whole else 0))
        client.send(frames.ping())
        client.read_until(lambda frame: frame.type == frames.PING)

    def check_return(self, body, *settings):
        with harness.Server(*LONG_TIMEOUTS) as server:
            if sanitized_factor(server.process) > 1:
                self.skipTest("a sanitizer keeps what was freed")
            self.assertTrue(echo(server.port))
            before = resident_bytes(server.process)
            clients = [Client(server.port) for _ in range(self.CONNECTIONS)]
            for client in clients:
                client.open(*settings)
                self.fill(client, body)
            taken = resident_bytes(server.process) - before
            sent = self.CONNECTIONS * self.STREAMS * 200_000
            self.assertGreater(taken, min(sent, server.pod * 3 // 8) if server.pod else sent)
            for client in clients:
                client.socket.close()
            wanted = before + 16 * MEBIBYTE
            back = harness.wait_until(lambda: resident_bytes(server.process) < wanted)
            self.assertTrue(back, f"{(resident_bytes(server.process) - before) / MEBIBYTE:.0f} MiB stay")
            self.assertTrue(echo(server.port))

    def test_memory_of_unfinished_requests_is_returned(self):
        self.check_return(self.BODY[:-1])

    def test_memory_of_unread_responses_is_returned(self):
        self.check_return(self.BODY, (4, 0))


class IdleConnections(unittest.TestCase):
    def test_the_connections_of_one_address_leave_room_for_others(self):
        with harness.Server("--max-connections", "40", *LONG_TIMEOUTS) as server, contextlib.ExitStack() as held:

            def crowd_out():
                """Connects once more from another address. Returns whether a third address is no longer served."""
                held.enter_context(Client(server.port, source="127.0.0.3"))
                return not is_served(server.port, source="127.0.0.2")

            for _ in range(60):  # 30 of them stay open
                held.enter_context(Client(server.port))
            self.assertTrue(harness.wait_until(lambda: not is_served(server.port)))
            self.assertTrue(echo(server.port, source="127.0.0.2"), "another address is locked out")
            self.assertTrue(server.says(" 30 connections ", " ServerOptions::max_connections_per_address "))
            self.assertTrue(harness.wait_until(crowd_out))
            self.assertTrue(server.says(" 40 connections ", " ServerOptions::max_connections "))

    def test_one_address_may_be_allowed_all_connections(self):
        with harness.Server("--max-connections", "40", "--max-connections-per-address", "0", *LONG_TIMEOUTS) as server:
            with contextlib.ExitStack() as held:
                for _ in range(38):
                    held.enter_context(Client(server.port)).open()
                self.assertTrue(echo(server.port))
            self.assertNotIn("closed at once", server.text())


class Descriptors(unittest.TestCase):
    def test_more_connections_than_descriptors(self):
        limit = 160
        with harness.Server("--max-connections", "10000", descriptors=limit) as server:
            crowd = [Client(server.port) for _ in range(2 * limit)]
            for client in crowd:
                client.open()
            self.assertTrue(harness.wait_until(lambda: "accept" in server.text()), "no word of the shortage")
            for client in crowd:
                client.socket.close()
            # The server may refuse new connections until it has closed the old ones.
            self.assertTrue(harness.wait_until(lambda: is_served(server.port)), "no recovery from the shortage")
        self.assertLess(server.text().count("accept"), 1000)


if __name__ == "__main__":
    harness.main()
