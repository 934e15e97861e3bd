"""Other implementations read our metrics: Prometheus's promtool, and the strict OpenMetrics parser of prometheus_client."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import unittest

import certificates
import foreign_clients
import harness
from servers import free_port

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PAGE = os.environ["METRICS_PAGE"]
SECONDS = 300
ODD_VALUES = ["", 'a"b', "a\\b", "a\\", "a\nb", 'a,b="c"}', "# EOF", "\u00e9"]


def page(*arguments):
    printed = subprocess.run([PAGE, *arguments], capture_output=True, text=True, check=True, timeout=SECONDS)
    return printed.stdout


def read_page(server, accept="text/plain"):
    """The page of a grpcd."""
    admin = http.client.HTTPConnection(server.admin_addresses[0], timeout=SECONDS)
    with contextlib.closing(admin):
        admin.request("GET", "/metrics", headers={"Accept": accept})
        return admin.getresponse().read().decode()


def grpcd_page(accept="text/plain"):
    """That of grpcd with TLS and JSON Web Tokens, and with telemetry for a collector that is not there."""
    with certificates.Folder() as made:
        own = made.issue("server")
        issuer = made.path / "issuer.pem"
        subprocess.run(["openssl", "pkey", "-in", own.key, "-pubout", "-out", issuer], check=True, timeout=SECONDS)
        flags = ("--tls-cert", own.certificate, "--tls-key", own.key, "--tls-client-ca", made.ca, "--telemetry",
                 "--jwt-keys", issuer, "--jwt-issuer", "issuer", "--jwt-audience", "grpcd")  # fmt: skip
        absent = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
        with harness.Server("--admin", "127.0.0.1:0", *flags, environment=absent) as server:
            return read_page(server, accept)


class Promtool(unittest.TestCase):
    """`promtool check metrics` prints what it dislikes, and fails."""

    def setUp(self):
        self.promtool = shutil.which("promtool")
        if not self.promtool:
            self.skipTest("promtool (Debian package prometheus) is not installed")

    def check(self, text):
        command = [self.promtool, "check", "metrics"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=SECONDS)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_it_accepts_the_page_of_a_server(self):
        self.check(page("prometheus"))

    def test_it_accepts_the_page_of_grpcd(self):
        self.check(grpcd_page())

    def test_it_accepts_odd_values(self):
        self.check(page("prometheus", "odd"))


class StrictParser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.python = foreign_clients.python_with("openmetrics")

    def parse(self, text):
        command = [self.python, "-B", HERE / "openmetrics" / "parse.py"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=SECONDS)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_it_reads_the_page_of_a_server(self):
        samples = self.parse(page("openmetrics"))
        values = {(name, labels.get("grpc_method"), labels.get("grpc_code"), labels.get("le")): value
                  for _, _, _, name, labels, value in samples}
        self.assertEqual(values["grpc_server_started_total", "Echo", None, None], 20)
        self.assertEqual(values["grpc_server_handled_total", "Echo", "OK", None], 20)
        self.assertEqual(values["grpc_server_handled_total", "unknown", "Unimplemented", None], 20)
        self.assertEqual(values["grpc_server_handling_seconds_count", "Echo", None, None], 20)
        self.assertEqual(values["grpc_server_handling_seconds_bucket", "Sleep", None, "0.002"], 0)
        self.assertGreaterEqual(values["grpc_server_handling_seconds_sum", "Sleep", None, None], 0.003)
        self.assertEqual(values["ringrpc_server_call_sent_bytes_sum", "Echo", None, None], 100)
        self.assertEqual(values["grpc_client_started_total", "Echo", None, None], 20)
        self.assertEqual(values["grpc_client_handled_total", "Echo", "OK", None], 20)
        self.assertEqual(values["grpc_client_handled_total", "Missing", "Unimplemented", None], 20)
        self.assertEqual(values["grpc_client_msg_sent_total", "Fail", None, None], 20)
        self.assertEqual(values["grpc_client_handling_seconds_count", "Echo", None, None], 20)
        self.assertIn(("ringrpc_server_goaways_sent_total", None, None, None), values)
        self.assertIn(("ringrpc_shard_turns_total", None, None, None), values)
        self.assertIn(("ringrpc_client_connects_total", None, None, None), values)
        self.assertIn(("ringrpc_shard_turn_seconds_count", None, None, None), values)
        self.assertIn(("ringrpc_client_call_wait_seconds_total", None, None, None), values)
        units = {family: unit for family, _, unit, *_ in samples if unit}
        self.assertEqual(units["grpc_server_handling_seconds"], "seconds")
        self.assertEqual(units["ringrpc_server_call_received_bytes"], "bytes")
        types = {family: type for family, type, *_ in samples}
        self.assertEqual(types["ringrpc_build"], "info")
        self.assertEqual(types["process_resident_memory_bytes"], "gauge")

    def test_the_documentation_has_every_family_and_no_other(self):
        documented = set(re.findall(r"^\| `([a-z_`, ]+)`", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE))
        documented = {name for names in documented for name in names.split("`, `")}
        with certificates.Folder() as made:
            written = page("prometheus", made.ca) + grpcd_page()
        self.assertEqual(set(re.findall(r"^# TYPE (\S+)", written, re.MULTILINE)), documented)

    def test_it_reads_the_page_of_grpcd(self):
        samples = self.parse(grpcd_page("application/openmetrics-text"))
        expiry = "ringrpc_server_tls_certificate_not_after_timestamp_seconds"
        expires = {(labels["use"], labels["subject"]): value for _, _, _, name, labels, value in samples if name == expiry}
        self.assertEqual(set(expires), {("server", "CN=server"), ("client_ca", "CN=ca")})
        for at in expires.values():
            self.assertTrue(time.time() < at < time.time() + 3 * 86400)
        signatures = [labels for _, _, _, name, labels, _ in samples if name == "grpcd_signatures_total"]
        self.assertLessEqual({"ED25519", "RSA_PSS_SHA256"}, {labels["algorithm"] for labels in signatures})

    def test_it_reads_the_exemplar_of_a_sampled_call(self):
        trace_id = "0af7651916cd43dd8448eb211c80319c"
        absent = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
        with harness.Server("--admin", "127.0.0.1:0", "--telemetry", environment=absent) as server:
            done = harness.run([os.environ["GRPCCLIENT"], "call", server.address, "echo.v1.EchoService/Echo",
                                "--header", f"traceparent: 00-{trace_id}-b7ad6b7169203331-01"])  # fmt: skip
            self.assertEqual(done.returncode, 0, done.stdout)
            samples = self.parse(read_page(server, "application/openmetrics-text"))
        ((name, (labels, seconds)),) = [(name, exemplar) for _, _, _, name, labels, _, *exemplar in samples
                                        if exemplar and labels["grpc_method"] == "Echo"]
        self.assertEqual(name, "grpc_server_handling_seconds_bucket")
        self.assertEqual(labels["trace_id"], trace_id)
        self.assertRegex(labels["span_id"], "^[0-9a-f]{16}$")
        self.assertTrue(0 < seconds < SECONDS)

    def test_it_reads_odd_values(self):
        samples = self.parse(page("openmetrics", "odd"))
        self.assertEqual([labels["value"] for _, _, _, name, labels, _ in samples if name == "odd_total"], ODD_VALUES)

    def test_it_refuses_a_page_without_its_end(self):
        command = [self.python, "-B", HERE / "openmetrics" / "parse.py"]
        text = page("openmetrics", "odd").removesuffix("# EOF\n")
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=SECONDS)
        self.assertNotEqual(done.returncode, 0)


if __name__ == "__main__":
    sys.exit(unittest.main())
