"""`patrol-edge devices`: what is plugged in, whether the unit file uses it, and what to write."""

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from config.errors import ConfigError
from config.loading import DEFAULT_FILE, load
from drivers.plugged.looking import Plugged, look_around
from drivers.plugged.tree import Tree
from edge.cli.body.device_lines import lines_for
from edge.cli.console import DONE, note, say
from edge.cli.parser import add_command

HELP = """\
What is plugged into this computer, by the name that stays when it is plugged in again: receivers,
cameras, sound cards, boards, CAN, GPIO, sensors, power. What each probably is, whether the unit
file uses it, and the lines to paste if it does not. Reads /sys and /dev only; needs no root, and
disturbs nobody who uses a device.

  patrol-edge devices
  patrol-edge devices --config unit.yaml --json | jq '.[] | select(.used_by == [])'
"""
KINDS = {
    "serial": "Serial ports, receivers, boards",
    "camera": "Cameras",
    "sound": "Sound cards",
    "can": "CAN",
    "gpio": "GPIO",
    "iio": "Sensors (IIO)",
    "i2c": "Chips on I2C",
    "power": "Power",
    "usb": "Other USB devices",
}
# What goes by its name in the kernel: CAN interfaces, IIO sensors, batteries.
BY_NAME = re.compile(r"platforms\.[^.]+\.channel|sensors\.[^.]+\.(device|supply)")
TOO_ALIKE = (
    "two alike without serial numbers: their names by-id are the same and lead to one of them "
    "only; write the name by-path, and leave each in its port"
)
NO_STABLE_NAME = "no stable name; install systemd/70-patrol-edge.rules, or give it a port for good"


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        commands, "devices", "what is plugged in, and the lines for the unit file", HELP
    )
    parser.add_argument(
        "--config", type=Path, metavar="UNIT.yaml", help=f"default: {DEFAULT_FILE}, if it is there"
    )
    parser.add_argument("--json", action="store_true", help="all that is known, for machines")
    # For looking at another computer's trees (a copy, a container's host), and for tests.
    parser.add_argument("--sys", type=Path, default=Path("/sys"), help=argparse.SUPPRESS)
    parser.add_argument("--dev", type=Path, default=Path("/dev"), help=argparse.SUPPRESS)
    parser.set_defaults(handler=devices)


def devices(args: argparse.Namespace) -> int:
    """Raises ConfigError for a unit file that was named and is wrong."""
    tree = Tree(args.sys, args.dev)
    written = _written(args.config)
    found = look_around(tree)
    used_by = {one.node: _used_by(tree, one, written) for one in found}
    if args.json:
        say(json.dumps([_as_json(one, used_by[one.node]) for one in found], indent=1))
    else:
        for kind, title in KINDS.items():
            _show_kind(title, [one for one in found if one.kind == kind], used_by)
    for path, name in sorted(written.items()):
        if not any(path in used for used in used_by.values()):
            note(f"not plugged in: {name}, which {path} names")
            note("  → plug it in, or write the name of one of the above")
    if not found:
        note("nothing is plugged in that a unit could use")
        note("  → in a container, /sys and /dev must be the computer's own")
    return DONE


def _show_kind(title: str, found: Sequence[Plugged], used_by: Mapping[str, Sequence[str]]) -> None:
    if not found:
        return
    say(f"{title}:")
    for one in found:
        used = used_by[one.node]
        say(f"  {one.what}   " + (f"used by {', '.join(used)}" if used else "not used"))
        say(f"    {one.name}" + (f"   now {one.node}" if one.node not in one.name else ""))
        for warning in _warnings(one):
            say(f"    ! {warning}")
        for line in () if used else lines_for(one):
            say(f"      {line}")
    say()


def _warnings(one: Plugged) -> Iterator[str]:
    if one.twins:
        yield TOO_ALIKE
    elif not one.stable and one.kind in ("serial", "camera", "sound"):
        yield NO_STABLE_NAME
    if one.purpose == "bootloader":
        yield "it waits for firmware: see `patrol-edge firmware --help`, or plug it in again"
    elif one.kind == "usb":
        yield "no driver of the kernel has taken it: is its module there (`lsmod`, `dmesg`)?"


def _as_json(one: Plugged, used: Sequence[str]) -> dict[str, Any]:
    facts = asdict(one) | {"used_by": list(used), "warnings": list(_warnings(one))}
    return facts | {"lines": list(lines_for(one))}


# --- the unit file ---


def _written(path: Path | None) -> dict[str, str]:
    """The devices that a unit file names, by their place in it: {"gnss.main.port": "/dev/..."}."""
    if path is None and not DEFAULT_FILE.exists():
        return {}
    try:
        settings = load(path or DEFAULT_FILE).settings
    except (ConfigError, PermissionError):
        if path is not None:
            raise
        note(f"{DEFAULT_FILE} cannot be read, so what it uses is not known; see `config check`")
        return {}
    return dict(_names(settings.model_dump(mode="json")))


def _names(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """What looks like a device, anywhere in the settings."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _names(part, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _names(part, f"{path}[{number}]")
    elif isinstance(value, str) and (value.startswith("/dev/") or BY_NAME.fullmatch(path)):
        yield path, value


def _used_by(tree: Tree, one: Plugged, written: Mapping[str, str]) -> Sequence[str]:
    node = one.node.removeprefix("/dev/")
    if one.node.startswith("/dev/"):
        return [path for path, name in written.items() if tree.same(name, node)]
    return [path for path, name in written.items() if name == one.name]
