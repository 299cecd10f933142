"""Certificates for tests, made by openssl."""

import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


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


def make_dated(
    folder: Path, name: str, *, ends_in_days: float, host: str = "127.0.0.1", authority: str = "ca"
) -> None:
    """A server's certificate that ends when it is told to, for this address: openssl's own command
    makes none that has ended already."""
    signer = serialization.load_pem_private_key(
        (folder / f"{authority}.key").read_bytes(), password=None
    )
    issuer = x509.load_pem_x509_certificate((folder / f"{authority}.crt").read_bytes())
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    end = datetime.now(UTC) + timedelta(days=ends_in_days)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - timedelta(days=400))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), False)
        .sign(signer, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / f"{name}.crt").write_bytes(made.public_bytes(pem))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / f"{name}.key").chmod(0o600)
