"""The source tarball: the same bytes each time, all files of the commit, and enough to configure a build from."""
import hashlib
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["SOURCE_ROOT"])
MESON = os.environ["MESON"]
WAIT_S = 500


def run(*command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=WAIT_S, **more)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


class Tarball(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.tarball = cls.pack("one", TZ="UTC", umask=0o022)

    @classmethod
    def pack(cls, name, TZ, umask):
        run("make", "--silent", "-C", SOURCE, "dist", f"DIST={cls.folder / name}", env={**os.environ, "TZ": TZ}, umask=umask)
        (tarball,) = (cls.folder / name).glob("ringrpc-*.tar.xz")
        return tarball

    def test_it_has_the_same_bytes_each_time(self):
        again = self.pack("two", TZ="Asia/Tokyo", umask=0o077)
        self.assertEqual(again.read_bytes(), self.tarball.read_bytes())

    def test_its_sum_is_beside_it(self):
        said = self.tarball.with_name(self.tarball.name + ".sha256").read_text().split()
        self.assertEqual(said, [hashlib.sha256(self.tarball.read_bytes()).hexdigest(), self.tarball.name])

    def test_it_has_the_files_of_the_commit(self):
        top = self.tarball.name.removesuffix(".tar.xz")
        with tarfile.open(self.tarball) as packed:
            names = {entry.name.removeprefix(top + "/") for entry in packed if not entry.isdir()}
        tracked = set(run("git", "-C", SOURCE, "ls-tree", "-r", "--name-only", "-z", "HEAD").split("\0")) - {""}
        self.assertEqual(names, tracked)

    def test_a_build_can_be_configured_from_it(self):
        run("tar", "--extract", "--file", self.tarball, "--directory", self.folder)
        unpacked = self.folder / self.tarball.name.removesuffix(".tar.xz")
        run(MESON, "setup", "build", "--native-file", ".ci/clang.ini", "-Dbenchmarks=false", "-Dtests=false", cwd=unpacked)
        options = run(MESON, "introspect", "--projectinfo", "build", cwd=unpacked)
        self.assertIn(unpacked.name.removeprefix("ringrpc-"), options)


if __name__ == "__main__":
    if not (SOURCE / ".git").exists():
        print("skipped: the sources are not a git repository, so there is no commit to pack")
        sys.exit(77)
    unittest.main()
