"""R-USB-1: receivers are pulled out in mid-sentence and come back under other numbers."""

import random
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from config.devices import SerialGnssConfig
from drivers.factory import open_gnss
from drivers.gnss.outlets import PtyOutlet
from edge.running.driver_loop import PLUGGED_RETRY_S
from tests.torture.trials import Stage, held, trial
from tests.torture.watched import CLOCK, Watched, open_files, quiet, threads
from tests.unit_under_test import wait_for

PORTS = 10  # at a time: as many receivers and boards as no unit has
BACK_WITHIN_S = 3.0
GIVE_UP_S = 12.0
PERIOD_S = 0.2  # of the receivers; one that speaks once a second needs up to 0.8 s more
AWAY_S = (0.3, 2.5)  # what was read before it was pulled is told within 0.2 s
BURST = (
    b"$GNRMC,{clock},A,3639.0000,N,11701.0000,E,0.0,0.0,010626,,,A",
    b"$GNGGA,{clock},3639.0000,N,11701.0000,E,1,09,0.9,50.0,M,0.0,M,,",
)


def sentence(body: bytes) -> bytes:
    """With checksum and line end (NMEA 0183, 5.3.1)."""
    value = 0
    for byte in body[1:]:
        value ^= byte
    return body + b"*%02X\r\n" % value


class Port:
    """A receiver behind a name that stays, on whatever pseudo-terminal it is just now."""

    def __init__(self, folder: Path, number: int) -> None:
        self.link = folder / f"usb-receiver-{number}"
        self._lock = threading.Lock()
        self._outlet: PtyOutlet | None = None
        self._ticks = 0
        self._stop = threading.Event()
        self._spares: list[PtyOutlet] = []
        self.targets: set[str] = set()  # the nodes that it has been
        self.plug_in()
        self._thread = threading.Thread(target=self._speak, daemon=True)
        self._thread.start()

    def _speak(self) -> None:
        while not self._stop.wait(PERIOD_S):
            with self._lock:
                if self._outlet is not None:
                    self._outlet.write(self._burst())

    def _burst(self) -> bytes:
        self._ticks += 1
        tenths = int(self._ticks * PERIOD_S * 100)
        clock = b"%02d%02d%02d.%02d" % (
            tenths // 360_000 % 24, tenths // 6000 % 60, tenths // 100 % 60, tenths % 100,
        )  # fmt: skip
        return b"".join(sentence(body.replace(b"{clock}", clock)) for body in BURST)

    def pull(self, chance: random.Random) -> None:
        """In mid-sentence: its reader gets a piece, then an error."""
        with self._lock:
            outlet, self._outlet = self._outlet, None
            if outlet is not None:
                burst = self._burst()
                outlet.write(burst[: chance.randrange(1, len(burst))])
                outlet.close()

    def plug_in(self) -> None:
        """Something else has the old number meanwhile, so it gets another."""
        with self._lock:
            self._spares.append(PtyOutlet())
            self._outlet = PtyOutlet(self.link)
            self.targets.add(str(self.link.readlink()))
            if len(self._spares) > 1:
                self._spares.pop(0).close()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        for outlet in [*self._spares, self._outlet]:
            if outlet is not None:
                outlet.close()


@dataclass(slots=True)
class Found:
    """What the closes of one port showed."""

    back_s: list[float] = field(default_factory=list)
    late: int = 0


def torn(port: Port, receiver: Watched, times: int, chance: random.Random) -> Found:
    """Pulled out and plugged in so many times."""
    found = Found()
    for _ in range(times):
        time.sleep(chance.uniform(0.2, 0.8))
        port.pull(chance)
        time.sleep(chance.uniform(*AWAY_S))
        port.plug_in()
        back_s = receiver.back_after_s(time.monotonic(), GIVE_UP_S)
        found.late += back_s is None
        found.back_s += [] if back_s is None else [back_s]
    return found


def naive_is_back(folder: Path) -> bool:
    """Whether a reader that opened the node itself, as `/dev/ttyUSB0` would be, finds it again."""
    port = Port(folder, 99)
    config = SerialGnssConfig(kind="serial", port=str(port.link.readlink()), baud=9600)
    receiver = Watched("gnss", "naive", partial(open_gnss, config, CLOCK), PLUGGED_RETRY_S)
    held(wait_for(lambda: bool(receiver.came_s), 5), "the control's receiver does not speak")
    port.pull(random.Random(1))
    time.sleep(AWAY_S[0])
    port.plug_in()
    back = receiver.back_after_s(time.monotonic(), 4.0) is not None
    receiver.stop()
    port.close()
    return back


def receiver_at(port: Port, baud: int | str = 9600) -> Watched:
    config = SerialGnssConfig.model_validate(
        {"kind": "serial", "port": str(port.link), "baud": baud}
    )
    return Watched("gnss", port.link.name, partial(open_gnss, config, CLOCK), PLUGGED_RETRY_S)


@trial(
    "R-USB-1", "a receiver that is pulled out at any byte is read again within 3 s of coming back"
)
def unplugged(stage: Stage) -> str:
    closes = stage.sized(60, 500)
    with quiet():
        held(not naive_is_back(stage.folder), "the control, a node's own number, came back, too")
        files, tasks = open_files(), threads()
        ports = [Port(stage.folder, number) for number in range(PORTS)]
        steady = Port(stage.folder, PORTS)
        receivers = [receiver_at(port, "auto" if n % 2 else 9600) for n, port in enumerate(ports)]
        undisturbed = receiver_at(steady)
        everybody = [*receivers, undisturbed]
        held(wait_for(lambda: all(one.came_s for one in everybody), 10), "somebody is silent")
        calm_from_s = time.monotonic()
        time.sleep(stage.sized(5, 30))
        begun_s = time.monotonic()
        with ThreadPoolExecutor(PORTS) as pool:
            runs = [
                pool.submit(torn, port, receiver, closes // PORTS, random.Random(n))
                for n, (port, receiver) in enumerate(zip(ports, receivers, strict=True))
            ]
            found = [run.result() for run in runs]
        ended_s = time.monotonic()
        calm_s = undisturbed.longest_gap_s(calm_from_s, begun_s)
        gap_s = undisturbed.longest_gap_s(begun_s, ended_s)
        for one in everybody:
            one.stop()
        for port in [*ports, steady]:
            port.close()
    back_s = sorted(each for one in found for each in one.back_s)
    raised = [error for one in everybody for error in one.raised]
    held(not raised, f"a driver's thread ended: {raised[:1]}")
    held(not sum(one.late for one in found), f"not back after {GIVE_UP_S:g} s")
    held(back_s[-1] <= BACK_WITHIN_S, f"back after {back_s[-1]:.2f} s")
    numbers = min(len(port.targets) for port in ports)
    held(numbers > 1, "nobody was renumbered, so the trial proves nothing")
    leaked, more = open_files() - files, threads() - tasks
    held((leaked, more) == (0, 0), f"{leaked} files and {more} threads were left open")
    held(gap_s <= calm_s + PERIOD_S, f"another receiver waited {gap_s:.2f} s, {calm_s:.2f} before")
    return (
        f"{len(back_s)} closes on {PORTS} ports at a time, each renumbered: back after p50 "
        f"{statistics.median(back_s):.2f} s, p99 {back_s[int(0.99 * len(back_s))]:.2f} s, worst "
        f"{back_s[-1]:.2f} s; 0 crashes, 0 files, 0 threads left; another receiver waited at most "
        f"{gap_s:.2f} s ({calm_s:.2f} s while nobody was pulled); the control, which keeps the "
        "number, never came back"
    )
