"""The manifests of docs/deploy/kubernetes: kubernetes-validate judges them, grpcd reads their settings, and a pod that is
replaced as they say loses no call."""

import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest
import urllib.request

import foreign_clients
import harness

MANIFESTS = pathlib.Path(__file__).resolve().parents[2] / "docs/deploy/kubernetes"
SETTINGS = MANIFESTS / "grpcd.toml"
KUBERNETES = "1.37.0"
# What the Prometheus operator defines, and kustomize itself.
UNKNOWN_TO_KUBERNETES = {"kustomization.yaml", "pod_monitor.yaml"}
READ_YAML = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))"


def setUpModule():
    global python
    python = foreign_clients.python_with("kubernetes")


def validate(path):
    return harness.run([python.parent / "kubernetes-validate", "-k", KUBERNETES, "--strict", path])


def manifest(name):
    return json.loads(harness.run([python, "-c", READ_YAML, MANIFESTS / name]).stdout)


def seconds(setting):
    return int(re.search(rf'^{setting} = "(\d+)s"$', SETTINGS.read_text(), re.M)[1])


class Manifests(unittest.TestCase):
    def test_they_are_valid(self):
        judged = {path.name for path in MANIFESTS.glob("*.yaml")} - UNKNOWN_TO_KUBERNETES
        self.assertEqual(judged, set(manifest("kustomization.yaml")["resources"]))
        for name in sorted(judged):
            done = validate(MANIFESTS / name)
            self.assertEqual(done.returncode, 0, f"{name}: {done.stdout}")

    def test_an_unknown_field_would_be_found(self):
        with tempfile.TemporaryDirectory() as folder:
            wrong = pathlib.Path(folder, "deployment.yaml")
            wrong.write_text((MANIFESTS / "deployment.yaml").read_text().replace("runAsNonRoot", "runAsNobody"))
            self.assertNotEqual(validate(wrong).returncode, 0)

    def test_they_select_the_pods_of_the_deployment(self):
        labels = manifest("deployment.yaml")["spec"]["template"]["metadata"]["labels"]
        pods = manifest("deployment.yaml")["spec"]["template"]["spec"]
        self.assertEqual(manifest("service.yaml")["spec"]["selector"], labels)
        self.assertEqual(manifest("network_policy.yaml")["spec"]["podSelector"]["matchLabels"], labels)
        for selector in (manifest("deployment.yaml")["spec"]["selector"], manifest("disruption_budget.yaml")["spec"]["selector"],
                         manifest("pod_monitor.yaml")["spec"]["selector"],
                         *(spread["labelSelector"] for spread in pods["topologySpreadConstraints"])):
            self.assertEqual(selector["matchLabels"], labels)
        self.assertEqual(manifest("autoscaler.yaml")["spec"]["scaleTargetRef"]["name"],
                         manifest("deployment.yaml")["metadata"]["name"])

    def test_the_drain_has_the_time_that_it_needs(self):
        pod = manifest("deployment.yaml")["spec"]["template"]["spec"]
        sleep = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        self.assertGreater(pod["terminationGracePeriodSeconds"], sleep + seconds("drain-timeout"))

    def test_the_ports_are_those_of_the_settings(self):
        container = manifest("deployment.yaml")["spec"]["template"]["spec"]["containers"][0]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        for setting, name in {"listen": "grpc", "admin": "admin"}.items():
            self.assertIn(f'\n{setting} = "[::]:{ports[name]}"\n', SETTINGS.read_text())
        for probe in ("startupProbe", "readinessProbe"):
            self.assertEqual(container[probe]["grpc"]["port"], ports["grpc"])
        self.assertEqual(manifest("service.yaml")["spec"]["ports"][0]["port"], ports["grpc"])
        mount = container["volumeMounts"][0]["mountPath"]
        self.assertEqual(container["args"], ["--config", f"{mount}/{SETTINGS.name}"])


class Pod(harness.Daemon):
    """grpcd with the settings of a pod, at ports of this machine."""

    def __init__(self):
        ports = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-format", "text"]
        super().__init__([os.environ["GRPCD"], "--config", SETTINGS, *ports])

    def calls(self):
        """How many calls it has ended."""
        with urllib.request.urlopen(f"http://{self.admin_addresses[0]}/metrics", timeout=harness.RUN_SECONDS) as page:
            counts = re.findall(r'^grpc_server_handled_total{.*"Echo".*} (\d+)', page.read().decode(), re.M)
        return sum(map(int, counts))


class Replacement(unittest.TestCase):
    def test_it_loses_no_call(self):
        """Clients still have the address of the pod that ends, as when its endpoint is removed late."""
        with Pod() as old, Pod() as new:
            bench = subprocess.Popen(
                [os.environ["GRPCBENCH"], "--server", f"{old.address},{new.address}", "--lb", "round_robin", "--rate", "500",
                 "--duration", "10s", "--output", "json"], stdout=subprocess.PIPE, text=True, env={})
            try:
                self.assertTrue(harness.wait_until(lambda: old.calls() > 100))
                old.process.send_signal(signal.SIGTERM)
                self.assertEqual(old.process.wait(harness.STOP_SECONDS), 0)
                at_end = new.calls()
                self.assertTrue(harness.wait_until(lambda: new.calls() > at_end or bench.poll() is not None))
                results = json.loads(bench.communicate(timeout=harness.RUN_SECONDS)[0])
            finally:
                bench.kill()
                bench.wait()
        self.assertEqual((bench.returncode, results["failed"]), (0, 0), results)


if __name__ == "__main__":
    harness.main()
