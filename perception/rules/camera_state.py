"""A camera that does not see what it should: covered, blinded, moved, blurred, frozen.

A unit that moves changes its view all the time, so there only what needs no comparison is looked
for: covered, blinded, frozen.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from config.rules import CameraStateRule
from perception.camera.evidence import (
    CONTRAST_MIN,
    FROZEN_SHARE,
    Evidence,
    Trouble,
    glare,
    hidden,
    is_plain,
    standing_evidence,
)
from perception.camera.reference import Average, Reference
from perception.camera.stillness import WINDOW_S, Stillness
from perception.camera.view import View, best_contrast, covered_blocks
from perception.place.placed import Scene
from perception.rules.rule import Claim, Verdict
from perception.rules.sight import Sight

NO_PICTURE = "no_picture"
NO_STRUCTURE = "no_structure"
TURN_DEG = 3.0  # a unit that turns on the spot by more looks elsewhere
BEFORE_S = 1.0  # a view that changed since then has not settled
ON = 0.5  # the level of a claim at which evidence of 1 stands


class CameraStateJudge:
    """Watches the pictures of all cameras."""

    def __init__(self, config: CameraStateRule) -> None:
        self._config = config
        self._watched: dict[str, _Watched] = {}

    def judge(self, sight: Sight) -> Verdict:
        scene, image = sight.scene, sight.image
        if image is None or min(image.shape[:2]) < 2:
            return Verdict(blind=NO_PICTURE)
        watched = self._watched.setdefault(scene.camera, _Watched(self._config))
        evidence = watched.look(image, scene)
        return Verdict(
            claims=() if evidence is None else _claims(scene, evidence),
            blind=NO_STRUCTURE if scene.parked and watched.sees_nothing_to_lose else None,
        )

    def forget(self, camera: str | None) -> None:
        """What a camera usually shows outlives it: one that comes back covered is covered."""
        for name, watched in self._watched.items():
            if camera in (None, name):
                watched.come_back()


def _claims(scene: Scene, evidence: Evidence) -> list[Claim]:
    """The first trouble that is there; the others are not, as far as can be said."""
    claims, told = [], False
    for trouble in Trouble:
        strength = evidence.get(trouble)
        if strength is None:
            continue
        there = strength >= 1.0
        level = 0.0 if there and told else float(np.clip(ON * strength, 0.0, 1.0))
        told = told or there
        claims.append(
            Claim(
                key=(scene.camera, trouble),
                level=level,
                confidence=round(float(np.clip(0.25 + 0.5 * strength, 0.5, 1.0)), 3),
                since_mono_s=scene.mono_s - WINDOW_S if trouble is Trouble.FROZEN else None,
                facts={"state": trouble.value, "evidence": round(strength, 2)},
            )
        )
    return claims


class _Watched:
    """One camera, and what it usually shows."""

    def __init__(self, config: CameraStateRule) -> None:
        self._config = config
        self._contrast = Average(config.adapt_s)
        self._bright = Average(config.adapt_s)
        self.come_back()

    def come_back(self) -> None:
        """Begin anew, but for how much contrast and light the camera usually shows."""
        self._usual = Reference(self._config.adapt_s)
        self._stillness = Stillness()
        self._views: deque[tuple[float, View]] = deque()
        self._shape: tuple[int, ...] = ()
        self._heading_deg: float | None = None
        self._doubt_s: float | None = None  # since when something has been wrong

    @property
    def sees_nothing_to_lose(self) -> bool:
        """Then nobody can tell whether it is covered, moved or blurred."""
        return self._usual.known and is_plain(self._usual)

    def look(self, image: NDArray[np.uint8], scene: Scene) -> Evidence | None:
        """None where it is too soon after the last look."""
        mono_s = scene.mono_s
        if self._views and mono_s - self._views[-1][0] < self._config.every_s * 0.9:
            return None
        standing = self._is_same_view(image.shape, scene)
        view = View.of(image)
        self._views.append((mono_s, view))
        while len(self._views) > 2 and mono_s - self._views[1][0] >= BEFORE_S:
            self._views.popleft()
        repeated = self._stillness.update(view, mono_s)
        evidence = self._weigh(view, scene, standing=standing)
        evidence[Trouble.FROZEN] = repeated / FROZEN_SHARE
        self._learn(view, evidence, mono_s, standing=standing)
        return evidence

    def _is_same_view(self, shape: tuple[int, ...], scene: Scene) -> bool:
        """Whether the unit stands. Where it, its heading or the format of its pictures changed,
        what was learnt holds no more."""
        heading_deg = None if scene.pose is None else scene.pose.heading_deg
        turned = (
            heading_deg is not None
            and self._heading_deg is not None
            and abs((heading_deg - self._heading_deg + 180) % 360 - 180) > TURN_DEG
        )
        if turned or self._heading_deg is None:
            self._heading_deg = heading_deg
        if not scene.parked or turned or shape != self._shape:
            self._usual = Reference(self._config.adapt_s)
            self._shape = shape
            self._heading_deg = heading_deg
        return scene.parked

    def _weigh(self, view: View, scene: Scene, *, standing: bool) -> Evidence:
        evidence = {Trouble.BLINDED: glare(self._config, view, self._bright.value)}
        usual = self._contrast.value
        if usual >= CONTRAST_MIN and evidence[Trouble.BLINDED] < 1.0:
            evidence[Trouble.COVERED] = hidden(view, usual)
        if not (standing and self._usual.known):
            return evidence
        boxes = [track.box for track in scene.tracks if track.seen]
        ignored = covered_blocks(boxes, scene.width_px, scene.height_px)
        compared = standing_evidence(self._config, view, self._views[0][1], self._usual, ignored)
        if Trouble.COVERED in compared and compared.get(Trouble.BLINDED, 0.0) < 1.0:
            by_contrast = evidence.get(Trouble.COVERED, 0.0)
            compared[Trouble.COVERED] = max(compared[Trouble.COVERED], by_contrast)
        return evidence | compared

    def _learn(self, view: View, evidence: Evidence, mono_s: float, *, standing: bool) -> None:
        """Only from views that are in doubt in nothing, until a new one has stayed for long."""
        if all(strength < 1.0 for strength in evidence.values()):
            self._doubt_s = None
        else:
            self._doubt_s = mono_s if self._doubt_s is None else self._doubt_s
            if mono_s - self._doubt_s < self._config.accept_after_s:
                self._pause(mono_s)
                return
            self._usual, self._doubt_s = Reference(self._config.adapt_s), None
            self._contrast, self._bright = Average(1.0), Average(1.0)
        if standing:
            self._usual.learn(view, mono_s)
        self._contrast.learn(best_contrast(view), mono_s)
        self._bright.learn(view.bright, mono_s)

    def _pause(self, mono_s: float) -> None:
        for each in (self._usual, self._contrast, self._bright):
            each.pause(mono_s)
