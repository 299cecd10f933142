"""What differs between two configurations, by key. What may be a secret is masked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from config.models import Settings
from config.showing import flow

_ABSENT: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One key whose value differs. None: there is no such key there."""

    key: str  # "cameras.front.fps"
    before: str | None  # as it is written in YAML
    after: str | None

    @property
    def section(self) -> str:
        return self.key.partition(".")[0]

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.key}: {self.after}"
        if self.after is None:
            return f"- {self.key}: {self.before}"
        return f"~ {self.key}: {self.before} → {self.after}"


def settings_diff(old: Settings, new: Settings) -> tuple[Change, ...]:
    """Every key whose value differs, in the order of the sections."""
    before, after = (settings.model_dump(mode="json") for settings in (old, new))
    return tuple(_changes(before, after, ()))


def _changes(
    before: Mapping[str, Any], after: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[Change]:
    for key in dict.fromkeys((*before, *after)):
        here = (*path, key)
        old, new = before.get(key, _ABSENT), after.get(key, _ABSENT)
        if old == new:
            continue
        if (isinstance(old, dict) or old is _ABSENT) and (isinstance(new, dict) or new is _ABSENT):
            below = [side if isinstance(side, dict) else {} for side in (old, new)]
            yield from _changes(below[0], below[1], here)
            continue
        yield Change(key=".".join(here), before=_told(old), after=_told(new))


def _told(value: object) -> str | None:
    return None if value is _ABSENT else flow(value)
