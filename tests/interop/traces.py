"""Calls that pass through several programs, and the traces that a receiver of OTLP must have of them.

    calls = traces.Chain(folder, receiver.address)
    calls.go_client_relay_go_server()
    traces.check(case, receiver.spans(), ["client", "relay", "server"])

A chain is a client, our relay (docs/examples/relay) and a server. Each exports its own spans, with its role as the name of
the service.
"""

import os
import pathlib
import re
import subprocess

import harness
import otlp

CALLS = 3
METHOD = "echo.v1.EchoService.Echo"
RELAYS = re.compile(r"relays (\S+) to ")


class Relay:
    """docs/examples/relay. `address` is where it listens."""

    def __init__(self, upstream, environment):
        self.command = [os.environ["RELAY"], "--telemetry", "127.0.0.1:0", upstream]
        self.environment = {**os.environ, **environment}

    def __enter__(self):
        self.process = subprocess.Popen(self.command, env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.address = RELAYS.match(self.process.stdout.readline())[1]
        return self

    def __exit__(self, *_):
        self.process.communicate("\n", timeout=harness.STOP_SECONDS)
        if self.process.returncode != 0:
            raise AssertionError(f"the relay ended with {self.process.returncode}")


class Chain:
    def __init__(self, folder, receiver):
        self.folder = pathlib.Path(folder)
        self.receiver = receiver

    def go_server(self):
        return harness.Daemon([otlp.peer(), "serve", self.folder / "server.json"], ready=otlp.LISTENING,
                              environment=self._environment("server"))

    def our_server(self):
        return harness.Server("--telemetry", environment=self._environment("server"))

    def relay(self, upstream):
        return Relay(upstream, self._environment("relay"))

    def go_client(self, address):
        self._run([otlp.peer(), "call", self.folder / "client.json", address, CALLS])

    def our_client(self, address):
        self._run([os.environ["CALLER"], address, CALLS])

    def call(self, client, server):
        """Calls `server` with `client` through the relay, and ends all of them."""
        with server() as serving, self.relay(serving.address) as relay:
            client(relay.address)

    def _environment(self, service):
        return otlp.environment(self.receiver, service)

    def _run(self, command):
        done = harness.run(command, env={**os.environ, **self._environment("client")})
        if done.returncode != 0:
            raise AssertionError(f"{command} failed:\n{done.stdout}")


def check(case, spans):
    """Each call of METHOD is one trace: call and attempt of the client, the relay's call in and its call and attempt out,
    and the server's call, each with the span before as its parent."""
    chain = [("client", "Sent"), ("client", "Attempt"), ("relay", "Recv"), ("relay", "Sent"), ("relay", "Attempt"),
             ("server", "Recv")]
    traces = {}
    for span in spans:
        if span["name"].endswith(METHOD):
            traces.setdefault(span["trace"], []).append(span)
    case.assertEqual(len(traces), CALLS)
    for trace, members in traces.items():
        case.assertEqual(len(members), len(chain), members)
        by_name = {(span["service"], span["name"].partition(".")[0]): span for span in members}
        parent = ""
        for place in chain:
            case.assertIn(place, by_name, members)
            case.assertEqual(by_name[place]["parent"], parent, f"{place} of {members}")
            parent = by_name[place]["id"]
