"""`config.apply` from the hub: fetched, flashed, and answered when its trial has ended.

The unit starts anew in between. What became of the order stands in the slots' file then, by its
id: whoever reads that file knows whether it is under way, and how it ended.
"""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from config.errors import ConfigError
from config.models import Settings
from config.slots import Content, Ended, Lane, SlotsFile
from drivers.clock import Clock
from edge.bundles.manifest import MOST_BYTES
from edge.bundles.refusal import BundleError
from edge.commands.fetching import Fetching, fetch_bundle
from edge.flashing.overview import Overview
from edge.flashing.wish import Outcome, Step, Watch, Wish
from telemetry.commands.handling import (
    End,
    Handler,
    Order,
    OrderFailedError,
    OrderGoesOnError,
    OrderRefusedError,
    Progress,
    Result,
    UnderWay,
)
from telemetry.contract.commands import COMMANDS
from telemetry.contract.flash import ConfigApply, FlashResult
from telemetry.contract.wire_types import short, text

NAME = "config.apply"
FOLDER = "flash"  # below the state folder: what is being fetched
FETCH_WITHIN_S = 3600.0
SPARE_BYTES = 64 * 1024 * 1024  # what the disk keeps besides
OVERHEAD_BYTES = 1024 * 1024  # of the archive around the files
FETCHED, SWITCHED, ON_TRIAL = 40, 85, 90  # percent, when that is done

Flash = Callable[[BinaryIO, Wish, Watch], Outcome]  # raises BundleError, OSError


def flasher(unit_file: Path, state_dir: Path, clock: Clock) -> Flash:
    """The engine, for the unit that runs by this file."""

    def flash(source: BinaryIO, wish: Wish, watch: Watch) -> Outcome:
        from edge.flashing import engine
        from edge.flashing.unit import unit_of

        try:
            unit = unit_of(unit_file, state_dir)
        except ConfigError as error:
            raise BundleError("wrong_state", str(error)) from error
        return engine.flash(source, unit, wish, watch, clock)

    return flash


class FlashDesk:
    """The handler of the order. It is carried out by the worker for long ones."""

    long_running = True

    def __init__(
        self, settings: Settings, flash: Flash, why_busy: Callable[[], str | None]
    ) -> None:
        """`why_busy`: what is under way that a restart would break off, in words."""
        self._state_dir = settings.state_dir
        self._incoming = settings.state_dir / FOLDER / "incoming.peb"
        with suppress(OSError):  # what a power cut left of it
            self._incoming.unlink(missing_ok=True)
        self._flash = flash
        self._why_busy = why_busy

    def handlers(self) -> dict[str, Handler]:
        return {NAME: self}

    def check(self, order: Order) -> None:
        """Raises OrderRefusedError."""
        wanted = cast(ConfigApply, order.args)
        if wanted.force and order.role not in COMMANDS[NAME].roles:
            raise OrderRefusedError("role_not_allowed", f"`force` is not for the {order.role}")
        if wanted.size_bytes > MOST_BYTES + OVERHEAD_BYTES:
            raise OrderRefusedError("too_large", f"a bundle has at most {MOST_BYTES} bytes")
        why = None if wanted.force else self._why_busy()
        if why is not None:
            raise OrderRefusedError("busy", f"{why}; try later, or with `force`")
        with suppress(OSError):  # that it cannot be written is told when it is
            free = shutil.disk_usage(self._state_dir).free
            if free < 2 * wanted.size_bytes + SPARE_BYTES:  # as it came, and unpacked
                raise OrderRefusedError("storage", f"only {free // 2**20} MiB are free")

    def carry_out(self, order: Order, progress: Progress) -> Result:
        """Raises OrderFailedError, and OrderGoesOnError when it is on trial."""
        wanted = cast(ConfigApply, order.args)
        wish = Wish(by=short(order.issuer), way="hub", force=wanted.force, order=order.id)
        fetching = Fetching("fetching the bundle", FETCHED, FETCH_WITHIN_S)
        path = fetch_bundle(wanted, self._incoming, fetching, progress)
        try:
            with path.open("rb") as source:
                outcome = self._flash(source, wish, _watch(progress))
        except BundleError as error:
            raise OrderFailedError(error.code, _in_words(str(error), error.cure)) from error
        except OSError as error:
            raise OrderFailedError("storage", f"the disk does not take it: {error}") from error
        finally:
            path.unlink(missing_ok=True)
        if outcome.end in ("on_trial", "at_next_start"):
            raise OrderGoesOnError
        return _result(outcome)


def _watch(progress: Progress) -> Watch:
    def watch(step: Step) -> None:
        if step.stage != "switched":  # from there on it cannot be cancelled
            progress(FETCHED + (SWITCHED - FETCHED) * step.percent // 100, str(step.text))

    return watch


def _in_words(text: str, cure: str) -> str:
    return f"{text}; {cure}" if cure else text


def _result(outcome: Outcome) -> dict[str, Any]:
    """Of a bundle that needs no trial: a list of keys, the firmware of boards."""
    told = FlashResult(
        kind=outcome.kind, bundle=outcome.bundle, name=short(outcome.name), serial=outcome.serial,
        lane=outcome.lane, slot=outcome.slot, notes=tuple(text(note) for note in outcome.notes),
    )  # fmt: skip
    return told.model_dump(mode="json", exclude_defaults=True)


# --- what became of it ---


def fates(overview: Overview) -> Callable[[str, str], End | UnderWay | None]:
    """For `Carrier`: what the slots' file says of an order."""

    def fate(name: str, order: str) -> End | UnderWay | None:
        if name != NAME:
            return None
        slots = overview.slots()
        if slots is None:  # nothing can be said while it cannot be read
            return UnderWay(percent=ON_TRIAL, text="the slots' file cannot be read now")
        trial = slots.trial
        if trial is not None and trial.order == order:
            told = f"on trial: {trial.content.kind} {trial.content.name}"
            return UnderWay(percent=ON_TRIAL, text=f"{told} (serial {trial.content.serial})")
        ended = next((each for each in reversed(slots.ended) if each.order == order), None)
        return None if ended is None else _end(ended, slots)

    return fate


def _end(ended: Ended, slots: SlotsFile) -> End:
    if ended.outcome == "committed":
        return End(status="succeeded", result=_in_effect(ended.lane, ended.content, slots))
    why = ended.text or ended.code or "it did not do well"
    back = slots.lane(ended.lane).content
    now = f"{back.name} (serial {back.serial})" if back else "what the unit came with"
    return End(status="failed", code="rolled_back", text=f"{why}; in use again: {now}")


def _in_effect(lane: Lane, content: Content, slots: SlotsFile) -> dict[str, Any]:
    state = slots.lane(lane)
    told = FlashResult(
        kind=content.kind, bundle=content.bundle, name=short(content.name), serial=content.serial,
        lane=lane, slot=state.active if state.content == content else None,
    )  # fmt: skip
    return told.model_dump(mode="json", exclude_defaults=True)
