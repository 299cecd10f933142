"""GNSS receivers: opened and listened to, or asked of the unit that runs."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from config.devices import GnssConfig
from config.language import tell
from drivers.factory import open_gnss
from edge.doctor import words
from edge.doctor.case import Case
from edge.doctor.clock import against_gnss, clock_off_s
from edge.doctor.exhibit import Exhibit
from edge.doctor.line import Line, judged, warning
from edge.doctor.look import of_each
from edge.doctor.running_unit import RunningUnit
from edge.doctor.skies import exhibit_of, satellites, told_satellites
from edge.reporting.device_findings import device_findings
from edge.reporting.finding import Finding
from edge.reporting.gnss_findings import bytes_findings, signal_findings
from edge.reporting.parts import Receiver

LISTEN_S = 8.0  # some receivers tell their satellites every fifth second only
FIX_WITHIN_S = 32.0  # of a receiver that speaks: a cold start under open sky takes half a minute
EPOCHS_ENOUGH = 5
SKY_CURE = tell("bring the antenna under open sky and wait a minute; check its plug")


def examine(case: Case) -> Iterator[Line]:
    configs = case.settings.gnss
    jobs = {name: partial(_tried, case, name, config) for name, config in configs.items()}
    yield from of_each(case, "gnss", "receivers", jobs, _sky)


def _sky(unit: RunningUnit, name: str) -> Exhibit | None:
    return exhibit_of(told_satellites(unit.facts.get("skies", {}).get(name)))


def _tried(case: Case, name: str, config: GnssConfig) -> Iterator[Line]:
    receiver = Receiver(case.health(name, "gnss"))

    clock = case.host.clock
    begun_s = clock.mono_s()

    def enough() -> bool:
        """One that speaks and has no fix yet is given the time for it."""
        health, epoch = receiver.health, receiver.newest
        if clock.mono_s() - begun_s >= LISTEN_S:
            return not health.samples or (epoch is not None and epoch.has_fix)
        known = health.samples >= EPOCHS_ENOUGH and receiver.watch.sky is not None
        return known and epoch is not None and epoch.has_fix

    opener = partial(open_gnss, config, case.host.clock)
    case.listen(receiver.health, opener, receiver.note, FIX_WITHIN_S, enough)
    wrong = _missing(case, receiver, config)
    epoch = receiver.newest
    if wrong:
        yield from judged(name, wrong, "")
    elif epoch is None or not epoch.has_fix:
        seen = None if epoch is None else epoch.satellites_in_view
        text: str = tell("it speaks, but had no fix within {limit_s:.0f} s", limit_s=FIX_WITHIN_S)
        if seen is not None:
            text = tell("{told}; {count} satellites in view", told=text, count=seen)
        line = warning("gnss_no_fix", name, text, SKY_CURE)
        yield replace(line, exhibit=exhibit_of(satellites(receiver.watch.sky)))
    else:
        shown = exhibit_of(satellites(receiver.watch.sky))
        found = signal_findings(name, receiver.watch)
        yield from judged(name, found, words.of_receiver(receiver), shown)
        off_s = clock_off_s(case.host.clock, receiver)
        if off_s is not None and config.kind != "replay":
            yield against_gnss(tell("{name} time", name=name), off_s)


def _missing(case: Case, receiver: Receiver, config: GnssConfig) -> list[Finding]:
    """It cannot be opened, is silent, or says what is no NMEA."""
    health = receiver.health
    if health.samples:
        return []
    wrong = health.last_bad
    if wrong and not health.last_error:
        return bytes_findings(health.name, wrong)
    return device_findings(
        health, min(config.silent_after_s, LISTEN_S / 2), case.host.clock.mono_s()
    )
