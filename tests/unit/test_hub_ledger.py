"""The reference hub's judgement, without a broker."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from telemetry.contract.envelope import Draft, Sender, body_of, seal
from telemetry.contract.registry import BY_TYPE
from telemetry.contract.tasks import DutyEvent
from telemetry.contract.unit import Position, State, Status
from telemetry.contract.up_message import UpMessage
from telemetry.contract.uuid7 import uuid7
from telemetry.contract_docs.examples import up_examples
from telemetry.hub.ledger import Arrival, HubLedger, UnitView
from telemetry.hub.sequences import SequenceSet

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ROOT = "patrol/v1"


def message(
    data: UpMessage, sequence: int | None, *, unit: str = "dog-1", boot: str = "b1", **more: Any
) -> bytes:
    time = more.get("time", NOW)
    body = body_of(Sender(unit=unit, boot_id=boot), Draft.of(data, time, "ntp"), uuid7(NOW))
    return seal(body, sequence, historical=more.get("historical", False), sent=NOW)


def position(lat_deg: float = 1.0) -> Position:
    return Position(lat_deg=lat_deg, lon_deg=2, source="gnss", fix="3d")


def status(state: Any, session: int) -> Status:
    return Status(state=state, session=session, unit_kind="drone", software="test")


class Hub:
    def __init__(self) -> None:
        self.ledger = HubLedger(ROOT)

    def hear(self, payload: bytes, leaf: str = "position", unit: str = "dog-1") -> Arrival:
        return self.ledger.receive(f"{ROOT}/{unit}/{leaf}", payload)

    @property
    def view(self) -> UnitView:
        return self.ledger.views()[0]


def test_a_retry_is_a_duplicate_and_is_acknowledged_again() -> None:
    hub, payload = Hub(), message(position(), 5)

    first, second = hub.hear(payload), hub.hear(payload)

    assert (first.verdict, second.verdict) == ("accepted", "duplicate")
    assert first.to_acknowledge
    assert second.to_acknowledge
    assert (hub.view.accepted, hub.view.duplicates) == (1, 1)


def test_what_is_told_once_more_after_a_crash_is_a_repeat() -> None:
    """HC-135."""
    hub, event = Hub(), DutyEvent(duty="standby", previous="on_patrol", cause="local")
    body = body_of(Sender(unit="dog-1", boot_id="b1"), Draft.of(event, NOW, "ntp"), uuid7(NOW))
    first, second, third = (
        hub.hear(seal(body, sequence, historical=False, sent=NOW), "event")
        for sequence in (7, 8, 7)
    )

    assert [first.verdict, second.verdict, third.verdict] == ["accepted", "duplicate", "duplicate"]
    assert second.to_acknowledge
    assert (hub.view.types[event.TYPE], hub.view.missing, hub.view.renumbered) == (1, 0, 0)
    assert hub.hear(message(position(), 9)).verdict == "accepted"


def test_gaps_are_seen_and_closed() -> None:
    hub = Hub()
    for sequence in (10, 11, 15, 20):
        hub.hear(message(position(), sequence))
    assert (hub.view.missing, hub.view.gaps) == (7, ((12, 14), (16, 19)))

    for sequence in (12, 13, 14, 16, 17, 18, 19):
        hub.hear(message(position(), sequence))
    assert (hub.view.missing, hub.view.last_sequence) == (0, 20)


def test_a_unit_that_lost_its_numbering_is_not_taken_for_a_repeater() -> None:
    hub = Hub()
    for sequence in (1, 2, 3):
        hub.hear(message(position(), sequence))

    again = hub.hear(message(position(), 1))

    assert again.verdict == "accepted"
    assert hub.view.renumbered == 1


def test_the_late_will_of_a_replaced_session_is_ignored() -> None:
    hub = Hub()
    hub.hear(message(status("online", 1), None, boot="b1"), "status")
    hub.hear(message(status("online", 2), None, boot="b1"), "status")

    late = hub.hear(message(status("offline", 1), None, boot="b1"), "status")
    other_boot = hub.hear(message(status("offline", 2), None, boot="b0"), "status")
    assert (late.verdict, other_boot.verdict, hub.view.status) == ("late_will",) * 2 + ("online",)

    assert hub.hear(message(status("offline", 2), None), "status").verdict == "accepted"
    assert hub.view.status == "offline"


def test_the_backlog_does_not_move_the_unit_back() -> None:
    hub = Hub()
    hub.hear(message(position(9.0), 2))
    hub.hear(message(position(1.0), 1, time=NOW - timedelta(hours=1), historical=True))

    assert hub.view.position is not None
    assert hub.view.position.lat_deg == 9.0
    assert hub.view.historical == 1


def test_what_is_wrong_is_said_and_not_acknowledged() -> None:
    hub, good = Hub(), message(position(), 1)
    cases = {
        "source says": hub.hear(good, unit="cat-1"),
        "does not belong on": hub.hear(good, "health"),
        "no sequence": hub.hear(message(position(), None)),
        "not_an_envelope": hub.hear(b"\x00garbage"),
        "invalid: data.lat_deg": hub.hear(good.replace(b'"lat_deg":1.0', b'"lat_deg":100')),
        "no unit may publish here": hub.ledger.receive(f"{ROOT}/hub/state", b"{}"),
    }
    for reason, arrival in cases.items():
        assert arrival.verdict == "invalid"
        assert reason in arrival.reason
        assert not arrival.to_acknowledge


def test_what_a_sender_writes_is_no_cause() -> None:
    """Causes are counted: a stranger must not be able to make up more of them."""
    hub = Hub()
    arrivals = [hub.hear(message(position(), 1), unit=f"cat-{n}") for n in range(9)]
    arrivals += [
        hub.hear(message(position(), n).replace(b'"lat_deg"', b'"%d"' % n)) for n in range(9)
    ]
    arrivals += [
        hub.hear(message(position(), n), leaf) for n, leaf in ((1, "health"), (2, "event"))
    ]

    assert {arrival.cause for arrival in arrivals} == {"wrong unit", "invalid", "wrong topic"}
    assert hub.hear(message(position(), 30)).cause == ""


def test_what_lay_at_the_broker_is_shown_and_makes_no_gap() -> None:
    hub = Hub()
    old = message(State(unit_kind="drone", duty="standby"), 10)
    arrival = hub.ledger.receive(f"{ROOT}/dog-1/state", old, retained=True)
    hub.hear(message(position(), 50))

    assert arrival.verdict == "retained"
    assert not arrival.to_acknowledge
    assert (hub.view.missing, hub.view.duty) == (0, "standby")
    assert hub.hear(old, "state").verdict == "accepted", "the unit had it still"
    assert hub.ledger.receive(f"{ROOT}/dog-1/state", old, retained=True).verdict == "duplicate"


def test_tasks_duty_and_calls_for_help_are_followed() -> None:
    hub, number = Hub(), iter(range(1, 99))

    def say(name: str) -> None:
        data = BY_TYPE[json.loads(up_examples()[name])["type"]].model_validate_json(
            json.dumps(json.loads(up_examples()[name])["data"])
        )
        hub.hear(message(data, next(number)), "event")

    for name in ("event.task", "event.duty", "event.sos"):
        say(name)
    assert [task.state for task in hub.view.tasks.values()] == ["arrived"]
    assert (hub.view.duty, len(hub.view.calls)) == ("dispatched", 1)

    call = next(iter(hub.view.calls.values()))
    task = next(iter(hub.view.tasks.values()))
    over = call.model_copy(update={"phase": "end", "ended_by": "crew", "track": ()})
    hub.hear(message(over, next(number)), "event")
    hub.hear(message(task.model_copy(update={"state": "closed"}), next(number)), "event")
    assert (hub.view.tasks, hub.view.calls) == ({}, {})


def test_an_older_duty_from_the_backlog_changes_nothing() -> None:
    hub = Hub()
    hub.hear(message(DutyEvent(duty="on_scene", previous="en_route", cause="task"), 2), "event")
    old = DutyEvent(duty="off_duty", previous="on_patrol", cause="local")
    hub.hear(message(old, 1, time=NOW - timedelta(hours=1), historical=True), "event")

    assert hub.view.duty == "on_scene"


def test_everything_from_the_first_message_on_is_known_to_be_here_or_not() -> None:
    hub = Hub()
    hub.hear(message(position(), 5))
    assert hub.ledger.whole_up_to("dog-1") is None
    for number in (1, 2, 3):
        hub.hear(message(position(), number))
    assert hub.ledger.whole_up_to("dog-1") == 3
    assert hub.ledger.whole_up_to("cat-1") is None


def test_a_message_of_a_later_version_is_kept_and_acknowledged() -> None:
    arrival = Hub().hear(message(position(), 1).replace(b"position.v1", b"position.v9"))

    assert arrival.verdict == "accepted"
    assert arrival.to_acknowledge


@given(st.binary(max_size=200), st.sampled_from(["position", "status", "snapshot/x", "event"]))
def test_the_hub_survives_any_bytes(payload: bytes, leaf: str) -> None:
    assert Hub().hear(payload, leaf).verdict in {"accepted", "invalid"}


@given(st.data())
def test_the_hub_survives_any_change_of_a_good_message(data: st.DataObject) -> None:
    message_dict = json.loads(message(position(), 1))
    key = data.draw(st.sampled_from(sorted(message_dict)))
    value = data.draw(st.none() | st.integers() | st.text() | st.lists(st.integers()))
    message_dict[key] = value

    arrival = Hub().hear(json.dumps(message_dict).encode())

    assert arrival.verdict in {"accepted", "invalid"}


@given(st.lists(st.integers(0, 60)))
def test_the_set_of_sequences_is_a_set(numbers: list[int]) -> None:
    ours, plain = SequenceSet(), set[int]()
    for number in numbers:
        assert ours.add(number) == (number not in plain)
        plain.add(number)

    assert all((number in ours) == (number in plain) for number in range(-1, 62))
    if plain:
        whole = set(range(min(plain), max(plain) + 1))
        assert ours.missing == len(whole - plain)
        gaps = {n for low, high in ours.gaps(100) for n in range(low, high + 1)}
        assert gaps == whole - plain
