"""Microphones: WAV files with a clock of ours, and the real PortAudio on ALSA's file plugin."""

import os
import subprocess
import sys
import wave
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.audio import SoundCardConfig, SoundFileConfig
from drivers.base import DeviceLostError, DeviceUnavailableError, EndOfRecordingError
from drivers.microphones.file import FileMicrophone
from drivers.microphones.portaudio import (
    MOST_BLOCKS,
    WAITING_BLOCKS,
    PortAudioMicrophone,
)
from drivers.samples import AudioBlock
from drivers.sound_system import SoundSystem
from tests.fakes import ManualClock
from tests.sounds import noise, sine, write_wav

ALSA = Path("/usr/share/alsa/alsa.conf")


def opened(path: Path, clock: ManualClock, **more: Any) -> FileMicrophone:
    config = SoundFileConfig(kind="file", path=path, **more)
    return FileMicrophone.open("mast", config, clock, clock.advance)


def blocks(driver: FileMicrophone, most: int = 1000) -> list[AudioBlock]:
    found = []
    for _ in range(most):
        try:
            block = driver.read()
        except EndOfRecordingError:
            break
        if block is not None:
            found.append(block)
    return found


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_every_width_of_pcm_gives_the_same_sound(tmp_path: Path, width: int) -> None:
    sound = sine(0.5, 440, 0.5)
    found = blocks(opened(write_wav(tmp_path / "a.wav", sound, width=width), ManualClock()))

    heard = np.concatenate([block.samples for block in found])
    assert np.allclose(heard, sound, atol=2.0 ** -(8 * width - 2))
    assert not heard.flags.writeable or not found[0].samples.flags.writeable
    assert [block.number for block in found] == [0, 1, 2, 3, 4]
    steps = np.diff([block.mono_s for block in found])
    assert np.allclose(steps, 0.1)


def test_the_asked_channel_is_heard_and_a_missing_one_is_named(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", sine(0.2, 440), channels=2)
    assert np.abs(blocks(opened(path, ManualClock(), channel=1))[0].samples).max() > 0.9
    assert np.abs(blocks(opened(path, ManualClock(), channel=2))[0].samples).max() == 0
    with pytest.raises(DeviceUnavailableError, match="no channel 3; give one from 1 to 2"):
        opened(path, ManualClock(), channel=3)


def test_a_slow_reader_misses_sound_as_before_a_membrane(tmp_path: Path) -> None:
    clock = ManualClock()
    driver = opened(write_wav(tmp_path / "a.wav", noise(10, -30)), clock)
    first = driver.read()
    clock.advance(5.0)
    late = driver.read()

    assert first is not None
    assert late is not None
    assert late.gap
    assert clock.mono_s() - late.mono_s < 2.2
    assert driver.counters()["skipped_late"] > 25


def test_a_loop_goes_on_in_time_and_says_that_there_is_a_seam(tmp_path: Path) -> None:
    driver = opened(write_wav(tmp_path / "a.wav", noise(0.3, -30)), ManualClock(), loop=True)
    found = blocks(driver, most=8)

    assert [block.gap for block in found] == [False, False, False, True, False, False, True, False]
    assert np.allclose(np.diff([block.mono_s for block in found]), 0.1)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no PCM WAV file"),
        (b"RIFF\x04\x00\x00\x00WAVE", "no PCM WAV file"),
        (b"OggS" + bytes(100), "no PCM WAV file"),
    ],
)
def test_what_is_no_wav_is_told_with_the_cure(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(DeviceUnavailableError, match=told):
        opened(path, ManualClock())
    with pytest.raises(DeviceUnavailableError, match="there is no file"):
        opened(tmp_path / "b.wav", ManualClock())
    with pytest.raises(DeviceUnavailableError, match="is no file"):
        opened(tmp_path, ManualClock())


@given(st.data())
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_damaged_file_is_refused_or_ends(tmp_path: Path, data: st.DataObject) -> None:
    path = write_wav(tmp_path / "a.wav", noise(0.3, -30))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, 63))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        found = blocks(opened(path, ManualClock()), most=50)
    except (DeviceUnavailableError, DeviceLostError):
        return
    assert all(np.isfinite(block.samples).all() for block in found)


# --- PortAudio ---


class FakeStream:
    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.active = True
        self.closed = 0

    def start(self) -> None: ...

    def close(self, ignore_errors: bool = False) -> None:
        self.closed += 1


class FakeLibrary:
    """As much of sounddevice as is used; a stream that is fed by the test."""

    class PortAudioError(Exception):
        pass

    def __init__(self) -> None:
        self.started = 0
        self.streams: list[FakeStream] = []
        self.refuse: Exception | None = None

    def InputStream(self, **settings: Any) -> FakeStream:  # noqa: N802 - the library's name
        if self.refuse is not None:
            raise self.refuse
        self.streams.append(FakeStream(**settings))
        return self.streams[-1]

    def _terminate(self) -> None:
        for stream in self.streams:
            stream.active = False

    def _initialize(self) -> None:
        self.started += 1


@pytest.fixture
def sound_system(tmp_path: Path) -> tuple[SoundSystem, FakeLibrary]:
    cards = tmp_path / "cards"
    cards.write_text("0 [PCH]\n")
    system, library = SoundSystem(cards), FakeLibrary()
    system._library, system._cards = library, cards.read_text()
    return system, library


CONFIG = SoundCardConfig(kind="sound", device="USB Audio", rate_hz=16_000)


def feed(library: FakeLibrary, overflow: bool = False) -> None:
    status = SimpleNamespace(input_overflow=overflow)
    take = library.streams[-1].settings["callback"]
    take(np.zeros((1600, 1), np.float32), 1600, None, status)


def test_blocks_come_with_their_stamp_and_lost_sound_is_a_gap(
    sound_system: tuple[SoundSystem, FakeLibrary],
) -> None:
    system, library = sound_system
    clock = ManualClock()
    driver = PortAudioMicrophone("mast", CONFIG, clock, system)
    feed(library)
    feed(library, overflow=True)
    first, second = driver.read(), driver.read()

    assert first is not None
    assert second is not None
    assert (first.gap, second.gap) == (False, True)
    assert clock.mono_s() - first.mono_s == pytest.approx(0.1)
    for _ in range(30):
        feed(library)
    late = driver.read()
    assert late is not None
    assert late.gap
    assert driver.counters() == {"blocks": 3, "overrun": 9, "input_overflow": 1}


def test_memory_is_bounded_while_nobody_reads(
    sound_system: tuple[SoundSystem, FakeLibrary],
) -> None:
    system, library = sound_system
    driver = PortAudioMicrophone("mast", CONFIG, ManualClock(), system)
    for _ in range(10 * MOST_BLOCKS):
        feed(library)

    assert driver._blocks.qsize() == MOST_BLOCKS
    late = driver.read()
    assert late is not None
    assert late.gap
    assert driver.counters()["overrun"] == 10 * MOST_BLOCKS - WAITING_BLOCKS - 1


def test_an_unplugged_microphone_is_lost_and_comes_back_with_the_new_cards(
    sound_system: tuple[SoundSystem, FakeLibrary], tmp_path: Path
) -> None:
    system, library = sound_system
    driver = PortAudioMicrophone("mast", CONFIG, ManualClock(), system)
    other = PortAudioMicrophone("rear", CONFIG, ManualClock(), system)
    library.streams[0].settings["finished_callback"]()
    with pytest.raises(DeviceLostError, match="has gone"):
        driver.read()
    driver.close()
    library.refuse = ValueError("No input device matching 'USB Audio'")
    with pytest.raises(DeviceUnavailableError, match="audio devices"):
        PortAudioMicrophone("mast", CONFIG, ManualClock(), system)
    assert library.started == 0, "the cards are the same: nothing was disturbed"

    (tmp_path / "cards").write_text("0 [PCH]\n1 [USB]\n")
    library.refuse = None
    PortAudioMicrophone("mast", CONFIG, ManualClock(), system)
    assert library.started == 1
    with pytest.raises(DeviceLostError, match="cards have changed"):
        other.read()
    other.close()
    assert library.streams[1].closed == 0, "PortAudio had ended it itself"


def test_a_silent_device_is_lost(sound_system: tuple[SoundSystem, FakeLibrary]) -> None:
    system, _ = sound_system
    clock = ManualClock()
    driver = PortAudioMicrophone("mast", CONFIG, clock, system)
    clock.advance(3.0)
    with pytest.raises(DeviceLostError, match="no sound came for 3 s"):
        driver.read()


SCRIPT = """
import sys
from config.audio import SoundCardConfig
from drivers.clock import SystemClock
from drivers.microphones.portaudio import PortAudioMicrophone, input_devices
print([name for name, _, _ in input_devices()])
driver = PortAudioMicrophone.open(
    "mast", SoundCardConfig(kind="sound", device="street_mic", rate_hz=48000), SystemClock()
)
block = next(block for block in iter(driver.read, 0) if block is not None)
driver.close()
print(block.rate_hz, len(block.samples), round(float(abs(block.samples).max()), 2))
"""


@pytest.mark.skipif(find_spec("sounddevice") is None, reason="the audio extra is not installed")
@pytest.mark.skipif(not ALSA.exists(), reason="ALSA's own configuration is not there")
def test_the_real_portaudio_hears_what_alsa_plays(tmp_path: Path) -> None:
    tone = sine(2.0, 1000, 0.25, 48_000)  # as PortAudio asks for it: float32
    (tmp_path / "tone.raw").write_bytes(tone.tobytes())
    (tmp_path / "asound.conf").write_text(
        f"<{ALSA}>\n"
        'pcm.street_mic { type file slave.pcm "null" file "/dev/null" '
        f'infile "{tmp_path}/tone.raw" format "raw" }}\n'
    )
    environment = os.environ | {"ALSA_CONFIG_PATH": str(tmp_path / "asound.conf")}
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=60
    )
    if "no PortAudio" in ran.stderr:
        pytest.skip("the system has no PortAudio library")

    assert ran.stdout.splitlines() == ["['street_mic']", "48000 4800 0.25"], ran.stderr


def test_a_whole_wav_is_as_long_as_it_says(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", noise(1.0, -30, rate_hz=44_100), rate_hz=44_100)
    with wave.open(str(path)) as file:
        assert file.getnframes() == 44_100
    assert sum(len(block.samples) for block in blocks(opened(path, ManualClock()))) == 44_100
