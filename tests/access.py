"""The shipped brokers with certificates of a pilot authority of ours, and with forged ones."""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from drivers.clock import SystemClock
from edge.provisioning.authority import Authority as PilotAuthority
from tests.broker import MOSQUITTO, Broker

SHIPPED = Path(__file__).parents[1] / "systemd" / "mosquitto"
LACKING = None if MOSQUITTO else "needs mosquitto"


def pair(name: str) -> tuple[bytes, bytes]:
    """A certificate that signed itself, good for a year, and its key, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), _pem(key)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


class Authority:
    """One authority, as `patrol-edge ca` makes it, whose key a test may also use for worse."""

    def __init__(self, folder: Path, *clients: str) -> None:
        self.folder = folder
        self.desk = PilotAuthority.make(folder, SystemClock())
        self.desk.issue("broker", "broker", hosts=("localhost", "127.0.0.1"))
        for name in clients:
            self.desk.issue(name, "client")

    @property
    def ca(self) -> Path:
        return self.folder / "ca.crt"

    def files(self, name: str) -> tuple[Path, Path]:
        return self.folder / f"{name}.crt", self.folder / f"{name}.key"

    def context(self, name: str | None, ca: Path | None = None) -> ssl.SSLContext:
        """A client's, with the certificate of this name; None: with no certificate."""
        context = ssl.create_default_context(cafile=ca or self.ca)
        if name is not None:
            context.load_cert_chain(*self.files(name))
        return context

    def forge(
        self,
        file: str,
        names: Sequence[str],
        *,
        days: tuple[float, float] = (-1, 1),
        self_signed: bool = False,
        usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH,
    ) -> str:
        """A certificate that the script would not make. `days`: valid from and until, from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        ca_key = serialization.load_pem_private_key(
            (self.folder / "ca.key").read_bytes(), password=None
        )
        assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names])
        issuer = x509.load_pem_x509_certificate(self.ca.read_bytes()).subject
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if self_signed else issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=days[0]))
            .not_valid_after(now + timedelta(days=days[1]))
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .sign(key if self_signed else ca_key, hashes.SHA256())
        )
        cert_file, key_file = self.files(file)
        cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_file.write_bytes(_pem(key))
        key_file.chmod(0o600)
        return file


def shipped_settings(kind: str, authority: Authority, more_rules: str = "") -> list[str]:
    """The lines of a shipped mosquitto file, changed in its folders, its port and its log only.

    `kind`: patrol-edge or partners. `more_rules` go to the end of the ACL.
    """
    acl = authority.folder / f"{kind}.acl"
    acl.write_text((SHIPPED / f"{kind}.acl").read_text() + more_rules)
    acl.chmod(0o600)
    data = authority.folder / "data"
    data.mkdir(exist_ok=True)
    text = (SHIPPED / f"{kind}.conf").read_text()
    for shipped, here in (
        (f"/etc/mosquitto/{kind}", str(authority.folder)),
        ("/var/lib/mosquitto/", f"{data}/"),
        ("listener 8883", "listener {port} 127.0.0.1"),
        ("log_dest syslog", "log_dest stderr"),
    ):
        assert shipped in text, f"{kind}.conf has no {shipped} any more"
        text = text.replace(shipped, here)
    return [line for line in text.splitlines() if line and not line.startswith("#")]


OBSERVER = "\nuser observer\ntopic readwrite #\ntopic read $SYS/#\n"


@contextmanager
def shipped_broker(kind: str, authority: Authority, more_rules: str = OBSERVER) -> Iterator[Broker]:
    """Runs with one user more, `observer`, who hears and says everything: it sees what got in."""
    with Broker(shipped_settings(kind, authority, more_rules), kind="mosquitto") as broker:
        yield broker
