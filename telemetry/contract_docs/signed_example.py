"""One of the example commands, signed with a key that everybody knows, and that key."""

import base64
import json

from telemetry.commands.jws import PrivateKey, sign
from telemetry.contract.example_commands import claims

# The secret of RFC 8032, section 7.1, test 1, which everybody knows: to try out, never for units.
TEST_SECRET = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
TEST_KID = "test-key"
_PKCS8 = bytes.fromhex("302e020100300506032b657004220420")  # RFC 8410, section 7


def signed_example() -> dict[str, bytes]:
    """File name to content."""
    pem = test_key_pem()
    key = PrivateKey.from_pem(pem)
    token = sign(claims("task.assign"), key, TEST_KID)
    public = {"kty": "OKP", "crv": "Ed25519", "x": key.public.text, "kid": TEST_KID}
    return {
        "command-signed.jws": token.encode(),
        "test-key.pem": pem,
        "test-key.jwk": json.dumps(public).encode(),
    }


def test_key_pem() -> bytes:
    """The known key as a file."""
    text = base64.b64encode(_PKCS8 + TEST_SECRET).decode()
    return f"-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n".encode()
