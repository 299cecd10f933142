"""What is wrong with what the unit says and shines, as findings."""

from collections.abc import Iterable, Mapping

from config.language import tell
from edge.acting.outlet import Outlet
from edge.acting.record import ActingBook
from edge.reporting.device_findings import device_findings
from edge.reporting.finding import Finding, about
from telemetry.contract.wire_types import text

SILENT_AFTER_S = 5.0


def acting_findings(
    outlets: Mapping[str, Outlet], book: ActingBook, not_remembered: str | None, now_mono_s: float
) -> list[Finding]:
    """`not_remembered`: why the disk does not take it."""
    found = [each for outlet in outlets.values() for each in _outlet_findings(outlet, now_mono_s)]
    finding = about("acting")
    if book.stopped_by is not None:
        told = tell(
            "{stopped_by} has stopped all that the unit says and shines", stopped_by=book.stopped_by
        )
        action = tell("`patrol-edge act resume` on the unit, once there is no reason any more")
        found.append(finding("acting_stopped", "warning", told, action))
    if not_remembered is not None:
        action = tell("free space where state_dir lies; until then siren and loudspeaker stay off")
        found.append(finding("acting_not_remembered", "error", not_remembered, action))
    return found


def _outlet_findings(outlet: Outlet, now_mono_s: float) -> Iterable[Finding]:
    yield from device_findings(outlet.health, SILENT_AFTER_S, now_mono_s)
    finding, report = about(outlet.name), outlet.report
    if not outlet.there or report is None:
        return
    if report.fault is not None:  # which is why it may not do what it shall
        action = tell("look at it and at what drives it; its own papers say what this means")
        yield finding("actuator_fault", "error", text(report.fault), action)
    elif outlet.disobeys is not None:
        action = tell("look at it: it may be stuck, broken, or wired to another output")
        yield finding("actuator_disobeys", "error", outlet.disobeys, action)
    if report.celsius is not None and report.celsius >= outlet.config.hot_c:
        told = tell(
            "{celsius:.0f} °C, and it goes off at {hot_c:.0f} °C",
            celsius=report.celsius,
            hot_c=outlet.config.hot_c,
        )
        action = tell("let it cool; clean it, and see that air gets to it")
        yield finding("actuator_hot", "warning", told, action)


def sound_findings(
    clips: Mapping[str, str], voice_missing: str | None, not_sounded: str
) -> list[Finding]:
    """Of loudspeakers. `clips`: by file, why it cannot be played."""
    finding, found = about("acting"), []
    if clips:
        first, more = next(iter(clips.values())), len(clips) - 1
        told = tell("{first}; and {more} more", first=first, more=more) if more else first
        action = tell("put WAV files of 16 bits there, e.g. `ffmpeg -i IN -c:a pcm_s16le OUT.wav`")
        found.append(finding("clip_unreadable", "warning", text(told), action))
    if voice_missing is not None:
        action = tell("install what is named, or set acting.speech; clips are played all the same")
        found.append(finding("speech_missing", "warning", text(voice_missing), action))
    if not_sounded:
        action = tell("try `patrol-edge act speak TEXT`; see to the loudspeaker, or to the voice")
        found.append(finding("not_sounded", "warning", text(not_sounded), action))
    return found
