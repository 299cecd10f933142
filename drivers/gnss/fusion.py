"""All reports of one instant become one epoch: which sentence is believed for which value."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from drivers.gnss.report import Report
from drivers.gnss.sky import Sky, merged
from drivers.samples import FixKind

T = TypeVar("T")

POSITION_KINDS = ("GGA", "GNS", "RMC", "GLL")  # in order of trust: the first two tell the quality
_TALKERS = ("GN", "GP")  # the combined solution first, then the oldest constellation


@dataclass(frozen=True, slots=True, kw_only=True)
class Fused:
    """One epoch before it has a date and before its position has been held against the last."""

    mono_s: float
    day_ms: int | None
    day: date | None
    day_told_ms: int | None  # the time beside the date, which may be another (ZDA)
    fix: FixKind
    place: tuple[float, float] | None
    alt_msl_m: float | None
    speed_mps: float | None
    course_deg: float | None
    heading_deg: float | None
    heading_error_deg: float | None
    satellites_used: int | None
    satellites_in_view: int | None
    hdop: float | None
    pdop: float | None
    vdop: float | None
    error_m: float | None
    talkers: tuple[str, ...]
    corrections_age_s: float | None
    base_id: str | None
    sky: Sky | None
    jamming: int | None
    antenna: str | None


def fuse(reports: Sequence[Report], mono_s: float) -> Fused:
    """The epoch in these reports; its first byte arrived at `mono_s`."""
    latest_first = reports[::-1]  # of two alike, the later counts
    ranked = sorted(latest_first, key=_trust)
    placed = next((report for report in ranked if report.place is not None), None)
    fix = _fix(ranked) if placed is not None else FixKind.NONE
    has_fix = fix is not FixKind.NONE
    dated = next((report for report in ranked if report.day is not None), None)
    headed = _headed(ranked)
    return Fused(
        mono_s=mono_s,
        day_ms=_day_ms(ranked, placed),
        day=dated.day if dated else None,
        day_told_ms=dated.day_ms if dated else None,
        fix=fix,
        place=placed.place if placed and has_fix else None,
        alt_msl_m=_first(r.alt_msl_m for r in ranked) if has_fix else None,
        speed_mps=_first(r.speed_mps for r in ranked) if has_fix else None,
        course_deg=_first(r.course_deg for r in ranked) if has_fix else None,
        heading_deg=headed.heading_deg if headed else None,
        heading_error_deg=headed.heading_error_deg if headed else None,
        satellites_used=_satellites_used(ranked),
        satellites_in_view=_satellites_in_view(ranked),
        hdop=_first(r.hdop for r in ranked),
        pdop=_first(r.pdop for r in ranked),
        vdop=_first(r.vdop for r in ranked),
        error_m=_first(r.error_m for r in ranked) if has_fix else None,
        talkers=tuple(sorted({r.talker for r in ranked if r.talker != "P"})),
        corrections_age_s=_first(r.corrections_age_s for r in ranked) if has_fix else None,
        base_id=_first(r.base_id for r in ranked) if has_fix else None,
        sky=_sky(reports),
        jamming=_first(r.jamming for r in ranked),
        antenna=_first(r.antenna for r in ranked),
    )


def _trust(report: Report) -> tuple[int, int]:
    kind, talker = report.kind, report.talker
    return (
        POSITION_KINDS.index(kind) if kind in POSITION_KINDS else len(POSITION_KINDS),
        _TALKERS.index(talker) if talker in _TALKERS else len(_TALKERS),
    )


def _fix(ranked: list[Report]) -> FixKind:
    """What the sentences agree on: one that says "no fix" is believed before all others."""
    verdicts = [report for report in ranked if report.fix is not None]
    if any(report.fix is FixKind.NONE for report in verdicts):
        return FixKind.NONE
    dimensions = {report.dimension for report in ranked if report.dimension}
    if not dimensions & {2, 3} and all(report.satellites_used == 0 for report in verdicts):
        return FixKind.NONE  # a position out of no satellites, which nothing confirms
    fix = next((r.fix for r in verdicts if r.fix is not None), FixKind.NONE)
    return _with_dimension(ranked, dimensions) if fix is FixKind.FIX_2D else fix


def _with_dimension(ranked: list[Report], dimensions: set[int]) -> FixKind:
    """3D as GSA says; where there is no GSA, an altitude tells."""
    if dimensions & {2, 3}:
        return FixKind.FIX_3D if 3 in dimensions else FixKind.FIX_2D
    has_altitude = any(report.alt_msl_m is not None for report in ranked)
    return FixKind.FIX_3D if has_altitude else FixKind.FIX_2D


def _day_ms(ranked: list[Report], placed: Report | None) -> int | None:
    """The time of the position; sentences of one epoch may differ by some milliseconds."""
    if placed is not None and placed.day_ms is not None:
        return placed.day_ms
    return _first(report.day_ms for report in ranked)


def _satellites_used(ranked: list[Report]) -> int | None:
    told = _first(r.satellites_used for r in ranked if r.kind in POSITION_KINDS)
    listed = [r.satellites_used or 0 for r in ranked if r.kind == "GSA"]
    return sum(listed) if told is None and listed else told


def _satellites_in_view(ranked: list[Report]) -> int | None:
    """Per talker the signal with the most, because each signal counts the same satellites."""
    most: dict[str, int] = {}
    for report in ranked:
        if report.satellites_in_view is not None:
            most[report.talker] = max(most.get(report.talker, 0), report.satellites_in_view)
    return sum(most.values()) if most else None


def _headed(ranked: list[Report]) -> Report | None:
    """The sentence whose heading counts: one that tells how far to trust it before all others."""
    told = [report for report in ranked if report.heading_deg is not None]
    return min(told, key=lambda report: report.heading_error_deg is None, default=None)


def _sky(reports: Sequence[Report]) -> Sky | None:
    """The satellites, where at least one page told of them."""
    if not any(report.kind == "GSV" for report in reports):
        return None
    used = frozenset(satellite for report in reports for satellite in report.used)
    return Sky(merged(signal for report in reports for signal in report.signals), used)


def _first(values: Iterator[T | None]) -> T | None:
    return next((value for value in values if value is not None), None)
