"""Lights and tones for somebody who stands beside the unit: what becomes of the stick.

| light | tones | meaning |
|---|---|---|
| blinks slowly | one | the bundle is being copied and checked, or is on trial |
| on for ten seconds | three, rising | done: it is in use, and has proved itself |
| blinks fast for ten seconds | three, low | not done: refused, or taken back |
"""

import io
import math
import subprocess
import threading
import wave
from array import array
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

Signal = Literal["working", "good", "bad"]
LEDS = Path("/sys/class/leds")
USUAL = ("ACT", "led0", "status", "power")  # names that boards give to their own light
SHOWN_S = 10.0
RATE_HZ = 16_000
PLAY_WITHIN_S = 6.0
_TONES: dict[Signal, tuple[tuple[float, float], ...]] = {  # Hz, s; 0 Hz is silence
    "working": ((880, 0.12),),
    "good": ((660, 0.12), (0, 0.05), (880, 0.12), (0, 0.05), (1320, 0.25)),
    "bad": ((220, 0.3), (0, 0.1), (220, 0.3), (0, 0.1), (220, 0.3)),
}
_BLINKS_MS: dict[Signal, int] = {"working": 500, "bad": 100}


class Light:
    """A light of this computer (the kernel's LED class, Documentation/leds/leds-class.rst).

    The kernel blinks it by itself (trigger `timer`). Whatever is not there is left out.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._before = self._trigger()

    @classmethod
    def named(cls, name: str | None, leds: Path = LEDS) -> "Light":
        """The light with this name, or the first of the usual ones."""
        names = USUAL if name is None else (name,)
        return cls(next((leds / each for each in names if (leds / each).is_dir()), None))

    @property
    def is_there(self) -> bool:
        return self._folder is not None

    def show(self, signal: Signal) -> None:
        """Never raises."""
        blinks_ms = _BLINKS_MS.get(signal)
        if blinks_ms is None:
            self._write("trigger", "none")
            self._write("brightness", self._read("max_brightness") or "1")
            return
        self._write("trigger", "timer")
        self._write("delay_on", str(blinks_ms))
        self._write("delay_off", str(blinks_ms))

    def restore(self) -> None:
        """As it was. Never raises."""
        self._write("trigger", self._before)

    def _trigger(self) -> str:
        """The one in brackets: `none [mmc0] timer`."""
        for word in (self._read("trigger") or "").split():
            if word.startswith("["):
                return word.strip("[]")
        return "none"

    def _read(self, name: str) -> str | None:
        if self._folder is None:
            return None
        try:
            return (self._folder / name).read_text().strip()
        except (OSError, UnicodeError):
            return None

    def _write(self, name: str, text: str) -> None:
        if self._folder is not None:
            with suppress(OSError):
                (self._folder / name).write_text(text)


def tones(signal: Signal) -> bytes:
    """A WAV file: 16 bit, one channel, with soft edges."""
    samples = array("h")
    for frequency_hz, length_s in _TONES[signal]:
        count = int(RATE_HZ * length_s)
        edge = RATE_HZ // 200
        for number in range(count):
            fade = min(1.0, number / edge, (count - number) / edge)
            turn = 2 * math.pi * frequency_hz * number / RATE_HZ
            samples.append(int(12_000 * fade * math.sin(turn)))
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(RATE_HZ)
        written.writeframes(samples.tobytes())
    return file.getvalue()


class Signals:
    """Light and tones together."""

    def __init__(
        self, light: Light, *, sound: bool, player: Sequence[str] = ("aplay", "-q", "-")
    ) -> None:
        self._light = light
        self._player = player if sound else None

    def show(self, signal: Signal) -> None:
        """Never raises, and does not wait for the light."""
        self._light.show(signal)
        if self._player is not None:
            with suppress(OSError, subprocess.SubprocessError):
                subprocess.run(  # noqa: S603 - ALSA's player; what it plays is ours
                    self._player,
                    input=tones(signal),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    timeout=PLAY_WITHIN_S,
                    check=False,
                )

    def end(self, signal: Signal, shown_s: float = SHOWN_S) -> None:
        """How it ended, long enough to be seen; then the light is as it was."""
        self.show(signal)
        if self._light.is_there:
            threading.Event().wait(shown_s)
        self._light.restore()
