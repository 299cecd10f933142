"""Bundles, keys and lists of keys for tests."""

import hashlib
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from edge.bundles.container import pieces
from edge.bundles.judging import Here
from edge.bundles.manifest import KINDS, Manifest
from edge.bundles.reading import OpenedBundle, open_bundle
from edge.bundles.signatures import Envelope, unsigned
from edge.bundles.trust import Trust, TrustKey
from edge.bundles.writing import content_of, described
from telemetry.commands.jws import PrivateKey

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
HERE = Here(unit="dog-07", kind="robot_dog", unit_class="night", runtime="0.1.0")
BUNDLE_ID = "01936a1e-7a5c-7b3a-9f00-0123456789ab"
ZONES = {"zones/park.geojson": b'{"type":"FeatureCollection","features":[]}\n'}


@cache
def key(name: str) -> PrivateKey:
    """One key for each name, the same in each process."""
    raw = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
    pem = raw.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return PrivateKey.from_pem(pem)


def trust_key(name: str, **changes: Any) -> TrustKey:
    public = key(name).public
    content = {"kid": public.kid, "public": public.text, "owner": name, "roles": KINDS}
    return TrustKey(**content | changes)


def trust_of(*names: str, serial: int = 1, **changes: Any) -> Trust:
    """A list of these people's keys, each of which may sign everything."""
    keys = tuple(trust_key(name) for name in names)
    return Trust(**{"serial": serial, "keys": keys} | changes)


def manifest_of(files: dict[str, bytes], **changes: Any) -> Manifest:
    """Of zones for dog-07, unless `changes` says something else."""
    content: dict[str, Any] = {
        "id": BUNDLE_ID,
        "kind": "zones",
        "name": "park",
        "serial": 5,
        "made_for": {"units": ("dog-07",)},
        "issued_at": NOW - timedelta(days=1),
        "not_before": NOW - timedelta(days=1),
        "not_after": NOW + timedelta(days=30),
        "files": tuple(described(name, data) for name, data in sorted(files.items())),
    }
    return Manifest(**content | changes)


def envelope_of(manifest: Manifest, *signers: str) -> Envelope:
    envelope = unsigned(content_of(manifest))
    for name in signers:
        envelope = envelope.signed_by(key(name), key(name).public.kid)
    return envelope


def bundle_of(manifest: Manifest, files: dict[str, bytes], *signers: str) -> bytes:
    """The bytes of a bundle that these people have signed."""
    return packed(envelope_of(manifest, *signers).raw, files)


def packed(raw: bytes, files: dict[str, bytes]) -> bytes:
    """This manifest.jws with these files behind it, in the order in which they stand here."""
    members = [(name, len(data), [data]) for name, data in files.items()]
    return b"".join(pieces(raw, members))


def opened_from(data: bytes, trust: Trust, highest: int = 0) -> OpenedBundle:
    return open_bundle(BytesIO(data), trust, NOW, HERE, lambda _manifest: highest)


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
