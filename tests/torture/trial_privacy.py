"""S-PRIV-1: pictures are wanted in every way but the right one; none may show a head."""

import random
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from config.media import MediaConfig
from edge.media.jobs import Job, JobBoard
from edge.media.studio import Studio
from edge.media.unlocks import Unlock, Unlocks
from edge.seeing.look import Look
from perception.errors import ModelError
from perception.redaction.faces import FaceFinder
from telemetry.contract.uuid7 import uuid7
from telemetry.pictures.picture import Picture, Rank
from telemetry.pictures.spool import PictureSpool
from tests.fakes import ManualClock
from tests.pictures import TIME, Box, look, noise
from tests.torture.trials import Stage, held, trial

MIB = 2**20
NO_MODEL = "there is no face model here: heads by geometry alone"
WIDTH, HEIGHT = 320, 240
# Of neighbouring pixels: noise has about 85 before JPEG, and 30 after; what is covered has 1 to 4.
SEEN_FROM = 12.0
TRICKS = ("none", "expired", "another camera", "locked before it went", "restarted")


class Unit:
    """The studio, the spool and the locks, without a link or a thread."""

    def __init__(self, stage: Stage) -> None:
        self.clock = ManualClock()
        self.unlocks = Unlocks(self.clock)
        self.board = JobBoard()
        self.folder = stage.folder / "pictures"
        self.begin()

    def begin(self) -> None:
        """Also after a restart: the disk is what it was, nothing is unlocked."""
        self.unlocks = Unlocks(self.clock)
        self.spool = PictureSpool(self.folder, 8 * MIB, lambda _folder: 1024 * MIB)
        self.studio = Studio(
            MediaConfig(),
            self.board,
            self.spool,
            self.unlocks,
            open_faces=_no_model,
            utc_at=lambda _mono_s: TIME,
            limit_bytes=lambda: MIB,
            locked=lambda _unlock: None,
            clock=self.clock,
        )
        self.studio.face_error = NO_MODEL  # it was told before

    def unlock(self, camera: str, for_s: float) -> None:
        until_s = self.clock.mono_s() + for_s
        self.unlocks.open(
            [Unlock(camera=camera, by="x", why="x", command="x", until_mono_s=until_s)]
        )

    def sent(self) -> list[Picture]:
        """What would go over the link now; each is asked as the publisher asks it."""
        found = []
        self.spool.work()
        while (each := self.spool.newest()) is not None:
            if self.unlocks.may_leave(each):
                found.append(each)
                self.spool.gone(each)
            else:
                self.spool.failed(each, "locked")
            self.spool.work()
        return found


def _no_model() -> FaceFinder:
    raise ModelError(NO_MODEL)


@trial("S-PRIV-1", "no picture leaves with a head to be seen, unless a commander unlocked it",
       short=True)  # fmt: skip
def no_head_gets_out(stage: Stage) -> str:
    count, chance, unit = stage.sized(150, 10_000), random.Random(7), Unit(stage)
    left = heads = 0
    for number in range(count):
        trick = TRICKS[number % len(TRICKS)]
        for each, true_heads in tried(unit, number, trick, chance):
            left += 1
            heads += len(true_heads)
            shown = [head for head in true_heads if contrast(each, head) > SEEN_FROM]
            held(each.redacted and not shown, f"picture {number} ({trick}) shows {len(shown)}")
    control = [
        contrast(each, head) for each, true in shown_on_purpose(unit, chance) for head in true
    ]
    held(control and min(control) > SEEN_FROM, f"unlocked ones are not seen as such: {control}")
    return (
        f"{count} pictures wanted, a fifth each after {', '.join(TRICKS[1:])}: {left} left, "
        f"{heads} heads in them, 0 to be seen; control: {len(control)} of unlocked ones are seen"
    )


def tried(
    unit: Unit, number: int, trick: str, chance: random.Random
) -> list[tuple[Picture, list[Box]]]:
    """Want one picture, always unredacted, by a trick. What left, with the heads in it."""
    shown, heads = scene(number, chance, unit.clock.mono_s())
    if trick == "expired":
        unit.unlock("front", 1.0)
        unit.clock.advance(1.0)
    elif trick == "another camera":
        unit.unlock("rear", 60.0)
    elif trick in ("locked before it went", "restarted"):
        unit.unlock("front", 60.0)
    rank = chance.choice(list(Rank))
    unit.board.put(Job(look=shown, rank=rank, episode=uuid7(TIME), unredacted=True))
    unit.studio.step(0)
    if trick == "restarted":
        unit.begin()
    unit.unlocks.close(())
    return [(each, heads) for each in unit.sent()]


def shown_on_purpose(unit: Unit, chance: random.Random) -> list[tuple[Picture, list[Box]]]:
    unit.unlock("front", 60.0)
    shown, heads = scene(1, chance, unit.clock.mono_s())
    unit.board.put(Job(look=shown, rank=Rank.ASKED, episode=uuid7(TIME), unredacted=True))
    unit.studio.step(0)
    return [(each, heads) for each in unit.sent()]


def scene(number: int, chance: random.Random, mono_s: float) -> tuple[Look, list[Box]]:
    """A picture of noise with one to three persons, as a detector would say it: each side a few
    percent off, and every seventh person followed, not seen. And where their heads are."""
    persons, heads = [], []
    for _ in range(chance.randint(1, 3)):
        stature = chance.uniform(60, 200)
        width = stature * chance.uniform(0.28, 0.5)
        left, top = chance.uniform(0, WIDTH - width), chance.uniform(0, HEIGHT - stature)
        off = [chance.uniform(-0.04, 0.04) for _ in range(4)]
        persons.append(
            (
                left + off[0] * width,
                top + off[1] * stature,
                left + width + off[2] * width,
                top + stature + off[3] * stature,
            )
        )
        middle = left + width / 2
        heads.append((middle - stature * 0.05, top, middle + stature * 0.05, top + stature * 0.13))
    image = noise(HEIGHT, WIDTH, number)
    shown = look(image, *persons, mono_s=mono_s)
    hidden = number % 7 == 0
    return (replace(shown, found=type(shown.found).none()) if hidden else shown), heads


def contrast(each: Picture, head: Box) -> float:
    decoded = cv2.imdecode(np.frombuffer(each.jpeg, np.uint8), cv2.IMREAD_COLOR)
    x1, y1, x2, y2 = (max(0, round(side)) for side in head)
    part: NDArray[np.float64] = np.asarray(decoded[y1:y2, x1:x2], np.float64)
    return float(np.abs(np.diff(part, axis=1)).mean())
