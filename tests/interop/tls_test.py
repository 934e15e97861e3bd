"""TLS with other programs: openssl s_client and s_server, grpcurl, and our own client with misconfigured servers."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

import certificates
import frames
import harness
import tools
from servers import free_port

ECHO = "echo.v1.EchoService/Echo"
UNAVAILABLE = 14
PERMISSION_DENIED = 7
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


def setUpModule():
    global grpcurl
    grpcurl = tools.path("grpcurl")


def grpcclient(address, *flags):
    """A call by our own client, run to its end."""
    return harness.run(
        [os.environ["GRPCCLIENT"], "call", address, ECHO, "--deadline", harness.DEADLINE_SECONDS, *flags]
    )


def s_client(address, *flags, text=None):
    """The output of openssl's client, which sends `text` after the handshake and then ends."""
    command = ["openssl", "s_client", "-connect", address, *flags]
    return subprocess.run(
        [str(word) for word in command], input=text or "", capture_output=True, text=True, errors="replace",
        timeout=harness.RUN_SECONDS,
    )  # fmt: skip


@contextlib.contextmanager
def connected(server, context, session=None):
    """An HTTP/2 client over TLS, which resumes a given session. When it returns, the server's tickets have arrived."""
    with frames.Client(server.port) as client:
        client.socket = context.wrap_socket(client.socket, server_hostname="localhost", session=session)
        client.open()
        client.read_until(lambda frame: frame.type == frames.SETTINGS and frame.flags & frames.ACK)
        yield client


def echoes(client, stream):
    """True if the response to a call has the request's payload."""
    client.send(frames.headers(stream) + frames.data(stream, frames.message(b"who am I"), frames.END_STREAM))
    body = b""
    while (found := client.next_frame()) and not (found.type == frames.HEADERS and found.flags & frames.END_STREAM):
        if found.type == frames.DATA:
            body += found.payload
    return b"who am I" in body


def serving(server, client):
    """The name of the thread that serves the client, if it is the only one: the thread that sleeps between calls."""

    def sleeps():
        counts = {}
        for thread in pathlib.Path(f"/proc/{server.process.pid}/task").iterdir():
            count = re.search(r"^voluntary_ctxt_switches:\s*(\d+)", (thread / "status").read_text(), re.MULTILINE)
            counts[(thread / "comm").read_text().strip()] = int(count[1])
        return counts

    before = sleeps()
    if not all(echoes(client, stream) for stream in range(1, 100, 2)):
        raise AssertionError("a call was not answered")
    after = sleeps()
    return max(before, key=lambda name: after[name] - before[name])


class Certified(unittest.TestCase):
    """Checks against one grpcd that serves with TLS."""

    @classmethod
    def setUpClass(cls):
        cls.made = cls.enterClassContext(certificates.Folder())
        cls.identity = cls.made.issue("server")
        cls.server = cls.enterClassContext(harness.Server(*cls.flags(), listen=("127.0.0.1:0",)))
        cls.address = cls.server.address.removeprefix("tls+")

    @classmethod
    def flags(cls):
        return ["--tls-cert", cls.identity.certificate, "--tls-key", cls.identity.key]

    def context(self, version):
        """The context of a client of only this version, which trusts our CA."""
        context = ssl.create_default_context(cafile=self.made.ca)
        context.minimum_version = context.maximum_version = version
        context.set_alpn_protocols(["h2"])
        return context

    def grpcurl(self, *flags, connect_seconds=harness.DEADLINE_SECONDS):
        return harness.run([grpcurl, "-connect-timeout", connect_seconds, *flags, self.address, ECHO])

    def grpcclient(self, *flags, address=None):
        return grpcclient(address or self.address, *flags)


class Flood(Certified):
    def test_clients_cannot_fill_the_log_with_handshakes_that_fail(self):
        host, port = self.address.rsplit(":", 1)
        attempts = 500
        for _ in range(attempts):
            with socket.create_connection((host, int(port)), timeout=harness.RUN_SECONDS) as client:
                client.sendall(b"GET / HTTP/1.1\r\n\r\n")
                client.recv(100)  # an alert: the handshake has failed
        cause = ": TLS: "
        self.assertTrue(self.server.says(cause), self.server.text())
        self.assertLess(self.server.text().count(cause), attempts / 2)


class Server(Certified):
    def test_the_ready_line_names_an_address_that_clients_take(self):
        self.assertTrue(self.server.address.startswith("tls+127.0.0.1:"), self.server.address)
        done = self.grpcclient("--tls-ca", self.made.ca, address=self.server.address)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_grpcurl_connects_by_name_and_by_address(self):
        for flags in (["-cacert", self.made.ca], ["-cacert", self.made.ca, "-servername", "localhost"]):
            done = self.grpcurl(*flags)
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertIn("timestamp", done.stdout)

    def test_both_versions_choose_http_2_and_forward_secrecy(self):
        for flag, suite in (("-tls1_3", "TLS_AES_128_GCM_SHA256"), ("-tls1_2", "ECDHE-ECDSA-AES")):
            with self.subTest(flag):
                done = s_client(self.address, flag, "-alpn", "h2", "-CAfile", self.made.ca, "-verify_return_error")
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertIn("ALPN protocol: h2", done.stdout)
                self.assertIn("Verify return code: 0 (ok)", done.stdout)
                self.assertIn("Secure Renegotiation IS", done.stdout)
                self.assertIn(f"Cipher is {suite}", done.stdout)

    def test_tls_1_1_is_refused(self):
        done = s_client(self.address, "-tls1_1", "-alpn", "h2", "-cipher", "DEFAULT@SECLEVEL=0")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("alert protocol version", done.stderr)

    def test_without_alpn_the_handshake_is_refused_and_the_log_has_the_reason(self):
        for flags, cause in (
            ([], " no protocol; "),
            (["-alpn", "http/1.1"], " not speak HTTP/2; "),
        ):
            with self.subTest(flags):
                done = s_client(self.address, *flags)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn("alert no application protocol", done.stderr)
                self.assertTrue(self.server.says(cause))
                self.assertRegex(self.server.text(), r"info 127\.0\.0\.1:\d+: TLS: .*" + re.escape(cause))

    def test_renegotiation_is_refused(self):
        # "R" makes openssl's client renegotiate.
        process = subprocess.Popen(
            ["openssl", "s_client", "-connect", self.address, "-tls1_2", "-alpn", "h2"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        )  # fmt: skip
        shown = []
        ready = threading.Event()

        def read():
            for line in process.stdout:
                shown.append(line)
                if "Verify return code" in line:
                    ready.set()

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        self.assertTrue(ready.wait(harness.RUN_SECONDS), "".join(shown))
        process.stdin.write("R\n")
        process.stdin.flush()
        process.wait(harness.RUN_SECONDS)
        reader.join()
        process.stdin.close()
        process.stdout.close()
        self.assertIn("RENEGOTIATING", "".join(shown))
        self.assertIn("no renegotiation", "".join(shown))

    def test_a_ticket_of_one_shard_resumes_on_any(self):
        for version in VERSIONS:
            # A connection goes to the shard with the fewest connections, so two at once go to different shards.
            with self.subTest(version.name), harness.Server(*self.flags()) as server:
                context = self.context(version)
                with connected(server, context) as first, connected(server, context, first.socket.session) as second:
                    self.assertFalse(first.socket.session_reused)
                    self.assertTrue(second.socket.session_reused)
                    self.assertEqual({serving(server, first), serving(server, second)}, {"shard-0", "shard-1"})

    def test_there_is_no_early_data(self):
        session, early = self.made.path / "session.pem", self.made.path / "early"
        early.write_bytes(frames.PREFACE)
        flags = ["-tls1_3", "-alpn", "h2"]
        # A second preface is not a frame, so the server closes the connection after it has sent its tickets.
        first = s_client(self.address, *flags, "-sess_out", session, "-ign_eof", text=2 * frames.PREFACE.decode())
        self.assertIn("Max Early Data: 0\n", first.stdout, first.stderr)
        again = s_client(self.address, *flags, "-sess_in", session, "-early_data", early)
        self.assertIn("Reused, TLSv1.3", again.stdout, again.stderr)
        self.assertIn("Early data was not sent\n", again.stdout)

    def test_a_broken_off_handshake_does_not_harm_the_server(self):
        host, port = self.address.rsplit(":", 1)
        for start in (b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET / HTTP/1.1\r\n\r\n"):
            with socket.create_connection((host, int(port))) as peer:
                peer.sendall(start)
                peer.shutdown(socket.SHUT_WR)
                peer.settimeout(harness.RUN_SECONDS)
                while peer.recv(4096):
                    pass
        self.assertEqual(self.grpcurl("-cacert", self.made.ca).returncode, 0)

    def test_our_client_says_why_it_does_not_trust_the_server(self):
        stranger = self.made.authority("stranger").certificate
        for flags, cause in (
            (["--tls-ca", stranger], "unable to get local issuer certificate, that of CN=server; "),
            (["--tls"], "unable to get local issuer certificate, that of CN=server; "),
            (["--tls-ca", self.made.ca, "--tls-server-name", "other.example"], "hostname mismatch, .* localhost, 127.0.0.1; "),
        ):  # fmt: skip
            with self.subTest(flags):
                done = self.grpcclient(*flags)
                self.assertEqual(done.returncode, UNAVAILABLE, done.stdout)
                self.assertRegex(done.stdout, f"connect {self.address}: TLS: {cause}")
                self.assertIn("--tls-server-name" if "mismatch" in cause else "--tls-ca", done.stdout)

    def test_our_client_says_that_a_common_name_does_not_count(self):
        nameless = self.made.issue("nameless", "URI:spiffe://example.org/server")
        with harness.Server("--tls-cert", nameless.certificate, "--tls-key", nameless.key, listen=("tls+127.0.0.1:0",)) as server:
            done = self.grpcclient("--tls-ca", self.made.ca, address=server.address)
        self.assertEqual(done.returncode, UNAVAILABLE, done.stdout)
        self.assertRegex(done.stdout, "TLS: .* mismatch, .* CN=nameless .* subjectAltName, .* common name .*\n")

    def test_our_load_generator_uses_tls_too(self):
        flags = ["--server", self.address, "-n", "100"]
        done = harness.run([os.environ["GRPCBENCH"], *flags, "--tls-ca", self.made.ca])
        self.assertEqual(done.returncode, 0, done.stdout)
        done = harness.run([os.environ["GRPCBENCH"], *flags, "--tls"])
        self.assertEqual(done.returncode, 1)
        self.assertIn("TLS: ", done.stdout)

    def test_our_client_without_tls_reports_a_server_with_tls(self):
        done = self.grpcclient()
        self.assertEqual(done.returncode, UNAVAILABLE)
        self.assertRegex(done.stdout, rf"connect {self.address}: [^?]*\? .* tls\+ [^?]*\n\Z")

    def test_our_client_with_tls_reports_a_server_without_tls(self):
        with harness.Server() as server:
            done = self.grpcclient(address="tls+" + server.address)
        self.assertEqual(done.returncode, UNAVAILABLE)
        self.assertIn("; if the server uses plaintext, leave out tls+ and the TLS flags\n", done.stdout)

    def test_wrong_files_are_no_usage_error_and_contradicting_flags_are_one(self):
        for flags, status, words in (
            (["--tls-ca", "/nowhere.pem"], 71, "TLS: --tls-ca: open /nowhere.pem: no such file or directory"),
            (["--tls-ca", self.identity.key], 71, f"TLS: --tls-ca: {self.identity.key}: .*-----BEGIN CERTIFICATE-----"),
            (["--tls-cert", self.identity.certificate], 64, "--tls-cert: .* private key.* --tls-key "),
        ):
            done = self.grpcclient(*flags)
            self.assertEqual(done.returncode, status, done.stdout)
            self.assertRegex(done.stdout, words)
            done = harness.run([os.environ["GRPCBENCH"], "--server", self.address, *flags])
            self.assertEqual(done.returncode, 1 if status == 71 else 2, done.stdout)
            self.assertRegex(done.stdout, words)

    def test_the_error_for_a_file_that_the_configuration_names_has_its_line(self):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write('\ntls-ca = "/nowhere.pem"\n')
            file.flush()
            done = self.grpcclient("--config", file.name)
        self.assertEqual(done.returncode, 71, done.stdout)
        self.assertIn(f"TLS: {file.name}:2: tls-ca: open /nowhere.pem: no such file or directory", done.stdout)


class MutualTls(Certified):
    @classmethod
    def flags(cls):
        rules = cls.made.path / "authz.toml"
        rules.write_text(
            '"/echo.v1.EchoService/Echo" = ["spiffe://example.org/billing", "dns:client.example"]\n'
            '"/grpc.reflection.v1.ServerReflection/*" = "*"\n'
            '"/grpc.health.v1.Health/*" = "*"\n'
        )
        return [*super().flags(), "--tls-client-ca", cls.made.ca, "--authz", rules]

    def call(self, identity):
        return self.grpcclient("--tls-ca", self.made.ca, "--tls-cert", identity.certificate, "--tls-key", identity.key)

    def test_listed_clients_may_call_and_others_learn_their_identity(self):
        for names, allowed in (("URI:spiffe://example.org/billing", True), ("DNS:client.example", True),
                               ("URI:spiffe://example.org/other", False)):  # fmt: skip
            with self.subTest(names):
                identity = self.made.issue("client", names)
                done = self.call(identity)
                self.assertEqual(done.returncode, 0 if allowed else PERMISSION_DENIED, done.stdout)
                if not allowed:
                    self.assertIn("spiffe://example.org/other may not call /echo.v1.EchoService/Echo", done.stdout)
                shown = self.grpcurl("-cacert", self.made.ca, "-cert", identity.certificate, "-key", identity.key)
                self.assertEqual(shown.returncode, 0 if allowed else 64 + PERMISSION_DENIED, shown.stdout)

    def test_clients_without_a_valid_certificate_are_refused(self):
        done = self.grpcclient("--tls-ca", self.made.ca)
        self.assertEqual(done.returncode, UNAVAILABLE)
        self.assertIn("TLS: the peer refused: certificate required; ", done.stdout)
        self.assertIn("--tls-cert", done.stdout)
        # It retries until its deadline.
        self.assertNotEqual(self.grpcurl("-cacert", self.made.ca, connect_seconds=2).returncode, 0)

        self.made.authority("stranger")
        done = self.call(self.made.issue("mallory", ca="stranger"))
        self.assertEqual(done.returncode, UNAVAILABLE)
        self.assertIn("TLS: the peer refused: unknown CA", done.stdout)
        self.assertTrue(self.server.says(": TLS: ", " CN=mallory; "), self.server.text())

        done = self.call(self.made.issue("late", days=-1))
        self.assertEqual(done.returncode, UNAVAILABLE)
        self.assertIn("TLS: the peer refused: certificate expired", done.stdout)

    def test_a_resumed_session_keeps_the_clients_identity(self):
        for names, allowed in (("DNS:client.example", True), ("DNS:other.example", False)):
            for version in VERSIONS:
                with self.subTest(names, version=version.name):
                    context = self.context(version)
                    context.load_cert_chain(*self.made.issue("client", names))
                    with connected(self.server, context) as first:
                        session = first.socket.session
                    with connected(self.server, context, session) as again:
                        self.assertTrue(again.socket.session_reused)
                        self.assertEqual(echoes(again, 1), allowed)


class Foreign(unittest.TestCase):
    """Our client with misconfigured servers, run by openssl."""

    @classmethod
    def setUpClass(cls):
        cls.made = cls.enterClassContext(certificates.Folder())

    def refusal(self, identity, *flags):
        port = free_port()
        command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", identity.certificate, "-key", identity.key]
        with subprocess.Popen(
            [*map(str, command), *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as server:
            try:
                for line in server.stdout:
                    if line.startswith("ACCEPT"):
                        break
                address = f"127.0.0.1:{port}"
                done = grpcclient(address, "--tls-ca", self.made.ca)
                self.assertEqual(done.returncode, UNAVAILABLE, done.stdout)
                self.assertIn(f"connect {address}: TLS: ", done.stdout)
                return done.stdout
            finally:
                server.kill()

    def test_an_expired_certificate(self):
        said = self.refusal(self.made.issue("old", days=-1), "-alpn", "h2")
        self.assertRegex(said, r"TLS: certificate has expired, that of CN=old on \d{4}-\d\d-\d\d .* UTC; ")

    def test_a_server_without_http_2(self):
        said = self.refusal(self.made.issue("server"))
        self.assertRegex(said, r"TLS: the server .* HTTP/2 \(ALPN h2\); ")

    def test_a_server_of_tls_1_1(self):
        said = self.refusal(self.made.issue("server"), "-tls1_1", "-alpn", "h2", "-cipher", "DEFAULT@SECLEVEL=0")
        self.assertIn("TLS: the peer refused: protocol version", said)


class Mixed(unittest.TestCase):
    def test_addresses_with_and_without_tls_at_once(self):
        with certificates.Folder() as made:
            identity = made.issue("server")
            listen = ("127.0.0.1:0", "tls+tcp://127.0.0.1:0", f"tls+unix:{made.path}/grpcd.sock")
            flags = ["--tls-cert", identity.certificate, "--tls-key", identity.key]
            with harness.Server(*flags, listen=listen) as server:
                plain, secure, local = server.addresses
                for address, more in ((plain, []), (secure, ["--tls-ca", made.ca]), (local, ["--tls-ca", made.ca])):
                    done = grpcclient(address, *more)
                    self.assertEqual(done.returncode, 0, done.stdout)
                self.assertFalse(plain.startswith("tls+"))
                self.assertEqual(local, f"tls+unix:{made.path}/grpcd.sock")


EXCHANGES = 40  # grpcd logs the same result of a signal 20 times at once


class Reload(unittest.TestCase):
    """Certificates are replaced while calls run."""

    def test_good_and_bad_replacements_lose_no_call(self):
        with certificates.Folder() as made:
            served = made.issue("server")
            good = [made.issue("first"), made.issue("second")]
            flags = ["--tls-cert", served.certificate, "--tls-key", served.key, "--max-connection-age", "1s"]
            with harness.Server(*flags) as server:
                stop = threading.Event()
                failures, calls = [], [0]

                def call():
                    while not stop.is_set():
                        done = grpcclient(server.address, "--tls-ca", made.ca)
                        calls[0] += 1
                        if done.returncode != 0:
                            failures.append(done.stdout)

                callers = [threading.Thread(target=call) for _ in range(2)]
                for each in callers:
                    each.start()
                for number in range(EXCHANGES):
                    # Waits for calls between the replacements, whatever their duration.
                    self.assertTrue(harness.wait_until(lambda: calls[0] >= number // 2), failures)
                    key = "nonsense" if number % 2 else good[number // 2 % 2].key.read_text()
                    self.put(served.key, key)
                    self.put(served.certificate, good[number // 2 % 2].certificate.read_text())
                    said = len(server.log)
                    server.process.send_signal(signal.SIGHUP)
                    self.wait_for(server, said, "SIGHUP: ")
                stop.set()
                for each in callers:
                    each.join()
                self.assertEqual(failures, [])
                self.assertGreater(calls[0], 10)
                # The server also checks the files itself, and may find one replaced and the other not yet.
                said = [line for line in server.log if " SIGHUP: " in line]
                read = [line for line in said if "reloaded the certificates" in line]
                refused = [line for line in said if "nothing was reloaded" in line]
                self.assertEqual((len(read), len(refused), len(said)), (EXCHANGES // 2, EXCHANGES // 2, EXCHANGES))
                for line in refused:
                    self.assertIn("-----BEGIN PRIVATE KEY-----", line)

    def test_changed_files_are_reloaded_without_a_signal(self):
        with certificates.Folder() as made:
            served = made.issue("server")
            fresh = made.issue("fresh")
            with harness.Server("--tls-cert", served.certificate, "--tls-key", served.key) as server:
                said = len(server.log)
                self.put(served.key, fresh.key.read_text())
                self.put(served.certificate, fresh.certificate.read_text())
                self.wait_for(server, said, "changed files: reloaded ")
                shown = s_client(server.address.removeprefix("tls+"), "-alpn", "h2").stdout
                self.assertIn("subject=CN = fresh", shown)
                said = len(server.log)
                self.put(served.certificate, "nothing")
                self.wait_for(server, said, "-----BEGIN CERTIFICATE-----")

    @staticmethod
    def put(path, text):
        beside = path.with_suffix(".new")
        beside.write_text(text)
        beside.rename(path)

    def wait_for(self, server, after, text):
        self.assertTrue(server.says(text, after=after), f"{text!r} is not in the log:\n{server.text()}")


class AllowList(unittest.TestCase):
    def test_unknown_methods_are_refused_with_the_file_and_similar_names(self):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write('"/echo.v1.EchoService/Ecko" = "*"\n')
            file.flush()
            done = harness.run([os.environ["GRPCD"], "--listen", "127.0.0.1:0", "--authz", file.name])
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"grpcd: --authz: {file.name}:1: /echo.v1.EchoService/Ecko: echo.v1.EchoService has no method 'Ecko'", done.stdout)
        self.assertIn("; did you mean Echo?\n", done.stdout)


class StartUp(unittest.TestCase):
    def test_missing_or_wrong_settings_are_named(self):
        with certificates.Folder() as made:
            one, other = made.issue("one"), made.issue("other")
            wrong = made.path / "wrong.toml"
            wrong.write_text('"/a.B/C" = "nobody in particular"\n')
            for flags, status, words in (
                (["--tls-cert", one.certificate], 2, "--tls-cert: .* private key; .*--tls-key "),
                (["--tls-client-ca", made.ca], 2, "--tls-client-ca: .* certificate; .*--tls-cert and --tls-key "),
                (["--tls-cert", one.certificate, "--tls-key", other.key], 1, f"TLS: --tls-key: {other.key}: .* {one.certificate}\n"),
                (["--tls-cert", "/nowhere", "--tls-key", one.key], 1, "TLS: --tls-cert: open /nowhere: no such file or directory"),
                (["--listen", "tls+127.0.0.1:0"], 2, r"tls\+127\.0\.0\.1:0: .* certificate .* --tls-cert and --tls-key"),
                (["--tls-min-version", "1.1"], 2, "tls-min-version: "),
                (["--tls-min-version", "1.3"], 2, "--tls-min-version: .* certificate; .*--tls-cert and --tls-key "),
                (["--authz", "/nowhere"], 1, "--authz: /nowhere: no such file or directory"),
                (["--authz", wrong], 1, f'--authz: {wrong}:1: "nobody in particular" .* spiffe://'),
            ):  # fmt: skip
                with self.subTest(flags):
                    done = harness.run([os.environ["GRPCD"], *flags])
                    self.assertEqual(done.returncode, status, done.stdout)
                    self.assertRegex(done.stdout, words)
                    # Without io_uring, an earlier record says so.
                    said = [line for line in done.stdout.splitlines() if " info using epoll; " not in line]
                    self.assertEqual(len(said), 1, done.stdout)


if __name__ == "__main__":
    harness.main()
