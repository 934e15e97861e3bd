"""The unit files, the default configuration and socket activation, judged by systemd's own tools."""
import ctypes
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
ORDINARY_USER = pathlib.Path(os.environ["SOURCE_ROOT"]) / "tests/ordinary_user.sh"
WAIT_S = 120

# Refuses all system calls but those in argv[1], with EPERM, and executes the rest of the arguments.
CONFINE = """
import ctypes, errno, os, sys
library = ctypes.CDLL("libseccomp.so.2")
library.seccomp_init.restype = ctypes.c_void_p
calls = ctypes.c_void_p(library.seccomp_init(0x00050000 | errno.EPERM))  # SCMP_ACT_ERRNO
numbers = [library.seccomp_syscall_resolve_name(name.encode()) for name in sys.argv[1].split(",")]
for number in numbers:
    if number >= 0:  # others are calls of other architectures
        assert library.seccomp_rule_add(calls, 0x7fff0000, number, 0) == 0  # SCMP_ACT_ALLOW
assert library.seccomp_load(calls) == 0
os.execv(sys.argv[2], sys.argv[2:])
"""


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


class Confinement(unittest.TestCase):
    """The system calls that the unit allows, enforced by the kernel as systemd would."""

    def allowed(self):
        """The names of the system calls after all lines of SystemCallFilter=, in which ~ removes (systemd.exec(5))."""
        sets, current = {}, None
        for line in output("systemd-analyze", "syscall-filter").stdout.splitlines():
            if line.startswith("@"):
                current = sets.setdefault(line.strip(), [])
            elif line.startswith(" ") and not line.strip().startswith("#"):
                current.append(line.strip())

        def calls(name):
            return set().union(*map(calls, sets[name])) if name.startswith("@") else {name}

        result = set()
        for line in re.findall(r"^SystemCallFilter=(.*)$", (FOLDER / "grpcd.service").read_text(), re.M):
            listed = set().union(*map(calls, line.removeprefix("~").split()))
            result = result - listed if line.startswith("~") else result | listed
        return result

    def serve(self, *launcher, flags=()):
        """Calls a grpcd that `launcher` executes with `flags`. Returns its backend, and the name, niceness and cores of each thread."""
        log = self.enterContext(tempfile.TemporaryFile())
        grpcd = subprocess.Popen([*launcher, GRPCD, "--listen", "127.0.0.1:0", *flags], env={"PATH": os.environ["PATH"]}, stderr=log)

        def until(found, problem):
            deadline = time.monotonic() + WAIT_S
            while not (result := found()):
                self.assertIsNone(grpcd.poll(), os.pread(log.fileno(), 10000, 0))
                self.assertLess(time.monotonic(), deadline, problem)
                time.sleep(0.01)
            return result

        def threads():
            """All threads, once the workers have given way to the others."""
            found = [(pathlib.Path(folder, "comm").read_text().strip(), os.getpriority(os.PRIO_PROCESS, int(folder.name)),
                      sorted(os.sched_getaffinity(int(folder.name))))
                     for folder in pathlib.Path(f"/proc/{grpcd.pid}/task").iterdir()]
            least = max(10, os.getpriority(os.PRIO_PROCESS, 0))
            workers = [niceness for name, niceness, _ in found if name == "worker"]
            return sorted(found) if workers and min(workers) >= least else None

        try:
            ready = until(lambda: re.search(r" ready on (\S+) \(.*, (.*)\)", os.pread(log.fileno(), 10000, 0).decode()),
                          "grpcd does not get ready")
            done = output(GRPCCLIENT, "demo", ready[1], env={})
            self.assertEqual(done.returncode, 0, done.stdout)
            return ready[2], until(threads, "the workers do not give way")
        finally:
            grpcd.terminate()
            self.assertEqual(grpcd.wait(WAIT_S), 0)

    def confine(self, names):
        """A launcher that allows only these system calls."""
        try:
            ctypes.CDLL("libseccomp.so.2")
        except OSError as error:
            self.skipTest(f"apt-get install libseccomp2: {error}")
        return sys.executable, "-B", "-c", CONFINE, ",".join(names)

    def test_it_takes_nothing_from_grpcd(self):
        self.assertEqual(self.serve(*self.confine(self.allowed())), self.serve())

    def test_it_takes_nothing_from_grpcd_in_its_sandbox(self):
        for launcher in (self.confine(self.allowed()), ()):
            self.assertEqual(self.serve(ORDINARY_USER, *launcher, flags=["--sandbox"])[0], self.serve()[0])

    def refused(self, *forbidden):
        """The error of grpcd in its sandbox, under the unit's filter without the calls `forbidden`."""
        done = output(ORDINARY_USER, *self.confine(self.allowed() - set(forbidden)), GRPCD, "--sandbox", "--listen", "127.0.0.1:0")
        self.assertEqual(done.returncode, 1, done.stdout)
        return done.stdout

    def test_a_filter_that_forbids_the_sandbox_is_named_with_the_remedy(self):
        self.assertRegex(self.refused("landlock_create_ruleset"),
                         r"^grpcd: --sandbox: .* Landlock: .* landlock_create_ruleset, .* SystemCallFilter= .*\n$")
        self.assertRegex(self.refused("landlock_restrict_self"), "--sandbox: Landlock: the rules are not taken: .* not permitted")
        self.assertRegex(self.refused("seccomp"), "--sandbox: the filter of system calls is refused: .*allow seccomp there")

    def test_it_allows_io_uring_and_nothing_that_changes_the_machine(self):
        names = self.allowed()
        self.assertLess({"io_uring_setup", "io_uring_enter", "io_uring_register"}, names)
        self.assertTrue(names.isdisjoint({"mount", "reboot", "bpf", "setuid", "sched_setscheduler"}))


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
        # Settings of TLS, tokens and the access log are refused without a certificate, keys and a file. Capitals are no default.
        stated = r"^#(?!tls-|allow-tls-|jwt-|access-log-)(?=[a-z-]+ = (?!\"?[A-Z]+\"?$))"
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
