"""Certificates for tests, made by openssl."""

import subprocess
from pathlib import Path


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def make_authority(folder: Path, name: str) -> None:
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    files = ("-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt")
    extension = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
    openssl("req", "-x509", *key, *files, "-days", "2", "-subj", f"/CN={name}", *extension)


def make_certificate(folder: Path, name: str, authority: str = "ca", *, days: int = 2) -> None:
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    request = folder / f"{name}.csr"
    openssl("req", *key, "-keyout", folder / f"{name}.key", "-out", request, "-subj", f"/CN={name}")
    extensions = folder / f"{name}.ext"
    extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    signer = ("-CA", folder / f"{authority}.crt", "-CAkey", folder / f"{authority}.key")
    files = ("-in", request, "-out", folder / f"{name}.crt", "-extfile", extensions)
    openssl("x509", "-req", *signer, "-CAcreateserial", "-days", str(days), *files)
    (folder / f"{name}.key").chmod(0o600)
