"""Vehicles that were seen to stand once: where, when, what they looked like. On the disk, so that a
restart between the two passes loses none. No plate, no picture, no name; gone after an hour."""

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from perception.rules.standing.looks import Looks

MOST = 500  # the oldest give way
LARGEST_BYTES = 1_000_000
VERSION = 1


@dataclass(slots=True, eq=False)
class FirstPass:
    """One vehicle in one zone, as it was seen to stand first."""

    record: str  # its name in both alerts
    zone: str
    label: str
    lat_deg: float
    lon_deg: float
    covariance: tuple[float, float, float]  # east², east·north, north², m²
    utc_s: float | None  # None where the time of day was unknown
    mono_s: float | None  # of this boot; None of what was read from the disk
    looks: Looks
    subject: int | None = None  # of this boot, while it is followed

    def age_s(self, mono_s: float, utc_s: float | None) -> float | None:
        """Since it was seen; None where the two times cannot be compared."""
        if self.mono_s is not None:
            return mono_s - self.mono_s
        return None if self.utc_s is None or utc_s is None else utc_s - self.utc_s


class FirstPasses:
    """The memory of first passes. A file that cannot be read or written costs the memory over a
    restart, not the rule: `trouble` says why."""

    def __init__(self, path: Path | None, expires_s: float) -> None:
        self.trouble = ""
        self._path = path
        self._expires_s = expires_s
        self._records: list[FirstPass] = self._read()

    def __iter__(self) -> Iterator[FirstPass]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def add(self, record: FirstPass) -> None:
        self._records = [*self._records[-(MOST - 1) :], record]
        self._write()

    def remove(self, record: FirstPass) -> None:
        self._records = [each for each in self._records if each is not record]
        self._write()

    def expire(self, mono_s: float, utc_s: float | None) -> None:
        """Forget what is too old, or from a time to come."""
        kept = [each for each in self._records if self._is_fresh(each.age_s(mono_s, utc_s))]
        if len(kept) < len(self._records):
            self._records = kept
            self._write()

    def _is_fresh(self, age_s: float | None) -> bool:
        return age_s is None or -self._expires_s <= age_s <= self._expires_s

    def _read(self) -> list[FirstPass]:
        if self._path is None or not self._path.exists():
            return []
        try:
            return _records(self._path.read_bytes()[: LARGEST_BYTES + 1])
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            self.trouble = f"{self._path}: {error}"
            return []

    def _write(self) -> None:
        if self._path is None:
            return
        told = {"version": VERSION, "records": [_row(each) for each in self._records]}
        fresh = self._path.with_suffix(".new")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                json.dump(told, file)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
            self.trouble = ""
        except OSError as error:
            self.trouble = f"{self._path}: {error}"


def _records(content: bytes) -> list[FirstPass]:
    """Raises ValueError, KeyError or TypeError of what is no memory of first passes."""
    if len(content) > LARGEST_BYTES:
        raise ValueError("it is too large")
    told = json.loads(content)
    if told["version"] != VERSION:
        raise ValueError(f"it is of version {told['version']}")
    # Of an earlier boot, and of no known time of day: nobody can say any more how old it is.
    return [_record(each) for each in told["records"][-MOST:] if each["utc_s"] is not None]


def _row(record: FirstPass) -> dict[str, Any]:
    colours = record.looks.colours
    return {
        "record": record.record,
        "zone": record.zone,
        "label": record.label,
        "lat_deg": record.lat_deg,
        "lon_deg": record.lon_deg,
        "covariance": list(record.covariance),
        "utc_s": record.utc_s,
        "colours": None if colours is None else [round(float(each), 4) for each in colours],
        "height": record.looks.height,
    }


def _record(row: dict[str, Any]) -> FirstPass:
    """Raises ValueError, KeyError or TypeError of what is no record."""
    a, b, c = (float(each) for each in row["covariance"])
    lat_deg, lon_deg = float(row["lat_deg"]), float(row["lon_deg"])
    utc_s = None if row["utc_s"] is None else float(row["utc_s"])
    colours = None if row["colours"] is None else np.array(row["colours"], np.float64)
    height = None if row["height"] is None else float(row["height"])
    numbers = [a, b, c, lat_deg, lon_deg, utc_s or 0.0, height or 0.0]
    if not all(map(math.isfinite, numbers)) or a < 0 or c < 0 or a * c < b * b - 1e-9:
        raise ValueError("a number that is none")
    if colours is not None and (
        colours.ndim != 1 or not np.isfinite(colours).all() or not colours.sum() > 0
    ):
        raise ValueError("colours that are none")
    return FirstPass(
        record=str(row["record"])[:40],
        zone=str(row["zone"]),
        label=str(row["label"]),
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        covariance=(a, b, c),
        utc_s=utc_s,
        mono_s=None,
        looks=Looks(colours, height),
    )
