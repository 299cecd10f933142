"""Microphones: how loud it is, whether they clip, whether anything comes."""

from collections.abc import Iterator
from functools import partial

from config.audio import MicrophoneConfig
from config.language import tell
from drivers.factory import open_microphone
from drivers.samples import AudioBlock
from edge.doctor import loop_back
from edge.doctor.case import Case
from edge.doctor.line import NOT_CONFIGURED, Line, judged, none
from edge.reporting.device_findings import device_findings
from edge.reporting.microphone_findings import microphone_findings
from perception.hearing.levels import FLOOR_DBFS, Level, level
from perception.hearing.soundness import CLIPPED_SHARE, QUIET_DBFS, Deafness

LISTEN_S = 5.0
HEARD_S = 2.0


def examine(case: Case) -> Iterator[Line]:
    if not case.settings.microphones:
        yield none("microphones", NOT_CONFIGURED)
    for name, config in case.settings.microphones.items():
        if case.settings.audio.mode == "off":
            yield none(
                name, tell("audio.mode is off: nobody listens, and the doctor does not either")
            )
        else:
            yield from (
                case.unit.device("microphone", name) if case.unit else _tried(case, name, config)
            )
    yield from loop_back.examine(case)


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
    yield from _judged(name, levels)


def _judged(name: str, levels: list[Level]) -> Iterator[Line]:
    """By the unit's own measures, over a shorter time."""
    peak_dbfs = max(each.peak_dbfs for each in levels)
    loudest_dbfs = max(each.dbfs for each in levels)
    clipped = sum(each.clipped for each in levels) / len(levels)
    middle_dbfs = sorted(each.dbfs for each in levels)[len(levels) // 2]
    told = tell(
        "level {level_dbfs:.0f} dBFS, peak {peak_dbfs:.0f} dBFS",
        level_dbfs=middle_dbfs,
        peak_dbfs=peak_dbfs,
    )
    deafness: list[Deafness] = []
    if peak_dbfs <= FLOOR_DBFS:
        deafness = [Deafness.DEAD]
    elif loudest_dbfs < QUIET_DBFS:
        deafness = [Deafness.QUIET]
    elif clipped >= CLIPPED_SHARE:
        deafness = [Deafness.CLIPPING]
    yield from judged(name, microphone_findings(name, deafness), told)
