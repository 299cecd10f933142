"""R-GNSS-1: without a fix, the unit is where it says, as often as it says."""

import math
import random
import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from edge.positioning.whereabouts import UnitPosition, Whereabouts
from tests.drives import TRACKS, Drive, Faults, Sensors, any_faults, made_up, recorded
from tests.torture.trials import Stage, held, trial

LEARNS_S = 200.0  # with fixes, before the first outage
BETWEEN_S = (60.0, 150.0)
OUTAGES_S = (30.0, 60.0, 120.0, 300.0)
PROMISED = 0.95
ABSURD = 10.0  # times the error at the end, in the median: such a circle would say nothing
BEGINS_S = 4.0  # into an outage: before, the newest fix is told
NAIVE_M, NAIVE_SHARE = 3.0, 0.01  # the control: so much, and so much of the way


@dataclass(frozen=True, slots=True)
class Look:
    """One second of an outage."""

    outage_s: float
    off_m: float
    circle_m: float
    naive_m: float
    last: bool


@trial("R-GNSS-1", "without a fix, the published circle holds the unit 95 of 100 times")
def reckoned(stage: Stage) -> str:
    drives, dice = stage.sized(24, 400), random.Random(11)
    looks: list[Look] = []
    for number in range(drives):
        looks += _driven(_drive(number), any_faults(dice), number, dice)
    within = _share(look.off_m <= look.circle_m for look in looks)
    naive = _share(look.off_m <= look.naive_m for look in looks)
    held(len(looks) > 100 * drives, f"only {len(looks)} looks in {drives} drives")
    held(naive < PROMISED, f"the control, one percent of the way, holds {naive:.1%}, too")
    held(within >= PROMISED, f"the unit is within its circle in {within:.1%} of {len(looks)} looks")
    told = []
    for outage_s in OUTAGES_S:
        ends = [look for look in looks if look.outage_s == outage_s and look.last]
        if not ends:
            continue
        off_m = statistics.median(look.off_m for look in ends)
        circle_m = statistics.median(look.circle_m for look in ends)
        held(circle_m <= ABSURD * off_m, f"after {outage_s:g} s {circle_m:.0f} m for {off_m:.0f} m")
        told.append(f"{outage_s:g} s: {off_m:.0f} and {circle_m:.0f} m ({len(ends)})")
    return (
        f"{within:.1%} within, in {len(looks):,} seconds without a fix on {drives} drives, a third "
        f"of them a recorded track; error and circle in the median at the end: {', '.join(told)}; "
        f"one percent of the way holds {naive:.1%}"
    )


def _share(within: Iterator[bool]) -> float:
    return statistics.mean(within)


def _drive(number: int) -> Drive:
    if number % 3 == 0:
        return recorded(TRACKS / "car_visnjan.csv")
    return made_up(number, fastest_mps=14.0 if number % 3 == 1 else 1.6)


def _driven(drive: Drive, faults: Faults, seed: int, dice: random.Random) -> list[Look]:
    """Outages one after the other; between them fixes come, as after a tunnel."""
    where, looks = Whereabouts(["main"], 5.0), list[Look]()
    begin_s, outage_s = LEARNS_S, dice.choice(OUTAGES_S)
    way_m = 0.0
    for moment, odometry, epoch in Sensors(drive, faults, seed).told():
        where.note_odometry("car", odometry)
        since_s = moment.mono_s - begin_s
        if since_s >= outage_s:
            begin_s += outage_s + dice.uniform(*BETWEEN_S)
            outage_s, way_m = dice.choice(OUTAGES_S), 0.0
        elif since_s >= 0:
            way_m += abs(moment.speed_mps) / Drive.RATE_HZ
        elif epoch is not None:
            where.note("main", epoch)
        if since_s >= BEGINS_S and abs(moment.mono_s % 1) < 0.05:
            position = where.at(moment.mono_s)
            if position is None or position.source != "dead_reckoning":
                continue  # the heading was never known: a last known position, told as such
            off_m = _off_m(drive, position, moment.east_m, moment.north_m)
            naive_m = NAIVE_M + NAIVE_SHARE * way_m
            last = outage_s - since_s < 1.05
            looks.append(Look(outage_s, off_m, position.error_95_m, naive_m, last))
    return looks


def _off_m(drive: Drive, position: UnitPosition, east_m: float, north_m: float) -> float:
    east, north = drive.frame.to_metres(position.lat_deg, position.lon_deg)
    return math.hypot(east - east_m, north - north_m)
