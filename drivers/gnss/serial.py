"""A GNSS receiver that speaks NMEA 0183 on a serial port, at a speed that is found out."""

from collections.abc import Callable
from typing import Self

from config.devices import SerialGnssConfig
from drivers.base import BadDataError
from drivers.clock import Clock
from drivers.gnss.stream import StreamGnss
from drivers.samples import GnssEpoch
from drivers.stream import SerialStream

# In the order in which receivers are shipped: 9600 most modules, 115200 multi-band and 10 Hz ones,
# 38400 u-blox since series 9, 4800 the standard itself.
BAUDS = (9600, 115_200, 38_400, 4800, 57_600, 230_400, 460_800, 921_600, 19_200)
TRY_S = 1.5  # at one speed: a receiver speaks once a second
DOUBT_S = 5.0  # a speed that was right is given up after this long without a sentence
NOISE_BYTES = 64  # what is no sentence; a receiver that is silent proves nothing about the speed


class BaudHunt:
    """Decides when to try another speed: bytes come, but no sentence is among them."""

    def __init__(self, now_s: float, patience_s: float) -> None:
        self._patience_s = patience_s
        self._since_s = now_s
        self._sentences = 0
        self._noise = 0

    def gives_up(self, sentences: int, noise_bytes: int, now_s: float) -> bool:
        """Whether these totals say that the speed is wrong. Then the watch begins anew."""
        if sentences > self._sentences:
            self._patience_s = DOUBT_S
            self._start(sentences, noise_bytes, now_s)
            return False
        if noise_bytes - self._noise < NOISE_BYTES or now_s - self._since_s < self._patience_s:
            return False
        self._patience_s = TRY_S
        self._start(sentences, noise_bytes, now_s)
        return True

    def _start(self, sentences: int, noise_bytes: int, now_s: float) -> None:
        self._sentences, self._noise, self._since_s = sentences, noise_bytes, now_s


class SerialGnss:
    """One receiver on one port, which no other program has open."""

    def __init__(self, stream: SerialStream, config: SerialGnssConfig, clock: Clock) -> None:
        self._port = config.port
        self._stream = stream
        self._clock = clock
        self._gnss = StreamGnss(stream, clock, config.max_speed_mps)
        self._is_auto = config.baud == "auto"
        self._tried = 0
        self._hunt = BaudHunt(clock.mono_s(), TRY_S if self._is_auto else DOUBT_S)

    @classmethod
    def open(cls, config: SerialGnssConfig, clock: Clock) -> Self:
        """Raises DeviceUnavailableError, with the cure."""
        baud = BAUDS[0] if config.baud == "auto" else config.baud
        return cls(SerialStream.open(config.port, baud), config, clock)

    @property
    def baud(self) -> int:
        """The speed in use."""
        return self._stream.baud

    def hear(self, heard: Callable[[str], None]) -> None:
        """From now on call this with each sentence as it comes."""
        self._gnss.hear(heard)

    def read(self) -> GnssEpoch | None:
        """The next epoch, or None after at most half a second.

        Raises DeviceLostError when the port goes, BadDataError when what comes is not NMEA at
        this speed, nor, with baud `auto`, at any usual one.
        """
        epoch = self._gnss.read()
        if epoch is None:
            self._doubt_the_speed()
        return epoch

    def _doubt_the_speed(self) -> None:
        noise_bytes = self._gnss.noise_bytes
        if not self._hunt.gives_up(self._gnss.sentences, noise_bytes, self._clock.mono_s()):
            return
        if (stranger := self._gnss.stranger()) is not None:
            raise BadDataError(f"{self._port} at {self.baud} baud: {stranger}")
        if not self._is_auto:
            raise BadDataError(
                f"{self._port}: bytes, but no NMEA sentence, at {self.baud} baud; set baud: auto"
            )
        self._tried += 1
        self._stream.set_baud(BAUDS[(BAUDS.index(self.baud) + 1) % len(BAUDS)])
        self._gnss.forget()
        if self._tried % len(BAUDS) == 0:
            raise BadDataError(
                f"{self._port}: bytes, but no NMEA sentence at any usual speed; is it a GNSS "
                "receiver, and is it set to NMEA?"
            )

    def close(self) -> None:
        self._gnss.close()

    def counters(self) -> dict[str, int]:
        counts = self._gnss.counters()
        return counts | {"speeds_tried": self._tried} if self._tried else counts
