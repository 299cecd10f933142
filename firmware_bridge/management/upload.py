"""An image to a board, part by part: goes on where it was, whatever befell the line meanwhile."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from firmware_bridge.management.board import Board
from firmware_bridge.management.errors import BadReplyError, ManagementError

Progress = Callable[[int, int], None]  # bytes that the board has, bytes in all
MOST_STALLS = 5  # answers in a row by which nothing has moved on
MOST_RESTARTS = 3  # of the board, which then has forgotten all


@dataclass(frozen=True, slots=True)
class Sent:
    """How an upload went."""

    size_bytes: int
    resumed_at: int  # where the board still was from an earlier try; 0: from the front
    took_s: float


def upload(board: Board, image: bytes, progress: Progress, mono_s: Callable[[], float]) -> Sent:
    """Send it all. Raises ManagementError, DeviceLostError; call again to go on.

    The first part takes long: the board erases its slot before it answers.
    """
    digest, begun_s = hashlib.sha256(image).digest(), mono_s()
    progress(0, len(image))
    state = board.send_part(image, 0, digest)
    course = _Course(len(image), state.offset)
    resumed_at = state.offset if state.offset > board.part_bytes else 0
    while course.at < len(image):
        progress(course.at, len(image))
        state = board.send_part(image, course.at, digest)
        course.go_to(state.offset)
    progress(course.at, len(image))
    if state.matches is False:
        raise ManagementError(
            "what the board has is not what was sent", "flash it again; then replace the cable"
        )
    return Sent(len(image), resumed_at, mono_s() - begun_s)


class _Course:
    """How far the board is. Believes no board that would keep us for ever."""

    def __init__(self, size_bytes: int, at: int) -> None:
        self.at = 0
        self._size_bytes = size_bytes
        self._stalls = self._restarts = 0
        self.go_to(at)

    def go_to(self, offset: int) -> None:
        """Raises BadReplyError, ManagementError."""
        if offset > self._size_bytes:
            raise BadReplyError("the board wants more of the image than there is")
        self._stalls = self._stalls + 1 if offset <= self.at else 0
        self._restarts += offset < self.at
        if self._stalls > MOST_STALLS:
            raise BadReplyError(f"the board asks for the part at byte {offset} again and again")
        if self._restarts > MOST_RESTARTS:
            raise ManagementError(
                "the board starts again and again during the upload", "is its supply strong enough?"
            )
        self.at = offset
