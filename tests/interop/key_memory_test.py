"""Private keys stay in locked memory: grpcd's memory is searched from outside, between signatures.

Everything that is a secret of a key is looked for (of RSA the primes, the exponents and the coefficient, of the
curves the scalar, of Ed25519 the seed), big-endian as files have it, little-endian as 64-bit limbs have it, and in
the 52-bit limbs of AVX-512, at every byte of every mapping that can be read, in a server that verifies what it has
signed and in one that does not, which signs on the shard what takes little time. What the kernel says is locked
(`lo` in VmFlags of /proc/PID/smaps) is set apart. That the search finds what there is, it shows each time: in the
locked memory the keys, and outside of it a secret that was put there on purpose, in the environment.
"""

import hashlib
import os
import re
import subprocess
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
CHUNK_BYTES = 1 << 24


def openssl(*words, **options):
    done = subprocess.run(["openssl", *words], capture_output=True, timeout=harness.RUN_SECONDS, **options)
    if done.returncode != 0:
        raise AssertionError(done.stderr.decode(errors="replace"))
    return done.stdout


def secrets_of(path):
    """The secret numbers of a key file, by name, without leading zeros."""
    found = {}
    text = openssl("pkey", "-in", path, "-noout", "-text", "-passin", "pass:" + PASSPHRASE.decode()).decode()
    for name, digits in re.findall(r"^(\w+):\s*\n((?:    [0-9a-f:]+\n)+)", text, re.MULTILINE):
        if name in SECRETS:
            found[name] = bytes.fromhex(re.sub(r"[\s:]", "", digits)).lstrip(b"\0")
    return found


def id_of(path):
    """What the server calls the key in a file."""
    spki = openssl("pkey", "-in", path, "-pubout", "-outform", "DER", "-passin", "pass:" + PASSPHRASE.decode())
    return hashlib.sha256(spki).hexdigest()


def layouts(octets):
    """A number as it may lie in memory."""
    number = int.from_bytes(octets, "big")
    limbs = [number >> shift & (1 << 52) - 1 for shift in range(0, 8 * len(octets), 52)]
    return {
        "big-endian": octets,
        "little-endian": octets[::-1],
        "52-bit": b"".join(limb.to_bytes(8, "little") for limb in limbs),
    }


class Memory:
    """The mappings of a process, and whether the kernel keeps them locked."""

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
        """{pattern's name: [(mapping's name, flags)]}, with an entry for each mapping that it is in."""
        found = {name: [] for name in patterns}
        with open(f"/proc/{self.pid}/mem", "rb", buffering=0) as memory:
            for begin, end, name, flags in self.mappings:
                for pattern_name in self._search(memory, begin, end, patterns):
                    found[pattern_name].append((name, flags))
        return found

    @staticmethod
    def _search(memory, begin, end, patterns):
        longest = max(map(len, patterns.values()))
        seen = set()
        tail = b""
        for at in range(begin, end, CHUNK_BYTES):
            memory.seek(at)
            try:
                chunk = tail + memory.read(min(CHUNK_BYTES, end - at))
            except OSError:  # pages of a file or a device that are not there
                tail = b""
                continue
            seen.update(name for name, pattern in patterns.items() if pattern in chunk)
            tail = chunk[-longest:]
        return seen


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
                for name, octets in secrets_of(path).items():
                    cls.secrets[f"{kind} {form} {name}"] = octets
        cls.planted = bytes(byte % 255 + 1 for byte in os.urandom(64))  # an environment has no zeros
        command = [os.environ["GRPCD"], "--shards", "1", "--signing-workers", "2", "--listen", "127.0.0.1:0", *flags]
        cls.servers = {
            name: cls.enterClassContext(harness.Daemon(command + more, environment={b"PLANTED": cls.planted}))
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

    def sign_with_all(self, server):
        for key_id, algorithm in self.signings:
            for _ in range(2):
                done = harness.run(
                    [os.environ["GRPCCLIENT"], "call", server.address, "crypto.v1.CryptoService/Sign", "-d",
                     f'{{"data": "c29tZXRoaW5n", "algorithm": "{algorithm}", "key_id": "{key_id}"}}']
                )
                self.assertEqual(done.returncode, 0, done.stdout)
                self.assertIn(key_id, done.stdout)

    def test_private_keys_are_in_locked_memory_only(self):
        self.assertEqual(len(self.secrets), 2 * (6 + 3))
        self.on_each_server(self.check_memory)

    def check_memory(self, server):
        patterns = {"planted": self.planted, "passphrase": PASSPHRASE}
        for name, octets in self.secrets.items():
            patterns.update((f"{name} {layout}", octets) for layout, octets in layouts(octets).items())
        self.sign_with_all(server)
        memory = Memory(server.process.pid)
        self.assertTrue([flags for *_, flags in memory.mappings if "lo" in flags], "nothing is locked: ulimit -l?")
        found = memory.find(patterns)

        self.assertIn(("[stack]", False), [(name, "lo" in flags) for name, flags in found.pop("planted")])
        self.assertEqual(found.pop("passphrase"), [], "the passphrase is wiped once the keys are loaded")
        for name, places in found.items():
            for mapping, flags in places:
                self.assertIn("lo", flags, f"{name} in {mapping or 'an anonymous mapping'}, which is not locked")
                self.assertIn("dd", flags, f"{name} in {mapping or 'an anonymous mapping'} would go into core dumps")
        missed = {name for name in self.secrets if not any(found[f"{name} {layout}"] for layout in layouts(b"\0"))}
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
        for name, octets in self.secrets.items():
            for text in (octets.hex(), octets[:8].hex()):
                self.assertNotIn(text, log, name)
        self.assertNotIn(PASSPHRASE.decode(), log)


if __name__ == "__main__":
    harness.main()
