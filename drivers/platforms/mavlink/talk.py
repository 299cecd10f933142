"""Talks with an autopilot: something is sent, an answer comes, or does not and it is sent again.

Each is a generator that says what it waits for and until when, and is given the message, or None
when the time is over. It ends with why it failed, or "" when it is done.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Protocol

from drivers.platforms.mavlink.codec import Heard
from drivers.platforms.mavlink.numbers import (
    MAV_CMD_DO_SET_MODE,
    MAV_MODE_FLAG_CUSTOM_MODE_ENABLED,
    MAV_RESULT_ACCEPTED,
    MAV_RESULT_IN_PROGRESS,
    MAV_RESULT_UNSUPPORTED,
)
from drivers.platforms.mavlink.vehicle import Vehicle


@dataclass(frozen=True, slots=True)
class Wait:
    """For one of these messages, until then."""

    names: frozenset[str]
    until_mono_s: float


Talk = Generator[Wait, Heard | None, str]


class Port(Protocol):
    """What a talk speaks through."""

    def send(self, name: str, **fields: Any) -> None:
        """To the autopilot: its number is filled in. Raises DeviceLostError."""

    def now_s(self) -> float:
        """The monotonic clock."""


class Talking:
    """One talk under way."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self.result: str | None = None  # None: it goes on; "": done; else why not
        self._wait: Wait | None = None

    def begin(self) -> None:
        self._step(None)

    def hear(self, message: Heard) -> None:
        if self.result is None and self._wait is not None and message.name in self._wait.names:
            self._step(message)

    def tick(self, now_s: float) -> None:
        if self.result is None and self._wait is not None and now_s >= self._wait.until_mono_s:
            self._step(None)

    def end(self, why: str) -> None:
        """Broken off."""
        self._talk.close()
        self.result = why

    def _step(self, message: Heard | None) -> None:
        try:
            self._wait = self._talk.send(message)
        except StopIteration as ended:
            self.result = ended.value


# --- commands: mavlink.io/en/services/command.html -------------------------------------------

ACK = frozenset({"COMMAND_ACK"})
AGAIN_S = 0.4  # without an answer it is sent again, as one that was sent before
TRIES = 4
PROGRESS_S = 5.0  # an autopilot that says that it is at it is given so long for the next word

# MAV_RESULT in a technician's words.
RESULTS = {
    1: "it cannot do that now (no fix, or busy): try again in a moment",
    2: "it does not take these values",
    3: "its firmware does not know this order",
    4: "it tried and failed: its messages say why",
    6: "it was called off",
    7: "it wants this order in another form (COMMAND_LONG)",
    8: "it wants this order in another form (COMMAND_INT)",
    9: "its firmware does not support this frame of coordinates",
}
UNSUPPORTED = RESULTS[MAV_RESULT_UNSUPPORTED]
SILENT = "the autopilot does not answer: is it listening on this port?"


def command(port: Port, number: int, *params: float) -> Talk:
    """MAV_CMD by COMMAND_LONG, with up to seven parameters; sent again until it is answered."""
    values = {f"param{n}": value for n, value in enumerate((*params, *(0.0,) * 7)[:7], start=1)}
    for confirmation in range(TRIES):
        port.send("COMMAND_LONG", command=number, confirmation=confirmation, **values)
        until_s = port.now_s() + AGAIN_S
        while (ack := (yield Wait(ACK, until_s))) is not None:
            if ack.fields.command != number:
                continue
            if ack.fields.result != MAV_RESULT_IN_PROGRESS:
                return result_words(ack.fields.result)
            until_s = port.now_s() + PROGRESS_S
    return SILENT


def result_words(result: int) -> str:
    """Why not; "" for done."""
    if result == MAV_RESULT_ACCEPTED:
        return ""
    return RESULTS.get(result, f"it refuses, with the number {result}")


def set_mode(port: Port, vehicle: Vehicle, *names: str) -> Talk:
    """The first of these modes that it takes."""
    why = "its modes are not known"
    for name in names:
        main, sub = vehicle.mode_params(name)
        flag = float(MAV_MODE_FLAG_CUSTOM_MODE_ENABLED)
        why = yield from command(port, MAV_CMD_DO_SET_MODE, flag, main, sub)
        if why in ("", SILENT):
            break
    return why and f"mode {name}: {why}"
