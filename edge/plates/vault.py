"""Small files that nobody can read who has only the disk. The one module of `edge` that knows the
library `cryptography`.

AES-256-GCM (NIST SP 800-38D) with a new random nonce at each writing; a file is replaced whole, so
that nothing of the one before is left in it. Keys come from one secret by HKDF (RFC 5869), one for
each purpose. A flash disk may keep old blocks for a while: they are encrypted, too.
"""

import hashlib
import hmac
import os
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from telemetry.commands.files import FileRefusedError, create_private, read_private, replace

MAGIC = b"PEV1"
NONCE_BYTES = 12
SECRET_BYTES = 32
LARGEST_BYTES = 64 * 1024 * 1024


class VaultError(Exception):
    """The file cannot be read or written. The text says why, `cure` what to do."""

    def __init__(self, text: str, cure: str = "") -> None:
        super().__init__(text)
        self.cure = cure


class Secret:
    """32 random bytes in a file of mode 0600, or from systemd as a credential."""

    def __init__(self, path: Path, *, make: bool) -> None:
        """`make`: it is the unit's own, and made where there is none."""
        self._path = path
        self._make = make

    def key(self, purpose: str) -> bytes:
        """32 bytes for one purpose. Raises VaultError."""
        hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode())
        return hkdf.derive(self._bytes())

    def _bytes(self) -> bytes:
        try:
            text = read_private(self._path)
        except FileNotFoundError:
            if not self._make:
                raise VaultError(
                    "the secret for the plate list is not there", "see plates.key_file"
                ) from None
            text = self._made()
        except FileRefusedError as error:
            raise VaultError(str(error), error.cure) from error
        try:
            secret = bytes.fromhex(text.decode("ascii").strip())
        except (UnicodeDecodeError, ValueError):
            secret = b""
        if len(secret) != SECRET_BYTES:
            raise VaultError(
                "the secret for the plate list is damaged",
                f"write {2 * SECRET_BYTES} hexadecimal digits into it: openssl rand -hex 32",
            )
        return secret

    def _made(self) -> bytes:
        text = os.urandom(SECRET_BYTES).hex().encode()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            create_private(self._path, text + b"\n")
        except OSError as error:
            raise VaultError(f"{self._path} cannot be written: {error.strerror}") from error
        return text


class Vault:
    """One encrypted file. Not safe for threads: its owner has a lock."""

    def __init__(self, path: Path, secret: Secret) -> None:
        self.path = path
        self._secret = secret

    def load(self) -> bytes | None:
        """What was saved last; None where there is nothing. Raises VaultError."""
        try:
            content = read_private(self.path, LARGEST_BYTES)
        except FileNotFoundError:
            return None
        except FileRefusedError as error:
            raise VaultError(str(error), error.cure) from error
        nonce = content[len(MAGIC) : len(MAGIC) + NONCE_BYTES]
        if not content.startswith(MAGIC) or len(nonce) != NONCE_BYTES:
            raise VaultError(f"{self.path.name} is damaged")
        try:
            return self._cipher().decrypt(nonce, content[len(MAGIC) + NONCE_BYTES :], self._about())
        except InvalidTag:
            raise VaultError(f"{self.path.name} was changed, or its secret was") from None

    def save(self, content: bytes) -> None:
        """On the disk when this returns; nothing of what was there before. Raises VaultError."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._cipher().encrypt(nonce, content, self._about())
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            replace(self.path, MAGIC + nonce + sealed, 0o600)
        except OSError as error:
            raise VaultError(
                f"{self.path.name} cannot be written: {error.strerror}",
                "make room in state_dir, and see that the service may write there",
            ) from error

    def remove(self) -> None:
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _cipher(self) -> AESGCM:
        return AESGCM(self._secret.key(f"file {self.path.name}"))

    def _about(self) -> bytes:
        return self.path.name.encode()  # no other file in its place


def keyed_hash(key: bytes, text: str) -> str:
    """HMAC-SHA-256 (RFC 2104), hexadecimal."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
