"""Certificates for the TLS tests, made once with the openssl command."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest

from tests.api.server import Reply, client_of, get, go, one, script, serving

CONFIG = """
[ca]
default_ca = own
[own]
database = {0}/index.txt
new_certs_dir = {0}
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
"""


class Authority:
    """A certificate authority in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = folder / "ca.pem"
        (folder / "index.txt").touch()
        (folder / "ca.cnf").write_text(CONFIG.format(folder))
        self._openssl("req", "-x509", *self._key("ca"), "-subj", "/CN=Test CA", "-out", self.ca)

    def server(self, name: str, names: str, start: str = "200101000000Z", end: str = "491231000000Z") -> ssl.SSLContext:
        """A server's context, with a certificate for ``names`` (``DNS:…,IP:…``) that is valid from start to end."""
        request, certificate, key = (self.folder / f"{name}.{kind}" for kind in ("csr", "pem", "key"))
        if not certificate.exists():
            subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName={names}"]
            self._openssl("req", *self._key(name), *subject, "-out", request)
            signing: list[str | Path] = [
                "-config",
                self.folder / "ca.cnf",
                "-cert",
                self.ca,
                "-keyfile",
                self.folder / "ca.key",
            ]
            validity = ["-startdate", start, "-enddate", end]
            self._openssl("ca", "-batch", "-notext", *signing, *validity, "-in", request, "-out", certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context

    def _key(self, name: str) -> list[str | Path]:
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        return [*curve, "-nodes", "-keyout", self.folder / f"{name}.key"]

    def _openssl(self, *arguments: str | Path) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session", autouse=True)
def warm() -> None:
    """The libraries import much at the first request, which on a busy machine outlasts a test's short deadline."""

    async def main() -> None:
        async with serving(script(Reply())) as server, client_of(server.url) as client:
            await client.run(one(get()))

    go(main())
