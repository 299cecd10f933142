"""Who may have an actuator: wishes in, verdicts out. It has no clock, no thread and no device.

Of several wishes for one actuator the highest level wins, then the newest. What loses waits and
goes on afterwards, if its time is not over by then; a siren or a voice that was cut short is over.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from edge.acting.claims import Claim, Ended, Fitting, Holding, Level, Refusal, Sounding, Verdict
from edge.acting.interlocks import Condition, off_by, refusal_by, softened
from edge.acting.ration import Ration

DUCKED = 0.25  # of its loudness, while something that matters more sounds
_NOTHING: frozenset[Condition] = frozenset()
_USED_UP: frozenset[Condition] = frozenset({"used_up"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What holds now, of the unit and of single actuators."""

    unit: frozenset[Condition] = _NOTHING
    fittings: Mapping[str, frozenset[Condition]] = field(default_factory=dict)
    quiet_volume: float = 1.0


@dataclass(frozen=True, slots=True)
class _Run:
    """A rationed actuator is on."""

    begun_s: float
    claim: Claim


class Arbiter:
    """Times are monotonic seconds, and never less than at the call before."""

    def __init__(
        self,
        fittings: Mapping[str, Fitting],
        exclusions: Sequence[Sequence[str]] = (),
        ration: Ration | None = None,
    ) -> None:
        """`exclusions`: of each group at most one is on."""
        self.fittings = fittings
        self.ration = ration or Ration()
        self._others = {
            name: {other for group in exclusions if name in group for other in group} - {name}
            for name in fittings
        }
        self._claims: dict[tuple[str, Level, str], Claim] = {}
        self._runs: dict[str, _Run] = {}

    # --- wishes ---

    @property
    def claims(self) -> tuple[Claim, ...]:
        return tuple(self._claims.values())

    def would(self, claim: Claim, now_s: float, around: Around) -> Refusal | None:
        """Why this would be refused now; changes nothing."""
        fitting = self.fittings[claim.fitting]
        rule = off_by(fitting, claim, self._conditions(claim, now_s, around))
        if rule is not None:
            free_in_s = self.ration.free_in_s(claim.fitting, now_s)
            detail = f"free again in {free_in_s:.0f} s" if rule.condition == "used_up" else ""
            return refusal_by(rule, claim.fitting, detail)
        return self._busy(claim, now_s) if claim.level >= Level.OPERATOR else None

    def claim(self, claim: Claim, now_s: float, around: Around) -> Refusal | None:
        """Take it up, or say why not. The same wish made again goes on where it was."""
        refusal = self.would(claim, now_s, around)
        if refusal is None:
            before = self._claims.get(claim.key)
            same = before is not None and before.wanted == claim.wanted
            if before is not None and same and not isinstance(claim.wanted, Sounding):
                claim = replace(claim, id=before.id)
            self._claims[claim.key] = self._within_its_run(claim)
        return refusal

    def _within_its_run(self, claim: Claim) -> Claim:
        """Asking again makes no rationed actuator stay on for longer at a time."""
        fitting, run = self.fittings[claim.fitting], self._run_of(claim)
        if not fitting.rationed or run is None:
            return claim
        return replace(claim, until_s=min(claim.until_s, run.begun_s + fitting.longest_s))

    def take_back(self, which: Callable[[Claim], bool]) -> list[Claim]:
        """These are wanted no more."""
        found = [claim for claim in self._claims.values() if which(claim)]
        for claim in found:
            del self._claims[claim.key]
        return found

    def _busy(self, claim: Claim, now_s: float) -> Refusal | None:
        """Whether somebody has it who need not give way to a person."""
        for held in self._claims.values():
            here = held.fitting == claim.fitting and held.level > claim.level
            beside = held.fitting in self._others[claim.fitting] and held.level >= claim.level
            if held.until_s > now_s and (here or beside):
                what = f"{held.fitting} is on, and only one of the two may be: " if beside else ""
                text = f"{claim.fitting}: {what}held by {held.level.word} ({held.source})"
                return Refusal("busy", f"{text}, for {held.until_s - now_s:.0f} s more at most")
        return None

    def _conditions(self, claim: Claim, now_s: float, around: Around) -> frozenset[Condition]:
        holds = around.unit | around.fittings.get(claim.fitting, _NOTHING)
        if not self.fittings[claim.fitting].rationed or self._run_of(claim) is not None:
            return holds
        return holds | _USED_UP if self.ration.free_in_s(claim.fitting, now_s) > 0 else holds

    def _run_of(self, claim: Claim) -> _Run | None:
        """The time under way that this wish goes on with. Each sound is one of its own."""
        run = self._runs.get(claim.fitting)
        own = run is not None and run.claim.id == claim.id
        return run if own or not isinstance(claim.wanted, Sounding) else None

    # --- verdicts ---

    def decide(self, now_s: float, around: Around) -> Verdict:
        ended = [
            Ended(claim, cause)
            for claim in self.claims
            if (cause := self._over(claim, now_s, around)) is not None
        ]
        self._end(ended)
        holders, outranked = self._holders()
        self._end(outranked)
        for name in self._runs.keys() - holders.keys():
            del self._runs[name]
        begun = [name for name, claim in holders.items() if self._begins(claim, now_s)]
        holdings = {
            name: Holding(claim=claim, volume=self._volume(claim, holders, around))
            for name, claim in holders.items()
        }
        return Verdict(holdings=holdings, ended=(*ended, *outranked), begun=tuple(begun))

    def _over(self, claim: Claim, now_s: float, around: Around) -> str | None:
        """Why it ends now."""
        run, fitting = self._run_of(claim), self.fittings[claim.fitting]
        if fitting.rationed and run is not None and now_s >= run.begun_s + fitting.longest_s:
            return "limit"
        if now_s >= claim.until_s:
            return "over"
        rule = off_by(fitting, claim, self._conditions(claim, now_s, around))
        return None if rule is None else rule.condition

    def _end(self, ended: Iterable[Ended]) -> None:
        for each in ended:
            del self._claims[each.claim.key]

    def _holders(self) -> tuple[dict[str, Claim], list[Ended]]:
        """Who has each actuator; and what has lost, and does not wait."""
        best: dict[str, Claim] = {}
        for claim in self._claims.values():
            other = best.get(claim.fitting)
            if other is None or (claim.level, claim.id) > (other.level, other.id):
                best[claim.fitting] = claim
        holders: dict[str, Claim] = {}
        for claim in sorted(best.values(), key=lambda each: (-each.level, each.id)):
            if self._others[claim.fitting].isdisjoint(holders):
                holders[claim.fitting] = claim
        lost = [
            Ended(claim, "outranked")
            for claim in self._claims.values()
            if self.fittings[claim.fitting].rationed and holders.get(claim.fitting) is not claim
        ]
        return holders, lost

    def _begins(self, claim: Claim, now_s: float) -> bool:
        """Whether a rationed actuator goes on with this; it is counted."""
        if not self.fittings[claim.fitting].rationed or self._run_of(claim) is not None:
            return False
        self._runs[claim.fitting] = _Run(now_s, claim)
        self.ration.note(claim.fitting, now_s)
        return True

    def _volume(self, claim: Claim, holders: Mapping[str, Claim], around: Around) -> float | None:
        if not isinstance(claim.wanted, Sounding):
            return None
        fitting = self.fittings[claim.fitting]
        volume = min(claim.wanted.volume, fitting.max_volume)
        if softened(fitting, claim, around.unit):
            volume = min(volume, around.quiet_volume)
        own = self._weight(claim)
        rest = (self._weight(other) for other in holders.values() if other is not claim)
        return volume * DUCKED if any(other > own for other in rest) else volume

    def _weight(self, claim: Claim) -> int:
        """What sounds lower what weighs less: emergency speech, siren, speech, clips."""
        if self.fittings[claim.fitting].kind == "siren":
            return 3
        if not isinstance(claim.wanted, Sounding):
            return 0
        if claim.level == Level.EMERGENCY and claim.wanted.speech:
            return 4
        return 2 if claim.wanted.speech else 1
