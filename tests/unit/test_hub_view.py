"""What the hub shows on a terminal."""

import io
import json
from contextlib import redirect_stderr

import pytest
from rich.console import Console

from edge.cli.hub.hub_send import in_words as reply_in_words
from edge.cli.hub.hub_view import summary, table
from edge.hub import HubSnapshot
from edge.hub_words import as_json, body_words, flashed_words, in_words
from telemetry.contract.body import Actuator, Vehicle
from telemetry.contract.flash import Flashed, FlashedLane, FlashTrial
from telemetry.contract.replies import Reply
from telemetry.contract.unit import State
from telemetry.contract_docs.examples import up_examples
from telemetry.hub.ledger import HubLedger


def heard(*names: str) -> HubLedger:
    ledger = HubLedger("patrol/v1")
    for name in names:
        payload = up_examples()[name]
        leaf = json.loads(payload)["type"].split(".")[1]
        ledger.receive(f"patrol/v1/dog-07/{leaf}", payload)
    return ledger


def drawn(ledger: HubLedger, *, connected: bool = True, width: int = 160) -> str:
    snapshot = HubSnapshot(
        connected=connected,
        last_error=None if connected else "no answer",
        messages=3,
        refused=0,
        refusals={},
        units=ledger.views(),
        newest="dog-07: health #4",
        failure=None,
    )
    out = io.StringIO()
    Console(file=out, width=width).print(table(snapshot, width))
    return out.getvalue()


def test_the_table_shows_duty_task_and_faults() -> None:
    text = drawn(heard("status", "state", "position", "health", "event.task", "event.duty"))

    for word in (
        "dog-07",
        "online",
        "dispatched",
        "arrived, 12 m, 0 s",
        "54.17812",
        "camera_stalled",
    ):
        assert word in text, word
    assert "connected" in text


def test_the_worst_open_alert_is_shown_until_its_end() -> None:
    assert "online, orange (1)" in drawn(heard("status", "event.alert-new"))
    assert "orange" not in drawn(heard("status", "event.alert-new", "event.alert-end"))


@pytest.mark.parametrize("width", [40, 50, 89, 100, 120, 160, 400])
def test_however_narrow_who_calls_for_help_can_be_read(width: int) -> None:
    text = drawn(heard("status", "state", "position", "health", "event.sos"), width=width)
    assert "dog-07" in text
    assert "SOS (1)" in text


def test_a_call_for_help_is_the_first_thing_to_be_seen() -> None:
    text = drawn(heard("status", "event.sos"), connected=False)

    assert "SOS (1)" in text
    assert "not connected: no answer" in text


def test_an_empty_hub_has_a_table_too() -> None:
    assert "units heard" in drawn(HubLedger("patrol/v1"))


def test_the_summary_has_a_line_for_each_unit() -> None:
    ledger = heard("position", "health")
    out = io.StringIO()
    with redirect_stderr(out):
        summary(ledger.views(), 2, {"invalid": 1})

    assert "2 messages from 1 units" in out.getvalue()
    assert "dog-07: 2 accepted, 0 duplicates, 0 invalid, 1 missing" in out.getvalue()
    assert "refused 1: invalid" in out.getvalue()


def test_each_message_has_a_line_for_people_and_one_for_machines() -> None:
    ledger = HubLedger("patrol/v1")
    payload = up_examples()["event.sos"]
    arrival = ledger.receive("patrol/v1/dog-07/event", payload)
    picture = ledger.receive(
        "patrol/v1/dog-07/snapshot/019cc1b0-2200-7000-8000-000000000002", b"\xff\xd8\xff\xff\xd9"
    )

    assert in_words(arrival) == "dog-07: event.sos.v1 #4111"
    assert as_json(arrival)["message"] == json.loads(payload)
    assert in_words(picture) == "dog-07: snapshot, 5 bytes"
    assert as_json(picture)["size_bytes"] == 5


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "event.module",
            "dog-07: event.module.v1 #4145, camera front lost: no new picture for 4 s",
        ),
        (
            "event.body",
            "dog-07: event.body.v1 #4146, drone fence_breached: outside of its fence: it returns",
        ),
        ("event.body-mission", "dog-07: event.body.v1 #4147, drone mission_item 3/12"),
    ],
    ids=["module", "body", "mission"],
)
def test_what_befell_the_body_is_told_in_the_line(name: str, line: str) -> None:
    arrival = HubLedger("patrol/v1").receive("patrol/v1/dog-07/event", up_examples()[name])
    assert in_words(arrival) == line


def test_what_is_on_and_how_the_carrier_fares_is_shown() -> None:
    (view,) = heard("state").views()
    assert view.state is not None
    assert body_words(view.state) == "searchlight 50%; dog walk"
    assert "dog walk" in drawn(heard("state"), width=200)

    dog = Vehicle(
        name="dog", kind="robot", estop=True, mission_state="paused", mission_item=1,
        mission_items=3,
    )  # fmt: skip
    lamp = Actuator(name="bar", kind="beacon", on=True, level=1, by="emergency")
    stopped = view.state.model_copy(
        update={"vehicles": (dog,), "actuators": (lamp,), "stealth": True}
    )
    assert body_words(stopped) == "stealth; bar (emergency); dog mission paused 1/3 STOPPED"
    bare = view.state.model_copy(update={"vehicles": (), "actuators": ()})
    assert (body_words(bare), body_words(None)) == ("-", "-")


def test_what_strangers_write_moves_no_cursor() -> None:
    arrival = HubLedger("patrol/v1").receive("patrol/v1/x\x1b[2J\n/event", b"{}")
    reply = Reply(
        command="019cc1b0-2200-7000-8000-000000000001", name="ping", status="failed", code="x",
        text="\x1b]0;owned\x07",
    )  # fmt: skip

    assert in_words(arrival).isprintable()
    assert reply_in_words(reply).isprintable()


def test_what_is_flashed_is_shown_with_its_trial() -> None:
    assert "config 12" in drawn(heard("status", "state"), width=200)
    lanes = (FlashedLane(lane="config", serial=13, highest=12), FlashedLane(lane="zones"))
    trial = FlashTrial(
        lane="config", bundle="019cc1b0-2200-7000-8000-000000000072", name="harbour", serial=13,
        begun="2026-11-22T12:00:00Z", by="wang",
    )  # fmt: skip
    flashed = Flashed(lanes=lanes, trial=trial, safe_mode=True)
    state = State(unit_kind="robot_dog", flashed=flashed)
    assert flashed_words(state) == "SAFE MODE, config 13 on trial"
    assert flashed_words(State(unit_kind="robot_dog")) == "-"
    assert flashed_words(State(unit_kind="robot_dog", flashed=Flashed())) == "as it came"


def test_a_flash_is_told_with_who_and_why() -> None:
    ledger = HubLedger("patrol/v1")
    payload = up_examples()["event.flash-rolled-back"]
    arrival = ledger.receive("patrol/v1/dog-07/event", payload)
    assert in_words(arrival).endswith(
        ", config harbour-13 (serial 13) rolled back, by control room 2 (hub): unhealthy: "
        "camera front gave no picture within 60 s"
    )
