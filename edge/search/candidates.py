"""The candidates of one search: judged over all looks, told as episodes, the best of them only."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from config.search import SearchConfig
from edge.seeing.look import Look
from perception.place.placed import Scene, WorldTrack
from perception.search.area import SearchedArea
from perception.search.colours import light_of
from perception.search.likeness import Description, Evidence, Likeness
from perception.zones.probability import inside
from perception.zones.zones import ring_edges, turned

MOST_PER_LOOK = 8  # tracks that are judged in one picture: those that were judged least
FORGET_S = 10.0
INSIDE_MIN = 0.5
KEEPS = 0.15  # a candidate stays one until its score is this much below the least
OUTRANKS = 0.1  # another takes its place where all are taken, if it is so much more like


@dataclass(slots=True)
class Candidate:
    """One track that may be meant."""

    track: WorldTrack
    evidence: Evidence = field(default_factory=Evidence)
    likeness: Likeness | None = None
    inside: float | None = None  # probability that it is inside the area; None: not placed
    scene: Scene | None = None  # of its newest look; no picture is kept
    episode: str | None = None  # told under this id
    told_mono_s: float = 0.0
    told_score: float = 0.0


class Candidates:
    """The perception thread's; `Searching` has the lock."""

    def __init__(self, config: SearchConfig, wanted: Description, area: SearchedArea) -> None:
        self.wanted = wanted
        self.area = area
        self._config = config
        self._found: dict[int, Candidate] = {}

    def see(self, look: Look, unit_inside: bool) -> list[Candidate]:
        """Judge those in a picture. Returns those that were judged.

        `unit_inside`: what has no place on the ground counts where the unit itself is inside.
        """
        tracks = [t for t in look.scene.tracks if t.seen and t.label in self.wanted.labels]
        if not tracks:
            return []
        light = light_of(look.frame.image)
        judged = []
        for track in sorted(tracks, key=self._looks)[:MOST_PER_LOOK]:
            where = self._inside(track, look)
            if (where is None and not unit_inside) or (where is not None and where < INSIDE_MIN):
                if track.track_id in self._found:
                    self._found[track.track_id].inside = where or 0.0
                continue
            found = self._found.setdefault(track.track_id, Candidate(track))
            found.track, found.inside, found.scene = track, where, look.scene
            found.evidence.add(
                self.wanted, look.frame.image, track.label, track.box, light, look.frame.mono_s
            )
            if track.stature_m is not None:
                found.evidence.measure(*track.stature_m)
            found.likeness = found.evidence.likeness(self.wanted, track.label)
            judged.append(found)
        return judged

    def _looks(self, track: WorldTrack) -> int:
        known = self._found.get(track.track_id)
        return known.evidence.looks if known else 0

    def _inside(self, track: WorldTrack, look: Look) -> float | None:
        frame = look.scene.frame
        if track.point is None or frame is None:
            return None
        lat_deg, lon_deg = frame.to_degrees(track.point.east_m, track.point.north_m)
        here = np.array([self.area.frame.to_metres(lat_deg, lon_deg)])
        edges = ring_edges(turned(self.area.ring, left=True))
        return float(inside(edges, here, track.point.covariance[None])[0])

    # --- who is told ---

    def likely(self, found: Candidate) -> bool:
        """Whether it is worth a human's look, or still is."""
        like = found.likeness
        if like is None or like.looks < self._config.looks_min:
            return False
        least = self._config.score_min - (KEEPS if found.episode else 0.0)
        return like.score >= least

    def outranked_by(self, found: Candidate) -> Candidate | None:
        """The told one that has to go for this one; None where there is room, or none has to.

        Raises LookupError where this one is not like enough to take a place.
        """
        told = self.told()
        if len(told) < self._config.candidates_max:
            return None
        last = min(told, key=_score)
        if _score(found) < _score(last) + OUTRANKS:
            raise LookupError
        return last

    def told(self) -> list[Candidate]:
        return [each for each in self._found.values() if each.episode is not None]

    def gone(self, mono_s: float) -> list[Candidate]:
        """Forget those that were not seen for long; returns those of them that were told."""
        return self._forget(
            number
            for number, each in self._found.items()
            if mono_s - each.evidence.last_mono_s > FORGET_S
        )

    def of_camera(self, camera: str) -> list[Candidate]:
        """The same for all of one camera."""
        return self._forget(n for n, each in self._found.items() if each.track.camera == camera)

    def _forget(self, numbers: Iterable[int]) -> list[Candidate]:
        gone = [self._found.pop(number) for number in list(numbers)]
        return [each for each in gone if each.episode is not None]


def _score(found: Candidate) -> float:
    return found.likeness.score if found.likeness else 0.0
