"""What a unit's certificate says of itself: whose it is, and until when."""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

LARGEST_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Certificate:
    """The first certificate of a PEM file."""

    common_name: str | None  # of its subject: for a unit, its id
    ends: datetime  # not valid after, UTC


def read_certificate(path: Path) -> Certificate | None:
    """None where the file cannot be read, or holds no certificate."""
    try:
        with path.open("rb") as file:
            first = x509.load_pem_x509_certificate(file.read(LARGEST_BYTES))
        names = first.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        name = names[0].value if names else None
        return Certificate(
            common_name=name if isinstance(name, str) else None, ends=first.not_valid_after_utc
        )
    except (OSError, ValueError):
        return None


def stamp(path: Path) -> tuple[int, int, int] | None:
    """Changes when the file does; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - follows the links of a mounted secret
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
