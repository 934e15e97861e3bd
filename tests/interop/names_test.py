"""dnsmasq judges the look-ups of names: clients find grpcd behind a name, follow it when its addresses change, and say what is
wrong with a name that cannot be used."""

import contextlib
import getpass
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
import urllib.request

import harness

SECOND = "127.0.1.1"  # other tests call from 127.0.0.2, so any port there may be taken
METHOD = "echo.v1.EchoService/Echo"
REFUSED, UNKNOWN = "every name server", "no such name"


def setUpModule():
    global dnsmasq
    dnsmasq = shutil.which("dnsmasq", path=os.environ["PATH"] + ":/usr/sbin")
    if not dnsmasq:
        raise unittest.SkipTest("dnsmasq (Debian package dnsmasq-base) is not installed")


def free_dns_port():
    """A port of the loopback that is free for UDP and for TCP, below those for outgoing connections."""
    for port in range(20_000 + os.getpid() % 10_000, 32_000):
        with contextlib.suppress(OSError), socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


class NameServer(harness.Daemon):
    """dnsmasq with the names below test. that `set` gives it, each with a time to live of a second."""

    def __init__(self, folder):
        self.hosts = pathlib.Path(folder) / "hosts"
        self.hosts.write_text("")
        self.hosts.chmod(0o644)
        self.dns_port = free_dns_port()
        super().__init__(
            [dnsmasq, "--no-daemon", f"--port={self.dns_port}", "--listen-address=127.0.0.1", "--bind-interfaces",
             "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--pid-file", "--local-ttl=1", "--local=/test/",
             f"--addn-hosts={self.hosts}", f"--user={getpass.getuser()}"],
            ready=re.compile(r"(?P<addresses>read) \S+hosts"),
        )  # fmt: skip

    def set(self, **names):
        lines = [f"{address} {name}.test" for name, addresses in names.items() for address in addresses]
        before = len(self.log)
        self.hosts.write_text("\n".join(lines) + "\n")
        self.process.send_signal(signal.SIGHUP)
        if not self.says(f"{self.hosts}", after=before):
            raise AssertionError(f"dnsmasq did not read its names again:\n{self.text()}")

    def target(self, name, port):
        return f"dns://127.0.0.1:{self.dns_port}/{name}.test:{port}"


def calls_of(server):
    """The number of calls that a grpcd has answered."""
    with urllib.request.urlopen(f"http://{server.admin_addresses[0]}/metrics", timeout=harness.RUN_SECONDS) as page:
        counts = re.findall(r'^grpc_server_handled_total{[^}]*grpc_method="Echo"[^}]*} (\d+)', page.read().decode(), re.M)
    return sum(map(int, counts))


class Names(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.names = cls.enterClassContext(NameServer(cls.enterClassContext(tempfile.TemporaryDirectory())))
        cls.server = cls.enterClassContext(harness.Server("--admin", "127.0.0.1:0"))

    def echo(self, target):
        flags = ["--deadline", f"{harness.DEADLINE_SECONDS}s", "-d", '{"payload": "aGk="}']
        return harness.run([os.environ["GRPCCLIENT"], "call", target, METHOD, *flags])

    def test_a_name_with_both_families(self):
        self.names.set(orders=["127.0.0.1", "::1"])
        done = self.echo(self.names.target("orders", self.server.port))
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn('"aGk="', done.stdout)

    def test_a_name_in_a_list(self):
        self.names.set(orders=["127.0.0.1"])
        nowhere = self.names.target("nobody", 1)
        done = self.echo(f"{nowhere},{self.names.target('orders', self.server.port)}")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_more_addresses_than_fit_in_a_datagram(self):
        self.names.set(many=[f"127.0.{at // 100}.{1 + at % 100}" for at in range(300)])
        with harness.Server(listen=("0.0.0.0:0",)) as everywhere:
            done = self.echo(self.names.target("many", everywhere.port))
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_names_that_cannot_be_used(self):
        self.names.set(orders=["127.0.0.1"])
        self.assertIn(UNKNOWN, self.echo(self.names.target("nobody", 1)).stdout)
        elsewhere = f"dns://127.0.0.1:{self.names.dns_port}/orders.example.:1"
        self.assertIn(REFUSED, self.echo(elsewhere).stdout)

    def test_a_new_address_gets_calls_and_one_that_is_gone_gets_no_more(self):
        port = self.server.port
        self.names.set(fleet=["127.0.0.1"])
        with harness.Server("--admin", "127.0.0.1:0", listen=(f"{SECOND}:{port}",)) as second:
            command = [os.environ["GRPCBENCH"], "--server", self.names.target("fleet", port), "--lb", "round_robin",
                       "--rate", "100", "--duration", "1h", "--connections", "1"]  # fmt: skip
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as load:
                self.assertTrue(harness.wait_until(lambda: calls_of(self.server) > 0))
                self.assertEqual(calls_of(second), 0)
                self.names.set(fleet=["127.0.0.1", SECOND])
                self.assertTrue(harness.wait_until(lambda: calls_of(second) > 100))
                self.names.set(fleet=[SECOND])
                self.assertTrue(harness.wait_until(self.first_is_left))
                load.send_signal(signal.SIGINT)
                output = load.communicate(timeout=harness.STOP_SECONDS)[0]
        self.assertRegex(output, r"\nfailed +0\n")

    def first_is_left(self):
        """True once the first server gets no calls for some of the second's."""
        before = calls_of(self.server)
        harness.run(["sleep", "0.2"])
        return calls_of(self.server) == before


if __name__ == "__main__":
    harness.main()
