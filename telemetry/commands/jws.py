"""Signatures: compact JWS (RFC 7515) with Ed25519 (RFC 8037), and nothing else of that standard.

The only module that knows joserfc. What the standard allows and we do not need is refused before
the library sees it: other algorithms, critical extensions, keys in the header, loose base64.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import OKPKey

from telemetry.commands.strict_json import BadJsonError, canonical, loads_object

COMMAND_TYPE = "patrol-command+jws"  # header `typ`: a signature for one purpose serves no other
MAX_TOKEN_BYTES = 64 * 1024
MAX_HEADER_BYTES = 512  # as it stands in the token
SIGNATURE_BYTES = 64
# `EdDSA` is RFC 8037's name; RFC 9864 renames it by curve. Our keys are all of this one curve.
ALGORITHMS = frozenset({"EdDSA", "Ed25519"})
KID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_SEGMENT = re.compile(rb"[A-Za-z0-9_-]+")
_ALLOWED_HEADER = frozenset({"alg", "kid", "typ"})

# Points of order 1, 2, 4 and 8: under such a "public key" anybody can sign (RFC 8032, section 5.1;
# y coordinates, sign bit cleared).
_SMALL_ORDER = frozenset(
    bytes.fromhex(text)
    for text in (
        "00" * 32,
        "01" + "00" * 31,
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    )
)


class KeyTextError(Exception):
    """This is no key of ours."""


class BadTokenError(Exception):
    """The token is refused. `code` is `too_large`, `malformed`, `unknown_key` or `bad_signature`.

    `kid` is what the header claims, where it could be read; nothing proves it.
    """

    def __init__(self, code: str, text: str, kid: str | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.kid = kid


class _Ed25519Only(jws.JWSRegistry):
    """Knows one algorithm, under both its names."""

    def get_alg(self, name: str) -> Any:  # the library does not export its type
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError(f"{name} is not allowed")
        return super().get_alg("Ed25519")


_REGISTRY = _Ed25519Only(algorithms=["Ed25519"])


class PublicKey:
    """An Ed25519 key that verifies. Its text is `x` of RFC 8037: 32 bytes in base64url."""

    def __init__(self, text: str) -> None:
        """Raises KeyTextError."""
        raw = decoded_segment(text.encode("utf-8", "replace"))
        if raw is None or len(raw) != 32:
            raise KeyTextError("a public key is 43 characters of base64url")
        if raw[:31] + bytes([raw[31] & 0x7F]) in _SMALL_ORDER:
            raise KeyTextError("this is no key: anybody could sign for it")
        try:
            self.jwk = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": text})
        except (JoseError, ValueError) as error:
            raise KeyTextError("not a public key of Ed25519") from error
        self.text = text

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Of `openssl pkey -pubout`. Raises KeyTextError."""
        try:
            key = OKPKey.import_key(pem)
        except (JoseError, ValueError, TypeError) as error:
            raise KeyTextError("not a public key of Ed25519 in PEM") from error
        if key.curve_name != "Ed25519":
            raise KeyTextError(f"a key of {key.curve_name}; commands are signed with Ed25519")
        return cls(str(key.as_dict(private=False)["x"]))

    @property
    def kid(self) -> str:
        """The key's own name: the start of its thumbprint."""
        return self.thumbprint[:16]

    @property
    def thumbprint(self) -> str:
        """RFC 7638, in hexadecimal: 64 digits."""
        members = canonical({"crv": "Ed25519", "kty": "OKP", "x": self.text})
        return hashlib.sha256(members).hexdigest()


class PrivateKey:
    """An Ed25519 key that signs. As a file: PEM, PKCS #8, not encrypted."""

    def __init__(self, jwk: OKPKey) -> None:
        self._jwk = jwk

    @classmethod
    def new(cls) -> Self:
        return cls(OKPKey.generate_key("Ed25519", private=True))

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Raises KeyTextError."""
        try:
            key = OKPKey.import_key(pem)
        except (JoseError, ValueError, TypeError) as error:
            raise KeyTextError("not a private key in PEM, or one with a password") from error
        if not key.is_private or key.curve_name != "Ed25519":
            raise KeyTextError("not a private key of Ed25519")
        return cls(key)

    @property
    def pem(self) -> bytes:
        return self._jwk.as_pem(private=True)

    @property
    def public(self) -> PublicKey:
        return PublicKey(str(self._jwk.as_dict(private=False)["x"]))

    def signed(self, payload: bytes, kid: str, typ: str) -> str:
        header = {"alg": "EdDSA", "kid": kid, "typ": typ}
        return jws.serialize_compact(header, payload, self._jwk, registry=_REGISTRY)


@dataclass(frozen=True, slots=True)
class Token:
    """A token whose form is right. Nothing in it is proved."""

    kid: str
    bytes: bytes


def sign(
    claims: Mapping[str, Any], key: PrivateKey, kid: str | None = None, typ: str = COMMAND_TYPE
) -> str:
    """The claims as a compact JWS. `kid`: what the reader knows the key as."""
    return key.signed(canonical(claims), kid or key.public.kid, typ)


def read(data: bytes, typ: str = COMMAND_TYPE) -> Token:
    """Check the form and find out whose signature it claims to be. Raises BadTokenError."""
    if len(data) > MAX_TOKEN_BYTES:
        raise BadTokenError("too_large", f"{len(data)} bytes; at most {MAX_TOKEN_BYTES}")
    parts = data.split(b".", 3)
    if len(parts) != 3:
        raise BadTokenError("malformed", "not a JWS: three parts with dots between them")
    decoded = [decoded_segment(part) for part in parts]
    if len(parts[0]) > MAX_HEADER_BYTES or any(part is None for part in decoded):
        raise BadTokenError("malformed", "not a JWS: a part is not canonical base64url")
    if len(decoded[2] or b"") != SIGNATURE_BYTES:
        raise BadTokenError("bad_signature", f"a signature has {SIGNATURE_BYTES} bytes")
    return Token(_kid_in(decoded[0] or b"", typ), data)


def verify(
    data: bytes, find: Callable[[str], PublicKey | None], typ: str = COMMAND_TYPE
) -> dict[str, Any]:
    """The claims of a token that a known key has signed. Raises BadTokenError."""
    token = read(data, typ)
    key = find(token.kid)
    if key is None:
        raise BadTokenError("unknown_key", "no key of this name is known here", token.kid)
    return claims_of(token, key)


def claims_of(token: Token, key: PublicKey) -> dict[str, Any]:
    """The claims, if the key has signed them. Raises BadTokenError."""
    try:
        proved = jws.deserialize_compact(token.bytes, key.jwk, registry=_REGISTRY)
    except (JoseError, ValueError) as error:
        raise BadTokenError("bad_signature", "the signature does not fit", token.kid) from error
    try:
        return loads_object(proved.payload)
    except BadJsonError as error:
        raise BadTokenError("malformed", f"the claims: {error}", token.kid) from error


def _kid_in(header: bytes, typ: str) -> str:
    try:
        found = loads_object(header, max_depth=2)
    except BadJsonError as error:
        raise BadTokenError("malformed", f"the header: {error}") from error
    kid = found.get("kid")
    if not isinstance(kid, str) or not KID.fullmatch(kid):
        raise BadTokenError("malformed", "the header names no key (kid)")
    if not isinstance(found.get("alg"), str) or found["alg"] not in ALGORITHMS:
        raise BadTokenError("bad_signature", "signed with another algorithm than EdDSA", kid)
    if found.get("typ") != typ:
        raise BadTokenError("malformed", f"the header's typ is not {typ}", kid)
    if unknown := found.keys() - _ALLOWED_HEADER:
        name = "crit" if "crit" in unknown else "more than alg, kid and typ"
        raise BadTokenError("malformed", f"the header holds {name}", kid)
    return kid


def encoded_segment(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decoded_segment(segment: bytes) -> bytes | None:
    """The bytes of canonical base64url without padding (RFC 7515, section 2); None of others."""
    if not _SEGMENT.fullmatch(segment):
        return None
    try:
        raw = base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
    except (binascii.Error, ValueError):
        return None
    return raw if base64.urlsafe_b64encode(raw).rstrip(b"=") == segment else None
