"""A new image for a board with MCUboot, from the first byte until it is confirmed.

Upload to the second slot, compare the hash that the board tells, mark it for a trial, reset, see
that it runs and answers, confirm. Until it is confirmed, the board goes back to the old image by
itself at its next start; and at every point before that it still runs the old one. So a cable that
is pulled, a board that loses power or a host that dies is never more than a flash to be repeated.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from drivers.base import DeviceLostError, DeviceUnavailableError
from firmware_bridge.management.board import Board, active, spare
from firmware_bridge.management.errors import BoardSilentError, ManagementError
from firmware_bridge.management.mcuboot import Image
from firmware_bridge.management.replies import Slot
from firmware_bridge.management.upload import Sent, upload

BOOT_WITHIN_S = 120.0  # the boot loader swaps the slots first: a minute for a large image
SETTLE_S = 2.0  # it must answer for so long before it is confirmed
LOOK_EVERY_S = 0.25
PLUG_WITHIN_S = 30.0  # somebody may put the plug back in

T = TypeVar("T")
End = Literal["confirmed", "on_trial", "unchanged"]


class Watch(Protocol):
    """Who is told how it goes. May raise to stop it between two parts."""

    def step(self, text: str) -> None: ...

    def sent(self, done_bytes: int, size_bytes: int) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Flashed:
    """How it ended."""

    end: End
    before: str  # the version that ran
    after: str  # the version that runs
    sent: Sent | None  # None: the board had the image already
    interruptions: int  # how often the line was lost and found again


class RevertedError(ManagementError):
    """The board runs the old image: the new one did not start, or did not answer."""


class Flashing:
    """One board, one image. One thread. `open_board` opens the line anew each time."""

    def __init__(
        self,
        open_board: Callable[[], Board],
        watch: Watch,
        *,
        mono_s: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
        plug_within_s: float = PLUG_WITHIN_S,
        settle_s: float = SETTLE_S,
    ) -> None:
        self._open_board = open_board
        self._watch = watch
        self._mono_s = mono_s
        self._pause = pause
        self._plug_within_s = plug_within_s
        self._settle_s = settle_s
        self._board: Board | None = None
        self._interruptions = 0

    def close(self) -> None:
        if self._board is not None:
            self._board.close()
            self._board = None

    # --- what it does ---

    def flash(self, data: bytes, image: Image, *, confirm: bool = True) -> Flashed:
        """Raises ManagementError, DeviceLostError, DeviceUnavailableError."""
        images = self.images()
        before, sent = active(images), None
        if before.hash == image.hash:
            return self._finish(before.version, image, None, confirm=confirm)
        if not before.confirmed:
            raise ManagementError(
                f"the board runs {before.version} on trial, and needs its other slot to go back",
                "patrol-edge firmware confirm, or firmware rollback",
            )
        other = spare(images)
        if other is None or other.hash != image.hash:
            sent = self._upload(data)
            self._verify(image)
        self._watch.step("marking it for a trial")
        self._with_line(lambda board: board.mark(image.hash))
        running = self._change_to(image.hash)
        if running.hash != image.hash:
            raise RevertedError(
                f"the board runs {running.version}: the new image did not start, or was not "
                "accepted by its boot loader",
                "was the image signed with the key that the board's boot loader has?",
            )
        return self._finish(before.version, image, sent, confirm=confirm)

    def confirm(self) -> Slot:
        """What runs stays. Raises as `flash`."""
        running = active(self.images())
        if not running.confirmed:
            self._confirm(running)
            running = active(self.images())
        return running

    def roll_back(self) -> Slot:
        """To what is in the other slot: an image on trial gives way, a confirmed one changes over.

        Raises as `flash`. The image that comes back is confirmed.
        """
        images = self.images()
        running, other = active(images), spare(images)
        if other is None or other.hash is None:
            raise ManagementError(
                "the board has no other image to go back to", "flash the version that you want"
            )
        digest = other.hash
        if running.confirmed:
            self._watch.step(f"marking {other.version} for a trial")
            self._with_line(lambda board: board.mark(digest))
        now = self._change_to(digest)
        if now.hash != digest:
            raise RevertedError(
                f"the board runs {now.version}: the other image did not start",
                "flash the version that you want",
            )
        return self.confirm()

    def images(self) -> tuple[Slot, ...]:
        """What is on the board. Raises as `flash`."""
        return self._with_line(lambda board: board.images())

    # --- its parts ---

    def _upload(self, data: bytes) -> Sent:
        self._watch.step("sending the image; the board erases its slot first")
        return self._with_line(lambda board: upload(board, data, self._watch.sent, self._mono_s))

    def _verify(self, image: Image) -> None:
        arrived = spare(self.images())
        if arrived is None or arrived.hash != image.hash:
            raise ManagementError(
                "the board tells another hash than the image has", "flash it again"
            )

    def _change_to(self, digest: bytes) -> Slot:
        """Reset the board while it has this image for its next start. Returns what runs then.

        It may have started by itself meanwhile: a reset too many would end the trial.
        """
        while True:
            images = self.images()
            running, other = active(images), spare(images)
            if running.hash == digest or other is None or other.hash != digest:
                return running
            if running.confirmed and not other.pending:
                return running
            self._watch.step("resetting the board; its boot loader swaps the images")
            with suppress(DeviceLostError):  # gone with the board: that is what was wanted
                self._line().reset()
            self._pause(LOOK_EVERY_S)  # it answers first, and goes then
            self._wait_for_it(BOOT_WITHIN_S)

    def _wait_for_it(self, within_s: float) -> None:
        """Until it answers. A board on USB goes from the bus meanwhile."""
        ends_s = self._mono_s() + within_s
        while self._mono_s() < ends_s:
            with suppress(DeviceLostError, DeviceUnavailableError, ManagementError):
                if self._line().is_there(LOOK_EVERY_S * 2):
                    return
                continue
            self.close()
            self._pause(LOOK_EVERY_S)
        raise BoardSilentError(
            f"the board does not answer {within_s:g} s after its reset",
            "give it a reset or take its power away: unconfirmed, it goes back to the old image",
        )

    def _finish(self, before: str, image: Image, sent: Sent | None, *, confirm: bool) -> Flashed:
        running = active(self.images())
        end: End = "unchanged" if sent is None and before == running.version else "on_trial"
        if running.confirmed:
            end = "unchanged" if sent is None else "confirmed"
        elif confirm:
            self._settle()
            self._confirm(running)
            end = "confirmed"
        return Flashed(
            end=end,
            before=before,
            after=image.version,
            sent=sent,
            interruptions=self._interruptions,
        )

    def _settle(self) -> None:
        """Raises RevertedError if it starts anew, BoardSilentError if it falls silent."""
        self._watch.step(f"seeing whether it answers for {self._settle_s:g} s")
        ends_s = self._mono_s() + self._settle_s
        while self._mono_s() < ends_s:
            if not self._with_line(lambda board: board.is_there()):
                raise BoardSilentError(
                    "the new image has fallen silent", "reset the board: it goes back by itself"
                )
            self._pause(LOOK_EVERY_S)

    def _confirm(self, running: Slot) -> None:
        self._watch.step(f"confirming {running.version}")
        digest = running.hash
        if digest is None:
            raise ManagementError("the board tells no hash of what it runs", "update its firmware")
        images = self._with_line(lambda board: board.mark(digest, confirm=True))
        now = active(images)
        if now.hash != digest or not now.confirmed:
            raise RevertedError(
                f"the board runs {now.version}, and has not taken the confirmation", "flash again"
            )

    # --- the line ---

    def _line(self) -> Board:
        if self._board is None:
            self._board = self._open_board()
        return self._board

    def _with_line(self, do: Callable[[Board], T]) -> T:
        """Do it; where the plug was pulled, wait for it, and do it again."""
        while True:
            try:
                return do(self._line())
            except DeviceLostError as lost:
                self.close()
                self._interruptions += 1
                self._await_plug(lost)

    def _await_plug(self, lost: DeviceLostError) -> None:
        self._watch.step("the board has gone: put its plug back in, and it goes on by itself")
        ends_s = self._mono_s() + self._plug_within_s
        while self._mono_s() < ends_s:
            with suppress(DeviceUnavailableError):
                self._line()
                return
            self._pause(LOOK_EVERY_S)
        raise lost
