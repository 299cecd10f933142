"""The window against the board's rules: in order, each once, whatever the line loses."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.runtime.frames import Frame, encode
from firmware_bridge.runtime.reports import Ack, Report
from firmware_bridge.runtime.requests import Describe, Hello, Output, Ping, Set
from firmware_bridge.runtime.splitter import Splitter
from firmware_bridge.runtime.vocabulary import Result, Type
from firmware_bridge.runtime.window import GIVE_UP_S, RESEND_S, Answer, Window
from firmware_bridge.simulated.equipment import PAYLOAD
from firmware_bridge.simulated.firmware import SimulatedFirmware
from firmware_bridge.simulated.line import Line, Noise


def welcomed() -> SimulatedFirmware:
    firmware = SimulatedFirmware(PAYLOAD)
    firmware.frame(Frame(Type.HELLO, 0, Hello(7, 100).pack()), 0.0)
    return firmware


class Lossy:
    """A window and a board on a line that hurts bytes, by a clock of its own."""

    def __init__(self, noise: Noise, seed: int) -> None:
        self.window, self.board = Window(), welcomed()
        self.there, self.back = Line(115_200, noise, seed), Line(115_200, noise, seed + 1)
        self._at_board, self._at_host = Splitter(), Splitter()
        self.now_s = 0.0
        self.answers: list[Answer] = []

    def step(self) -> None:
        self.now_s += 0.002
        self.there.put(self.window.due(self.now_s), self.now_s)
        for item in self._at_board.feed(self.there.take(self.now_s)):
            if isinstance(item, Frame):
                self.back.put(self.board.frame(item, self.now_s), self.now_s)
        self.back.put(self.board.tick(self.now_s), self.now_s)
        for item in self._at_host.feed(self.back.take(self.now_s)):
            if isinstance(item, Frame) and item.type == Type.ACK:
                ack = Ack.unpack(item.payload)
                answer, again = self.window.note(item.sequence, ack, self.now_s)
                self.there.put(again, self.now_s)
                self.answers += [] if answer is None else [answer]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 0.01), st.floats(0, 0.01))
def test_each_request_is_done_once_and_in_order(seed: int, flipped: float, dropped: float) -> None:
    line = Lossy(Noise(flipped=flipped, dropped=dropped), seed)
    done: list[int] = []
    do = line.board.outputs.set

    def noted(wishes: tuple[Output, ...], kept_off: Result, now_ms: int) -> Result:
        done.append(wishes[0].for_ms)
        return do(wishes, kept_off, now_ms)

    line.board.outputs.set = noted  # type: ignore[method-assign]
    for number in range(100):
        wish = Output(channel=1, on=True, for_ms=1000 + number)
        line.window.put(Type.SET, Set((wish,)).pack(), number)
    while len(line.answers) < 100:
        line.step()
        assert not line.window.is_stuck(line.now_s)
    assert [answer.tag for answer in line.answers] == list(range(100))
    assert {answer.result for answer in line.answers} == {Result.OK}
    assert done == [1000 + number for number in range(100)]


def test_the_sequence_goes_around() -> None:
    line = Lossy(Noise(flipped=0.002), 5)
    line.window._next = line.board._expected = 0xFFFD
    for number in range(20):
        line.window.put(Type.PING, b"", number)
    while len(line.answers) < 20:
        line.step()
    assert {answer.result for answer in line.answers} == {Result.OK}


def test_a_lost_answer_is_asked_for_and_nothing_is_done_twice() -> None:
    window, board = Window(), welcomed()
    window.put(Type.SET, Set((Output(channel=1, on=True),)).pack(), "light")
    (frame,) = Splitter().feed(window.due(0.0))
    assert isinstance(frame, Frame)
    board.frame(frame, 0.0)  # the answer is lost
    assert window.due(RESEND_S - 0.001) == b""
    (again,) = Splitter().feed(window.due(RESEND_S))
    assert again == frame
    (answer,) = Splitter().feed(board.frame(frame, 0.1))
    assert isinstance(answer, Frame)
    assert Ack.unpack(answer.payload).result == Result.OK
    assert board.outputs.executed == 1


def test_what_is_never_answered_is_given_up_and_named() -> None:
    window = Window()
    window.put(Type.PING, b"", "a")
    window.due(10.0)
    assert not window.is_stuck(10.0 + GIVE_UP_S)
    assert window.is_stuck(10.1 + GIVE_UP_S)
    window.put(Type.PING, b"", "b")
    assert window.give_up() == ["a", "b"]
    assert window.next_s() is None


def test_an_answer_to_nothing_is_counted() -> None:
    window = Window()
    assert window.note(9, Ack(Type.PING, Result.OK), 0.0) == (None, b"")
    assert window.strays == 1


def test_a_gap_is_told_with_the_sequence_that_is_missing() -> None:
    (told,) = Splitter().feed(welcomed().frame(Frame(Type.PING, 3), 0.0))
    assert isinstance(told, Frame)
    ack = Ack.unpack(told.payload)
    assert (ack.result, ack.data) == (Result.OUT_OF_ORDER, b"\x01\x00")


# --- the board's rules -----------------------------------------------------------------------


class Host:
    """Says one thing after the other to a board, and keeps what it answers."""

    def __init__(self) -> None:
        self.board = welcomed()
        self._sequence = 0

    def ask(self, message: Ping | Set | Describe, now_s: float) -> int:
        self._sequence += 1
        frame = Frame(message.TYPE, self._sequence, message.pack())
        (told,) = Splitter().feed(self.board.frame(frame, now_s))
        assert isinstance(told, Frame)
        return Ack.unpack(told.payload).result

    def siren(self, now_s: float, *, on: bool = True) -> int:
        return self.ask(Set((Output(channel=2, on=on, pattern=4),)), now_s)

    def report(self, now_s: float) -> Report:
        reports = [
            Report.unpack(item.payload)
            for item in Splitter().feed(self.board.tick(now_s))
            if isinstance(item, Frame)
        ]
        return reports[-1]

    @property
    def on(self) -> set[str]:
        return {name for name, one in self.board.outputs.snapshot().items() if one["on"]}


def test_silence_turns_off_what_has_a_dead_man_switch_and_nothing_comes_back_by_itself() -> None:
    from firmware_bridge.runtime.requests import EventClear, EventRead

    host = Host()
    assert host.siren(0.0) == Result.OK
    host.ask(Set((Output(channel=1, on=True),)), 0.0)
    host.board.tick(0.399)
    assert host.on == {"siren", "beacon"}
    report = host.report(0.45)
    assert host.on == {"beacon"}
    assert report.dead_man
    assert report.last_event == report.first_event == 1
    assert host.siren(0.5) == Result.DEAD_MAN  # it is back, and has not seen what happened
    assert host.siren(0.5, on=False) == Result.OK
    assert host.ask(EventRead(1), 0.5) == Result.OK  # type: ignore[arg-type]
    assert host.siren(0.5) == Result.DEAD_MAN
    assert host.ask(EventClear(1), 0.5) == Result.OK  # type: ignore[arg-type]
    assert host.on == {"beacon"}
    assert host.siren(0.5) == Result.OK
    assert not host.report(0.6).dead_man


def test_a_new_host_finds_all_off() -> None:
    host = Host()
    host.siren(0.0)
    host.board.frame(Frame(Type.HELLO, 0, Hello(7, 100).pack()), 0.1)
    assert host.on == {"siren"}  # the same one said it twice
    host.board.frame(Frame(Type.HELLO, 0, Hello(8, 100).pack()), 0.1)
    assert host.on == set()


def test_the_emergency_stop_keeps_off_what_moves_and_howls() -> None:
    host = Host()
    host.siren(0.0)
    host.board.press(1, 0.1, pressed=True)
    assert host.on == set()
    assert host.siren(0.1) == Result.STOPPED
    host.board.press(1, 0.2, pressed=False)
    assert host.on == set()
    assert host.siren(0.2) == Result.OK


def test_a_channel_goes_off_when_its_time_is_up() -> None:
    host = Host()
    host.ask(Set((Output(channel=1, on=True, for_ms=100),)), 0.0)
    host.ask(Set((Output(channel=3, on=True),)), 0.0)
    host.board.tick(0.099)
    assert host.on == {"beacon", "record_lamp"}
    host.board.tick(0.1)
    assert host.on == {"record_lamp"}


@pytest.mark.parametrize(
    ("wish", "result"),
    [
        (Output(channel=9, on=True), Result.NO_SUCH),
        (Output(channel=1, on=True, level=1001), Result.BAD_VALUE),
        (Output(channel=1, on=True, pattern=4), Result.BAD_VALUE),
        (Output(channel=1, on=True, pattern=200), Result.BAD_VALUE),
        (Output(channel=5, on=True), Result.BAD_VALUE),
    ],
    ids=range(5),
)
def test_of_several_wishes_all_are_done_or_none(wish: Output, result: Result) -> None:
    host = Host()
    assert host.ask(Set((Output(channel=3, on=True), wish)), 0.0) == result
    assert host.on == set()


def test_buttons_are_told_until_they_are_cleared_and_sos_always_has_room() -> None:
    host = Host()
    for _ in range(20):
        host.board.press(2, 0.1, pressed=True)
        host.board.press(2, 0.1, pressed=False)
    host.board.press(0, 0.2, pressed=True)
    held = host.board.events.held
    assert len(held) == 13
    assert held[-1].subject == 0
    assert host.board.events.lost == 28
    assert host.report(0.3).events_lost == 28


def test_the_same_script_gives_the_same_bytes() -> None:
    dice = random.Random(3)
    script = [encode(Frame(dice.randrange(256), dice.randrange(4), b"")) for _ in range(50)]

    def run() -> bytes:
        board, splitter, told = welcomed(), Splitter(), b""
        for number, line in enumerate(script):
            for item in splitter.feed(line):
                if isinstance(item, Frame):
                    told += board.frame(item, number / 100)
            told += board.tick(number / 100)
        return told

    assert run() == run() != b""
