"""What a unit's certificate says: whose it is, from when until when, and whether its key fits.

The one place where `config` looks into certificates. Nothing here decides whether a connection may
come about, which TLS does; it says beforehand, in words, why one would not.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from config.language import tell
from config.models import Settings
from config.secrets import SecretFileError, read_kept
from config.wording import in_days

DoubtCode = Literal["certificate_wrong", "certificate_expired", "certificate_expires"]

EXPIRES_SOON_DAYS = 30
# A clock before this was never set: nothing can be said of dates by it.
PLAUSIBLE_FROM = datetime(2026, 1, 1, tzinfo=UTC)


class CertificateError(Exception):
    """The file holds no certificate that can be read; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The first certificate of a PEM file: that of whoever presents it."""

    names: tuple[str, ...]  # all CNs of the subject; brokers use the first
    not_before: datetime
    not_after: datetime
    for_clients: bool  # its extended key usage allows it, or says nothing
    public_key: bytes  # SubjectPublicKeyInfo, DER


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing about the unit's identity that will not work, or not for long."""

    path: str  # "hub.tls.cert"
    code: DoubtCode
    text: str  # what is wrong, and what to do


def read_certificate(path: Path) -> Certificate:
    """Raises CertificateError for what is no certificate, SecretFileError for a file unfit."""
    content = read_kept(path, "open")  # the broker proves it, not its mode
    try:
        found = x509.load_pem_x509_certificate(content)
        names = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return Certificate(
            names=tuple(
                name.value if isinstance(name.value, str) else name.value.decode("utf-8", "replace")
                for name in names
            ),
            not_before=found.not_valid_before_utc,
            not_after=found.not_valid_after_utc,
            for_clients=for_clients(found),
            public_key=found.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            ),
        )
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise CertificateError(
            tell("{path} holds no certificate that can be read; copy it again", path=path)
        ) from error


def for_clients(found: x509.Certificate) -> bool:
    """RFC 5280, 4.2.1.12: without the extension any use is allowed."""
    try:
        usage = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    allowed = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    return bool(allowed & set(usage))


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """What a broker presents: for which names, from whom, until when."""

    names: tuple[str, ...]  # of the subjectAltName: DNS names and addresses; else the CN
    issuer: str
    not_before: datetime
    not_after: datetime


def read_peer(der: bytes) -> PeerCertificate:
    """Raises CertificateError. `der`: as `ssl.SSLSocket.getpeercert(True)` gives it."""
    try:
        found = x509.load_der_x509_certificate(der)
        return PeerCertificate(
            names=tuple(_peer_names(found)),
            issuer=found.issuer.rfc4514_string(),
            not_before=found.not_valid_before_utc,
            not_after=found.not_valid_after_utc,
        )
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise CertificateError(
            tell("the broker presents a certificate that cannot be read")
        ) from error


def _peer_names(found: x509.Certificate) -> Iterator[str]:
    """RFC 6125, 6.4: the subjectAltName counts; the CN only where there is none."""
    try:
        told = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        for name in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
            yield str(name.value)
        return
    yield from told.get_values_for_type(x509.DNSName)
    yield from (str(address) for address in told.get_values_for_type(x509.IPAddress))


def key_fits(certificate: Certificate, key: Path) -> bool | None:
    """True if it is this certificate's key; None where that cannot be told (it is locked, or no key
    at all, which TLS tells better). Raises SecretFileError."""
    try:
        private = serialization.load_pem_private_key(read_kept(key), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return public == certificate.public_key


def doubts(settings: Settings, now: datetime) -> list[Doubt]:
    """What is wrong with the unit's certificate. Of files that are missing others tell."""
    tls = settings.hub.tls
    if tls.cert is None or tls.key is None:
        return []
    try:
        certificate = read_certificate(tls.cert)
        found = [*_on_name(certificate, settings.unit.id), *_on_dates(certificate, now)]
    except CertificateError as error:
        return [Doubt("hub.tls.cert", "certificate_wrong", str(error))]
    except SecretFileError:
        return []
    with suppress(SecretFileError):
        if key_fits(certificate, tls.key) is False:
            text = tell(
                "{key} does not belong to the certificate; copy both again, as a pair", key=tls.key
            )
            found.append(Doubt("hub.tls.key", "certificate_wrong", text))
    return found


def _on_name(certificate: Certificate, unit: str) -> Iterator[Doubt]:
    def wrong(text: str) -> Doubt:
        return Doubt("hub.tls.cert", "certificate_wrong", text)

    if not certificate.names:
        yield wrong(tell("the certificate names nobody; have one made with CN={unit}", unit=unit))
    elif certificate.names != (unit,):
        names = " and ".join(repr(name)[:60] for name in certificate.names[:3])
        yield wrong(
            tell(
                "the certificate is for {names}, and unit.id is '{unit}': the broker goes by "
                "the certificate and refuses the unit's messages; correct unit.id, or have "
                "one made with CN={unit}",
                names=names,
                unit=unit,
            )
        )
    if not certificate.for_clients:
        yield wrong(tell("it is a server's certificate; have one made for a client (clientAuth)"))


def _on_dates(certificate: Certificate, now: datetime) -> Iterator[Doubt]:
    if now < PLAUSIBLE_FROM:
        return
    if certificate.not_after <= now:
        day = f"{certificate.not_after:%Y-%m-%d}"
        yield Doubt(
            "hub.tls.cert",
            "certificate_expired",
            tell(
                "the certificate ended on {day}; have a new one made, or see to the clock", day=day
            ),
        )
    elif certificate.not_before > now:
        day = f"{certificate.not_before:%Y-%m-%d %H:%M} UTC"
        yield Doubt(
            "hub.tls.cert",
            "certificate_wrong",
            tell("the certificate begins on {day}; is the clock right?", day=day),
        )
    elif certificate.not_after - now < timedelta(days=EXPIRES_SOON_DAYS):
        when = in_days((certificate.not_after - now).days)
        yield Doubt(
            "hub.tls.cert",
            "certificate_expires",
            tell("the certificate ends {when}; have a new one made", when=when),
        )


class IdentityWatch:
    """Says what is wrong with the unit's certificate, and reads it anew only when it changes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._seen: tuple[object, ...] | None = None
        self._found: list[Doubt] = []

    def doubts(self, now: datetime) -> list[Doubt]:
        """At most one look at the files an hour, unless they change."""
        tls = self._settings.hub.tls
        hour = now.replace(minute=0, second=0, microsecond=0)
        seen = (hour, *(_stamp(path) for path in (tls.cert, tls.key)))
        if seen != self._seen:
            self._seen, self._found = seen, doubts(self._settings, now)
        return self._found


def _stamp(path: Path | None) -> tuple[int, ...] | None:
    if path is None:
        return None
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_size)
