"""Things that are put down, and all that only looks like it: in a real recording (vtest.avi, with
the true boxes of its people) and in rendered places.

A trial is fair where a person who looks at the picture of 320 x 192 would see the thing: `Fair`
says what that means. Others are hard: they are counted apart, and held to nothing.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from perception.camera.leftovers import HEIGHT, WIDTH
from perception.place.placed import WorldTrack
from perception.rules.engine import Engine
from perception.rules.factory import build_rules
from perception.rules.rule import Alert
from perception.tracking.mot import MotRow, by_frame, read_rows
from tests.camera_tampers import Picture, clouds, played
from tests.rules.scenes import scene, track
from tests.rules.scripts import RULE
from tests.shared_data import SHARED

VIDEO = SHARED / "data" / "video" / "vtest.avi"
TRUTH = SHARED / "data" / "mot" / "PETS09-S2L1" / "gt" / "gt.txt"
FPS, VIDEO_PX = 10.0, (768, 576)
SIZE = 384, 288
UNATTENDED_S = 8.0
NEAR_M, AT_IT_M = 2.0, 1.5  # gone is who is farther away; and there, who is nearer
Box = tuple[float, float, float, float]  # shares of the picture
Stamped = tuple[float, Picture, dict[int, tuple[str, Box]]]  # who is there: class and box


class Fair:
    """From what on a thing counts as one that can be seen."""

    side_px = 6.0  # the shorter side at 320 x 192: 0.4 m where a person is 26 px high
    contrast = 30.0  # grey levels of the most different channel against the ground, on average
    seen_share = 0.5  # of the time since it was put down, in which nobody hides half of it
    before_s = 11.0  # for so long nobody hid its place before: a view must be known
    after_s = 10.0  # it goes on for so long after it was due


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One clip. `thing`: where it is put down, None where nothing is."""

    title: str
    clip: Sequence[Stamped]
    thing: Box | None = None
    early_s: float = 0.0  # before this who brought it is near, and to tell it is false
    due_s: float = 0.0  # from this on all who were there have gone for long enough
    hard: bool = False


@dataclass(slots=True)
class Counted:
    """Over trials."""

    found: int = 0
    missed: int = 0
    false: int = 0
    late_s: tuple[float, ...] = ()
    wrong: tuple[str, ...] = ()

    @property
    def precision(self) -> float:
        return self.found / max(self.found + self.false, 1)

    @property
    def recall(self) -> float:
        return self.found / max(self.found + self.missed, 1)

    def add(self, trial: Trial) -> None:
        alerts = told(trial.clip)
        good = [
            at_s
            for at_s, x, y in alerts
            if trial.thing and _at(trial.thing, x, y) and at_s >= trial.early_s
        ]
        false = len(alerts) - len(good[:1])
        self.found += bool(good)
        self.missed += bool(trial.thing) and not good
        self.false += false
        self.late_s += tuple(at_s - trial.due_s for at_s in good[:1])
        if false or (trial.thing and not good):
            self.wrong += (f"{trial.title}: {alerts}",)


def told(clip: Sequence[Stamped]) -> list[tuple[float, float, float]]:
    """Time, and the middle of each thing that is told, shares of the picture."""
    rule = RULE.validate_python({"kind": "left_object", "unattended_s": UNATTENDED_S})
    engine = Engine(build_rules({"ours": rule}, ()))
    found = []
    for at_s, image, people in clip:
        height, width = image.shape[:2]
        tracks = [_track(n, label, box, at_s, width, height) for n, (label, box) in people.items()]
        seen = replace(
            scene(at_s, tracks, parked=True, frame=None), width_px=width, height_px=height
        )
        for news in engine.see(seen, image=image):
            if isinstance(news, Alert) and news.phase == "new":
                x, y, w, h = (float(news.facts[n]) for n in ("x", "y", "width", "height"))
                found.append((at_s, round(x + w / 2, 3), round(y + h / 2, 3)))
    return found


def _at(thing: Box, x: float, y: float) -> bool:
    return thing[0] - 0.02 <= x <= thing[2] + 0.02 and thing[1] - 0.04 <= y <= thing[3] + 0.04


def _track(number: int, label: str, box: Box, at_s: float, width: int, height: int) -> WorldTrack:
    pixels = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    return replace(track(number, 0.0, 0.0, at_s, label=label, box=pixels), point=None)


# --- in the real recording ---


@functools.cache
def recording() -> list[Stamped]:
    """Two pictures a second, with the people in them."""
    rows, step = by_frame(read_rows(TRUTH)), 5
    clip = []
    for number, (at_s, image) in enumerate(played(VIDEO, 79.0, step=step), 1):
        # Of each step the last picture is shown; frames of the truth are counted from 1.
        people = {r.track_id: ("person", _share(r)) for r in rows.get(step * number, [])}
        small = cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA)
        clip.append((at_s, np.asarray(small, np.uint8), people))
    return clip


def _share(row: MotRow) -> Box:
    x1, y1, x2, y2 = row.corners
    width, height = VIDEO_PX
    return x1 / width, y1 / height, x2 / width, y2 / height


def real_trials(seed: int, count: int) -> Iterator[Trial]:
    """Things at somebody's feet, at any time, of any texture of the recording."""
    random, whole = np.random.default_rng(seed), recording()
    for number in range(count):
        since_s = float(random.choice(np.arange(14.0, 50.0, 0.5)))
        people = next(people for at_s, _, people in whole if at_s == since_s)
        who = int(random.choice(list(people)))
        clip = [each for each in whole if since_s - 16.0 <= each[0] <= since_s + 45.0]
        yield _inserted(f"seed {seed} no. {number}", clip, since_s, who, random)


def _inserted(
    title: str, clip: Sequence[Stamped], since_s: float, who: int, random: np.random.Generator
) -> Trial:
    width, height = SIZE
    person = next(people[who][1] for at_s, _, people in clip if at_s == since_s)
    person_px = (person[3] - person[1]) * height
    high, wide = (
        round(person_px * random.uniform(0.22, 0.4)),
        round(person_px * random.uniform(0.25, 0.4)),
    )
    left = round((person[0] + person[2]) / 2 * width + random.uniform(-0.5, 0.5) * wide)
    left = int(np.clip(left, 0, width - wide))
    top = int(np.clip(round(person[3] * height) - high, 0, height - high))
    texture = _texture(clip[0][1], random)
    patch = np.asarray(cv2.resize(texture, (wide, high), interpolation=cv2.INTER_AREA), np.uint8)
    thing = left / width, top / height, (left + wide) / width, (top + high) / height
    changed = [each if each[0] < since_s else _put(each, patch, left, top) for each in clip]
    ground = next(image for at_s, image, _ in clip if at_s >= since_s - 8.0)
    contrast = _contrast(patch, ground[top : top + high, left : left + wide])
    early_s = _left_s(clip, thing, since_s, {who}, AT_IT_M)
    there = _who_is_near(clip, thing, since_s)
    due_s = _left_s(clip, thing, since_s, there, NEAR_M)
    seen = [not _hidden(thing, people) for at_s, _, people in clip if at_s >= since_s]
    free = [not _hidden(thing, people) for at_s, _, people in clip if at_s < since_s]
    fair = (
        min(wide * WIDTH / width, high * HEIGHT / height) >= Fair.side_px
        and contrast >= Fair.contrast
        and np.mean(seen) >= Fair.seen_share
        and sum(free) * 0.5 >= Fair.before_s
        and clip[-1][0] - due_s >= Fair.after_s
    )
    return Trial(
        title=title, clip=changed, thing=thing, early_s=early_s, due_s=due_s, hard=not fair
    )


def _texture(image: Picture, random: np.random.Generator) -> Picture:
    """Clothes of people, signs, cones and cars of the recording, darker or lighter."""
    cuts = [image[102:122, 206:222], image[30:48, 328:345], image[142:165, 280:298],
            image[60:80, 40:60], image[200:220, 300:320]]  # fmt: skip
    cut = cuts[int(random.integers(len(cuts)))].astype(np.float64)
    return np.clip(cut * random.uniform(0.4, 1.6, 3), 0, 255).astype(np.uint8)


def _contrast(patch: Picture, ground: Picture) -> float:
    return float(np.abs(patch.astype(np.float64) - ground).max(axis=2).mean())


def _put(each: Stamped, patch: Picture, left: int, top: int) -> Stamped:
    """With the patch in the picture; people who are nearer to the camera hide it."""
    at_s, image, people = each
    height, width = patch.shape[:2]
    changed = image.copy()
    changed[top : top + height, left : left + width] = patch
    for _, box in people.values():
        if box[3] * SIZE[1] > top + height:
            x1, y1, x2, y2 = (round(max(v, 0) * s) for v, s in zip(box, SIZE * 2, strict=True))
            changed[y1:y2, x1:x2] = image[y1:y2, x1:x2]
    return at_s, changed, people


def _hidden(thing: Box, people: dict[int, tuple[str, Box]]) -> bool:
    """Whether one of the boxes covers half of it: then nobody can say."""
    return any(_shared(thing, box) >= 0.5 for _, box in people.values())


def _shared(thing: Box, box: Box) -> float:
    across = min(thing[2], box[2]) - max(thing[0], box[0])
    down = min(thing[3], box[3]) - max(thing[1], box[1])
    area = (thing[2] - thing[0]) * (thing[3] - thing[1])
    return max(across, 0) * max(down, 0) / area


def _near(thing: Box, box: Box, within_m: float = NEAR_M) -> bool:
    """Whether somebody stands so near; a person is taken to be 1.7 m high."""
    metre = (box[3] - box[1]) / 1.7
    across = abs(thing[0] + thing[2] - box[0] - box[2]) / 2 * SIZE[0] / SIZE[1]
    return across <= within_m * metre and abs(thing[3] - box[3]) <= within_m / 2 * metre


def _who_is_near(clip: Sequence[Stamped], thing: Box, since_s: float) -> set[int]:
    """As it is put down, and three seconds before and after."""
    return {
        who
        for at_s, _, people in clip
        if abs(at_s - since_s) <= 3.0
        for who, (_, box) in people.items()
        if _near(thing, box)
    }


def _left_s(
    clip: Sequence[Stamped], thing: Box, since_s: float, whom: set[int], within_m: float
) -> float:
    """When it has been left by all of them for so long that it is to be told."""
    near_s = since_s
    for t, _, people in clip:
        if t < since_s:
            continue
        if t - near_s >= UNATTENDED_S:
            break
        if any(_near(thing, people[who][1], within_m) for who in whom & set(people)):
            near_s = t
    return near_s + UNATTENDED_S


def real_negatives() -> Iterator[Trial]:
    """Nothing is put down: people walk, stand and meet, under every light, noise and coding."""
    whole = recording()
    random = np.random.default_rng(11)
    changes: dict[str, Callable[[Picture, float], Picture]] = {
        "as it is": lambda image, _: image,
        "clouds": clouds,
        "grain": lambda image, _: _grain(image, random, 5.0),
        "coded hard": lambda image, _: coded(image, 30),
        "mirrored, dimmed": lambda image, t: _lit(image[:, ::-1], 1.0 - 0.4 * t / 79.0),
    }
    for name, change in changes.items():
        mirrored = name.startswith("mirrored")
        clip = [(t, change(i, t), _mirrored(p) if mirrored else p) for t, i, p in whole]
        yield Trial(title=f"nothing, {name}", clip=clip)


def _mirrored(people: dict[int, tuple[str, Box]]) -> dict[int, tuple[str, Box]]:
    return {n: (label, (1 - b[2], b[1], 1 - b[0], b[3])) for n, (label, b) in people.items()}


def _lit(image: Picture, gain: float) -> Picture:
    return np.clip(image * gain, 0, 255).astype(np.uint8)


def _grain(image: Picture, random: np.random.Generator, sigma: float) -> Picture:
    return np.clip(image + random.normal(0, sigma, image.shape), 0, 255).astype(np.uint8)


def coded(image: Picture, quality: int) -> Picture:
    code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)
