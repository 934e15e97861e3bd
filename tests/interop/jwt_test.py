"""grpcd --jwt-keys, with good and bad tokens of PyJWT and jwcrypto, and with keys that change."""

import concurrent.futures
import json
import os
import pathlib
import shutil
import tempfile
import unittest
import urllib.request

import foreign_clients
import harness
from token_flood import TokenFlood

HERE = pathlib.Path(__file__).resolve().parent
ECHO = "echo.v1.EchoService/Echo"
RULES = ("--jwt-issuer", "https://login.example.org", "--jwt-audience", "routes", "--jwt-leeway", "5m")
ROOM = ("--max-header-list-size", "64K")
UNAUTHENTICATED = 16


def setUpModule():
    global folder
    python = foreign_clients.python_with("jwt")
    made = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(made.cleanup)
    folder = pathlib.Path(made.name)
    done = harness.run([python, "-B", HERE / "jwt" / "issuer.py", folder])
    if done.returncode != 0:
        raise AssertionError(f"the issuer failed:\n{done.stdout}")


def call(server, token, method=ECHO):
    header = [f"--header=authorization: Bearer {token}"] if token is not None else []
    return harness.run(
        [os.environ["GRPCCLIENT"], "call", server.address, method, "--deadline", harness.DEADLINE_SECONDS, *header]
    )


def cases():
    return json.loads((folder / "cases.json").read_text())


def metrics(server):
    with urllib.request.urlopen(f"http://{server.admin_addresses[0]}/metrics", timeout=harness.RUN_SECONDS) as response:
        return response.read().decode()


def good_token():
    return next(case["token"] for case in cases() if case["name"] == "RS256 with key rsa")


class Tokens(unittest.TestCase):
    def test_every_verdict_is_right(self):
        keys = ("--jwt-keys", folder / "jwks.json")
        # Tokens that are valid for some minutes are the first.
        ordered = sorted(cases(), key=lambda case: "leeway" not in case["name"])
        with harness.Server(*keys, *RULES, *ROOM, "--admin", "127.0.0.1:0") as server:
            with concurrent.futures.ThreadPoolExecutor(4) as callers:
                done = list(callers.map(lambda case: (case, call(server, case["token"])), ordered))
            page = metrics(server)
        wrong = []
        for case, answer in done:
            right = answer.returncode == (UNAUTHENTICATED if case["refusal"] else 0) and case["refusal"] in answer.stdout
            if not right:
                wrong.append(f"{case['name']}: want {case['refusal'] or 'OK'}, got {answer.returncode}: {answer.stdout}")
        self.assertEqual(wrong, [], f"{len(wrong)} of {len(done)} verdicts")
        self.assertGreaterEqual(sum(bool(case["refusal"]) for case, _ in done), 200)
        for cause in ("malformed", "algorithm", "key", "signature", "issuer", "audience", "expired", "not_yet_valid"):
            self.assertRegex(page, rf'ringrpc_jwt_refused_total{{cause="{cause}"}} [1-9]')

    def test_only_the_given_algorithms(self):
        keys = ("--jwt-keys", folder / "jwks.json", "--jwt-algorithm", "ES256", "--jwt-algorithm", "EdDSA")
        with harness.Server(*keys, *RULES) as server:
            for case in cases():
                if case["name"].endswith(" without kid") and not case["refusal"]:
                    allowed = case["name"].split()[0] in ("ES256", "EdDSA")
                    self.assertEqual(call(server, case["token"]).returncode == 0, allowed, case["name"])

    def test_keys_in_pem(self):
        with harness.Server("--jwt-keys", folder / "rsa.pem", *RULES) as server:
            self.assertEqual(call(server, good_token()).returncode, 0)

    def test_the_subject_is_the_identity_in_the_access_log(self):
        log = folder / "access.log"
        with harness.Server("--jwt-keys", folder / "rsa.pem", *RULES, "--access-log", log) as server:
            self.assertEqual(call(server, good_token()).returncode, 0)
            self.assertEqual(call(server, "x.y.z").returncode, UNAUTHENTICATED)
        calls = log.read_text().splitlines()
        self.assertTrue(any(f"method=/{ECHO} " in each and " identity=alice status=OK " in each for each in calls), calls)
        self.assertTrue(any(" status=UNAUTHENTICATED " in each and "identity=" not in each for each in calls), calls)

    def test_an_open_service_needs_no_token(self):
        flags = ("--jwt-keys", folder / "rsa.pem", *RULES, "--jwt-open-service", "grpc.reflection.v1.ServerReflection")
        with harness.Server(*flags) as server:
            listed = harness.run([os.environ["GRPCCLIENT"], "list", server.address])
            self.assertEqual(listed.returncode, 0, listed.stdout)
            refused = call(server, None)
            self.assertEqual(refused.returncode, UNAUTHENTICATED, refused.stdout)
            self.assertIn('"authorization: Bearer <token>"', refused.stdout)

    def test_new_keys_replace_the_old_ones_and_a_broken_file_does_not(self):
        keys = folder / "changing.json"
        shutil.copy(folder / "jwks.json", keys)
        renewed = (folder / "next.token").read_text()
        with harness.Server("--jwt-keys", keys, *RULES) as server:
            self.assertEqual(call(server, good_token()).returncode, 0)
            self.assertEqual(call(server, renewed).returncode, UNAUTHENTICATED)
            self.replace(keys, "{}")
            self.assertTrue(server.says("the old keys of tokens stay in use"), server.text())
            self.assertIn("no JSON Web Key Set", server.text())
            self.assertEqual(call(server, good_token()).returncode, 0)
            self.replace(keys, (folder / "next.json").read_text())
            self.assertTrue(server.says("reloaded the keys of tokens; there are 1"), server.text())
            self.assertEqual(call(server, renewed).returncode, 0)
            self.assertEqual(call(server, good_token()).returncode, UNAUTHENTICATED, "its key is no longer there")

    def replace(self, path, text):
        other = path.with_suffix(".new")
        other.write_text(text)
        os.replace(other, path)


class Flooded(unittest.TestCase):
    """Forged tokens from the address of the honest callers, over 100 connections with 100 calls each at a time."""

    def failures(self, server, tokens):
        with concurrent.futures.ThreadPoolExecutor(2) as callers:
            done = list(callers.map(lambda token: call(server, token), tokens))
        return [each.stdout for each in done if each.returncode != 0]

    def check(self, algorithm):
        """Callers with new tokens and with known ones are served, before and after a reload of the keys."""
        keys = folder / f"{algorithm}.json"
        shutil.copy(folder / "jwks.json", keys)
        tokens = json.loads((folder / "callers.json").read_text())[algorithm]
        known = tokens[:10]
        with harness.Server("--jwt-keys", keys, *RULES, "--admin", "127.0.0.1:0") as server:
            self.assertEqual(self.failures(server, known), [])
            with TokenFlood(server.port, known[0]) as flood:
                # Others are refused, because more tokens wait than may.
                self.assertTrue(harness.wait_until(lambda: 'ringrpc_jwt_refused_total{cause="busy"} 0' not in metrics(server)))
                self.assertEqual(self.failures(server, tokens[10:35] + known), [])
                os.utime(keys)
                self.assertTrue(server.says("reloaded the keys of tokens"), server.text())
                self.assertEqual(self.failures(server, tokens[35:] + known), [])
            self.assertGreater(flood.ended, 0)

    def test_honest_callers_are_served_beside_a_flood_of_rs256(self):
        self.check("RS256")

    def test_honest_callers_are_served_beside_a_flood_of_es384(self):
        self.check("ES384")


class Refused(unittest.TestCase):
    """Settings that make no sense, and keys that must not be used."""

    def start(self, *flags):
        return harness.run([os.environ["GRPCD"], "--listen", "127.0.0.1:0", *flags])

    def test_settings(self):
        for flags, remedy in (
            (("--jwt-issuer", "x"), "give --jwt-keys too"),
            (("--jwt-leeway", "1s"), "give --jwt-keys too"),
            (("--jwt-keys", folder / "rsa.pem"), "give --jwt-issuer too"),
            (("--jwt-keys", folder / "rsa.pem", "--jwt-issuer", "x"), "give --jwt-audience too"),
            (("--jwt-keys", folder / "rsa.pem", *RULES, "--jwt-algorithm", "HS256"), "choose RS256"),
            (("--jwt-keys", folder / "rsa.pem", *RULES, "--jwt-algorithm", "none"), "choose RS256"),
            (("--jwt-keys", folder / "rsa.pem", *RULES, "--jwt-leeway", "6m"), "5m"),
            (("--jwt-keys", folder / "rsa.pem", *RULES, "--jwt-open-service", "grpc.health.v1.Heath"), "did you mean"),
            (("--jwt-keys", folder / "missing.pem", *RULES), "missing.pem: no such file"),
            (("--jwt-keys", folder / "rsa.key", *RULES), "openssl pkey -pubout"),
        ):
            done = self.start(*flags)
            self.assertNotEqual(done.returncode, 0, flags)
            self.assertIn(remedy, done.stdout, flags)


if __name__ == "__main__":
    harness.main()
