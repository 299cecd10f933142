"""Orders that end after their handler: one last reply, whatever lies between."""

from pathlib import Path
from typing import Any

import pytest

from telemetry.commands.handling import (
    End,
    Order,
    OrderGoesOnError,
    Progress,
    Result,
    UnderWay,
)
from telemetry.contract.replies import FINAL
from telemetry.contract.uuid7 import follows_from
from telemetry.outbox.schema import StoreError
from tests.commanded import Commanded, Doer

ON_TRIAL = UnderWay(percent=90, text="on trial")
STAYED = End(status="succeeded", result={"serial": 7})
BACK = End(status="failed", code="rolled_back", text="camera front gives no picture")


class Slots:
    """In the place of the file that says what is on trial, and how trials ended."""

    def __init__(self) -> None:
        self.fates: dict[str, End | UnderWay] = {}

    def __call__(self, _name: str, order: str) -> End | UnderWay | None:
        return self.fates.get(order)


@pytest.fixture
def slots() -> Slots:
    return Slots()


@pytest.fixture
def unit(tmp_path: Path, slots: Slots) -> Commanded:
    unit = Commanded(tmp_path)
    unit.fates = slots

    def act(order: Order, _progress: Progress) -> Result:
        slots.fates[order.id] = ON_TRIAL
        raise OrderGoesOnError

    unit.handlers["ping"] = Doer(act=act)
    return unit


def told(unit: Commanded) -> list[str]:
    return [reply.code or reply.status for reply in unit.replies]


def ends(unit: Commanded) -> list[tuple[str | None, str]]:
    """Ids and words of all last replies that are no repeats."""
    pairs = zip(unit.box.drafts, unit.box.ids, strict=True)
    replies = [(name, draft.data) for draft, name in pairs]
    return [
        (name, reply.code or reply.status)  # type: ignore[attr-defined]
        for name, reply in replies
        if getattr(reply, "status", "") in FINAL and not reply.repeat  # type: ignore[attr-defined]
    ]


def test_an_order_that_goes_on_is_answered_once_when_it_has_ended(
    unit: Commanded, slots: Slots
) -> None:
    claims = unit.claims()
    unit.send(claims)
    unit.pass_time(2)
    unit.pass_time(2)
    assert told(unit) == ["received", "accepted", "running"], "a step is told once"
    again = unit.send(claims)
    assert [(r.status, r.repeat, r.text) for r in again] == [("running", True, "on trial")]
    slots.fates[claims["id"]] = STAYED
    unit.pass_time(2)
    unit.pass_time(2)
    assert told(unit)[4:] == ["succeeded"]
    assert unit.replies[-1].result == {"serial": 7}
    assert unit.replies[-1].journal is not None
    assert [r.status for r in unit.send(claims)] == ["succeeded"]
    unit.reboot()
    assert len(ends(unit)) == 1
    assert [r["what"] for r in unit.journaled() if r.get("id") == claims["id"]] == [
        "accepted", "succeeded",
    ]  # fmt: skip


@pytest.mark.parametrize("crash", [False, True])
def test_it_goes_on_over_restarts_and_crashes(unit: Commanded, slots: Slots, crash: bool) -> None:
    claims = unit.claims()
    unit.send(claims)
    for _ in range(3):
        unit.reboot(crash=crash)
        assert [r.status for r in unit.send(claims)] == ["running"]
    slots.fates[claims["id"]] = BACK
    unit.reboot(crash=crash)
    unit.pass_time(2)
    assert ends(unit) == [(follows_from(claims["id"], "end"), "rolled_back")]
    assert unit.send(claims)[-1].text == BACK.text
    unit.reboot(crash=crash)
    assert len(ends(unit)) == 1


def test_a_last_reply_that_was_cut_off_is_told_again_under_the_same_id(
    unit: Commanded, slots: Slots
) -> None:
    claims = unit.claims()
    unit.send(claims)
    slots.fates[claims["id"]] = STAYED
    unit.box.stores = False
    unit.pass_time(2)
    unit.box.stores = True
    unit.reboot(crash=True)
    found = ends(unit)
    assert [words for _, words in found] == ["succeeded", "succeeded"]
    assert len({name for name, _ in found}) == 1


def test_an_end_that_the_disk_refuses_is_told_when_it_takes_it(
    unit: Commanded, slots: Slots, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise StoreError("disk full")

    claims = unit.claims()
    unit.send(claims)
    slots.fates[claims["id"]] = STAYED
    monkeypatch.setattr(unit.store, "put", refuse)
    unit.pass_time(2)
    unit.pass_time(2)
    assert not ends(unit)
    monkeypatch.undo()
    unit.pass_time(2)
    assert [words for _, words in ends(unit)] == ["succeeded"]
    written = [r["what"] for r in unit.journaled() if r.get("id") == claims["id"]]
    assert written == ["accepted", "succeeded"]


def test_what_nobody_knows_any_more_was_interrupted(unit: Commanded, slots: Slots) -> None:
    claims = unit.claims()
    unit.send(claims)
    slots.fates.clear()
    unit.pass_time(2)
    assert [words for _, words in ends(unit)] == ["interrupted"]
    other = unit.claims()
    unit.send(other)
    slots.fates.clear()
    unit.reboot(crash=True)
    assert [words for _, words in ends(unit)] == ["interrupted", "interrupted"]
