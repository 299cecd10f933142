"""A microphone of this computer, through PortAudio."""

import queue
import threading
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from config.audio import SoundCardConfig
from config.language import tell
from drivers.base import DeviceLostError, DeviceUnavailableError
from drivers.clock import Clock
from drivers.samples import AudioBlock
from drivers.sound_system import SYSTEM, SoundSystem, first_line, library_name, started

BLOCK_S = 0.1
MAX_WAIT_S = 0.5
WAITING_BLOCKS = 20  # two seconds; then the oldest are dropped and counted
MOST_BLOCKS = 100  # of a reader that hangs: memory does not grow with the time that it does


class PortAudioMicrophone:
    """One open stream. Counters: blocks, overrun (the unit was too slow), input_overflow."""

    def __init__(
        self, name: str, config: SoundCardConfig, clock: Clock, system: SoundSystem = SYSTEM
    ) -> None:
        self._name = name
        self._config = config
        self._clock = clock
        self._system = system
        self._blocks: queue.SimpleQueue[tuple[float, Any, bool]] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._refused = 0  # blocks, by PortAudio's thread; those of them that were told:
        self._told = 0
        self._number = 0
        self._heard_s = clock.mono_s()
        self._gap = False
        self._counters = {"blocks": 0, "overrun": 0, "input_overflow": 0}
        library = system.library()
        self._epoch = system.epoch
        self._stream = _start(library, config, self._take, self._ended.set)

    @classmethod
    def open(cls, name: str, config: SoundCardConfig, clock: Clock) -> Self:
        """Raises DeviceUnavailableError."""
        return cls(name, config, clock)

    def read(self) -> AudioBlock | None:
        """The next tenth of a second. Raises DeviceLostError."""
        try:
            arrived_s, samples, overflow = self._blocks.get(timeout=MAX_WAIT_S)
        except queue.Empty:
            self._raise_if_lost()
            return None
        while self._blocks.qsize() > WAITING_BLOCKS:
            arrived_s, samples, overflow = self._blocks.get_nowait()
            self._counters["overrun"] += 1
            self._gap = True
        self._note_refused()
        self._heard_s = self._clock.mono_s()
        self._counters["blocks"] += 1
        self._counters["input_overflow"] += overflow
        samples.setflags(write=False)
        block = AudioBlock(
            microphone=self._name,
            number=self._number,
            mono_s=arrived_s - len(samples) / self._config.rate_hz,
            rate_hz=self._config.rate_hz,
            samples=samples,
            gap=self._gap or overflow,
        )
        self._number += 1
        self._gap = False
        return block

    def close(self) -> None:
        if self._epoch == self._system.epoch:  # else PortAudio has closed it, and forgotten it
            self._stream.close(ignore_errors=True)

    def counters(self) -> dict[str, int]:
        return dict(self._counters)

    def _take(self, samples: Any, _frames: int, _time: Any, status: Any) -> None:
        """PortAudio's thread: copy and leave."""
        mine = samples[:, self._config.channel - 1].copy()
        if self._blocks.qsize() < MOST_BLOCKS:  # nobody reads: what comes now is lost
            self._blocks.put((self._clock.mono_s(), mine, bool(status.input_overflow)))
        else:
            self._refused += 1

    def _note_refused(self) -> None:
        refused = self._refused
        if refused > self._told:
            self._counters["overrun"] += refused - self._told
            self._told, self._gap = refused, True

    def _raise_if_lost(self) -> None:
        silent_s = self._clock.mono_s() - self._heard_s
        if self._epoch != self._system.epoch:
            raise DeviceLostError(tell("the sound cards have changed"))
        if self._ended.is_set() or not self._stream.active:
            raise DeviceLostError(tell("the sound device has gone"))
        if silent_s > self._config.silent_after_s:
            raise DeviceLostError(tell("no sound came for {silent_s:.0f} s", silent_s=silent_s))


def _start(
    library: Any, config: SoundCardConfig, take: Callable[..., None], ended: Callable[[], None]
) -> Any:
    """An open stream of float32. Raises DeviceUnavailableError."""
    try:
        stream = library.InputStream(
            device=library_name(config.device),
            samplerate=config.rate_hz,
            channels=config.channel,
            dtype=np.float32,
            blocksize=round(config.rate_hz * BLOCK_S),
            latency="high",
            callback=take,
            finished_callback=ended,
        )
        return started(library, stream)
    except ValueError as error:  # no such name, or several devices with it
        raise DeviceUnavailableError(
            tell(
                "{why}; `patrol-edge audio devices` lists what there is",
                why=first_line(error),
            )
        ) from error
    except library.PortAudioError as error:
        raise DeviceUnavailableError(
            tell(
                "{device}: {why}; is another program using it?",
                device=config.device,
                why=first_line(error),
            )
        ) from error


def input_devices(system: SoundSystem = SYSTEM) -> list[tuple[str, int, float]]:
    """Name, channels and usual rate in Hz of what can be listened to. Raises
    DeviceUnavailableError."""
    library = system.library()
    return [
        (device["name"], device["max_input_channels"], device["default_samplerate"])
        for device in library.query_devices()
        if device["max_input_channels"] > 0
    ]
