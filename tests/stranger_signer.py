"""Signs commands as a stranger would who has the RFCs and the contract: none of our code is in it.

Compact JWS by hand: RFC 7515, section 7.1 and appendix A.1; EdDSA by RFC 8037, section 3.1.
"""

import base64
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


def token(
    key: Ed25519PrivateKey, header: dict[str, Any] | bytes, payload: dict[str, Any] | bytes
) -> bytes:
    head, body = (
        part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)
    )
    signed = f"{b64(head)}.{b64(body)}"
    return f"{signed}.{b64(key.sign(signed.encode()))}".encode()


def command(key: Ed25519PrivateKey, kid: str, claims: dict[str, Any]) -> bytes:
    return token(key, {"alg": "EdDSA", "kid": kid, "typ": "patrol-command+jws"}, claims)


def public_text(key: Ed25519PrivateKey) -> str:
    return b64(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
