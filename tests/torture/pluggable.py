"""Serial devices that can be pulled out at any byte and put back under another number."""

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from config.boards import BoardConfig
from config.devices import SerialGnssConfig
from drivers.factory import open_gnss
from drivers.gnss.outlets import PtyOutlet
from edge.body.boards import RETRY_S as BOARD_RETRY_S
from edge.running.driver_loop import PLUGGED_RETRY_S
from firmware_bridge.runtime.link import BoardLink
from firmware_bridge.simulated.bench import Bench
from firmware_bridge.simulated.board import SimulatedBoard
from firmware_bridge.simulated.equipment import PAYLOAD
from firmware_bridge.simulated.firmware import SimulatedFirmware
from firmware_bridge.simulated.planes import NoManagement
from tests.torture.watched import CLOCK, Watched

PERIOD_S = 0.2  # of the receivers; one that speaks once a second needs up to 0.8 s more
BURST = (
    b"$GNRMC,{clock},A,3639.0000,N,11701.0000,E,0.0,0.0,010626,,,A",
    b"$GNGGA,{clock},3639.0000,N,11701.0000,E,1,09,0.9,50.0,M,0.0,M,,",
)


class Port:
    """A name that stays, for whatever pseudo-terminal is behind it just now."""

    EVERY_S = 0.01  # between two turns of its own life

    def __init__(self, link: Path) -> None:
        self.link = link
        self.targets: set[str] = set()  # the nodes that it has been
        self._lock = threading.Lock()
        self._spares: list[PtyOutlet] = []
        self._stop = threading.Event()
        self.plug_in()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def plug_in(self) -> None:
        """Something else has the old number meanwhile, so it gets another."""
        self.take_number()
        with self._lock:
            self._connect()
            self.targets.add(str(self.link.readlink()))
            if len(self._spares) > 1:
                self._spares.pop(0).close()

    def take_number(self) -> None:
        """Whatever number is free now is that of something that says nothing. It is free once its
        reader has closed it, too."""
        with self._lock:
            self._spares.append(PtyOutlet())

    def pull(self, chance: random.Random) -> None:
        """In mid-sentence: its reader gets a piece, then an error."""
        with self._lock:
            self._break_off(chance)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self.pull(random.Random(0))
        for spare in self._spares:
            spare.close()

    def _live(self) -> None:
        while not self._stop.wait(self.EVERY_S):
            with self._lock:
                self._turn()

    def watched(self) -> Watched:
        """The unit's own driver of it, in the unit's own loop."""
        raise NotImplementedError

    def _connect(self) -> None:
        raise NotImplementedError

    def _turn(self) -> None:
        raise NotImplementedError

    def _break_off(self, chance: random.Random) -> None:
        raise NotImplementedError


class ReceiverPort(Port):
    """A receiver that speaks five times a second, at 9600 baud or what is found by itself."""

    EVERY_S = PERIOD_S

    def __init__(self, link: Path, baud: int | str = 9600) -> None:
        self._baud = baud
        self._outlet: PtyOutlet | None = None
        self._ticks = 0
        super().__init__(link)

    def watched(self) -> Watched:
        return receiver_at(str(self.link), self._baud)

    def _turn(self) -> None:
        if self._outlet is not None:
            self._outlet.write(self._burst())

    def _burst(self) -> bytes:
        self._ticks += 1
        hundredths = int(self._ticks * PERIOD_S * 100)
        clock = b"%02d%02d%02d.%02d" % (
            hundredths // 360_000 % 24, hundredths // 6000 % 60, hundredths // 100 % 60,
            hundredths % 100,
        )  # fmt: skip
        return b"".join(_sentence(body.replace(b"{clock}", clock)) for body in BURST)

    def _connect(self) -> None:
        self._outlet = PtyOutlet(self.link)

    def _break_off(self, chance: random.Random) -> None:
        outlet, self._outlet = self._outlet, None
        if outlet is not None:
            burst = self._burst()
            outlet.write(burst[: chance.randrange(1, len(burst))])
            outlet.close()


class BoardPort(Port):
    """A board; pulled out, it loses its power, too."""

    def __init__(self, link: Path) -> None:
        self._bench: Bench | None = None
        super().__init__(link)

    def watched(self) -> Watched:
        name = self.link.name
        config = BoardConfig(port=str(self.link), baud=115_200, serial=name)
        return Watched("board", name, partial(BoardLink.open, name, config, CLOCK), BOARD_RETRY_S)

    def _turn(self) -> None:
        if self._bench is not None:
            self._bench.step(time.monotonic())

    def _connect(self) -> None:
        firmware = SimulatedFirmware(replace(PAYLOAD, serial=self.link.name))
        self._bench = Bench(SimulatedBoard(firmware, NoManagement()), self.link, 115_200)
        self._bench.power(time.monotonic(), on=True)

    def _break_off(self, chance: random.Random) -> None:
        bench, self._bench = self._bench, None
        if bench is not None:
            bench.power(time.monotonic(), on=False)
            bench.close()


def receiver_at(port: str, baud: int | str = 9600) -> Watched:
    """A receiver behind this name, in the unit's own loop."""
    config = SerialGnssConfig.model_validate({"kind": "serial", "port": port, "baud": baud})
    opener = partial(open_gnss, config, CLOCK)
    retry_s: Sequence[float] = PLUGGED_RETRY_S
    return Watched("gnss", Path(port).name, opener, retry_s)


def _sentence(body: bytes) -> bytes:
    """With checksum and line end (NMEA 0183, 5.3.1)."""
    value = 0
    for byte in body[1:]:
        value ^= byte
    return body + b"*%02X\r\n" % value
