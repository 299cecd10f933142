"""What differs between two bundles: what they say of themselves, and what they carry."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from config.flashed import BASE_FILE, OVERLAY_FILE
from config.nodes import Node, dotted, leaves, plain
from config.reading import read
from config.showing import flow
from edge.bundles.manifest import Manifest

Where = Literal["manifest", "setting", "zone", "file"]
SETTINGS = (BASE_FILE, OVERLAY_FILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """None: there is no such thing there."""

    where: Where
    name: str  # serial; unit.yaml hub.url; a zone; a file
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.where} {self.name}: {self.after}"
        if self.after is None:
            return f"- {self.where} {self.name}: {self.before}"
        return f"~ {self.where} {self.name}: {self.before} → {self.after}"


def differences(
    old: Manifest, old_files: Mapping[str, Path], new: Manifest, new_files: Mapping[str, Path]
) -> Iterator[Difference]:
    """In the order of manifest, settings, zones, other files."""
    yield from _of("manifest", _claims(old), _claims(new))
    hashes = [{file.name: file.sha256 for file in each.files} for each in (old, new)]
    names = sorted(name for name in {**hashes[0], **hashes[1]} if _differs(name, *hashes))
    for name in names:
        before, after = old_files.get(name), new_files.get(name)
        if name in SETTINGS:
            yield from _of("setting", settings_in(before), settings_in(after))
        elif name.endswith(".geojson"):
            yield from _of("zone", _zones_in(before), _zones_in(after))
        else:
            yield from _of("file", _hash(name, hashes[0]), _hash(name, hashes[1]))


def _differs(name: str, old: Mapping[str, str], new: Mapping[str, str]) -> bool:
    return old.get(name) != new.get(name)


def _hash(name: str, hashes: Mapping[str, str]) -> dict[str, str]:
    return {name: hashes[name][:12]} if name in hashes else {}


def _of(where: Where, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Difference]:
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) != new.get(name):
            yield Difference(where=where, name=name, before=old.get(name), after=new.get(name))


def _claims(manifest: Manifest) -> dict[str, str]:
    content: dict[str, Any] = manifest.model_dump(mode="json", exclude_none=True, exclude={"files"})
    return {name: flow(value) for name, value in content.items() if value not in ("", [])}


def settings_in(path: Path | None) -> dict[str, str]:
    """Every setting that stands in a YAML file, by its key; secrets are masked."""
    root: Node | None = None if path is None else read(path, "bundle").root
    if root is None:
        return {}
    return {dotted(where): flow(plain(node)) for where, node in leaves(root)}


def _zones_in(path: Path | None) -> dict[str, str]:
    """Each zone of a map by its name: its kind, and a short mark of its shape."""
    if path is None:
        return {}
    try:
        features = json.loads(path.read_bytes())["features"]
        return {_name(each, number): _shape(each) for number, each in enumerate(features)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {path.name: "no zones"}


def _name(feature: dict[str, Any], number: int) -> str:
    properties = feature.get("properties") or {}
    return str(properties.get("name") or f"#{number}")


def _shape(feature: dict[str, Any]) -> str:
    properties = feature.get("properties") or {}
    others = {name: value for name, value in properties.items() if name != "name"}
    shape = feature.get("geometry") or {}
    points = sum(1 for _ in _points(shape.get("coordinates")))
    told = f"{shape.get('type')} of {points} points"
    return f"{told} {_mark(shape)}{f' {flow(others)}' if others else ''}"


def _mark(shape: object) -> str:
    """Changes where a point moves."""
    import hashlib

    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()[:6]


def _points(value: object) -> Iterator[object]:
    if isinstance(value, list):
        if value and not isinstance(value[0], list):
            yield value
        else:
            for each in value:
                yield from _points(each)
