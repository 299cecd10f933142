"""Changing over: asked of the unit that runs, or written where none does.

Whoever flashes holds the slots' lock (lock.py) while asking; the unit that answers must not take
it. It writes `SlotsFile.begin` with what it knows of itself, answers, and then starts anew.
"""

import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from config.language import said, tell
from config.slots import Content, Lane, Slot, SlotsFile, Trial, read_slots, write_slots
from edge.bundles.refusal import BundleError
from edge.local.asking import NoUnitError, ask
from edge.running.state_lock import is_in_use
from telemetry.commands.handling import OrderFailedError, OrderRefusedError
from telemetry.contract.flash import Way

MAY_SWITCH = "slots.may_switch"  # → MayRequest; nothing is answered
SWITCH = "slots.switch"  # → SwitchRequest, SwitchAnswer
COMMIT = "slots.commit"  # → CommitRequest; nothing is answered
ROLL_BACK = "slots.rollback"  # → RollBackRequest; SwitchAnswer
STARTS_WITHIN_S, LOOK_EVERY_S = 20.0, 0.25  # it starts anew after each flash
ANSWER_WITHIN_S = 15.0  # it asks its parts how they fare before it writes


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class MayRequest(_Wire):
    """Would it be busy? Asked before a large file is taken, which would only be refused."""

    by: str
    force: bool = False


class SwitchRequest(_Wire):
    """The slot is filled, checked and on the disk: use it, on trial.

    Refused with `busy` while a task is active, unless forced: only by root or by the service's own
    user, who has asked whether the hub's role may. Refused with `wrong_state` while another is on
    trial, or where the slot is in use.
    """

    lane: Lane
    slot: Slot
    content: Content
    by: str
    way: Way = "command_line"
    force: bool = False
    order: str | None = Field(None, description="id of the hub's command")


class SwitchAnswer(_Wire):
    """It is written, and the unit starts anew."""

    ends_within_s: float = Field(description="by then the trial is over, one way or the other")


class CommitRequest(_Wire):
    """Keep what is on trial, at once. Refused with `wrong_state` where nothing is."""

    by: str


class RollBackRequest(_Wire):
    """Back: from a trial to what was before it; else to the other slot, or what it came with.

    Without a trial there is none for going back either: what is used then was in use before.
    """

    lane: Lane
    to: Literal["previous", "factory"] = "previous"
    by: str
    force: bool = False


def running(state_dir: Path, patience_s: float = STARTS_WITHIN_S) -> bool:
    """Whether a unit runs on this state folder and answers; one that starts just now is waited for.

    Raises BundleError if it stays mute.
    """
    ends_mono_s = time.monotonic() + patience_s
    while True:
        try:
            ask(state_dir, "ping")
        except NoUnitError as error:
            if not is_in_use(state_dir):
                return False
            if time.monotonic() >= ends_mono_s:
                raise _mute(state_dir) from error
            time.sleep(LOOK_EVERY_S)
        except OrderRefusedError:
            return True  # it answers
        else:
            return True


def _mute(state_dir: Path) -> BundleError:
    told = tell("a unit works in {folder}, and gives no answer", folder=str(state_dir))
    return BundleError("wrong_state", told, tell("stop it first: systemctl stop patrol-edge"))


def ask_whether_it_may(state_dir: Path, *, force: bool, by: str) -> None:
    """Raises BundleError (`busy`). A unit that does not know the question is asked later."""
    try:
        asked(state_dir, MAY_SWITCH, MayRequest(by=by, force=force))
    except BundleError as refusal:
        if refusal.code != "unsupported":
            raise


def ask_to_switch(state_dir: Path, request: SwitchRequest) -> SwitchAnswer:
    """Of the running unit. Raises BundleError with its reason; nothing has changed then."""
    return SwitchAnswer.model_validate(asked(state_dir, SWITCH, request))


def asked(state_dir: Path, name: str, request: BaseModel) -> dict[str, Any]:
    """The answer to one of these requests. Raises BundleError."""
    wanted = request.model_dump(mode="json", exclude_none=True)
    try:
        return ask(state_dir, name, wanted, timeout_s=ANSWER_WITHIN_S)
    except NoUnitError as error:
        raise BundleError("wrong_state", said(error), error.cure) from error
    except OrderFailedError as error:
        raise BundleError(error.code, said(error)) from error
    except OrderRefusedError as error:
        raise BundleError(error.code, said(error), _cure(error.code)) from error


def _cure(code: str) -> str:
    if code == "busy":
        return tell("let it stand still and end its task; in an emergency: --force, as root")
    if code == "unsupported":
        return tell("stop the unit, flash, and start it: systemctl stop patrol-edge")
    return ""


def request_in(args: dict[str, Any]) -> SwitchRequest:
    """For the unit that is asked. Raises OrderRefusedError."""
    try:
        return SwitchRequest.model_validate(args)
    except ValidationError as error:
        raise OrderRefusedError("invalid_arguments", "no request to switch slots") from error


def trial_of(
    request: SwitchRequest,
    slots: SlotsFile,
    now: datetime,
    *,
    hub_was_there: bool = False,
    well_before: tuple[str, ...] = (),
    there_before: tuple[str, ...] | None = None,
) -> Trial:
    """What is written. Where no unit runs, nobody knows how it fared: the defaults."""
    return Trial(
        lane=request.lane,
        slot=request.slot,
        back_to=slots.lane(request.lane).active,
        content=request.content,
        begun_at=now,
        by=request.by,
        way=request.way,
        order=request.order,
        hub_was_there=hub_was_there,
        well_before=well_before,
        there_before=there_before,
    )


def switch_here(folder: Path, slots: SlotsFile, request: SwitchRequest, now: datetime) -> SlotsFile:
    """Where no unit runs: the trial begins with the next start. Raises BundleError, OSError."""
    begun = slots.begin(trial_of(request, slots, now))
    if begun is None:
        told = tell("another bundle is on trial, or this slot is in use")
        raise BundleError("wrong_state", told, tell("see `patrol-edge slots list`"))
    write_slots(folder, begun)
    return begun


def begin_here(folder: Path, request: SwitchRequest, now: datetime) -> None:
    """The same on a disk that may fail. Raises BundleError, OSError; then the old is in use, or it
    is told that it is not."""
    before = read_slots(folder)
    try:
        switch_here(folder, before, request, now)
    except OSError as error:
        if _put_back(folder, before):
            raise
        told = tell(
            "the disk fails ({why}): {name} is on trial from the next start on, and after a "
            "power cut perhaps not",
            why=error.strerror or str(error), name=request.content.name,
        )  # fmt: skip
        raise BundleError("storage", told, tell("see `patrol-edge doctor`")) from error


def _put_back(folder: Path, before: SlotsFile) -> bool:
    """The new file may lie there, and not surely on the disk. Whether the old is in use."""
    if read_slots(folder) != before:
        with suppress(OSError):
            write_slots(folder, before)
    return read_slots(folder) == before
