"""Where the vehicle is and how it is turned, from what its autopilot tells.

Fields and units: mavlink.io/en/messages/common.html. Values that say "not known" become None;
0, 0 with a fix is an autopilot that knows no position, not a place in the Gulf of Guinea.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from drivers.platforms.mavlink.boot_clock import BootClock
from drivers.platforms.mavlink.codec import Heard
from drivers.platforms.mavlink.numbers import (
    MAV_SENSOR_ROTATION_PITCH_270,
    NO_UINT8,
    NO_UINT16,
)
from drivers.platforms.mavlink.vehicle import Vehicle
from drivers.samples import Attitude, FixKind, GnssEpoch, Odometry

# GPS_FIX_TYPE; 7 is a base station, 8 is PPP
FIXES = {
    2: FixKind.FIX_2D, 3: FixKind.FIX_3D, 4: FixKind.DGPS, 5: FixKind.RTK_FLOAT,
    6: FixKind.RTK_FIXED, 7: FixKind.FIX_3D, 8: FixKind.DGPS,
}  # fmt: skip
FRESH_S = 3.0
EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)  # a clock that says less was never set
# Height above the ground, by who tells it: a rangefinder, a map of the terrain, the barometer
# above the take-off place, which says nothing of what lies below now.
RANGEFINDER_M, TERRAIN_M, BAROMETER_M = 0.3, 5.0, 10.0
SIDEWAYS_MPS = 0.5  # moving across the bow faster than this, the speed along it is not all
STANDS_MPS = 0.2  # slower, the direction of the motion is noise
EKF_REJECTS = 1.0  # a test ratio above this: the filter does not believe the receiver
EKF_CONST_POSITION = 128  # EKF_STATUS_FLAGS: it knows no position and assumes that it stands

Sample: TypeAlias = Attitude | GnssEpoch | Odometry


@dataclass(frozen=True, slots=True)
class _Height:
    mono_s: float
    height_m: float
    error_m: float


class Motion:
    """Takes messages, gives samples."""

    def __init__(self, boot: BootClock) -> None:
        self._boot = boot
        self._attitude: tuple[float, Any] | None = None
        self._gps: tuple[float, Any] | None = None
        self._fused_s = float("-inf")  # when GLOBAL_POSITION_INT was heard last
        self._heights: dict[str, _Height] = {}
        self._utc_offset_s: float | None = None  # UTC minus monotonic
        self._accuracy_m: tuple[float, float] | None = None
        self._relative_m: float | None = None
        self.doubts = ""  # what the autopilot's filter says of the receiver

    def take(self, message: Heard, heard_s: float, vehicle: Vehicle) -> list[Sample]:
        fields = message.fields
        match message.name:
            case "ATTITUDE":
                return [self._turned(fields, heard_s)]
            case "GLOBAL_POSITION_INT":
                return self._fused(fields, heard_s, vehicle)
            case "GPS_RAW_INT":
                return self._raw(fields, heard_s)
            case "SYSTEM_TIME":
                self._note_time(fields, heard_s)
            case "ESTIMATOR_STATUS" if _good(fields.pos_horiz_accuracy):
                self._accuracy_m = (heard_s, fields.pos_horiz_accuracy)
            case "EKF_STATUS_REPORT":
                self._note_filter(fields)
            case _:
                self._note_height(message.name, fields, heard_s)
        return []

    def bow_deg(self) -> float | None:
        """Where it points, true."""
        if self._attitude is None or not _good(self._attitude[1].yaw):
            return None
        return math.degrees(self._attitude[1].yaw) % 360.0

    def relative_height_m(self) -> float | None:
        """Above the take-off place."""
        return self._relative_m

    # --- turned ---

    def _turned(self, fields: Any, heard_s: float) -> Attitude:
        self._attitude = (heard_s, fields)
        height = self._height(heard_s)
        known = all(_good(each) for each in (fields.roll, fields.pitch, fields.yaw))
        return Attitude(
            mono_s=self._boot.mono_s(fields.time_boot_ms, heard_s),
            pitch_deg=math.degrees(fields.pitch) if known else None,
            roll_deg=math.degrees(fields.roll) if known else None,
            heading_deg=math.degrees(fields.yaw) % 360.0 if known else None,
            height_m=height.height_m if height else None,
            height_error_m=height.error_m if height else 1.0,
        )

    def _height(self, heard_s: float) -> _Height | None:
        """The best that is fresh: whose error is least."""
        fresh = [each for each in self._heights.values() if heard_s - each.mono_s < FRESH_S]
        return min(fresh, key=lambda each: each.error_m, default=None)

    def _note_height(self, name: str, fields: Any, heard_s: float) -> None:
        match name:
            case "DISTANCE_SENSOR":
                within = fields.min_distance < fields.current_distance < fields.max_distance
                upright = self._upright()
                down = fields.orientation == MAV_SENSOR_ROTATION_PITCH_270
                if down and within and upright is not None:
                    down_m = fields.current_distance / 100 * upright
                    self._heights[name] = _Height(heard_s, down_m, RANGEFINDER_M)
            case "ALTITUDE" if _good(fields.bottom_clearance) and fields.bottom_clearance >= 0:
                self._heights[name] = _Height(heard_s, fields.bottom_clearance, RANGEFINDER_M)
            case "TERRAIN_REPORT" if fields.spacing and _good(fields.current_height):
                self._heights[name] = _Height(heard_s, fields.current_height, TERRAIN_M)
            case _:
                return

    def _upright(self) -> float | None:
        """How much of a slanting distance is height; None where its attitude is none."""
        if self._attitude is None:
            return 1.0
        fields = self._attitude[1]
        if not (_good(fields.roll) and _good(fields.pitch)):
            return None
        return max(0.0, math.cos(fields.roll) * math.cos(fields.pitch))

    # --- where ---

    def _fused(self, fields: Any, heard_s: float, vehicle: Vehicle) -> list[Sample]:
        """The autopilot's own estimate: smooth, and it goes on where the receiver fails."""
        self._fused_s = heard_s
        self._relative_m = fields.relative_alt / 1000
        above = _Height(heard_s, self._relative_m, BAROMETER_M)
        self._heights["GLOBAL_POSITION_INT"] = above
        mono_s = self._boot.mono_s(fields.time_boot_ms, heard_s)
        epoch = self._epoch(mono_s, heard_s, fields)
        moved = self._moved(mono_s, heard_s, fields, vehicle)
        return [epoch] if moved is None else [epoch, moved]

    def _epoch(self, mono_s: float, heard_s: float, fields: Any) -> GnssEpoch:
        gps = self._gps[1] if self._gps and heard_s - self._gps[0] < FRESH_S else None
        fix = FIXES.get(gps.fix_type, FixKind.NONE) if gps is not None else FixKind.NONE
        there = _is_place(fields.lat, fields.lon)
        if fix is FixKind.NONE and there:
            fix = FixKind.ESTIMATED  # it goes on without a receiver
        if not there:
            fix = FixKind.NONE
        heading = None if fields.hdg == NO_UINT16 else fields.hdg / 100 % 360.0
        speed_mps = math.hypot(fields.vx, fields.vy) / 100
        course_deg = math.degrees(math.atan2(fields.vy, fields.vx)) % 360.0
        return GnssEpoch(
            mono_s=mono_s,
            utc=self._utc(mono_s),
            fix=fix,
            lat_deg=fields.lat / 1e7 if there else None,
            lon_deg=fields.lon / 1e7 if there else None,
            alt_msl_m=fields.alt / 1000 if there else None,
            speed_mps=speed_mps,
            course_deg=course_deg if speed_mps > STANDS_MPS else None,
            heading_deg=heading,
            error_m=self._error_m(gps, heard_s),
            **_quality(gps),
        )

    def _raw(self, fields: Any, heard_s: float) -> list[Sample]:
        """The receiver's own position, where the autopilot tells no estimate."""
        self._gps = (heard_s, fields)
        if heard_s - self._fused_s < FRESH_S:
            return []
        there = _is_place(fields.lat, fields.lon) and fields.fix_type in FIXES
        return [
            GnssEpoch(
                mono_s=heard_s,
                utc=self._utc(heard_s),
                fix=FIXES[fields.fix_type] if there else FixKind.NONE,
                lat_deg=fields.lat / 1e7 if there else None,
                lon_deg=fields.lon / 1e7 if there else None,
                alt_msl_m=fields.alt / 1000 if there else None,
                speed_mps=None if fields.vel == NO_UINT16 else fields.vel / 100,
                course_deg=None if fields.cog == NO_UINT16 else fields.cog / 100 % 360.0,
                heading_deg=None if fields.yaw in (0, NO_UINT16) else fields.yaw / 100 % 360.0,
                error_m=self._error_m(fields, heard_s),
                **_quality(fields),
            )
        ]

    def _error_m(self, gps: Any, heard_s: float) -> float | None:
        """The worse of what receiver and filter say, in metres at 1 sigma."""
        told = []
        if gps is not None and getattr(gps, "h_acc", None):
            told.append(gps.h_acc / 1000)
        if self._accuracy_m and heard_s - self._accuracy_m[0] < FRESH_S:
            told.append(self._accuracy_m[1])
        return max(told, default=None)

    def _moved(
        self, mono_s: float, heard_s: float, fields: Any, vehicle: Vehicle
    ) -> Odometry | None:
        """Along the bow; None for the speed of what slides, as a copter may."""
        if self._attitude is None or heard_s - self._attitude[0] > FRESH_S:
            return None
        yaw, turning = self._attitude[1].yaw, self._attitude[1].yawspeed
        if not (_good(yaw) and _good(turning)):
            return None
        ahead_mps = (fields.vx * math.cos(yaw) + fields.vy * math.sin(yaw)) / 100
        across_mps = (fields.vy * math.cos(yaw) - fields.vx * math.sin(yaw)) / 100
        slides = vehicle.flies and abs(across_mps) > SIDEWAYS_MPS
        return Odometry(
            mono_s=mono_s,
            speed_mps=None if slides else ahead_mps,
            yaw_rate_dps=math.degrees(turning),
            heading_deg=math.degrees(yaw) % 360.0,
        )

    # --- clock and filter ---

    def _note_time(self, fields: Any, heard_s: float) -> None:
        unix_s = fields.time_unix_usec / 1e6
        known = EARLIEST.timestamp() < unix_s < 4e9
        mono_s = self._boot.mono_s(fields.time_boot_ms, heard_s)
        self._utc_offset_s = unix_s - mono_s if known else None

    def _utc(self, mono_s: float) -> datetime | None:
        if self._utc_offset_s is None:
            return None
        return datetime.fromtimestamp(mono_s + self._utc_offset_s, UTC)

    def _note_filter(self, fields: Any) -> None:
        """ArduPilot's EKF_STATUS_REPORT: ratios of 1 and more are refused by its filter."""
        if fields.flags & EKF_CONST_POSITION:
            self.doubts = "its filter has no position"
        elif _good(fields.pos_horiz_variance) and fields.pos_horiz_variance >= EKF_REJECTS:
            self.doubts = "its filter does not believe the receiver's position"
        elif _good(fields.compass_variance) and fields.compass_variance >= EKF_REJECTS:
            self.doubts = "its filter does not believe the compass"
        else:
            self.doubts = ""


def _quality(gps: Any) -> dict[str, Any]:
    if gps is None:
        return {}
    seen = gps.satellites_visible
    return {
        "hdop": None if gps.eph in (0, NO_UINT16) else gps.eph / 100,
        "vdop": None if gps.epv in (0, NO_UINT16) else gps.epv / 100,
        "satellites_used": None if seen == NO_UINT8 else seen,
    }


def _is_place(lat_e7: int, lon_e7: int) -> bool:
    return (
        (lat_e7, lon_e7) != (0, 0) and abs(lat_e7) <= 900_000_000 and abs(lon_e7) <= 1_800_000_000
    )


def _good(value: float) -> bool:
    return math.isfinite(value)
