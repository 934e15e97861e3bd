"""The unit files, the default configuration and socket activation, judged by systemd's own tools."""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from servers import free_port

FOLDER = pathlib.Path(os.environ["SOURCE_ROOT"]) / "docs/deploy/systemd"
GRPCD, GRPCCLIENT = os.environ["GRPCD"], os.environ["GRPCCLIENT"]
WAIT_S = 120


def output(*command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=WAIT_S, **more)


def help_text():
    return subprocess.run([GRPCD, "--help"], env={}, check=True, capture_output=True, text=True, timeout=WAIT_S).stdout


class Units(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.service = self.folder / "grpcd.service"
        self.service.write_text((FOLDER / "grpcd.service").read_text().replace("/usr/bin/grpcd", GRPCD))
        shutil.copy(FOLDER / "grpcd.socket", self.folder)

    def test_systemd_finds_nothing_to_say_about_them(self):
        done = output("systemd-analyze", "verify", "--man=no", self.service, self.folder / "grpcd.socket")
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_an_unknown_key_would_be_found(self):
        self.service.write_text(self.service.read_text().replace("UMask=", "Umask="))
        done = output("systemd-analyze", "verify", "--man=no", self.service)
        self.assertIn("Umask", done.stdout)

    def test_the_service_is_exposed_by_at_most_two_points(self):
        done = output("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", self.service)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_user_is_created(self):
        (self.folder / "etc").mkdir()
        done = output("systemd-sysusers", f"--root={self.folder}", FOLDER / "sysusers.conf")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("\ngrpcd:", "\n" + (self.folder / "etc/passwd").read_text())


class Configuration(unittest.TestCase):
    def test_the_default_file_agrees_with_the_help(self):
        made = output(sys.executable, "-B", FOLDER / "default_config.py", input=help_text())
        self.assertEqual(made.stdout, (FOLDER / "grpcd.toml").read_text(),
                         "run: build/apps/grpcd --help | docs/deploy/systemd/default_config.py >docs/deploy/systemd/grpcd.toml")

    def test_it_has_every_flag(self):
        flags = set(re.findall(r"^  --([a-z-]+)", help_text(), re.M)) - {"config", "version"}
        keys = set(re.findall(r"^#?([a-z-]+) = ", (FOLDER / "grpcd.toml").read_text(), re.M))
        self.assertEqual(keys, flags)


class Activation(unittest.TestCase):
    def serve(self, text):
        """Calls grpcd, which reads the configuration `text`, through a socket of systemd-socket-activate; then drains it."""
        folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        (folder / "grpcd.toml").write_text(text)
        address = f"127.0.0.1:{free_port()}"
        environment = {"PATH": os.environ["PATH"]}
        with open(folder / "log", "w+") as log:
            grpcd = subprocess.Popen(["systemd-socket-activate", "-l", address, GRPCD, "--config", folder / "grpcd.toml"],
                                     stdout=log, stderr=log, env=environment)
            try:
                deadline = time.monotonic() + WAIT_S
                while "Listening" not in (folder / "log").read_text() and grpcd.poll() is None:
                    self.assertLess(time.monotonic(), deadline, "systemd-socket-activate does not listen")
                    time.sleep(0.01)
                done = output(GRPCCLIENT, "list", address, env=environment)
                self.assertEqual(done.returncode, 0, done.stdout + (folder / "log").read_text())
                grpcd.send_signal(signal.SIGTERM)
                self.assertEqual(grpcd.wait(WAIT_S), 0, (folder / "log").read_text())
            finally:
                grpcd.kill()
                grpcd.wait()

    def test_the_default_file_serves_on_the_sockets_of_systemd(self):
        self.serve((FOLDER / "grpcd.toml").read_text())

    def test_the_defaults_that_the_file_states_are_valid_values(self):
        # Settings of TLS and of the access log are refused without a certificate and a file. Capitals are no default.
        stated = r"^#(?!tls-|allow-tls-|access-log-)(?=[a-z-]+ = (?!\"?[A-Z]+\"?$))"
        text, settings = re.subn(stated, "", (FOLDER / "grpcd.toml").read_text(), flags=re.M)
        self.assertGreater(settings, 20)
        self.serve(text)

    def test_a_connection_made_between_two_processes_is_served_by_the_second(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def start():
                grpcd = subprocess.Popen([GRPCD, "--listen", f"fd:{listener.fileno()}"], pass_fds=[listener.fileno()], env={},
                                         stderr=subprocess.DEVNULL)
                self.addCleanup(grpcd.wait)
                self.addCleanup(grpcd.kill)
                return grpcd

            address = f"127.0.0.1:{listener.getsockname()[1]}"
            first = start()
            self.assertEqual(output(GRPCCLIENT, "list", address, env={}).returncode, 0)
            first.send_signal(signal.SIGTERM)
            self.assertEqual(first.wait(WAIT_S), 0)
            with socket.create_connection(listener.getsockname(), timeout=WAIT_S) as client:
                client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
                start()
                self.assertEqual(client.recv(4)[3:], b"\x04", "not SETTINGS, with which a server begins")


if __name__ == "__main__":
    for tool in ("systemd-analyze", "systemd-socket-activate", "systemd-sysusers"):
        if not shutil.which(tool):
            print(f"SKIPPED: there is no {tool}; apt-get install systemd")
            sys.exit(77)
    unittest.main()
