"""grpcd's signatures: verified by the `openssl` command and by libsodium, and requested by many clients at once."""

import base64
import ctypes
import ctypes.util
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import harness
import memory

SERVICE = "crypto.v1.CryptoService"
HASHES = {"SHA256": hashlib.sha256, "SHA384": hashlib.sha384, "SHA512": hashlib.sha512}
RSA = [f"RSA_{padding}_{name}" for padding in ("PKCS1", "PSS") for name in HASHES]
ECDSA = ["ECDSA_P256_SHA256", "ECDSA_P384_SHA384"]
MESSAGES = [b"", b"abc", bytes(range(256)) * 400]
INVALID_ARGUMENT, USAGE, FAILURE = 3, 2, 1


def openssl(*words, stdin=b""):
    return subprocess.run(["openssl", *words], input=stdin, capture_output=True, timeout=harness.RUN_SECONDS)


def made(*words):
    done = openssl(*words)
    if done.returncode != 0:
        raise AssertionError(done.stderr.decode(errors="replace"))
    return done.stdout


def der_of(raw):
    """The DER of an ECDSA signature given as r and s side by side; the numbers have fewer than 128 bytes."""
    numbers = b""
    for half in (raw[: len(raw) // 2], raw[len(raw) // 2 :]):
        digits = half.lstrip(b"\0") or b"\0"
        digits = b"\0" + digits if digits[0] & 0x80 else digits
        numbers += bytes([2, len(digits)]) + digits
    return bytes([0x30, len(numbers)]) + numbers


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not shutil.which("openssl"):
            raise unittest.SkipTest("the openssl command is not installed")
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())

    def file(self, name, content):
        path = f"{self.folder}/{name}"
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, 0o600)
        return path

    def call(self, method, **fields):
        """The fields of the response; bytes are passed and returned as they are."""
        request = {
            name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
            for name, value in fields.items()
        }
        done = subprocess.run(
            [os.environ["GRPCCLIENT"], "call", self.server.address, f"{SERVICE}/{method}", "-d", "-"],
            input=json.dumps(request), capture_output=True, text=True, timeout=harness.RUN_SECONDS,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        answer = json.loads(done.stdout)
        for name in ("signature", "spkiDer"):
            if name in answer:
                answer[name] = base64.b64decode(answer[name])
        return answer

    def openssl_says(self, algorithm, pem, message, signature):
        key = self.file("public.pem", pem.encode())
        signature = self.file("signature", signature)
        message = self.file("message", message)
        if algorithm == "ED25519":
            done = openssl("pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-in", message, "-sigfile", signature)
        else:
            options = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"] if "PSS" in algorithm else []
            digest = "-" + algorithm.rpartition("_")[2].lower()
            done = openssl("dgst", digest, *options, "-verify", key, "-signature", signature, message)
        return done.returncode == 0


class Generated(Case):
    """The keys that grpcd generates."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.enterClassContext(harness.Server())

    def check(self, algorithm, message, **fields):
        answer = self.call("Sign", data=message, algorithm=algorithm, **fields)
        self.assertEqual(answer["algorithm"], algorithm)
        key = self.call("GetPublicKey", keyId=answer["keyId"])
        self.assertIn(algorithm, key["algorithms"])
        self.assertEqual(key["keyId"], hashlib.sha256(key["spkiDer"]).hexdigest())
        self.assertEqual(made("pkey", "-pubin", "-in", self.file("k", key["pem"].encode()), "-outform", "DER"), key["spkiDer"])
        return key, answer["signature"]

    def test_openssl_verifies_every_algorithm(self):
        for algorithm in [*RSA, *ECDSA, "ED25519"]:
            for message in MESSAGES:
                with self.subTest(algorithm, bytes=len(message)):
                    if algorithm == "ED25519" and not message:
                        continue  # `openssl pkeyutl` does not take an empty file
                    key, signature = self.check(algorithm, message)
                    self.assertTrue(self.openssl_says(algorithm, key["pem"], message, signature))
                    self.assertFalse(self.openssl_says(algorithm, key["pem"], message + b"x", signature))

    def test_the_signature_of_a_digest_is_that_of_its_message(self):
        for algorithm in [*RSA, *ECDSA]:
            with self.subTest(algorithm):
                digest = HASHES[algorithm.rpartition("_")[2]](b"abc").digest()
                answer = self.call("Sign", data=digest, algorithm=algorithm, messageType="DIGEST")
                pem = self.call("GetPublicKey", keyId=answer["keyId"])["pem"]
                self.assertTrue(self.openssl_says(algorithm, pem, b"abc", answer["signature"]))

    def test_openssl_verifies_r_and_s_side_by_side(self):
        for algorithm in ECDSA:
            for _ in range(5):
                answer = self.call("SignECC", data=b"abc", algorithm=algorithm, encoding="RAW_RS")
                pem = self.call("GetPublicKey", keyId=answer["keyId"])["pem"]
                self.assertTrue(self.openssl_says(algorithm, pem, b"abc", der_of(answer["signature"])))

    def test_libsodium_verifies_ed25519(self):
        name = ctypes.util.find_library("sodium")
        if not name:
            self.skipTest("libsodium is not installed")
        sodium = ctypes.CDLL(name)
        self.assertGreaterEqual(sodium.sodium_init(), 0)
        for message in MESSAGES:
            key, signature = self.check("ED25519", message)
            raw = key["spkiDer"][-32:]
            length = ctypes.c_ulonglong(len(message))
            self.assertEqual(sodium.crypto_sign_verify_detached(signature, message, length, raw), 0)
            forged = bytes([signature[0] ^ 1]) + signature[1:]
            self.assertEqual(sodium.crypto_sign_verify_detached(forged, message, length, raw), -1)

    def test_health_knows_the_service(self):
        done = harness.run(
            [os.environ["GRPCCLIENT"], "call", self.server.address, "grpc.health.v1.Health/Check", "--compact",
             "-d", json.dumps({"service": SERVICE})]
        )
        self.assertEqual(json.loads(done.stdout), {"status": "SERVING"})


class Loaded(Case):
    """Keys from files."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.passphrase = cls.file(cls, "passphrase", b"secret\n")
        cls.keys = {}
        kinds = {
            "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
            "p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
            "p384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
            "ed25519": ["-algorithm", "ED25519"],
        }
        flags = ["--key-passphrase-file", cls.passphrase]
        for kind, words in kinds.items():
            cls.keys[kind] = f"{cls.folder}/{kind}.pem"
            cipher = ["-aes256", "-pass", "file:" + cls.passphrase] if kind in ("rsa", "p384") else []
            made("genpkey", *words, *cipher, "-out", cls.keys[kind])
            flags += ["--key", cls.keys[kind]]
        cls.server = cls.enterClassContext(harness.Server(*flags))

    def test_the_public_keys_are_those_of_the_files(self):
        types = {"rsa": "RSA", "p256": "ECC", "p384": "ECC_P384", "ed25519": "ED25519"}
        for kind, path in self.keys.items():
            pem = made("pkey", "-in", path, "-pubout", "-passin", "file:" + self.passphrase).decode()
            self.assertEqual(self.call("GetPublicKey", keyType=types[kind])["pem"], pem)

    def test_pkcs1_signatures_are_those_of_openssl(self):
        for algorithm in RSA[:3]:
            digest = "-" + algorithm.rpartition("_")[2].lower()
            message = self.file("message", b"abc")
            expected = made("dgst", digest, "-sign", self.keys["rsa"], "-passin", "file:" + self.passphrase, message)
            self.assertEqual(self.call("SignRSA", data=b"abc", algorithm=algorithm)["signature"], expected)

    def test_ed25519_signatures_are_those_of_openssl(self):
        message = self.file("message", b"abc")
        expected = made("pkeyutl", "-sign", "-inkey", self.keys["ed25519"], "-rawin", "-in", message)
        self.assertEqual(self.call("Sign", data=b"abc", algorithm="ED25519")["signature"], expected)


class Refused(Case):
    """Key files and flags with which grpcd does not start; one line says why, and quotes nothing of the file."""

    def refusal(self, *flags):
        done = harness.run([os.environ["GRPCD"], "--listen", "127.0.0.1:0", *flags])
        self.assertRegex(done.stdout, r"\Agrpcd: [^\n]*\n\Z")
        return done.returncode, done.stdout

    def test_key_files(self):
        weak = made("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")
        good = made("genpkey", "-algorithm", "ED25519")
        encrypted = made("genpkey", "-algorithm", "ED25519", "-aes256", "-pass", "pass:secret")
        cases = [
            (weak, "1024 bits is too weak"),
            (b"", "it is not PEM"),
            (os.urandom(500), "it is not PEM"),
            (good[:70], "damaged"),
            (good * 2, "more than one PEM block"),
            (encrypted, "--key-passphrase-file"),
            (made("pkey", "-in", self.file("good", good), "-pubout"), "no private key"),
        ]
        for content, why in cases:
            returned, line = self.refusal("--key", self.file("key.pem", content))
            self.assertEqual(returned, FAILURE, line)
            self.assertIn("grpcd: --key: key file " + self.folder, line)
            self.assertIn(why, line)
            for word in re.findall(rb"[A-Za-z0-9+/]{16,}", content):
                self.assertNotIn(word.decode(), line)

    def test_flags(self):
        for flags, why in [
            (["--generate-key", "rsa1024"], "--generate-key: 'rsa1024' "),
            (["--generate-key", "ED25519:p256"], "--generate-key: a key of type P-256 "),
            (["--key", "ED25519:"], "--key: it names no file"),
            (["--signing-queue", "0"], "--signing-queue: 0 "),
        ]:
            returned, line = self.refusal(*flags)
            self.assertEqual(returned, USAGE)
            self.assertIn(why, line)


class Start(Case):
    def test_the_log_has_the_time_to_generate_the_keys(self):
        with harness.Server() as server:
            self.assertRegex(server.text(), r"info keys loaded or generated in \d+ ms\n")
        with harness.Server("--generate-key", "none") as server:
            self.assertNotIn("keys loaded", server.text())


class Crowd(Case):
    """Ten thousand concurrent requests for the most expensive signature, with data of a usual size."""

    CALLS, CONNECTIONS, STREAMS, DATA_BYTES, QUEUE = 10_000, 100, 100, 4096, 128
    # The data, a copy of it on its way, and the memory of connections and calls.
    GROWTH_BYTES_MAX = 2 * CALLS * DATA_BYTES + 96 * memory.MEBIBYTE

    def test_ten_thousand_at_once_all_get_a_response_and_memory_is_limited(self):
        key = f"{self.folder}/rsa4096.pem"
        made("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096", "-out", key)
        os.chmod(key, 0o600)
        with harness.Server("--key", key, "--signing-queue", self.QUEUE, "--verify-signatures") as server:
            memory.skip_if_sanitized(server.process)
            before = memory.resident_bytes(server.process)
            done = harness.run(
                [os.environ["GRPCBENCH"], "--server", server.address, "--service", "crypto", "--algorithm",
                 "RSA_PSS_SHA256", "--payload-size", self.DATA_BYTES, "--connections", self.CONNECTIONS, "--streams",
                 self.STREAMS, "--requests", self.CALLS, "--deadline", harness.DEADLINE_SECONDS, "--output", "json"],
                timeout=harness.RUN_SECONDS, stderr=subprocess.DEVNULL,
            )
            told = json.loads(done.stdout)
            errors = told.get("errors", {})
            self.assertEqual(told["succeeded"] + errors.get("RESOURCE_EXHAUSTED", 0), self.CALLS, told)
            # The queue was full before the first refusal, and all queued data was signed.
            self.assertGreaterEqual(told["succeeded"], self.QUEUE)
            self.assertGreater(errors.get("RESOURCE_EXHAUSTED", 0), 0)
            self.assertLess(memory.peak_bytes(server.process) - before, self.GROWTH_BYTES_MAX)
            # It serves as before; the demo verifies the signatures.
            again = harness.run([os.environ["GRPCCLIENT"], "demo", server.address, "--key", "rsa"])
            self.assertEqual(again.returncode, 0, again.stdout)


if __name__ == "__main__":
    harness.main()
