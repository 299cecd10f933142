"""The board's side of the run-time link, as reference/patrol_board.c has it: byte for byte.

docs/board-link.md says what each rule is for.
"""

from collections.abc import Callable

from firmware_bridge.runtime.frames import PROTOCOL, Frame, encode
from firmware_bridge.runtime.packing import BadPayloadError
from firmware_bridge.runtime.reports import Ack, Report, Welcome
from firmware_bridge.runtime.requests import (
    Bye,
    Describe,
    EventClear,
    EventRead,
    Heartbeat,
    Hello,
    Ping,
    Point,
    Set,
)
from firmware_bridge.runtime.vocabulary import (
    DEAD_MAN_S,
    REMEMBERED,
    REPORT_S,
    REQUESTS,
    STOPPING_FAULTS,
    EventKind,
    InputKind,
    ResetCause,
    Result,
    Type,
)
from firmware_bridge.simulated.equipment import Equipment
from firmware_bridge.simulated.event_store import EventStore
from firmware_bridge.simulated.outputs import Outputs

REPORT_GAP_MS = 50  # between two that tell of changes
DEAD_MAN_MS = round(1000 * DEAD_MAN_S)
REPORT_MS = round(1000 * REPORT_S)
URGENT_INPUTS = (InputKind.SOS, InputKind.EMERGENCY_STOP)
_Answer = tuple[Result, bytes]


class SimulatedFirmware:
    """A RunTimePlane (planes.py). What the world does to it is set from outside."""

    def __init__(self, equipment: Equipment, *, protocol: int = PROTOCOL) -> None:
        self.equipment = equipment
        self.protocol = protocol
        self.next_cause = ResetCause.POWER
        self.supply_mv: int | None = 12_600
        self.supply_ma: int | None = 350
        self.temperatures: list[int | None] = [250] * len(equipment.temperatures)
        self.bad_in: Callable[[], int] = lambda: 0  # frames that the splitter refused
        self._boots = 0
        self._start("", 0.0)

    # --- RunTimePlane ---

    def boot(self, firmware: str, now_s: float) -> None:
        self._boots += 1
        self._start(firmware, now_s)

    def frame(self, frame: Frame, now_s: float) -> bytes:
        now_ms = self._ms(now_s)
        self._frames_in += 1
        try:
            if frame.type == Type.HELLO:
                return self._hello(frame, now_ms)
            if frame.version != self.protocol:
                return b""
            if frame.type == Type.HEARTBEAT:
                self._heartbeat(Heartbeat.unpack(frame.payload), now_ms)
            elif frame.type == Type.BYE:
                self._bye(Bye.unpack(frame.payload))
            elif frame.type in REQUESTS:
                return self._request(frame, now_ms)
        except BadPayloadError:
            return b""
        return b""

    def tick(self, now_s: float) -> bytes:
        now_ms = self._ms(now_s)
        if self.session and not self._silent and now_ms - self._alive_ms >= DEAD_MAN_MS:
            self._trip(now_ms)
        if self.outputs.expire(now_ms):
            self._report_due = True
        return self._report(now_ms)

    def _start(self, firmware: str, now_s: float) -> None:
        self._firmware = firmware
        self._started_s = now_s
        self.outputs = Outputs(self.equipment.channels)
        self.events = EventStore()
        self.faults = 0
        self.inputs = 0
        self.session = 0
        self._expected = 1
        self._results: dict[int, tuple[int, Result]] = {}  # by sequence: of which type, how it went
        self._alive_ms = 0
        self._silent = False
        self._latched = 0  # the number of the dead-man event that was not cleared yet
        self._report_sequence = 0
        self._reported_ms: int | None = None
        self._report_due = False
        self._frames_in = self._repeats = 0
        self._cause, self.next_cause = self.next_cause, ResetCause.POWER
        if self._cause is not ResetCause.POWER:
            self.events.note(EventKind.BOOT, 0, self._cause, 0, urgent=True)

    # --- what the world does to it ---

    def press(self, number: int, now_s: float, *, pressed: bool) -> None:
        """An input, debounced."""
        if bool(self.inputs >> number & 1) == pressed:
            return
        self.inputs ^= 1 << number
        kind = self.equipment.inputs[number].kind
        urgent = kind in URGENT_INPUTS
        self.events.note(EventKind.INPUT, number, int(pressed), self._ms(now_s), urgent=urgent)
        if kind == InputKind.EMERGENCY_STOP and pressed:
            self.outputs.drop()
        self._report_due = True

    def set_faults(self, faults: int, now_s: float) -> None:
        fresh, changed = faults & ~self.faults, faults != self.faults
        self.faults = faults
        if fresh:
            self.events.note(EventKind.FAULT, 0, fresh, self._ms(now_s), urgent=False)
        if fresh & STOPPING_FAULTS:
            self.outputs.drop()
        self._report_due = self._report_due or changed

    # --- the session ---

    def _hello(self, frame: Frame, now_ms: int) -> bytes:
        hello = Hello.unpack(frame.payload)
        if frame.version == self.protocol and hello.session != self.session:
            self.outputs.drop()  # whoever turned it on is no more
            self.session = hello.session
            self._expected, self._results = 1, {}
            self._silent = False
            self._report_due = True
        if frame.version == self.protocol:
            self._note_life(now_ms)
        welcome = Welcome(
            session=hello.session,
            model=self.equipment.model,
            firmware=self._firmware,
            boot=self._boots,
            cause=self._cause,
        )
        return self._line(Type.WELCOME, 0, welcome.pack())

    def _heartbeat(self, heartbeat: Heartbeat, now_ms: int) -> None:
        if heartbeat.session == self.session:
            self._note_life(now_ms)
        else:
            self._report_due = True  # it tells which session there is: none, or another

    def _bye(self, bye: Bye) -> None:
        if bye.session == self.session:
            self.outputs.drop()
            self.session = 0
            self._report_due = True

    def _note_life(self, now_ms: int) -> None:
        self._alive_ms = now_ms
        self._silent = False

    def _trip(self, now_ms: int) -> None:
        self._silent = True
        self.outputs.drop()
        silence_ms = now_ms - self._alive_ms
        self._latched = self.events.note(EventKind.DEAD_MAN, 0, silence_ms, now_ms, urgent=True)
        self._report_due = True

    # --- requests: in order, each once ---

    def _request(self, frame: Frame, now_ms: int) -> bytes:
        if not self.session:
            return self._ack(frame, Result.NO_SESSION)
        self._note_life(now_ms)
        ahead = (frame.sequence - self._expected) & 0xFFFF
        if ahead == 0:
            result, data = self._execute(frame, now_ms)
            self._expected = (self._expected + 1) & 0xFFFF
            self._results[frame.sequence] = (frame.type, result)
            self._results.pop((frame.sequence - REMEMBERED) & 0xFFFF, None)
            return self._ack(frame, result, data)
        known = self._results.get(frame.sequence)
        if known is not None and known[0] == frame.type:
            self._repeats = min(self._repeats + 1, 0xFFFF)
            result, data = known[1], b""
            if frame.type in _READS and result is Result.OK:
                result, data = self._execute(frame, now_ms)  # reading twice does no harm
            return self._ack(frame, result, data)
        return self._ack(frame, Result.OUT_OF_ORDER, self._expected.to_bytes(2, "little"))

    def _execute(self, frame: Frame, now_ms: int) -> _Answer:
        try:
            return self._do(frame, now_ms)
        except BadPayloadError:
            return Result.BAD_PAYLOAD, b""

    def _do(self, frame: Frame, now_ms: int) -> _Answer:
        match frame.type:
            case Type.PING:
                Ping.unpack(frame.payload)
                return Result.OK, b""
            case Type.SET:
                wishes = Set.unpack(frame.payload).outputs
                result = self.outputs.set(wishes, self._kept_off(), now_ms)
            case Type.POINT:
                wish = Point.unpack(frame.payload)
                result = self.outputs.point(wish, self._kept_off(), now_ms)
            case Type.DESCRIBE:
                told = self.equipment.describe(Describe.unpack(frame.payload), self._firmware)
                return (Result.NO_SUCH, b"") if told is None else (Result.OK, told)
            case Type.EVENT_READ:
                event = self.events.first_from(EventRead.unpack(frame.payload).number)
                return (Result.NO_SUCH, b"") if event is None else (Result.OK, event.pack())
            case Type.EVENT_CLEAR:
                self._clear(EventClear.unpack(frame.payload).number)
                return Result.OK, b""
            case _:
                return Result.UNKNOWN_TYPE, b""
        self._report_due |= result is Result.OK
        return result, b""

    def _kept_off(self) -> Result:
        if self._latched:
            return Result.DEAD_MAN
        for number, each in enumerate(self.equipment.inputs):
            if each.kind == InputKind.EMERGENCY_STOP and self.inputs >> number & 1:
                return Result.STOPPED
        return Result.FAULT if self.faults & STOPPING_FAULTS else Result.OK

    def _clear(self, up_to: int) -> None:
        self.events.clear(up_to)
        if self._latched and self._latched <= up_to:
            self._latched = 0
        self._report_due = True

    # --- what it says ---

    def _ack(self, frame: Frame, result: Result, data: bytes = b"") -> bytes:
        return self._line(Type.ACK, frame.sequence, Ack(frame.type, result, data).pack())

    def _report(self, now_ms: int) -> bytes:
        if self._reported_ms is not None:
            since_ms = now_ms - self._reported_ms
            due = self._report_due and since_ms >= REPORT_GAP_MS
            if not due and not (self.session and since_ms >= REPORT_MS):
                return b""
        elif not (self._report_due or self.session):
            return b""
        self._report_due, self._reported_ms = False, now_ms
        self._report_sequence = (self._report_sequence + 1) & 0xFFFF
        report = Report(
            session=self.session,
            uptime_ms=now_ms,
            dead_man=self._latched != 0,
            faults=self.faults,
            supply_mv=self.supply_mv,
            supply_ma=self.supply_ma,
            inputs=self.inputs,
            first_event=self.events.first,
            last_event=self.events.last,
            events_lost=self.events.lost,
            frames_in=self._frames_in,
            bad_in=min(self.bad_in(), 0xFFFF),
            repeats=self._repeats,
            temperatures=tuple(self.temperatures),
            channels=self.outputs.states(now_ms),
            pointings=self.outputs.pointings(),
        )
        return self._line(Type.REPORT, self._report_sequence, report.pack())

    def _line(self, kind: Type, sequence: int, payload: bytes) -> bytes:
        return encode(Frame(kind, sequence, payload, self.protocol))

    def _ms(self, now_s: float) -> int:
        return int(1000 * (now_s - self._started_s) + 1e-6) & 0xFFFFFFFF


_READS = (Type.PING, Type.DESCRIBE, Type.EVENT_READ)
