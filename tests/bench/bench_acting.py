"""Arbitration: what a decision takes, with 16 actuators and 50 wishes for them.

The peer in the same run is the least that any arbitration must do: the same wishes sorted by level.
"""

import time
from collections.abc import Callable, Iterator
from operator import attrgetter

from drivers.actuators.actuator import Output
from edge.acting.arbiter import Arbiter, Around
from edge.acting.claims import Claim, Fitting, Kind, Level, Sounding
from tests.bench.figures import Figure

KINDS: tuple[Kind, ...] = (
    "light", "light", "light", "light", "beacon", "beacon", "siren", "siren", "relay", "relay",
    "relay", "relay", "record_lamp", "pan_tilt", "speaker", "speaker",
)  # fmt: skip
WISHES = 58  # some of them are refused or over at once
ROUNDS = 5000
P99 = ROUNDS * 99 // 100
LIMIT_MS = 1.0
AROUND = Around(unit=frozenset({"quiet_hours"}), quiet_volume=0.3)


def measure() -> Iterator[Figure]:
    arbiter, claims = _full()
    held = len(arbiter.claims)
    work_ms, clock_ms = (sorted(each) for each in zip(*_times_ms(arbiter, claims), strict=True))
    peer_ms, _ = _timed_ms(lambda: sorted(claims, key=attrgetter("fitting", "level", "id")))
    told = f"{len(KINDS)} actuators, {held} wishes; sorting them alone: {peer_ms:.3f} ms"
    yield Figure(name="a wish and its verdict, p99", value=work_ms[P99], unit="ms",
                 limit=LIMIT_MS, peer=told)  # fmt: skip
    yield Figure(name="a wish and its verdict, median", value=work_ms[ROUNDS // 2], unit="ms")
    yield Figure(name="by the clock, p99", value=clock_ms[P99], unit="ms",
                 peer="with whatever else this computer does meanwhile")  # fmt: skip


def _full() -> tuple[Arbiter, list[Claim]]:
    """All that can wait, waits: each actuator is wanted by several."""
    fittings = {
        f"{kind}_{number}": Fitting(name=f"{kind}_{number}", kind=kind, max_on_s=300.0)
        for number, kind in enumerate(KINDS)
    }
    names = sorted(fittings)
    arbiter = Arbiter(fittings, [names[:2], names[4:7]])
    claims = [_claim(number, names, fittings) for number in range(WISHES)]
    for claim in claims:
        arbiter.claim(claim, 0.0, Around())
    return arbiter, claims


def _claim(number: int, names: list[str], fittings: dict[str, Fitting]) -> Claim:
    name = names[number % len(names)]
    sounds = fittings[name].kind == "speaker"
    return Claim(
        id=number,
        fitting=name,
        level=list(Level)[number // len(names)],
        wanted=Sounding(name="a") if sounds else Output(level=1.0),
        until_s=1e9,
        source=f"source {number}",
    )


def _times_ms(arbiter: Arbiter, claims: list[Claim]) -> Iterator[tuple[float, float]]:
    for number in range(ROUNDS):
        claim, now_s = claims[number % WISHES], number / 1000

        def decide(claim: Claim = claim, now_s: float = now_s) -> None:
            arbiter.claim(claim, now_s, AROUND)
            arbiter.decide(now_s, AROUND)

        yield _timed_ms(decide)


def _timed_ms(do: Callable[[], object]) -> tuple[float, float]:
    """Of this thread's own work, and by the clock."""
    began_s, work_s = time.perf_counter(), time.thread_time()
    do()
    return (time.thread_time() - work_s) * 1000, (time.perf_counter() - began_s) * 1000
