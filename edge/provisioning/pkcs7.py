"""The envelope in which EST sends certificates: PKCS #7, certificates only (RFC 5652, RFC 7030)."""

import base64
import binascii

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from config.language import tell
from edge.provisioning.errors import ProvisioningError

MAX_BYTES = 64 * 1024
MOST_CERTIFICATES = 10


def envelope(certificates: list[x509.Certificate]) -> bytes:
    """Base64 in lines, as it goes over HTTP."""
    return base64.encodebytes(pkcs7.serialize_certificates(certificates, Encoding.DER))


def certificates_in(data: bytes) -> list[x509.Certificate]:
    """What a server has answered: base64 or DER. Raises ProvisioningError."""
    told = tell("the server's answer holds no certificates (PKCS #7)")
    cure = tell("is the address that of an EST server? ask who runs it")
    if len(data) > MAX_BYTES:
        raise ProvisioningError(told, cure)
    try:
        if data[:1] != b"\x30":
            data = base64.b64decode(b"".join(data.split()), validate=True)
        found = pkcs7.load_der_pkcs7_certificates(data)
    except (
        ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, binascii.Error,
    ) as error:  # fmt: skip
        raise ProvisioningError(told, cure) from error
    if not 0 < len(found) <= MOST_CERTIFICATES:
        raise ProvisioningError(told, cure)
    return found
