"""A loudspeaker of this computer, through PortAudio.

The stream is open only while something plays: an idle amplifier hisses, and draws current. A change
of the volume is spread over some hundredths of a second, so that it does not click.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from config.actuators import SpeakerConfig
from config.language import said, tell
from drivers.actuators.actuator import ActuatorReport, ActuatorRequest, Silence, Sound, Volume
from drivers.base import ACTIVE_READ_S, DeviceLostError, DeviceUnavailableError
from drivers.clock import Clock
from drivers.resampling import resampled
from drivers.samples import Done
from drivers.sound_system import SYSTEM, SoundSystem, first_line, library_name, started

BLOCK_S = 0.02
RAMP_S = 0.03
REPORT_EVERY_S = 0.5
STALLED_S = 1.0  # the device takes no sound, though it is open
CEILING = 0.98  # of full scale: what is louder is bent, not cut


class _Player:
    """One sound on its way out. PortAudio's thread takes, the actuator's own thread looks."""

    def __init__(self, samples: NDArray[np.float32], rate_hz: int, volume: float) -> None:
        self._samples = samples
        self._step = 1.0 / (RAMP_S * rate_hz)
        self._gain = 0.0
        self._lock = threading.Lock()
        self.volume = volume
        self.position = 0
        self.ended = threading.Event()

    def take(self, count: int) -> NDArray[np.float32]:
        """The next samples; zeros after the end."""
        with self._lock:
            piece = self._samples[self.position : self.position + count]
            self.position += len(piece)
            wanted = self.volume
        gains = _ramp(self._gain, wanted, self._step, len(piece))
        self._gain = float(gains[-1]) if len(gains) else wanted
        out = np.zeros(count, np.float32)
        out[: len(piece)] = np.clip(piece * gains, -CEILING, CEILING)
        if len(piece) < count:
            self.ended.set()
        return out

    def stop(self) -> None:
        """Fades out within RAMP_S."""
        with self._lock:
            self.volume = 0.0
            fade = round(1.0 / self._step) + 1
            self._samples = self._samples[: self.position + fade]


def _ramp(begin: float, end: float, step: float, count: int) -> NDArray[np.float32]:
    """Gains from `begin` towards `end`, at most `step` from one sample to the next."""
    way = np.arange(1, count + 1, dtype=np.float32) * step
    gains: NDArray[np.float32] = np.clip(
        begin + way if end >= begin else begin - way, min(begin, end), max(begin, end)
    )
    return gains


class Speaker:
    """Silent when it is made and closed. Counters: sounds, cut_short, underflow."""

    def __init__(
        self,
        config: SpeakerConfig,
        clock: Clock,
        system: SoundSystem = SYSTEM,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """Raises DeviceUnavailableError."""
        self._config = config
        self._clock = clock
        self._system = system
        self._wait = wait
        self._epoch = -1
        self._rate_hz = _output_rate_hz(system.library(), config.device)
        self._stream: Any = None
        self._player: _Player | None = None
        self._name: str | None = None
        self._moved: tuple[int, float] = (0, 0.0)  # position, when it was first there
        self._answers: deque[Done] = deque()
        self._reported_s = float("-inf")
        self._counters = {"sounds": 0, "cut_short": 0, "underflow": 0}

    @classmethod
    def open(cls, config: SpeakerConfig, clock: Clock) -> Self:
        """Raises DeviceUnavailableError."""
        return cls(config, clock)

    def ask(self, token: int, request: ActuatorRequest) -> None:
        """Raises DeviceLostError."""
        match request:
            case Sound():
                self._play(request)
            case Volume():
                if self._player is not None:
                    self._player.volume = self._loud(request.volume)
            case Silence():
                self._silence()
            case _:
                done = Done(token=token, ok=False, text="a loudspeaker only plays sounds")
                self._answers.append(done)
                return
        self._reported_s = float("-inf")
        self._answers.append(Done(token=token, ok=True))

    def read(self) -> ActuatorReport | Done | None:
        """Raises DeviceLostError."""
        if self._answers:
            return self._answers.popleft()
        self._look()
        now_s = self._clock.mono_s()
        if now_s - self._reported_s < REPORT_EVERY_S:
            self._wait(ACTIVE_READ_S / 2)
            return None
        self._reported_s = now_s
        playing = self._player is not None
        return ActuatorReport(
            mono_s=now_s,
            level=self._player.volume if self._player is not None else 0.0,
            playing=self._name if playing else None,
            measured=True,
        )

    def close(self) -> None:
        self._close_stream()

    def counters(self) -> dict[str, int]:
        return dict(self._counters)

    def _loud(self, volume: float) -> float:
        return min(max(volume, 0.0), self._config.max_volume)

    def _play(self, sound: Sound) -> None:
        if self._player is not None:
            self._counters["cut_short"] += 1
        self._close_stream()
        samples = resampled(sound.samples, sound.rate_hz, self._rate_hz)
        self._player = _Player(samples, self._rate_hz, self._loud(sound.volume))
        self._name = sound.name or "sound"
        self._moved = (0, self._clock.mono_s())
        self._counters["sounds"] += 1
        library = self._system.library()
        self._epoch = self._system.epoch
        try:
            self._stream = _start(library, self._config.device, self._rate_hz, self._fill)
        except DeviceUnavailableError as error:
            self._player = None
            raise DeviceLostError(said(error)) from error

    def _fill(self, out: Any, frames: int, _time: Any, status: Any) -> None:
        """PortAudio's thread."""
        player = self._player
        if status.output_underflow:
            self._counters["underflow"] += 1
        out[:] = 0.0
        if player is not None:
            out[:, :] = player.take(frames)[:, None]

    def _silence(self) -> None:
        if self._player is not None and not self._player.ended.is_set():
            self._counters["cut_short"] += 1
            self._player.stop()
            self._player.ended.wait(4 * RAMP_S)
        self._close_stream()

    def _look(self) -> None:
        """Whether it still plays. Raises DeviceLostError."""
        player = self._player
        if player is None:
            return
        if self._epoch != self._system.epoch:
            raise DeviceLostError(tell("the sound cards have changed"))
        if player.ended.is_set():
            self._close_stream()
            self._reported_s = float("-inf")
            return
        position, since_s = self._moved
        if player.position != position:
            self._moved = (player.position, self._clock.mono_s())
        elif self._clock.mono_s() - since_s > STALLED_S:
            raise DeviceLostError(
                tell("the sound device takes no sound: has its plug been pulled?")
            )

    def _close_stream(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None and self._epoch == self._system.epoch:
            stream.close(ignore_errors=True)
        self._player = self._name = None


def _output_rate_hz(library: Any, device: str) -> int:
    """The device's own rate. Raises DeviceUnavailableError."""
    try:
        found = library.query_devices(library_name(device), "output")
    except (ValueError, library.PortAudioError) as error:
        raise DeviceUnavailableError(
            tell(
                "{why}; `patrol-edge audio devices` lists what there is",
                why=first_line(error),
            )
        ) from error
    return round(float(found["default_samplerate"]))


def _start(library: Any, device: str, rate_hz: int, fill: Callable[..., None]) -> Any:
    """An open stream of float32. Raises DeviceUnavailableError."""
    try:
        stream = library.OutputStream(
            device=library_name(device),
            samplerate=rate_hz,
            channels=1,
            dtype=np.float32,
            blocksize=round(rate_hz * BLOCK_S),
            latency="low",
            callback=fill,
        )
        return started(library, stream)
    except (ValueError, library.PortAudioError) as error:
        raise DeviceUnavailableError(
            tell(
                "{device}: {why}; is another program using it?",
                device=device,
                why=first_line(error),
            )
        ) from error
