"""What carries the unit: whether it speaks, and what it says of itself."""

from collections.abc import Iterator

from drivers.base import Driver
from drivers.factory import open_platform
from drivers.platforms.orders import PlatformSample
from drivers.samples import Done
from edge.body.carrier import Carrier
from edge.doctor import words
from edge.doctor.case import Case
from edge.doctor.line import NOT_CONFIGURED, Line, judged, none
from edge.reporting.body_findings import battery_findings
from edge.reporting.carrier_findings import carrier_findings
from edge.reporting.device_findings import device_findings
from edge.reporting.finding import Finding

LISTEN_S = 8.0


def examine(case: Case) -> Iterator[Line]:
    if not case.settings.platforms:
        yield none("platforms", NOT_CONFIGURED)
    for name, config in case.settings.platforms.items():
        carrier = Carrier(name, config, case.health(name, "platform"))
        yield from case.unit.device("platform", name) if case.unit else _tried(case, carrier)


def _tried(case: Case, carrier: Carrier) -> Iterator[Line]:
    """It is listened to, and asked for nothing."""

    def note(sample: PlatformSample | Done) -> None:
        if not isinstance(sample, Done):
            carrier.note(sample)

    def enough() -> bool:
        return carrier.state is not None and bool(carrier.batteries)

    def opener() -> Driver[PlatformSample | Done]:
        return open_platform(carrier.name, carrier.config, case.host.clock)

    case.listen(carrier.health, opener, note, LISTEN_S, enough)
    batteries = list(carrier.batteries.values())
    told = words.of_carrier(carrier.state, batteries, carrier.abilities)
    yield from judged(carrier.name, _findings(case, carrier), told)


def _findings(case: Case, carrier: Carrier) -> list[Finding]:
    now_s = case.host.clock.mono_s()
    found = device_findings(carrier.health, carrier.config.silent_after_s, now_s)
    if found:
        return found
    batteries = {
        f"{carrier.name}.{name}" if name else carrier.name: battery
        for name, battery in carrier.batteries.items()
    }
    return [*carrier_findings(carrier, now_s), *battery_findings(batteries, {})]
