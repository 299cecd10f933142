"""R-USB-1: receivers and boards are pulled out at any byte and come back under other numbers."""

import random
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.torture.pluggable import PERIOD_S, BoardPort, Port, ReceiverPort, receiver_at
from tests.torture.trials import Stage, held, trial
from tests.torture.watched import Watched, course, nothing_left, quiet
from tests.unit_under_test import wait_for

RECEIVERS, BOARDS = 6, 4  # at a time: as many as no unit has
BACK_WITHIN_S = 3.0
GIVE_UP_S = 12.0
AWAY_S = (0.3, 2.5)  # what was read before it was pulled is told within 0.2 s


@dataclass(slots=True)
class Found:
    """What the closes of one port showed."""

    back_s: list[float] = field(default_factory=list)
    late: int = 0


def torn(port: Port, driver: Watched, times: int, chance: random.Random) -> Found:
    """Pulled out and put back so many times."""
    found = Found()
    for _ in range(times):
        time.sleep(chance.uniform(0.2, 0.8))
        port.pull(chance)
        time.sleep(chance.uniform(*AWAY_S))
        port.plug_in()
        back_s = driver.back_after_s(time.monotonic(), GIVE_UP_S)
        found.late += back_s is None
        found.back_s += [] if back_s is None else [back_s]
    return found


def naive_is_back(folder: Path) -> bool:
    """Whether a reader that opened the node itself, as `/dev/ttyUSB0` would be, finds it again."""
    port = ReceiverPort(folder / "usb-naive")
    receiver = receiver_at(str(port.link.readlink()))
    held(wait_for(lambda: bool(receiver.came_s), 5), "the control's receiver does not speak")
    port.pull(random.Random(1))
    held(wait_for(lambda: not receiver.health.open, 5), "the control does not notice")
    port.take_number()  # it shall not open some other program's line
    time.sleep(1.0)
    port.plug_in()
    back = receiver.back_after_s(time.monotonic(), 4.0) is not None
    receiver.stop()
    port.close()
    return back


def ports_of(folder: Path) -> list[Port]:
    """Every second receiver's speed has to be found."""
    receivers = [
        ReceiverPort(folder / f"usb-receiver-{n}", "auto" if n % 2 else 9600)
        for n in range(RECEIVERS)
    ]
    return [*receivers, *(BoardPort(folder / f"usb-board-{n}") for n in range(BOARDS))]


@trial("R-USB-1", "what is pulled out at any byte, receiver or board, is back within 3 s")
def unplugged(stage: Stage) -> str:
    closes = stage.sized(60, 500)
    with quiet():
        held(not naive_is_back(stage.folder), "the control, a node's own number, came back, too")
        with nothing_left():
            ports, steady = ports_of(stage.folder), ReceiverPort(stage.folder / "usb-steady")
            drivers = [port.watched() for port in ports]

            def harm(number: int) -> Found:
                times, chance = closes // len(ports), random.Random(number)
                return torn(ports[number], drivers[number], times, chance)

            went = course(drivers, steady.watched(), harm, stage.sized(5, 30), PERIOD_S)
            for port in [*ports, steady]:
                port.close()
    held(not sum(one.late for one in went.found), f"not back after {GIVE_UP_S:g} s")
    held(min(len(port.targets) for port in ports) > 1, "nobody was renumbered: nothing is proved")
    of_receivers = sorted(s for one in went.found[:RECEIVERS] for s in one.back_s)
    of_boards = sorted(s for one in went.found[RECEIVERS:] for s in one.back_s)
    worst_s = max(of_receivers[-1], of_boards[-1])
    held(worst_s <= BACK_WITHIN_S, f"back after {worst_s:.2f} s")
    return (
        f"{len(of_receivers)} closes of {RECEIVERS} receivers and {len(of_boards)} of {BOARDS} "
        f"boards, all at a time, each renumbered: receivers {_told(of_receivers)}, boards "
        f"{_told(of_boards)}; {went.told('receiver')}; the control, which keeps the number, never "
        "came back"
    )


def _told(back_s: list[float]) -> str:
    p99_s = back_s[int(0.99 * len(back_s))]
    return f"p50 {statistics.median(back_s):.2f} s, p99 {p99_s:.2f} s, worst {back_s[-1]:.2f} s"
