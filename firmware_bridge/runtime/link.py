"""A board of the unit: asked by name, heard by name, and its dead-man switch kept from tripping."""

from collections import Counter, deque
from dataclasses import dataclass
from typing import Self

from config.boards import BoardConfig
from drivers.base import ACTIVE_READ_S, DeviceLostError
from drivers.clock import Clock
from drivers.samples import Done
from firmware_bridge.runtime.frames import PROTOCOL, Frame
from firmware_bridge.runtime.greeting import BoardRefusedError, ask_for_nameplate, greet
from firmware_bridge.runtime.nameplate import Nameplate, NoSuchPartError
from firmware_bridge.runtime.orders import BoardRequest, BoardSample
from firmware_bridge.runtime.packing import BadPayloadError
from firmware_bridge.runtime.port import Port, open_port
from firmware_bridge.runtime.reports import BoardEvent, Report
from firmware_bridge.runtime.requests import EventClear, EventRead, Request
from firmware_bridge.runtime.talk import Talk
from firmware_bridge.runtime.vocabulary import Result, Type
from firmware_bridge.runtime.window import GIVE_UP_S, Answer

# Why a board would not, in words for a person.
REFUSALS: dict[int, str] = {
    Result.UNKNOWN_TYPE: "its firmware does not know this",
    Result.BAD_PAYLOAD: "its firmware does not understand this",
    Result.NO_SUCH: "it has no such part",
    Result.BAD_VALUE: "it cannot do that with this part",
    Result.DEAD_MAN: "it had lost this unit and is only just back; ask again",
    Result.STOPPED: "its emergency stop is pressed; release it on the spot",
    Result.FAULT: "a fault of the board keeps it off: see the unit's faults",
}


@dataclass(frozen=True, slots=True)
class _Reading:
    """The tag of an EVENT_READ."""


@dataclass(frozen=True, slots=True)
class _Clearing:
    """The tag of an EVENT_CLEAR."""


@dataclass(frozen=True, slots=True)
class LinkFigures:
    """How well the line carries."""

    round_trips_s: tuple[float, ...]  # of the last thousand requests: from sent to answered
    answered: int
    resent: int


class BoardLink:
    """An ActiveDriver (drivers/base.py) for one board, open and described."""

    def __init__(
        self, name: str, config: BoardConfig, port: Port, talk: Talk, boot: int, plate: Nameplate
    ) -> None:
        self.plate = plate
        self._name = name
        self._config = config
        self._port = port
        self._talk = talk
        self._boot = boot
        self._ready: deque[BoardSample | Done] = deque([plate.identity(name)])
        self._heard_s = talk.clock.mono_s()
        self._events_have = 0  # the highest number that was handed over
        self._events_there = 0  # the highest that the board has given
        self._events_cleared = 0
        self._is_reading = False
        self._reported = (0, 0.0)  # uptime in ms of the last report, and when it came
        self._first_report: Report | None = None
        self._last_report: Report | None = None
        self._counts: Counter[str] = Counter()

    @classmethod
    def open(cls, name: str, config: BoardConfig, clock: Clock) -> Self:
        """`name` is the one below `boards`.

        Raises BoardRefusedError where the wrong one answers or none; DeviceUnavailableError.
        """
        port = open_port(config.port, config.baud)
        try:
            talk = Talk(port, clock)
            welcome = greet(talk, config.port, config.baud)
            plate = ask_for_nameplate(talk, config.port)
            _must_be(config, plate)
            return cls(name, config, port, talk, welcome.boot, plate)
        except BaseException:
            port.close()
            raise

    # --- ActiveDriver ---

    def read(self) -> BoardSample | Done | None:
        """The next of what it tells, or None after at most ACTIVE_READ_S.

        Raises DeviceLostError when the port goes, the board falls silent, or starts again.
        """
        if not self._ready:
            self._clear_events()
            self._exchange()
        return self._ready.popleft() if self._ready else None

    def ask(self, token: int, request: BoardRequest) -> None:
        """Begin with it; `Done` comes when the board has done it, or why it would not."""
        try:
            self._put(self.plate.wire(request), token)
        except NoSuchPartError as error:
            self._ready.append(Done(token=token, ok=False, text=str(error)))

    def close(self) -> None:
        """Say goodbye: the board turns all off at once."""
        try:
            self._talk.say_bye()
        except DeviceLostError:
            self._counts["goodbye_lost"] += 1  # its dead-man switch will see to it
        self._port.close()

    def counters(self) -> dict[str, int]:
        """`frames` that came; and what was lost, by cause, on both ways."""
        talk = self._talk
        lost = Counter(talk.splitter.counts) + talk.counts + self._counts
        lost["resent"] = talk.window.resent
        first, last = self._first_report, self._last_report
        if first is not None and last is not None:  # what the board itself counts, since its start
            lost["board_bad_frames"] = last.bad_in - first.bad_in
            lost["board_overruns"] = last.overruns - first.overruns
            lost["board_events"] = last.events_lost - first.events_lost
        return {cause: count for cause, count in lost.items() if count > 0}

    def figures(self) -> LinkFigures:
        window = self._talk.window
        return LinkFigures(tuple(window.round_trips_s), window.answered, window.resent)

    # --- the talk ---

    def _put(self, request: Request, tag: object) -> None:
        self._talk.window.put(request.TYPE, request.pack(), tag)

    def _exchange(self) -> None:
        heard = self._talk.exchange(ACTIVE_READ_S)
        now_s = self._talk.clock.mono_s()
        for answer in heard.answers:
            self._settle(answer)
        for frame in heard.frames:
            self._note(frame, now_s)
        if heard.answers or heard.frames:
            self._heard_s = now_s
        elif now_s - self._heard_s > self._config.silent_after_s:
            raise DeviceLostError(
                f"{self._config.port}: the board has said nothing for "
                f"{self._config.silent_after_s:g} s, and its port is still there: it hangs; "
                "switch it off and on"
            )
        if self._talk.window.is_stuck(now_s):
            raise DeviceLostError(
                f"{self._config.port}: the board does not answer for {GIVE_UP_S:g} s; "
                "see to its cable, and switch it off and on"
            )

    def _settle(self, answer: Answer) -> None:
        if isinstance(answer.tag, int):
            ok = answer.result == Result.OK
            text = "" if ok else REFUSALS.get(answer.result, f"refusal {answer.result}")
            self._ready.append(Done(token=answer.tag, ok=ok, text=text))
        elif isinstance(answer.tag, _Reading):
            self._is_reading = False
            self._event(answer)

    def _note(self, frame: Frame, now_s: float) -> None:
        if frame.version != PROTOCOL or frame.type != Type.REPORT:
            if frame.type != Type.WELCOME:  # a second answer to a HELLO that was said twice
                self._counts["unknown_frame"] += 1
            return
        try:
            report = Report.unpack(frame.payload)
        except BadPayloadError:
            self._counts["bad_payload"] += 1
            return
        if report.session != self._talk.session:
            raise DeviceLostError(
                f"{self._config.port}: the board has started again, and all its outputs are off; "
                "if that goes on, see to its power supply"
            )
        self._first_report, self._last_report = self._first_report or report, report
        self._reported = (report.uptime_ms, now_s)
        self._events_there = report.last_event
        self._ready.append(self.plate.state(report, now_s))
        if report.first_event and report.last_event > self._events_have:
            self._read_events()

    # --- events: each handed over once, and cleared on the board only then ---

    def _read_events(self) -> None:
        if not self._is_reading:
            self._is_reading = True
            self._put(EventRead(self._events_have + 1), _Reading())

    def _event(self, answer: Answer) -> None:
        if answer.result != Result.OK:
            self._events_have = self._events_there  # those between had no room on the board
            return
        try:
            event = BoardEvent.unpack(answer.data)
        except BadPayloadError:
            self._counts["bad_payload"] += 1
            return
        self._events_have = event.number
        happened_s = happened_at_s(event.at_ms, *self._reported)
        self._ready.append(self.plate.incident(event, self._boot, happened_s))
        if event.number < self._events_there:
            self._read_events()

    def _clear_events(self) -> None:
        """What was handed over has been taken: `read` is called again."""
        if self._events_have > self._events_cleared:
            self._events_cleared = self._events_have
            self._put(EventClear(self._events_have), _Clearing())


def happened_at_s(at_ms: int, uptime_ms: int, reported_s: float) -> float:
    """By our clock: `at_ms` against the uptime of a report. Both wrap around after 49.7 days."""
    ago_ms = (uptime_ms - at_ms + 2**31) % 2**32 - 2**31  # negative: after the report
    return reported_s - ago_ms / 1000


def _must_be(config: BoardConfig, plate: Nameplate) -> None:
    """Raises BoardRefusedError where another board answers than the file says."""
    there = plate.board
    for what, wanted, found in (
        ("model", config.model, there.model),
        ("serial", config.serial, there.serial),
    ):
        if wanted is not None and wanted != found:
            raise BoardRefusedError(
                "board_other",
                f"{config.port}: the board there has {what} {found}, the unit's file says "
                f"{wanted}; are two cables swapped? patrol-edge devices shows what is where",
            )
