"""All microphones of a unit: what each one's worker does, and how they fare."""

import threading
from collections.abc import Callable
from functools import partial

import structlog

from config.audio import AudioConfig, MicrophoneConfig
from config.models import Settings
from drivers.base import Driver
from drivers.clock import Clock
from drivers.factory import open_microphone
from drivers.samples import AudioBlock
from edge.listening.clips import FOLDER, ClipShelf
from edge.listening.listener import Listener, open_ear
from edge.listening.telling import SoundDesk
from edge.running.driver_loop import PLUGGED_RETRY_S, DriverHealth, run_driver
from edge.running.watched import Watched
from edge.running.worker import Beat
from perception.hearing.soundness import SoundWatch

TIDY_EVERY_S = 600.0


class Listening:
    """The microphones that are listened to; none where `audio.mode` is off."""

    def __init__(self, settings: Settings, desk: SoundDesk, clock: Clock) -> None:
        self._config: AudioConfig = settings.audio
        self._desk = desk
        self._clock = clock
        self._state_dir = settings.state_dir
        heard = settings.microphones if settings.audio.mode != "off" else {}
        self.devices = {
            name: DriverHealth(name, "microphone", started_mono_s=clock.mono_s()) for name in heard
        }
        self.faults: dict[str, str] = {}  # by microphone: what of its models cannot be had
        self.disk_faults: dict[str, str] = {}  # by microphone: why its newest clip was not kept
        self.bad_samples = dict.fromkeys(heard, 0)
        self.watches = {name: SoundWatch() for name in heard}

    def work(self, name: str, config: MicrophoneConfig, beat: Beat, stop: threading.Event) -> None:
        """One microphone, until `stop`. Its episodes then end with reason `shutdown`."""
        ear, fault = open_ear(name, config, self._config)
        if fault:
            structlog.get_logger().error("sound_model_refused", microphone=name, error=fault)
        shelf = ClipShelf(self._state_dir, self._config.clips)
        listener = Listener(ear, self._config, shelf, self._desk.tell, self._desk.clip_name)

        def emit(block: AudioBlock) -> None:
            listener.hear(block)
            self.faults[name] = listener.fault or fault
            self.disk_faults[name] = shelf.fault
            self.bad_samples[name] = ear.bad_samples
            if ear.level is not None:
                self.watches[name].note(ear.level, block.mono_s)

        self.faults[name] = fault
        run_driver(
            self.devices[name],
            partial(self._open, name, config, listener, stop),
            emit,
            stop,
            beat,
            self._clock,
            PLUGGED_RETRY_S,
        )

    def _open(
        self, name: str, config: MicrophoneConfig, listener: Listener, stop: threading.Event
    ) -> Driver[AudioBlock]:
        def closed() -> None:
            listener.end_all("shutdown" if stop.is_set() else "microphone_lost")

        return Watched(open_microphone(name, config, self._clock), closed)

    def works(
        self, microphones: dict[str, MicrophoneConfig]
    ) -> dict[str, Callable[[Beat, threading.Event], None]]:
        """By worker's name."""
        works: dict[str, Callable[[Beat, threading.Event], None]] = {
            f"microphone.{name}": partial(self.work, name, microphones[name])
            for name in self.devices
        }
        if works or (self._state_dir / FOLDER).is_dir():
            works["sound"] = self.tidy
        return works

    def tidy(self, beat: Beat, stop: threading.Event) -> None:
        """Delete clips when their time has come: also while no microphone is there, or is asked."""
        shelf, tidied_s = ClipShelf(self._state_dir, self._config.clips), float("-inf")
        while not stop.is_set():
            beat()
            now_s = self._clock.mono_s()
            if now_s - tidied_s > TIDY_EVERY_S:
                tidied_s = now_s
                shelf.tidy(self._clock.utc().timestamp())
            stop.wait(0.5)
