"""What a new configuration changes, and what of that can be changed while the unit runs. Pure.

What is not in the table below needs a new start: parts hold what they were made with, and half a
change would be worse than a pause of some seconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from config.models import Settings

# How a key is changed, by what its path begins with: the first that fits counts. None: by a start.
LIVE: tuple[tuple[str, str | None], ...] = (
    ("logging.level", "logging"),
    ("position.lost_after_s", None),
    ("position", "tuning"),
    ("health", "tuning"),
    ("modes", "tuning"),
    ("flash", "flash"),
    ("gnss", "receiver"),
    ("cameras", "camera"),
)
# Of a camera: what only its driver reads. How it looks and where it looks, perception holds.
OF_CAMERAS = frozenset(
    {
        "device",
        "pixel_format",
        "url",
        "transport",
        "decode",
        "open_timeout_s",
        "credentials_file",
        "path",
        "loop",
        "stalled_after_s",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """Keys by how they are changed; `start`: those that need a new start."""

    start: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    ways: frozenset[str] = frozenset()

    @property
    def live(self) -> bool:
        return not self.start


def affected(before: Settings, after: Settings) -> Affected:
    """What differs between two configurations of the same unit."""
    start: list[str] = []
    names: dict[str, list[str]] = {"receiver": [], "camera": []}
    ways: set[str] = set()
    for path in differing(before.model_dump(mode="json"), after.model_dump(mode="json")):
        way = _way(path, before, after)
        if way is None:
            start.append(".".join(path))
            continue
        ways.add(way)
        if way in names and path[1] not in names[way]:
            names[way].append(path[1])
    return Affected(
        start=tuple(start),
        receivers=tuple(names["receiver"]),
        cameras=tuple(names["camera"]),
        ways=frozenset(ways),
    )


def differing(before: Any, after: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of what is not the same; lists as a whole."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            here = (*path, str(key))
            if key in before and key in after:
                yield from differing(before[key], after[key], here)
            else:
                yield here
    elif before != after:
        yield path


def _way(path: tuple[str, ...], before: Settings, after: Settings) -> str | None:
    key = ".".join(path)
    way = next((way for start, way in LIVE if key == start or key.startswith(f"{start}.")), None)
    if way == "receiver":
        return way if _is_same_receiver(path, before, after) else None
    if way == "camera":
        same = len(path) > 2 and before.cameras[path[1]].kind == after.cameras[path[1]].kind
        return way if same and path[2] in OF_CAMERAS else None
    return way


def _is_same_receiver(path: tuple[str, ...], before: Settings, after: Settings) -> bool:
    """Another name is another receiver; a recording counts its time from the start."""
    old, new = before.gnss.get(path[1]), after.gnss.get(path[1])
    return old is not None and new is not None and "replay" not in (old.kind, new.kind)
