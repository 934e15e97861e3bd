"""The container image that `.ci/image` makes of the packages of `make deb`: judged by skopeo, and run by podman, confined as the
manifests for Kubernetes confine it. The test is skipped where the packages are not built."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
import unittest

import built
import harness
import machine

BYTES_MAX = 25 << 20  # unpacked
IO_URING = {"io_uring_enter", "io_uring_register", "io_uring_setup"}
DEFAULT_PROFILE = pathlib.Path("/usr/share/containers/seccomp.json")
MAKER = built.SOURCE / ".ci/image"
CONFINED = ["--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges", "--network", "none"]
# podman here has neither an init nor the rights of a whole machine: no cgroups, no network, limits as they are.
STORE = ["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"]
WITHOUT_INIT = ["--cgroups", "disabled", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
# crun gives the container's user its standard streams, so podman has a /dev/null of its own.
NAMESPACE = machine.FUNCTIONS + """
devices /dev
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 none /sys/fs/cgroup
exec "$@"
"""


def need(*programs):
    missing = [name for name in programs if not shutil.which(name)]
    if missing:
        raise unittest.SkipTest(f"apt-get install {' '.join(missing)}")


def make(folder):
    done = harness.run([MAKER, built.FOLDER, folder])
    if done.returncode != 0:
        raise AssertionError(done.stdout)
    return done.stdout


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not DEFAULT_PROFILE.exists():
            raise unittest.SkipTest("apt-get install golang-github-containers-common")
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        make(cls.folder / "made")
        cls.layout = cls.folder / "made/grpcd"
        (cls.index,) = json.loads((cls.layout / "index.json").read_text())["manifests"]
        cls.manifest = cls.blob(cls.index)
        cls.config = cls.blob(cls.manifest["config"])
        (layer,) = cls.manifest["layers"]
        with tarfile.open(cls.path(layer)) as packed:
            cls.files = {entry.name: entry for entry in packed}

    @classmethod
    def path(cls, descriptor):
        return cls.layout / "blobs" / descriptor["digest"].replace(":", "/")

    @classmethod
    def blob(cls, descriptor):
        return json.loads(cls.path(descriptor).read_text())

    def test_it_has_the_same_bytes_each_time(self):
        make(self.folder / "again")
        again = json.loads((self.folder / "again/grpcd/index.json").read_text())["manifests"]
        self.assertEqual(again, [self.index])

    def test_it_is_small_and_has_no_shell(self):
        self.assertLess(sum(entry.size for entry in self.files.values()), BYTES_MAX)
        self.assertEqual({name for name in self.files if name.startswith("usr/bin/")}, {"usr/bin/grpcclient", "usr/bin/grpcd"})
        self.assertEqual({entry.mode & 0o6000 for entry in self.files.values()}, {0})

    def test_its_user_has_no_rights(self):
        self.assertEqual(self.config["config"]["User"], "65532:65532")
        self.assertEqual({(entry.uid, entry.gid) for entry in self.files.values()}, {(0, 0)})

    def test_skopeo_reads_it(self):
        need("skopeo")
        done = subprocess.run(["skopeo", "inspect", f"oci:{self.layout}"], capture_output=True, text=True, timeout=harness.RUN_SECONDS)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(json.loads(done.stdout)["Layers"], [self.manifest["layers"][0]["digest"]])

    def test_the_profile_is_the_default_one_and_three_calls(self):
        def allowed(profile):
            return {name for rule in profile["syscalls"] for name in rule["names"]
                    if rule["action"] == "SCMP_ACT_ALLOW" and not rule.get("includes") and not rule.get("args")}

        default = json.loads(DEFAULT_PROFILE.read_text())
        ours = json.loads((self.folder / "made/io_uring.json").read_text())
        self.assertEqual(allowed(ours) - allowed(default), IO_URING)
        self.assertEqual({name: ours[name] for name in ours if name != "syscalls"},
                         {name: default[name] for name in default if name != "syscalls"})
        self.assertEqual(ours["syscalls"][:-1], [{**rule, "names": [name for name in rule["names"] if name not in IO_URING]}
                                                 for rule in default["syscalls"]])


class Container(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        need("podman", "crun", "unshare")
        if os.geteuid() != 0:
            raise unittest.SkipTest("only root can run containers here")
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        make(cls.folder / "made")
        cls.podman = ["unshare", "--mount", "sh", "-ec", NAMESPACE, "sh", "podman", "--root", cls.folder / "root",
                      "--runroot", cls.folder / "run", *STORE]
        pulled = cls.run_podman("pull", f"oci:{cls.folder}/made/grpcd")
        cls.image = pulled.stdout.split()[-1]

    @classmethod
    def run_podman(cls, *words):
        done = harness.run([*cls.podman, *words])
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, words))}: {done.stdout}")
        return done

    def serves_on(self, profile):
        """Runs the image until it is ready, asks for its health, and stops it. Returns the kernel interface that it uses."""
        name = f"ringrpc-{os.getpid()}-{profile.stem}"
        began = time.monotonic()
        command = [*self.podman, "run", "--rm", "--name", name, *CONFINED, *WITHOUT_INIT, "--security-opt", f"seccomp={profile}",
                   self.image]
        with harness.Daemon(command) as container:
            print(f"ready after {(time.monotonic() - began) * 1000:.0f} ms, podman included")
            said = self.run_podman("exec", name, "grpcclient", "health")
            self.assertEqual(said.stdout, "SERVING\n")
            backend = re.search(r"\(\d+ shards?, (\w+)\)", container.text())[1]
        self.assertEqual(os.stat(os.devnull).st_uid, 0, "the container has taken this machine's /dev/null")
        return backend

    def test_the_default_profile_leaves_it_epoll(self):
        self.assertEqual(self.serves_on(DEFAULT_PROFILE), "epoll")

    def test_with_our_profile_it_uses_io_uring(self):
        with harness.Server() as outside:
            if "io_uring" not in outside.text():
                self.skipTest("this kernel has no io_uring")
        self.assertEqual(self.serves_on(self.folder / "made/io_uring.json"), "io_uring")


if __name__ == "__main__":
    built.or_skip()
    harness.main()
