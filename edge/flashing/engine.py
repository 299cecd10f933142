"""Flashing: the one way by which a bundle comes onto a unit, wherever it is from.

In this order, and the power may be cut at each arrow: signatures → whom it is for → serial →
dates → room → each file's hash, into a folder beside the slots → tried as the unit would use it →
the free slot → the slots' file, on trial. What is refused has changed nothing.
See docs/flashing.md.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from config.language import tell
from config.slots import SlotsFile, read_slots
from drivers.clock import Clock, SystemClock
from edge.bundles.chain import Trusted, install_successor, load_trust, trust_folder
from edge.bundles.manifest import LANE_OF, Manifest
from edge.bundles.reading import OpenedBundle, open_bundle
from edge.bundles.refusal import BundleError
from edge.bundles.slot_check import slot_manifest
from edge.flashing import records
from edge.flashing.contents.trying import attempt
from edge.flashing.lock import sole_use
from edge.flashing.staging import Placed, ask_for_room, incoming, on_trial, put_in_place
from edge.flashing.switching import (
    SwitchRequest,
    ask_to_switch,
    ask_whether_it_may,
    begin_here,
    running,
)
from edge.flashing.unit import Unit, need_write
from edge.flashing.wish import PERCENT, End, Outcome, Stage, Step, Watch, Wish, quiet
from edge.slots import mending
from edge.slots.folders import make_folder
from edge.slots.mending import Known

LOST = tell(
    "the newest list of keys was lost: delete the one that is installed, and install the newest: "
    "sudo patrol-edge trust install trust.json"
)


def flash(
    source: BinaryIO,
    unit: Unit,
    wish: Wish,
    watch: Watch = quiet,
    clock: Clock | None = None,
) -> Outcome:
    """Put the bundle onto the unit. What becomes of its trial shows in the slots' file.

    Each outcome and refusal is on record when this ends. Raises BundleError: it was refused, and
    the unit is what it was before.
    """
    job = _Flash(unit, wish, watch, clock or SystemClock())
    try:
        need_write(unit)
        with sole_use(unit.folder):
            return job.flashed(source)
    except BundleError as refusal:
        job.note_refusal(refusal)
        raise
    except OSError as error:
        told = tell("the disk does not take it: {why}", why=error.strerror or str(error))
        cure = tell("see `df -h` and `patrol-edge doctor`; the unit is what it was before")
        failed = BundleError("storage", told, cure)
        job.note_refusal(failed)
        raise failed from error


@dataclass(slots=True)
class _Flash:
    """One flash, by who has the slots to himself."""

    unit: Unit
    wish: Wish
    watch: Watch
    clock: Clock
    manifest: Manifest | None = None
    notes: list[str] = field(default_factory=list)

    def flashed(self, source: BinaryIO) -> Outcome:
        folder = self.unit.folder
        mending.clean(folder)
        known, trusted = self._known()
        self._need_peace(known.slots)
        opened = self._opened(source, known, trusted)
        if opened.manifest.kind == "trust":
            return self._adopted(opened, trusted)
        ask_for_room(folder, opened)
        if opened.manifest.kind == "firmware":
            from edge.flashing.contents.firmware import flash_boards

            self._record("flashing")
            notes = flash_boards(opened, self.unit, self.wish, self._tell)
            self._note_done("flashed")
            return self._outcome(opened.manifest, "flashed", notes)
        return self._staged(opened, known.slots)

    # --- before the first byte is written ---

    def _known(self) -> tuple[Known, Trusted]:
        """What is in use and whose signatures count; damage of it is mended, and told."""
        folder, chain = self.unit.folder, trust_folder(self.unit.folder)
        trusted = load_trust(self.unit.trust, chain)
        trust = trusted.trust

        def look(slot: Path) -> Manifest:
            return slot_manifest(slot, trust)

        known = mending.mend(folder, self.unit.state_dir, look, trust.serial)
        if known.trust > trust.serial:
            trusted = load_trust(self.unit.trust, chain, known.trust)
        self.notes += [*known.notes, *trusted.faults]
        if trusted.trust.serial < known.trust:
            # What an older list says may be signed by a key that was revoked since.
            raise BundleError("no_trust", trusted.faults[-1], LOST)
        for text in known.notes:
            records.note(folder, "mended", self.clock.utc(), text=text)
        return known, trusted

    def _need_peace(self, slots: SlotsFile) -> None:
        """Raises BundleError while something is on trial, or a task is active."""
        if slots.trial is not None:
            told = tell("{name} is on trial just now", name=slots.trial.content.name)
            cure = tell("wait for its end, or end it: patrol-edge slots commit, or rollback")
            raise BundleError("busy", told, cure)
        if running(self.unit.state_dir):
            ask_whether_it_may(self.unit.state_dir, force=self.wish.force, by=self.wish.by)

    def _opened(self, source: BinaryIO, known: Known, trusted: Trusted) -> OpenedBundle:
        self._tell("received", tell("reading the bundle"))

        def highest(manifest: Manifest) -> int:
            self.manifest = manifest  # proved, from here on
            lane = LANE_OF.get(manifest.kind)
            if manifest.kind == "trust":
                return max(known.trust, trusted.trust.serial)
            return 0 if lane is None else known.slots.lane(lane).serial

        now = self.clock.utc()
        opened = open_bundle(source, trusted.trust, now, self.unit.here, highest)
        self.manifest = opened.manifest
        owners = ", ".join(sorted(each.owner for each in opened.signers if each.counts))
        told = tell("{what}: signed by {owners}, for this unit, newer than what is in use",
                    what=opened.manifest.told, owners=owners)  # fmt: skip
        self._tell("checked", told)
        return opened

    # --- one after the other ---

    def _adopted(self, opened: OpenedBundle, trusted: Trusted) -> Outcome:
        """A list of keys counts at once: there is nothing to try but itself."""
        folder = self.unit.folder
        make_folder(folder)
        self._record("adopting")
        chain, now = trust_folder(folder), self.clock.utc()
        new = install_successor(opened, trusted.trust, chain, now)
        mending.remember(self.unit.state_dir, read_slots(folder), new.serial)
        self._tell("switched", tell("the list of keys with serial {serial} counts from now on",
                                    serial=new.serial))  # fmt: skip
        self._note_done("adopted")
        return self._outcome(opened.manifest, "adopted")

    def _staged(self, opened: OpenedBundle, slots: SlotsFile) -> Outcome:
        folder, manifest = self.unit.folder, opened.manifest
        lane = LANE_OF[manifest.kind]
        with incoming(folder / lane) as place:
            opened.unpack(place, self._progress)
            self._tell("unpacked", tell("every file is here, and is the one that was signed"))
            self.notes += attempt(self.unit, place, manifest, slots)
            self._tell("tried", tell("it was tried, and can be used on this unit"))
            placed = put_in_place(folder, lane, place)
        try:
            outcome = self._in_place(manifest, placed)
        except BaseException:  # an interruption, too
            if not on_trial(folder, manifest.id):
                placed.undo()
            raise
        placed.keep()
        return outcome

    def _in_place(self, manifest: Manifest, placed: Placed) -> Outcome:
        """On record, and then in use. Raises BundleError, OSError."""
        lane, slot = placed.lane, placed.slot
        self._record("staged", slot=slot)
        self._tell("staged", tell("it lies in slot {slot} of {lane}", slot=slot, lane=lane))
        return self._switched(
            SwitchRequest(
                lane=lane,
                slot=slot,
                content=mending.content_of(manifest),
                by=self.wish.by,
                way=self.wish.way,
                force=self.wish.force,
                order=self.wish.order,
            )
        )

    def _switched(self, request: SwitchRequest) -> Outcome:
        manifest = self._proved
        if running(self.unit.state_dir):
            answer = ask_to_switch(self.unit.state_dir, request)
            outcome = self._outcome(manifest, "on_trial", (), request, answer.ends_within_s)
            text = tell("the unit starts anew with it; its trial ends within {seconds:.0f} s",
                        seconds=answer.ends_within_s)  # fmt: skip
        else:
            begin_here(self.unit.folder, request, self.clock.utc())
            outcome = self._outcome(manifest, "at_next_start", (), request)
            text = tell("no unit runs here: its trial begins when one is started")
        self._note_done("switched", slot=request.slot, forced=self.wish.force or None)
        self._tell("switched", text)
        return outcome

    # --- telling ---

    @property
    def _proved(self) -> Manifest:
        if self.manifest is None:
            raise BundleError("malformed", tell("there is no manifest"))
        return self.manifest

    def _outcome(
        self,
        manifest: Manifest,
        end: End,
        notes: tuple[str, ...] = (),
        request: SwitchRequest | None = None,
        ends_within_s: float | None = None,
    ) -> Outcome:
        return Outcome(
            end=end,
            bundle=manifest.id,
            kind=manifest.kind,
            name=manifest.name,
            serial=manifest.serial,
            lane=None if request is None else request.lane,
            slot=None if request is None else request.slot,
            ends_within_s=ends_within_s,
            notes=(*self.notes, *notes),
        )

    def _tell(self, stage: Stage, text: str) -> None:
        self.watch(Step(stage, PERCENT[stage], text))

    def _progress(self, done: int, of: int) -> None:
        first, last = PERCENT["checked"], PERCENT["unpacked"]
        percent = first + (last - first) * done // max(of, 1)
        text = tell("{done} of {of} KiB", done=done >> 10, of=of >> 10)
        self.watch(Step("unpacked", percent, text, done, of))

    def _record(self, step: str, **facts: object) -> None:
        """On the disk when this returns: nobody acts without a record. Raises OSError."""
        records.note(self.unit.folder, step, self.clock.utc(), **self._facts(), **facts)

    def _note_done(self, step: str, **facts: object) -> None:
        """It is done, and that it would be is on record: a full disk must not call it refused."""
        with suppress(OSError):
            self._record(step, **facts)

    def note_refusal(self, refusal: BundleError) -> None:
        """Once for each bundle. A disk that takes nothing keeps no record."""
        with suppress(OSError):
            self._record("refused", code=refusal.code, text=str(refusal))

    def _facts(self) -> dict[str, object]:
        known: dict[str, object] = {
            "by": self.wish.by,
            "way": self.wish.way,
            "order": self.wish.order,
        }
        if self.manifest is not None:
            known |= {
                "kind": self.manifest.kind,
                "bundle": self.manifest.id,
                "name": self.manifest.name,
                "serial": self.manifest.serial,
            }
        return known
