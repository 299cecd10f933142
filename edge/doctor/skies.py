"""A receiver's satellites, for the doctor's page, and over the local socket."""

from collections.abc import Iterable, Mapping
from typing import Any

from drivers.gnss.sky import Constellation, Sky
from edge.doctor.exhibit import Exhibit, Satellite

# RINEX 3, table of satellite systems.
LETTERS = {
    Constellation.GPS: "G",
    Constellation.GLONASS: "R",
    Constellation.GALILEO: "E",
    Constellation.BEIDOU: "C",
    Constellation.QZSS: "J",
    Constellation.NAVIC: "I",
    Constellation.SBAS: "S",
}
MOST = 100


def satellites(sky: Sky | None) -> tuple[Satellite, ...]:
    """Those whose place in the sky is known."""
    if sky is None:
        return ()
    return tuple(
        Satellite(
            name=f"{LETTERS[one.constellation]}{one.number}",
            elevation_deg=one.elevation_deg,
            azimuth_deg=one.azimuth_deg,
            cn0_dbhz=one.cn0_dbhz,
            used=one.satellite in sky.used,
        )
        for one in sky.strongest().values()
        if one.elevation_deg is not None and one.azimuth_deg is not None
    )


def exhibit_of(found: tuple[Satellite, ...]) -> Exhibit | None:
    return Exhibit(sky=found) if found else None


def told_satellites(told: object) -> tuple[Satellite, ...]:
    """As a running unit tells them; what is not in our form is left out."""
    if not isinstance(told, list):
        return ()
    return tuple(_satellites(each for each in told[:MOST] if isinstance(each, dict)))


def _satellites(told: Iterable[Mapping[str, Any]]) -> Iterable[Satellite]:
    for each in told:
        try:
            level = each.get("cn0_dbhz")
            yield Satellite(
                name=str(each["name"]),
                elevation_deg=float(each["elevation_deg"]),
                azimuth_deg=float(each["azimuth_deg"]),
                cn0_dbhz=None if level is None else float(level),
                used=bool(each.get("used")),
            )
        except (KeyError, TypeError, ValueError):
            continue
