"""Checks that includes point downward: a source of lib sees its own folder and those that lib/meson.build enters before it."""
import os
import pathlib
import re
import unittest

ROOT = pathlib.Path(os.environ["SOURCE_ROOT"])
LIB = ROOT / "lib"

# The only folder of each library's headers.
HOMES = {"nghttp2/": "lib/http2", "boost/": "lib/http1", "liburing": "lib/reactor/uring", "sys/epoll.h": "lib/reactor/epoll"}
SIDES = {"rpc/server", "rpc/client"}


def subfolders(folder: str) -> list[str]:
    """The folders that this folder's meson.build enters, from the lowest up; then the folder itself."""
    build = (LIB / folder / "meson.build").read_text()
    return [str(pathlib.PurePath(folder, name)) for name in re.findall(r"^subdir\('(.+)'\)", build, re.MULTILINE)] + [folder]


ORDER = [folder for layer in subfolders("")[:-1] for folder in (subfolders("rpc") if layer == "rpc" else [layer])]


def room(file: str) -> str | None:
    """The folder in ORDER that contains this file; None for files outside of lib."""
    return next((str(folder) for folder in pathlib.PurePath(file).parents if str(folder) in ORDER), None)


def fault(source: str, include: str) -> str | None:
    """Why this source of lib or apps must not include this header."""
    for header, home in HOMES.items():
        if include.startswith(header) and not source.startswith(home + "/"):
            return f"only {home} includes {header}"
    here, there = room(source.removeprefix("lib/")), room(include)
    if not source.startswith("lib/") or there is None:
        return None
    if here is None or ORDER.index(there) > ORDER.index(here):
        return f"{there} is above {here}"
    if {here, there} == SIDES:
        return "the server and the client do not know each other"
    return None


class Includes(unittest.TestCase):
    def test_includes_point_downward(self):
        checked = 0
        for file in sorted([*LIB.rglob("*.h"), *LIB.rglob("*.cc"), *(ROOT / "apps").rglob("*.h"), *(ROOT / "apps").rglob("*.cc")]):
            source = str(file.relative_to(ROOT))
            for include in re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', file.read_text(), re.MULTILINE):
                with self.subTest(source=source, include=include):
                    checked += 1
                    self.assertIsNone(fault(source, include))
        self.assertGreater(checked, 1000)

    def test_faults_are_found(self):
        self.assertIn("rpc/connection is above rpc/channelz", fault("lib/rpc/channelz/a.cc", "rpc/connection/b.h"))
        self.assertIn("services is above rpc/server", fault("lib/rpc/server/a.cc", "services/b.h"))
        self.assertIn("do not know each other", fault("lib/rpc/client/a.cc", "rpc/server/b.h"))
        self.assertIn("rpc/client is above rpc/server", fault("lib/rpc/server/a.cc", "rpc/client/b.h"))
        self.assertIn("only lib/http2", fault("apps/grpcd/a.cc", "nghttp2/nghttp2.h"))
        self.assertIn("only lib/reactor/uring", fault("lib/reactor/a.cc", "liburing.h"))
        self.assertIsNone(fault("lib/rpc/server/a.cc", "reactor/uring/b.h"))


if __name__ == "__main__":
    unittest.main()
