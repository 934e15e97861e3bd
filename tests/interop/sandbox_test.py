"""grpcd in its sandbox: what the kernel says about its threads, the user that it becomes, and its errors."""

import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import unittest

import harness


def threads(process):
    """What the kernel says about each thread."""
    for status in pathlib.Path(f"/proc/{process.pid}/task").glob("*/status"):
        yield dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)


def root():
    return os.geteuid() == 0


def load(server):
    done = harness.run([os.environ["GRPCBENCH"], "--server", server.address, "--requests", "20000"])
    assert done.returncode == 0, done.stdout


@unittest.skipIf(root(), "root is refused; sandbox-sandboxed runs this as another user")
class Sandbox(unittest.TestCase):
    def test_every_thread_is_confined_under_load(self):
        with harness.Server("--sandbox") as server:
            load(server)
            confined = list(threads(server.process))
            self.assertGreater(len(confined), 2)
            for thread in confined:
                self.assertEqual(thread["Seccomp"], "2", thread)  # a filter
                self.assertEqual(thread["NoNewPrivs"], "1", thread)
            self.assertRegex(server.text(), r"grpcd is confined: \d+ system calls")

    def test_nothing_is_confined_without_the_flag(self):
        with harness.Server(environment={"RINGRPC_SANDBOX": "false"}) as server:
            self.assertEqual({thread["Seccomp"] for thread in threads(server.process)}, {"0"})
            self.assertNotIn("confined", server.text())

    def test_a_socket_in_the_file_system_is_made_and_removed(self):
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/grpcd.sock"
            with harness.Server("--sandbox", listen=("unix:" + path,)) as server:
                load(server)
            self.assertFalse(os.path.exists(path))

    def test_a_drain_ends_idle_connections_and_the_listener(self):
        with harness.Server("--sandbox") as server:
            with socket.create_connection(("127.0.0.1", server.port), timeout=harness.RUN_SECONDS) as client:
                server.process.send_signal(signal.SIGTERM)
                while client.recv(4096):
                    pass
                self.assertTrue(harness.wait_until(lambda: "drained" in server.text()))


@unittest.skipUnless(root(), "only root can become another user")
class SandboxOfRoot(unittest.TestCase):
    def refused(self, *flags, environment=None):
        done = harness.run(
            [os.environ["GRPCD"], "--listen", "127.0.0.1:0", *flags], env={**os.environ, **(environment or {})}
        )
        self.assertEqual(done.returncode, 1, done.stdout)
        return done.stdout

    def test_it_becomes_another_user_once_it_listens(self):
        with tempfile.TemporaryDirectory() as folder:
            key = folder + "/signing.key"
            subprocess.run(["openssl", "genpkey", "-algorithm", "ED25519", "-out", key], check=True)
            with harness.Server("--user", "nobody", "--sandbox", "--key", key) as server:
                load(server)
                for thread in threads(server.process):
                    self.assertEqual(set(thread["Uid"].split()), {"65534"})
                    self.assertEqual(set(thread["Gid"].split()), {"65534"})
                    self.assertEqual(int(thread["CapEff"], 16), 0)
                self.assertIn("confined: user nobody, ", server.text())

    def test_root_is_refused_and_told_to_name_a_user(self):
        remedy = "root's rights go beyond what a sandbox takes away; name an ordinary user with --user\n"
        self.assertEqual(self.refused("--sandbox"), "grpcd: --sandbox: " + remedy)
        self.assertEqual(self.refused("--sandbox", "--user", "root"), "grpcd: --sandbox: " + remedy)
        self.assertEqual(self.refused(environment={"RINGRPC_SANDBOX": "true"}), "grpcd: environment: RINGRPC_SANDBOX: " + remedy)

    def test_capabilities_of_an_ordinary_user_stay(self):
        drop = "setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps +net_bind_service --ambient-caps +net_bind_service"
        command = [*drop.split(), os.environ["GRPCD"], "--sandbox", "--listen", "127.0.0.1:0"]
        with harness.Daemon(command) as server:
            self.assertEqual({int(thread["CapEff"], 16) for thread in threads(server.process)}, {1 << 10})


class Users(unittest.TestCase):
    def test_an_unknown_user_is_an_error(self):
        done = harness.run([os.environ["GRPCD"], "--user", "no-such-user", "--listen", "127.0.0.1:0"])
        self.assertEqual(done.returncode, 1)
        self.assertIn("--user: this system has no user no-such-user", done.stdout)


if __name__ == "__main__":
    harness.main()
