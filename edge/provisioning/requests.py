"""Keys for TLS and the requests to have them certified (PKCS #10, RFC 2986).

With `certificates.py` and `authority.py` the place where this package knows the library.
"""

import base64
import binascii
import hashlib

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from config.language import said, tell
from edge.provisioning.errors import WrongInputError

MAX_REQUEST_BYTES = 16 * 1024
SUBJECT = NameOID.COMMON_NAME
MAKE_ANOTHER = tell("make it anew: patrol-edge provision csr")


def new_key_pem() -> bytes:
    """A P-256 key, PKCS #8 PEM, not encrypted: systemd-creds or the disk's encryption lock it."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def load_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    """Raises ValueError: it is none, it is locked, or of another kind."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (TypeError, UnsupportedAlgorithm) as error:  # TypeError: it wants a password
        raise ValueError(said(error)) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not a key on an elliptic curve")  # noqa: TRY004 - told like the others
    return key


def spki(public_key: object) -> bytes:
    """SubjectPublicKeyInfo, DER: what is compared where one asks whether keys are the same."""
    return public_key.public_bytes(  # type: ignore[attr-defined, no-any-return]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def key_print(public_key: object) -> str:
    """SHA-256 of the SubjectPublicKeyInfo, hexadecimal."""
    return hashlib.sha256(spki(public_key)).hexdigest()


def new_request(unit: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateSigningRequest:
    """Asks for a certificate with CN = the unit's id."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, unit)])
    return x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())


def request_pem(request: x509.CertificateSigningRequest) -> bytes:
    return request.public_bytes(serialization.Encoding.PEM)


def request_der(request: x509.CertificateSigningRequest) -> bytes:
    return request.public_bytes(serialization.Encoding.DER)


def read_request(data: bytes) -> x509.CertificateSigningRequest:
    """A request in PEM, DER or base64 of DER, whose signature shows that its maker has the key.

    Raises WrongInputError for all that is none, and for keys that are too weak.
    """
    if len(data) > MAX_REQUEST_BYTES:
        raise WrongInputError(tell("the request is too large to be one"), MAKE_ANOTHER)
    try:
        request = _loaded(data)
        valid = request.is_signature_valid
        public = request.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature, x509.InvalidVersion,
            binascii.Error) as error:  # fmt: skip
        told = tell("this is no certificate request (PKCS #10)")
        raise WrongInputError(told, MAKE_ANOTHER) from error
    if not valid:
        told = tell("the request is not signed by the key in it; it was damaged or made up")
        raise WrongInputError(told, MAKE_ANOTHER)
    if (weak := _too_weak(public)) is not None:
        raise WrongInputError(
            tell("the request's key is not taken: {weak}", weak=weak),
            tell("P-256, P-384, Ed25519, or RSA of 2048 to 8192 bits"),
        )
    return request


def _loaded(data: bytes) -> x509.CertificateSigningRequest:
    if b"-----BEGIN" in data:
        return x509.load_pem_x509_csr(data)
    if data[:1] != b"\x30":  # as RFC 7030 sends it
        data = base64.b64decode(b"".join(data.split()), validate=True)
    return x509.load_der_x509_csr(data)


def _too_weak(public: object) -> str | None:
    if isinstance(public, ec.EllipticCurvePublicKey):
        ok = isinstance(public.curve, ec.SECP256R1 | ec.SECP384R1)
        return None if ok else public.curve.name
    if isinstance(public, rsa.RSAPublicKey):
        return None if 2048 <= public.key_size <= 8192 else f"RSA, {public.key_size} bits"
    return None if isinstance(public, ed25519.Ed25519PublicKey) else type(public).__name__


def request_name(request: x509.CertificateSigningRequest) -> str | None:
    """The one CN it asks for; None for none or several."""
    names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    value = names[0].value if len(names) == 1 else None
    return value if isinstance(value, str) else None
