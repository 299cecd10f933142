"""What is odd about one receiver: its signals, its jumps, its antenna. Hints, not proofs.

A jammer raises the noise for all signals of a band at once; so does a roof. A unit that stands does
not drive under one. A spoofer's signals come from one antenna and are alike; those of real
satellites differ by their height above the horizon and by what stands between.
(Borio et al., Impact and Detection of GNSS Jammers, and Psiaki and Humphreys, GNSS Spoofing and
Detection, both in Proc. IEEE 104-6, 2016.)
"""

import math
import statistics
from collections import deque

from drivers.gnss.guard import distance_m
from drivers.gnss.sky import Constellation, Sky
from drivers.samples import FixKind, GnssEpoch

FALLEN_DB = 10.0  # of the usual level, in every constellation: something is over or beside the unit
DOUBTED_DB = 4.0  # from here on a fix is worth less
USUAL_S = 60.0  # how slowly the usual level follows
TAUGHT_S = 20.0  # so long it must have been heard before it is called usual
FORGOTTEN_S = 900.0  # a level that stays so low is the usual one
MOST_DOUBT = 20.0
UNIFORM_DB, UNIFORM_SATELLITES, UNIFORM_S = 1.2, 8, 15.0
JUMPS_KEPT_S = 60.0
MOVED_KEPT_S = 600.0
STANDING_MPS = 0.5
OLD_CORRECTIONS_S = 30.0
JAMMED = 2  # as the receiver itself tells


class ReceiverWatch:
    """Told each epoch by the receiver's thread; what it finds may be read by any."""

    def __init__(self) -> None:
        self._usual_dbhz: dict[Constellation, float] = {}
        self._heard_s: dict[Constellation, float] = {}  # for how long, up to USUAL_S
        self._sky_s: float | None = None
        self._jumps_s: deque[float] = deque(maxlen=200)
        self._place: tuple[float, float] | None = None  # before it jumped
        self._speed_mps: float | None = None
        self._uniform_since_s: float | None = None
        self._now_s = 0.0
        self.sky: Sky | None = None
        """The newest one."""
        self.fall_db = 0.0
        """By how much the signals are weaker than usual, in the constellation that fell least."""
        self.fallen_since_s: float | None = None
        """Since when all constellations are far below their usual level."""
        self.stood_when_fell = False
        self.moved_m: float | None = None
        """How far it jumped and stayed, within the last ten minutes."""
        self._moved_s = float("-inf")
        self.jamming: int | None = None
        self.antenna: str | None = None
        self.corrections_age_s: float | None = None
        self.base_id: str | None = None
        self.fix = FixKind.NONE

    # --- what comes in ---

    def note(self, epoch: GnssEpoch) -> None:
        """One epoch, with or without a fix."""
        self._now_s = epoch.mono_s
        if epoch.sky is not None:
            self._note_sky(epoch.sky, epoch.mono_s)
        self._note_place(epoch)
        self.jamming = epoch.jamming if epoch.jamming is not None else self.jamming
        self.antenna = epoch.antenna or self.antenna
        self.fix = epoch.fix
        if epoch.has_fix:
            self.corrections_age_s, self.base_id = epoch.corrections_age_s, epoch.base_id
            if self.fallen_since_s is None:
                self._speed_mps = epoch.speed_mps

    def _note_place(self, epoch: GnssEpoch) -> None:
        if epoch.jumped:
            self._jumps_s.append(epoch.mono_s)
            return
        if not epoch.has_fix or epoch.lat_deg is None or epoch.lon_deg is None:
            return
        place = (epoch.lat_deg, epoch.lon_deg)
        last_jump_s = self._jumps_s[-1] if self._jumps_s else float("-inf")
        if self._place is not None and epoch.mono_s - last_jump_s < JUMPS_KEPT_S:
            away_m = distance_m(self._place, place)
            if self._jumps_s and away_m > 50.0 and self.moved_m is None and self._stayed():
                self.moved_m, self._moved_s = away_m, epoch.mono_s
                self._jumps_s.clear()
        self._place = place

    def _stayed(self) -> bool:
        """Whether the place that was refused became the one that is told."""
        return len(self._jumps_s) >= 2 and self._jumps_s[-1] - self._jumps_s[-2] < 5.0

    def _note_sky(self, sky: Sky, mono_s: float) -> None:
        dt_s = 0.0 if self._sky_s is None else min(max(mono_s - self._sky_s, 0.0), 5.0)
        self._sky_s, self.sky = mono_s, sky
        levels = sky.levels_dbhz()
        taught = [c for c, heard_s in self._heard_s.items() if heard_s >= TAUGHT_S]
        if taught:
            # One that is no longer heard at all has fallen by all that it had.
            self.fall_db = min(self._usual_dbhz[c] - levels.get(c, 10.0) for c in taught)
            self._note_fall(mono_s)
        self._note_uniform(sky, mono_s)
        if self.fallen_since_s is None or mono_s - self.fallen_since_s > FORGOTTEN_S:
            self._learn(levels, dt_s)

    def _note_fall(self, mono_s: float) -> None:
        if self.fall_db < FALLEN_DB * 0.7:
            self.fallen_since_s = None
        elif self.fall_db >= FALLEN_DB and self.fallen_since_s is None:
            self.fallen_since_s = mono_s
            self.stood_when_fell = self._speed_mps is not None and self._speed_mps < STANDING_MPS

    def _learn(self, levels: dict[Constellation, float], dt_s: float) -> None:
        for constellation, level in levels.items():
            usual = self._usual_dbhz.get(constellation, level)
            share = 1 - math.exp(-dt_s / USUAL_S)
            # It rises quickly and falls slowly: what is usual is the open sky.
            share = min(1.0, 4 * share) if level > usual else share
            self._usual_dbhz[constellation] = usual + share * (level - usual)
            heard_s = self._heard_s.get(constellation, 0.0) + dt_s
            self._heard_s[constellation] = min(heard_s, USUAL_S)

    def _note_uniform(self, sky: Sky, mono_s: float) -> None:
        tracked = [s for s in sky.tracked() if (s.elevation_deg or 0) > 0]
        levels = [s.cn0_dbhz or 0.0 for s in tracked]
        alike = len(levels) >= UNIFORM_SATELLITES and statistics.pstdev(levels) < UNIFORM_DB
        if not alike:
            self._uniform_since_s = None
        elif self._uniform_since_s is None:
            self._uniform_since_s = mono_s

    # --- what it finds ---

    @property
    def doubt(self) -> float:
        """By how much a fix is worse than it says: 1 while the signals are as usual."""
        if self.fall_db <= DOUBTED_DB:
            return 1.0
        return min(10 ** (self.fall_db / 10), MOST_DOUBT)

    @property
    def jumps(self) -> int:
        """Positions refused within the last minute."""
        return sum(self._now_s - jump_s < JUMPS_KEPT_S for jump_s in tuple(self._jumps_s))

    @property
    def moved_by_m(self) -> float | None:
        """How far it jumped and stayed; None where it did not lately."""
        return self.moved_m if self._now_s - self._moved_s < MOVED_KEPT_S else None

    @property
    def uniform(self) -> bool:
        """Whether all satellites are heard alike, for longer than chance."""
        since_s = self._uniform_since_s
        return since_s is not None and self._now_s - since_s >= UNIFORM_S

    @property
    def jammed(self) -> bool:
        """Whether the receiver says so, or all signals fell while the unit stood."""
        told = self.jamming is not None and self.jamming >= JAMMED
        return told or (self.fallen_since_s is not None and self.stood_when_fell)

    @property
    def old_corrections(self) -> bool:
        age_s = self.corrections_age_s
        return age_s is not None and age_s > OLD_CORRECTIONS_S and self.fix is not FixKind.NONE
