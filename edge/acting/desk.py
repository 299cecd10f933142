"""Where wishes come in and verdicts go out to the actuators: the arbiter, with a lock and a clock.

What a siren or a loudspeaker has used up is on the disk before it goes on.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from drivers.actuators.actuator import Sound, Volume
from drivers.clock import Clock, computer_boot_id
from edge.acting.arbiter import Arbiter, Around
from edge.acting.claims import Claim, Ended, Fitting, Holding, Refusal, Sounding, Verdict, Wish
from edge.acting.conditions import QUIETED_S, Conditions
from edge.acting.outlet import Outlet
from edge.acting.ration import MOST_USES, Ration, still_counting
from edge.acting.record import ActingBook
from edge.tasks.memory import Memory

REMEMBER_EVERY_S = 5.0  # after the disk has refused


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a wish: it was taken up, or refused."""

    wish: Wish
    claim: Claim | None = None
    refusal: Refusal | None = None


class Desk:
    """Any thread. `told` hears what ended before it was taken back, in the thread that finds it."""

    def __init__(
        self,
        outlets: Mapping[str, Outlet],
        exclusions: Iterable[tuple[str, ...]],
        conditions: Conditions,
        memory: Memory[ActingBook],
        clock: Clock,
        told: Callable[[Ended], None],
        boot: str | None = None,
    ) -> None:
        self.outlets = outlets
        self.conditions = conditions
        self.memory = memory
        self._clock = clock
        self._told = told
        self._boot = computer_boot_id() if boot is None else boot
        self._lock = threading.RLock()
        self._ids = 0
        self._saved_s = float("-inf")
        self.holdings: dict[str, Holding] = {}  # replaced whole, for those who look
        self.book = memory.load() or ActingBook()
        conditions.stopped = self.book.stopped_by is not None
        conditions.crew_stealth = self.book.stealth_by is not None
        now_s = clock.mono_s()
        used = still_counting(self.book.uses, self._boot, now_s)
        fittings = {name: _fitting(outlet) for name, outlet in outlets.items()}
        if memory.lost is not None:  # nobody knows how often: as often as may be
            used = {name: [now_s] * MOST_USES for name, each in fittings.items() if each.rationed}
        self._arbiter = Arbiter(fittings, list(exclusions), Ration(used))

    # --- wishes ---

    def would(self, wish: Wish) -> Refusal | None:
        """Why it would be refused now; changes nothing."""
        with self._lock:
            now_s = self._clock.mono_s()
            return self._away(wish) or self._arbiter.would(
                self._claim(wish, now_s), now_s, self._around(now_s)
            )

    def act(self, wishes: Iterable[Wish]) -> list[Outcome]:
        """Take up what may be, and tell the actuators. They have not answered yet."""
        with self._lock:
            now_s = self._clock.mono_s()
            around = self._around(now_s)
            taken = [self._take(wish, now_s, around) for wish in wishes]
            ended = self._decide(now_s, around)
            outcomes = [self._checked(each, ended) for each in taken]
        self._tell(ended)
        return outcomes

    def take_back(self, which: Callable[[Claim], bool]) -> list[Claim]:
        """These are wanted no more."""
        with self._lock:
            found = self._arbiter.take_back(which)
        self.look()
        return found

    @property
    def claims(self) -> tuple[Claim, ...]:
        with self._lock:
            return self._arbiter.claims

    def holder(self, fitting: str) -> Claim | None:
        holding = self.holdings.get(fitting)
        return None if holding is None else holding.claim

    def left_s(self, claim: Claim) -> float:
        """How long it is still on, unless it is asked for again."""
        held = self.holder(claim.fitting)
        return max(0.0, (claim if held is None else held).until_s - self._clock.mono_s())

    def play(self, claim: Claim, sound: Sound) -> bool:
        """Let a loudspeaker sound, if it is still this wish's; False if it is not."""
        with self._lock:
            holding = self.holdings.get(claim.fitting)
            if holding is None or holding.claim.id != claim.id:
                return False
            volume = 0.0 if holding.volume is None else holding.volume
            self.outlets[claim.fitting].tell(replace(sound, volume=volume), again=False)
            return True

    # --- what begins and ends to hold ---

    def look(self) -> None:
        """What is due by the clock, and what no longer may be."""
        with self._lock:
            now_s = self._clock.mono_s()
            if self.memory.fault is not None and now_s - self._saved_s >= REMEMBER_EVERY_S:
                self._remember(now_s)
            ended = self._decide(now_s, self._around(now_s))
        self._tell(ended)

    def quiet(self) -> None:
        """What plans and programmes want stays off for a while."""
        with self._lock:
            self.conditions.quieted_until_s = self._clock.mono_s() + QUIETED_S

    def latch(self, *, stopped_by: str | None, stealth_by: str | None) -> None:
        """What the crew decides holds over a restart."""
        with self._lock:
            self.book = replace(self.book, stopped_by=stopped_by, stealth_by=stealth_by)
            self.conditions.stopped = stopped_by is not None
            self.conditions.crew_stealth = stealth_by is not None
            if stopped_by is None:
                self.conditions.quieted_until_s = float("-inf")
            self._remember(self._clock.mono_s())
        self.look()

    def tune(self, *, stealth: bool) -> None:
        with self._lock:
            self.conditions.mode_stealth = stealth
        self.look()

    # --- with the lock ---

    def _around(self, now_s: float) -> Around:
        reports = {name: outlet.report for name, outlet in self.outlets.items()}
        celsius = {name: each.celsius for name, each in reports.items() if each is not None}
        return self.conditions.around(now_s, celsius)

    def _claim(self, wish: Wish, now_s: float) -> Claim:
        self._ids += 1
        longest_s = self._arbiter.fittings[wish.fitting].longest_s
        return Claim(
            id=self._ids,
            fitting=wish.fitting,
            level=wish.level,
            wanted=wish.wanted,
            until_s=now_s + min(wish.for_s, longest_s),
            source=wish.source,
            origin=wish.origin,
            issuer=wish.issuer,
            why=wish.why,
        )

    def _away(self, wish: Wish) -> Refusal | None:
        outlet = self.outlets[wish.fitting]
        if outlet.there:
            return None
        why = outlet.health.last_error or "it was not opened yet"
        return Refusal("wrong_state", f"{wish.fitting} is not there: {why}")

    def _take(self, wish: Wish, now_s: float, around: Around) -> Outcome:
        claim = self._claim(wish, now_s)
        refusal = self._away(wish) or self._arbiter.claim(claim, now_s, around)
        return Outcome(wish, claim if refusal is None else None, refusal)

    def _checked(self, outcome: Outcome, ended: Iterable[Ended]) -> Outcome:
        """It may have ended in the very moment: the disk does not take that it was used."""
        for each in ended:
            if outcome.claim is not None and each.claim.id == outcome.claim.id:
                code = "storage" if each.cause == "not_remembered" else "busy"
                return Outcome(
                    outcome.wish, None, Refusal(code, f"{each.claim.fitting}: {each.cause}")
                )
        return outcome

    def _decide(self, now_s: float, around: Around) -> list[Ended]:
        verdict = self._arbiter.decide(now_s, around)
        ended = list(verdict.ended)
        if verdict.begun and not self._remember(now_s):
            around = replace(around, unit=around.unit | {"not_remembered"})
            verdict = self._arbiter.decide(now_s, around)
            ended += verdict.ended
        self._carry_out(verdict)
        return ended

    def _remember(self, now_s: float) -> bool:
        self._saved_s = now_s
        self.book = replace(self.book, uses=self._arbiter.ration.uses(self._boot, now_s))
        saved = self.memory.save(self.book)
        self.conditions.not_remembered = not saved
        return saved

    def _carry_out(self, verdict: Verdict) -> None:
        before, self.holdings = self.holdings, verdict.holdings
        for name, outlet in self.outlets.items():
            _carry_out(outlet, before.get(name), self.holdings.get(name))

    def _tell(self, ended: Iterable[Ended]) -> None:
        for each in ended:
            self._told(each)


def _carry_out(outlet: Outlet, before: Holding | None, now: Holding | None) -> None:
    """Tell the actuator what is new. What a loudspeaker plays comes by `play`."""
    if outlet.kind != "pan_tilt":
        outlet.hold(float("inf") if now is None else now.claim.until_s)
    if outlet.kind == "speaker":
        was, shall = (None if each is None else each.claim.id for each in (before, now))
        if was is not None and was != shall:
            outlet.off()
        elif before is not None and now is not None and before.volume != now.volume:
            outlet.tell(Volume(volume=now.volume or 0.0), again=False)
        return
    wanted = None if now is None else now.claim.wanted
    if wanted == (None if before is None else before.claim.wanted):
        return
    if wanted is not None and not isinstance(wanted, Sounding):
        outlet.tell(wanted)
    elif outlet.kind != "pan_tilt":  # a mount stays where it was turned to
        outlet.off()


def _fitting(outlet: Outlet) -> Fitting:
    config = outlet.config
    return Fitting(
        name=outlet.name,
        kind=config.kind,
        max_on_s=config.max_on_s,
        max_volume=config.max_volume if config.kind == "speaker" else 1.0,
        unseen=config.kind == "relay" and config.unseen,
    )
