"""PortAudio in this process: the only module that knows `sounddevice`.

PortAudio lists the devices once, when it starts; a plugged-in one is seen only by starting it
again, which ends all streams of the process. That is done when the kernel's list of sound cards has
changed, never on suspicion: the streams that still run say that they are lost, and are reopened.
"""

import os
import re
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

from config.language import tell
from drivers.base import DeviceUnavailableError

CARDS = Path("/proc/asound/cards")
NAMED_BY_PLUG = "/dev/snd/"  # udev's by-id and by-path lead to ALSA's control node of the card
CONTROL_NODE = re.compile(r"controlC([0-9]+)")


class SoundSystem:
    """PortAudio in this process. One for all that hears and speaks; any thread."""

    def __init__(self, cards: Path = CARDS) -> None:
        self._lock = threading.Lock()
        self._library: Any = None
        self._cards_file = cards
        self._cards = ""
        self.epoch = 0  # grows when all streams were ended

    def library(self) -> Any:
        """`sounddevice`, with the devices that are there now. Raises DeviceUnavailableError."""
        with self._lock:
            cards = self._list_cards()
            if self._library is None:
                self._library = _import()
            elif cards != self._cards:
                self.epoch += 1
                self._library._terminate()
                self._library._initialize()
            self._cards = cards
            return self._library

    def _list_cards(self) -> str:
        try:
            return self._cards_file.read_text()
        except OSError:
            return ""


def _import() -> Any:
    try:
        return import_module("sounddevice")
    except ImportError as error:
        raise DeviceUnavailableError(
            tell("sound devices need the audio extra: pip install 'patrol-edge[audio]'")
        ) from error
    except OSError as error:
        raise DeviceUnavailableError(
            tell("the system has no PortAudio: apt-get install libportaudio2")
        ) from error


def library_name(device: str, dev: Path = Path("/dev")) -> str | None:
    """What PortAudio calls the device of a unit file; None for the system's default.

    /dev/snd/by-id/usb-... and by-path/... stay with a plug, where a name such as "USB Audio" may be
    that of two cards; PortAudio has "(hw:CARD,DEVICE)" in each name. Raises DeviceUnavailableError.
    """
    if device == "default":
        return None
    if not device.startswith(NAMED_BY_PLUG):
        return device
    node = os.path.realpath(dev / device.removeprefix("/dev/"))
    card = CONTROL_NODE.fullmatch(Path(node).name)
    if card is None or not Path(node).exists():
        raise DeviceUnavailableError(
            tell(
                "{device} is not there; plug it in, or see what is: `patrol-edge devices`",
                device=device,
            )
        )
    return f"(hw:{card[1]},0)"


def started(library: Any, stream: Any) -> Any:
    """The stream, running; one that does not start is closed. Raises PortAudioError."""
    try:
        stream.start()
    except library.PortAudioError:
        stream.close(ignore_errors=True)
        raise
    return stream


def first_line(error: Exception) -> str:
    """What a library says, in a line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


SYSTEM = SoundSystem()
