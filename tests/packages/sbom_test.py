"""The bill of materials of `make deb`, judged by spdx-tools; skipped where the packages are not built."""
import hashlib
import json
import unittest

import built
import foreign_clients
import harness



class Bill(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        (cls.path,) = built.FOLDER.glob("*.spdx.json")
        bill = json.loads(cls.path.read_text())
        cls.packages = {package["SPDXID"]: package for package in bill["packages"]}
        cls.relations = {(each["relationshipType"], cls.name(each["spdxElementId"]), cls.name(each["relatedSpdxElement"]))
                         for each in bill["relationships"]}

    @classmethod
    def name(cls, identifier):
        return cls.packages[identifier]["name"] if identifier in cls.packages else identifier

    def test_it_is_valid(self):
        python = foreign_clients.python_with("spdx")
        done = harness.run([python.parent / "pyspdxtools", "--infile", self.path])
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_it_has_the_sum_of_each_package(self):
        sums = {package["packageFileName"]: package["checksums"][0]["checksumValue"] for package in self.packages.values()
                if "packageFileName" in package}
        files = [path for path in built.FOLDER.glob("*.deb") if "-dbgsym_" not in path.name]
        self.assertEqual(len(sums), len(files) + 1)  # the source tarball
        for path in files:
            self.assertEqual(sums[path.name], hashlib.sha256(path.read_bytes()).hexdigest())

    def test_it_tells_what_the_programs_need_and_what_built_them(self):
        self.assertLessEqual({("DEPENDS_ON", "grpcd", "libssl3"), ("DEPENDS_ON", "libringrpc-dev", "libringrpc0.1"),
                              ("GENERATED_FROM", "grpcd", "ringrpc"), ("BUILD_DEPENDENCY_OF", "libcli11-dev", "ringrpc"),
                              ("BUILD_TOOL_OF", "clang-19", "ringrpc")}, self.relations)
        for package in self.packages.values():
            if package["supplier"] == "Organization: Debian" and package["name"] != "systemd":
                self.assertIn("versionInfo", package)
                self.assertIn(f"pkg:deb/debian/{package['name'].replace('+', '%2B')}@",
                              package["externalRefs"][0]["referenceLocator"])


if __name__ == "__main__":
    built.or_skip()
    harness.main()
