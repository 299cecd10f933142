"""A simulated unit's queue against a model, its answers to commands, its file of numbers."""

import base64
import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.fleet.delivery import HUB_WINDOW, KEPT_PRIORITY, MOST_WAITING, WINDOW, Delivery, Item
from edge.fleet.figures import Waits
from edge.fleet.numbers import NumbersError, read_numbers, write_numbers
from edge.fleet.orders import UnreadableCommandError, answer, read_command
from telemetry.contract.uuid7 import uuid7

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def item(sequence: int, priority: int = 3) -> Item:
    return Item(sequence, "position", priority, f"id-{sequence}", b"")


def taken(delivery: Delivery, now_s: float = 0.0) -> list[Item]:
    """Everything that may be sent now, sent."""
    found: list[Item] = []
    while (each := delivery.take(now_s)) is not None:
        delivery.sent(each, 1000 * len(found) + each.sequence, now_s)
        found.append(each)
    return found


def test_live_before_backlog_and_each_by_priority() -> None:
    delivery = Delivery("hub", 30)
    for sequence, priority in ((1, 3), (2, 0), (3, 3)):
        delivery.put(item(sequence, priority))
    delivery.new_link()
    for sequence, priority in ((4, 4), (5, 1)):
        delivery.put(item(sequence, priority))

    sent = taken(delivery)
    assert [each.sequence for each in sent] == [5, 4, 2, 1, 3]
    assert [each.historical for each in sent] == [False, False, True, True, True]


def test_the_window_is_kept() -> None:
    delivery = Delivery("hub", 30)
    for sequence in range(1, 100):
        delivery.put(item(sequence))

    assert len(taken(delivery)) == WINDOW


def test_the_hubs_window_is_kept_too() -> None:
    delivery = Delivery("hub", 30)
    for sequence in range(1, HUB_WINDOW + 100):
        delivery.put(item(sequence))
    count = 0
    while sent := taken(delivery):
        count += len(sent)
        for each in sent:
            assert each.token is not None
            delivery.broker_has(each.token, 0.0)

    assert count == HUB_WINDOW


def test_what_the_hub_does_not_acknowledge_comes_again() -> None:
    delivery = Delivery("hub", 30)
    delivery.put(item(1))
    (sent,) = taken(delivery)
    assert sent.token is not None
    delivery.broker_has(sent.token, 1.0)

    assert taken(delivery, 30.9) == []
    assert taken(delivery, 31.1) == [sent]
    assert delivery.hub_has(["id-1"], None) == [sent]
    assert delivery.hub_has(["id-1"], None) == []
    assert taken(delivery, 999) == []


def test_a_new_hub_hears_again_what_the_old_one_did_not_acknowledge() -> None:
    delivery = Delivery("hub", 1e9)
    for sequence in range(1, HUB_WINDOW + 100):
        delivery.put(item(sequence))
    first = [each for _ in range(HUB_WINDOW // WINDOW) for each in settled(delivery)]
    assert delivery.take(1e6) is None  # the hub's window is full
    delivery.hub_is_new()

    again = [each for _ in range(HUB_WINDOW // WINDOW) for each in settled(delivery)]
    assert again == first


def settled(delivery: Delivery) -> list[Item]:
    """A window full, sent and acknowledged by the broker."""
    sent = taken(delivery)
    for each in sent:
        assert each.token is not None
        delivery.broker_has(each.token, 0.0)
    return sent


def test_of_too_many_the_less_urgent_are_dropped() -> None:
    delivery = Delivery("hub", 30)
    for sequence in range(MOST_WAITING):
        assert delivery.put(item(sequence))
    assert not delivery.put(item(MOST_WAITING))
    assert delivery.put(item(MOST_WAITING + 1, KEPT_PRIORITY))


class World:
    """The broker and the hub around a queue, and what is still owed."""

    def __init__(self, ack: Literal["hub", "broker"]) -> None:
        self.ack = ack
        self.delivery = Delivery(ack, 5)
        self.owed: set[int] = set()
        self.sent: set[int] = set()
        self._wire: dict[int, int] = {}
        self._sequence = self._token = 0
        self._now_s = 0.0

    def step(self, name: str) -> None:
        self._now_s += 1.0
        getattr(self, name)()

    def put(self) -> None:
        self._sequence += 1
        self.owed.add(self._sequence)
        self.delivery.put(item(self._sequence, self._sequence % 5))

    def send(self) -> None:
        each = self.delivery.take(self._now_s)
        if each is not None:
            self._token += 1
            assert each.sequence not in self._wire.values(), "twice on the wire"
            self._wire[self._token] = each.sequence
            self.sent.add(each.sequence)
            self.delivery.sent(each, self._token, self._now_s)

    def puback(self) -> None:
        if self._wire:
            token = next(iter(self._wire))
            self.delivery.broker_has(token, self._now_s)
            number = self._wire.pop(token)
            if self.ack == "broker":
                self.owed.discard(number)

    def refuse(self) -> None:
        if self._wire:
            self.delivery.broker_refused(self._wire.popitem()[0], self._now_s)

    def ack_one(self) -> None:
        if self.sent:
            number = min(self.sent)
            self.delivery.hub_has([f"id-{number}"], None)
            self.sent.discard(number)
            self.owed.discard(number)

    def ack_all(self) -> None:
        if self.sent:
            newest = max(self.sent)
            self.delivery.hub_has([], newest)
            self.owed -= self.sent
            self.sent.clear()

    def cut(self) -> None:
        self._wire.clear()
        self.delivery.new_link()

    def new_hub(self) -> None:
        self.delivery.hub_is_new()


STEPS = ["put", "send", "puback", "refuse", "ack_one", "ack_all", "cut", "new_hub"]


@settings(deadline=None)
@given(st.lists(st.sampled_from(STEPS), max_size=120), st.sampled_from(["hub", "broker"]))
def test_nothing_is_lost_whatever_happens(steps: list[str], ack: Literal["hub", "broker"]) -> None:
    world = World(ack)
    for step in [*steps, *["send", "puback"] * 400]:
        world.step(step)

    if ack == "broker":
        assert not world.owed
    assert world.owed <= world.sent  # what nobody acknowledged was sent, perhaps again and again
    world.ack_all()
    assert world.delivery.waiting == 0
    assert world.delivery.unacked == len(world.owed) == 0


# --- commands ------------------------------------------------------------------------------------


def claims(**changes: object) -> bytes:
    content = {
        "id": uuid7(NOW),
        "name": "ping",
        "issuer": "test",
        "issued_at": "2026-11-26T11:59:59Z",
        "expires_at": "2026-11-26T12:00:30Z",
        "unit": "fleet-001",
    }
    return json.dumps(content | changes).encode()


def statuses(payload: bytes, now: datetime = NOW, *, retained: bool = False) -> list[str | None]:
    answered = answer(read_command(payload), "fleet-001", now, retained=retained)
    return [each.code or each.status for each in answered.replies]


def test_ping_succeeds_as_json_and_as_jws() -> None:
    middle = base64.urlsafe_b64encode(claims()).rstrip(b"=")

    assert statuses(claims()) == ["received", "accepted", "succeeded"]
    assert statuses(b"eyJ9." + middle + b".c2ln") == ["received", "accepted", "succeeded"]


def test_what_it_does_not_do_has_a_code() -> None:
    assert statuses(claims(name="siren")) == ["unsupported"]
    assert statuses(claims(name="no.such")) == ["unsupported"]
    assert statuses(claims(unit="other")) == ["wrong_unit"]
    assert statuses(claims(), retained=True) == ["retained"]
    assert statuses(claims(), NOW + timedelta(minutes=1)) == ["expired"]


@given(st.binary(max_size=300) | st.binary(max_size=90).map(lambda data: b"a." + data + b".c"))
def test_any_bytes_are_a_command_or_a_cause(payload: bytes) -> None:
    try:
        read_command(payload)
    except UnreadableCommandError as error:
        cause = str(error)
    else:
        cause = "none"
    assert cause in ("malformed", "too_large", "none")


def test_a_command_that_is_too_large_is_not_read() -> None:
    with pytest.raises(UnreadableCommandError, match="too_large"):
        read_command(b"{" + b" " * 70_000)


# --- figures and numbers ------------------------------------------------------------------------


@given(st.lists(st.floats(1e-4, 100), min_size=1, max_size=200), st.floats(0.01, 1.0))
def test_a_quantile_is_right_to_a_bucket(seconds: list[float], share: float) -> None:
    waits = Waits()
    for each in seconds:
        waits.add(each)
    exact_ms = sorted(seconds)[math.ceil(share * len(seconds)) - 1] * 1e3

    assert waits.quantile_ms(share) == pytest.approx(exact_ms, rel=0.03)


def test_no_waits_have_no_quantile() -> None:
    assert Waits().quantile_ms(0.5) is None


def test_numbers_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "numbers"
    assert read_numbers(path) == {}
    write_numbers(path, {"fleet-001": 7})

    assert read_numbers(path) == {"fleet-001": 7}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", "[]", '{"a": -1}', '{"a": true}', '{"a": "1"}', "[" * 99_999])
def test_numbers_that_are_none_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "numbers"
    path.write_text(text)
    with pytest.raises(NumbersError):
        read_numbers(path)
