"""A virtual machine that runs one script: Debian's kernel, busybox, programs with their libraries, and a serial console.

    kernel = machine.kernel("linux-image-cloud-amd64")         # raises unittest.SkipTest if there is none
    text = machine.boot(kernel, ["build/apps/grpcd"], modules=["vsock"], script="grpcd --version")

The processor is emulated, so the machine needs no rights and no hardware. The kernel is unpacked from its package and never
installed. The machine has no network and no disk: its initial ramdisk contains its files, and its output comes through the
console. It ends when the script does.
"""

import glob
import lzma
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

FETCH_SECONDS = 1200
BOOT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
for module in {modules}; do insmod /modules/$module.ko || echo "insmod $module failed"; done
ip link set lo up
echo "booted Linux $(uname -r)"
. /script
poweroff -f
"""


def kernel(latest):
    """The folder of an unpacked kernel, the dependency of the package `latest`. Raises unittest.SkipTest, with the reason, if
    it is not available."""
    for program in ("qemu-system-x86_64", "busybox", "dpkg-deb", "apt-get", "ldd", "strip"):
        if not shutil.which(program):
            raise unittest.SkipTest(f"{program} is not installed; .ci/setup guest installs what is needed")
    if os.uname().machine != "x86_64":
        raise unittest.SkipTest("the guest is an x86-64 machine with this machine's programs")
    name = _present(latest)
    folder = pathlib.Path(os.environ["GUEST_DIR"]) / name
    if not folder.exists():
        _unpack(name, folder)
    return folder


def _present(latest):
    told = subprocess.run(["apt-cache", "depends", latest], capture_output=True, text=True)
    found = re.search(r"Depends: (linux-image-\S+)", told.stdout)
    if not found:
        raise unittest.SkipTest(f"apt-cache knows no {latest}; run apt-get update")
    return found[1]


def _unpack(name, folder):
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        fetched = subprocess.run(
            ["apt-get", "-q", "download", name], cwd=scratch, capture_output=True, text=True, timeout=FETCH_SECONDS
        )
        packages = glob.glob(scratch + "/*.deb")
        if not packages:
            raise unittest.SkipTest(f"{name} could not be fetched: {fetched.stderr.strip()}")
        subprocess.run(["dpkg-deb", "-x", packages[0], scratch + "/unpacked"], check=True)
        os.rename(scratch + "/unpacked", folder)


def boot(folder, programs, modules, script, timeout, files=()):
    """The output of the machine with the kernel in `folder`, until it powers off. `programs` are on its PATH, `files` in its
    /files. `modules` are loaded in that order. `script` is for busybox's shell."""
    with tempfile.TemporaryDirectory() as scratch:
        ramdisk = pathlib.Path(scratch) / "ramdisk"
        with open(ramdisk, "wb") as file:
            _fill(Archive(file), folder, programs, modules, script, files)
        command = [
            "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1536",
            "-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot",
            "-kernel", _only(folder / "boot", "vmlinuz-*"), "-initrd", ramdisk,
            "-append", "console=ttyS0 quiet panic=-1 mitigations=off cryptomgr.notests "
            # A busy machine delays the guest's processors, which must not count as a lock-up.
            "nowatchdog rcupdate.rcu_cpu_stall_suppress=1",
        ]  # fmt: skip
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout
        )
        return done.stdout.decode(errors="replace").replace("\r", "")


def _only(folder, pattern):
    (found,) = pathlib.Path(folder).rglob(pattern)
    return found


def _fill(archive, folder, programs, modules, script, files):
    for name in ("bin", "proc", "sys", "dev", "tmp", "modules"):
        archive.folder(name)
    archive.add("bin/busybox", pathlib.Path(shutil.which("busybox")).read_bytes(), executable=True)
    archive.add("init", BOOT.format(modules=" ".join(modules)).encode(), executable=True)
    archive.add("script", script.encode())
    for module in modules:
        archive.add(f"modules/{module}.ko", _module(folder, module))
    for program in programs:
        archive.add("bin/" + os.path.basename(program), _stripped(program), executable=True)
    for file in map(pathlib.Path, files):
        archive.add("files/" + file.name, file.read_bytes())
    for library in sorted({library for program in programs for library in _libraries(program)}):
        archive.add(library.lstrip("/"), pathlib.Path(library).read_bytes(), executable=True)
    archive.end()


def _module(folder, name):
    path = _only(folder / "lib/modules", name + ".ko*")
    return lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()


def _stripped(program):
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run(["strip", "-o", file.name, program], check=True)
        return pathlib.Path(file.name).read_bytes()


def _libraries(program):
    told = subprocess.run(["ldd", program], capture_output=True, text=True, check=True)
    return re.findall(r"(/\S+) \(0x", told.stdout)


class Archive:
    """A cpio archive in the kernel's format (Documentation/driver-api/early-userspace/buffer-format.rst)."""

    def __init__(self, file):
        self._file = file
        self._folders = set()

    def folder(self, name):
        if name in self._folders:
            return
        self._folders.add(name)
        self._entry(name, stat.S_IFDIR | 0o755, b"")

    def add(self, name, content, executable=False):
        parts = name.split("/")[:-1]
        for depth in range(len(parts)):
            self.folder("/".join(parts[: depth + 1]))
        self._entry(name, stat.S_IFREG | (0o755 if executable else 0o644), content)

    def end(self):
        self._entry("TRAILER!!!", 0, b"")

    def _entry(self, name, mode, content):
        encoded = name.encode() + b"\0"
        fields = (0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields)
        for part in (header + encoded, content):
            self._file.write(part + bytes(-len(part) % 4))
