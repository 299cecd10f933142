"""What is told of actuators: how they are, in the state; what ended before its time, on record."""

from datetime import datetime, timedelta

import structlog

from drivers.clock import Clock
from edge.acting.claims import Claim, Ended, Level
from edge.acting.desk import Desk
from edge.acting.interlocks import INTERLOCKS
from edge.acting.outlet import Outlet
from edge.seeing.witness import Witness
from telemetry.contract.body import Actuator
from telemetry.contract.events import BodyEvent
from telemetry.contract.wire_types import short, text

STEP_C = 5  # a temperature is told in steps: each change of the state is a message
AS_ASKED = ("over", "replaced")
WHY = {rule.condition: rule.because for rule in INTERLOCKS} | {
    "limit": "it was on for as long as it may be at a time",
    "outranked": "somebody of a higher level has it now",
}


class Telling:
    """Any thread."""

    def __init__(self, witness: Witness, clock: Clock) -> None:
        self._witness = witness
        self._clock = clock
        self._until: dict[tuple[int, float], datetime] = {}

    def ended(self, ended: Ended) -> None:
        """Ended by a rule, not by its time: into the journal, and to the hub if it was its own."""
        if ended.cause in AS_ASKED:
            return
        claim, why = ended.claim, WHY.get(ended.cause, ended.cause)
        structlog.get_logger().warning("acting_ended", actuator=claim.fitting, cause=ended.cause)
        self._witness.note(
            "acting_ended",
            actuator=claim.fitting,
            cause=ended.cause,
            level=claim.level.word,
            by=claim.issuer or claim.source,
        )
        if ended.cause == "hub_lost":
            what = text(f"{claim.fitting} is off: {why}")
            self._witness.tell(
                BodyEvent(what="dead_man", component=short(claim.fitting), text=what), None
            )

    def states(self, desk: Desk) -> tuple[Actuator, ...]:
        """For the state message."""
        holdings = desk.holdings
        claims = {name: each.claim for name, each in holdings.items()}
        self._until = {
            key: self._until.get(key) or self._utc(claim)
            for claim in claims.values()
            for key in [(claim.id, claim.until_s)]
        }
        return tuple(self._state(outlet, claims.get(name)) for name, outlet in desk.outlets.items())

    def _until_told(self, claim: Claim | None) -> datetime | None:
        """Programmes and emergencies ask again and again: when they end, nobody knows."""
        if claim is None or claim.level is not Level.OPERATOR:
            return None
        return self._until.get((claim.id, claim.until_s))

    def _utc(self, claim: Claim) -> datetime:
        return self._witness.now() + timedelta(seconds=claim.until_s - self._clock.mono_s())

    def _state(self, outlet: Outlet, claim: Claim | None) -> Actuator:
        report = outlet.report if outlet.there else None
        said = outlet.health.last_error if report is None else report.fault
        fault = said or outlet.disobeys
        return Actuator(
            name=outlet.name,
            kind=outlet.kind,
            on=outlet.on,
            level=0.0 if report is None else min(1.0, max(0.0, report.level)),
            pattern=report.pattern if report is not None and outlet.on else None,
            playing=short(report.playing) if report is not None and report.playing else None,
            pan_deg=None if report is None else _whole(report.pan_deg),
            tilt_deg=None if report is None else _whole(report.tilt_deg),
            by=None if claim is None else claim.level.word,
            until=self._until_told(claim),
            measured=report is not None and report.measured,
            celsius=None if report is None else _stepped(report.celsius),
            fault=text(fault) if fault else None,
        )


def _whole(degrees: float | None) -> float | None:
    return None if degrees is None else float(round(degrees))


def _stepped(celsius: float | None) -> float | None:
    return None if celsius is None else float(round(celsius / STEP_C) * STEP_C)
