"""The files of a unit that are kept: keys, passwords, and what must not be changed by others."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel

from config.models import Settings
from config.secrets import Keeping, Kept


@dataclass(frozen=True, slots=True)
class KeptFile:
    """One that the configuration names."""

    key: str  # "hub.tls.key"
    path: Path
    keeping: Keeping


def kept_files(settings: Settings) -> Iterator[KeptFile]:
    """All that are named, in the order of the settings."""
    yield from _below(settings, "")


def _below(value: Any, key: str) -> Iterator[KeptFile]:
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            held, here = getattr(value, name), f"{key}.{name}".lstrip(".")
            keeping = _keeping(field.annotation, field.metadata)
            if keeping is not None and isinstance(held, Path):
                yield KeptFile(here, held, keeping)
            else:
                yield from _below(held, here)
    elif isinstance(value, dict):
        for name, held in value.items():
            yield from _below(held, f"{key}.{name}")


def _keeping(annotation: Any, metadata: list[Any]) -> Keeping | None:
    for mark in metadata:
        if isinstance(mark, Kept):
            return mark.keeping
    for part in get_args(annotation):
        if get_origin(part) is Annotated:
            first, *marks = get_args(part)
            found = _keeping(first, marks)
            if found is not None:
                return found
    return None
