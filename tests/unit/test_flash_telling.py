"""What the hub and the journal hear of flashes, and what an order comes to."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config.slots import Content, SlotsFile, Trial, read_slots, write_slots
from edge.flashing import records
from edge.flashing.lock import sole_use
from edge.flashing.orders import fates
from edge.flashing.overview import Overview
from edge.flashing.telling import FlashTeller, RecordTeller
from telemetry.commands.handling import End, UnderWay
from telemetry.contract.envelope import Draft
from telemetry.contract.flash import FlashEvent
from telemetry.outbox.facts import Receipt
from tests.fakes import ManualClock
from tests.flashing_stand import alone_in

ORDER = "019cc1b0-2200-7000-8000-000000000071"
OLD = Content(
    bundle="019cc1b0-2200-7000-8000-000000000070", name="harbour-12", serial=12, kind="config"
)
NEW = Content(
    bundle="019cc1b0-2200-7000-8000-000000000072", name="harbour-13", serial=13, kind="config"
)


class Outbox:
    def __init__(self) -> None:
        self.told: list[tuple[str | None, FlashEvent]] = []
        self.stores = True

    def __call__(self, draft: Draft, *, durable: bool, event_id: str | None = None) -> Receipt:
        assert isinstance(draft.data, FlashEvent)
        assert durable
        self.told.append((event_id, draft.data))
        return Receipt(event_id or "", sequence=len(self.told) if self.stores else None)

    def words(self) -> list[str]:
        return [event.what for _, event in self.told]


class Unit:
    """The slots of one unit, and who tells of them. `restart` is a new run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock, self.outbox = folder / "slots", ManualClock(), Outbox()
        self.journaled: list[dict[str, Any]] = []
        self.folder.mkdir()
        self.restart()

    def restart(self) -> None:
        self.overview = Overview(self.folder)
        self.teller = FlashTeller(
            self.overview, alone_in(self.folder), self.outbox, self._note, lambda: "ntp"
        )
        self.fate = fates(self.overview)

    def _note(self, what: str, **facts: Any) -> None:
        self.journaled.append({"what": what} | facts)

    def write(self, slots: SlotsFile | None) -> SlotsFile:
        assert slots is not None
        write_slots(self.folder, slots)
        return slots

    def flash(self, content: Content, order: str | None = None) -> SlotsFile:
        slots = read_slots(self.folder)
        state = slots.lane("config")
        trial = Trial(
            lane="config", slot=state.free, back_to=state.active, content=content,
            begun_at=self.clock.utc(), by="control room 2", way="hub", order=order,
            hub_was_there=True,
        )  # fmt: skip
        return self.write(slots.begin(trial))

    def commit(self) -> SlotsFile:
        self.clock.advance(20)
        return self.write(read_slots(self.folder).commit(self.clock.utc()))

    def roll_back(self) -> SlotsFile:
        self.clock.advance(20)
        ended = read_slots(self.folder).roll_back("unhealthy", "no picture", self.clock.utc())
        return self.write(ended)


@pytest.fixture
def unit(tmp_path: Path) -> Unit:
    return Unit(tmp_path)


def test_each_flash_is_told_when_it_begins_and_when_it_ends(unit: Unit) -> None:
    unit.teller.tell()
    assert not unit.outbox.told
    unit.flash(OLD)
    unit.teller.tell()
    unit.teller.tell()
    unit.commit()
    unit.teller.tell()
    unit.flash(NEW, ORDER)
    unit.teller.tell()
    unit.roll_back()
    unit.teller.tell()
    unit.teller.tell()
    assert unit.outbox.words() == ["on_trial", "committed", "on_trial", "rolled_back"]
    last = unit.outbox.told[-1][1]
    assert (last.way, last.by, last.order, last.serial) == ("hub", "control room 2", ORDER, 13)
    assert (last.code, last.text) == ("unhealthy", "no picture")
    assert all(ended.told for ended in read_slots(unit.folder).ended)
    assert [each["step"] for each in unit.journaled] == ["committed", "rolled_back"]


def test_what_a_crash_left_untold_is_told_again_under_the_same_id(unit: Unit) -> None:
    unit.flash(NEW, ORDER)
    unit.teller.tell()
    unit.restart()
    unit.teller.tell()
    unit.roll_back()
    unit.outbox.stores = False
    unit.teller.tell()
    assert not read_slots(unit.folder).ended[-1].told
    unit.restart()
    unit.outbox.stores = True
    unit.teller.tell()
    assert unit.outbox.words() == ["on_trial", "on_trial", "rolled_back", "rolled_back"]
    assert len({name for name, _ in unit.outbox.told}) == 2
    unit.restart()
    unit.teller.tell()
    assert len(unit.outbox.told) == 4


def test_while_somebody_flashes_it_waits_with_the_mark(unit: Unit) -> None:
    unit.flash(NEW)
    unit.commit()
    with sole_use(unit.folder):
        unit.teller.tell()
        unit.teller.tell()
    assert unit.outbox.words() == ["committed"]
    assert not read_slots(unit.folder).ended[-1].told
    unit.teller.tell()
    assert unit.outbox.words() == ["committed"]
    assert read_slots(unit.folder).ended[-1].told


def test_a_damaged_file_ends_nothing(unit: Unit) -> None:
    unit.flash(NEW, ORDER)
    (unit.folder / "slots.json").write_text("{")
    unit.teller.tell()
    assert unit.outbox.words() == []
    assert isinstance(unit.fate("config.apply", ORDER), UnderWay)
    assert unit.fate("clip.upload", ORDER) is None
    assert unit.overview.told("0" * 64).lanes == ()


def test_the_order_is_known_by_the_slots(unit: Unit) -> None:
    assert unit.fate("config.apply", ORDER) is None
    unit.flash(OLD)
    unit.commit()
    unit.flash(NEW, ORDER)
    assert isinstance(unit.fate("config.apply", ORDER), UnderWay)
    unit.roll_back()
    end = unit.fate("config.apply", ORDER)
    assert isinstance(end, End)
    assert (end.status, end.code) == ("failed", "rolled_back")
    assert end.text == "no picture; in use again: harbour-12 (serial 12)"
    unit.flash(NEW, ORDER.replace("71", "73"))
    unit.commit()
    end = unit.fate("config.apply", ORDER.replace("71", "73"))
    assert isinstance(end, End)
    assert end.result == {
        "kind": "config", "bundle": NEW.bundle, "name": "harbour-13", "serial": 13,
        "lane": "config", "slot": "b",
    }  # fmt: skip


def test_the_state_tells_what_is_in_use_and_on_trial(unit: Unit) -> None:
    unit.flash(OLD)
    began = unit.clock.utc()
    told = unit.overview.told("0" * 64, safe_mode=True)
    assert told.safe_mode
    assert told.trial is not None
    assert (told.trial.serial, told.trial.begun) == (12, began)
    unit.commit()
    lane = unit.overview.told("0" * 64).lanes[0]
    assert (lane.lane, lane.serial, lane.slot, lane.highest) == ("config", 12, "a", 12)
    assert lane.since == began + timedelta(seconds=20)
    unit.flash(NEW)
    unit.roll_back()
    lane = unit.overview.told("0" * 64).lanes[0]
    assert (lane.serial, lane.highest) == (12, 12)


def test_refusals_are_told_once_wherever_they_were_made(unit: Unit) -> None:
    slots, journal = unit.folder, DeafJournal()
    records.note(
        slots, "refused", unit.clock.utc(), by="local:anna", way="usb", kind="config",
        bundle=NEW.bundle, name="harbour-13", serial=13, code="replayed", text="13 was in use",
    )  # fmt: skip
    records.note(slots, "refused", unit.clock.utc(), by="usb", way="usb", code="unsigned")
    records.note(slots, "staged", unit.clock.utc(), by="usb", way="usb", slot="a")
    records.note(slots, "adopted", unit.clock.utc(), by="wang", way="hub", kind="trust", serial=2)
    teller = RecordTeller(unit.outbox, lambda: "ntp")
    unit.outbox.stores = False
    assert records.take_over(slots, journal, teller.hear) == 0  # type: ignore[arg-type]
    unit.outbox.stores = True
    teller = RecordTeller(unit.outbox, lambda: "ntp")
    assert records.take_over(slots, journal, teller.hear) == 4  # type: ignore[arg-type]
    assert records.take_over(slots, journal, teller.hear) == 0  # type: ignore[arg-type]
    assert unit.outbox.words() == ["refused", "refused", "refused", "committed"]
    assert len({name for name, _ in unit.outbox.told}) == 3
    first, second, third = (event for _, event in unit.outbox.told[1:])
    assert (first.by, first.way, first.code, first.serial) == ("local:anna", "usb", "replayed", 13)
    assert (second.code, second.bundle, third.kind) == ("unsigned", None, "trust")
    assert [each["step"] for each in journal.written] == ["refused", "refused", "staged", "adopted"]


class DeafJournal:
    def __init__(self) -> None:
        self.written: list[dict[str, Any]] = []

    def write(self, _what: str, *, sync: bool, **facts: Any) -> None:
        self.written.append(facts | {"sync": sync})


def test_a_file_with_names_of_no_bundle_costs_the_hub_its_news_and_nothing_else(
    tmp_path: Path,
) -> None:
    strange = Content(bundle="no id", name="", serial=1, kind="config")
    begun = SlotsFile().begin(
        Trial(
            lane="config",
            slot="a",
            back_to=None,
            content=strange,
            begun_at=ManualClock().utc(),
            by="",
            hub_was_there=True,
        )
    )
    assert begun is not None
    write_slots(tmp_path, begun)
    told = Overview(tmp_path).told("0" * 64)
    assert (told.lanes, told.trial) == ((), None)
