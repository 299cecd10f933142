"""R-MOD-1: a part that is pulled out is told as lost, and one that is back as back, within 5 s."""

import random
import threading
import time
from collections.abc import Callable

from tests.pulled_plugs import Plugs, plugs
from tests.torture.trials import Stage, held, trial

LIMIT_S = 5.0


@trial("R-MOD-1", "a camera or receiver that is pulled is told as lost, and as back, within 5 s")
def modules_are_missed(stage: Stage) -> str:
    pulls = stage.sized(5, 60)
    took_s: dict[str, list[float]] = {}
    with plugs(stage.folder) as unit:
        time.sleep(4.0)  # both have spoken
        camera, receiver = unit.camera, unit.receiver
        rounds = [
            ("front", camera.vanish, camera.listen),
            ("main", receiver.pull, receiver.plug_in),
        ]
        threads = [
            threading.Thread(target=_pull, args=(unit, *each, pulls, took_s)) for each in rounds
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for name, count in (("front", pulls), ("main", pulls)):
        for what in ("lost", "back"):
            worst_s = max(took_s.get(f"{name} {what}", []), default=float("inf"))
            held(worst_s <= LIMIT_S, f"{name} was told as {what} after {worst_s:.1f} s")
            held(len(took_s[f"{name} {what}"]) == count, f"{name}: not each pull was told")
    told = "; ".join(
        f"{name} median {sorted(times)[len(times) // 2]:.2f} s, worst {max(times):.2f} s"
        for name, times in sorted(took_s.items())
    )
    return f"{pulls} pulls each, limit {LIMIT_S:g} s: {told}"


def _pull(
    unit: Plugs,
    name: str,
    pull: Callable[[], None],
    plug_in: Callable[[], None],
    pulls: int,
    took_s: dict[str, list[float]],
) -> None:
    chance = random.Random(name)
    for _ in range(pulls):
        for what, act in (("lost", pull), ("back", plug_in)):
            acted_s = time.monotonic()
            act()
            try:
                seconds = unit.wait_for(what, name, acted_s, 3 * LIMIT_S)
            except AssertionError:
                seconds = 3 * LIMIT_S
            took_s.setdefault(f"{name} {what}", []).append(seconds)
            # Some stay away for long: whoever looks for them more and more seldom is found out.
            time.sleep(chance.choice((0.5, 1.0, 1.5, 8.0 if what == "lost" else 0.5)))
