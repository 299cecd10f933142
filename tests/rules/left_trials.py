"""Things put down in a real recording: patches of real texture where somebody walks by, vtest.avi
with the true boxes of its people. Who walks before a thing hides it."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from perception.place.placed import WorldTrack
from perception.rules.engine import Engine
from perception.rules.factory import build_rules
from perception.rules.rule import Alert
from perception.tracking.mot import MotRow, by_frame, read_rows
from tests.camera_tampers import Picture, played
from tests.rules.scenes import scene, track
from tests.rules.scripts import RULE
from tests.shared_data import SHARED

VIDEO = SHARED / "data" / "video" / "vtest.avi"
TRUTH = SHARED / "data" / "mot" / "PETS09-S2L1" / "gt" / "gt.txt"
FPS = 10.0
UNATTENDED_S = 10.0
Stamped = tuple[float, Picture, list[MotRow]]


def recording() -> list[Stamped]:
    """Two pictures a second, with the people in them."""
    rows = by_frame(read_rows(TRUTH))
    clip = played(VIDEO, 79.0, step=5)
    return [(t, image, rows.get(round(t * FPS) + 1, [])) for t, image in clip]


def told(pictures: Sequence[Stamped] | Iterator[Stamped]) -> list[tuple[float, float, float]]:
    """Time, and the middle of each thing that is told, pixels."""
    rule = RULE.validate_python({"kind": "left_object", "unattended_s": UNATTENDED_S})
    engine = Engine(build_rules({"ours": rule}, ()))
    found = []
    for at_s, image, rows in pictures:
        height, width = image.shape[:2]
        # The scenes of the tests are of 1280 x 720; boxes are brought to that.
        tracks = [_track(row, at_s, 1280 / width, 720 / height) for row in rows]
        for news in engine.see(scene(at_s, tracks, parked=True), image=image):
            if isinstance(news, Alert) and news.phase == "new":
                x, y, w, h = (float(news.facts[n]) for n in ("x", "y", "width", "height"))
                found.append((at_s, (x + w / 2) * width, (y + h / 2) * height))
    return found


def with_thing(
    pictures: Sequence[Stamped], row: MotRow, since_s: float, patch: Picture
) -> Iterator[Stamped]:
    """A patch at somebody's feet, from a time on; those who are nearer to the camera hide it."""
    height, width = patch.shape[:2]
    left = int(row.left_px + row.width_px / 2) - width // 2
    foot = int(row.top_px + row.height_px)
    top = foot - height
    for at_s, image, rows in pictures:
        if at_s < since_s:
            yield at_s, image, rows
            continue
        changed = image.copy()
        changed[top:foot, left : left + width] = patch
        for each in rows:
            if each.top_px + each.height_px > foot:
                down = slice(max(int(each.top_px), 0), int(each.top_px + each.height_px))
                across = slice(max(int(each.left_px), 0), int(each.left_px + each.width_px))
                changed[down, across] = image[down, across]
        yield at_s, changed, rows


def patches(pictures: Sequence[Stamped]) -> list[Picture]:
    """Real textures: clothes of people, signs and cones of the same recording, as large as bags."""
    image = pictures[0][1]
    cuts = [image[205:245, 412:444], image[60:95, 655:690], image[285:330, 560:595]]
    return [
        np.asarray(cv2.resize(cut, (26, 22), interpolation=cv2.INTER_AREA), np.uint8)
        for cut in cuts
    ]


def _track(row: MotRow, at_s: float, across: float, down: float) -> WorldTrack:
    box = (row.left_px * across, row.top_px * down,
           (row.left_px + row.width_px) * across, (row.top_px + row.height_px) * down)  # fmt: skip
    return track(row.track_id, 0.0, 0.0, at_s, box=box)
