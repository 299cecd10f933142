"""What is wrong with the unit's body: batteries, sensors, and parts that are lacking."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from config.language import tell
from config.models import Settings
from drivers.samples import Ambient, Battery
from edge.reporting.finding import Finding, about

LOW_PERCENT = 20.0  # of a battery whose limit nobody has configured
HOT_C = 55.0  # lithium cells are not to be used beyond 60 °C (makers' data sheets)
TELL_BATTERIES = ("mavlink", "robot")
MODULE_CURES = {
    "gnss": tell("write a receiver below gnss:, `patrol-edge devices` shows the lines"),
    "camera": tell("write one below cameras:, `patrol-edge devices` shows the lines"),
    "microphone": tell(
        "write one below microphones:, `patrol-edge audio devices` lists what is there"
    ),
    "platform": tell("write the carrier below platforms:"),
    "battery": tell("write it below sensors: as kind: battery, or the platform that tells of it"),
    "board": tell("write it below boards:, `patrol-edge devices` shows the lines"),
}


def battery_findings(
    batteries: Mapping[str, Battery], limits: Mapping[str, tuple[float, float]]
) -> list[Finding]:
    """`limits` by battery: percent and °C, where they are configured."""
    found = []
    for name, battery in sorted(batteries.items()):
        low_percent, hot_c = limits.get(name, (LOW_PERCENT, HOT_C))
        finding, percent = about(name), battery.percent
        low = battery.cells_low or (percent is not None and percent <= low_percent)
        if low and not battery.charging:
            text = (
                tell("it says itself that it is low")
                if percent is None
                else tell("{percent:.0f} % left", percent=percent)
            )
            action = tell("charge it, or change it; perception works less hard meanwhile")
            found.append(finding("battery_low", "warning", text, action))
        if battery.celsius is not None and battery.celsius >= hot_c:
            action = tell("let it cool: shade, no charging, less load; look at it for swelling")
            found.append(finding("battery_hot", "warning", f"{battery.celsius:.0f} °C", action))
    return found


def doubt_findings(sensor: str, doubts: Mapping[str, str]) -> list[Finding]:
    """What a sensor tells cannot be."""
    if not doubts:
        return []
    finding, text = about(sensor), "; ".join(doubts.values())
    action = tell("unplug it and plug it in again; if that is no help, change it")
    return [finding("sensor_implausible", "warning", text, action)]


def hot_findings(ambient: Iterable[Ambient], hot_c: float) -> list[Finding]:
    """What a thermometer says is too hot."""
    found = []
    for each in ambient:
        finding = about(each.name)
        if each.celsius is not None and each.celsius >= hot_c:
            action = tell("shade it, cool it, clean its fan")
            found.append(finding("part_hot", "warning", f"{each.celsius:.0f} °C", action))
    return found


def module_findings(required: Sequence[str], configured: Collection[str]) -> list[Finding]:
    """Kinds that this unit must have, and has none of in its file."""
    found = []
    for kind in dict.fromkeys(required):
        finding = about(kind)
        if kind not in configured:
            text = tell("a unit of this kind must have one: {kind}; its file names none", kind=kind)
            cure = MODULE_CURES.get(kind, tell("write it below actuators:"))
            action = tell("{cure}; or take {kind} out of modules.required", cure=cure, kind=kind)
            found.append(finding("module_not_configured", "warning", text, action))
    return found


def roll_call_findings(fault: str | None) -> list[Finding]:
    """Which parts are lost cannot be remembered."""
    if fault is None:
        return []
    finding, action = (
        about("modules"),
        tell("make room in state_dir, so that the service may write"),
    )
    text = tell("which parts are lost would be forgotten by a restart: {fault}", fault=fault)
    return [finding("modules_not_stored", "error", text, action)]


def kinds_in(settings: Settings) -> set[str]:
    """What the unit's file names, as `modules.required` calls it."""
    sections = {
        "gnss": settings.gnss,
        "camera": settings.cameras,
        "microphone": settings.microphones,
        "platform": settings.platforms,
        "board": settings.boards,
    }
    found = {kind for kind, section in sections.items() if section}
    found |= {one.kind for one in settings.actuators.values()}
    of_platforms = any(one.kind in TELL_BATTERIES for one in settings.platforms.values())
    of_sensors = any(one.kind == "battery" for one in settings.sensors.values())
    return found | ({"battery"} if of_platforms or of_sensors else set())
