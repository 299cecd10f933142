"""The effective configuration as text: every setting, with where it was set."""

import json
import re
from collections.abc import Mapping
from typing import Any

from config.loading import Loaded
from config.nodes import Place
from config.scalars import NotFiniteError, resolve
from config.wording import figure, masked

# Unquoted only where no reader of YAML could take it for something else.
PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./+-]*(:[A-Za-z0-9_./+-]+)*")
OLD_BOOLS = {"yes", "no", "on", "off", "y", "n"}  # for YAML 1.1 readers
COMMENT_COLUMN = 44


def as_yaml(loaded: Loaded) -> str:
    """A file that loads to the same settings, each line with its origin as a comment."""
    lines = [f"# configuration {loaded.digest[:12]}"]
    for lane, content in loaded.flashed.items():
        lines.append(f"# flashed {lane}: {content.name}, serial {content.serial}")
    _write(lines, loaded.settings.model_dump(mode="json"), (), loaded.origins)
    return "\n".join(lines) + "\n"


def _write(
    lines: list[str], data: Mapping[str, Any], path: tuple[str, ...], origins: Mapping[str, Place]
) -> None:
    indent = "  " * len(path)
    for key, value in data.items():
        here = (*path, key)
        if isinstance(value, dict) and value:
            lines.append(f"{indent}{key}:")
            _write(lines, value, here, origins)
        else:
            line = f"{indent}{key}: {flow(value)}"
            place = origins.get(".".join(here))
            lines.append(f"{line:{COMMENT_COLUMN}}  # {origin(place)}")


def origin(place: Place | None) -> str:
    """`unit.yaml:12`, `profile drone:8`, `north#7/unit.yaml:3` (of a bundle), a variable's name, or
    `default`."""
    if place is None:
        return "default"
    name = place.source if place.layer != "unit file" else place.source.rpartition("/")[2]
    return f"from {name}:{place.line}" if place.line else f"from {name}"


def flow(value: object) -> str:
    """A value as it is written in YAML, on one line."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return figure(value) if float(value).is_integer() else repr(value)
        case list():
            return f"[{', '.join(flow(item) for item in value)}]"
        case dict():
            return f"{{{', '.join(f'{key}: {flow(item)}' for key, item in value.items())}}}"
        case _:
            return _text(masked(str(value)))


def _text(text: str) -> str:
    try:
        looks_like_text = isinstance(resolve(text), str)
    except NotFiniteError:
        looks_like_text = False
    if looks_like_text and PLAIN.fullmatch(text) and text.lower() not in OLD_BOOLS:
        return text
    return json.dumps(text, ensure_ascii=False)


def as_json(loaded: Loaded) -> dict[str, Any]:
    """The same for programs."""
    return {
        "digest": loaded.digest,
        "settings": _masked(loaded.settings.model_dump(mode="json")),
        "flashed": {
            lane: content.model_dump(mode="json") for lane, content in loaded.flashed.items()
        },
        "overruled": list(loaded.overruled),
        "kept": list(loaded.kept),
        "origins": {
            path: {"layer": place.layer, "source": place.source, "line": place.line or None}
            for path, place in loaded.origins.items()
        },
    }


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return masked(value) if isinstance(value, str) else value
