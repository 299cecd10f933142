"""Where the unit must be while no receiver tells: the way goes on from the last good fix.

While there are fixes, the scale of the wheels and the bias of the gyro are learned from them;
without them the error grows by what is left of both, and is told as it is. What a receiver says
just before a roof closes over it, and just after, is weighed by how its signals fell.
"""

import math
import threading

from drivers.samples import Odometry
from edge.positioning.facts import Fix, Learned, Reckoned
from edge.positioning.motion_filter import BIAS, EAST, HEADING, NORTH, SCALE, MotionFilter, wrapped
from edge.positioning.steps import speed_of, yaw_of
from perception.place.frame import LocalFrame

LASTS_S = 60.0  # a receiver's error of position: ionosphere, and where the satellites stand
COURSE_FROM_MPS = 0.8  # a walk: below, a course is noise
COURSE_ERROR_DEG, SIDEWAYS_MPS = 0.5, 0.15  # of a receiver's course: its own, and by its speed's
SPEED_ERROR_MPS = 0.1
LATE_S = 0.2  # what a receiver's stamp is late, and nobody knows
REPEATED = 1.5  # course and speed are smoothed by receivers: an error lasts some epochs
STEADY_MPS2, STEADY_DPS = 0.5, 5.0  # faster, a sample that comes late says nothing
COMPASS_ERROR_DEG = 8.0  # of a heading that came with the motion: it shares steel and currents
ANTENNAS_ERROR_DEG = 1.0  # of a heading by two antennas, where the receiver does not tell
NO_GYRO_DPS = 8.0  # what a car may turn while nobody tells
STANDING_MPS, STANDING_DPS, STANDS_AFTER_S = 0.03, 1.0, 1.0
EVEN_S = 0.8
NOISE_S = 0.1  # how long the noise of a gyro lasts, after its own filter
GAP_S = 1.0  # odometry that is silent for longer
STALE_S = 3.0  # then nothing is known of the motion any more
ALIGNED_DEG = 20.0  # the first heading must be known as well before the way is reckoned by it
LOST_HEADING_DEG = 60.0  # above, which way it went is not known
ELSEWHERE_SIGMA = 4.0
CONVINCED_AFTER = 5  # fixes that go along with the odometry, but are elsewhere
AGREE_M = 5.0
UNSEEN_MPS = 3.0  # how fast an error grows when nothing is known of the motion
FRAME_M = 5_000.0


class DeadReckoning:
    """Fed with motion and fixes, asked for the place. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._filter: MotionFilter | None = None
        self._frame = LocalFrame.at(0.0, 0.0)
        self._motion: Odometry | None = None
        self._speed_mps = 0.0
        self._yaw_radps = 0.0
        # The speed without its noise: a scale is a quotient, which noise biases.
        self._even_mps = 0.0
        self._steady_since_s = math.inf
        self._still_since_s = math.inf
        self._placed_s: float | None = None  # of the last fix that was taken
        self._aligned = False  # whether the heading was ever known
        self._turned = 0  # headings in a row that contradict it
        self._elsewhere: list[tuple[float, float]] = []  # in metres beside where it must be
        self.refused = 0
        """Fixes that were too far from where the unit must be."""

    # --- motion ---

    def note_odometry(self, motion: Odometry) -> None:
        """Go on by what the body did since the last sample."""
        with self._lock:
            last, self._motion = self._motion, motion
            if last is None or not 0 < motion.mono_s - last.mono_s <= STALE_S:
                self._restart(motion, gap=last is not None and motion.mono_s > last.mono_s)
                return
            dt_s = motion.mono_s - last.mono_s
            speed_mps, yaw_radps = speed_of(last, motion), yaw_of(last, motion)
            self._watch(motion, dt_s, speed_mps, yaw_radps)
            if self._filter is None or speed_mps is None:
                return
            if self._aligned:
                self._go_on(motion, dt_s, speed_mps, yaw_radps)
            elif motion.heading_deg is not None and motion.yaw_rate_dps is not None:
                self._see_heading(self._filter, motion.heading_deg, 2 * COMPASS_ERROR_DEG)

    def _restart(self, motion: Odometry, *, gap: bool) -> None:
        self._speed_mps = self._even_mps = motion.speed_mps or 0.0
        self._steady_since_s = self._still_since_s = math.inf
        if gap:  # nobody knows where it went meanwhile: only the next fix can tell
            self._filter, self._aligned = None, False

    def _watch(
        self, motion: Odometry, dt_s: float, speed_mps: float | None, yaw_radps: float | None
    ) -> None:
        """Whether it goes steadily, or stands."""
        if speed_mps is None:
            self._steady_since_s = self._still_since_s = math.inf
            return
        gains_mps2 = abs(speed_mps - self._even_mps) / EVEN_S
        yaw = 0.0 if yaw_radps is None else yaw_radps
        calm = gains_mps2 <= STEADY_MPS2 and abs(math.degrees(yaw)) <= STEADY_DPS
        self._steady_since_s = min(self._steady_since_s, motion.mono_s) if calm else math.inf
        still = abs(speed_mps) <= STANDING_MPS
        self._still_since_s = min(self._still_since_s, motion.mono_s) if still else math.inf
        self._speed_mps, self._yaw_radps = speed_mps, yaw
        self._even_mps += (speed_mps - self._even_mps) * min(1.0, dt_s / EVEN_S)

    def _go_on(
        self, motion: Odometry, dt_s: float, speed_mps: float, yaw_radps: float | None
    ) -> None:
        state = self._filter
        if state is None:
            return
        bias = float(state.state[BIAS])
        doubt_dps = STANDING_DPS + 2 * math.degrees(state.error_of(BIAS))
        turning = yaw_radps is not None and abs(math.degrees(yaw_radps - bias)) > doubt_dps
        if motion.mono_s - self._still_since_s >= STANDS_AFTER_S and not turning:
            state.stand(dt_s)
            if yaw_radps is not None:
                alike = max(1.0, NOISE_S / max(dt_s, 1e-3))  # samples that share their noise
                noise = math.radians(motion.yaw_rate_error_dps) * math.sqrt(alike)
                state.see_still(yaw_radps, noise)
            return
        walk_dps = NO_GYRO_DPS if yaw_radps is None else 0.0
        yaw = bias if yaw_radps is None else yaw_radps
        state.advance(dt_s, speed_mps, yaw, math.radians(walk_dps))
        self._heed_compass(state, motion)
        self._recentre(state)

    def _heed_compass(self, state: MotionFilter, motion: Odometry) -> None:
        """A heading that came with the motion: only where it is better than what is known."""
        if motion.heading_deg is None or motion.yaw_rate_dps is None:
            return
        error = math.radians(COMPASS_ERROR_DEG)
        if state.heading_error_rad > error:
            state.see_heading(math.radians(motion.heading_deg), 2 * error)

    def _recentre(self, state: MotionFilter) -> None:
        east_m, north_m = float(state.state[EAST]), float(state.state[NORTH])
        if math.hypot(east_m, north_m) > FRAME_M:
            self._frame = LocalFrame.at(*self._frame.to_degrees(east_m, north_m))
            state.shift_origin(east_m, north_m)

    # --- fixes ---

    def note_fix(self, fix: Fix) -> bool:
        """Take a fix into account. False where it is too far from where the unit must be, and
        is not believed yet."""
        with self._lock:
            if self._filter is None:
                self._begin(fix)
                return True
            east_m, north_m = self._frame.to_metres(fix.lat_deg, fix.lon_deg)
            east_m, north_m = self._carried(fix, east_m, north_m)
            axis_m = max(fix.error_m * fix.doubt / math.sqrt(2), 0.01)
            if not self._aligned:
                self._begin(fix)
                return True
            if self._filter.away(east_m, north_m, axis_m) > ELSEWHERE_SIGMA:
                return self._consider(self._filter, fix, east_m, north_m, axis_m)
            self._elsewhere.clear()
            since_s = LASTS_S if self._placed_s is None else fix.mono_s - self._placed_s
            same = max(1.0, 2 * LASTS_S / max(since_s, 0.02))
            self._filter.see_place(east_m, north_m, axis_m * math.sqrt(same))
            self._placed_s = fix.mono_s
            self._learn(self._filter, fix)
            return True

    def _begin(self, fix: Fix) -> None:
        """Before a heading is known, the place is what the newest fix says."""
        self._frame = LocalFrame.at(fix.lat_deg, fix.lon_deg)
        share = self._motion.speed_error_share if self._motion else 0.03
        self._filter = MotionFilter(fix.error_m * fix.doubt / math.sqrt(2), share)
        self._placed_s = fix.mono_s
        self._learn(self._filter, fix)

    def _carried(self, fix: Fix, east_m: float, north_m: float) -> tuple[float, float]:
        """The fix, carried on to the moment of the newest motion."""
        if self._motion is None or self._filter is None:
            return east_m, north_m
        late_s = min(max(self._motion.mono_s - fix.mono_s, -1.0), 1.0)
        way_m = self._speed_mps * (1 + float(self._filter.state[SCALE])) * late_s
        heading = float(self._filter.state[HEADING])
        return east_m + way_m * math.sin(heading), north_m + way_m * math.cos(heading)

    def _consider(
        self, state: MotionFilter, fix: Fix, east_m: float, north_m: float, axis_m: float
    ) -> bool:
        """A fix elsewhere is believed once several keep their distance to where it must be."""
        self.refused += 1
        offset = east_m - float(state.state[EAST]), north_m - float(state.state[NORTH])
        near_m = AGREE_M + 2 * axis_m
        if self._elsewhere and math.dist(self._elsewhere[-1], offset) > near_m:
            self._elsewhere.clear()
        self._elsewhere.append(offset)
        if len(self._elsewhere) < CONVINCED_AFTER:
            return False
        self._elsewhere.clear()
        state.move_to(east_m, north_m, axis_m)
        self._placed_s = fix.mono_s
        self._learn(state, fix)
        return True

    def _learn(self, state: MotionFilter, fix: Fix) -> None:
        """Heading, scale and bias from what the fix says of the motion."""
        if fix.heading_deg is not None:
            error_deg = max(fix.heading_error_deg or ANTENNAS_ERROR_DEG, 0.1) * fix.doubt
            self._see_heading(state, fix.heading_deg, error_deg)
        steady = fix.mono_s - self._steady_since_s >= 1.0 and self._motion is not None
        speed_mps = fix.speed_mps
        if not steady or speed_mps is None or min(speed_mps, abs(self._even_mps)) < COURSE_FROM_MPS:
            return
        backwards = math.copysign(1.0, self._even_mps)
        state.see_speed(
            self._even_mps, backwards * speed_mps, REPEATED * SPEED_ERROR_MPS * fix.doubt
        )
        if fix.course_deg is None:
            return
        slip_deg = math.degrees(math.atan2(SIDEWAYS_MPS, speed_mps))
        late_deg = LATE_S * abs(math.degrees(self._yaw_radps))
        error_deg = REPEATED * math.hypot(COURSE_ERROR_DEG, slip_deg, late_deg) * fix.doubt
        bow_deg = fix.course_deg if backwards > 0 else fix.course_deg + 180.0
        self._see_heading(state, bow_deg, error_deg)

    def _see_heading(self, state: MotionFilter, heading_deg: float, error_deg: float) -> None:
        heading, error = math.radians(heading_deg), math.radians(error_deg)
        if not self._aligned:
            if error_deg <= ALIGNED_DEG:
                state.set_heading(heading, error)
                self._aligned = True
            return
        off = wrapped(heading - float(state.state[HEADING]))
        if abs(off) > ELSEWHERE_SIGMA * math.hypot(state.heading_error_rad, error):
            self._turned += 1
            if self._turned >= CONVINCED_AFTER:  # what was known of it was wrong
                state.set_heading(heading, error)
                state.forget_bias()
                self._turned = 0
            return
        self._turned = 0
        state.see_heading(heading, error)

    # --- answers ---

    def at(self, mono_s: float) -> Reckoned | None:
        """Where the unit is; None while its motion or its heading is not known."""
        with self._lock:
            state, motion = self._filter, self._motion
            if state is None or motion is None or mono_s - motion.mono_s > LASTS_S:
                return None
            if not self._aligned:
                return None
            if state.heading_error_rad > math.radians(LOST_HEADING_DEG):
                return None
            silent_s = max(0.0, mono_s - motion.mono_s - GAP_S)
            spread = state.spread()
            lat_deg, lon_deg = self._frame.to_degrees(state.state[EAST], state.state[NORTH])
            grown_m = silent_s * max(UNSEEN_MPS, abs(self._speed_mps))
            return Reckoned(
                mono_s=max(motion.mono_s, mono_s - GAP_S),
                lat_deg=float(lat_deg),
                lon_deg=float(lon_deg),
                error_m=spread.error_m + grown_m,
                error_95_m=spread.error_95_m + 2 * grown_m,
                heading_deg=math.degrees(float(state.state[HEADING])) % 360.0,
                heading_error_deg=math.degrees(state.heading_error_rad),
                speed_mps=self._speed_mps * (1 + float(state.state[SCALE])),
            )

    def learned(self) -> Learned | None:
        """Scale and bias, as far as they are known; None before the first fix."""
        with self._lock:
            if self._filter is None:
                return None
            return Learned(
                scale=1 + float(self._filter.state[SCALE]),
                scale_error=self._filter.error_of(SCALE),
                bias_dps=math.degrees(float(self._filter.state[BIAS])),
                bias_error_dps=math.degrees(self._filter.error_of(BIAS)),
            )
