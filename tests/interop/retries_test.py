"""Service configs, retries, hedging and health checks: our client and grpc-go's make the calls of one table, against a server that
responds to each attempt as the table says. Codes, trailers and attempts must be equal, or the table says why they are not."""

import collections
import json
import os
import subprocess
import threading
import unittest

import harness
import tools

SERVICE = "script.v1.Script"
# grpc-go reads requestHashHeader (gRFC A76) only then.
HASH_BY_HEADER = {"GRPC_EXPERIMENTAL_RING_HASH_SET_REQUEST_HASH_KEY": "true"}
CODES = [
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
]  # fmt: skip
EVERY_CODE = CODES[1:]

Call = collections.namedtuple("Call", "script result attempts")
# `go` has the calls as grpc-go makes them if that differs, for the reason `why`; null if grpc-go lacks the feature.
Scenario = collections.namedtuple("Scenario", "name config calls timeout_ms wait size go why")

SAME = object()
TABLE = []


def call(script, result, attempts=1):
    """A call with the code, and the texts of x-tell, that end it. `attempts` is their number, or for each the number of
    those before it that the server is told, "-" for none."""
    if isinstance(attempts, int):
        attempts = ["-"] + [str(before) for before in range(1, attempts)] if attempts else []
    return Call(script, str(result), list(attempts))


def add(name, config, *calls, timeout_ms=0, wait="-", size=1, go=SAME, why=""):
    assert not why or go is not SAME, "a difference has a reason"
    TABLE.append(Scenario(name, config, calls, timeout_ms, wait, size, calls if go is SAME else go, why))


def methods(*entries, **more):
    return {"methodConfig": list(entries), **more}


def for_all(**settings):
    return {"name": [{}], **settings}


def policy(attempts=3, codes=("UNAVAILABLE",), **changed):
    """A retry policy; a member that is changed to None is left out."""
    settings = {
        "maxAttempts": attempts,
        "initialBackoff": "0.005s",
        "maxBackoff": "0.01s",
        "backoffMultiplier": 1.5,
        "retryableStatusCodes": list(codes),
        **changed,
    }
    return {name: value for name, value in settings.items() if value is not None}


def retrying(attempts=3, codes=("UNAVAILABLE",), **more):
    return methods(for_all(retryPolicy=policy(attempts, codes)), **more)


def throttled(tokens, ratio, attempts=5):
    return retrying(attempts, retryThrottling={"maxTokens": tokens, "tokenRatio": ratio})


def hedging(attempts, delay="0s", codes=("UNAVAILABLE",), **more):
    settings = {"maxAttempts": attempts, "hedgingDelay": delay, "nonFatalStatusCodes": list(codes)}
    return methods(for_all(hedgingPolicy=settings), **more)


def refused(name, config, go="config", why=""):
    """A service config that is an error."""
    TABLE.append(Scenario(f"config: {name}", config, "config", 0, "-", 1, go, why))


# Codes.
for number, code in enumerate(CODES):
    if code != "OK":
        add(f"{code} is retryable", retrying(codes=[code]), call(f"status={number}; ok", 0, 2))
for number in (2, 5, 13):
    add(f"{CODES[number]} is not retryable", retrying(), call(f"status={number}; ok", number))
add("a code may be a number", retrying(codes=[14, 10]), call("status=10; status=14; ok", 0, 3))
add("several codes", retrying(5, EVERY_CODE), call("status=1; status=16; status=5; ok", 0, 4))
add("the first code that is not retryable ends the call", retrying(5), call("status=14; status=5; ok", 5, 2))
add("no policy", methods(for_all(timeout="5s")), call("status=14; ok", 14))
add("no config", {}, call("status=14; ok", 14))
add("success needs no other attempt", retrying(), call("ok", 0))

# The number of attempts.
for most in (2, 3, 4, 5):
    add(f"at most {most} attempts", retrying(most), call("status=14", 14, most))
add("more than 5 attempts count as 5", retrying(9), call("status=14", 14, 5))
add("the last attempt may succeed", retrying(5), call("status=14; status=14; status=14; status=14; ok", 0, 5))
add("the last attempt's trailers are the call's", retrying(2), call("status=14 tell=1; status=14 tell=2", "14 2", 2))
add("trailers of attempts that failed are dropped", retrying(), call("status=14 tell=1; ok tell=2", "0 2", 2))
add("each call has its own attempts", retrying(2), call("status=14; ok", 0, 2), call("status=14; ok", 0, 2))

# Pushback.
add("pushback of 0", retrying(), call("status=14 push=0; ok", 0, 2))
add("pushback of 20 ms", retrying(), call("status=14 push=20; ok", 0, 2))
add("pushback with a plus", retrying(), call("status=14 push=+5; ok", 0, 2))
for text in ("-1", "-100000", "x", "1.5", "", "1x", "99999999999999999999"):
    add(f"pushback of {text!r}", retrying(), call(f"status=14 push={text}; ok", 14))
add("pushback twice", retrying(), call("status=14 push=1 push=2; ok", 14))
add("pushback of a code that is not retryable", retrying(), call("status=13 push=1; ok", 13))
add("negative pushback of a code that is not retryable", retrying(), call("status=13 push=-1; ok", 13))
add("pushback does not raise the number of attempts", retrying(2), call("status=14 push=1", 14, 2))
add("pushback beyond the deadline", retrying(), call("status=14 push=100000; ok", 4), timeout_ms=200)
add("pushback behind headers is too late", retrying(), call("headers status=14 push=1; ok", 14))

# Commitment.
add("headers commit", retrying(), call("headers status=14; ok", 14))
add("a message commits", retrying(), call("headers message status=14; ok", 14))
add("headers commit the second attempt, too", retrying(), call("status=14; headers status=14; ok", 14, 2))
add("a reset behind headers", retrying(codes=EVERY_CODE), call("headers rst=2; ok", 13))
add("a connection lost behind headers", retrying(), call("headers close; ok", 14))
add("a request that fits into the buffer", retrying(), call("status=14; ok", 0, 2), size=200_000)
add("a request that does not", retrying(), call("status=14; ok", 14), size=300_000)

# Resets, other responses, lost connections.
for reset, code in ((2, 13), (8, 1), (11, 8), (12, 7)):
    add(f"reset {reset} is retryable", retrying(codes=[CODES[code]]), call(f"rst={reset}; ok", 0, 2))
add("a reset that is not", retrying(), call("rst=2; ok", 13))
add("a refused stream is sent again without a policy", {}, call("rst=7; ok", 0, ["-", "-"]))
add("a refused stream does not count", retrying(2), call("rst=7; status=14; ok", 0, ["-", "-", "1"]))
add("a stream that is refused twice", {}, call("rst=7; rst=7; ok", 14, ["-", "-"]))
add("a stream that is refused twice counts then", retrying(2), call("rst=7; rst=7; ok", 0, ["-", "-", "1"]))
add(
    "an attempt that is refused later",
    retrying(2),
    call("status=14; rst=7; ok", 0, ["-", "1", "1"]),
    go=[call("status=14; rst=7; ok", 14, ["-", "1"])],
    why="gRFC A6 allows one transparent retry in a call; grpc-go only before the first retry of the policy",
)
add("GOAWAY leaves the stream out", {}, call("goaway; ok", 0, ["-", "-"]))
for http in (429, 502, 503, 504):
    add(f"HTTP status {http} is UNAVAILABLE", retrying(), call(f"http={http}; ok", 0, 2))
add("HTTP status 404 is UNIMPLEMENTED", retrying(), call("http=404; ok", 12))
add("HTTP status 400 is INTERNAL", retrying(codes=["INTERNAL"]), call("http=400; ok", 0, 2))
add("a page of a proxy", retrying(), call("html=503; ok", 0, 2))
add("a lost connection", retrying(), call("close; ok", 0, 2))
add("a lost connection without a policy", {}, call("close; ok", 14))

# Time.
add("no response until the deadline", retrying(), call("hang", 4), timeout_ms=200)
add("one deadline for all attempts", retrying(), call("status=14; hang", 4, 2), timeout_ms=200)
add("the deadline is not retried", retrying(codes=EVERY_CODE), call("hang", 4), timeout_ms=200)
add("the method's timeout", methods(for_all(timeout="0.2s")), call("hang", 4))
add("the method's timeout for all attempts", methods(for_all(timeout="0.2s", retryPolicy=policy())), call("status=14; hang", 4, 2))
add("the caller's timeout is shorter", methods(for_all(timeout="100s")), call("hang", 4), timeout_ms=200)
add("the method's timeout is shorter", methods(for_all(timeout="0.2s")), call("hang", 4), timeout_ms=100_000)

# Limits of messages.
add("a request at its limit", methods(for_all(maxRequestMessageBytes=10)), call("ok", 0), size=10)
add("a request beyond its limit", methods(for_all(maxRequestMessageBytes=10)), call("ok", 8, 0), size=11)
add("a response at its limit", methods(for_all(maxResponseMessageBytes=1)), call("ok", 0))
add("a response beyond its limit", methods(for_all(maxResponseMessageBytes=0)), call("ok", 8))

# Throttling.
add("half of the tokens are too few", throttled(2, 0.1), call("status=14; ok", 14))
add("tokens for one retry", throttled(4, 0.1), call("status=14", 14, 2), call("status=14; ok", 14))
add("tokens for two retries", throttled(6, 0.1), call("status=14", 14, 3), call("status=14; ok", 14))
add("throttled calls still succeed", throttled(2, 0.1), call("status=14", 14), call("ok", 0))
add(
    "successes give tokens back",
    throttled(4, 1),
    call("status=14", 14, 2), call("status=14", 14), call("ok", 0), call("ok", 0), call("ok", 0),
    call("status=14; ok", 0, 2),
)  # fmt: skip
add("parts of tokens count", throttled(4, 0.5), call("status=14", 14, 2), call("ok", 0), call("ok", 0), call("status=14; ok", 14))
add("a code that is not retryable takes no token", throttled(4, 0.1), call("status=13", 13), call("status=13", 13), call("status=14; ok", 0, 2))
add("negative pushback takes a token", throttled(4, 0.1), call("status=13 push=-1", 13), call("status=14; ok", 14))
add("a failure behind headers takes none", throttled(4, 0.1), call("headers status=14", 14), call("headers status=14", 14), call("status=14; ok", 0, 2))

# Names.
ONCE = {"name": [{"service": SERVICE, "method": "Other"}], "retryPolicy": policy()}
THIS_METHOD = [{"service": SERVICE, "method": "Call"}]
add("the settings of the method", methods({"name": THIS_METHOD, "retryPolicy": policy()}), call("status=14; ok", 0, 2))
add("the settings of the service", methods({"name": [{"service": SERVICE}], "retryPolicy": policy()}), call("status=14; ok", 0, 2))
add("the settings of another method", methods(ONCE), call("status=14; ok", 14))
add("the settings of another service", methods({"name": [{"service": "script.v1"}], "retryPolicy": policy()}), call("status=14; ok", 14))
add("the method's before its service's", methods({"name": [{"service": SERVICE}], "retryPolicy": policy()}, {"name": THIS_METHOD}), call("status=14; ok", 14))
add("the service's before all", methods(for_all(retryPolicy=policy()), {"name": [{"service": SERVICE}]}), call("status=14; ok", 14))
add("an entry without names is for none", methods({"name": [], "retryPolicy": policy()}), call("status=14; ok", 14))
add("fields that are not known", methods(for_all(retryPolicy=policy(), other=1), more={"x": []}), call("status=14; ok", 0, 2))

# Hedging.
NO_HEDGING = "grpc-go has no hedging; gRFC A6, \"Hedging Policy\""
for name, config, calls, timeout_ms in (
    ("no other attempt before the delay", hedging(3, "100s"), [call("ok", 0)], 0),
    ("all attempts fail", hedging(3, "100s"), [call("status=14", 14, 3)], 0),
    ("a failure begins the next attempt", hedging(3, "100s"), [call("status=14; ok", 0, 2)], 0),
    ("a fatal code", hedging(3, "100s"), [call("status=7; ok", 7)], 0),
    ("a slow attempt is overtaken", hedging(2, "0.05s"), [call("hang; ok", 0, 2)], 0),
    ("the third attempt overtakes two", hedging(3, "0.05s"), [call("hang; hang; ok", 0, 3)], 0),
    ("more than 5 attempts count as 5", hedging(9, "0.01s"), [call("hang", 4, 5)], 1000),
    ("all attempts at once", hedging(4), [call("hang", 4, 4)], 1000),
    ("a fatal code of the second attempt", hedging(2, "0.05s"), [call("hang; status=3", 3, 2)], 0),
    ("trailers of the attempt that ends the call", hedging(2, "0.05s"), [call("hang; ok tell=2", "0 2", 2)], 0),
    ("negative pushback ends the attempts", hedging(3, "0.05s"), [call("status=14 push=-1; ok", 14)], 0),
    ("pushback delays the next attempt", hedging(3, "100s"), [call("status=14 push=20; ok", 0, 2)], 0),
    ("throttling", hedging(3, "100s", retryThrottling={"maxTokens": 2, "tokenRatio": 0.1}), [call("status=14; ok", 14)], 0),
):  # fmt: skip
    add(f"hedging: {name}", config, *calls, timeout_ms=timeout_ms, go=None, why=NO_HEDGING)

# Service configs that are errors.
refused("not JSON", "{")
refused("no object", "[]")
refused("a list of methods that is none", {"methodConfig": {}})
refused("a method without a service", methods({"name": [{"method": "Call"}]}))
refused("a name twice", methods({"name": THIS_METHOD}, {"name": THIS_METHOD}))
refused("a service twice", methods({"name": [{"service": "a"}, {"service": "a"}]}))
refused("a default twice", methods(for_all(), for_all()))
refused("a timeout without a unit", methods(for_all(timeout="1")))
refused("a timeout that is a number", methods(for_all(timeout=1)))
refused("waitForReady that is text", methods(for_all(waitForReady="yes")))
refused("a limit that is a fraction", methods(for_all(maxRequestMessageBytes=1.5)))
for name, changed in (
    ("one attempt", {"maxAttempts": 1}),
    ("no attempts", {"maxAttempts": None}),
    ("attempts that are text", {"maxAttempts": "many"}),
    ("no first backoff", {"initialBackoff": None}),
    ("a first backoff of 0", {"initialBackoff": "0s"}),
    ("a negative first backoff", {"initialBackoff": "-1s"}),
    ("no longest backoff", {"maxBackoff": None}),
    ("a longest backoff of 0", {"maxBackoff": "0s"}),
    ("no multiplier", {"backoffMultiplier": None}),
    ("a multiplier of 0", {"backoffMultiplier": 0}),
    ("a negative multiplier", {"backoffMultiplier": -1}),
    ("no codes", {"retryableStatusCodes": None}),
    ("an empty list of codes", {"retryableStatusCodes": []}),
    ("a code that does not exist", {"retryableStatusCodes": ["GONE"]}),
    ("a number that is no code", {"retryableStatusCodes": [17]}),
):
    refused(name, methods(for_all(retryPolicy=policy(**changed))))
for tokens, ratio in ((0, 1), (-1, 1), (1001, 1), (10, 0), (10, -0.1)):
    refused(f"{tokens} tokens, ratio {ratio}", throttled(tokens, ratio))
GO_ACCEPTS = [call("ok", 0)]
refused("a negative timeout", methods(for_all(timeout="-1s")), GO_ACCEPTS,
        "google.protobuf.Duration in a service config is not negative (C-core refuses it, too)")  # fmt: skip
refused("a negative limit", methods(for_all(maxRequestMessageBytes=-1)), [call("ok", 8, 0)],
        "the field is an unsigned number in service_config.proto")  # fmt: skip
refused("both policies", methods(for_all(retryPolicy=policy(), hedgingPolicy={"maxAttempts": 2})), GO_ACCEPTS,
        "gRFC A6 refuses both; grpc-go does not read the hedging policy")  # fmt: skip
refused("hedging with one attempt", methods(for_all(hedgingPolicy={"maxAttempts": 1})), GO_ACCEPTS, NO_HEDGING)
refused("hedging without a number", methods(for_all(hedgingPolicy={})), GO_ACCEPTS, NO_HEDGING)

# Policies of load balancing.
for name, entries in (
    ("a policy that only others have", [{"best": {}}]),
    ("an empty list of policies", []),
    ("two policies in one entry", [{"pick_first": {}, "round_robin": {}}]),
    ("a policy without a name", [{}]),
    ("shuffling that is text", [{"pick_first": {"shuffleAddressList": "yes"}}]),
    ("one choice", [{"least_request_experimental": {"choiceCount": 1}}]),
    ("a ring whose least size is above the largest", [{"ring_hash_experimental": {"minRingSize": 9, "maxRingSize": 8}}]),
    ("a ring that is too large", [{"ring_hash_experimental": {"maxRingSize": 10_000_000}}]),
    ("a header of bytes", [{"ring_hash_experimental": {"requestHashHeader": "key-bin"}}]),
):  # fmt: skip
    refused(name, {"loadBalancingConfig": entries})
refused("an older policy that does not exist", {"loadBalancingPolicy": "best"}, GO_ACCEPTS,
        "the C library refuses it, too; grpc-go takes pick_first")  # fmt: skip
for name, entries in (
    ("the first known policy counts", [{"best": {}}, {"round_robin": {}}, {"pick_first": {"shuffleAddressList": 1}}]),
    ("many choices", [{"least_request_experimental": {"choiceCount": 1000}}]),
    ("shuffling", [{"pick_first": {"shuffleAddressList": True}}]),
):
    add(name, {"loadBalancingConfig": entries}, call("ok", 0))
RING = {"loadBalancingConfig": [{"ring_hash_experimental": {"requestHashHeader": "x-call"}}]}


class Server:
    """The scripted server or another one of retry-peers, and the attempts that it has seen."""

    def __init__(self, kind="server"):
        self.kind = kind

    def __enter__(self):
        self.process = subprocess.Popen(
            [tools.path("retry-peers"), self.kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.address = self.process.stderr.readline().removeprefix("ready on ").strip()
        self.attempts = collections.defaultdict(list)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.stderr.close()

    def report(self, health):
        self.process.stdin.write(health + "\n")
        self.process.stdin.flush()

    def _read(self):
        for line in self.process.stdout:
            name, previous = line.rstrip("\n").split("\t")
            self.attempts[name].append(previous)


class Caller:
    """A client that makes calls over one channel to `servers`."""

    def __init__(self, command, servers, config):
        self.command = [*command, ",".join(server.address for server in servers)]
        self.servers = servers
        self.config = json.dumps(config)

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def calls(self, count, wait="yes"):
        """The codes of `count` calls, and the places of the servers that got some."""
        for server in self.servers:
            server.attempts.clear()
        names = [f"call {at}" for at in range(count)]
        line = "\t".join([self.config, "0", wait, "1", *sum(([name, "ok"] for name in names), [])])
        self.config = "-"
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        codes = set(self.process.stdout.readline().split())
        if codes == {"0"}:
            harness.wait_until(lambda: sum(len(server.attempts) for server in self.servers) == count)
        return codes, {at for at, server in enumerate(self.servers) if server.attempts}


CHECKED = {"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": SERVICE}}


def text_of(config):
    return config if isinstance(config, str) else json.dumps(config)


class Retries(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server())

    def results(self, command, prefix, scenarios):
        """For each scenario the line of the client."""
        lines = []
        for scenario in scenarios:
            calls = [call("ok", 0)] if scenario.calls == "config" else scenario.calls
            names = [(f"{prefix}/{scenario.name}/{at}", each.script) for at, each in enumerate(calls)]
            fields = [text_of(scenario.config), scenario.timeout_ms, scenario.wait, scenario.size, *sum(names, ())]
            lines.append("\t".join(map(str, fields)))
        done = subprocess.run(
            command, input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=harness.RUN_SECONDS,
            env={**os.environ, **HASH_BY_HEADER},
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        results = done.stdout.splitlines()
        self.assertEqual(len(results), len(scenarios), done.stderr)
        return results

    def check(self, command, prefix, wanted):
        scenarios = [each for each in TABLE if wanted(each) is not None]
        for scenario, result in zip(scenarios, self.results(command, prefix, scenarios)):
            with self.subTest(scenario.name):
                calls = wanted(scenario)
                if calls == "config":
                    self.assertEqual(result, "config")
                    continue
                self.assertEqual(result.split("\t"), [each.result for each in calls])
                for at, each in enumerate(calls):
                    seen = self.server.attempts[f"{prefix}/{scenario.name}/{at}"]
                    harness.wait_until(lambda: len(seen) >= len(each.attempts))
                    at_once = "hedgingPolicy" in text_of(scenario.config)  # attempts arrive in any order
                    self.assertEqual(sorted(seen) if at_once else seen, each.attempts)

    def test_our_client(self):
        self.check([os.environ["RETRY_CLIENT"], self.server.address], "ringrpc", lambda each: each.calls)

    def test_grpc_go(self):
        command = [tools.path("retry-peers"), "client", self.server.address]
        self.check(command, "grpc-go", lambda each: each.go)

    def test_ring_hash_chooses_the_same_server_as_grpc_go(self):
        names = [f"affinity/{at}" for at in range(200)]
        for count in (1, 3, 7):
            servers = [self.enterContext(Server()) for _ in range(count)]
            line = "\t".join([json.dumps(RING), "0", "yes", "1", *sum(([name, "ok"] for name in names), [])])
            homes = []
            for command in ([os.environ["RETRY_CLIENT"]], [tools.path("retry-peers"), "client"]):
                for server in servers:
                    server.attempts.clear()
                done = subprocess.run(
                    [*command, ",".join(server.address for server in servers)], input=line + "\n", capture_output=True,
                    text=True, timeout=harness.RUN_SECONDS, env={**os.environ, **HASH_BY_HEADER},
                )  # fmt: skip
                self.assertEqual(done.stdout.split(), ["0"] * len(names), done.stderr)
                harness.wait_until(lambda: sum(len(server.attempts) for server in servers) == len(names))
                homes.append([[at for at, server in enumerate(servers) if name in server.attempts] for name in names])
            self.assertEqual(homes[0], homes[1])
            self.assertEqual({len(home) for home in homes[0]}, {1})

    def test_servers_that_do_not_serve_get_no_calls_until_they_do(self):
        for command in ([os.environ["RETRY_CLIENT"]], [tools.path("retry-peers"), "client"]):
            with self.subTest(command=command):
                servers = [self.enterContext(Server("health")) for _ in range(3)]
                with Caller(command, servers, CHECKED) as caller:
                    self.assertTrue(harness.wait_until(lambda: caller.calls(30) == ({"0"}, {0, 1, 2})))
                    for health in ("NOT_SERVING", "UNKNOWN"):
                        servers[1].report(health)
                        self.assertTrue(harness.wait_until(lambda: caller.calls(30) == ({"0"}, {0, 2})))
                        self.assertEqual(caller.calls(300), ({"0"}, {0, 2}))
                        servers[1].report("SERVING")
                        self.assertTrue(harness.wait_until(lambda: caller.calls(30) == ({"0"}, {0, 1, 2})))
                    for server in servers:
                        server.report("NOT_SERVING")
                    self.assertTrue(harness.wait_until(lambda: caller.calls(30, wait="no") == ({"14"}, set())))
                    servers[2].report("SERVING")
                    self.assertEqual(caller.calls(30), ({"0"}, {2}))

    def test_a_server_without_health_checks_gets_calls(self):
        for command in ([os.environ["RETRY_CLIENT"]], [tools.path("retry-peers"), "client"]):
            with self.subTest(command=command):
                servers = [self.enterContext(Server("unchecked")) for _ in range(2)]
                with Caller(command, servers, CHECKED) as caller:
                    self.assertTrue(harness.wait_until(lambda: caller.calls(30) == ({"0"}, {0, 1})))

    def test_the_table_is_large_and_says_why_clients_differ(self):
        self.assertGreaterEqual(len(TABLE), 60)
        for each in TABLE:
            self.assertEqual(each.go != each.calls, bool(each.why), each.name)


def setUpModule():
    tools.path("retry-peers")  # skips the module if there is no Go to build it with


if __name__ == "__main__":
    harness.main()
