"""A car over its CAN bus: asked by OBD-II (ISO 15765-4), and listened to by a table of signals.

Nothing is ever written to the bus but OBD requests and the flow control of their answers, and that
neither when `obd: false` nor while a signal says that the ignition is off.
"""

from collections import Counter, deque
from dataclasses import dataclass
from typing import Self

from config.cars import CanPlatformConfig
from drivers.base import ACTIVE_READ_S, BadDataError
from drivers.clock import Clock
from drivers.platforms.cars.can_bus import CanBus, CanFrame
from drivers.platforms.cars.can_faults import BusState
from drivers.platforms.cars.can_signals import Signals
from drivers.platforms.cars.car import Car
from drivers.platforms.cars.isotp import (
    CONSECUTIVE_WITHIN_S,
    CONTINUE_TO_SEND,
    Reassembly,
    single_frame,
)
from drivers.platforms.cars.obd import Query, RefusedError, not_supported, read_answer
from drivers.platforms.cars.polling import Polling
from drivers.platforms.orders import PlatformOrder, PlatformSample
from drivers.samples import Done

ANSWER_WITHIN_S = 0.25  # ISO 15765-4 gives 50 ms (P2CAN); gateways and USB adapters take more
PENDING_WITHIN_S = 5.0  # P2*CAN, after "response pending"
AWAKE_S = 1.0  # a bus with frames on it
FRAMES_A_READ = 200  # then whoever asks is heard
NOT_TAKEN = "a car takes no orders from its passengers"


@dataclass(frozen=True, slots=True)
class _Addresses:
    """Of OBD-II with ids of one length (ISO 15765-4, tables 3 to 5)."""

    functional: int
    answers: int
    mask: int
    extended: bool

    def is_answer(self, frame: CanFrame) -> bool:
        return frame.extended == self.extended and frame.id & self.mask == self.answers

    def flow_control(self, sender: int) -> int:
        if self.extended:
            return 0x18DA_00F1 | (sender & 0xFF) << 8
        return sender - 8


SHORT = _Addresses(0x7DF, 0x7E8, 0x7F8, extended=False)
LONG = _Addresses(0x18DB_33F1, 0x18DA_F100, 0x1FFF_FF00, extended=True)
_ADDRESSES = {"auto": (SHORT, LONG), "11": (SHORT,), "29": (LONG,)}


class CanCar:
    """One car on one bus. One thread."""

    def __init__(self, name: str, bus: CanBus, config: CanPlatformConfig, clock: Clock) -> None:
        self._bus = bus
        self._config = config
        self._clock = clock
        self._car = Car(name)
        self._state = BusState()
        self._signals = Signals(config.signals)
        self._polling = Polling()
        self._reassembly = Reassembly()
        self._ways = deque(_ADDRESSES[config.obd_ids])
        self._asked: tuple[Query, float] | None = None  # and until when an answer may come
        self._lists: dict[str, int] = {}  # what all control units together list
        self._counts: Counter[str] = Counter()
        self._heard_s = clock.mono_s()
        self._waiting: deque[PlatformSample | Done] = deque()
        self._off = False  # a signal says so

    @classmethod
    def open(cls, name: str, config: CanPlatformConfig, clock: Clock) -> Self:
        """Raises DeviceUnavailableError, with the cure."""
        wanted = [
            (frame_id, 0x1FFF_FFFF if extended else 0x7FF, extended)
            for frame_id, extended in Signals(config.signals).frames()
        ]
        if config.obd:
            wanted += [(way.answers, way.mask, way.extended) for way in _ADDRESSES[config.obd_ids]]
        return cls(name, CanBus.open(config, wanted), config, clock)

    # --- what a driver does ---

    def read(self) -> PlatformSample | Done | None:
        if self._waiting:
            return self._waiting.popleft()
        now_s = self._clock.mono_s()
        self._ask_what_is_due(now_s)
        wait_s = ACTIVE_READ_S
        for _ in range(FRAMES_A_READ):
            frame = self._bus.receive(wait_s)
            if frame is None:
                break
            wait_s = 0.0
            self._take(frame, self._clock.mono_s())
        self._judge(self._clock.mono_s())
        self._waiting += self._car.due(self._clock.mono_s())
        return self._waiting.popleft() if self._waiting else None

    def ask(self, token: int, request: PlatformOrder) -> None:  # noqa: ARG002 - of any kind
        self._waiting.append(Done(token=token, ok=False, text=NOT_TAKEN))

    def close(self) -> None:
        self._bus.close()

    def counters(self) -> dict[str, int]:
        drops = self._counts + self._reassembly.drops + self._state.counts
        drops["implausible"] += self._car.implausible
        drops["signal_too_short"] += self._signals.too_short
        return dict(drops)

    # --- asking ---

    def _ask_what_is_due(self, now_s: float) -> None:
        self._reassembly.expire(now_s)
        if self._asked is not None and now_s >= self._asked[1]:
            self._counts["no_answer"] += 1
            self._polling.missed(self._asked[0], now_s)
            self._asked = None
            if not self._polling.answering:
                self._ways.rotate()  # perhaps its ids are of the other length
        if self._asked is not None or self._off or not self._config.obd or self._state.bus_off:
            return
        self._drop_what_it_lacks()
        query = self._polling.next(now_s, awake=now_s - self._heard_s < AWAKE_S)
        if query is None:
            return
        way = self._ways[0]
        if not self._bus.send(way.functional, single_frame(query.request), extended=way.extended):
            self._counts["not_sent"] += 1
        self._asked = query, now_s + ANSWER_WITHIN_S

    def _drop_what_it_lacks(self) -> None:
        self._polling.drop(not_supported({name: float(bits) for name, bits in self._lists.items()}))
        self._lists = {}

    # --- listening ---

    def _take(self, frame: CanFrame, now_s: float) -> None:
        if frame.error:
            self._state.error(frame.id, frame.data, now_s)
            return
        self._counts["frames"] += 1
        self._state.good(now_s)
        facts = self._signals.read(frame.id, frame.data, extended=frame.extended)
        if facts:
            self._heard_s = now_s
            self._car.note(facts, now_s)
        if "ignition" in facts:
            self._off = not facts["ignition"]
        for way in self._ways if self._config.obd else ():
            if way.is_answer(frame):
                self._heard_s = now_s
                self._take_answer(way, frame, now_s)

    def _take_answer(self, way: _Addresses, frame: CanFrame, now_s: float) -> None:
        try:
            payload, go_on = self._reassembly.feed(frame.id, frame.data, now_s)
            if go_on and self._config.obd and self._asked is not None:
                self._bus.send(way.flow_control(frame.id), CONTINUE_TO_SEND, extended=way.extended)
                self._asked = self._asked[0], now_s + CONSECUTIVE_WITHIN_S
            if payload is not None:
                self._take_payload(payload, way, now_s)
        except RefusedError as error:
            self._refused(error, now_s)
        except BadDataError:
            self._counts["bad_answer"] += 1

    def _take_payload(self, payload: bytes, way: _Addresses, now_s: float) -> None:
        facts = read_answer(payload)
        for name, fact in facts.items():
            if name.startswith("supported.") and isinstance(fact, float):
                self._lists[name] = self._lists.get(name, 0) | int(fact)
        self._car.note(facts, now_s)
        if self._asked is not None and _answers(payload, self._asked[0]):
            while self._ways[0] is not way:
                self._ways.rotate()
            self._polling.answered(self._asked[0], now_s)
            self._asked = None

    def _refused(self, error: RefusedError, now_s: float) -> None:
        if self._asked is None:
            return
        if error.later:
            self._asked = self._asked[0], now_s + PENDING_WITHIN_S
        else:
            self._polling.refused(self._asked[0], now_s)
            self._asked = None

    # --- judging ---

    def _judge(self, now_s: float) -> None:
        """What is wrong with the bus, and what follows for the ignition.

        A signal says it, and where the bus falls silent after it said `off`, that is a car that
        sleeps. Without one, a car that answers is on, and of one that does not nothing is known.
        """
        troubles = self._state.troubles(now_s)
        silent = now_s - self._heard_s > self._config.silent_after_s
        if "ignition" in self._config.signals:
            stale = self._car.number("ignition", now_s) is None
            if not self._off and (silent or stale):
                self._car.set_ignition(None)
        else:
            self._car.set_ignition(True if self._polling.answering and not silent else None)
        if silent and not self._off and not troubles:
            troubles.add("can_silent")
        elif self._config.obd and self._polling.away and not self._off and not troubles:
            troubles.add("obd_no_answer")
        self._car.trouble(troubles)


def _answers(payload: bytes, query: Query) -> bool:
    return payload[:2] == bytes((query.service + 0x40, query.pid))
