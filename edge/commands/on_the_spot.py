"""What the crew may ask of the commanding: control, the clock, a copy of the journal. On record."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal

import structlog

from drivers.clock import Clock
from edge.local.control import Call, LocalControl
from edge.timebase import Timebase
from telemetry.commands.control_state import ControlState
from telemetry.commands.handling import OrderFailedError, OrderRefusedError
from telemetry.commands.journal import ARGS_BYTES, Journal, JournalError
from telemetry.commands.limits import Limits
from telemetry.commands.strict_json import canonical
from telemetry.commands.trusted_time import TrustedTime
from telemetry.contract.wire_types import rfc3339_ms, text

REFUSALS_PER_MINUTE = 30  # of one user, each with a record of its own
CONFIDENTIAL = frozenset({"plates.import"})  # a signed list: its plates go into no record
LOOKING = frozenset({"ping", "list", "show", "status"})  # requests that change nothing


class OnTheSpot:
    """Called by the thread of local control."""

    def __init__(
        self,
        journal: Journal,
        control: ControlState,
        time: TrustedTime,
        timebase: Timebase,
        about_orders: Callable[[], dict[str, Any]],
        clock: Clock,
    ) -> None:
        """`about_orders`: what the status tells of the hub's orders."""
        self._journal = journal
        self._control = control
        self._time = time
        self._timebase = timebase
        self._about_orders = about_orders
        self._limits = Limits(clock)

    def register(self, local: LocalControl) -> None:
        local.register("control.take", lambda call: self._hand_over(call, "local"))
        local.register("control.return", lambda call: self._hand_over(call, "hub"))
        local.register("control.status", lambda _call: self._status())
        local.register("control.trust-clock", self._trust_clock)
        local.register("journal.export", self._note_export)
        local.note = self._note_local

    def _hand_over(self, call: Call, commander: Literal["hub", "local"]) -> dict[str, Any]:
        if self._control.now.commander != commander:
            what = "control_taken" if commander == "local" else "control_returned"
            try:
                self._journal.write(what, by=call.issuer, why=_words(call, "reason"))
                self._control.hand_over(commander, call.issuer, self._timebase.now()[0])
            except (JournalError, OSError) as error:
                raise OrderFailedError("storage", f"the disk does not take it: {error}") from error
            structlog.get_logger().warning(what, by=call.issuer)
        return self._status()

    def _status(self) -> dict[str, Any]:
        now, head = self._control.now, self._journal.head
        who = {
            "commander": now.commander,
            "by": now.by,
            "since": None if now.since is None else rfc3339_ms(now.since),
        }
        return who | self._about_orders() | {"journal": {"n": head.n, "hash": head.hash}}

    def _trust_clock(self, call: Call) -> dict[str, Any]:
        """Somebody has looked at the clock and says that it is right."""
        now, quality = self._timebase.now()
        if quality == "none":
            raise OrderRefusedError("clock_unset", "this unit does not know the time")
        try:
            self._journal.write("clock_trusted", by=call.issuer, time=rfc3339_ms(now))
            self._control.remember(self._time.trust_now())
        except (JournalError, OSError) as error:
            raise OrderFailedError("storage", f"the disk does not take it: {error}") from error
        return {"time": rfc3339_ms(now), "quality": quality}

    def _note_local(self, call: Call, code: str | None) -> None:
        """What the crew does is on record like what the hub commands; what it only looks at is not.

        Whoever calls for help must not fail for want of a journal: it is done already.
        """
        kind, _, what = call.name.rpartition(".")
        if kind in ("control", "journal") or what in LOOKING:
            return
        if code is not None and not self._limits.allows(call.uid, REFUSALS_PER_MINUTE):
            return  # in the log alone: nobody shall push the evidence out of the journal
        with suppress(JournalError):
            self._journal.write("local", name=call.name, by=call.issuer, code=code, **_told(call))

    def _note_export(self, call: Call) -> dict[str, Any]:
        """Somebody takes a copy of the journal: that is a record of it."""
        requester, reason = _words(call, "requester"), _words(call, "reason")
        if requester is None or reason is None:
            raise OrderRefusedError("invalid_arguments", "name a requester and a reason")
        try:
            head = self._journal.write(
                "exported", by=call.issuer, requester=requester, reason=reason
            )
        except JournalError as error:
            raise OrderFailedError("storage", str(error)) from error
        return {"n": head.n}


def _told(call: Call) -> dict[str, Any]:
    """What was asked for, for the journal: whole, or by its digest where it is long or secret."""
    written = canonical(call.args)
    if len(written) > ARGS_BYTES or call.name in CONFIDENTIAL:
        return {"digest": hashlib.sha256(written).hexdigest()}
    return {"args": call.args or None}


def _words(call: Call, name: str) -> str | None:
    words = call.args.get(name)
    return text(words) or None if isinstance(words, str) else None
