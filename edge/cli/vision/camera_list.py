"""`patrol-edge camera list`: what is plugged in, with its modes, and what the unit file names."""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from config.devices import CameraConfig
from config.loading import DEFAULT_FILE, load
from drivers.base import DriverError
from drivers.cameras.probe import check_answers
from drivers.cameras.url import CameraUrl
from drivers.cameras.v4l2_modes import Mode, abilities
from drivers.plugged.looking import Plugged, look_around
from drivers.plugged.tree import Tree
from edge.cli.console import DONE, FAILED, note, say
from edge.cli.vision.camera_source import place_of

ANSWER_S = 3.0


def list_cameras(args: argparse.Namespace) -> int:
    """Raises ConfigError."""
    tree = Tree()
    cameras = _of_unit(args.config)
    plugged = [one for one in look_around(tree) if one.kind == "camera"]
    used = {
        one.node: [
            name
            for name, config in cameras.items()
            if config.kind == "v4l2" and tree.same(config.device, one.node.removeprefix("/dev/"))
        ]
        for one in plugged
    }
    rows = [_plugged(one, used[one.node]) for one in plugged]
    found = {name for names in used.values() for name in names}
    rows += [_configured(name, config) for name, config in cameras.items() if name not in found]
    for row in rows:
        say(json.dumps(row)) if args.json else _show(row)
    if not rows:
        note("no camera is plugged in, and no unit file names one")
        note("  → plug one in; `patrol-edge devices` shows what else is there")
    return DONE if all(row["fault"] is None for row in rows) and rows else FAILED


def _of_unit(path: Path | None) -> dict[str, CameraConfig]:
    if path is None and not DEFAULT_FILE.exists():
        return {}
    return dict(load(path or DEFAULT_FILE).settings.cameras)


def _plugged(one: Plugged, used_by: list[str]) -> dict[str, Any]:
    row: dict[str, Any] = {"name": one.name, "kind": "v4l2", "node": one.node, "used_by": used_by}
    try:
        found = abilities(Path(one.node))
    except DriverError as error:
        return row | {"what": one.what, "modes": [], "fault": str(error)}
    modes = [asdict(mode) for mode in found.modes]
    return row | {"what": found.card or one.what, "modes": modes, "fault": None}


def _configured(name: str, config: CameraConfig) -> dict[str, Any]:
    """A camera of the unit file that is not plugged into this computer: does it answer?"""
    fault = None
    if config.kind == "stream":
        try:
            check_answers(CameraUrl.parse(config.url), ANSWER_S)
        except DriverError as error:
            fault = str(error)
    elif config.kind == "v4l2":
        fault = f"{config.device} is not plugged in"
    elif not config.path.exists():
        fault = f"there is no {config.path}"
    row = {"name": place_of(config), "kind": config.kind, "node": None, "used_by": [name]}
    return (
        row
        | {"what": "network camera" if config.kind == "stream" else config.kind}
        | {
            "modes": [],
            "fault": fault,
        }
    )


def _show(row: dict[str, Any]) -> None:
    used = ", ".join(f"cameras.{name}" for name in row["used_by"]) or "not used"
    say(f"{row['what']}   {used}")
    say(f"  {row['name']}" + (f"   now {row['node']}" if row["node"] else ""))
    for line in mode_lines([Mode(**mode) for mode in row["modes"]]):
        say(f"    {line}")
    if row["fault"] is not None:
        told, _, cure = row["fault"].partition("; ")
        say(f"  ! {told}")
        if cure:
            say(f"    → {cure}")


def mode_lines(modes: list[Mode]) -> Iterator[str]:
    """`MJPG  1280x720 at 30, 15; 640x480 at 30`: a line for each format."""
    for name in dict.fromkeys(mode.pixel_format for mode in modes):
        sizes = [
            f"{mode.width_px}x{mode.height_px}"
            + (f" at {', '.join(f'{fps:g}' for fps in mode.fps)}" if mode.fps else "")
            for mode in modes
            if mode.pixel_format == name
        ]
        yield f"{name}  {'; '.join(sizes)}"
