"""What the running unit answers to whoever flashes: change over, keep it, take it back."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from config.language import said, tell
from config.slots import SlotsError, SlotsFile, SlotsStep, Trial
from drivers.clock import Clock
from edge.flashing.switching import (
    COMMIT,
    MAY_SWITCH,
    ROLL_BACK,
    SWITCH,
    CommitRequest,
    MayRequest,
    RollBackRequest,
    SwitchAnswer,
    SwitchRequest,
    request_in,
    trial_of,
)
from edge.flashing.trial.live import Live
from edge.flashing.trial.standing import Slots
from edge.flashing.trial.vitals import hub_is_there, there, well
from edge.flashing.trial.watch import TrialWatch
from edge.local.control import Call, LocalHandler
from edge.reporting.parts import Parts
from telemetry.commands.handling import OrderFailedError, OrderRefusedError

R = TypeVar("R", bound=BaseModel)
NOTHING = tell("another is on trial, or there is nothing to change over to")
NO_TRIAL = tell("nothing is on trial")
SETTLED_S = 30.0  # after a start the link may take so long
RESTART_S = 15.0  # to stop and start again, twice at worst


@dataclass(slots=True)
class ChangeOver:
    """Called by the thread of local control."""

    parts: Parts
    slots: Slots
    live: Live
    trial: TrialWatch
    clock: Clock
    why_active: Callable[[], str | None]

    def controls(self) -> dict[str, LocalHandler]:
        return {
            MAY_SWITCH: self._may_switch,
            SWITCH: _by_root(self._switch),
            COMMIT: _by_root(self._commit),
            ROLL_BACK: _by_root(self._roll_back),
        }

    def _may_switch(self, call: Call) -> dict[str, Any]:
        self._may(call, force=_asked(MayRequest, call).force)
        return {}

    def _switch(self, call: Call) -> dict[str, Any]:
        request = request_in(call.args)
        self._may(call, force=request.force)
        slots = self.slots.read()
        trial = self._trial_of(slots, request)
        begun = slots.begin(trial)
        if begun is None:
            raise OrderRefusedError("wrong_state", NOTHING)
        change = self.live.planned(begun)
        self.live.rehearse(change)
        try:
            self._changed(lambda slots: slots.begin(trial))
        except (OrderRefusedError, OrderFailedError):
            self.live.undo(change)
            raise
        if not (change.live and self.live.apply(change, request.content.bundle)):
            self.slots.anew.ask(f"{request.content.name} was flashed")
        return SwitchAnswer(ends_within_s=self.trial.period_s + RESTART_S).model_dump()

    def _trial_of(self, slots: SlotsFile, request: SwitchRequest) -> Trial:
        return trial_of(
            request,
            slots,
            self.clock.utc(),
            hub_was_there=hub_is_there(self.parts) or self._comes_back(slots),
            well_before=well(self.parts),
            there_before=there(self.parts),
        )

    def _comes_back(self, slots: SlotsFile) -> bool:
        """Whether it has started anew just now, and had its hub before: what a trial has cost the
        link must not spare the next flash the question."""
        up_s = self.clock.mono_s() - self.parts.started_mono_s
        last = slots.ended[-1] if slots.ended else None
        return up_s < SETTLED_S and last is not None and last.hub_was_there

    def _commit(self, call: Call) -> dict[str, Any]:
        _asked(CommitRequest, call)
        if not self.trial.commit():
            raise OrderRefusedError("wrong_state", self.slots.fault or NO_TRIAL)
        return {}

    def _roll_back(self, call: Call) -> dict[str, Any]:
        request = _asked(RollBackRequest, call)
        self._may(call, force=request.force)
        trial = self.slots.read().trial
        if trial is not None and trial.lane == request.lane:
            if not self.trial.roll_back("by_hand", tell("by {by}", by=request.by)):
                raise OrderRefusedError("wrong_state", self.slots.fault or NO_TRIAL)
        else:
            self._changed(lambda slots: _used(slots, request))
            self.slots.anew.ask(f"{request.lane} goes back, as {request.by} wants it")
        return SwitchAnswer(ends_within_s=RESTART_S).model_dump()

    def _may(self, call: Call, *, force: bool) -> None:
        """Raises OrderRefusedError."""
        if force and call.uid not in (0, os.geteuid()):
            told = tell("only root and the service's own user may force it")
            raise OrderRefusedError("role_not_allowed", told)
        if self.slots.anew.asked:
            raise OrderRefusedError("busy", tell("the unit is about to start anew"))
        why = None if force else self.why_active()
        if why is not None:
            raise OrderRefusedError("busy", tell("the unit is active: {why}", why=why))

    def _changed(self, step: SlotsStep) -> SlotsFile:
        """Raises OrderRefusedError, OrderFailedError."""
        try:
            after = self.slots.change(step)
        except SlotsError as error:
            raise OrderFailedError("wrong_state", said(error)) from error
        except OSError as error:
            told = tell("the disk refuses: {why}", why=error.strerror or str(error))
            raise OrderFailedError("storage", told) from error
        if after is None:
            raise OrderRefusedError("wrong_state", NOTHING)
        return after


def _by_root(handler: LocalHandler) -> LocalHandler:
    """The unit believes what whoever flashes has checked: that is root, or the service's own user.

    The group, which may open the socket, operates the unit; what runs on it is not its business.
    """

    def handle(call: Call) -> dict[str, Any] | None:
        if call.uid not in (0, os.geteuid()):
            told = tell("only root and the service's own user may change what is in use")
            raise OrderRefusedError("role_not_allowed", told)
        return handler(call)

    return handle


def _asked(kind: type[R], call: Call) -> R:
    try:
        return kind.model_validate(call.args)
    except ValidationError as error:
        told = tell("no request for {name}", name=call.name)
        raise OrderRefusedError("invalid_arguments", told) from error


def _used(slots: SlotsFile, request: RollBackRequest) -> SlotsFile | None:
    """What was in use before, where it is still there; else what the unit came with."""
    state = slots.lane(request.lane)
    known = request.to == "previous" and state.previous in state.slots
    return slots.use(request.lane, state.previous if known else None)
