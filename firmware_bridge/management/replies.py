"""What a board's answers mean: maps of SMP in, values out.

Fields that are not known are passed over (newer firmware tells more); what is known must be of the
right kind. Source: Zephyr, services/device_mgmt/smp_groups/smp_group_0, _1 and _3.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from firmware_bridge.management.errors import BadReplyError

T = TypeVar("T")
Body = Mapping[str, Any]
LONGEST_TEXT = 512


@dataclass(frozen=True, slots=True)
class Parameters:
    """How much the board takes at once."""

    buffer_bytes: int
    buffers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One place for an image, and what is in it."""

    slot: int  # 0 is what runs, 1 what was uploaded or ran before
    version: str
    hash: bytes | None = None
    image: int = 0
    bootable: bool = False
    pending: bool = False
    confirmed: bool = False
    active: bool = False
    permanent: bool = False


@dataclass(frozen=True, slots=True)
class Uploaded:
    """How far an upload is."""

    offset: int
    matches: bool | None  # the board's own check of the whole; None: not made, or not yet


def parameters(body: Body) -> Parameters:
    """Raises BadReplyError."""
    size = _of(int, body, "buf_size")
    if not 64 <= size <= 65_535:
        raise BadReplyError(f"the board says that it takes {size} bytes at once")
    return Parameters(size, _of(int, body, "buf_count", 1))


def slots(body: Body) -> tuple[Slot, ...]:
    """Raises BadReplyError."""
    listed = _of(list, body, "images")
    if len(listed) > 16 or not all(isinstance(each, dict) for each in listed):
        raise BadReplyError("the board's list of images is none")
    return tuple(_slot(each) for each in listed)


def uploaded(body: Body) -> Uploaded:
    """Raises BadReplyError."""
    offset = _of(int, body, "off")
    if offset < 0:
        raise BadReplyError("the board asks for a part before the first")
    return Uploaded(offset, body["match"] if isinstance(body.get("match"), bool) else None)


def text(body: Body, key: str) -> str:
    """Raises BadReplyError."""
    return _printable(_of(str, body, key))


def value(body: Body) -> bytes:
    """Of a setting. Raises BadReplyError."""
    return _of(bytes, body, "val")


def _slot(each: Body) -> Slot:
    digest = each.get("hash")
    if digest is not None and (not isinstance(digest, bytes) or not 32 <= len(digest) <= 64):
        raise BadReplyError("the board tells a hash that is none")
    return Slot(
        slot=_of(int, each, "slot"),
        version=_printable(_of(str, each, "version"))[:64],
        hash=digest,
        image=_of(int, each, "image", 0),
        bootable=each.get("bootable") is True,
        pending=each.get("pending") is True,
        confirmed=each.get("confirmed") is True,
        active=each.get("active") is True,
        permanent=each.get("permanent") is True,
    )


def _of(kind: type[T], body: Body, key: str, default: T | None = None) -> T:
    found = body.get(key, default)
    if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
        raise BadReplyError(f"the board's answer has no {key} that makes sense")
    return found


def _printable(told: str) -> str:
    return "".join(char if char.isprintable() else "\ufffd" for char in told[:LONGEST_TEXT])
