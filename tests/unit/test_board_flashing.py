"""A whole flash: upload, trial, confirmation; and whatever may come between."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.base import DeviceLostError, DeviceUnavailableError
from firmware_bridge.management.board import Board, active
from firmware_bridge.management.errors import BadReplyError, BoardSilentError, ManagementError
from firmware_bridge.management.flashing import Flashing, RevertedError
from firmware_bridge.management.mcuboot import read_image
from firmware_bridge.management.replies import Uploaded
from firmware_bridge.management.upload import upload
from firmware_bridge.simulated.images import body, image
from firmware_bridge.simulated.management import BoardModel
from tests.direct_board import DirectBoard

NEW = image("1.1.0", body(20_000, seed=1))
NEWER = image("1.2.0", body(15_000, seed=2))


class Silent:
    """A watch that only remembers."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.reached = 0
        self.at: dict[int, Callable[[], None]] = {}  # what happens once so many bytes are there

    def step(self, text: str) -> None:
        self.steps.append(text)

    def sent(self, done_bytes: int, size_bytes: int) -> None:
        assert done_bytes <= size_bytes
        self.reached = done_bytes
        for place in [each for each in self.at if done_bytes >= each]:
            self.at.pop(place)()


@pytest.fixture
def bench(tmp_path: Path) -> DirectBoard:
    return DirectBoard(tmp_path, BoardModel(slot_bytes=32 * 1024, image_bytes=9000))


@pytest.fixture
def watch() -> Silent:
    return Silent()


def flashing(bench: DirectBoard, watch: Silent, **changes: object) -> Flashing:
    def opened() -> Board:
        if bench.port.pulled:
            raise DeviceUnavailableError("it is not there")
        return bench.open()

    return Flashing(
        opened,
        watch,
        mono_s=bench.clock.mono_s,
        pause=bench.clock.advance,
        **changes,  # type: ignore[arg-type]
    )


def runs(bench: DirectBoard) -> tuple[str, bool]:
    running = active(bench.open().images())
    return running.version, running.confirmed


def test_a_flash_ends_confirmed(bench: DirectBoard, watch: Silent) -> None:
    done = flashing(bench, watch).flash(NEW, read_image(NEW))
    assert (done.end, done.before, done.after) == ("confirmed", "1.0.0", "1.1.0")
    assert done.sent is not None
    assert done.sent.size_bytes == watch.reached == len(NEW)
    assert runs(bench) == ("1.1.0", True)
    again = flashing(bench, watch).flash(NEW, read_image(NEW))
    assert (again.end, again.sent) == ("unchanged", None)


def test_a_trial_that_nobody_confirms_goes_back(bench: DirectBoard, watch: Silent) -> None:
    done = flashing(bench, watch).flash(NEW, read_image(NEW), confirm=False)
    assert done.end == "on_trial"
    assert runs(bench) == ("1.1.0", False)
    with pytest.raises(ManagementError, match=r"runs 1\.1\.0 on trial"):
        flashing(bench, watch).flash(NEWER, read_image(NEWER))
    bench.simulated.reset(bench.clock.mono_s())
    bench.clock.advance(1)
    assert runs(bench) == ("1.0.0", True)
    resumed = flashing(bench, watch).flash(NEW, read_image(NEW), confirm=False)
    assert resumed.sent is None  # it lay in the other slot still
    assert flashing(bench, watch).confirm().version == "1.1.0"
    assert runs(bench) == ("1.1.0", True)


def test_rolling_back_ends_a_trial_or_changes_over(bench: DirectBoard, watch: Silent) -> None:
    with pytest.raises(ManagementError, match="no other image"):
        flashing(bench, watch).roll_back()
    flashing(bench, watch).flash(NEW, read_image(NEW), confirm=False)
    assert flashing(bench, watch).roll_back().version == "1.0.0"
    assert runs(bench) == ("1.0.0", True)
    flashing(bench, watch).flash(NEW, read_image(NEW))
    assert flashing(bench, watch).roll_back().version == "1.0.0"
    bench.simulated.reset(bench.clock.mono_s())
    bench.clock.advance(1)
    assert runs(bench) == ("1.0.0", True)


def test_a_pulled_plug_is_waited_for_and_the_upload_goes_on(
    bench: DirectBoard, watch: Silent
) -> None:
    def pull() -> None:
        bench.port.pulled = True

    watch.at = {9000: pull}
    job = flashing(bench, watch)
    advance = bench.clock.advance

    def pause(seconds: float) -> None:
        advance(seconds)
        bench.port.pulled = False

    job._pause = pause
    done = job.flash(NEW, read_image(NEW))
    assert done.interruptions == 1
    assert done.sent is not None
    assert done.sent.resumed_at >= 9000
    assert runs(bench) == ("1.1.0", True)


def test_a_plug_that_stays_out_is_told_and_the_next_try_goes_on(
    bench: DirectBoard, watch: Silent
) -> None:
    def pull() -> None:
        bench.port.pulled = True

    watch.at = {9000: pull}
    with pytest.raises(DeviceLostError):
        flashing(bench, watch, plug_within_s=5.0).flash(NEW, read_image(NEW))
    bench.port.pulled = False
    assert runs(bench) == ("1.0.0", True)
    done = flashing(bench, watch).flash(NEW, read_image(NEW))
    assert done.sent is not None
    assert done.sent.resumed_at >= 9000


def test_a_board_that_loses_its_power_starts_anew(bench: DirectBoard, watch: Silent) -> None:
    def cut() -> None:
        bench.simulated.power_off()
        bench.power_on()

    watch.at = {9000: cut}
    done = flashing(bench, watch).flash(NEW, read_image(NEW))
    assert done.sent is not None
    assert done.sent.resumed_at == 0
    assert runs(bench) == ("1.1.0", True)


def test_a_board_that_started_by_itself_is_not_reset_out_of_its_trial(
    bench: DirectBoard, watch: Silent
) -> None:
    """Marked, and then its power went: it is on trial already."""
    board = bench.open()
    digest = hashlib.sha256(NEW).digest()
    at = 0
    while at < len(NEW):
        at = board.send_part(NEW, at, digest).offset
    board.mark(read_image(NEW).hash)
    bench.simulated.power_off()
    bench.power_on()
    done = flashing(bench, watch).flash(NEW, read_image(NEW))
    assert done.end == "confirmed"
    assert runs(bench) == ("1.1.0", True)


def test_an_image_that_the_boot_loader_refuses_is_told(bench: DirectBoard, watch: Silent) -> None:
    refused = bench.management.slots

    def spoil() -> None:
        refused.flash.program(refused.slot_bytes + 5000, bytes(8))

    watch.at = {len(NEW): spoil}
    slot = refused.image

    def as_if_whole(number: int) -> object:
        """The state that is told comes from the trailer: like Zephyr's, which checks no hash."""
        return read_image(NEW) if number == 1 and not watch.at else slot(number)

    refused.image = as_if_whole  # type: ignore[method-assign,assignment]
    job = flashing(bench, watch)
    job._watch = watch
    step = watch.step

    def restore(text: str) -> None:
        step(text)
        if text.startswith("resetting"):
            refused.image = slot  # type: ignore[method-assign]

    watch.step = restore  # type: ignore[method-assign]
    with pytest.raises(RevertedError, match="did not start"):
        job.flash(NEW, read_image(NEW))
    assert runs(bench) == ("1.0.0", True)


def test_an_image_that_falls_silent_is_not_confirmed(bench: DirectBoard, watch: Silent) -> None:
    step = watch.step

    def hang(text: str) -> None:
        step(text)
        if text.startswith("seeing"):
            bench.simulated.hang(bench.clock.mono_s() + 1000)

    watch.step = hang  # type: ignore[method-assign]
    with pytest.raises(BoardSilentError):
        flashing(bench, watch).flash(NEW, read_image(NEW))
    bench.simulated.reset(bench.clock.mono_s())  # its watchdog
    bench.clock.advance(1)
    assert runs(bench) == ("1.0.0", True)


class Liar:
    """A board whose answers to an upload are made up."""

    part_bytes = 256

    def __init__(self, *offsets: int, matches: bool | None = None) -> None:
        self._offsets = list(offsets)
        self._matches = matches

    def send_part(self, image: bytes, offset: int, sha256: bytes) -> Uploaded:
        at = self._offsets.pop(0) if len(self._offsets) > 1 else self._offsets[0]
        return Uploaded(at, self._matches)


@pytest.mark.parametrize(
    ("liar", "error", "words"),
    [
        (Liar(100), BadReplyError, "again and again"),
        (Liar(0), BadReplyError, "again and again"),
        (Liar(10**9), BadReplyError, "more of the image"),
        (Liar(*([100, 0] * 9)), ManagementError, "starts again and again"),
        (Liar(len(NEW), matches=False), ManagementError, "not what was sent"),
    ],
    ids=["stuck", "stuck at the start", "beyond the end", "restarts", "no match"],
)
def test_a_board_that_makes_no_sense_ends_the_upload(
    liar: Liar, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        upload(liar, NEW, lambda _done, _all: None, lambda: 0.0)  # type: ignore[arg-type]
