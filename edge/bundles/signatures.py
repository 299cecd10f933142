"""Who signed a manifest: JWS with several signatures over one payload (RFC 7515, section 7.2.1).

`manifest.jws` is `{"payload": ..., "signatures": [{"protected": ..., "signature": ...}, ...]}` as
canonical JSON: no spaces, keys in order, signatures in the order of their keys' names, each key
once. Each signature is verified as the compact JWS that it would be alone.

Whoever is not on the list adds nothing and takes nothing: during a change of keys a bundle carries
signatures that some units do not know yet. A signature of somebody who is on the list, and that
does not fit, is damage or fraud, and refuses the bundle whatever the others say.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from config.language import tell
from edge.bundles.container import MOST_MANIFEST_BYTES
from edge.bundles.manifest import TYPE, Kind
from edge.bundles.refusal import BundleError
from edge.bundles.trust import Trust, TrustKey
from telemetry.commands.jws import (
    BadTokenError,
    PrivateKey,
    PublicKey,
    Token,
    claims_of,
    decoded_segment,
    encoded_segment,
    read,
)
from telemetry.commands.public_key import KeyState
from telemetry.commands.strict_json import BadJsonError, canonical, loads_object

MOST_SIGNATURES = 16
Standing = KeyState | Literal["unknown", "wrong_role"]
GET_SIGNED = tell("get it from whoever makes your bundles, or have it signed: bundle sign")


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature, not proved. Both texts as they stand in the file."""

    kid: str
    protected: str
    signature: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """What `manifest.jws` holds; its form is right, and nothing in it is proved."""

    payload: str  # base64url of the manifest
    signatures: tuple[Signature, ...]

    @property
    def content(self) -> bytes:
        """The manifest's own bytes."""
        return decoded_segment(self.payload.encode()) or b""

    @property
    def raw(self) -> bytes:
        """The file."""
        signatures = [
            {"protected": each.protected, "signature": each.signature} for each in self.signatures
        ]
        return canonical({"payload": self.payload, "signatures": signatures})

    def token(self, signature: Signature) -> Token:
        """One signature as a JWS of its own. Raises BadTokenError."""
        parts = (signature.protected, self.payload, signature.signature)
        return read(".".join(parts).encode(), TYPE)

    def signed_by(self, key: PrivateKey, kid: str) -> "Envelope":
        """The same with one signature more; the others stay as they are."""
        protected, _, signature = key.signed(self.content, kid, TYPE).split(".")
        own = Signature(kid, protected, signature)
        others = [each for each in self.signatures if each.kid != kid]
        ordered = sorted([*others, own], key=lambda each: each.kid)
        return Envelope(self.payload, tuple(ordered))


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed, and what that is worth."""

    kid: str
    owner: str  # "" of an unknown one
    standing: Standing

    @property
    def counts(self) -> bool:
        return self.standing == "valid"


def unsigned(manifest: bytes) -> Envelope:
    """An envelope that nobody has signed yet."""
    return Envelope(encoded_segment(manifest), ())


def read_envelope(raw: bytes) -> Envelope:
    """Check the form. Raises BundleError."""
    if len(raw) > MOST_MANIFEST_BYTES:
        raise BundleError("too_large", tell("its manifest is too large"))
    try:
        found = loads_object(raw, max_depth=3)
        envelope = _envelope_of(found)
        in_form = envelope is not None and envelope.raw == raw
    except BadJsonError as error:
        raise _malformed(tell("its manifest is not in the form of a JWS")) from error
    except BadTokenError as error:
        raise BundleError(error.code, tell("a signature is in no form of ours")) from error
    if envelope is None or not in_form:
        raise _malformed(tell("its manifest is not in the one form that a JWS has here"))
    return envelope


def _malformed(text: str) -> BundleError:
    return BundleError("malformed", text, tell("copy the bundle again, or build it anew"))


def _envelope_of(found: dict[str, object]) -> Envelope | None:
    """Raises BadTokenError for a signature that is in no form of ours."""
    payload, listed = found.get("payload"), found.get("signatures")
    if not isinstance(payload, str) or decoded_segment(payload.encode()) is None:
        return None
    if not isinstance(listed, list) or len(listed) > MOST_SIGNATURES:
        return None
    signatures = [_signature_of(each, payload) for each in listed]
    kids = [each.kid for each in signatures if each is not None]
    if len(kids) != len(listed) or kids != sorted(set(kids)):
        return None
    return Envelope(payload, tuple(each for each in signatures if each is not None))


def _signature_of(found: object, payload: str) -> Signature | None:
    if not isinstance(found, dict):
        return None
    protected, signature = found.get("protected"), found.get("signature")
    if not isinstance(protected, str) or not isinstance(signature, str):
        return None
    token = read(f"{protected}.{payload}.{signature}".encode(), TYPE)
    return Signature(token.kid, protected, signature)


# --- whose they are ------------------------------------------------------------------------------


def proved(envelope: Envelope, trust: Trust) -> frozenset[str]:
    """Names of the keys on the list whose signatures fit. Raises BundleError.

    A signature that does not fit, or none by anybody known, refuses the bundle.
    """
    if not envelope.signatures:
        raise BundleError("unsigned", tell("nobody has signed it"), GET_SIGNED)
    known = [
        (signature, key)
        for signature in envelope.signatures
        if (key := trust.find(signature.kid)) is not None
    ]
    for signature, key in known:
        _check(envelope, signature, key)
    if not known:
        names = ", ".join(each.kid for each in envelope.signatures)
        text = tell("nobody known here has signed it, only {names}", names=names)
        raise BundleError("unknown_key", text, GET_SIGNED)
    return frozenset(key.kid for _, key in known)


def _check(envelope: Envelope, signature: Signature, key: TrustKey) -> None:
    try:
        claims_of(envelope.token(signature), PublicKey(key.public))
    except BadTokenError as error:
        if error.code == "malformed":
            raise _malformed(tell("the manifest is not strict JSON")) from error
        text = tell("the signature of {owner} ({kid}) does not fit", owner=key.owner, kid=key.kid)
        cure = tell("the bundle was changed or damaged: get it again")
        raise BundleError(error.code, text, cure) from error


def standing_of(key: TrustKey, kind: Kind, now: datetime | None) -> Standing:
    """What its signature under such a bundle is worth. `now` None: dates do not matter any more."""
    if now is not None and (state := key.state(now)) != "valid":
        return state
    if key.revoked_at is not None:
        return "revoked"
    return "valid" if kind in key.roles else "wrong_role"


def signers_of(
    envelope: Envelope, fitting: frozenset[str], trust: Trust, kind: Kind, now: datetime | None
) -> tuple[Signer, ...]:
    """All who signed, and whose signature counts for this kind. `fitting`: as `proved` says."""
    found = []
    for kid in (each.kid for each in envelope.signatures):
        key = trust.find(kid) if kid in fitting else None
        standing = "unknown" if key is None else standing_of(key, kind, now)
        found.append(Signer(kid, key.owner if key else "", standing))
    return tuple(found)


_CODES: dict[Standing, str] = {
    "revoked": "key_revoked",
    "expired": "key_expired",
    "not_yet_valid": "not_yet_valid",
    "wrong_role": "role_not_allowed",
}


def require_enough(signers: tuple[Signer, ...], trust: Trust, kind: Kind) -> None:
    """Raises BundleError if too few of them count."""
    needed, count = trust.signatures_for(kind), sum(each.counts for each in signers)
    if count >= needed:
        return
    useless = [each for each in signers if each.standing in _CODES]
    code = _CODES[useless[0].standing] if useless else "too_few_signatures"
    told = "; ".join(f"{each.owner} ({each.kid}): {told_standing(each)}" for each in useless)
    text = tell("{count} of {needed} signatures that a bundle of kind {kind} needs",
                count=count, needed=needed, kind=kind)  # fmt: skip
    if useless:
        text = tell("{text}; {told}", text=text, told=told)
    raise BundleError(code, text, tell("have it signed by whoever may: bundle sign"))


def told_standing(signer: Signer) -> str:
    """For people."""
    match signer.standing:
        case "valid":
            return tell("counts")
        case "unknown":
            return tell("is not on the list")
        case "wrong_role":
            return tell("may not sign this kind")
        case "revoked":
            return tell("is revoked")
        case "expired":
            return tell("is expired")
        case "not_yet_valid":
            return tell("is not valid yet")
