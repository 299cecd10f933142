"""The last sequences of a fleet's units, in a file: units that come again go on counting."""

import json
import os
from pathlib import Path

from telemetry.contract.wire_types import U64_MAX


class NumbersError(Exception):
    """The file cannot be read or written. The text says why."""


def read_numbers(path: Path) -> dict[str, int]:
    """By unit; none if there is no file yet. Raises NumbersError."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise NumbersError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise NumbersError(f"{path} is no JSON") from error
    if not isinstance(found, dict) or not all(_is_number(each) for each in found.values()):
        raise NumbersError(f"{path} does not hold sequences by unit")
    return found


def _is_number(value: object) -> bool:
    return type(value) is int and 0 <= value < U64_MAX


def write_numbers(path: Path, numbers: dict[str, int]) -> None:
    """Whole or not at all. Raises NumbersError."""
    fresh = path.with_name(f"{path.name}.new")
    try:
        with fresh.open("w", encoding="ascii") as file:
            json.dump(numbers, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise NumbersError(f"cannot write {path}: {error.strerror}") from error
