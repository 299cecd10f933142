"""All rules of a unit, over all its cameras: scenes in, alerts and counts out.

No clock, no thread: the same scenes give the same news, live and in a replay.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from perception.place.frame import LocalFrame
from perception.place.placed import GroundPoint, Scene, WorldTrack
from perception.rules.ground import Ground
from perception.rules.rule import EndReason, News, Rule
from perception.rules.sight import Sight
from perception.rules.subjects import Subjects
from perception.zones.zones import Zone

WATCHES_PICTURES = ("camera_state",)  # kinds of rules
BACK_S = 5.0  # a stamp further back than this is a new time, not a late picture
AHEAD_S = 3600.0  # nor did anything that went on before such a gap go on over it
ANCHOR_REACH_M = 100_000.0  # as far from its origin a metre of the frame is off by 1 %


@dataclass(frozen=True, slots=True)
class Blind:
    """A rule that can say nothing of a camera's pictures, and why."""

    kind: str
    name: str
    camera: str
    why: str  # a code
    since_mono_s: float


class Engine:
    """Runs every rule on every scene, in one frame for all of them."""

    def __init__(self, rules: Sequence[Rule], zones: Sequence[Zone] = ()) -> None:
        self.refused: Counter[str] = Counter()  # scenes and tracks not looked at, by cause
        self._rules = tuple(rules)
        self._zones = tuple(zones)
        self._ground = Ground.of(self._zones, None)
        self._subjects = Subjects()
        self._newest_s: dict[str, float] = {}  # by camera
        self._blind: dict[tuple[str, str], Blind] = {}  # by rule and camera

    @property
    def ground(self) -> Ground:
        return self._ground

    def see(
        self,
        scene: Scene,
        *,
        utc: datetime | None = None,
        image: NDArray[np.uint8] | None = None,
        own: Sequence[tuple[float, float]] = (),
    ) -> list[News]:
        """What a scene changes. `utc`: of the picture, None where the time of day is unknown;
        `own`: latitude and longitude of our own officers and units."""
        return self._see(scene, self._rules, utc, image, own)

    def glance(
        self, scene: Scene, image: NDArray[np.uint8], utc: datetime | None = None
    ) -> list[News]:
        """What a picture changes in which nothing was looked for, since nothing moves in it: only
        rules that watch the picture itself are asked, and nobody counts as gone."""
        rules = [rule for rule in self._rules if rule.kind in WATCHES_PICTURES]
        return self._see(scene, rules, utc, image, ()) if rules else []

    def _see(
        self,
        scene: Scene,
        rules: Sequence[Rule],
        utc: datetime | None,
        image: NDArray[np.uint8] | None,
        own: Sequence[tuple[float, float]],
    ) -> list[News]:
        news = self._take_stamp(scene)
        if news is None:
            return []
        news += self._take_frame(scene)
        frame = self._ground.frame
        scene = self._anchored(scene)
        sight = Sight(
            scene=scene,
            ground=self._ground,
            subjects=self._subjects.of(scene),
            utc=utc,
            image=image,
            own=tuple(frame.to_metres(*each) for each in own) if frame else (),
        )
        for rule in rules:
            news += rule.see(sight)
            self._note_blind(rule, scene)
        return news

    def end(self, camera: str | None, reason: EndReason, mono_s: float) -> list[News]:
        """Nothing comes from this camera any more (None: from all): end what is open."""
        for name in list(self._newest_s):
            if camera in (None, name):
                del self._newest_s[name]
        self._subjects.forget(camera)
        self._blind = {
            key: each for key, each in self._blind.items() if camera not in (None, key[1])
        }
        return [news for rule in self._rules for news in rule.end(camera, reason, mono_s)]

    def blind(self) -> tuple[Blind, ...]:
        """The rules that can say nothing just now. Any thread."""
        return tuple(self._blind.values())

    def _take_stamp(self, scene: Scene) -> list[News] | None:
        """None for a scene that comes late or twice; what ends where the time leapt."""
        newest_s = self._newest_s.get(scene.camera)
        news: list[News] = []
        if not np.isfinite(scene.mono_s):
            self.refused["stamp_not_a_number"] += 1
            return None
        if newest_s is not None:
            step_s = scene.mono_s - newest_s
            if -BACK_S <= step_s <= 0:
                self.refused["stamp_not_later"] += 1
                return None
            if step_s < -BACK_S or step_s > AHEAD_S:
                self.refused["time_jump"] += 1
                news = self.end(None, "time_jump", newest_s)
        self._newest_s[scene.camera] = scene.mono_s
        return news

    def _take_frame(self, scene: Scene) -> list[News]:
        """The zones go into the first frame that comes, and stay there while it is in reach."""
        frame, anchor = scene.frame, self._ground.frame
        if frame is None:
            return []
        news: list[News] = []
        if anchor is not None:
            if np.hypot(*anchor.to_metres(frame.lat_deg, frame.lon_deg)) < ANCHOR_REACH_M:
                return []
            news = self.end(None, "moved_away", scene.mono_s)
            self._newest_s[scene.camera] = scene.mono_s
        self._ground = Ground.of(self._zones, frame)
        return news

    def _anchored(self, scene: Scene) -> Scene:
        """The scene in the engine's own frame, without tracks that are no numbers."""
        tracks = [track for track in scene.tracks if _is_sound(track)]
        self.refused["track_not_a_number"] += len(scene.tracks) - len(tracks)
        known: dict[int, WorldTrack] = {track.track_id: track for track in tracks}
        tracks = list(known.values())  # an id that comes twice is one object
        old, new = scene.frame, self._ground.frame
        if old is None or new is None or old == new:
            return replace(scene, tracks=tuple(tracks))
        moved = tuple(replace(track, point=_moved(track.point, old, new)) for track in tracks)
        footprint = scene.footprint
        if footprint is not None:
            footprint = np.array([new.to_metres(*old.to_degrees(*point)) for point in footprint])
        eye = scene.eye
        if eye is not None:
            eye = (*new.to_metres(*old.to_degrees(*eye[:2])), eye[2])
        return replace(scene, tracks=moved, frame=new, footprint=footprint, eye=eye)

    def _note_blind(self, rule: Rule, scene: Scene) -> None:
        why, key = rule.blind().get(scene.camera), (rule.name, scene.camera)
        known = self._blind.get(key)
        if why is None and known is not None:
            self._blind = {other: each for other, each in self._blind.items() if other != key}
        elif why is not None and (known is None or known.why != why):
            new = Blind(rule.kind, rule.name, scene.camera, why, scene.mono_s)
            self._blind = self._blind | {key: new}


def _is_sound(track: WorldTrack) -> bool:
    """Every number of it is one, and no covariance is impossible."""
    values = [*track.box, track.mono_s, track.score, track.age_s, *(track.velocity_mps or ())]
    if track.point is not None:
        values += [track.point.east_m, track.point.north_m, *_entries(track.point.covariance)]
    if track.velocity_covariance is not None:
        values += _entries(track.velocity_covariance)
    return all(map(math.isfinite, values))


def _entries(covariance: NDArray[np.float64]) -> list[float]:
    """Its four numbers; not a number where it is no covariance."""
    (a, b), (c, d) = covariance.tolist()
    sound = a >= 0 and d >= 0 and a * d - b * c >= -1e-9 * max(a * d, 1e-12)
    return [a, b, c, d] if sound else [math.nan]


def _moved(point: GroundPoint | None, old: LocalFrame, new: LocalFrame) -> GroundPoint | None:
    if point is None:
        return None
    east_m, north_m = new.to_metres(*old.to_degrees(point.east_m, point.north_m))
    return GroundPoint(east_m, north_m, point.covariance)
