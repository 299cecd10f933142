"""A board on its management plane: who it is, what it runs, its settings; and changing them."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from firmware_bridge.management import replies, smp
from firmware_bridge.management.errors import (
    BoardRefusedError,
    BoardRestartedError,
    BoardSilentError,
    ManagementError,
)
from firmware_bridge.management.refusals import SETTINGS
from firmware_bridge.management.replies import Parameters, Slot, Uploaded
from firmware_bridge.management.smp import SmpLine

T = TypeVar("T")
TRIES = 3  # of what can be asked twice without harm
MARK_S = 10.0  # the board may have to erase a sector
FIRST_PART_S = 60.0  # it erases the whole slot first: up to 25 s on nRF52 (smpclient waits 40 s)
UNKNOWN_BUFFER_BYTES = 256  # boot loaders that do not say what they take have 512 and more
FRAME_BYTES = 4  # length and CRC share the board's buffer
CBOR_LENGTH_BYTES = 2  # by which the data's own length grows, from 0 to 65,535 bytes
_NOT_BUILT_IN = 8  # MGMT_ERR_ENOTSUP
_NO_SETTING = {None: (5,), SETTINGS: (3, 5)}  # by the group whose error it is


@dataclass(frozen=True, slots=True)
class Identity:
    """What a board is. None: it does not say."""

    model: str | None
    hardware: str | None
    system: str | None  # what it says of its system, for people


class Board:
    """One open line to one board. Its methods raise ManagementError and DeviceLostError."""

    def __init__(self, line: SmpLine) -> None:
        self._line = line
        self._part_bytes: int | None = None

    def close(self) -> None:
        self._line.close()

    def is_there(self, within_s: float = smp.ANSWER_S) -> bool:
        """Whether it answers."""
        with suppress(BoardSilentError):
            return replies.text(self._line.ask(smp.echo("here?"), within_s), "r") == "here?"
        return False

    def identity(self) -> Identity:
        """Zephyr's MODEL@REVISION/QUALIFIERS (`info`, format i), taken apart."""
        told = self._told(lambda: replies.text(self._again(smp.read_info("i")), "output"))
        system = self._told(lambda: replies.text(self._again(smp.read_info("srv")), "output"))
        if told is None:
            return Identity(None, None, system)
        target = told.split("/")[0]
        model, _, hardware = target.partition("@")
        return Identity(model or None, hardware or None, system)

    def parameters(self) -> Parameters | None:
        """None where its firmware does not say."""
        return self._told(lambda: replies.parameters(self._again(smp.read_parameters())))

    def images(self) -> tuple[Slot, ...]:
        return replies.slots(self._again(smp.read_images()))

    def mark(self, digest: bytes, *, confirm: bool = False) -> tuple[Slot, ...]:
        """For a trial at the next start, or for good."""
        body = self._again(smp.mark_image(digest, confirm=confirm), MARK_S)
        return replies.slots(body)

    def reset(self) -> None:
        """It answers before it goes; if that answer is lost, it goes nevertheless."""
        with suppress(BoardSilentError):
            self._line.ask(smp.reset())

    def send_part(self, image: bytes, offset: int, sha256: bytes) -> Uploaded:
        """The part of the image from there on, as much as the board takes at once."""
        if offset == 0:
            return self._send_first(image, sha256)
        room = self._room() - len(smp.next_part(offset, b"").BYTES) - CBOR_LENGTH_BYTES
        part = image[offset : offset + room]
        return replies.uploaded(self._again(smp.next_part(offset, part)))

    def setting(self, name: str) -> bytes | None:
        """What it keeps under this name; None if there is nothing."""
        try:
            return replies.value(self._again(smp.read_setting(name)))
        except BoardRefusedError as error:
            if error.code in _NO_SETTING.get(error.group, ()):
                return None
            raise

    def set(self, name: str, value: bytes) -> None:
        self._again(smp.write_setting(name, value))

    def save_settings(self) -> None:
        self._again(smp.save_settings(), MARK_S)

    # --- asking ---

    def _send_first(self, image: bytes, sha256: bytes) -> Uploaded:
        empty = smp.first_part(b"", len(image), sha256)
        room = self._room() - len(empty.BYTES) - CBOR_LENGTH_BYTES
        first = smp.first_part(image[:room], len(image), sha256)
        for _ in range(TRIES - 1):
            with suppress(BoardRestartedError):  # at once, where a silent one takes long to give up
                return replies.uploaded(self._line.ask(first, FIRST_PART_S))
        return replies.uploaded(self._line.ask(first, FIRST_PART_S))

    @property
    def part_bytes(self) -> int:
        """What the board takes at once, with all that is around it."""
        if self._part_bytes is None:
            told = self.parameters()
            self._part_bytes = told.buffer_bytes if told is not None else UNKNOWN_BUFFER_BYTES
        return self._part_bytes

    def _room(self) -> int:
        """How long a message may be."""
        return self.part_bytes - FRAME_BYTES

    def _again(self, request: smp.Request, within_s: float = smp.ANSWER_S) -> dict[str, object]:
        """The answer; an answer that was lost is asked for again."""
        for _ in range(TRIES - 1):
            with suppress(BoardSilentError):
                return self._line.ask(request, within_s)
        return self._line.ask(request, within_s)

    @staticmethod
    def _told(read: Callable[[], T]) -> T | None:
        """None if the board's firmware was built without that."""
        try:
            return read()
        except BoardRefusedError as error:
            if error.group is None and error.code != _NOT_BUILT_IN:
                raise
            return None


def active(images: tuple[Slot, ...]) -> Slot:
    """What runs. Raises ManagementError."""
    for each in images:
        if each.active and each.image == 0:
            return each
    raise ManagementError(
        "the board does not say what it runs", "is it in its boot loader? reset it and try again"
    )


def spare(images: tuple[Slot, ...]) -> Slot | None:
    """What is in the other slot; None if it is empty."""
    others = [each for each in images if not each.active and each.image == 0]
    return others[0] if others else None
