"""Kubernetes' probe finds the server and its services healthy, and reports unknown services."""

import harness
import tools


def setUpModule():
    global probe
    probe = tools.path("grpc-health-probe")


class HealthProbe(harness.ServerCase):
    def probe(self, *flags):
        timeouts = (f"-{kind}-timeout={harness.DEADLINE_SECONDS}s" for kind in ("connect", "rpc"))
        return harness.run([probe, *timeouts, *flags])

    def test_the_server_is_serving(self):
        answer = self.probe(f"-addr={self.server.address}")
        self.assertEqual((answer.returncode, answer.stdout.strip()), (0, "status: SERVING"))

    def test_the_server_is_serving_over_a_unix_socket(self):
        answer = self.probe(f"-addr=unix:{self.socket}")
        self.assertEqual((answer.returncode, answer.stdout.strip()), (0, "status: SERVING"))

    def test_a_service_is_serving(self):
        answer = self.probe(f"-addr={self.server.address}", "-service=echo.v1.EchoService")
        self.assertEqual((answer.returncode, answer.stdout.strip()), (0, "status: SERVING"))

    def test_an_unknown_service_is_not_found(self):
        answer = self.probe(f"-addr={self.server.address}", "-service=no.such.Service")
        self.assertEqual(answer.returncode, 3, answer.stdout)
        self.assertIn("NotFound", answer.stdout)


if __name__ == "__main__":
    harness.main()
