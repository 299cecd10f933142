"""What is plugged in: each device with the name that stays, and what it probably is.

Only /sys and /dev are read, nothing is opened: whoever uses a device is not disturbed.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from drivers.plugged.known import CHIPS, Known, known_usb
from drivers.plugged.tree import Tree, Usb, attribute, real

ARPHRD_CAN = "280"  # if_arp.h
HUB_CLASS = "09"  # USB 2.0, 11.23.1
MASS_STORAGE = "08"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugged:
    """One device. `name` is what to write into the unit file."""

    kind: str  # serial, camera, sound, can, gpio, iio, i2c, power or usb
    node: str  # below /dev, or its name in the kernel where it has no node
    what: str  # what it is, or probably is
    purpose: str | None  # what a unit has it for (known.Purpose); None: not known
    name: str  # stable where there is a stable one
    stable: bool
    by_path: str | None = None  # stable as long as it stays in its port
    usb: Usb | None = None
    twins: int = 0  # others of the same make without a serial number, so with the same name
    listens: bool = False  # a sound card with an input
    speaks: bool = False  # one with an output


def look_around(tree: Tree | None = None) -> list[Plugged]:
    """All that is there now, by kind and name."""
    tree = tree or Tree()
    found = [
        *_serial(tree), *_cameras(tree), *_sound(tree), *_can(tree), *_gpio(tree),
        *_iio(tree), *_i2c(tree), *_power(tree),
    ]  # fmt: skip
    found = _with_twins(found)
    return [*found, *_others(tree, {one.usb.place for one in found if one.usb is not None})]


# --- with a node below /dev ---


def _serial(tree: Tree) -> Iterator[Plugged]:
    for entry in tree.entries("class/tty"):
        if not (entry / "device").exists() or attribute(entry / "type") == "0":
            continue  # a console, a pty; an 8250 that the board does not have
        if not (tree.dev / entry.name).exists():
            continue
        usb = tree.usb_of(entry)
        known = _known(usb)
        what = known.what if known else _own_words(usb) or "serial port of this computer"
        if attribute(entry / "console") == "Y":
            what, known = f"{what}, its console", Known(what, "console")
        yield _named(tree, "serial", entry.name, "serial", what, known, usb)


def _cameras(tree: Tree) -> Iterator[Plugged]:
    for entry in tree.entries("class/video4linux"):
        if not entry.name.startswith("video") or attribute(entry / "index") not in (None, "0"):
            continue  # the others of a camera carry its metadata (Linux, uvcvideo)
        usb = tree.usb_of(entry)
        known = _known(usb)
        what = (known.what if known else None) or attribute(entry / "name") or "camera"
        known = known or Known(what, "camera")
        yield _named(tree, "camera", entry.name, "v4l", what, known, usb)


def _sound(tree: Tree) -> Iterator[Plugged]:
    for entry in tree.entries("class/sound"):
        if not entry.name.startswith("card"):
            continue
        number = entry.name.removeprefix("card")
        streams = [path.name for path in tree.entries(f"class/sound/{entry.name}")]
        usb = tree.usb_of(entry)
        known = _known(usb)
        what = (known.what if known else None) or attribute(entry / "id") or "sound card"
        one = _named(tree, "sound", f"snd/controlC{number}", "snd", what, known, usb)
        yield replace(
            one,
            purpose="sound",
            listens=any(name.startswith("pcm") and name.endswith("c") for name in streams),
            speaks=any(name.startswith("pcm") and name.endswith("p") for name in streams),
        )


def _gpio(tree: Tree) -> Iterator[Plugged]:
    for entry in tree.entries("bus/gpio/devices"):
        if entry.name.startswith("gpiochip"):
            label = real(entry).parent.name
            what = f"GPIO lines of {label}"
            node = f"/dev/{entry.name}"
            yield _plain("gpio", node, what, node, usb=tree.usb_of(entry))


def _named(
    tree: Tree, kind: str, node: str, folder: str, what: str, known: Known | None, usb: Usb | None
) -> Plugged:
    """A device whose stable names udev keeps in /dev/FOLDER/by-id and by-path."""
    by_id = _best(tree.links_to(node, f"{folder}/by-id"))
    by_path = _best(tree.links_to(node, f"{folder}/by-path"))
    ours = _best(tree.links_to(node, "patrol"))  # systemd/70-patrol-edge.rules
    name = by_id or by_path or ours or f"/dev/{node}"
    built_in = usb is None  # a port of the board is always the same
    return Plugged(
        kind=kind,
        node=f"/dev/{node}",
        what=what,
        purpose=known.purpose if known else None,
        name=name,
        stable=bool(by_id or by_path or ours) or built_in,
        by_path=by_path or ours,
        usb=usb,
    )


def _best(links: Sequence[str]) -> str | None:
    """Of several names of one node the plain one: udev also writes `usbv2-` beside `usb-`."""
    return min(links, key=lambda link: ("usbv" in link, len(link), link), default=None)


# --- without one ---


def _can(tree: Tree) -> Iterator[Plugged]:
    for entry in tree.entries("class/net"):
        if attribute(entry / "type") == ARPHRD_CAN:
            usb = tree.usb_of(entry)
            known = _known(usb)
            what = known.what if known else "CAN controller"
            what = what if (entry / "device").exists() else "virtual CAN bus"
            yield replace(_plain("can", entry.name, what, entry.name, usb=usb), purpose="can")


def _iio(tree: Tree) -> Iterator[Plugged]:
    for entry in tree.entries("bus/iio/devices"):
        chip = attribute(entry / "name")
        if chip is not None and entry.name.startswith("iio:device"):
            yield _plain("iio", entry.name, _chip(chip), chip)


def _i2c(tree: Tree) -> Iterator[Plugged]:
    for entry in tree.entries("bus/i2c/devices"):
        chip = attribute(entry / "name")
        if chip is not None and not entry.name.startswith("i2c-"):
            yield _plain("i2c", entry.name, _chip(chip), chip)


def _power(tree: Tree) -> Iterator[Plugged]:
    for entry in tree.entries("class/power_supply"):
        what = (attribute(entry / "type") or "power supply").lower()
        model = attribute(entry / "model_name")
        words = " ".join(word for word in (what, model) if word)
        yield _plain("power", entry.name, words, entry.name)


def _others(tree: Tree, claimed: set[str]) -> Iterator[Plugged]:
    """USB devices that nothing above belongs to: without a driver, or in their boot loader."""
    for entry in tree.entries("bus/usb/devices"):
        if attribute(entry / "idVendor") is None or entry.name in claimed:
            continue
        classes = {attribute(part / "bInterfaceClass") for part in _interfaces(entry)}
        if attribute(entry / "bDeviceClass") == HUB_CLASS or classes & {HUB_CLASS, MASS_STORAGE}:
            continue
        usb = tree.usb_of(entry)
        known = _known(usb)
        what = known.what if known else _own_words(usb) or "unknown USB device"
        one = _plain("usb", entry.name, what, f"usb {entry.name}", usb=usb)
        yield replace(one, purpose=known.purpose if known else None)


def _interfaces(entry: Path) -> list[Path]:
    return [part for part in entry.glob(f"{entry.name}:*") if part.is_dir()]


def _plain(kind: str, node: str, what: str, name: str, usb: Usb | None = None) -> Plugged:
    return Plugged(
        kind=kind, node=node, what=what, purpose=None, name=name, stable=usb is None, usb=usb
    )


# --- what it is ---


def _known(usb: Usb | None) -> Known | None:
    return None if usb is None else known_usb(usb.vendor, usb.product)


def _own_words(usb: Usb | None) -> str:
    return "" if usb is None else usb.name or f"USB device {usb.vendor}:{usb.product}"


def _chip(chip: str) -> str:
    meaning = CHIPS.get(chip.lower().replace("-", ""))
    return f"{chip}, {meaning}" if meaning else chip


def _with_twins(found: Sequence[Plugged]) -> list[Plugged]:
    """Two alike without a serial number get one name by id, which leads to one of them only: then
    the port is what tells them apart."""
    count = Counter(key for key in map(_likeness, found) if key is not None)
    result = []
    for one in found:
        twins = count[key] - 1 if (key := _likeness(one)) is not None else 0
        if twins:
            name = one.by_path or one.node
            one = replace(one, twins=twins, name=name, stable=one.by_path is not None)
        result.append(one)
    return result


def _likeness(one: Plugged) -> tuple[str, str, str, str | None, str | None] | None:
    """What udev makes the name by id of, where devices can share it."""
    usb = one.usb
    if usb is None or one.kind not in ("serial", "camera", "sound"):
        return None
    # Some makers give all their devices one number, so a serial number may be shared, too.
    return one.kind, usb.vendor, usb.product, usb.serial, usb.interface
