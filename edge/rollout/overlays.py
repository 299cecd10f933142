"""The next overlay of a unit: what was changed before it, and what is changed now, signed anew.

A unit has one overlay at a time, so the next one repeats what the last one said. The hub keeps each
that it made in a folder, by unit and serial; which one is in use the unit says itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from config.flashed import OVERLAY_FILE, is_below
from edge.bundles.manifest import ENDING, BaseOf, MadeFor, Manifest
from edge.bundles.refusal import BundleError
from edge.bundles.writing import described, write_bundle
from edge.rollout.parcel import file_in, parcel_of
from telemetry.commands.jws import PrivateKey
from telemetry.contract.flash import Flashed, FlashedLane
from telemetry.contract.uuid7 import uuid7

EARLIER = timedelta(days=1)  # a unit's clock may be behind


class OverlayError(Exception):
    """There can be no such overlay; `cure` says what to do."""

    def __init__(self, text: str, cure: str) -> None:
        super().__init__(text)
        self.cure = cure


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What shall be changed."""

    values: Mapping[str, Any]  # nested, as the unit's file
    dropped: tuple[str, ...] = ()  # keys, with dots, back to what the base says
    anew: bool = False  # forget what the last one said
    previous: Path | None = None  # where the last one lies, if not in the folder
    base: Path | None = None  # the base's file, to see at once what it allows


def lane_of(flashed: Flashed, lane: str) -> FlashedLane:
    return next((each for each in flashed.lanes if each.lane == lane), FlashedLane(lane=lane))


def values_of(edit: Edit, unit: str, flashed: Flashed, folder: Path) -> dict[str, Any]:
    """All that the next overlay says. Raises OverlayError, BundleError, OSError."""
    before = {} if edit.anew else said_before(edit, unit, flashed, folder)
    values = _laid_over(before, edit.values)
    for key in edit.dropped:
        _drop(values, key.split("."), key)
    if not values:
        raise OverlayError(
            "the overlay would say nothing",
            "give KEY=VALUE; to have none: `patrol-edge slots rollback overlay` on the unit",
        )
    if edit.base is not None:
        _check_allowed(values, edit.base, flashed)
    return values


def said_before(edit: Edit, unit: str, flashed: Flashed, folder: Path) -> dict[str, Any]:
    """What the overlay that the unit has says. Raises OverlayError, BundleError, OSError."""
    now = lane_of(flashed, "overlay")
    if now.bundle is None:
        return {}
    for path in [edit.previous] if edit.previous else kept(folder, unit):
        if parcel_of(path).manifest.id == now.bundle:
            return read_values(path)
    where = edit.previous or folder
    raise OverlayError(
        f"the overlay that {unit} has (serial {now.serial}) is not in {where}",
        "--previous FILE.peb says where it lies; --anew forgets all that it changed",
    )


def kept(folder: Path, unit: str) -> list[Path]:
    """Those that were made for this unit, the newest first."""
    found = (path for path in folder.glob(f"{unit}.*{ENDING}") if _serial_in(path, unit))
    return sorted(found, key=lambda path: -_serial_in(path, unit))


def _serial_in(path: Path, unit: str) -> int:
    number = path.name.removeprefix(f"{unit}.").removesuffix(ENDING)
    return int(number) if number.isascii() and number.isdigit() else 0


def read_values(path: Path) -> dict[str, Any]:
    """What an overlay says. Raises BundleError, OSError."""
    try:
        found = yaml.safe_load(file_in(path, OVERLAY_FILE))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BundleError("malformed", f"{path.name}: its {OVERLAY_FILE} is damaged") from error
    if not isinstance(found, dict):
        raise BundleError("malformed", f"{path.name}: its {OVERLAY_FILE} says nothing")
    return found


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        known = result.get(key)
        both = isinstance(known, Mapping) and isinstance(value, Mapping)
        result[key] = _laid_over(known, value) if both else value  # type: ignore[arg-type]
    return result


def _drop(values: dict[str, Any], path: list[str], key: str) -> None:
    """Raises OverlayError."""
    inner = values.get(path[0])
    if len(path) > 1 and isinstance(inner, dict):
        _drop(inner, path[1:], key)
        if not inner:
            del values[path[0]]
    elif len(path) == 1 and path[0] in values:
        del values[path[0]]
    else:
        raise OverlayError(f"--drop {key}: the overlay does not say that", "see `--show`")


def leaves(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterable[tuple[str, ...]]:
    """The keys that have a value."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*path, str(key)))
        else:
            yield (*path, str(key))


def _check_allowed(values: Mapping[str, Any], base: Path, flashed: Flashed) -> None:
    """Raises OverlayError."""
    manifest, now = parcel_of(base).manifest, lane_of(flashed, "config")
    if manifest.id != now.bundle:
        raise OverlayError(
            f"{base.name} (serial {manifest.serial}) is not the base that the unit has "
            f"({now.name}, serial {now.serial})",
            "give that one with --base, or none",
        )
    for path in leaves(values):
        if not any(is_below(path, pattern) for pattern in manifest.overlay_keys):
            allowed = ", ".join(manifest.overlay_keys) or "nothing"
            raise OverlayError(
                f"{'.'.join(path)}: the base does not let an overlay change it",
                f"it allows {allowed}; else build a new base",
            )


def make_overlay(
    unit: str,
    flashed: Flashed,
    values: Mapping[str, Any],
    key: tuple[PrivateKey, str],
    now: datetime,
    folder: Path,
    *,
    days: float,
    note: str = "",
) -> Path:
    """Write it into the folder, signed. Raises OverlayError, BundleError, OSError."""
    base, last = lane_of(flashed, "config"), lane_of(flashed, "overlay")
    if base.bundle is None or base.serial is None:
        raise OverlayError(
            f"{unit} has no flashed configuration, which an overlay would go onto",
            "flash one first: patrol-edge hub flash",
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = [_serial_in(path, unit) for path in kept(folder, unit)]
    serial = 1 + max(last.highest, last.serial or 0, *made)
    content = yaml.safe_dump(dict(values), sort_keys=True, allow_unicode=True).encode()
    manifest = Manifest(
        id=uuid7(now),
        kind="overlay",
        name=unit,
        serial=serial,
        made_for=MadeFor(units=(unit,)),
        issued_at=now,
        not_before=now - EARLIER,
        not_after=now + timedelta(days=days),
        files=(described(OVERLAY_FILE, content),),
        base=BaseOf(bundle=base.bundle, serial=base.serial),
        note=note,
    )
    path = folder / f"{unit}.{serial}{ENDING}"
    write_bundle(path, manifest, {OVERLAY_FILE: content}, [key])
    return path
