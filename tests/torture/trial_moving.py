"""R-FENCE-1, R-MOVE-1: a drone that leaves its fence is on its way home within a second; orders."""

import importlib.util
import random
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from config.loading import load
from config.platforms import MavlinkPlatformConfig
from drivers.clock import SystemClock
from drivers.platforms.orders import GoHome, Hold
from edge.body.body import Body
from edge.moving import limits
from edge.moving.moving import Moving
from edge.seeing.poses import Poses
from tests.e2e.unit_process import write_unit_file
from tests.finders import Field
from tests.hearing import percentile
from tests.torture.trials import Broken, NotRun, Stage, held, trial
from tests.unit_under_test import wait_for

FENCE = {"crs": "wgs84", "centre": [117.1201, 36.6512], "radius_m": 100}
LIMIT_S = 1.0


@dataclass
class Aloft:
    """A drone in the air over UDP, and the unit's parts that watch and command it."""

    autopilot: Any
    moving: Moving
    body: Body

    @property
    def carrier(self) -> Any:
        return self.body.carriers["drone"]


@contextmanager
def aloft(stage: Stage, **platform: Any) -> Iterator[Aloft]:
    from drivers.simulated.mavlink.autopilot import SimulatedAutopilot
    from drivers.simulated.mavlink.bench import Pilot, UdpWire, serve

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    config = {"kind": "mavlink", "bind": "127.0.0.1", "net_port": port, **platform}
    settings = load(write_unit_file(stage.folder, "mqtt://127.0.0.1:1"), {}).settings
    drone = MavlinkPlatformConfig.model_validate(config)
    settings = settings.model_copy(
        update={"state_dir": stage.folder, "platforms": {"drone": drone}}
    )
    clock = SystemClock()
    body = Body(settings, Poses(settings.pose), clock)
    moving = Moving(settings, body.carriers, Field(stage.folder, clock).witness, clock)
    body.listen(moving.hear)
    autopilot, stop = SimulatedAutopilot(unix_s=time.time()), threading.Event()
    autopilot.take_off(30)
    wire = UdpWire("127.0.0.1", port)
    works = [*body.works().values(), *moving.works().values()]
    threads = [threading.Thread(target=work, args=(lambda: None, stop)) for work in works]
    hands = (autopilot, wire, Pilot(autopilot), lambda _words: None, stop.is_set, None)
    threads.append(threading.Thread(target=serve, args=hands))
    for thread in threads:
        thread.start()
    try:
        made = Aloft(autopilot, moving, body)
        held(wait_for(lambda: made.carrier.can(GoHome), 20), "the autopilot was not heard")
        yield made
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _needs_pymavlink() -> None:
    if importlib.util.find_spec("pymavlink") is None:
        raise NotRun("needs pymavlink: pip install 'patrol-edge[mavlink]'")


@trial("R-FENCE-1", "a drone that leaves its fence obeys the unit's return within a second")
def fence(stage: Stage) -> str:
    _needs_pymavlink()
    dice = random.Random(1)
    patient_s, limits.INSIDE_S = limits.INSIDE_S, 0.3
    try:
        with aloft(stage, fence=FENCE | {"on_breach": "tell"}) as drone:
            control_s = _breach(drone, dice)
            held(control_s is None, "the control, which orders nothing, came home all the same")
        with aloft(stage, fence=FENCE) as drone:
            clean = [_breach(drone, dice) for _ in range(stage.sized(50, 1000))]
            drone.autopilot.faults.lost = 0.1
            lossy = [_breach(drone, dice, within_s=5.0) for _ in range(stage.sized(20, 200))]
    finally:
        limits.INSIDE_S = patient_s
    late = [each for each in clean if each is None or each > LIMIT_S]
    if late:
        raise Broken(f"{len(late)} of {len(clean)} breaches were answered too late: {late[:5]}")
    times = sorted(each for each in clean if each is not None)
    lost = [each for each in lossy if each is not None]
    held(len(lost) == len(lossy), f"{len(lossy) - len(lost)} were never answered with 10 % lost")
    return (
        f"{len(times)} breaches: from outside to the autopilot's RTL p50 "
        f"{1e3 * statistics.median(times):.0f} ms, worst {1e3 * times[-1]:.0f} ms (limit "
        f"{1e3 * LIMIT_S:.0f}); with 10 % of all messages lost {len(lost)} of {len(lossy)} come "
        f"home, worst {1e3 * max(lost):.0f} ms; a fence that only tells brings nobody home"
    )


def _breach(drone: Aloft, dice: random.Random, within_s: float = 1.5) -> float | None:
    """Put it inside, then outside; how long it flies on. None: it does."""
    from drivers.simulated.mavlink.flight import Spot, moved

    pilot = drone.autopilot
    home = Spot(pilot.home.lat_deg, pilot.home.lon_deg, 30.0)
    pilot.set_mode("LOITER")
    pilot.body.spot = home
    held(wait_for(lambda: not drone.moving.limits.breaches(), 20), "the last breach does not end")
    time.sleep(dice.uniform(0, 0.3))  # at any moment between two messages
    pilot.body.spot = moved(home, dice.choice((-130.0, 130.0)), dice.uniform(-50, 50))
    began_s = time.monotonic()
    returns = wait_for(lambda: pilot.mode == "RTL", within_s)
    return time.monotonic() - began_s if returns else None


@trial("R-MOVE-1", "an autopilot's answer to an order is back within a quarter of a second")
def orders(stage: Stage) -> str:
    _needs_pymavlink()
    with aloft(stage) as drone:
        requests, times = drone.carrier.requests, []
        for number in range(stage.sized(200, 5000)):
            began_s = time.monotonic()
            done = requests.ask(Hold() if number % 2 else GoHome(), 2.0)
            times.append(1e3 * (time.monotonic() - began_s))
            held(done.ok, f"order {number} was refused: {done.text}")
    p99 = percentile(times, 99)
    held(p99 <= 250, f"p99 {p99:.0f} ms")
    return (
        f"{len(times)} orders, from the unit to the autopilot's COMMAND_ACK and back: p50 "
        f"{statistics.median(times):.0f} ms, p99 {p99:.0f} ms, worst {max(times):.0f} ms; the "
        "simulated autopilot looks every 20 ms, the driver waits for at most 50"
    )
