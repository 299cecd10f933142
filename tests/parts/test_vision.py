"""The perception worker with the shipped model on real pictures."""

import threading
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest

from config.devices import FileCameraConfig
from config.perception import EpisodesConfig, PerceptionConfig
from drivers.base import Wanted, always
from drivers.clock import SystemClock
from drivers.factory import open_camera
from drivers.samples import Frame
from edge.running.driver_loop import DriverHealth, run_driver
from edge.running.mailbox import Mailbox
from edge.seeing.detectors import open_detector
from edge.seeing.episodes import EpisodeDesk
from edge.seeing.vision import Vision
from perception.episodes import EpisodeChange
from perception.errors import ModelError
from tests.clips import street_clip
from tests.unit_under_test import wait_for

CLOCK = SystemClock()


def episodes(told: list[EpisodeChange]) -> EpisodeDesk:
    config = EpisodesConfig(min_duration_s=0.2)
    return EpisodeDesk(
        config, ["street"], lambda changes: told.extend(change.step for change in changes)
    )


def look(
    frames: Mailbox[Frame],
    until: Callable[[Vision, list[EpisodeChange]], bool],
    config: PerceptionConfig | None = None,
    asked: bool = True,
) -> tuple[Vision, list[EpisodeChange]]:
    """Until that is so. `asked`: the camera asks whether a picture is wanted, as on a unit."""
    told: list[EpisodeChange] = []
    config = config or PerceptionConfig(max_fps=30)
    vision = Vision(
        config,
        ["street"],
        frames,
        partial(open_detector, config),
        [episodes(told)],
        CLOCK,
    )
    stop = threading.Event()
    worker = threading.Thread(target=vision.work, args=(lambda: None, stop))
    worker.start()
    assert vision.ready.wait(20)
    wanted = (lambda: vision.wants("street")) if asked else always
    feeder = threading.Thread(target=feed, args=(frames, wanted, stop))
    feeder.start()
    enough = wait_for(lambda: until(vision, told), 30)
    stop.set()
    worker.join(5)
    feeder.join(5)
    assert not worker.is_alive()
    assert enough
    return vision, told


def feed(frames: Mailbox[Frame], wanted: Wanted, stop: threading.Event) -> None:
    config = FileCameraConfig(kind="file", path=street_clip(), loop=True)
    health = DriverHealth("street", "camera")

    def emit(frame: Frame) -> None:
        frames.put("street", frame)

    opener = partial(open_camera, "street", config, CLOCK, wanted)
    run_driver(health, opener, emit, stop, lambda: None, CLOCK)
    frames.put("tally", health)  # type: ignore[arg-type]  # how many pictures there were


def test_people_in_the_street_become_episodes_each_with_one_end() -> None:
    frames: Mailbox[Frame] = Mailbox()
    _, told = look(frames, lambda vision, told: any(one.label == "person" for one in told))

    steps = Counter((change.track_id, change.change) for change in told)
    begun = {track for track, change in steps if change == "new"}
    assert begun == {track for track, change in steps if change == "end"}
    assert all(steps[track, "new"] == steps[track, "end"] == 1 for track in begun)


@pytest.mark.parametrize("asked", [True, False])
def test_every_picture_is_looked_at_or_dropped_with_a_cause(asked: bool) -> None:
    """The clip has 25 pictures a second, and five are looked at."""
    frames: Mailbox[Frame] = Mailbox()
    config = PerceptionConfig(max_fps=5)
    vision, _ = look(frames, lambda vision, _: seen(vision) >= 5, config, asked)
    tally = vision.tallies["street"]
    left = total = passed_over = 0
    while (taken := frames.take(0)) is not None:
        if isinstance(taken[1], DriverHealth):
            total = taken[1].samples
            passed_over = taken[1].not_wanted
        else:
            left += 1

    replaced = frames.replaced()["street"]
    assert (passed_over if asked else replaced) > 10
    assert total == passed_over + tally.looked_at + tally.dropped.total() + replaced + left


def seen(vision: Vision) -> int:
    return vision.tallies["street"].looked_at


def test_a_model_that_cannot_be_had_is_told_and_nothing_breaks() -> None:
    told: list[EpisodeChange] = []

    def refuse() -> None:
        raise ModelError("the file is damaged", "pull it again")

    vision = Vision(
        PerceptionConfig(),
        ["street"],
        Mailbox(),
        refuse,  # type: ignore[arg-type]
        [episodes(told)],
        CLOCK,
    )
    stop = threading.Event()
    worker = threading.Thread(target=vision.work, args=(lambda: None, stop))
    worker.start()
    assert vision.ready.wait(5)
    stop.set()
    worker.join(5)

    assert vision.model_error == "the file is damaged (pull it again)"
    assert not worker.is_alive()
    assert told == []
