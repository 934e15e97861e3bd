"""grpcclient demo verifies signatures: behind a proxy that damages one it fails, and names the key and the algorithm of the
invalid signature."""

import contextlib
import os
import socket
import threading
import unittest

import frames
import harness

PROTOCOL = 76
ALGORITHMS = {"rsa": b"RSA_PKCS1_SHA256", "ecc": b"ECDSA_P256_SHA256", "ed25519": b"ED25519"}
GRPC_PREFIX_BYTES = 5
SIGNATURE, ALGORITHM = b"\x0a", b"\x12"  # the tags of SignResponse's first two fields


def signature_in(message, algorithm):
    """The position of the signature in a SignResponse with this algorithm, with gRPC's prefix; None in other messages."""
    if message[GRPC_PREFIX_BYTES : GRPC_PREFIX_BYTES + 1] != SIGNATURE:
        return None
    begin = GRPC_PREFIX_BYTES + 2
    size = message[begin - 1]
    if size & 0x80:
        size, begin = size & 0x7F | message[begin] << 7, begin + 1
    name = ALGORITHM + bytes([len(algorithm)]) + algorithm
    return range(begin, begin + size) if message.startswith(name, begin + size) else None


class Forger:
    """A proxy between one client and a server that changes signatures with `algorithm` by `spoil`."""

    def __init__(self, port, algorithm, spoil):
        self.algorithm = algorithm
        self.spoil = spoil
        self.signatures = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.server = frames.Client(port)
        self.thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.thread.join()
        self.server.__exit__()
        self.listener.close()

    def _serve(self):
        self.listener.settimeout(harness.RUN_SECONDS)
        client, _ = self.listener.accept()
        for each in (client, self.server.socket):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client:
            upstream = threading.Thread(target=self._ask, args=[client])
            upstream.start()
            with contextlib.suppress(OSError):  # a client that found the invalid signature closes at once
                while found := self.server.next_frame():
                    client.sendall(self._forged(found))
            upstream.join()

    def _ask(self, client):
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                self.server.send(data)
            self.server.socket.shutdown(socket.SHUT_WR)

    def _forged(self, found):
        payload = bytearray(found.payload)
        if found.type == frames.DATA and (where := signature_in(payload, self.algorithm)):
            self.signatures += 1
            self.spoil(payload, where)
        return frames.frame(found.type, found.flags, found.stream, bytes(payload))


def leave(payload, where):
    pass


def flip_last_bit(payload, where):
    payload[where[-1]] ^= 1


def flip_in_the_middle(payload, where):
    payload[where[len(where) // 2]] ^= 0x10


class Demo(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(harness.Server())

    def demo(self, kind, spoil, wanted):
        """Runs the demo with the keys `wanted`, while `spoil` changes the signature of a kind."""
        with Forger(self.server.port, ALGORITHMS[kind], spoil) as forger:
            done = harness.run([os.environ["GRPCCLIENT"], "demo", forger.address, "--key", wanted])
        self.assertEqual(forger.signatures, 1, done.stdout)
        return done

    def test_the_demo_succeeds_through_a_proxy_that_changes_nothing(self):
        for kind, algorithm in ALGORITHMS.items():
            done = self.demo(kind, leave, kind)
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertRegex(done.stdout, rf"\n *{algorithm.decode()}  +\d")

    def test_an_invalid_signature_is_reported_and_fails_the_demo(self):
        for kind, algorithm in ALGORITHMS.items():
            for spoil in (flip_last_bit, flip_in_the_middle):
                with self.subTest(key=kind, spoil=spoil.__name__):
                    done = self.demo(kind, spoil, kind)
                    self.assertEqual(done.returncode, PROTOCOL, done.stdout)
                    self.assertRegex(
                        done.stdout,
                        r"grpcclient: the signature is not one of key [0-9a-f]{64} with "
                        + algorithm.decode() + " over this input\n$",
                    )
                    self.assertNotRegex(done.stdout, rf"\n *{algorithm.decode()}  ", "it is not among the good ones")

    def test_one_invalid_signature_among_valid_ones_fails_the_demo(self):
        done = self.demo("ecc", flip_last_bit, "all")
        self.assertEqual(done.returncode, PROTOCOL, done.stdout)
        self.assertIn(" RSA_PKCS1_SHA256  ", done.stdout)
        self.assertIn(" with ECDSA_P256_SHA256 over this input\n", done.stdout)


if __name__ == "__main__":
    harness.main()
