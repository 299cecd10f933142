"""A certificate that comes to the unit: looked at before it is put in place of anything."""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from config.certificates import PLAUSIBLE_FROM, for_clients
from config.language import tell
from config.wording import listed
from edge.provisioning.errors import WrongInputError
from edge.provisioning.requests import spki

MAX_BYTES = 64 * 1024
MOST = 5  # in a chain
CHECK_PRIVATE = b"PRIVATE KEY"


def read_certificates(data: bytes, what: str) -> list[x509.Certificate]:
    """PEM (one or a chain) or DER. `what` names the file in errors. Raises WrongInputError."""
    if CHECK_PRIVATE in data:
        raise WrongInputError(
            tell("{what} holds a PRIVATE key: that must never travel", what=what),
            tell("delete this copy, and have a certificate made for the unit's own unit.csr"),
        )
    told = tell("{what} holds no certificate that can be read", what=what)
    cure = tell("copy it again; PEM or DER")
    if len(data) > MAX_BYTES:
        raise WrongInputError(told, cure)
    try:
        if b"-----BEGIN" in data:
            found = x509.load_pem_x509_certificates(data)
        else:
            found = [x509.load_der_x509_certificate(data)]
        for each in found:  # all that is looked at later: the library reads it when it is asked
            _ = each.extensions, each.subject, each.issuer, spki(each.public_key())
    except (
        ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ) as error:  # fmt: skip
        raise WrongInputError(told, cure) from error
    if not 0 < len(found) <= MOST:
        raise WrongInputError(told, cure)
    return found


def read_authority(data: bytes, now: datetime) -> list[x509.Certificate]:
    """The authorities that the unit shall believe. Raises WrongInputError."""
    found = read_certificates(data, tell("the authority's file"))
    for each in found:
        if not _signs(each):
            raise WrongInputError(
                tell(
                    "the authority's file holds {name}, which is no authority", name=name_of(each)
                ),
                tell("give ca.crt, not the unit's or the broker's certificate"),
            )
        if _known(now) and each.not_valid_after_utc <= now:
            told = tell("the authority ended on {day:%Y-%m-%d}", day=each.not_valid_after_utc)
            raise WrongInputError(told, tell("ask for the new one; or is the clock right?"))
    return found


def checked_chain(
    data: bytes,
    unit: str,
    public_key: object,
    authorities: Sequence[x509.Certificate],
    now: datetime,
) -> list[x509.Certificate]:
    """The unit's certificate and what leads from it to an authority, in that order.

    `authorities` may be empty: then whose signature it has is the broker's business alone.
    Raises WrongInputError with what is wrong and the cure.
    """
    chain = read_certificates(data, tell("the certificate's file"))
    leaf = chain[0]
    if spki(leaf.public_key()) != spki(public_key):
        raise WrongInputError(
            tell("the certificate is not for this unit's key"),
            tell("have it made for the unit.csr that lies here: patrol-edge provision csr"),
        )
    names = [str(each.value) for each in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if names != [unit]:
        shown = listed((repr(name)[:60] for name in names), "and") if names else tell("nobody")
        told = tell("the certificate is for {names}, and this unit is '{unit}'",
                    names=shown, unit=unit)  # fmt: skip
        raise WrongInputError(told, tell("have it made with CN={unit}", unit=unit))
    if not for_clients(leaf):
        told = tell("it is a server's certificate")
        raise WrongInputError(told, tell("have one made for a client (clientAuth)"))
    _check_dates(leaf, now)
    if authorities and not _leads_to(chain, authorities):
        by = name_of(authorities[0])
        raise WrongInputError(
            tell("the certificate is not signed by the authority that this unit believes: {by}",
                 by=by),
            tell("give the authority that signed it (--ca), or have it signed by this one"),
        )  # fmt: skip
    return chain


def _check_dates(leaf: x509.Certificate, now: datetime) -> None:
    """A clock that was never set says nothing of dates."""
    if not _known(now):
        return
    if leaf.not_valid_after_utc <= now:
        told = tell("the certificate ended on {day:%Y-%m-%d}", day=leaf.not_valid_after_utc)
        raise WrongInputError(told, tell("have a new one made; or is the clock right?"))
    if leaf.not_valid_before_utc > now:
        told = tell("the certificate begins on {day:%Y-%m-%d %H:%M} UTC",
                    day=leaf.not_valid_before_utc)  # fmt: skip
        raise WrongInputError(told, tell("is the clock right?"))


def _known(now: datetime) -> bool:
    return now >= PLAUSIBLE_FROM


def _leads_to(chain: Sequence[x509.Certificate], authorities: Sequence[x509.Certificate]) -> bool:
    """Each signed by the next, the last by an authority."""
    at = chain[0]
    for above in chain[1:]:
        if _signed_by(at, above) and _signs(above):
            at = above
    return any(_signed_by(at, each) for each in authorities)


def _signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _signs(certificate: x509.Certificate) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False
    return found.value.ca


def name_of(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return repr(str(names[0].value))[:60] if names else "?"


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256, hexadecimal."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def pem_of(certificates: Sequence[x509.Certificate]) -> bytes:
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)
