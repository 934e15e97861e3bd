"""A bare Debian that systemd boots in namespaces of its own, and whose changes vanish with it.

    root = machine.bare_debian(["libuv1"])       # made once by mmdebstrap
    with machine.Machine(root, shared, folder) as debian:
        debian.run("dpkg", "--install", "/shared/grpcd.deb")

It needs root, but no virtual machine. Its network has only a loopback interface.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import time
import unittest

import tools

WAIT_S = 300
BUILD_S = 1200
NEEDED = {"mmdebstrap": "mmdebstrap", "unshare": "util-linux", "nsenter": "util-linux", "ip": "iproute2"}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

SCRIPT = pathlib.Path(os.environ["SOURCE_ROOT"], ".ci/debian-root")
FUNCTIONS = SCRIPT.read_text()  # of the shell

# What the kernel has only once is read-only there: parameters in /proc/sys and devices in /sys.
BOOT = FUNCTIONS + """
mount -t tmpfs none "$FOLDER"
mkdir "$FOLDER/upper" "$FOLDER/work" "$FOLDER/root"
root=$FOLDER/root
mount -t overlay -o "lowerdir=$LOWER,upperdir=$FOLDER/upper,workdir=$FOLDER/work" none "$root"
mount -t proc none "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro none "$root/sys"
mount -t cgroup2 none "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 none "$root/run"
mount -t tmpfs -o mode=1777 none "$root/tmp"
devices "$root/dev"
mkdir "$root/shared"
touch "$root/dev/console"
mount --bind "$FOLDER.console" "$root/dev/console"
mount --bind "$SHARED" "$root/shared"
ip link set lo up
enter "$root" env -i container=ringrpc "PATH=$PATH" /lib/systemd/systemd --unit=multi-user.target
"""


def skip_unless_possible():
    if os.geteuid() != 0:
        raise unittest.SkipTest("only root can boot a Debian in namespaces")
    missing = sorted({package for program, package in NEEDED.items() if not shutil.which(program, path=PATH)})
    if missing:
        raise unittest.SkipTest(f"apt-get install {' '.join(missing)}")


def bare_debian(packages):
    """The root folder of a minimal Debian 12 with systemd and these packages, made now or earlier."""
    skip_unless_possible()
    wanted = ["dbus", "systemd", "systemd-sysv", *sorted(packages)]

    def build(folder):
        shutil.rmtree(folder / "root", ignore_errors=True)
        print("making a bare Debian, which may take some minutes", flush=True)
        made = subprocess.run(["sh", "-ec", FUNCTIONS + 'make_root bookworm "$@"', "sh", folder / "root", *wanted],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=BUILD_S)
        if made.returncode != 0:
            raise unittest.SkipTest(f"mmdebstrap failed: {made.stdout[-2000:]}")

    name = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:12]
    return tools.build_once(f"debian-{name}", [pathlib.Path(__file__), SCRIPT], build) / "root"


class Machine:
    def __init__(self, root, shared, folder):
        """`shared` appears as /shared. The machine is in `folder`, which must be empty."""
        self.folder = pathlib.Path(folder)
        self.environment = {"LOWER": str(root), "SHARED": str(shared), "FOLDER": str(self.folder / "machine"), "PATH": PATH}

    def __enter__(self):
        (self.folder / "machine").mkdir()
        (self.folder / "machine.console").touch()
        with open(self.folder / "machine.log", "w") as log:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--net", "--cgroup", "sh", "-ec", BOOT],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment, start_new_session=True)
        try:
            self._wait_until_booted()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()  # and, by --kill-child, all that runs in the machine
        self.process.wait()

    def _wait_until_booted(self):
        end = time.monotonic() + WAIT_S
        while True:
            booted = self.attempt("systemctl", "is-system-running")
            if booted.stdout.strip() in ("running", "degraded"):
                return
            if self.process.poll() is not None or time.monotonic() > end:
                log = (self.folder / "machine.log").read_text() + (self.folder / "machine.console").read_text()
                raise AssertionError(f"the machine did not boot ({booted.stdout}): {log}")
            time.sleep(0.1)

    def command(self, *words):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return ["nsenter", "--target", children[0] if children else "0", "--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup",
                "--root", "--wd", "env", "-i", f"PATH={PATH}", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", *words]

    def attempt(self, *words):
        """Runs a program in the machine to its end."""
        return subprocess.run(self.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=WAIT_S)

    def run(self, *words):
        """The same; it must succeed. Returns its output."""
        done = self.attempt(*words)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(words)}: {done.returncode}\n{done.stdout}")
        return done.stdout

    def start(self, *words):
        """Starts a program in the machine."""
        return subprocess.Popen(self.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True)


COPY = FUNCTIONS + """
mount -t tmpfs none "$FOLDER"
mkdir "$FOLDER/upper" "$FOLDER/work" "$FOLDER/root"
mount -t overlay -o "lowerdir=/,upperdir=$FOLDER/upper,workdir=$FOLDER/work" none "$FOLDER/root"
mount -t proc none "$FOLDER/root/proc"
devices "$FOLDER/root/dev"
mount -t tmpfs none "$FOLDER/root/tmp"
mkdir -p "$FOLDER/root/shared"
mount --bind "$SHARED" "$FOLDER/root/shared"
ip link set lo up
exec chroot "$FOLDER/root" sh -exc "$SCRIPT"
"""


def on_a_copy_of_this_machine(script, shared, folder, environment):
    """Runs a shell script where the packages of this machine are installed, and its changes vanish. Returns its output."""
    skip_unless_possible()
    place = pathlib.Path(folder, "copy")
    place.mkdir()
    settings = {**os.environ, **environment, "FOLDER": str(place), "SHARED": str(shared), "SCRIPT": script, "PATH": PATH}
    done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--net", "sh", "-ec", COPY], env=settings,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=BUILD_S)
    if done.returncode != 0:
        raise AssertionError(done.stdout)
    return done.stdout
