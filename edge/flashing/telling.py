"""Tells the hub, and the journal, of each flash: what went on trial, and how that ended.

A trial that ended stays untold in the slots' file until its event is on the outbox's disk. Told
once more after a crash, an event has the same id: the hub has it once.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from pydantic import ValidationError

from config.slots import Ended, SlotsError, SlotsFile, SlotsStep, Trial
from edge.bundles.refusal import BundleError
from edge.flashing.overview import Overview
from edge.running.worker import Beat
from telemetry.commands.answers import Put
from telemetry.contract.envelope import Draft
from telemetry.contract.flash import FlashEvent, FlashStep
from telemetry.contract.uuid7 import follows_from, uuid7
from telemetry.contract.wire_types import TimeQuality, rfc3339_ms, short, text
from telemetry.outbox.facts import Receipt

LOOK_EVERY_S = 1.0
# Of what whoever flashes puts on record (records.py). A trial's end stands in the slots' file.
TOLD_STEPS: dict[str, FlashStep] = {
    "refused": "refused",
    "adopted": "committed",
    "flashed": "committed",
}

Note = Callable[..., None]  # Witness.note
# On the disk when it returns. Raises BundleError, SlotsError, OSError.
Change = Callable[[SlotsStep], object]


class _Once:
    """Each event is put once, and once more where the outbox had to drop it."""

    def __init__(self, put: Put, quality: Callable[[], TimeQuality]) -> None:
        self._put = put
        self._quality = quality
        self._given: dict[str, Receipt] = {}

    def stored(
        self,
        event_id: str,
        draft: Callable[[TimeQuality], Draft],
        first: Callable[[Draft], None] = lambda _draft: None,
    ) -> bool:
        """Whether it is on the outbox's disk, or will never be. `first` is told of a new one.

        `draft` raises ValidationError for what files hold that is none of ours.
        """
        receipt = self._given.get(event_id)
        if receipt is None or receipt.dropped:
            try:
                made = draft(self._quality())
            except ValidationError as error:
                structlog.get_logger().error("flash_not_told", id=event_id, why=str(error)[:200])
                return True
            if receipt is None:
                first(made)
            receipt = self._given[event_id] = self._put(made, durable=True, event_id=event_id)
        return receipt.stored

    def forget(self, event_id: str) -> None:
        self._given.pop(event_id, None)


class FlashTeller:
    """One worker."""

    def __init__(
        self,
        overview: Overview,
        change: Change,
        put: Put,
        note: Note,
        quality: Callable[[], TimeQuality],
    ) -> None:
        """`change`: of the slots' file; raises BundleError, SlotsError, OSError. `note`: writes
        into the journal. `quality`: of the time now."""
        self._overview = overview
        self._change = change
        self._note = note
        self._once = _Once(put, quality)

    def work(self, beat: Beat, stop: threading.Event) -> None:
        while not stop.wait(LOOK_EVERY_S):
            beat()
            self.tell()

    def tell(self) -> None:
        """What has not been told. Raises nothing for what the files hold."""
        slots = self._overview.slots()
        if slots is None:
            return
        if slots.trial is not None:
            self._give(slots.trial, "on_trial", slots.trial.begun_at)
        untold = [ended for ended in slots.ended if not ended.told]
        stored = [each for each in untold if self._give(each, each.outcome, each.at)]
        if stored:
            self._cross_out(stored)

    def _give(self, part: Trial | Ended, what: str, when: datetime) -> bool:
        def draft(quality: TimeQuality) -> Draft:
            return Draft.of(_event(part, what), when, quality)

        return self._once.stored(_id_of(part), draft, self._journal)

    def _journal(self, draft: Draft) -> None:
        """How a trial ended; all else is among the records of whoever flashed."""
        event = draft.data
        if not isinstance(event, FlashEvent) or event.what not in ("committed", "rolled_back"):
            return
        facts = event.model_dump(mode="json", exclude_none=True)
        self._note("flash", step=facts.pop("what"), **facts)

    def _cross_out(self, told: list[Ended]) -> None:
        """They are told. Where another changes the slots just now, the next time."""
        try:
            self._change(lambda slots: crossed_out(slots, told))
        except (BundleError, SlotsError, OSError):
            return
        for ended in told:
            self._once.forget(_id_of(ended))


class RecordTeller:
    """Tells of what leaves no trace in the slots: refusals, and what needs no trial.

    `hear` is called, by the thread that takes commands, with each record before the journal has it.
    """

    def __init__(self, put: Put, quality: Callable[[], TimeQuality]) -> None:
        self._once = _Once(put, quality)

    def hear(self, record: dict[str, Any]) -> bool:
        """Whether its event is on the outbox's disk, or there is none."""
        what = TOLD_STEPS.get(str(record.get("step")))
        when = moment_of(str(record.get("when")))
        if what is None or when is None:
            return True
        event_id = follows_from(uuid7(when, lambda _bits: 0), f"flash {record.get('record')}")
        stored = self._once.stored(
            event_id, lambda quality: Draft.of(_recorded(record, what), when, quality)
        )
        if stored:
            self._once.forget(event_id)
        return stored


def _recorded(record: dict[str, Any], what: FlashStep) -> FlashEvent:
    """Raises ValidationError."""
    known = {name: record.get(name) for name in ("way", "order", "kind", "lane", "bundle")}
    return FlashEvent.model_validate(
        known
        | {
            "what": what,
            "by": short(str(record.get("by", "-"))),
            "name": short(str(record["name"])) if record.get("name") else None,
            "serial": record.get("serial"),
            "code": str(record.get("code") or "malformed") if what == "refused" else None,
            "text": text(str(record.get("text", ""))),
        }
    )


def crossed_out(slots: SlotsFile, told: list[Ended]) -> SlotsFile:
    """The file with these marked as told."""
    ended = tuple(
        each.model_copy(update={"told": True}) if each in told else each for each in slots.ended
    )
    return slots.model_copy(update={"ended": ended})


def moment_of(words: str) -> datetime | None:
    """The time of a record, which `rfc3339_ms` wrote."""
    try:
        return datetime.fromisoformat(words).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _id_of(part: Trial | Ended) -> str:
    """The same whenever it is told."""
    if isinstance(part, Trial):
        what = f"on_trial {rfc3339_ms(part.begun_at)}"
    else:
        what = f"{part.outcome} {rfc3339_ms(part.at)}"
    return follows_from(part.content.bundle, what)


def _event(part: Trial | Ended, what: str) -> FlashEvent:
    code, words = None, ""
    if isinstance(part, Ended):
        words = part.text
        code = (part.code or "unhealthy") if part.outcome == "rolled_back" else None
    return FlashEvent.model_validate(
        {
            "what": what,
            "way": part.way,
            "by": short(part.by),
            "order": part.order,
            "kind": part.content.kind,
            "lane": part.lane,
            "bundle": part.content.bundle,
            "name": short(part.content.name),
            "serial": part.content.serial,
            "code": code,
            "text": text(words),
        }
    )
