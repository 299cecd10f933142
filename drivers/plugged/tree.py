"""Read access to /sys and /dev: attributes, links and what they lead to. Nothing raises.

The roots can be others than those of this computer, as in tests. /sys as in Linux'
Documentation/ABI; a USB device's folder is the one that holds `idVendor` (sysfs-bus-usb).
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LONGEST = 4096  # of an attribute, as sysfs has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Usb:
    """One USB device, as it describes itself."""

    vendor: str  # four hexadecimal digits, lower case
    product: str
    serial: str | None
    name: str  # what it calls itself: manufacturer and product; may be empty
    place: str  # bus and ports, such as 1-1.3: the same as long as it is not moved
    interface: str | None = None  # two hexadecimal digits, of what was asked for


@dataclass(frozen=True, slots=True)
class Tree:
    """The two trees of one computer."""

    sys: Path = Path("/sys")
    dev: Path = Path("/dev")

    def entries(self, folder: str) -> Sequence[Path]:
        """What is in this folder of /sys, by name; () if it is not there."""
        return listed(self.sys / folder)

    def usb_of(self, entry: Path) -> Usb | None:
        """The USB device that this entry of /sys belongs to; None if it is on another bus."""
        interface = None
        here = real(entry / "device") if (entry / "device").exists() else real(entry)
        while here not in (real(self.sys), here.parent):
            interface = interface or attribute(here / "bInterfaceNumber")
            vendor, product = attribute(here / "idVendor"), attribute(here / "idProduct")
            if vendor and product:
                words = (attribute(here / "manufacturer"), attribute(here / "product"))
                return Usb(
                    vendor=vendor.lower(),
                    product=product.lower(),
                    serial=attribute(here / "serial"),
                    name=" ".join(word for word in words if word),
                    place=here.name,
                    interface=interface,
                )
            here = here.parent
        return None

    def links_to(self, node: str, folder: str) -> Sequence[str]:
        """The links in this folder of /dev that lead to the node, as they are written in a unit
        file: below /dev, whatever root this tree has."""
        target = real(self.dev / node)
        found = [link for link in listed(self.dev / folder) if real(link) == target]
        return [f"/dev/{link.relative_to(self.dev)}" for link in found]

    def same(self, written: str, node: str) -> bool:
        """Whether a name from a unit file, such as /dev/serial/by-id/x, leads to the node."""
        if not written.startswith("/dev/"):
            return False
        return real(self.dev / written.removeprefix("/dev/")) == real(self.dev / node)


def attribute(path: Path) -> str | None:
    """A line of text; None if it is not there, is empty, or may not be read."""
    try:
        with path.open("rb") as file:
            text = file.read(LONGEST).decode("utf-8", "replace")
    except OSError:
        return None
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line or None


def listed(folder: Path) -> Sequence[Path]:
    """What a folder holds, in the order of its numbers; () if it is not there."""
    try:
        return sorted(folder.iterdir(), key=lambda path: (len(path.name), path.name))
    except OSError:
        return ()


def real(path: Path) -> Path:
    """Where a name leads, whether something is there or not."""
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError):
        return path
