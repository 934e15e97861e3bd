"""Projects outside the tree: installs ringrpc into an empty folder, builds projects against it, and runs their servers.

One project compiles the server in README (docs/examples/shout/shout.cc) by hand, with the flags from pkg-config. Others
build the guide's first project (docs/examples/station) with CMake, with Meson, and with Meson and this tree as a
subproject. One builds all examples with CMake.
"""

import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

import frames
import harness
from servers import free_port

BUILD = os.environ["BUILD_ROOT"]
SOURCE = pathlib.Path(os.environ["SOURCE_ROOT"])
EXAMPLES = SOURCE / "docs/examples"
LOOP = SOURCE / "tests/install/loop.cc"
OWN_HEALTH = SOURCE / "tests/install/own_health.cc"
OWN_CHANNELZ = SOURCE / "tests/install/own_channelz.cc"
LOOP_PROJECT = f"""cmake_minimum_required(VERSION 3.25)
project(loop CXX)
find_package(ringrpc REQUIRED)
add_executable(loop "{LOOP}")
target_link_libraries(loop PRIVATE ringrpc::ringrpc)
"""
UNIT_TESTS = ["fan_out_test", "testing"]
# The examples that need no other program and no input.
SELF_CONTAINED = ["at_once", "deadlines", "errors", "fan_out", "interceptors", "metadata", "secure", "streams", "work",
                  *UNIT_TESTS]
MESON = os.environ["MESON"]
SHARED = os.environ["LIBRARY"] == "shared"
BUILD_SECONDS = 1800


def attempt(command, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=BUILD_SECONDS, **options)


def run(command, **options):
    done = attempt(command, **options)
    if done.returncode != 0:
        raise AssertionError(f"{shlex.join(map(str, command))}\n{done.stdout}")
    return done.stdout


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.image = pathlib.Path(folder.name)
        run([MESON, "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", cls.image])
        for package in cls.image.rglob("ringrpc*.pc"):
            prefix = re.search("^prefix=(.*)$", package.read_text(), re.MULTILINE)[1]
            cls.prefix = cls.image / prefix.lstrip("/")
            package.write_text(package.read_text().replace(f"prefix={prefix}", f"prefix={cls.prefix}", 1))
        # Lets programs find libraries in a folder that ld.so does not search. It has no effect on static linking.
        cls.environment = {**os.environ, "PKG_CONFIG_PATH": str(package.parent),
                           "PATH": f"{cls.prefix / 'bin'}:{os.environ['PATH']}",
                           "LD_LIBRARY_PATH": str(package.parent.parent)}

    @classmethod
    def tearDownClass(cls):
        """`make uninstall` removes all files of the last installation, which is this one."""
        run(["ninja", "-C", BUILD, "uninstall"])
        left = [path for path in cls.image.rglob("*") if not path.is_dir()]
        if left:
            raise AssertionError(f"uninstall leaves {left[:5]}")

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def flags(self, *wanted, package="ringrpc"):
        """The output of pkg-config."""
        return shlex.split(run(["pkg-config", *wanted, package], env=self.environment))

    def compile(self, *arguments, package="ringrpc"):
        """Compiles a program by hand."""
        libraries = self.flags(*(["--libs"] if SHARED else ["--static", "--libs"]), package=package)
        run([*shlex.split(os.environ["CXX"]), *self.flags("--cflags", package=package), *arguments, *libraries])

    def compile_with_own(self, proto, source, *libraries):
        """Compiles a program with messages of its own, which are generated from an installed .proto file."""
        protos, plugin = self.flags("--variable=protos"), self.flags("--variable=plugin")
        root = pathlib.Path(tempfile.mkdtemp(dir=self.root))
        run(["protoc", "-I", *protos, f"--plugin=protoc-gen-ringrpc={plugin[0]}", f"--cpp_out={root}",
             f"--ringrpc_out={root}", proto])
        self.compile(f"-I{root}", source, *(root / proto).parent.glob("*.cc"), *libraries, "-o", root / "own")
        return root / "own"

    def configure(self, project, build, *options):
        """Configures a CMake project."""
        run(["cmake", "-S", project, "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}", *options], env=self.environment)

    def test_links_of_the_installed_pages_lead_to_installed_files(self):
        pages = sorted((self.prefix / "share/doc/ringrpc").rglob("*.md"))
        self.assertGreater(len(pages), 40)
        links = 0
        for page in pages:
            prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
            for link in re.findall(r"\]\(([^)#\s]+)", prose):
                if link.startswith(("https://", "http://")):
                    continue
                links += 1
                with self.subTest(page=page.name, link=link):
                    target = (page.parent / link).resolve()
                    self.assertTrue(target.exists(), "there is no such file")
                    self.assertTrue(target.is_relative_to(self.prefix.resolve()), "the link leaves the installation")
        self.assertGreater(links, 100)

    def test_each_program_has_a_man_page_and_completions(self):
        for program in ("grpcbench", "grpcclient", "grpcd"):
            for path in (f"man/man1/{program}.1", f"bash-completion/completions/{program}", f"zsh/site-functions/_{program}",
                         f"fish/vendor_completions.d/{program}.fish"):
                self.assertTrue((self.prefix / "share" / path).is_file(), path)

    def test_with_pkg_config_as_the_readme_says(self):
        root = self.root
        port = str(free_port())
        self.copy(EXAMPLES / "shout/shout.cc", root / "shout.cc", "50052", port)
        commands = re.search("\nIn a project of your own.*?```sh\n(.*?)```", (SOURCE / "README.md").read_text(), re.DOTALL)[1]
        commands, compilers = re.subn(r"^\S*\+\+\S* ", os.environ["CXX"] + " ", commands, flags=re.MULTILINE)
        self.assertEqual(compilers, 1, commands)
        run(["bash", "-ec", commands.replace("--static ", "") if SHARED else commands], cwd=root, env=self.environment)
        needed = run(["readelf", "--dynamic", root / "shout"])
        self.assertEqual("libringrpc.so" in needed, SHARED, needed)
        self.assertEqual("libnghttp2.so" in needed, not SHARED, needed)  # an internal dependency of the shared library
        with self.serving(root / "shout", port):
            with frames.Client(port) as client:
                client.open()
                self.shouts(client)
        with subprocess.Popen([root / "shout"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              env=self.environment) as without_terminal:
            try:
                self.assertEqual(without_terminal.stdout.readline(), f"listening on 127.0.0.1:{port}; Enter ends it\n")
                with frames.Client(port) as client:
                    client.open()
                    self.shouts(client)
                self.assertIsNone(without_terminal.poll())
            finally:
                without_terminal.kill()

    def test_pkg_config_gives_no_flags_that_users_do_not_need(self):
        given = [flag for flag in self.flags("--cflags") if flag.startswith(("-D", "-I"))]
        ours = [f"-I{self.prefix / 'include'}"]
        others = [flag for flag in given if "BOOST" in flag or flag == "-I/usr/include"]
        self.assertEqual(others, [], given)
        self.assertTrue(set(ours) <= set(given), given)

    def test_with_cmake(self):
        port = self.copy_station()
        self.configure(self.root, self.root / "build")
        run(["cmake", "--build", self.root / "build"], env=self.environment)
        self.asks(self.root / "build", port)

    def test_cmake_says_how_to_name_a_proto_file(self):
        self.copy_station()
        lists = self.root / "CMakeLists.txt"
        lists.write_text(lists.read_text().replace(" IMPORT_DIRS proto", ""))
        configured = attempt(["cmake", "-S", self.root, "-B", self.root / "build",
                              f"-DCMAKE_PREFIX_PATH={self.prefix}"], env=self.environment)
        self.assertNotEqual(configured.returncode, 0)
        self.assertIn("there is no 'weather/v1/weather.proto' below .", " ".join(configured.stdout.split()))

    def test_older_compilers_are_refused_with_the_remedy(self):
        compiler = shutil.which("g++")
        if not compiler or int(run([compiler, "-dumpversion"]).split(".")[0]) >= 14:
            self.skipTest("there is no g++ before 14 here")
        remedy = "apt-get install clang-19"
        (self.root / "use.cc").write_text('#include "ringrpc/task.h"\n')
        compiled = attempt([compiler, *self.flags("--cflags"), "-fsyntax-only", self.root / "use.cc"])
        self.assertNotEqual(compiled.returncode, 0)
        self.assertIn(remedy, compiled.stdout)
        self.copy_station()
        with_cmake = attempt(["cmake", "-S", self.root, "-B", self.root / "cmake", f"-DCMAKE_PREFIX_PATH={self.prefix}",
                              f"-DCMAKE_CXX_COMPILER={compiler}"], env=self.environment)
        self.assertNotEqual(with_cmake.returncode, 0)
        self.assertIn(remedy, " ".join(with_cmake.stdout.split()))
        of_the_library = attempt([MESON, "setup", self.root / "library", SOURCE], env={**os.environ, "CXX": compiler})
        self.assertNotEqual(of_the_library.returncode, 0)
        self.assertIn(remedy, of_the_library.stdout)

    def test_a_loop_of_tasks_needs_no_stack_without_optimization(self):
        loop = self.root / "loop"
        self.compile("-O0", LOOP, "-o", loop)
        run([loop], env=self.environment)

    def test_nor_with_cmake(self):
        (self.root / "CMakeLists.txt").write_text(LOOP_PROJECT)
        self.configure(self.root, self.root / "build", "-DCMAKE_CXX_FLAGS=-O0")
        run(["cmake", "--build", self.root / "build"], env=self.environment)
        run([self.root / "build/loop"], env=self.environment)

    def test_all_examples(self):
        """All projects are built at once; those that need no other program run. The unit tests are built by hand too."""
        shutil.copytree(EXAMPLES, self.root, dirs_exist_ok=True)
        secure = self.root / "secure/secure.cc"
        port = str(free_port())
        secure.write_text(secure.read_text().replace("50053", port)
                          .replace("/tmp/weather.sock", f"{self.root}/weather.sock"))
        build = self.root / "build"
        self.configure(self.root, build)
        run(["cmake", "--build", build, "--parallel", str(os.cpu_count())], env=self.environment)
        run([self.root / "secure/certificates"], cwd=self.root)
        for name in SELF_CONTAINED:
            with self.subTest(example=name):
                ended = run([build / name.removesuffix("_test") / name], cwd=self.root, env=self.environment)
                if name in UNIT_TESTS:
                    self.assertEqual(ended, "passed\n")
        generated = next(build.rglob("weather.ringrpc.cc"))
        folder = generated.parents[2]
        self.compile(f"-I{folder}", self.root / "testing/testing.cc", generated, folder / "weather/v1/weather.pb.cc",
                     "-o", self.root / "by-hand", package="ringrpc-testing")
        self.assertEqual(run([self.root / "by-hand"], env=self.environment), "passed\n")

    def test_each_example_is_a_project(self):
        projects = sorted(lists.parent for lists in EXAMPLES.glob("*/CMakeLists.txt"))
        folders = sorted(path for path in EXAMPLES.iterdir() if path.is_dir())
        self.assertEqual(projects, folders)
        page = (EXAMPLES / "README.md").read_text()
        for project in projects:
            with self.subTest(project=project.name):
                self.assertIn(f"]({project.name})", page)
                self.configure(project, self.root / project.name)

    def test_messages_that_the_library_has_too(self):
        """protobuf aborts a process that registers a message twice, or the two copies mix."""
        for source, proto, said in ((OWN_HEALTH, "grpc/health/v1/health.proto", "SERVING"),
                                    (OWN_CHANNELZ, "grpc/channelz/v1/channelz.proto", "1 server")):
            with self.subTest(proto=proto):
                own = self.compile_with_own(proto, source)
                self.assertEqual(run([own], env=self.environment).splitlines()[-1:], [said])

    def test_beside_grpc_cpp(self):
        """Its library does not disturb ours, nor ours it, unless it brings messages of the same names at another path."""
        if attempt(["pkg-config", "--exists", "grpc++"]).returncode != 0:
            self.skipTest("libgrpc++-dev is not installed")
        proto = "grpc/channelz/v1/channelz.proto"
        beside = self.compile_with_own(proto, OWN_CHANNELZ, "-Wl,--no-as-needed", "-lgrpc++", "-lgrpc")
        self.assertEqual(run([beside], env=self.environment).splitlines()[-1:], ["1 server"])
        clash = self.compile_with_own(proto, OWN_CHANNELZ, "-Wl,--no-as-needed", "-lgrpcpp_channelz", "-lgrpc++", "-lgrpc")
        aborted = attempt([clash], env=self.environment)
        self.assertEqual(aborted.returncode, -signal.SIGABRT, aborted.stdout)
        self.assertIn("GeneratedDatabase()->Add", aborted.stdout)

    def test_with_meson(self):
        """pkg-config says where the code generator is: the folder of the installed programs is not on PATH."""
        port = self.copy_station()
        run([MESON, "setup", self.root / "build", self.root], env={**self.environment, "PATH": os.environ["PATH"]})
        run(["ninja", "-C", self.root / "build"], env=self.environment)
        self.asks(self.root / "build", port)

    def test_as_a_subproject_of_meson(self):
        self.copy_station()
        (self.root / "subprojects").mkdir()
        tree = self.root / "subprojects/ringrpc"
        tree.mkdir()
        for part in ("meson.build", "meson_options.txt", "apps", "docs", "lib", "proto"):
            (tree / part).symlink_to(SOURCE / part)
        build = self.root / "build"
        run([MESON, "setup", "--wrap-mode=forcefallback", build, self.root])
        # Builds only what shows that the code generator is built before it is used, and that linking works.
        run(["ninja", "-C", build, "proto/weather/v1/weather.ringrpc.h"])
        inputs = run(["ninja", "-C", build, "-t", "query", "server"])
        self.assertIn("subprojects/ringrpc/lib/libringrpc.a", inputs)
        commands = json.loads((build / "compile_commands.json").read_text())
        server = next(each["command"] for each in commands if each["file"].endswith("server.cc"))
        self.assertIn("-foptimize-sibling-calls", server)

    def copy(self, source, target, port_there, port):
        """Replaces the example's port, which another program may be using here."""
        text = source.read_text()
        self.assertEqual(text.count(port_there), 1)
        target.write_text(text.replace(port_there, port))

    def copy_station(self):
        shutil.copytree(EXAMPLES / "station", self.root, dirs_exist_ok=True)
        port = str(free_port())
        for name in ("server.cc", "client.cc"):
            self.copy(EXAMPLES / "station" / name, self.root / name, "50053", port)
        return port

    def serving(self, program, port):
        return Serving(self, program, port)

    def asks(self, build, port):
        with self.serving(build / "server", port):
            # Without io_uring, an earlier record says so.
            said = run([build / "client"], env=self.environment)
            self.assertEqual(said.splitlines()[-1:], ["11.5 °C"], said)

    def shouts(self, client):
        def call(stream, path, request):
            body = bytes([0, 0, 0, 0, len(request)]) + request
            client.send(frames.headers(stream, frames.request(path)) + frames.data(stream, body, frames.END_STREAM))
            return client.read_until(lambda frame: frame.stream == stream and frame.type == frames.DATA).payload

        self.assertEqual(call(1, "/echo.v1.EchoService/Echo", b"\x0a\2hi"), b"\0\0\0\0\5\x0a\3hi!")
        self.assertEqual(call(3, "/grpc.health.v1.Health/Check", b""), b"\0\0\0\0\2\x08\1")  # SERVING
        listed = call(5, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", b"\x3a\0")  # list_services
        self.assertIn(b"echo.v1.EchoService", listed)


class Serving:
    """One of our servers while it runs: from the moment it listens until Enter has ended it successfully."""

    def __init__(self, test, program, port):
        self.test, self.program, self.port = test, program, port

    def __enter__(self):
        self.running = subprocess.Popen([self.program], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, env=self.test.environment)
        try:
            if not harness.wait_until(self.listens):
                self.test.fail(f"{self.program.name} did not listen on 127.0.0.1:{self.port}")
            return self
        except BaseException:
            self.end()
            raise

    def __exit__(self, kind, error, trace):
        try:
            self.running.communicate("\n", timeout=harness.STOP_SECONDS)
            if error is None:
                self.test.assertEqual(self.running.returncode, 0)
        finally:
            self.end()

    def listens(self):
        if self.running.poll() is not None:
            self.test.fail(self.running.stderr.read())
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True
        except ConnectionRefusedError:
            return False

    def end(self):
        self.running.kill()
        self.running.wait()


if __name__ == "__main__":
    if os.environ["SANITIZE"] != "none":
        print("skipped: what a sanitizer build installs needs the sanitizer")
        sys.exit(77)
    unittest.main(verbosity=2)
