"""A carrier that does what it is asked, in a thread of its own, and remembers it."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from config.robots import RobotPlatformConfig
from drivers.platforms.orders import Abilities, PlatformOrder, PlatformSample
from drivers.samples import Done, VehicleState
from edge.body.carrier import Carrier, Listener
from edge.running.asking import Asked
from edge.running.driver_loop import DriverHealth


@dataclass
class Obedient:
    """An ActiveDriver: says yes to all, unless it is told to refuse."""

    obeyed: list[tuple[float, PlatformOrder]] = field(default_factory=list)
    refuses: dict[type, str] = field(default_factory=dict)
    samples: deque[PlatformSample] = field(default_factory=deque)

    def ask(self, token: int, request: PlatformOrder) -> None:
        self.obeyed.append((time.monotonic(), request))
        why = self.refuses.get(type(request), "")
        self.samples.append(Done(token=token, ok=not why, text=why))

    def read(self) -> PlatformSample | None:
        if self.samples:
            return self.samples.popleft()
        time.sleep(0.002)
        return None

    def close(self) -> None:
        pass

    def counters(self) -> dict[str, int]:
        return {}

    def orders(self, kind: type) -> list[Any]:
        return [order for _, order in self.obeyed if isinstance(order, kind)]


def carrier(name: str, *orders: type, **changes: Any) -> Carrier:
    """One that has told that it can do these."""
    config = RobotPlatformConfig.model_validate({"kind": "robot"} | changes.pop("config", {}))
    made = Carrier(name, config, DriverHealth(name, "platform"))
    made.note(Abilities(orders=frozenset(orders), **changes))
    return made


@contextmanager
def running(of: Carrier, listener: Listener = lambda _name, _sample: None) -> Iterator[Obedient]:
    """Its device, worked by a thread of its own."""
    device, stop = Obedient(), threading.Event()
    asked = Asked[PlatformSample, PlatformOrder](device, of.requests)

    def work() -> None:
        while not stop.is_set():
            sample = asked.read()
            if sample is not None:
                of.note(sample)
                listener(of.name, sample)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield device
    finally:
        stop.set()
        thread.join()
        asked.close()


def state(mono_s: float, **told: Any) -> VehicleState:
    return VehicleState(mono_s=mono_s, **told)
