"""What stands in a certificate of ours (RFC 5280): for whom it is, for what, and for how long."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from config.language import tell
from edge.provisioning.errors import WrongInputError

Profile = Literal["unit", "client", "broker"]
HOST = re.compile(r"(\*\.)?([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9-]{1,63}\.?")
# A unit's clock may be a little behind before it has heard the time: a certificate that begins in
# its future would be refused.
BEGINS_BEFORE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a certificate shall say."""

    name: str  # CN
    profile: Profile
    days: int
    hosts: tuple[str, ...] = ()  # of a broker: names and addresses


def root_certificate(
    key: ec.EllipticCurvePrivateKey, name: str, now: datetime, days: int
) -> x509.Certificate:
    """The authority's own: signs certificates and lists, and no further authority."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now.replace(microsecond=0) - BEGINS_BEFORE)
        .not_valid_after(now.replace(microsecond=0) + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )


def certificate_of(
    wish: Wish,
    public_key: Any,
    issuer: x509.Certificate,
    issuer_key: ec.EllipticCurvePrivateKey,
    serial: int,
    now: datetime,
) -> x509.Certificate:
    """Never valid for longer than the authority itself. Raises WrongInputError."""
    until = min(now + timedelta(days=wish.days), issuer.not_valid_after_utc)
    usage = (
        ExtendedKeyUsageOID.SERVER_AUTH
        if wish.profile == "broker"
        else ExtendedKeyUsageOID.CLIENT_AUTH
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, wish.name)]))
        .issuer_name(issuer.subject)
        .public_key(public_key)
        .serial_number(serial)
        .not_valid_before(now - BEGINS_BEFORE)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        # Python from 3.13 on refuses certificates without these two (VERIFY_X509_STRICT).
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()),  # type: ignore[arg-type]
            critical=False,
        )
    )
    if wish.hosts:
        names = x509.SubjectAlternativeName(host_names(wish.hosts))
        builder = builder.add_extension(names, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def host_names(hosts: Sequence[str]) -> list[x509.GeneralName]:
    """As names or addresses, whichever each is. Raises WrongInputError."""
    return [_host_name(host) for host in hosts]


def _host_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        pass
    if not HOST.fullmatch(host) or len(host) > 253:
        told = tell("{host} is no host name and no address", host=repr(host)[:80])
        raise WrongInputError(told, tell("e.g. hub.example, 10.1.2.3"))
    return x509.DNSName(host)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
