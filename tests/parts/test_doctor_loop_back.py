"""A chirp from the loudspeaker to the microphone: heard, not heard, and not tried."""

import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from config.actuators import ActuatorConfig
from config.audio import MicrophoneConfig
from drivers.actuators.actuator import ActuatorRequest, Sound
from drivers.base import DeviceUnavailableError
from drivers.clock import Clock
from drivers.samples import AudioBlock, Done
from edge.doctor import loop_back
from edge.doctor.case import Case
from edge.doctor.line import Line
from tests.examined import Examined

RATE_HZ, BLOCK = 16_000, 1600
BOTH = {
    "microphones": {"cabin": {"kind": "sound", "device": "default"}},
    "actuators": {"roof": {"kind": "speaker"}},
    "audio": {"mode": "events"},
}


@dataclass
class Room:
    """What the loudspeaker says comes to the microphone, later and softer, in noise."""

    loud: float = 0.1
    noise: float = 0.02
    microphone_error: str = ""
    speaker_error: str = ""
    answer: Done = field(default_factory=lambda: Done(token=1, ok=True))
    under_way: list[float] = field(default_factory=list)
    clock: Clock | None = None

    def open_microphone(self, name: str, config: MicrophoneConfig, clock: Clock) -> "Microphone":
        if self.microphone_error:
            raise DeviceUnavailableError(self.microphone_error)
        return Microphone(self, name, clock)

    def open_actuator(self, name: str, config: ActuatorConfig, clock: Clock) -> "Loudspeaker":
        if self.speaker_error:
            raise DeviceUnavailableError(self.speaker_error)
        return Loudspeaker(self)


@dataclass
class Microphone:
    room: Room
    name: str
    clock: Clock
    number: int = 0
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(2))

    def read(self) -> AudioBlock:
        threading.Event().wait(BLOCK / RATE_HZ)
        samples = self.random.normal(0, self.room.noise, BLOCK).astype(np.float32)
        piece, self.room.under_way[:] = self.room.under_way[:BLOCK], self.room.under_way[BLOCK:]
        samples[: len(piece)] += np.array(piece, np.float32) * self.room.loud
        self.number += 1
        return AudioBlock(microphone=self.name, number=self.number, mono_s=self.clock.mono_s(),
                          rate_hz=RATE_HZ, samples=samples)  # fmt: skip

    def close(self) -> None:
        """Nothing is held."""

    def counters(self) -> dict[str, int]:
        return {}


@dataclass
class Loudspeaker:
    room: Room

    def ask(self, token: int, request: ActuatorRequest) -> None:
        assert isinstance(request, Sound)
        assert request.volume <= 0.5, "nobody is to be frightened"
        assert float(np.abs(request.samples).max()) <= 1.0
        self.room.under_way += [0.0] * 700 + request.samples.tolist()

    def read(self) -> Done | None:
        threading.Event().wait(0.02)
        return self.room.answer

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
def examined(tmp_path: Path) -> Examined:
    return Examined(tmp_path)


def tried(
    examined: Examined, monkeypatch: pytest.MonkeyPatch, room: Room, **changes: object
) -> list[Line]:
    monkeypatch.setattr(loop_back, "open_microphone", room.open_microphone)
    monkeypatch.setattr(loop_back, "open_actuator", room.open_actuator)
    monkeypatch.setattr(loop_back, "LISTEN_S", 1.6)
    monkeypatch.setattr(loop_back, "BEFORE_S", 0.2)
    case: Case = replace(examined.case(**BOTH), **({"exercise": True} | changes))  # type: ignore[arg-type]
    return list(loop_back.examine(case))


def test_it_is_heard_in_noise(examined: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = tried(examined, monkeypatch, Room())
    assert (line.state, line.name) == ("ok", "roof → cabin"), line.text


def test_it_is_not_heard(examined: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = tried(examined, monkeypatch, Room(loud=0.0))
    assert line.code == "loop_back_deaf"
    assert line.cure


@pytest.mark.parametrize(
    "room",
    [Room(microphone_error="no such device"), Room(speaker_error="no such device"),
     Room(answer=Done(token=1, ok=False, text="no"))],
    ids=["no microphone", "no loudspeaker", "refused"],
)  # fmt: skip
def test_one_of_both_is_not_there(
    examined: Examined, monkeypatch: pytest.MonkeyPatch, room: Room
) -> None:
    (line,) = tried(examined, monkeypatch, room)
    assert (line.state, line.code) == ("none", None)


def test_it_is_not_tried_and_says_why(examined: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = tried(examined, monkeypatch, Room(), exercise=False)
    assert "--exercise" in line.text
    examined.facts = {}
    (line,) = tried(examined, monkeypatch, Room())
    assert "running unit" in line.text
    examined.facts = None
    monkeypatch.setitem(BOTH, "audio", {"mode": "off"})
    (line,) = tried(examined, monkeypatch, Room())
    assert "audio.mode" in line.text
    assert list(loop_back.examine(examined.case())) == []


def test_noise_hum_and_clicks_are_no_chirp() -> None:
    wanted, random = loop_back.chirp(RATE_HZ), np.random.default_rng(3)
    times_s = np.arange(2 * RATE_HZ) / RATE_HZ
    others = [random.normal(0, 0.05, 2 * RATE_HZ) for _ in range(30)]
    others += [np.sin(2 * np.pi * hz * times_s) for hz in (50, 440, 1000, 2000)]
    others += [np.cumsum(random.normal(0, 0.05, 2 * RATE_HZ)), np.zeros(2 * RATE_HZ)]
    click = random.normal(0, 0.001, 2 * RATE_HZ)
    click[9000] = 1.0
    for other in [*others, click]:
        level_db = loop_back.clearness_db(other.astype(np.float32), wanted)
        assert level_db < loop_back.CLEAR_DB
