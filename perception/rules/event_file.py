"""Alerts and truths as files: JSON, one object a line."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from perception.errors import PerceptionError
from perception.rules.event_scores import Happening

MAX_LINE_BYTES = 1_000_000
ALERT = "patrol.event.alert.v1"


class EventFileError(PerceptionError):
    """A line is no event; the text says which."""


def read_alerts(path: Path) -> list[Happening]:
    """The alerts among a unit's messages, each episode once; whatever else is there is left out.

    Raises EventFileError.
    """
    episodes: dict[str, list[tuple[datetime, Mapping[str, Any]]]] = {}
    for where, line in _lines(path):
        if line.get("type") != ALERT:
            continue
        data = line.get("data")
        if not isinstance(data, dict) or not isinstance(data.get("episode"), str):
            raise EventFileError(f"{where}: is no alert: it has no episode")
        told = _time(line, "time", where)
        episodes.setdefault(data["episode"], []).append((told, {**data, "where": where}))
    return [_alert(steps) for steps in episodes.values()]


def read_truths(path: Path) -> list[Happening]:
    """What really happened: `rule`, `begun`, `ended`; where it is known `name`, `zone`, `lat_deg`,
    `lon_deg`; `optional: true` where an alert would be neither right nor wrong.

    Raises EventFileError.
    """
    found = []
    for where, line in _lines(path):
        begun, ended = _time(line, "begun", where), _time(line, "ended", where)
        if ended < begun:
            raise EventFileError(f"{where}: ends before it begins")
        found.append(
            Happening(
                rule=_text(line, "rule", where), begun_s=begun.timestamp(),
                ended_s=ended.timestamp(), name=line.get("name"), zone=line.get("zone"),
                lat_deg=_number(line, "lat_deg", where), lon_deg=_number(line, "lon_deg", where),
                optional=line.get("optional") is True,
            )
        )  # fmt: skip
    return found


def _alert(steps: list[tuple[datetime, Mapping[str, Any]]]) -> Happening:
    """An episode: told with its first message; placed where it began."""
    steps.sort(key=lambda step: step[0])
    first, last = steps[0][1], steps[-1][1]
    where = str(first["where"])
    place = first.get("place")
    place = place if isinstance(place, dict) else {}
    error = place.get("error")
    return Happening(
        rule=_text(first, "rule", where),
        name=first.get("name"),
        zone=first.get("zone"),
        begun_s=_time(first, "begun", where).timestamp(),
        ended_s=_time(last, "last_seen", str(last["where"])).timestamp(),
        told_s=steps[0][0].timestamp(),
        lat_deg=_number(place, "lat_deg", where),
        lon_deg=_number(place, "lon_deg", where),
        error_m=(_number(error, "major_m", where) or 0.0) if isinstance(error, dict) else 0.0,
    )


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """`file:line` and the object on it; empty lines are left out."""
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES), b""), 1):
                if raw.strip():
                    yield f"{path}:{number}", _object(raw, f"{path}:{number}")
    except OSError as error:
        raise EventFileError(f"{path}: {error.strerror or error}", "name a file") from error


def _object(raw: bytes, where: str) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise EventFileError(f"{where}: is no JSON", "give one JSON object a line") from error
    if not isinstance(found, dict):
        raise EventFileError(f"{where}: is no JSON object", "give one JSON object a line")
    return found


def _time(line: Mapping[str, Any], key: str, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(str(line.get(key)))
    except ValueError as error:
        cure = f'write "{key}": "2026-11-27T08:00:00.000Z"'
        raise EventFileError(f"{where}: has no time {key}", cure) from error
    if moment.tzinfo is None:
        raise EventFileError(f"{where}: {key} has no time zone", "write Z for UTC at its end")
    return moment


def _text(line: Mapping[str, Any], key: str, where: str) -> str:
    value = line.get(key)
    if not isinstance(value, str) or not value:
        raise EventFileError(f"{where}: has no {key}", f'write "{key}": "intrusion", or another')
    return value


def _number(line: Mapping[str, Any], key: str, where: str) -> float | None:
    value = line.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise EventFileError(f"{where}: {key} is no number")
    return float(value)
