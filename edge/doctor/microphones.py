"""Microphones: how loud it is, whether they clip, whether anything comes."""

from collections.abc import Iterator
from functools import partial

from config.audio import MicrophoneConfig
from drivers.factory import open_microphone
from drivers.samples import AudioBlock
from edge.doctor.case import Case
from edge.doctor.line import NOT_CONFIGURED, Line, fault, judged, none, ok
from edge.reporting.device_findings import device_findings
from perception.hearing.levels import Level, level

LISTEN_S = 5.0
HEARD_S = 2.0
DEAD_DBFS = -85.0  # below the noise of any microphone with its amplifier
CLIPPED_SHARE = 0.02  # of the blocks
PLUG_CURE = "is it plugged into the input, and not muted? `alsamixer`, F4; speak, and look again"
GAIN_CURE = "turn its gain down (`alsamixer`, F4), or move it away from the engine or siren"


def examine(case: Case) -> Iterator[Line]:
    if not case.settings.microphones:
        yield none("microphones", NOT_CONFIGURED)
    for name, config in case.settings.microphones.items():
        if case.settings.audio.mode == "off":
            yield none(name, "audio.mode is off: nobody listens, and the doctor does not either")
        else:
            yield from (
                case.unit.device("microphone", name) if case.unit else _tried(case, name, config)
            )


def _tried(case: Case, name: str, config: MicrophoneConfig) -> Iterator[Line]:
    health, levels = case.health(name, "microphone"), list[Level]()
    heard_s = 0.0

    def note(block: AudioBlock) -> None:
        nonlocal heard_s
        heard_s += block.duration_s
        levels.append(level(block.samples, block.rate_hz))

    opener = partial(open_microphone, name, config, case.host.clock)
    case.listen(health, opener, note, LISTEN_S, lambda: heard_s >= HEARD_S)
    if not levels:
        now_s = case.host.clock.mono_s()
        yield from judged(name, device_findings(health, config.silent_after_s, now_s), "")
        return
    yield _judged(name, levels)


def _judged(name: str, levels: list[Level]) -> Line:
    loudest = max(each.dbfs for each in levels)
    middle = sorted(each.dbfs for each in levels)[len(levels) // 2]
    clipped = sum(each.clipped for each in levels) / len(levels)
    told = f"level {middle:.0f} dBFS, peak {max(each.peak_dbfs for each in levels):.0f} dBFS"
    if loudest < DEAD_DBFS:
        return fault("microphone_dead", name, f"{told}: nothing but zeros", PLUG_CURE)
    if clipped > CLIPPED_SHARE:
        return fault("microphone_clips", name, f"{told}, {clipped:.0%} of it clipped", GAIN_CURE)
    return ok(name, told)
