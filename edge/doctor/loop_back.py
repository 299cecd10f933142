"""Does the microphone hear the loudspeaker? A chirp goes out, and is looked for in what comes.

Found by its matched filter (a linear chirp has a sharp peak in it, whatever the room adds; e.g.
M. Richards, Fundamentals of Radar Signal Processing, 2nd ed., 4.6): the peak against the rest.
"""

import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial

import numpy as np
from numpy.typing import NDArray

from config.actuators import ActuatorConfig
from config.audio import MicrophoneConfig
from config.language import said, tell
from drivers.actuators.actuator import Sound
from drivers.base import DeviceLostError, DeviceUnavailableError
from drivers.factory import open_actuator, open_microphone
from drivers.samples import AudioBlock, Done
from edge.doctor.case import Case
from edge.doctor.line import Line, none, ok, warning

Samples = NDArray[np.float32]

CHIRP_S, LOW_HZ, HIGH_HZ = 0.4, 800.0, 3200.0  # what small loudspeakers and microphones both can
CHIRP_RATE_HZ = 16_000
VOLUME = 0.4
BEFORE_S, LISTEN_S = 0.5, 2.5
CLEAR_DB = 19.0  # of the peak above the usual height: noise alone reaches 14, a click 16
CURE = tell(
    "see that neither is muted nor covered, that the loudspeaker's plug and amplifier are on, and "
    "that both are near each other; `patrol-edge audio devices` lists what is there"
)


def examine(case: Case) -> Iterator[Line]:
    """Nothing where there is no pair to try."""
    settings = case.settings
    speakers = {
        name: config for name, config in settings.actuators.items() if config.kind == "speaker"
    }
    if not speakers or not settings.microphones:
        return
    why = _why_not(case)
    if why is not None:
        yield none("loop-back", why)
        return
    for name, microphone in settings.microphones.items():
        for speaker, config in speakers.items():
            yield _tried(case, (name, microphone), (speaker, config))


def _why_not(case: Case) -> str | None:
    if case.settings.audio.mode == "off":
        return tell("not tried: audio.mode is off")
    if case.unit is not None:
        return tell("not tried: the running unit holds both; stop it to try them")
    if not case.exercise:
        return tell("not tried: it makes a sound, so only with --exercise")
    return None


def _tried(
    case: Case, microphone: tuple[str, MicrophoneConfig], speaker: tuple[str, ActuatorConfig]
) -> Line:
    name = tell("{speaker} → {microphone}", speaker=speaker[0], microphone=microphone[0])
    blocks = list[AudioBlock]()
    health = case.health(microphone[0], "microphone")
    opener = partial(open_microphone, *microphone, case.host.clock)
    listening = threading.Thread(
        target=case.listen, args=(health, opener, blocks.append, LISTEN_S), name="doctor.loop_back"
    )
    listening.start()
    try:
        case.stop.wait(BEFORE_S)
        why = _played(case, *speaker)
    finally:
        listening.join(2 * LISTEN_S)
    if why is not None:
        return none(name, tell("the loudspeaker cannot be tried: {why}", why=why))
    if not blocks:
        return none(name, tell("the microphone gives no sound: see its own line"))
    return _judged(name, blocks)


def _played(case: Case, name: str, config: ActuatorConfig) -> str | None:
    """Whether it went out: None, or why not."""
    clock = case.host.clock
    try:
        with closing(open_actuator(name, config, clock)) as device:
            device.ask(
                1,
                Sound(
                    samples=chirp(CHIRP_RATE_HZ), rate_hz=CHIRP_RATE_HZ, volume=VOLUME, name="test"
                ),
            )
            ends_s = clock.mono_s() + 2 * CHIRP_S
            while clock.mono_s() < ends_s and not case.stop.is_set():
                sample = device.read()
                if isinstance(sample, Done) and not sample.ok:
                    return sample.text
    except (DeviceUnavailableError, DeviceLostError) as error:
        return said(error)
    return None


def _judged(name: str, blocks: list[AudioBlock]) -> Line:
    rate_hz = blocks[0].rate_hz
    level_db = clearness_db(np.concatenate([block.samples for block in blocks]), chirp(rate_hz))
    told = tell("the chirp stands {level_db:.0f} dB above the rest", level_db=level_db)
    if level_db < CLEAR_DB:
        text = tell("the microphone does not hear the loudspeaker")
        return warning("loop_back_deaf", name, text, CURE)
    return ok(name, told)


def chirp(rate_hz: int) -> Samples:
    """From LOW_HZ to HIGH_HZ, faded in and out, so that nothing clicks."""
    times_s = np.arange(round(CHIRP_S * rate_hz)) / rate_hz
    turns = LOW_HZ * times_s + (HIGH_HZ - LOW_HZ) / (2 * CHIRP_S) * times_s**2
    sound: Samples = (np.sin(2 * np.pi * turns) * np.hanning(len(times_s))).astype(np.float32)
    return sound


def clearness_db(heard: Samples, wanted: Samples) -> float:
    """How far the highest peak of the matched filter stands above its usual (rms) height."""
    size = len(heard) + len(wanted)
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size))
    filtered = np.abs(np.fft.irfft(spectrum, size))
    usual = float(np.sqrt(np.mean(filtered**2)))
    return float(20 * np.log10(float(filtered.max()) / usual)) if usual > 0 else 0.0
