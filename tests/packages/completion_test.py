"""The completions that the build makes from the help of the programs, executed by bash, zsh and fish."""
import os
import pathlib
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["SOURCE_ROOT"]) / "docs/from_help"))
import help_text

PROGRAMS = {pathlib.Path(path).name: path for path in os.environ["PROGRAMS"].split(":")}
MADE = [pathlib.Path(path) for path in os.environ["MADE"].split(":")]
WAIT_S = 120


def output(*command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=WAIT_S, env={}, **more)


def parts(program):
    return help_text.read(output(PROGRAMS[program], "--help").stdout)


def script(name):
    """The completion in the file of that name: grpcd for bash, grpcd.fish, _grpcd for zsh."""
    return next(path for path in MADE if path.name == name)


def need(shell):
    if not shutil.which(shell):
        raise unittest.SkipTest(f"apt-get install {shell}")


def completed_by_bash(line):
    """What bash offers for the last word of `line`, in which words are split as bash does."""
    words = re.findall(r"[=:]|[^\s=:]+", line) + [""] * (line[-1:] in " =:")
    if line.endswith(("=", ":")):
        words.pop()  # the sign itself is the word that bash completes
    code = f"""source {shlex.quote(str(script(words[0])))}
      COMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1}
      _{words[0]} && printf '%s\\n' "${{COMPREPLY[@]}}" """
    return output(shutil.which("bash"), "--norc", "-c", code).stdout.split()


def completed_by_fish(line):
    code = f"source {shlex.quote(str(script(line.split()[0] + '.fish')))}; complete -C {shlex.quote(line)}"
    done = subprocess.run(["fish", "--no-config", "-c", code], capture_output=True, text=True, timeout=WAIT_S,
                          env={"HOME": "/nonexistent", "PATH": os.environ["PATH"]})
    return [line.split("\t")[0] for line in done.stdout.splitlines()]


class Completions(unittest.TestCase):
    """The same expectations of bash and of fish. Each offers the words that can follow, in an order of its own."""

    def check(self, completed):
        flags = {name for flag in parts("grpcd").flags for name in flag.names if name.startswith("--")}
        for line, words in {
            "grpcclient ": {"list", "describe", "call", "health", "demo"},
            "grpcclient de": {"describe", "demo"},
            "grpcclient --address 127.0.0.1:50051 c": {"call"},
            "grpcclient call --comp": {"--compress", "--compact"},
            "grpcclient call --compress z": {"zstd"},
            "grpcclient --deadline ": set(),
            "grpcd --io ": {"uring", "epoll", "auto"},
            "grpcd --listen ": set(),
            "grpcd --tls-min-version 1.": {"1.2", "1.3"},
            "grpcd --generate-key p": {"p256", "p384"},
            "grpcd --": flags,
            "grpcbench --lb ": {"pick_first", "round_robin", "least_request"},
            "grpcbench -o ": {"text", "json", "csv"},
        }.items():
            with self.subTest(line=line):
                self.assertEqual(set(completed(line)), words)

    def check_files(self, completed):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("server.pem", "clients.pem"):
                (pathlib.Path(folder) / name).touch()
            self.assertEqual(completed(f"grpcd --tls-cert {folder}/c"), [f"{folder}/clients.pem"])

    def test_by_bash(self):
        self.check(completed_by_bash)
        self.check_files(completed_by_bash)

    def test_by_bash_after_an_equals_sign(self):
        self.assertEqual(set(completed_by_bash("grpcd --io=")), {"uring", "epoll", "auto"})
        self.assertEqual(completed_by_bash("grpcd --io=ur"), ["uring"])
        self.assertEqual(completed_by_bash("grpcclient --io=uring l"), ["list"])

    def test_by_fish(self):
        need("fish")
        self.check(completed_by_fish)
        self.check_files(completed_by_fish)

    def test_by_zsh_at_a_terminal(self):
        need("zsh")
        with tempfile.TemporaryDirectory() as folder:
            for program in PROGRAMS:
                shutil.copy(script(f"_{program}"), folder)
            setup = f"PS1='> ' fpath=({shlex.quote(folder)} $fpath); autoload -Uz compinit; compinit -u -D; echo re''ady\n"
            with Terminal(["zsh", "-f", "-i"], {"HOME": folder, "PATH": os.environ["PATH"], "TERM": "dumb"}) as zsh:
                zsh.send(setup)
                zsh.until("ready")
                for line, added in {"grpcd --io u": "ring", "grpcd --io=e": "poll", "grpcd --drain": "-timeout=",
                                    "grpcclient des": "cribe", "grpcclient --address 127.0.0.1:50051 c": "all",
                                    "grpcclient call --compress z": "std", "grpcbench -o j": "son"}.items():
                    with self.subTest(line=line):
                        zsh.send(line + "\t")
                        zsh.until(line + added)
                        zsh.send("\x15")  # Ctrl-U empties the line

    def test_each_program_has_one_for_each_shell_without_errors_of_syntax(self):
        forms = {"bash": "{}", "fish": "{}.fish", "zsh": "_{}"}
        self.assertEqual({path.name for path in MADE}, {form.format(name) for name in PROGRAMS for form in forms.values()})
        for shell, form in forms.items():
            if shutil.which(shell):
                for name in PROGRAMS:
                    done = output(shutil.which(shell), "-n", script(form.format(name)))
                    self.assertEqual((done.returncode, done.stdout), (0, ""))
            else:
                print(f"SKIPPED: {shell} (apt-get install {shell})")


class Terminal:
    """A program at a terminal of its own."""

    def __init__(self, command, environment):
        self.shown = ""
        self.master, slave = pty.openpty()
        self.child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True)
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        os.close(self.master)

    def send(self, text):
        os.write(self.master, text.encode())

    def until(self, text):
        """Reads until the terminal shows `text`, and forgets what it has shown."""
        deadline = time.monotonic() + WAIT_S
        while text not in self.shown:
            if not select.select([self.master], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"no {text!r} in {self.shown!r}")
            self.shown += os.read(self.master, 4096).decode(errors="replace")
        self.shown = ""


class Choices(unittest.TestCase):
    """The words that the help lists as values are those that the program names when it refuses another one."""

    def test_they_are_those_that_the_programs_name(self):
        checked = 0
        for program, path in PROGRAMS.items():
            for flag in parts(program).flags:
                if not flag.choices or flag.long == "--generate-key":  # whose error names no "none"
                    continue
                command = ["list"] if program == "grpcclient" else []
                refused = output(path, *command, flag.long, "no-such-value").stdout
                named = re.search(r"; choose (.*)", refused)
                self.assertTrue(named, f"{program} {flag.long}: {refused}")
                self.assertEqual(set(re.split(", | or ", named[1])), set(flag.choices), f"{program} {flag.long}")
                checked += 1
        self.assertGreater(checked, 15)


if __name__ == "__main__":
    unittest.main()
