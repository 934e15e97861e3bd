"""Calls while nothing can be reached: our client and grpc-go's make the calls of one table, which have the same codes after
the same time. Times are compared in classes, so that a slow machine does not matter: at once, at the deadline, after the
connect timeout, and never for calls that wait for readiness without a deadline. The largest difference between the two clients
is printed: it is less than 100 ms on a machine that does nothing else."""

import collections
import contextlib
import itertools
import json
import os
import socket
import ssl
import struct
import subprocess
import threading
import time
import unittest

import certificates
import frames
import harness
import tools

DEADLINE_MS, CONNECT_MS, PATIENCE_MS = 5_000, 10_000, 16_000
INTERNAL, UNAVAILABLE, DEADLINE_EXCEEDED = "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED"
CODES = {"0": "OK", "4": DEADLINE_EXCEEDED, "13": INTERNAL, "14": UNAVAILABLE}
AT_ONCE, AT_THE_DEADLINE, AFTER_THE_CONNECT_TIMEOUT = "at once", "at the deadline", "after the connect timeout"
NEVER = "never"

FOR_ALL = {"name": [{}]}
BACKOFF = {"initialBackoff": "0.01s", "maxBackoff": "0.02s", "backoffMultiplier": 1.5}
POLICIES = {
    "no policy": FOR_ALL,
    "retry": {**FOR_ALL, "retryPolicy": {"maxAttempts": 3, "retryableStatusCodes": ["UNAVAILABLE"], **BACKOFF}},
    # grpc-go has no hedging: there it is no policy, with which a call ends in the same way.
    "hedging": {**FOR_ALL, "hedgingPolicy": {"maxAttempts": 3, "hedgingDelay": "0.1s", "nonFatalStatusCodes": ["UNAVAILABLE"]}},
    "wait_for_ready": FOR_ALL,
}
OUTLIERS = {
    "interval": "0.5s", "baseEjectionTime": "300s", "maxEjectionPercent": 50,
    "failurePercentageEjection": {"threshold": 50, "enforcementPercentage": 100, "minimumHosts": 2, "requestVolume": 2},
}  # fmt: skip
BALANCING = {
    "pick_first": {"pick_first": {}},
    "round_robin": {"round_robin": {}},
    "outlier_detection": {"outlier_detection_experimental": {**OUTLIERS, "childPolicy": [{"round_robin": {}}]}},
}

# The time after which the first call without a deadline ends with UNAVAILABLE. The second one does at once.
WAYS = {
    "refused": AT_ONCE,
    "full backlog": AFTER_THE_CONNECT_TIMEOUT,
    "silent": AFTER_THE_CONNECT_TIMEOUT,
    "reset after accept": AT_ONCE,
    "reset after SETTINGS": AT_ONCE,
    "reset at the request": AT_ONCE,
    "NXDOMAIN": AT_ONCE,
    "no addresses": AT_ONCE,
    "TLS to plaintext": AT_ONCE,
    "plaintext to TLS": AT_ONCE,
}
# Calls that wait for readiness do not wait here: their attempt has begun.
REACHED = {"reset after SETTINGS", "reset at the request"}
Row = collections.namedtuple("Row", "way policy balancing deadline")
ROWS = [Row(*each) for each in itertools.product(WAYS, POLICIES, BALANCING, (False, True))]


def expected(row):
    """The outcomes of the calls of a row: one if there is a deadline or it does not end, else two."""
    took = WAYS[row.way]
    waits = row.policy == "wait_for_ready" and row.way not in REACHED
    if waits:
        return [(DEADLINE_EXCEEDED, AT_THE_DEADLINE)] if row.deadline else [NEVER]
    if row.deadline:
        return [(UNAVAILABLE, AT_ONCE) if took == AT_ONCE else (DEADLINE_EXCEEDED, AT_THE_DEADLINE)]
    return [(UNAVAILABLE, took), (UNAVAILABLE, AT_ONCE)]


def title(row):
    return " / ".join(map(str, row))


def config_of(row):
    return {"methodConfig": [POLICIES[row.policy]], "loadBalancingConfig": [BALANCING[row.balancing]]}


def outcome(text):
    """As `expected` has it, of "14 3" or "waiting"."""
    if text == "waiting":
        return NEVER
    code, took_ms = text.split()
    took_ms = int(took_ms)
    # The clocks of the clients and of their timers differ a little.
    classes = (AT_ONCE, 0.9 * DEADLINE_MS), (AT_THE_DEADLINE, 0.9 * CONNECT_MS), (AFTER_THE_CONNECT_TIMEOUT, PATIENCE_MS)
    return CODES.get(code, code), next((name for name, most in classes if took_ms < most), f"after {took_ms} ms")


def times_ms(texts):
    """Of the calls that have ended."""
    return [int(text.split()[1]) for text in texts if text != "waiting"]


def reset(peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def requests(peer):
    """The streams of requests that arrive on a connection of HTTP/2."""
    peer.sendall(frames.settings() + frames.frame(frames.SETTINGS, 1))
    stream = peer.makefile("rb")
    stream.read(24)
    while head := stream.read(9):
        length, kind, _, number = struct.unpack(">IBBI", b"\0" + head)
        stream.read(length)
        if kind == frames.HEADERS:
            yield number


def reset_after_settings(peer):
    peer.sendall(frames.settings())
    peer.recv(24, socket.MSG_WAITALL)
    reset(peer)


def reset_at_the_request(peer):
    for _ in requests(peer):
        return reset(peer)


def read_all(peer):
    peer.sendall(frames.settings())
    while peer.recv(4096):
        pass


def fail_calls(peer):
    for stream in requests(peer):
        peer.sendall(frames.reset(stream, 2))


def answer_calls(peer):
    head = frames.block([(":status", "200"), ("content-type", "application/grpc")])
    for stream in requests(peer):
        response = frames.headers(stream, head) + frames.data(stream, bytes(5))
        peer.sendall(response + frames.headers(stream, frames.block([("grpc-status", "0")]), frames.END_HEADERS | frames.END_STREAM))


class Peer:
    """A server that does `conduct` with each connection, on a thread of its own."""

    def __init__(self, conduct):
        self.conduct = conduct
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.address = "127.0.0.1:{}".format(self.listener.getsockname()[1])
        self.connections = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection = self.listener.accept()[0]
                self.connections.append(connection)
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError):
            self.conduct(connection)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


class NoNames:
    """A name server that knows no name, and gives names that begin with "empty" no addresses."""

    def __init__(self):
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        threading.Thread(target=self._answer, daemon=True).start()

    def target(self, name):
        return "dns://127.0.0.1:{}/{}.test:7".format(self.socket.getsockname()[1], name)

    def _answer(self):
        while True:
            query, client = self.socket.recvfrom(4096)
            end = query.index(b"\0", 12) + 5
            code = 0 if query[13:18] == b"empty" else 3
            self.socket.sendto(query[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, 0, 0, 0) + query[12:end], client)


def bound(listens=False):
    """A port at which connections are refused, or with a backlog that is full."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    waiting = []
    if listens:
        listener.listen(0)
        for _ in range(8):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(listener.getsockname())
    return [listener, *waiting]


class Caller:
    """One of the two clients. `results` gives for each name what it says of its calls, made at the same time as the others."""

    def __init__(self, command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
        )  # fmt: skip
        self.log = collections.deque(maxlen=1000)
        threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True).start()

    def results(self, lines):
        self.process.stdin.write("".join("\t".join(map(str, line)) + "\n" for line in lines) + "\n")
        self.process.stdin.flush()
        results = {}
        for _ in lines:
            name, *calls = self.process.stdout.readline().rstrip("\n").split("\t")
            results[name] = calls
        return results

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def print_largest_difference(ours, others):
    pairs = [(abs(one - other), name) for name in ours for one, other in zip(times_ms(ours[name]), times_ms(others[name]))]
    difference_ms, name = max(pairs)
    print(f"{len(pairs)} calls end at most {difference_ms} ms apart ({name})")


def setUpModule():
    global CALLERS
    CALLERS = {
        "our client": [os.environ["OUTAGE_CALLER"]],
        "grpc-go": [tools.go_module("outage/caller")],
    }


class Outage(unittest.TestCase):
    def caller(self, name):
        caller = Caller(CALLERS[name])
        self.addCleanup(caller.close)
        return caller

    def peers(self, conduct, count=2):
        made = [Peer(conduct) for _ in range(count)]
        for peer in made:
            self.addCleanup(peer.close)
        return ",".join(peer.address for peer in made)

    def ports(self, listens):
        made = [bound(listens) for _ in range(2)]
        for each in sum(made, []):
            self.addCleanup(each.close)
        return ",".join("127.0.0.1:{}".format(listener.getsockname()[1]) for listener, *_ in made)

    def test_calls_end_as_with_grpc_go(self):
        identity = self.enterContext(certificates.Folder()).issue("server")
        secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        secure.load_cert_chain(identity.certificate, identity.key)
        names = NoNames()
        targets = {
            "refused": self.ports(listens=False),
            "full backlog": self.ports(listens=True),
            "silent": self.peers(lambda peer: None),
            "reset after accept": self.peers(reset),
            "reset after SETTINGS": self.peers(reset_after_settings),
            "reset at the request": self.peers(reset_at_the_request),
            "NXDOMAIN": names.target("none"),
            "no addresses": names.target("empty"),
            "TLS to plaintext": self.peers(read_all),
            "plaintext to TLS": self.peers(lambda peer: secure.wrap_socket(peer, server_side=True)),
        }
        lines = []
        for row in ROWS:
            wait = "yes" if row.policy == "wait_for_ready" else "no"
            lines.append(
                [title(row), targets[row.way], json.dumps(config_of(row)),
                 "yes" if row.way == "TLS to plaintext" else "no", CONNECT_MS, wait, DEADLINE_MS if row.deadline else 0,
                 PATIENCE_MS, len(expected(row)), 0]
            )  # fmt: skip
        results = {name: self.caller(name).results(lines) for name in CALLERS}
        for name, row in itertools.product(CALLERS, ROWS):
            with self.subTest(client=name, row=row):
                self.assertEqual(list(map(outcome, results[name][title(row)])), expected(row))
        print_largest_difference(*results.values())

    def test_calls_fail_at_once_when_one_server_is_ejected_and_the_other_is_killed(self):
        for name in CALLERS:
            with self.subTest(client=name):
                good, bad = Peer(answer_calls), Peer(fail_calls)
                self.addCleanup(bad.close)
                caller = self.caller(name)
                config = {"loadBalancingConfig": [BALANCING["outlier_detection"]]}

                def calls(count):
                    line = ["x", f"{good.address},{bad.address}", json.dumps(config), "no", CONNECT_MS, "no", 0, PATIENCE_MS, count, 5]
                    return list(map(outcome, caller.results([line])["x"]))

                self.assertTrue(harness.wait_until(lambda: set(calls(20)) == {("OK", AT_ONCE)}))
                good.close()
                self.assertTrue(harness.wait_until(lambda: ("OK", AT_ONCE) not in calls(1)))
                self.assertEqual(set(calls(20)), {(UNAVAILABLE, AT_ONCE)})


if __name__ == "__main__":
    harness.main()
