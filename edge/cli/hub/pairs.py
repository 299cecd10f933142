"""KEY=VALUE on the command line: JSON where it can be read as such, else text; dots go deeper."""

import json
from collections.abc import Iterable
from typing import Any

from edge.cli.console import USAGE, CommandError


def object_of(pairs: Iterable[str]) -> dict[str, Any]:
    """Raises CommandError."""
    from drivers.clock import SystemClock
    from telemetry.contract.uuid7 import uuid7

    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise CommandError(f"{pair!r} is not KEY=VALUE", "see --help", USAGE)
        new = uuid7(SystemClock().utc()) if value == "@new" else json_or_text(value)
        _put(found, key.split("."), new)
    return found


def _put(into: dict[str, Any], path: list[str], value: Any) -> None:
    for step in path[:-1]:
        into = into.setdefault(step, {})
        if not isinstance(into, dict):
            raise CommandError(f"{step} is given as a value and as an object", "see --help", USAGE)
    into[path[-1]] = value


def json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
