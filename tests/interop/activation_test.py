"""Sockets that are open before grpcd runs, and the messages to its supervisor: as with systemd, without systemd."""

import os
import socket
import sys
import tempfile
import unittest

import harness

# Opens a socket on a port and one on a path, and then executes grpcd with them as descriptors 3 and 4.
LAUNCH = """
import fcntl, os, socket, sys
port = socket.create_server(("127.0.0.1", 0))
path = socket.socket(socket.AF_UNIX)
if os.path.exists(sys.argv[1]):
    os.unlink(sys.argv[1])
path.bind(sys.argv[1])
path.listen()
for number, listening in ((3, fcntl.fcntl(port, fcntl.F_DUPFD, 10)), (4, fcntl.fcntl(path, fcntl.F_DUPFD, 10))):
    os.dup2(listening, number, inheritable=True)
    os.close(listening)
os.environ["LISTEN_PID"] = str(os.getpid() + int(os.environ.get("PID_OFFSET", "0")))
os.execv(sys.argv[2], sys.argv[2:])
"""


class Activation(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.path = self.folder + "/grpcd.sock"

    def command(self, *listen):
        flags = [word for address in listen for word in ("--listen", address)]
        return [sys.executable, "-c", LAUNCH, self.path, os.environ["GRPCD"], "--shards", "2", *flags]

    def serve(self, *listen, **environment):
        return harness.Daemon(self.command(*listen), environment=environment)

    def refused(self, *listen, **environment):
        done = harness.run(self.command(*listen), env={**os.environ, **environment})
        self.assertEqual(done.returncode, 1, done.stdout)
        return done.stdout

    def assertServes(self, address):
        done = harness.run([os.environ["GRPCCLIENT"], "demo", address])
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_all_sockets_are_served(self):
        with self.serve("systemd", LISTEN_FDS="2") as server:
            self.assertEqual(len(server.addresses), 2)
            self.assertRegex(server.addresses[0], r"^127\.0\.0\.1:[1-9]\d*$")
            self.assertEqual(server.addresses[1], "unix:" + self.path)
            for address in server.addresses:
                self.assertServes(address)
        self.assertTrue(os.path.exists(self.path), "a socket's file is its owner's to remove")

    def test_a_socket_is_chosen_by_its_name(self):
        with self.serve("systemd:path", LISTEN_FDS="2", LISTEN_FDNAMES="port:path") as server:
            self.assertEqual(server.addresses, ["unix:" + self.path])
            self.assertServes(server.address)

    def test_other_addresses_may_be_added(self):
        with self.serve("systemd", "127.0.0.1:0", LISTEN_FDS="1") as server:
            self.assertEqual(len(server.addresses), 2)
            for address in server.addresses:
                self.assertServes(address)

    def test_a_descriptor_by_its_number(self):
        with self.serve("fd:4") as server:
            self.assertEqual(server.addresses, ["unix:" + self.path])
            self.assertServes(server.address)

    def test_without_sockets_the_error_says_so(self):
        self.assertIn("listen on systemd: no socket was passed to this process", self.refused("systemd"))
        self.assertIn("no socket was passed", self.refused("systemd", LISTEN_FDS="0"))
        self.assertIn("no socket was passed", self.refused("systemd", LISTEN_FDS="nonsense"))
        named = self.refused("systemd:other", LISTEN_FDS="2", LISTEN_FDNAMES="port:path")
        self.assertIn("no socket named other was passed", named)

    def test_the_sockets_of_another_process_are_not_used(self):
        self.assertIn("no socket was passed", self.refused("systemd", LISTEN_FDS="2", PID_OFFSET="1"))

    def test_a_socket_that_does_not_listen_is_refused(self):
        remedy = "; give the number of a listening socket that the program's parent process has opened\n"
        self.assertIn("listen on fd:0: it is not a socket" + remedy, self.refused("fd:0"))
        self.assertIn("listen on fd:99: it is not open" + remedy, self.refused("fd:99"))


class Notification(unittest.TestCase):
    def told(self, name):
        """The messages of a grpcd, from its start to its end, to a supervisor that listens on `name`."""
        address = "\0" + name[1:] if name.startswith("@") else name
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
            supervisor.bind(address)
            supervisor.settimeout(harness.START_SECONDS)
            command = [os.environ["GRPCD"], "--listen", "127.0.0.1:0", "--shards", "1"]
            with harness.Daemon(command, environment={"NOTIFY_SOCKET": name}):
                ready = supervisor.recv(1000)
            return [ready, supervisor.recv(1000)]

    def test_ready_and_stopping_are_reported(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(self.told(folder + "/notify"), [b"READY=1", b"STOPPING=1"])
        self.assertEqual(self.told(f"@ringrpc-test-{os.getpid()}"), [b"READY=1", b"STOPPING=1"])

    def test_a_lost_supervisor_is_logged_and_does_no_harm(self):
        command = [os.environ["GRPCD"], "--listen", "127.0.0.1:0", "--shards", "1"]
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/notify"
            with harness.Daemon(command, environment={"NOTIFY_SOCKET": path}) as server:
                pass
        self.assertIn(f"warning NOTIFY_SOCKET {path}: No such file or directory", server.text())


if __name__ == "__main__":
    harness.main()
