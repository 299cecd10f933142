"""`patrol-edge zones`: look at zones before a unit works by them."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.console import DONE, USAGE, CommandError, note, say
from edge.cli.parser import add_part

if TYPE_CHECKING:
    from perception.zones.zone_file import Survey, ZoneFault
    from perception.zones.zones import Zone

UNIT_FILES = (".yaml", ".yml")
DESCRIPTION = """\
Reads zones as a unit does, and says everything that is wrong with them, by line, with the cure:
zones that are empty, cross themselves, overlap or leave gaps, names that come twice, coordinates of
the wrong order or the wrong system. FILE is a GeoJSON file, or a unit's YAML file; then the rules
are checked against the zones, too.

--near LAT,LON is a place where the unit works, from a GNSS receiver: zones that lie beside it by
the offset between WGS-84 and the maps of Amap, Tencent or Baidu have the wrong crs.

Exit code 0: the zones can be used; 2: they cannot."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("zones", help="check zones, and draw them")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    check_ = add_part(
        actions, "check", check, "say everything that is wrong with zones", DESCRIPTION
    )
    add = check_.add_argument
    add("file", type=Path, metavar="FILE", help="GeoJSON, or a unit's YAML file")
    add("--near", type=place, metavar="LAT,LON", help="where the unit works, WGS-84")
    add("--draw", type=Path, metavar="OUT.png", help="draw the zones, north up")
    add("--json", action="store_true", help="one JSON object on stdout")


def place(text: str) -> tuple[float, float]:
    """Latitude and longitude, for `type=`."""
    latitude, _, longitude = text.partition(",")
    try:
        lat_deg, lon_deg = float(latitude), float(longitude)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is not LAT,LON, as in 35.41,116.59") from error
    if not (abs(lat_deg) <= 90 and abs(lon_deg) <= 180):
        raise argparse.ArgumentTypeError(f"{text} is not on earth: latitude comes first here")
    return lat_deg, lon_deg


def check(args: argparse.Namespace) -> int:
    """Raises CommandError, ConfigError."""
    found = _surveyed(args.file)
    faults = [*found.faults, *_shift(found.zones, args.near)]
    right = all(fault.severity == "warning" for fault in faults)
    if args.draw is not None:
        _draw(found.zones, args.near, args.draw)
    if args.json:
        say(json.dumps(_as_json(found.zones, faults, right=right)))
    else:
        for fault in faults:
            say(f"{fault.severity}: {fault}")
    kinds = ", ".join(f"{zone.name} ({zone.kind})" for zone in found.zones)
    note(
        f"{'ok: ' if right else ''}{len(found.zones)} zones can be used{': ' * bool(kinds)}{kinds}"
    )
    return DONE if right else USAGE


def _surveyed(path: Path) -> "Survey":
    from config.loading import load
    from config.zones import ZonesConfig
    from perception.rules.factory import check_rules
    from perception.zones.zone_file import ZoneFault, survey
    from perception.zones.zones import ZoneError

    if path.suffix not in UNIT_FILES:
        return survey(ZonesConfig(files=(path,)), ())
    settings = load(path).settings
    found = survey(settings.zones, list(settings.cameras))
    try:
        check_rules(settings.rules, found.zones)
    except ZoneError as error:
        lines = str(error).splitlines()
        found.faults += [ZoneFault(*line.split(": ", 1)) for line in lines]  # type: ignore[arg-type]  # each has both parts
    return found


def _shift(zones: "list[Zone]", near: tuple[float, float] | None) -> "list[ZoneFault]":
    from perception.zones.zone_check import looks_shifted
    from perception.zones.zone_file import ZoneFault

    if near is None or not looks_shifted(zones, *near):
        return []
    text = (
        "all zones lie beside the unit by the offset of Chinese maps; is the crs right? Amap and "
        "Tencent are gcj02, Baidu is bd09, a GNSS receiver is wgs84"
    )
    return [ZoneFault("zones", text)]


def _draw(zones: "list[Zone]", near: tuple[float, float] | None, path: Path) -> None:
    """Raises CommandError."""
    from edge.cli.vision.writing import check_writable, write_whole
    from perception.zones.zone_map import as_png, draw_zones

    if not zones:
        raise CommandError("there is no zone to draw", "correct what is said of them first")
    check_writable(path, ".png")
    write_whole(path, as_png(draw_zones(zones, near)))


def _as_json(zones: "list[Zone]", faults: "list[ZoneFault]", *, right: bool) -> dict[str, object]:
    return {
        "ok": right,
        "zones": [
            {"name": z.name, "kind": z.kind, "corners": len(z.points), "camera": z.camera,
             "where": z.where}
            for z in zones
        ],
        "problems": [
            {"where": f.where, "text": f.text, "severity": f.severity} for f in faults
        ],
    }  # fmt: skip
