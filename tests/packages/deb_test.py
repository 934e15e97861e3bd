"""The Debian packages of `make deb`: judged by lintian, and installed, upgraded under load and purged on a bare Debian that
systemd has booted. The test is skipped where they are not built."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import built
import harness
import machine

WAIT_S = 500


def output(*command, **more):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=WAIT_S, **more)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


def packages():
    """The packages by name, without those of debug symbols."""
    found = {output("dpkg-deb", "--field", path, "Package").strip(): path for path in sorted(built.FOLDER.glob("*.deb"))}
    return {name: path for name, path in found.items() if not name.endswith("-dbgsym")}


def dependencies(*names):
    """The names of the packages that these need, as in Depends: and Pre-Depends:."""
    lists = [output("dpkg-deb", "--field", packages()[name], field) for name in names for field in ("Depends", "Pre-Depends")]
    needed = {re.match(r"[\w.+-]+", entry.strip())[0] for each in lists for entry in each.split(",") if entry.strip()}
    return needed - set(packages())


class Packages(unittest.TestCase):
    def test_the_name_of_the_library_is_that_of_its_abi(self):
        (name,) = (name for name in packages() if name.startswith("libringrpc") and not name.endswith("-dev"))
        with tempfile.TemporaryDirectory() as folder:
            output("dpkg-deb", "--extract", packages()[name], folder)
            libraries = [path for path in pathlib.Path(folder).rglob("*.so.*") if not path.is_symlink()]
            self.assertEqual(len(libraries), 2)
            for library in libraries:
                soname = re.search(r"SONAME.*\[(.*)\]", output("readelf", "--dynamic", library))[1]
                self.assertEqual(soname.replace("libringrpc-testing", "libringrpc").replace(".so.", ""), name)

    def test_lintian_finds_no_error_and_no_warning(self):
        if not shutil.which("lintian"):
            self.skipTest("apt-get install lintian")
        (changes,) = built.FOLDER.glob("*.changes")
        done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", changes], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=WAIT_S)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_they_are_built_with_what_setup_installs(self):
        """Nothing else would notice a package that only this machine has."""
        group = re.search(r'\[build\]="([^"]*)"', (built.SOURCE / ".ci/setup").read_text())[1].split()
        control = (built.SOURCE / "docs/deploy/debian/control").read_text()
        listed = re.search(r"^Build-Depends:\n(( .*\n)*)", control, re.M)[1]
        of_the_source_tree = {"doctest-dev", "dpkg-dev", "libbenchmark-dev", "make", "ninja-build", "openssl"}
        self.assertEqual(set(re.findall(r"^ ([\w.+-]+)", listed, re.M)),
                         set(group) - of_the_source_tree | {"debhelper-compat", "python3"})

    def test_no_path_of_the_build_is_left_in_them(self):
        tree = str(next(built.FOLDER.glob("ringrpc-*/"))).encode()
        for name, path in packages().items():
            with tempfile.TemporaryDirectory() as folder:
                output("dpkg-deb", "--raw-extract", path, folder)
                for file in pathlib.Path(folder).rglob("*"):
                    if file.is_file() and not file.is_symlink():
                        self.assertNotIn(tree, file.read_bytes(), f"{name}: {file}")


class Installation(unittest.TestCase):
    """On a Debian that has what the packages of the programs depend on, and nothing else."""

    @classmethod
    def setUpClass(cls):
        root = machine.bare_debian(dependencies("grpcd", "ringrpc-tools"))
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        shared = cls.folder / "shared"
        shared.mkdir()
        for name in ("grpcd", "ringrpc-tools"):
            shutil.copy(packages()[name], shared / f"{name}.deb")
        cls.repack(shared / "grpcd.deb", shared / "newer.deb")
        cls.root, cls.shared = root, shared

    @classmethod
    def repack(cls, package, newer):
        """The same package with a greater version."""
        folder = cls.folder / "repacked"
        output("dpkg-deb", "--raw-extract", package, folder)
        control = folder / "DEBIAN/control"
        control.write_text(re.sub(r"^(Version: .*)$", r"\1+newer", control.read_text(), flags=re.M))
        output("dpkg-deb", "--build", "--root-owner-group", folder, newer)

    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.debian = self.enterContext(machine.Machine(self.root, self.shared, folder))
        self.debian.run("dpkg", "--install", "/shared/grpcd.deb", "/shared/ringrpc-tools.deb")

    def process(self):
        return int(self.debian.run("systemctl", "show", "--property=MainPID", "--value", "grpcd.service"))

    def test_it_serves_once_it_is_installed(self):
        self.assertEqual(self.debian.run("grpcclient", "health"), "SERVING\n")
        demo = self.debian.run("grpcclient", "demo")
        self.assertIn("1 MiB", demo)
        self.assertIn("ED25519", demo)
        self.assertEqual(self.debian.run("systemctl", "is-enabled", "grpcd.socket", "grpcd.service"), "enabled\nenabled\n")
        self.assertEqual(self.debian.run("stat", "--format=%A %U %G", "/etc/grpcd", "/etc/grpcd/grpcd.toml"),
                         "drwxr-x--- root grpcd\n-rw-r----- root grpcd\n")
        self.assertEqual(self.debian.run("stat", "--format=%U", f"/proc/{self.process()}"), "grpcd\n")
        self.assertRegex(self.debian.run("journalctl", "--unit=grpcd.service", "--no-pager"), r"ready on 127\.0\.0\.1:50051 ")

    def test_it_serves_in_its_sandbox(self):
        self.debian.run("sh", "-c", "echo 'sandbox = true' >>/etc/grpcd/grpcd.toml && systemctl restart grpcd")
        self.assertIn("ED25519", self.debian.run("grpcclient", "demo"))
        self.assertRegex(self.debian.run("journalctl", "--unit=grpcd.service", "--no-pager"),
                         r"grpcd is confined: \d+ system calls, files and TCP ports by Landlock \d+")

    def test_an_upgrade_under_load_loses_no_call(self):
        before = self.process()
        bench = self.debian.start("grpcbench", "--rate", "500", "--duration", "10s", "--output", "json")
        try:
            self.assertTrue(harness.wait_until(self.connected), "no connection")
            self.debian.run("dpkg", "--install", "/shared/newer.deb")
            self.assertIsNone(bench.poll(), "the load ended before the upgrade")
            printed, errors = bench.communicate(timeout=WAIT_S)
        finally:
            bench.kill()
            bench.wait()
        self.assertEqual((bench.returncode, json.loads(printed)["failed"]), (0, 0), errors + printed)
        self.assertNotEqual(self.process(), before)
        self.assertIn("+newer", self.debian.run("dpkg-query", "--show", "grpcd"))

    def connected(self):
        """True if grpcd has a connection: local port 50051, state ESTABLISHED."""
        rows = map(str.split, self.debian.run("cat", "/proc/net/tcp").splitlines()[1:])
        return any(local.endswith(f":{50051:X}") and state == "01" for _, local, _, state, *_ in rows)

    def test_an_upgrade_keeps_changed_settings(self):
        self.debian.run("sh", "-c", "echo 'log-level = \"debug\"' >>/etc/grpcd/grpcd.toml && systemctl restart grpcd")
        self.debian.run("dpkg", "--install", "/shared/newer.deb")
        self.assertIn('log-level = "debug"', self.debian.run("tail", "--lines=1", "/etc/grpcd/grpcd.toml"))
        self.assertEqual(self.debian.run("stat", "--format=%A %U %G", "/etc/grpcd/grpcd.toml"), "-rw-r----- root grpcd\n")
        self.assertEqual(self.debian.run("grpcclient", "health"), "SERVING\n")

    def test_removal_keeps_the_settings_and_purge_does_not(self):
        self.debian.run("dpkg", "--remove", "grpcd")
        self.assertEqual(self.debian.attempt("grpcclient", "health").returncode, 14)
        self.assertEqual(self.debian.run("ls", "/etc/grpcd"), "grpcd.toml\n")
        self.debian.run("dpkg", "--purge", "grpcd")
        left = self.debian.run("find", "/etc", "/lib/systemd", "/usr", "/var/lib/systemd", "/var/log", "-name", "*grpcd*")
        self.assertEqual(left, "")


class Development(unittest.TestCase):
    def test_a_program_is_built_with_the_packages_of_the_library_and_runs(self):
        """On this machine, which has a compiler, and whose changes vanish."""
        script = r"""
          dpkg --install /shared/*.deb >/dev/null
          cd /tmp
          protos=$(pkg-config --variable=protos ringrpc)
          protoc -I "$protos" --cpp_out=. --ringrpc_out=. grpc/health/v1/health.proto
          $CXX -I. $(pkg-config --cflags ringrpc) /shared/own_health.cc grpc/health/v1/*.cc -o shared $(pkg-config --libs ringrpc)
          $CXX -I. $(pkg-config --cflags ringrpc) /shared/own_health.cc grpc/health/v1/*.cc -o static \
            $(pkg-config --static --libs ringrpc | sed 's/-lringrpc/-l:libringrpc.a/')
          ./shared
          ./static
          objdump -p shared static | grep NEEDED.*libringrpc
          for library in $(pkg-config --static --libs-only-l ringrpc); do dpkg --search "*/lib${library#-l}.so" || true; done
        """
        with tempfile.TemporaryDirectory() as folder:
            shared = pathlib.Path(folder, "shared")
            shared.mkdir()
            for name, path in packages().items():
                if name.startswith("libringrpc"):
                    shutil.copy(path, shared)
            shutil.copy(built.SOURCE / "tests/install/own_health.cc", shared)
            said = machine.on_a_copy_of_this_machine(script, shared, folder, {"CXX": os.environ["CXX"]})
        self.assertEqual(re.findall("^SERVING$", said, re.M), ["SERVING"] * 2, said)
        self.assertEqual(re.findall(r"^ *NEEDED +(\S+)$", said, re.M), ["libringrpc.so.0.1"], said)
        linked = set(re.findall(r"^([\w.+-]+-dev):?.*: /", said, re.M)) - {"libc6-dev", "libringrpc-dev"}
        self.assertGreater(len(linked), 8, said)
        self.assertEqual(linked - dependencies("libringrpc-dev"), set())


if __name__ == "__main__":
    built.or_skip()
    harness.main()
