"""Makes certificates for a check with the openssl command.

    with certificates.Folder() as made:
        server = made.issue("server")
        harness.Server("--tls-cert", server.certificate, "--tls-key", server.key)
        subprocess.run(["grpcurl", "-cacert", made.ca, ...])
"""

import collections
import datetime
import pathlib
import subprocess
import tempfile

Identity = collections.namedtuple("Identity", "certificate key")
NAMES = "DNS:localhost,IP:127.0.0.1"


class Folder:
    """A CA and the certificates that it has issued. Leaving the `with` removes the files."""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self._folder.name)
        self.ca = self.authority("ca").certificate
        return self

    def __exit__(self, kind, error, trace):
        self._folder.cleanup()

    def authority(self, name):
        made = Identity(self.path / f"{name}.pem", self.path / f"{name}.key")
        self._new_key(made.key)
        self._openssl("req", "-x509", "-new", "-key", made.key, "-out", made.certificate, "-days", "2", "-subj", f"/CN={name}")
        return made

    def issue(self, name, names=NAMES, days=1, ca="ca"):
        """Issues a certificate with these alternative names; with negative `days` an expired one."""
        made = Identity(self.path / f"{name}.pem", self.path / f"{name}.key")
        self._new_key(made.key)
        request = self.path / f"{name}.csr"
        self._openssl("req", "-new", "-key", made.key, "-out", request, "-subj", f"/CN={name}")
        now = datetime.datetime.now(datetime.timezone.utc)
        moments = [f"{now + datetime.timedelta(days=offset):%Y%m%d%H%M%SZ}" for offset in (-3, days)]
        settings = self.path / f"{name}.cnf"
        settings.write_text(
            "[ca]\ndefault_ca=here\n[here]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\n"
            "policy=any\nrand_serial=yes\nunique_subject=no\n[any]\ncommonName=supplied\n"
            f"[names]\nsubjectAltName={names}\n"
        )
        (self.path / "index").touch()
        self._openssl(
            "ca", "-batch", "-notext", "-config", settings, "-extensions", "names", "-in", request, "-out", made.certificate,
            "-cert", self.path / f"{ca}.pem", "-keyfile", self.path / f"{ca}.key", "-startdate", moments[0], "-enddate", moments[1],
        )  # fmt: skip
        return made

    def _new_key(self, path):
        self._openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)

    def _openssl(self, *words):
        done = subprocess.run(
            ["openssl", *map(str, words)], cwd=self.path, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise AssertionError(f"openssl {words[0]}: {done.stderr}")
