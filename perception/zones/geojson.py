"""GeoJSON (RFC 7946) with a `crs` of ours: zones, each with its line in the file."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from config.zones import Crs

MAX_BYTES = 4 * 1024 * 1024
CRS_CURE = (
    '"crs": "wgs84" (from a GNSS receiver), "cgcs2000" (from a survey), "gcj02" (from Amap or '
    'Tencent) or "bd09" (from Baidu)'
)


class GeoJsonError(ValueError):
    """The file is no GeoJSON that zones can be read from; the text says where and what to do."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature as it stands in the file."""

    line: int
    properties: Mapping[str, Any]
    kind: str  # Polygon or LineString, or whatever else it says
    coordinates: Any


def read_features(path: Path) -> tuple[Crs, list[Feature]]:
    """What the file holds. Raises GeoJsonError; `file:line: what; cure`."""
    text = _text(path)
    try:
        members = dict(_members(text))
        document = {key: value for key, (_, value) in members.items()}
        crs = _crs(document, path)
        if document.get("type") != "FeatureCollection" or "features" not in members:
            raise GeoJsonError(f"{path}:1: is no FeatureCollection; save the zones as GeoJSON")
        begin, _ = members["features"]
        return crs, [_feature(text, at, value, path) for at, value in _items(text, begin)]
    except json.JSONDecodeError as error:
        raise GeoJsonError(f"{path}:{error.lineno}: is no JSON: {error.msg}") from error
    except RecursionError as error:
        raise GeoJsonError(f"{path}:1: is nested too deeply for zones") from error


def _text(path: Path) -> str:
    try:
        if path.is_dir():
            raise GeoJsonError(f"{path}: is a folder; name the file in it")
        if not path.is_file():
            raise GeoJsonError(f"{path}: there is no such file; check the name")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise GeoJsonError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_BYTES:
        raise GeoJsonError(f"{path}: is larger than 4 MiB; is it the right file?")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise GeoJsonError(f"{path}: is not UTF-8; save it as UTF-8") from error


def _crs(document: Mapping[str, Any], path: Path) -> Crs:
    crs = document.get("crs")
    if crs not in get_args(Crs):
        said = "does not say what its coordinates are" if crs is None else f"has a crs {crs!r}"
        raise GeoJsonError(f"{path}:1: {said}; write beside its type: {CRS_CURE}")
    return cast(Crs, crs)


def _feature(text: str, at: int, value: Any, path: Path) -> Feature:
    line = text.count("\n", 0, at) + 1
    properties = value.get("properties") if isinstance(value, dict) else None
    geometry = value.get("geometry") if isinstance(value, dict) else None
    if not isinstance(geometry, dict) or not isinstance(geometry.get("type"), str):
        raise GeoJsonError(f"{path}:{line}: has no geometry; draw it anew, or delete it")
    shown = properties if isinstance(properties, dict) else {}
    return Feature(line, shown, geometry["type"], geometry.get("coordinates"))


# --- where things stand in the text: json tells values, but not their places ---

_DECODER = json.JSONDecoder()
_BLANKS = " \t\r\n"


def _members(text: str) -> Iterator[tuple[str, tuple[int, Any]]]:
    """The members of the outer object: name, place of the value, value."""
    at = _expect(text, _skip(text, 0), "{")
    while text[at : at + 1] != "}":
        name, at = _DECODER.raw_decode(text, at)
        begin = _skip(text, _expect(text, _skip(text, at), ":"))
        value, at = _DECODER.raw_decode(text, begin)
        yield str(name), (begin, value)
        at = _skip(text, at)
        at = _skip(text, at + 1) if text[at : at + 1] == "," else _hold(text, at, "}")


def _items(text: str, begin: int) -> Iterator[tuple[int, Any]]:
    """The items of a list: place, value."""
    at = _skip(text, _expect(text, begin, "["))
    while text[at : at + 1] != "]":
        value, end = _DECODER.raw_decode(text, at)
        yield at, value
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at : at + 1] == "," else _hold(text, at, "]")


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at


def _expect(text: str, at: int, mark: str) -> int:
    return _skip(text, _hold(text, at, mark) + 1)


def _hold(text: str, at: int, mark: str) -> int:
    if text[at : at + 1] != mark:
        raise json.JSONDecodeError(f"a {mark} is missing", text, at)
    return at
