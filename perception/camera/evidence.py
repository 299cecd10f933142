"""What one view says, held against what the camera usually shows."""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from config.rules import CameraStateRule
from perception.camera.reference import SAME, Reference
from perception.camera.view import View, best_contrast, likeness, shift, soften


class Trouble(StrEnum):
    """What is wrong with a camera's picture; the first that is there is told."""

    COVERED = "covered"
    BLINDED = "blinded"
    MOVED = "moved"
    BLURRED = "blurred"
    FROZEN = "frozen"


# How strongly each trouble is there: from 1 on it is. One that is not in it cannot be judged.
Evidence = dict[Trouble, float]

TEXTURED = 0.02  # contrast from which a block has something to lose
TEXTURED_SHARE = 0.15  # of the blocks; with fewer there is too little to judge by
GONE = 0.3  # of its usual contrast: what a block had to show is gone
HALF_GONE = 0.75  # of what makes a cover: then it is no question of where the camera looks
STEADY = 0.7  # how often a block must show the same, to be missed when it does not
SETTLED = 0.6  # share of blocks that show what they did a second ago: nothing drives by
ELSEWHERE = 0.35  # share of blocks that still show the same, if the camera looks elsewhere
SHIFTED = 0.75  # if it was turned a little, and the shift itself is seen
RESPONSE = 0.08  # of the phase correlation; unrelated pictures give 0.02 to 0.04
DETAIL_GONE = 0.55  # of the usual fine structure, while the coarse one is there
COARSE_KEPT = 0.6  # share of blocks that a blurred view still has in common
GLARE_LEVEL = 160.0  # brightness of a veil of light, and how far it lies above the usual
GLARE_RISE = 45.0
BRIGHT_RISE = 0.2  # share of saturated pixels above the usual
FROZEN_SHARE = 0.9  # of the newest pictures that are copies
HIDDEN = 0.25  # of the usual contrast: a moving camera whose best blocks show less is covered
CONTRAST_MIN = 0.04  # a camera that never showed more cannot be told to be covered


def is_plain(usual: Reference) -> bool:
    """Whether a view has too little structure to lose: asphalt from above, a wall, the sky."""
    return float((usual.texture >= TEXTURED).mean()) < TEXTURED_SHARE


def hidden(view: View, usual_contrast: float) -> float:
    """How strongly it is covered, by the contrast of its best blocks; from 1 on it is. 0 where the
    usual one is too little to tell by."""
    if usual_contrast < CONTRAST_MIN:
        return 0.0
    return (1.0 - best_contrast(view) / usual_contrast) / (1.0 - HIDDEN)


def standing_evidence(
    config: CameraStateRule, view: View, before: View, usual: Reference, ignored: NDArray[np.bool_]
) -> Evidence:
    """Of a standing camera; empty where what is seen of its view is too plain. `before`: the view a
    second ago; `ignored` (ROWS, COLUMNS): blocks with people and vehicles in them."""
    structured = (usual.texture >= TEXTURED) & ~ignored
    if structured.mean() < TEXTURED_SHARE:
        return {}
    lost = float((view.texture < GONE * usual.texture)[structured].mean()) / config.lost_share
    found = {Trouble.BLINDED: max(glare(config, view, usual.bright), _veil(view, usual, lost))}
    found[Trouble.COVERED] = lost if found[Trouble.BLINDED] < 1.0 else 0.0
    steady = structured & (usual.steady >= STEADY)
    if steady.mean() < TEXTURED_SHARE or lost >= HALF_GONE:
        return found
    alike = float((likeness(view.soft, soften(usual.small)) >= SAME)[steady].mean())
    return found | _other_view(config, view, before, usual, alike)


def glare(config: CameraStateRule, view: View, usual_bright: float) -> float:
    """Saturated by a lamp, a laser or the sun, more than usual."""
    rise = (view.bright - usual_bright) / BRIGHT_RISE
    return max(0.0, min(view.bright / config.bright_share, rise))


def _veil(view: View, usual: Reference, lost: float) -> float:
    """The stray light of something bright: all is bright, and nothing is to be seen."""
    rise = (view.level - usual.level) / GLARE_RISE
    return max(0.0, min(view.level / GLARE_LEVEL, rise, lost))


def _other_view(
    config: CameraStateRule, view: View, before: View, usual: Reference, alike: float
) -> Evidence:
    """Moved, or blurred; neither can be judged while something drives by close to the camera."""
    if alike >= SHIFTED:
        return {Trouble.MOVED: 0.0, Trouble.BLURRED: _blurred(view, usual)}
    if not _settled(view, before):
        return {}
    blurred = _blurred(view, usual) if alike >= COARSE_KEPT else 0.0
    return {Trouble.MOVED: _moved(config, view, usual, alike), Trouble.BLURRED: blurred}


def _settled(view: View, before: View) -> bool:
    structured = view.texture >= TEXTURED
    if not structured.any():
        return False
    return bool((likeness(view.soft, before.soft) >= SAME)[structured].mean() >= SETTLED)


def _moved(config: CameraStateRule, view: View, usual: Reference, alike: float) -> float:
    """It shows something else: as a whole, or shifted by a part of its width."""
    elsewhere = (1.0 - alike) / (1.0 - ELSEWHERE)
    across, down, response = shift(view.small, usual.small)
    far = float(np.hypot(across, down)) / config.moved_share
    return max(elsewhere, min(far, response / RESPONSE, (1.0 - alike) / (1.0 - SHIFTED)))


def _blurred(view: View, usual: Reference) -> float:
    """The fine structure is gone, while the coarse one is not."""
    return (1.0 - view.detail / max(usual.detail, 1e-6)) / DETAIL_GONE
