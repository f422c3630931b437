"""Certificates for the TLS tests, made by the openssl program."""
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Leaf:
    cert: Path
    key: Path

    def fingerprint(self) -> bytes:
        """The certificate itself (DER), which is what a client compares."""
        return ssl.PEM_cert_to_DER_cert(self.cert.read_text())


class Authority:
    """A certificate authority with a folder of its own."""
    def __init__(self, folder: Path, name: str):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.name = folder, name
        self.cert, self._key = folder / f"{name}.pem", folder / f"{name}.key"
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                 "2", "-subj", f"/CN={name}", "-keyout", self._key, "-out", self.cert)

    def issue(self, name: str) -> Leaf:
        """A leaf for localhost, good for servers and clients."""
        leaf = Leaf(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        extensions.write_text(
            "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                 f"/CN={name}", "-keyout", leaf.key, "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self._key, "-CAcreateserial",
                 "-days", "1", "-extfile", extensions, "-out", leaf.cert)
        return leaf

    def client_context(self, leaf: Leaf | None = None) -> ssl.SSLContext:
        """Trusts this authority alone; shows `leaf` when given."""
        context = ssl.create_default_context(cafile=str(self.cert))
        if leaf:
            context.load_cert_chain(str(leaf.cert), str(leaf.key))
        return context


def _openssl(*arguments) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
