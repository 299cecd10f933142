"""On which computer this runs: told by what an image of its disk does not carry along.

Kept as keyed digests only, as machine-id(5) asks for it: a serial number is nobody's business, and
only whether it is the same one is of interest.

Not everything may be read by everybody: the serial number of a PC's board is root's. So several
traits are kept, and those are compared that can be read both times.
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path("/")
KEY = b"patrol-edge identity 1"
Verdict = Literal["same", "other", "unknown"]

# Strongest first: what decides where it can be compared.
BOARD, DISK, NETWORK, SYSTEM = "board", "disk", "network", "system"
ORDER = (BOARD, DISK, NETWORK, SYSTEM)

_DEVICE_TREE = ("proc/device-tree/serial-number", "sys/firmware/devicetree/base/serial-number")
_DMI = ("product_uuid", "product_serial", "board_serial")
# What makers leave in; 03000200-… is AMI's example, on thousands of boards.
_NO_SERIALS = {
    "none", "na", "unknown", "default string", "not specified", "not applicable", "oem",
    "to be filled by o.e.m.", "system serial number", "base board serial number", "serial",
    "chassis serial number", "0123456789", "123456789", "1234567890", "invalid", "empty",
    "03000200-0400-0500-0006-000700080009", "00020003-0004-0005-0006-000700080009",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Machine:
    """One computer, by the digests of its traits."""

    traits: Mapping[str, tuple[str, ...]]

    @classmethod
    def here(cls, root: Path | None = None) -> "Machine":
        """This one; what may not be read is left out. Never raises."""
        found = {
            BOARD: _board(root or ROOT),
            DISK: _disks(root or ROOT),
            NETWORK: _interfaces(root or ROOT),
            SYSTEM: _read(root or ROOT, "etc/machine-id"),
        }
        return cls({
            kind: tuple(sorted({_digest(kind, each) for each in values}))
            for kind, values in ((kind, list(found[kind])) for kind in ORDER)
            if values
        })  # fmt: skip

    def compared(self, other: "Machine") -> Verdict:
        """Whether both are the same computer. The first kind of trait that both have decides: a
        part may have been added or exchanged, so one that is the same is enough."""
        for kind in ORDER:
            ours, theirs = set(self.traits.get(kind, ())), set(other.traits.get(kind, ()))
            if ours and theirs:
                return "same" if ours & theirs else "other"
        return "unknown"


def _digest(kind: str, value: str) -> str:
    return hmac.new(KEY, f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()[:32]


def _read(root: Path, *names: str) -> Iterator[str]:
    for name in names:
        try:
            text = (root / name).read_bytes()[:256].decode("ascii", "replace")
        except OSError:
            continue
        if value := text.strip("\0 \t\r\n").lower():
            yield value


def _serials(root: Path, *names: str) -> Iterator[str]:
    """Without what is none: the same on every board of a make."""
    for value in _read(root, *names):
        plain = value.replace("-", "").replace(" ", "").replace("0", "")
        if value not in _NO_SERIALS and len(set(plain)) > 1 and "\ufffd" not in value:
            yield value


def _board(root: Path) -> Iterator[str]:
    yield from _serials(root, *_DEVICE_TREE)
    yield from _serials(root, *(f"sys/class/dmi/id/{name}" for name in _DMI))


def _disks(root: Path) -> Iterator[str]:
    """Fixed ones: a copy of an image is on another card or disk."""
    for disk in _entries(root / "sys/block"):
        if next(_read(disk, "removable"), "0") == "1" or "/usb" in str(_real(disk)):
            continue
        yield from _serials(disk, "device/cid", "device/serial", "device/wwid", "wwid")


def _interfaces(root: Path) -> Iterator[str]:
    """Hardware addresses of what is built in; an adapter on USB goes from one to the next."""
    for interface in _entries(root / "sys/class/net"):
        assigned = next(_read(interface, "addr_assign_type"), "")
        if not (interface / "device").exists() or "/usb" in str(_real(interface)):
            continue
        if assigned == "0":  # NET_ADDR_PERM
            yield from _serials(interface, "address")


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _real(path: Path) -> Path:
    try:
        return path.resolve()
    except OSError:
        return path
