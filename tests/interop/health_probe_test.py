"""Kubernetes' probe finds the server and its services healthy, and reports unknown services. `grpcclient health` finds the
same as that probe, of grpcd and of gRPC-Go's health service."""

import os
import subprocess
import unittest

import certificates
import harness
import tools

# The exit statuses of grpcclient, and what grpc-health-probe exits with then.
SERVING, CANCELLED, DEADLINE_EXCEEDED, NOT_FOUND, UNIMPLEMENTED, UNAVAILABLE, NOT_SERVING = 0, 1, 4, 5, 12, 14, 69
OF_THE_PROBE = {SERVING: 0, DEADLINE_EXCEEDED: 3, NOT_FOUND: 3, UNIMPLEMENTED: 3, UNAVAILABLE: 2, NOT_SERVING: 4}


def setUpModule():
    global probe
    probe = tools.path("grpc-health-probe")


def run_probe(*flags, connect=f"{harness.DEADLINE_SECONDS}s", rpc=f"{harness.DEADLINE_SECONDS}s"):
    return harness.run([probe, f"-connect-timeout={connect}", f"-rpc-timeout={rpc}", *flags])


def grpcclient(*words):
    done = subprocess.run([os.environ["GRPCCLIENT"], "health", *map(str, words)], capture_output=True, text=True,
                          timeout=harness.RUN_SECONDS, env={})
    return done.returncode, done.stdout, done.stderr


class HealthProbe(harness.ServerCase):
    def test_the_server_is_serving(self):
        answer = run_probe(f"-addr={self.server.address}")
        self.assertEqual((answer.returncode, answer.stdout.strip()), (0, "status: SERVING"))
        self.assertEqual(grpcclient(self.server.address), (SERVING, "SERVING\n", ""))

    def test_the_server_is_serving_over_a_unix_socket(self):
        answer = run_probe(f"-addr=unix:{self.socket}")
        self.assertEqual((answer.returncode, answer.stdout.strip()), (0, "status: SERVING"))
        self.assertEqual(grpcclient(f"unix:{self.socket}"), (SERVING, "SERVING\n", ""))

    def test_a_service_is_serving(self):
        answer = run_probe(f"-addr={self.server.address}", "-service=echo.v1.EchoService")
        self.assertEqual((answer.returncode, answer.stdout.strip()), (0, "status: SERVING"))
        self.assertEqual(grpcclient(self.server.address, "echo.v1.EchoService"), (SERVING, "SERVING\n", ""))

    def test_an_unknown_service_is_not_found(self):
        answer = run_probe(f"-addr={self.server.address}", "-service=no.such.Service")
        self.assertEqual(answer.returncode, 3, answer.stdout)
        self.assertIn("NotFound", answer.stdout)
        status, output, error = grpcclient(self.server.address, "no.such.Service")
        self.assertEqual((status, output), (NOT_FOUND, ""))
        self.assertIn("NOT_FOUND", error)

    def test_a_watch_ends_when_the_server_shuts_down(self):
        with harness.Server() as server, Watch(server.address) as watch:
            self.assertEqual(watch.line(), "SERVING")
            server.process.terminate()
            self.assertEqual(watch.line(), "NOT_SERVING")
            self.assertEqual(watch.end()[0], UNAVAILABLE)
            server.process.wait(harness.STOP_SECONDS)  # a second signal would end it at once

    def test_over_tls(self):
        with certificates.Folder() as made:
            server = made.issue("server")
            flags = ("--tls-cert", str(server.certificate), "--tls-key", str(server.key))
            with harness.Server(*flags, listen=("tls+127.0.0.1:0",)) as running:
                address = running.address.removeprefix("tls+")
                self.assertEqual(run_probe(f"-addr={address}", "-tls", f"-tls-ca-cert={made.ca}").returncode, 0)
                self.assertEqual(grpcclient(address, "--tls-ca", made.ca), (SERVING, "SERVING\n", ""))
                status, output, error = grpcclient(f"tls+{address}")
                self.assertEqual((status, output), (UNAVAILABLE, ""))
                self.assertIn("--tls-ca FILE names the CAs to trust", error)

    def test_a_watch_is_only_for_health(self):
        done = harness.run([os.environ["GRPCCLIENT"], "list", self.server.address, "--watch"])
        self.assertEqual(done.returncode, 64)
        self.assertRegex(done.stdout, r"\Agrpcclient: --watch .* health\n\Z")


class GoServer:
    """gRPC-Go's health service, or with "reflecting-server" a server without one."""

    def __init__(self, program="health-server"):
        self.command = [tools.path(program)]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def set(self, line):
        print(line, file=self.process.stdin, flush=True)


class Watch:
    """`grpcclient health --watch` while it runs."""

    def __init__(self, *words):
        self.command = [os.environ["GRPCCLIENT"], "health", *words, "--watch"]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={})
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    def line(self):
        return self.process.stdout.readline().rstrip("\n")

    def end(self):
        """The exit status and standard error."""
        error = self.process.stderr.read()
        return self.process.wait(harness.STOP_SECONDS), error


class AgainstGo(unittest.TestCase):
    def agree(self, address, service, status, probe_flags=(), flags=(), **timeouts):
        """Both programs find the same, each in its own words. Returns the output of grpcclient."""
        probed = run_probe(f"-addr={address}", f"-service={service}", *probe_flags, **timeouts)
        found, output, error = grpcclient(address, *[service] * bool(service), *flags)
        self.assertEqual(found, status, error)
        self.assertEqual(probed.returncode, OF_THE_PROBE[status], probed.stdout)
        return output + error

    def test_each_outcome_has_its_status(self):
        with GoServer() as server:
            self.assertEqual(self.agree(server.address, "", SERVING), "SERVING\n")
            self.assertEqual(self.agree(server.address, "down", NOT_SERVING), "NOT_SERVING\n")
            self.assertEqual(self.agree(server.address, "no.such", NOT_FOUND),
                             "grpcclient: grpc.health.v1.Health/Check of 'no.such': NOT_FOUND: unknown service\n")
            late = self.agree(server.address, "silent", DEADLINE_EXCEEDED, flags=["--deadline", "300ms"], rpc="300ms")
            self.assertIn("DEADLINE_EXCEEDED", late)

    def test_a_server_without_a_health_service(self):
        with GoServer("reflecting-server") as server:
            self.assertIn("unknown service grpc.health.v1.Health", self.agree(server.address, "", UNIMPLEMENTED))

    def test_no_server(self):
        with GoServer() as server:
            address = server.address
        refused = self.agree(address, "", UNAVAILABLE, connect="300ms")
        self.assertRegex(refused, rf"\Agrpcclient: connect {address}: connection refused; .*\n\Z")

    def test_a_watch_shows_each_change(self):
        with GoServer() as server, Watch(server.address, "later.Service") as watch:
            self.assertEqual(watch.line(), "SERVICE_UNKNOWN")
            for state in ("SERVING", "NOT_SERVING", "SERVING"):
                server.set(f"later.Service {state}")
                self.assertEqual(watch.line(), state)
            server.set("end")
            status, error = watch.end()
            self.assertEqual(status, UNAVAILABLE, error)

    def test_a_watch_ends_at_its_deadline(self):
        """grpc-go's Watch ends with CANCELLED at its own deadline, which may be before ours."""
        with GoServer() as server, Watch(server.address, "--deadline", "1s") as watch:
            self.assertIn(watch.end()[0], (DEADLINE_EXCEEDED, CANCELLED))


if __name__ == "__main__":
    harness.main()
