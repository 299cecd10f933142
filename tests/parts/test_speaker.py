"""The loudspeaker: the real PortAudio on ALSA's file plugin, and a library of ours for faults."""

import os
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from config.actuators import SpeakerConfig
from drivers.actuators.actuator import ActuatorReport, Output, Silence, Sound, Volume
from drivers.actuators.speaker import CEILING, Speaker
from drivers.base import DeviceLostError, DeviceUnavailableError
from drivers.resampling import resampled
from drivers.samples import Done
from tests.fakes import ManualClock
from tests.sounds import sine

ALSA = Path("/usr/share/alsa/alsa.conf")
RATE_HZ = 16_000


class FakeStream:
    """Takes sound when it is told to, and remembers it."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.started = self.closed = False
        self.fails: Exception | None = None
        self.heard: list[np.ndarray[Any, Any]] = []

    def start(self) -> None:
        if self.fails is not None:
            raise self.fails
        self.started = True

    def close(self, ignore_errors: bool = False) -> None:
        self.closed = True

    def take(self, blocks: int = 1) -> None:
        size = self.settings["blocksize"]
        for _ in range(blocks):
            out = np.full((size, 1), np.nan, np.float32)
            self.settings["callback"](out, size, None, SimpleNamespace(output_underflow=False))
            self.heard.append(out[:, 0])


class FakeLibrary:
    class PortAudioError(Exception):
        pass

    def __init__(self) -> None:
        self.streams: list[FakeStream] = []
        self.refuse: Exception | None = None
        self.fails: Exception | None = None  # when it is to start

    def query_devices(self, device: str | None, kind: str) -> dict[str, Any]:
        if device == "nowhere":
            raise ValueError("No output device matching 'nowhere'")
        return {"default_samplerate": float(RATE_HZ)}

    def OutputStream(self, **settings: Any) -> FakeStream:  # noqa: N802 - the library's name
        if self.refuse is not None:
            raise self.refuse
        self.streams.append(FakeStream(**settings))
        self.streams[-1].fails = self.fails
        return self.streams[-1]


class Cards:
    """A sound system whose cards can change."""

    def __init__(self) -> None:
        self.fake, self.epoch = FakeLibrary(), 0

    def library(self) -> FakeLibrary:
        return self.fake


def made(**more: Any) -> tuple[Speaker, Cards, ManualClock]:
    cards, clock = Cards(), ManualClock()
    config = SpeakerConfig(kind="speaker", **more)
    system: Any = cards
    return Speaker(config, clock, system, clock.advance), cards, clock


def tone(seconds: float, level: float = 0.5) -> Sound:
    samples = sine(seconds, 440, level, RATE_HZ)
    return Sound(samples=samples, rate_hz=RATE_HZ, name="tone")


def reported(speaker: Speaker) -> ActuatorReport:
    for _ in range(100):
        sample = speaker.read()
        if isinstance(sample, ActuatorReport):
            return sample
    raise AssertionError("no report in 100 reads")


def test_a_sound_is_played_from_its_first_sample_to_its_last() -> None:
    speaker, cards, _ = made()
    speaker.ask(1, tone(1.0))
    assert speaker.read() == Done(token=1, ok=True)
    assert reported(speaker).playing == "tone"

    stream = cards.fake.streams[0]
    stream.take(60)
    heard = np.concatenate(stream.heard)
    assert np.isfinite(heard).all()
    assert np.allclose(heard[800:RATE_HZ], tone(1.0).samples[800:], atol=1e-6)
    assert not heard[RATE_HZ:].any()
    assert reported(speaker).playing is None
    assert stream.closed


def test_a_change_of_volume_does_not_click() -> None:
    speaker, cards, _ = made()
    flat = Sound(samples=np.full(RATE_HZ, 0.8, np.float32), rate_hz=RATE_HZ)
    speaker.ask(1, flat)
    stream = cards.fake.streams[0]
    stream.take(10)
    speaker.ask(2, Volume(volume=0.25))
    stream.take(10)
    speaker.ask(3, Volume(volume=1.0))
    stream.take(10)

    heard = np.concatenate(stream.heard)
    assert heard[9 * 320] == pytest.approx(0.8)
    assert heard[19 * 320] == pytest.approx(0.2)
    assert heard[-1] == pytest.approx(0.8)
    assert np.abs(np.diff(heard)).max() < 0.8 / (0.03 * RATE_HZ) * 1.01


def test_silence_fades_out_and_closes_the_device() -> None:
    speaker, cards, _ = made()
    speaker.ask(1, Sound(samples=np.full(RATE_HZ, 0.8, np.float32), rate_hz=RATE_HZ))
    stream = cards.fake.streams[0]
    stream.take(10)
    stop = threading.Event()

    def play_on() -> None:
        while not stop.wait(0.002):
            stream.take()

    thread = threading.Thread(target=play_on)
    thread.start()
    speaker.ask(2, Silence())
    stop.set()
    thread.join()

    heard = np.concatenate(stream.heard)
    assert np.abs(np.diff(heard)).max() < 0.01
    assert heard[-1] == 0.0
    assert stream.closed
    assert reported(speaker).playing is None
    assert speaker.counters()["cut_short"] == 1


def test_it_is_never_louder_than_its_file_allows() -> None:
    speaker, cards, _ = made(max_volume=0.5)
    speaker.ask(1, Sound(samples=np.full(RATE_HZ, 1.0, np.float32), rate_hz=RATE_HZ, volume=1.0))
    cards.fake.streams[0].take(5)
    speaker.ask(2, Volume(volume=7.0))
    cards.fake.streams[0].take(20)

    assert np.concatenate(cards.fake.streams[0].heard).max() <= 0.5
    assert reported(speaker).level == 0.5


def test_what_is_too_loud_is_bent_to_what_the_device_takes() -> None:
    speaker, cards, _ = made()
    speaker.ask(1, Sound(samples=np.full(RATE_HZ, 9.0, np.float32), rate_hz=RATE_HZ))
    cards.fake.streams[0].take(10)
    assert np.concatenate(cards.fake.streams[0].heard).max() == pytest.approx(CEILING)


def test_a_new_sound_takes_the_place_of_the_old_one() -> None:
    speaker, cards, _ = made()
    speaker.ask(1, tone(5.0))
    speaker.ask(2, Sound(samples=tone(1.0).samples, rate_hz=RATE_HZ, name="second"))

    assert cards.fake.streams[0].closed
    assert not cards.fake.streams[1].closed
    assert [speaker.read(), speaker.read()] == [Done(token=1, ok=True), Done(token=2, ok=True)]
    assert reported(speaker).playing == "second"


def test_what_it_cannot_is_answered_with_no() -> None:
    speaker, _, _ = made()
    speaker.ask(4, Output(level=1.0))
    assert speaker.read() == Done(token=4, ok=False, text="a loudspeaker only plays sounds")


def test_a_device_that_takes_no_sound_is_lost() -> None:
    speaker, _, clock = made()
    speaker.ask(1, tone(5.0))
    speaker.read()
    speaker.read()
    clock.advance(1.5)
    with pytest.raises(DeviceLostError, match="takes no sound"):
        reported(speaker)
    speaker.close()


def test_other_cards_end_what_plays() -> None:
    speaker, cards, _ = made()
    speaker.ask(1, tone(5.0))
    speaker.read()
    cards.epoch += 1
    with pytest.raises(DeviceLostError, match="cards have changed"):
        reported(speaker)
    speaker.close()
    assert not cards.fake.streams[0].closed, "PortAudio had ended it itself"


def test_a_device_that_is_not_there_is_told_with_the_cure() -> None:
    with pytest.raises(DeviceUnavailableError, match="audio devices"):
        made(device="nowhere")
    speaker, cards, _ = made()
    cards.fake.refuse = FakeLibrary.PortAudioError("Device unavailable")
    with pytest.raises(DeviceLostError, match="another program"):
        speaker.ask(1, tone(1.0))
    speaker.close()


def test_a_stream_that_does_not_start_is_closed() -> None:
    speaker, cards, _ = made()
    cards.fake.fails = FakeLibrary.PortAudioError("Device unavailable")
    with pytest.raises(DeviceLostError, match="another program"):
        speaker.ask(1, tone(1.0))
    assert cards.fake.streams[0].closed


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 44_100])
def test_a_sound_keeps_its_length_and_its_pitch_at_another_rate(rate_hz: int) -> None:
    found = resampled(sine(1.0, 440, 0.5, rate_hz), rate_hz, 48_000)
    assert len(found) == 48_000
    spectrum = np.abs(np.fft.rfft(found * np.hanning(48_000)))
    assert int(spectrum.argmax()) == 440


SCRIPT = """
import sys, time
import numpy as np
from config.actuators import SpeakerConfig
from drivers.actuators.actuator import Sound
from drivers.actuators.speaker import Speaker
from drivers.clock import SystemClock
speaker = Speaker.open(SpeakerConfig(kind="speaker", device="horn"), SystemClock())
tone = (0.5 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)).astype(np.float32)
speaker.ask(1, Sound(samples=tone, rate_hz=16000, volume=0.5, name="tone"))
told, ends = [], time.monotonic() + 10
while time.monotonic() < ends:
    sample = speaker.read()
    playing = getattr(sample, "playing", "-")
    if playing != "-" and playing not in told:
        told.append(playing)
    if told and told[-1] is None:
        break
speaker.close()
print(told, speaker.counters()["sounds"])
"""


@pytest.mark.skipif(find_spec("sounddevice") is None, reason="the audio extra is not installed")
@pytest.mark.skipif(not ALSA.exists(), reason="ALSA's own configuration is not there")
def test_the_real_portaudio_writes_the_sound(tmp_path: Path) -> None:
    (tmp_path / "asound.conf").write_text(
        f"<{ALSA}>\n"
        f'pcm.horn {{ type file slave.pcm "null" file "{tmp_path}/horn.raw" format "raw" }}\n'
    )
    environment = os.environ | {"ALSA_CONFIG_PATH": str(tmp_path / "asound.conf")}
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=60
    )
    if "no PortAudio" in ran.stderr:
        pytest.skip("the system has no PortAudio library")

    assert ran.stdout.strip() in ("['tone', None] 1", "[None] 1"), ran.stderr
    heard = np.frombuffer((tmp_path / "horn.raw").read_bytes(), np.float32)
    loud = heard[np.abs(heard) > 1e-4]
    assert np.abs(heard).max() == pytest.approx(0.25, abs=0.01)
    assert len(loud) > 40_000
