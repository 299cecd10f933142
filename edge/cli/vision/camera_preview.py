"""`patrol-edge camera preview`: what a camera gives, second by second, and a picture of it."""

import argparse
import json
import time
from contextlib import closing
from dataclasses import dataclass

from drivers.base import DriverError, EndOfRecordingError
from drivers.cameras.facts import CameraDriver
from drivers.clock import SystemClock
from drivers.samples import Frame
from edge.cli.console import DONE, FAILED, CommandError, note, of_perception, say
from edge.cli.vision.camera_source import chosen, first_picture, opened, told
from edge.cli.vision.redactors import open_detector, open_redactor
from edge.cli.vision.writing import check_writable, write_whole
from edge.seeing.camera_watch import came
from perception.camera.soundness import BURNT_SHARE, DARK_LEVEL, PictureWatch
from perception.camera.view import View, best_contrast
from perception.errors import PerceptionError
from perception.inference.catalogue import Catalogue
from perception.redaction import jpeg

EVERY_S = 1.0
QUALITY = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Second:
    """What one second of a camera showed."""

    fps: float
    size_px: tuple[int, int]
    age_ms: float  # of the newest picture, from its stamp
    brightness: float  # 0..1, mean
    burnt: float  # share of the picture
    contrast: float  # of its best blocks, about 0..1
    words: str  # what is wrong with it

    def line(self) -> str:
        bar = "█" * round(20 * self.brightness)
        return (
            f"{self.fps:5.1f} fps  {self.size_px[0]}x{self.size_px[1]}  {self.age_ms:5.0f} ms old  "
            f"light {bar:<20} {100 * self.brightness:3.0f} %  burnt {100 * self.burnt:3.0f} %  "
            f"contrast {self.contrast:.3f}  {self.words}"
        ).rstrip()


def preview(args: argparse.Namespace) -> int:
    """Until --seconds are over, or Ctrl-C. Raises CommandError, ConfigError."""
    name, config = chosen(args)
    saver: Saver | None = None
    if args.save is not None:
        check_writable(args.save, ".jpg", ".jpeg")
        saver = Saver(args)
    newest: Frame | None = None
    ended = False
    with closing(opened(name, config, SystemClock())) as driver:
        facts = driver.facts()
        note(
            f"decoded by {facts.decoder}"
            + (f" ({facts.why_software})" if facts.why_software else "")
        )
        watch = PictureWatch(recorded=config.kind == "file")
        first_picture(driver)
        until_s = time.monotonic() + args.seconds
        while time.monotonic() < until_s and not ended:
            second_s = min(until_s, time.monotonic() + EVERY_S)
            frame, ended = _second(driver, watch, second_s, args)
            newest = frame or newest
    if newest is None:
        raise CommandError("no picture came", "see `patrol-edge camera bench`, or its power")
    if saver is not None:
        saver.save(newest)
    return DONE if not watch.standing else FAILED


def _second(
    driver: CameraDriver, watch: PictureWatch, until_s: float, args: argparse.Namespace
) -> tuple[Frame | None, bool]:
    """The newest picture of this second, and whether a recording has ended."""
    began_s, before, newest = time.monotonic(), came(driver.counters()), None
    ended = False
    try:
        while time.monotonic() < until_s:
            newest = driver.read() or newest
    except EndOfRecordingError:
        ended = True
    except DriverError as error:
        raise told(error) from error
    passed_s = time.monotonic() - began_s
    fps = (came(driver.counters()) - before) / passed_s
    if newest is None:
        note("no picture in this second" if not ended else "the recording is over")
        return None, ended
    if watch.due(newest.mono_s):
        watch.look(newest.image, newest.mono_s)
    second = _second_of(newest, fps, watch)
    facts = {name: getattr(second, name) for name in Second.__slots__}
    say(json.dumps(facts) if args.json else second.line())
    return newest, ended


def _second_of(frame: Frame, fps: float, watch: PictureWatch) -> Second:
    view = View.of(frame.image)
    words = [defect.value.replace("_", " ") for defect in watch.standing]
    words += ["dark"] if view.level < DARK_LEVEL and "dark" not in words else []
    words += ["burnt out"] if view.bright >= BURNT_SHARE and "burnt out" not in words else []
    return Second(
        fps=round(fps, 2),
        size_px=(frame.width_px, frame.height_px),
        age_ms=round((time.monotonic() - frame.mono_s) * 1e3, 1),
        brightness=round(view.level / 255, 3),
        burnt=round(view.bright, 3),
        contrast=round(best_contrast(view), 4),
        words=", ".join(words),
    )


class Saver:
    """Writes a picture that may leave the unit: faces, heads and plates covered, always."""

    def __init__(self, args: argparse.Namespace) -> None:
        """What is missing is told before the camera is opened. Raises CommandError."""
        try:
            catalogue = Catalogue(args.models_dir)
            self._redactor = open_redactor(args, catalogue)
            self._detector = open_detector(args, catalogue)
        except PerceptionError as error:
            raise of_perception(error) from error
        self._path = args.save

    def save(self, frame: Frame) -> None:
        """Raises CommandError: then nothing is written."""
        try:
            found = self._detector.detect(frame.image)
            covered = self._redactor.redact(frame.image, found)
        except PerceptionError as error:
            raise of_perception(error) from error
        write_whole(self._path, jpeg.encode(covered, quality=QUALITY))
        note(f"{self._path}: faces, heads and plates are covered; look at it before it is sent on")
