"""A driver and a simulated autopilot on one line in memory, with a clock that the line moves."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from config.platforms import MavlinkPlatformConfig
from drivers.platforms.mavlink.codec import Codec
from drivers.platforms.mavlink.platform import OWN_SYSTEM, MavlinkPlatform
from drivers.platforms.mavlink.signing import Signing
from drivers.platforms.orders import PlatformOrder, PlatformSample
from drivers.samples import Done
from drivers.simulated.mavlink.autopilot import SimulatedAutopilot
from tests.fakes import ManualClock


class MemoryLink:
    """What one sends the other hears; a read that waits moves the clock and the autopilots."""

    datagrams = False
    talks = True

    def __init__(self, clock: ManualClock, *autopilots: SimulatedAutopilot) -> None:
        self._clock = clock
        self.autopilots = list(autopilots)
        self.sent: list[bytes] = []
        self.before: list[bytes] = []  # to be heard first, whatever it is

    def read(self, wait_s: float) -> bytes:
        self._clock.advance(wait_s)
        for autopilot in self.autopilots:
            autopilot.step(wait_s)
        frames = [frame for one in self.autopilots for frame in one.output()]
        data, self.before = b"".join([*self.before, *frames]), []
        return data

    def send(self, data: bytes) -> None:
        self.sent.append(data)
        for autopilot in self.autopilots:
            autopilot.hear(data)

    def close(self) -> None:
        pass


@dataclass
class Line:
    """Worked by hand: `run` lets time pass and keeps what came."""

    autopilot: SimulatedAutopilot = field(default_factory=SimulatedAutopilot)
    config: dict[str, Any] = field(default_factory=dict)
    key: bytes | None = None
    samples: list[PlatformSample] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = ManualClock()
        self.link = MemoryLink(self.clock, self.autopilot)
        self.tokens = 0
        self.open()

    def open(self) -> None:
        config = MavlinkPlatformConfig.model_validate(
            {"kind": "mavlink", "bind": "127.0.0.1"} | self.config
        )
        signing = Signing(self.key, self.clock) if self.key else None
        codec = Codec(OWN_SYSTEM, 191, signing)
        self.driver = MavlinkPlatform("drone", config, self.clock, self.link, codec)

    def run(self, seconds: float) -> None:
        end_s = self.clock.mono_s() + seconds
        while self.clock.mono_s() < end_s:
            sample = self.driver.read()
            if sample is not None:
                self.samples.append(sample)

    def of(self, kind: type) -> list[Any]:
        return [sample for sample in self.samples if isinstance(sample, kind)]

    def last(self, kind: type) -> Any:
        return self.of(kind)[-1]

    def ask(self, order: PlatformOrder, within_s: float = 60.0) -> Done:
        """The answer; fails where none comes."""
        self.tokens += 1
        self.driver.ask(self.tokens, order)
        end_s = self.clock.mono_s() + within_s
        while self.clock.mono_s() < end_s:
            sample = self.driver.read()
            if isinstance(sample, Done) and sample.token == self.tokens:
                return sample
            if sample is not None:
                self.samples.append(sample)
        raise AssertionError(f"no answer to {order}")


class PlayedLink:
    """Gives one piece after the other, then nothing."""

    datagrams = False
    talks = True

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = deque(pieces)

    def read(self, wait_s: float) -> bytes:
        return self.pieces.popleft() if self.pieces else b""

    def send(self, data: bytes) -> None:
        pass

    def close(self) -> None:
        pass


_LISTENED = MavlinkPlatformConfig(kind="mavlink", bind="127.0.0.1")


def play(pieces: list[bytes]) -> list[PlatformSample]:
    """What the driver makes of these bytes. Raises DeviceLostError."""
    link, codec = PlayedLink(pieces), Codec(OWN_SYSTEM, 191)
    driver = MavlinkPlatform("drone", _LISTENED, ManualClock(), link, codec)
    samples = []
    while True:
        sample = driver.read()
        if sample is None and not link.pieces:
            return samples
        if sample is not None:
            samples.append(sample)
