"""The batteries as the autopilot tells them, and whether what it tells can be true.

Autopilots tell what they were told: a wrong capacity, a power module that was never calibrated, a
battery that was changed for a half-empty one while the counter started at full. What then says
"60 %" falls out of the sky. Each check here compares two things that cannot both be true; a doubt
must last, for a voltage sags under load.
"""

from dataclasses import dataclass, field
from typing import Any

from drivers.platforms.mavlink.codec import Heard
from drivers.platforms.mavlink.numbers import (
    MAV_BATTERY_CHARGE_STATE_CHARGING,
    MAV_BATTERY_CHARGE_STATE_LOW,
    MAV_BATTERY_CHARGE_STATE_UNHEALTHY,
    NO_INT16,
    NO_UINT16,
)
from drivers.samples import Battery

# A lithium polymer cell at rest (IEC 61960 discharge curves of such cells): 4.2 V full, 3.7 V about
# 20 %, 3.5 V under load is about empty, 3.3 V does harm. Lithium iron phosphate has 3.65 to 2.8 V.
CELL_FULL_V, CELL_LOW_V, CELL_EMPTY_V = 4.25, 3.5, 3.3
LIFE_FULL_V, LIFE_LOW_V, LIFE_EMPTY_V = 3.75, 2.95, 2.8
LIFE = 2  # MAV_BATTERY_TYPE
LOW_PERCENT = 30.0
LASTS_S = 5.0  # a doubt is told when it has been there for so long
APART_PERCENT = 20.0  # between what two messages say of one battery
RISE_PERCENT = 5.0  # a battery that nobody charges does not fill itself
CONSUMED_SHARE = 0.25  # of the capacity, beyond what the percentage admits
APART_SHARE = 0.1  # between what two messages say of one voltage
RECENT_S = 5.0
SPARE_V = 0.2
ABOUT_EMPTY_PERCENT, CELL_ABOUT_FULL_V = 10.0, 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """One message about one battery."""

    number: int
    percent: float | None
    volts: float | None
    cells: list[float] = field(default_factory=list)
    consumed_mah: float | None = None
    charging: bool = False
    life: bool = False  # lithium iron phosphate


@dataclass(slots=True)
class _Kept:
    """What is known of one battery."""

    lowest_percent: float | None = None
    first_percent: float | None = None
    first_mah: float | None = None
    since_s: dict[str, float] = field(default_factory=dict)  # doubts, since when


class Batteries:
    """Takes BATTERY_STATUS and SYS_STATUS; gives a sample for each battery."""

    def __init__(self, capacity_mah: float | None = None, cells: int | None = None) -> None:
        self._capacity_mah = capacity_mah
        self._cells = cells
        self._kept: dict[int, _Kept] = {}
        self._system: tuple[float, float | None, float | None] | None = None  # when, %, V
        self._told_s = float("-inf")  # BATTERY_STATUS was heard last

    def take(self, message: Heard, heard_s: float) -> list[Battery]:
        if message.name == "SYS_STATUS":
            return self._of_system(message.fields, heard_s)
        if message.name == "BATTERY_STATUS":
            self._told_s = heard_s
            return [self._of_battery(message.fields, heard_s)]
        return []

    def _of_system(self, fields: Any, heard_s: float) -> list[Battery]:
        """The first battery, in short; a sample only of an autopilot that says no more."""
        percent = _percent(fields.battery_remaining)
        volts = None if fields.voltage_battery in (0, NO_UINT16) else fields.voltage_battery / 1000
        if heard_s - self._told_s < RECENT_S or (percent is None and volts is None):
            self._system = (heard_s, percent, volts)
            return []
        current = None if fields.current_battery < 0 else fields.current_battery / 100
        cells = _cells_of([], volts, self._cells)
        told = _Told(number=0, percent=percent, volts=volts, cells=cells)
        return [
            Battery(
                mono_s=heard_s,
                percent=percent,
                voltage_v=volts,
                current_a=current,
                cells_low=_low(0, told),
                doubt=self._doubt(told, heard_s),
            )
        ]

    def _of_battery(self, fields: Any, heard_s: float) -> Battery:
        cells = cell_volts(fields)
        volts = sum(cells) if cells else None
        state = getattr(fields, "charge_state", 0)
        remaining_s = getattr(fields, "time_remaining", 0)
        told = _Told(
            number=fields.id,
            percent=_percent(fields.battery_remaining),
            volts=volts,
            cells=_cells_of(cells, volts, self._cells),
            consumed_mah=None if fields.current_consumed < 0 else float(fields.current_consumed),
            charging=state == MAV_BATTERY_CHARGE_STATE_CHARGING,
            life=fields.type == LIFE,
        )
        return Battery(
            mono_s=heard_s,
            name="" if fields.id == 0 else f"battery{fields.id}",
            percent=told.percent,
            voltage_v=volts,
            current_a=None if fields.current_battery == -1 else fields.current_battery / 100,
            charging=told.charging if state else None,
            remaining_s=float(remaining_s) if remaining_s > 0 else None,
            celsius=None if fields.temperature == NO_INT16 else fields.temperature / 100,
            cells_low=_low(state, told),
            doubt=self._doubt(told, heard_s),
        )

    # --- doubts ---

    def _doubt(self, told: _Told, heard_s: float) -> str:
        """What cannot be and has been told for some time; by the sort of each doubt."""
        kept = self._kept.setdefault(told.number, _Kept())
        found = [*_against_cells(told), *self._against_system(told, heard_s)]
        found += [*self._against_consumption(kept, told), *_against_rise(kept, told)]
        sorts = {_sort(each): each for each in found}
        kept.since_s = {each: kept.since_s.get(each, heard_s) for each in sorts}
        return "; ".join(
            words for sort, words in sorts.items() if heard_s - kept.since_s[sort] >= LASTS_S
        )

    def _against_system(self, told: _Told, heard_s: float) -> list[str]:
        """SYS_STATUS speaks of the first battery, too."""
        if told.number != 0 or self._system is None or heard_s - self._system[0] > RECENT_S:
            return []
        found, (_, percent, volts) = list[str](), self._system
        if _apart(told.percent, percent) > APART_PERCENT:
            found.append(f"one message says {told.percent:.0f} %, another {percent:.0f} %")
        if told.volts and volts and _apart(told.volts, volts) > APART_SHARE * told.volts:
            found.append(f"one message says {told.volts:.1f} V, another {volts:.1f} V")
        return found

    def _against_consumption(self, kept: _Kept, told: _Told) -> list[str]:
        """What was drawn from it must be missing in it."""
        percent, consumed_mah, capacity = told.percent, told.consumed_mah, self._capacity_mah
        if percent is None or consumed_mah is None:
            return []
        if kept.first_mah is None or kept.first_percent is None or consumed_mah < kept.first_mah:
            kept.first_percent, kept.first_mah = percent, consumed_mah
        if capacity is None:
            return []
        drawn = (consumed_mah - kept.first_mah) / capacity
        missing = (kept.first_percent - percent) / 100
        if drawn - missing <= CONSUMED_SHARE:
            return []
        return [
            f"{100 * drawn:.0f} % of a full battery was drawn, but it says that only "
            f"{max(0.0, 100 * missing):.0f} % are gone"
        ]


def cell_volts(fields: Any) -> list[float]:
    """Of each cell; one value for all of them where they are not measured singly."""
    told = [each / 1000 for each in fields.voltages if each not in (0, NO_UINT16)]
    more = getattr(fields, "voltages_ext", None) or []
    return told + [each / 1000 for each in more if each not in (0, NO_UINT16)]


def _cells_of(cells: list[float], volts: float | None, count: int | None) -> list[float]:
    """Each cell's voltage; where only the whole is known, its share, if the count is known."""
    if volts is None:
        return []
    if len(cells) <= 1 and volts > CELL_FULL_V:
        return [volts / count] * count if count else []
    return cells


def _against_cells(told: _Told) -> list[str]:
    percent, cells = told.percent, told.cells
    if percent is None or not cells:
        return []
    full, low = (LIFE_FULL_V, LIFE_LOW_V) if told.life else (CELL_FULL_V, CELL_LOW_V)
    if percent > LOW_PERCENT and min(cells) < low:
        return [f"cells of {min(cells):.2f} V are about empty, but it says {percent:.0f} %"]
    if max(cells) > full + SPARE_V:
        return [f"cells of {max(cells):.2f} V cannot be: the power module is not calibrated"]
    if not told.life and percent < ABOUT_EMPTY_PERCENT and min(cells) > CELL_ABOUT_FULL_V:
        return [f"cells of {min(cells):.2f} V are about full, but it says {percent:.0f} %"]
    return []


def _against_rise(kept: _Kept, told: _Told) -> list[str]:
    percent, lowest = told.percent, kept.lowest_percent
    if percent is None:
        return []
    if lowest is None or percent < lowest or told.charging:
        kept.lowest_percent = percent
        return []
    if percent > lowest + RISE_PERCENT:
        return [f"it rose from {lowest:.0f} % to {percent:.0f} % without a charger"]
    return []


def _low(state: int, told: _Told) -> bool | None:
    """As it says itself, or as its cells do."""
    says = MAV_BATTERY_CHARGE_STATE_LOW <= state <= MAV_BATTERY_CHARGE_STATE_UNHEALTHY
    empty_v = LIFE_EMPTY_V if told.life else CELL_EMPTY_V
    if says or (told.cells and min(told.cells) < empty_v):
        return True
    return False if state or told.cells else None


def _percent(remaining: int) -> float | None:
    return float(remaining) if 0 <= remaining <= 100 else None


def _apart(one: float | None, two: float | None) -> float:
    return 0.0 if one is None or two is None else abs(one - two)


def _sort(words: str) -> str:
    """The sentence without its figures: the same doubt, though the figures move."""
    return "".join(letter for letter in words if not letter.isdigit())
