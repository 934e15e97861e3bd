"""The operators' material in docs/operations: the alert rules pass their tests, and the runbook has an entry for each."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

OPERATIONS = pathlib.Path(os.environ["SOURCE_ROOT"]) / "docs/operations"
SECONDS = 300


def alerts():
    text = (OPERATIONS / "alerts.yaml").read_text()
    return re.findall(r"- alert: (\w+)\n(.*?)(?=\n\n|\Z)", text, re.DOTALL)


class Rules(unittest.TestCase):
    def setUp(self):
        self.promtool = shutil.which("promtool")
        if not self.promtool:
            self.skipTest("promtool (Debian package prometheus) is not installed")

    def run_on(self, *words):
        done = subprocess.run([self.promtool, *words], cwd=OPERATIONS, capture_output=True, text=True, timeout=SECONDS)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_promtool_accepts_the_rules(self):
        self.run_on("check", "rules", "--lint-fatal", "alerts.yaml")

    def test_the_tests_of_the_rules_pass(self):
        self.run_on("test", "rules", "alerts_test.yaml")


class Pages(unittest.TestCase):
    def test_each_alert_is_tested_and_has_an_entry_in_the_runbook(self):
        runbook = (OPERATIONS / "runbook.md").read_text()
        tests = (OPERATIONS / "alerts_test.yaml").read_text()
        self.assertGreater(len(alerts()), 10)
        for name, rule in alerts():
            with self.subTest(name):
                self.assertIn(f"\n## {name}\n", runbook)
                self.assertIn(f"runbook: docs/operations/runbook.md#{name.lower()}", rule)
                fires = rf"alertname: {name}\n\s+eval_time: \w+\n\s+exp_alerts:\n"
                self.assertRegex(tests, fires)

    def test_the_runbook_has_no_other_entries(self):
        entries = re.findall(r"^## (\w+)$", (OPERATIONS / "runbook.md").read_text(), re.MULTILINE)
        self.assertEqual(entries, [name for name, _ in alerts()])

    def test_the_pages_name_only_metrics_and_flags_that_exist(self):
        families = set()
        for names in re.findall(r"^\| `([a-z_`, ]+)`", (OPERATIONS / "../metrics.md").read_text(), re.MULTILINE):
            families |= set(names.split("`, `"))
        flags = set(re.findall(r"^\| `(--[a-z-]+)", (OPERATIONS / "../configuration.md").read_text(), re.MULTILINE))
        for page in ("README.md", "runbook.md", "profiling.md", "opentelemetry.md"):
            text = (OPERATIONS / page).read_text()
            named = set(re.findall(r"\b(?:grpc_(?:server|client)|ringrpc|grpcd|process)_[a-z_]+[a-z]", text))
            samples = {name for name in named if re.sub("_(bucket|count|sum)$", "", name) in families}
            self.assertEqual(named - families - samples, set(), page)
            if page == "runbook.md":
                self.assertGreater(len(named), 10)
                self.assertLessEqual(set(re.findall(r"`(--[a-z-]+)", text)), flags)

    def test_the_dashboard_shows_what_the_alerts_watch(self):
        watched = {metric for _, rule in alerts()
                   for metric in re.findall(r"\b(?:grpc_(?:server|client)|ringrpc|process)_\w+", rule.partition("for:")[0])}
        shown = (OPERATIONS / "dashboard.json").read_text()
        self.assertGreater(len(watched), 15)
        self.assertEqual({metric for metric in watched if not re.search(rf"\b{metric}\b", shown)}, set())

    def test_the_panels_of_the_dashboard_do_not_overlap(self):
        taken = set()
        panels = json.loads((OPERATIONS / "dashboard.json").read_text())["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        for panel in panels:
            at = panel["gridPos"]
            cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
            self.assertLessEqual(at["x"] + at["w"], 24)
            self.assertFalse(cells & taken, panel["title"])
            taken |= cells


if __name__ == "__main__":
    unittest.main(verbosity=2)
