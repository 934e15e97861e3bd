"""gRPC's interop test cases between our client and servers of other implementations, and reports of failed cases."""

import unittest

import certificates
import harness
import peers
import tools


def setUpModule():
    tools.path("server")  # skips the module if there is no Go to build it with


class GoServer(peers.Pair):
    @classmethod
    def peers(cls):
        return peers.our_client(), peers.go_server()


class GoServerOverTls(peers.Pair):
    @classmethod
    def peers(cls):
        made = cls.enterClassContext(certificates.Folder())
        return peers.our_client(made), peers.go_server(made)


peers.add_cases(GoServer)
peers.add_cases(GoServerOverTls)


class Flags(unittest.TestCase):
    def client(self, *flags):
        return harness.run([*peers.our_client(), *flags])

    def test_a_test_authority_must_be_given(self):
        done = harness.run([peers.our_client()[0], "--use_tls=true", "--use_test_ca=true", "--test_case=empty_unary"])
        self.assertEqual(done.returncode, 1)
        self.assertIn("--use_test_ca: give the test's CA with --ca_file", done.stdout)

    def test_flags_for_missing_features_may_be_empty(self):
        names = ("additional_metadata", "custom_credentials_type", "default_service_account", "oauth_scope",
                 "service_account_key_file", "service_config_json")  # fmt: skip
        where = ["--server_host=127.0.0.1", "--server_port=1", "--test_case=empty_unary"]
        done = self.client(*(f"--{name}=" for name in names), *where)
        self.assertIn("interop_client empty_unary: UNAVAILABLE", done.stdout)
        for name in names:
            with self.subTest(name):
                done = self.client(f"--{name}=some", *where)
                self.assertEqual(done.returncode, 1)
                self.assertIn(f"--{name}: this program does not support it; leave it empty", done.stdout)

    def test_an_unknown_case_is_refused(self):
        done = self.client("--test_case", "no_such_case")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no test case is named no_such_case", done.stdout)

    def test_an_unreachable_server_fails_the_case(self):
        done = self.client("--server_host", "127.0.0.1", "--server_port", "1", "--test_case", "empty_unary")
        self.assertEqual(done.returncode, 1)
        self.assertIn("interop_client empty_unary: UNAVAILABLE: connect 127.0.0.1:1", done.stdout)

    def test_a_failed_soak_is_reported(self):
        where = ["--server_host=127.0.0.1", "--server_port=1"]
        done = self.client(*where, "--test_case=rpc_soak", "--soak_iterations=4", "--soak_max_failures=3")
        self.assertEqual(done.returncode, 1)
        self.assertIn("4 iterations failed, 3 may", done.stdout)
        done = self.client(*where, "--test_case=rpc_soak", "--soak_iterations=4", "--soak_max_failures=4")
        self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    harness.main()
