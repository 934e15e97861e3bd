"""Checks that private keys stay in locked memory, by searching grpcd's memory from outside between signatures.

The search looks for every secret number of a key: the primes, the exponents and the coefficient of RSA, the scalar of the
curves, the seed of Ed25519. It looks for them in big-endian order as in files, in little-endian order as in 64-bit limbs, and
in the 52-bit limbs of AVX-512, at every byte of every readable mapping. It finds any 16 bytes of a number that begin at a
multiple of eight, because malloc overwrites the first bytes of freed memory and would leave the rest. It searches two
servers: one verifies its signatures, the other does not and makes quick signatures on the shard.

Nobody knows the secrets of an RSA key that the server has generated. The search finds a prime as a divisor of the public
modulus, computes the other secrets from it, and looks for them too.

Memory that the kernel reports as locked (`lo` in VmFlags of /proc/PID/smaps) is reported apart. Each search proves that it
works: it must find the keys in locked memory, and a part of a secret that the test has put into the environment, outside
locked memory.
"""

import array
import hashlib
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import unittest

import harness

KINDS = {
    "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "ed25519": ["-algorithm", "ED25519"],
}
SECRETS = {"priv", "privateExponent", "prime1", "prime2", "exponent1", "exponent2", "coefficient"}
ALGORITHMS = {
    "rsa": [f"RSA_{padding}_SHA{bits}" for padding in ("PKCS1", "PSS") for bits in (256, 384, 512)],
    "p256": ["ECDSA_P256_SHA256"],
    "p384": ["ECDSA_P384_SHA384"],
    "ed25519": ["ED25519"],
}
PASSPHRASE = b"correct horse battery staple"
CHUNK_BYTES = 1 << 20
WINDOW_BYTES, WORD_BYTES = 16, 8


def openssl(*words, **options):
    done = subprocess.run(["openssl", *words], capture_output=True, timeout=harness.RUN_SECONDS, **options)
    if done.returncode != 0:
        raise AssertionError(done.stderr.decode(errors="replace"))
    return done.stdout


def secrets_of(path):
    """{name: secret number} of a key file, without leading zeros."""
    found = {}
    text = openssl("pkey", "-in", path, "-noout", "-text", "-passin", "pass:" + PASSPHRASE.decode()).decode()
    for name, digits in re.findall(r"^(\w+):\s*\n((?:    [0-9a-f:]+\n)+)", text, re.MULTILINE):
        if name in SECRETS:
            found[name] = bytes.fromhex(re.sub(r"[\s:]", "", digits)).lstrip(b"\0")
    return found


def id_of(path):
    """The server's id of the key in a file."""
    spki = openssl("pkey", "-in", path, "-pubout", "-outform", "DER", "-passin", "pass:" + PASSPHRASE.decode())
    return hashlib.sha256(spki).hexdigest()


def layouts(data):
    """The possible forms of a number in memory."""
    number = int.from_bytes(data, "big")
    limbs = [number >> shift & (1 << 52) - 1 for shift in range(0, 8 * len(data), 52)]
    return {
        "big-endian": data,
        "little-endian": data[::-1],
        "52-bit": b"".join(limb.to_bytes(8, "little") for limb in limbs),
    }


def secrets_of_rsa(modulus, exponent, factor):
    """{name: secret number} of an RSA key, as `secrets_of` returns them. OpenSSL calls the larger factor p."""
    q, p = sorted((factor, modulus // factor))
    d = pow(exponent, -1, math.lcm(p - 1, q - 1))
    numbers = {
        "privateExponent": d,
        "prime1": p,
        "prime2": q,
        "exponent1": d % (p - 1),
        "exponent2": d % (q - 1),
        "coefficient": pow(q, -1, p),
    }
    return {name: number.to_bytes((number.bit_length() + 7) // 8, "big") for name, number in numbers.items()}


class Patterns:
    """The patterns to search for: windows of bytes, each with a name. A window is found by its first word."""

    def __init__(self):
        self.windows = {}  # {first word: [(name, window)]}

    def add(self, name, data):
        for begin in range(0, max(len(data) - WINDOW_BYTES, 0) + 1, WORD_BYTES):
            window = data[begin : begin + WINDOW_BYTES]
            word = int.from_bytes(window[:WORD_BYTES], sys.byteorder)
            self.windows.setdefault(word, []).append((name, window))

    def names_in(self, data):
        """The names of the windows that occur at any position."""
        found = set()
        for shift in range(WORD_BYTES):
            end = shift + (len(data) - shift) // WORD_BYTES * WORD_BYTES
            for word in self.windows.keys() & array.array("Q", data[shift:end]):
                found.update(name for name, window in self.windows[word] if window in data)
        return found


class Memory:
    """The mappings of a process, with the kernel's flags."""

    def __init__(self, pid):
        self.pid = pid
        self.mappings = []
        with open(f"/proc/{pid}/smaps") as smaps:
            for line in smaps:
                if head := re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)", line):
                    begin, end, rights, name = head.groups()
                elif line.startswith("VmFlags:"):
                    flags = line.split()[1:]
                    if "r" in rights and not name.startswith("[v"):
                        self.mappings.append((int(begin, 16), int(end, 16), name, flags))

    def find(self, patterns):
        """{pattern's name: [(mapping's name, flags)]}, with an entry for each mapping that has a window of it."""
        found = {}
        for begin, end, name, flags in self.mappings:
            seen = set()
            for data in self._chunks(begin, end):
                seen |= patterns.names_in(data)
            for pattern_name in seen:
                found.setdefault(pattern_name, []).append((name, flags))
        return found

    def factor_of(self, modulus):
        """A factor of the modulus from locked memory, where numbers are whole 64-bit limbs; None if there is none."""
        size = (modulus.bit_length() + 7) // 8 // 2
        for begin, end, _, flags in self.mappings:
            for data in self._chunks(begin, end, size) if "lo" in flags else ():
                for at in range(0, len(data) - size + 1, WORD_BYTES):
                    if data[at] & 1 and data[at + size - 1] & 0x80:
                        candidate = int.from_bytes(data[at : at + size], "little")
                        if modulus % candidate == 0:
                            return candidate
        return None

    def _chunks(self, begin, end, overlap=WINDOW_BYTES):
        """The bytes of a mapping in chunks. Skips chunks that cannot be read or are all zero."""
        with open(f"/proc/{self.pid}/mem", "rb", buffering=0) as memory:
            for at in range(begin, end, CHUNK_BYTES):
                memory.seek(at)
                try:
                    data = memory.read(min(CHUNK_BYTES + overlap, end - at))
                except OSError:  # unmapped pages of a file or a device
                    continue
                if data.count(0) < len(data):
                    yield data


class KeyMemory(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        passphrase_file = cls.folder + "/passphrase"
        with open(passphrase_file, "wb") as file:
            file.write(PASSPHRASE + b"\n")
        flags = ["--key-passphrase-file", passphrase_file, "--generate-key", "rsa2048"]
        cls.secrets = {}
        cls.signings = []  # (key's id, algorithm)
        for kind, words in KINDS.items():
            for form, cipher in (("plain", []), ("encrypted", ["-aes256", "-pass", "file:" + passphrase_file])):
                path = f"{cls.folder}/{kind}-{form}.pem"
                openssl("genpkey", *words, *cipher, "-out", path)
                flags += ["--key", path]
                cls.signings += [(id_of(path), algorithm) for algorithm in ALGORITHMS[kind]]
                for name, data in secrets_of(path).items():
                    cls.secrets[f"{kind} {form} {name}"] = data
        # The servers have only the end of it, as of freed memory. The environment cannot contain zeros.
        cls.planted = bytes(byte % 255 + 1 for byte in os.urandom(64))
        command = [os.environ["GRPCD"], "--shards", "1", "--signing-workers", "2", "--listen", "127.0.0.1:0", *flags]
        cls.servers = {
            name: cls.enterClassContext(harness.Daemon(command + more, environment={b"PLANTED": cls.planted[37:]}))
            for name, more in (("verifying", ["--verify-signatures"]), ("plain", []))
        }
        try:
            open(f"/proc/{cls.servers['plain'].process.pid}/mem", "rb").close()
        except PermissionError as refusal:
            raise unittest.SkipTest(f"this user may not read grpcd's memory: {refusal}")

    def on_each_server(self, check):
        for name, server in self.servers.items():
            with self.subTest(server=name):
                check(server)

    def sign_with_all(self, server, more=()):
        for key_id, algorithm in [*self.signings, *more]:
            for _ in range(2):
                done = harness.run(
                    [os.environ["GRPCCLIENT"], "call", server.address, "crypto.v1.CryptoService/Sign", "-d",
                     f'{{"data": "c29tZXRoaW5n", "algorithm": "{algorithm}", "key_id": "{key_id}"}}']
                )
                self.assertEqual(done.returncode, 0, done.stdout)
                self.assertIn(key_id, done.stdout)

    def generated_key(self, server):
        """The id, the modulus and the public exponent of the RSA key that the server has generated."""
        of_files = {key_id for key_id, _ in self.signings}
        (key_id,) = set(re.findall(r" key (\w{64}) \(RSA-2048\)", server.text())) - of_files
        done = harness.run(
            [os.environ["GRPCCLIENT"], "call", server.address, "crypto.v1.CryptoService/GetPublicKey", "-d",
             f'{{"key_id": "{key_id}"}}'],
            stderr=subprocess.DEVNULL,
        )
        text = openssl("pkey", "-pubin", "-noout", "-text", input=json.loads(done.stdout)["pem"].encode()).decode()
        modulus = re.search(r"^Modulus:\s*\n((?:    [0-9a-f:]+\n)+)", text, re.MULTILINE)[1]
        exponent = re.search(r"^Exponent: (\d+) ", text, re.MULTILINE)[1]
        return key_id, int(re.sub(r"[\s:]", "", modulus), 16), int(exponent)

    def test_private_keys_are_in_locked_memory_only(self):
        self.assertEqual(len(self.secrets), 2 * (6 + 3))
        self.on_each_server(self.check_memory)

    def check_memory(self, server):
        key_id, modulus, exponent = self.generated_key(server)
        self.sign_with_all(server, [(key_id, algorithm) for algorithm in ALGORITHMS["rsa"]])
        memory = Memory(server.process.pid)
        self.assertTrue([flags for *_, flags in memory.mappings if "lo" in flags], "nothing is locked: ulimit -l?")
        factor = memory.factor_of(modulus)
        self.assertIsNotNone(factor, "the primes of the key that was made must be in locked memory")
        secrets = dict(self.secrets)
        for name, data in secrets_of_rsa(modulus, exponent, factor).items():
            secrets[f"generated {name}"] = data
        patterns = Patterns()
        patterns.add("planted", self.planted)
        patterns.add("passphrase", PASSPHRASE)
        for name, data in secrets.items():
            for layout, laid_out in layouts(data).items():
                patterns.add(f"{name} {layout}", laid_out)
        found = memory.find(patterns)

        self.assertIn(("[stack]", False), [(name, "lo" in flags) for name, flags in found.pop("planted")])
        self.assertNotIn("passphrase", found, "the passphrase is wiped once the keys are loaded")
        for name, places in found.items():
            for mapping, flags in places:
                self.assertIn("lo", flags, f"{name} in {mapping or 'an anonymous mapping'}, which is not locked")
                self.assertIn("dd", flags, f"{name} in {mapping or 'an anonymous mapping'} would go into core dumps")
        missed = {name for name in secrets if not any(f"{name} {layout}" in found for layout in layouts(b"\0"))}
        self.assertEqual(missed, set(), "the search must find the keys where they are")

    def test_there_are_no_core_dumps_and_the_memory_is_not_for_others(self):
        self.on_each_server(self.check_limits)

    def check_limits(self, server):
        pid = server.process.pid
        with open(f"/proc/{pid}/limits") as limits:
            self.assertRegex(limits.read(), r"Max core file size +0 +0 ")
        self.assertEqual(os.stat(f"/proc/{pid}/mem").st_uid, 0, "PR_SET_DUMPABLE is off")

    def test_nothing_of_a_key_is_in_the_log(self):
        self.on_each_server(self.check_log)

    def check_log(self, server):
        self.sign_with_all(server)
        log = server.text()
        for name, data in self.secrets.items():
            for text in (data.hex(), data[:8].hex()):
                self.assertNotIn(text, log, name)
        self.assertNotIn(PASSPHRASE.decode(), log)


if __name__ == "__main__":
    harness.main()
