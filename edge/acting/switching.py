"""Carries out what switches something on or off: for the hub's commands, and for the crew."""

import time
from typing import Any

from drivers.samples import Done
from edge.acting.claims import Claim, Level
from edge.acting.desk import Desk, Outcome
from edge.acting.interlocks import LAWFUL, SEEN_OR_HEARD
from edge.acting.wishes import Asker, Order
from telemetry.commands.handling import OrderFailedError, OrderRefusedError

ANSWER_S = 0.15  # for a device to confirm; one that takes longer is told as not confirmed

Answer = dict[str, Any]


class Switching:
    """Any thread."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def check(self, order: Order) -> None:
        """Raises OrderRefusedError where none of it can be done."""
        refusals = [self._desk.would(wish) for wish in order.wishes]
        if refusals and all(refusals) and (first := refusals[0]) is not None:
            raise OrderRefusedError(first.code, first.text)

    def carry_out(self, order: Order) -> Answer:
        """What became of it. Raises OrderRefusedError, and OrderFailedError where a device says
        that it does not do it."""
        if order.off:
            return self._off(order.off)
        outcomes = self._desk.act(order.wishes)
        refused = [each.refusal for each in outcomes if each.refusal is not None]
        if len(refused) == len(outcomes):
            raise OrderRefusedError(refused[0].code, refused[0].text)
        ends_s = time.monotonic() + ANSWER_S
        return {"actuators": [self._told(each, ends_s) for each in outcomes]}

    def _off(self, names: tuple[str, ...]) -> Answer:
        """The operator's wish ends, and with it what plans and programmes want; no emergency's."""
        self._desk.take_back(lambda claim: claim.fitting in names and claim.level <= Level.OPERATOR)
        told = []
        for name in names:
            held = self._desk.holder(name)
            if held is not None:
                text = f"held by {held.level.word} ({held.source})"
                told.append({"name": name, "on": True, "text": text})
                continue
            told.append({"name": name, "on": False, "confirmed": self._is_off(name)})
        return {"actuators": told}

    def _told(self, outcome: Outcome, ends_s: float) -> Answer:
        """Raises OrderFailedError; then the wish is taken back."""
        name, claim = outcome.wish.fitting, outcome.claim
        if claim is None:
            text = "" if outcome.refusal is None else outcome.refusal.text
            return {"name": name, "on": False, "text": text}
        done = self._desk.outlets[name].answer(max(0.0, ends_s - time.monotonic()))
        if done is not None and not done.ok:
            self._desk.take_back(lambda each: each.id == claim.id)
            raise OrderFailedError("device", f"{name}: {done.text or 'it does not do it'}")
        return {"name": name, "on": True, "for_s": round(self._desk.left_s(claim), 1)} | _confirmed(
            done
        )

    def quiet(self, asker: Asker) -> Answer:
        """All off, but for the lamp that tells of recording. A hub's quiet spares an emergency."""
        top = Level.EMERGENCY if asker.origin == "local" else Level.OPERATOR
        reached = SEEN_OR_HEARD - LAWFUL

        def ends(claim: Claim) -> bool:
            return claim.level <= top and self._desk.outlets[claim.fitting].kind in reached

        self._desk.quiet()
        ended = self._desk.take_back(ends)
        off = sorted({claim.fitting for claim in ended})
        left = [name for name in self._desk.holdings if self._desk.outlets[name].kind in reached]
        unconfirmed = [name for name in off if not self._is_off(name)]
        return {"off": off, "left": sorted(left), "unconfirmed": unconfirmed}

    def _is_off(self, name: str) -> bool:
        outlet = self._desk.outlets[name]
        done = outlet.answer(ANSWER_S)
        return not outlet.on if done is None else done.ok


def _confirmed(done: Done | None) -> Answer:
    return {"confirmed": done is not None and done.ok}
