"""Power: what feeds the computer, and its batteries."""

from collections.abc import Iterator

from config.language import said, tell
from drivers.base import DriverError
from drivers.plugged.tree import attribute
from drivers.sensors.battery import SUPPLIES, reading
from drivers.sensors.sensor import Attributes
from edge.doctor.case import Case
from edge.doctor.line import Line, fault, none, of_finding, ok, warning
from edge.doctor.wording import listed
from edge.reporting.body_findings import battery_findings

# Raspberry Pi's firmware (raspberrypi.com, documentation of vcgencmd, get_throttled): now, and ever
# since the boot.
THROTTLED = (
    "devices/platform/soc/soc:firmware/get_throttled",
    "devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled",
)
UNDERVOLTED, CAPPED, THROTTLED_NOW, SOFT_LIMIT = 1 << 0, 1 << 1, 1 << 2, 1 << 3
SINCE_BOOT = 16
SUPPLY_CURE = tell(
    "use the supply that the computer's maker names and a short, thick cable; unplug what draws "
    "power from its USB ports, or feed that by itself"
)


def examine(case: Case) -> Iterator[Line]:
    yield _supply(case)
    yield from _batteries(case)


def _supply(case: Case) -> Line:
    flags = _flags(case)
    if flags is not None and flags & UNDERVOLTED:
        return fault("power_low", "supply", tell("the voltage is too low now"), SUPPLY_CURE)
    if flags is not None and flags & (UNDERVOLTED << SINCE_BOOT):
        text = tell("the voltage was too low at least once since the boot")
        return warning("power_low", "supply", text, SUPPLY_CURE)
    alarm = _alarm(case)
    if alarm is not None:
        text = tell("{name} says that the voltage is too low", name=alarm)
        return fault("power_low", "supply", text, SUPPLY_CURE)
    if flags is not None:
        return ok("supply", tell("never too low since the boot"))
    mains = [
        folder.name
        for folder in case.host.tree.entries(SUPPLIES)
        if attribute(folder / "type") in ("Mains", "USB") and attribute(folder / "online") == "1"
    ]
    if mains:
        return ok("supply", tell("fed by {names}", names=", ".join(mains)))
    return none("supply", tell("this computer does not tell how it is fed"))


def throttled_now(case: Case) -> bool:
    """Whether the firmware holds the processor back now."""
    flags = _flags(case)
    return bool(flags is not None and flags & (CAPPED | THROTTLED_NOW | SOFT_LIMIT))


def _flags(case: Case) -> int | None:
    told = next((text for path in THROTTLED if (text := case.host.text(path))), None)
    if told is None and "raspberry" in (computer_model(case) or "").lower():
        told = (case.host.ask("vcgencmd", "get_throttled") or "").partition("=")[2].strip()
    try:
        return int(told, 16) if told else None
    except ValueError:
        return None


def computer_model(case: Case) -> str | None:
    """As its device tree calls it; None of a computer that has none."""
    return attribute(case.host.proc / "device-tree/model")


def _alarm(case: Case) -> str | None:
    """A voltmeter of the kernel (hwmon) whose lower limit has been passed."""
    for chip in case.host.tree.entries("class/hwmon"):
        for path in sorted(chip.glob("in*_lcrit_alarm")):
            if attribute(path) == "1":
                return attribute(chip / "name") or chip.name
    return None


def _batteries(case: Case) -> Iterator[Line]:
    """Those that the kernel tells of; with the limits of the unit's file where it names them."""
    limits = {
        one.supply: (one.low_percent, one.hot_c)
        for one in case.settings.sensors.values()
        if one.kind == "battery"
    }
    found = False
    for folder in case.host.tree.entries(SUPPLIES):
        if attribute(folder / "type") != "Battery" or attribute(folder / "scope") == "Device":
            continue  # of a mouse or a headset
        found = True
        name = folder.name
        try:
            battery = reading(Attributes(folder), name, case.host.clock.mono_s())
        except DriverError as error:
            cure = tell("see to its plug; `patrol-edge devices` lists what is there")
            yield warning("battery_unread", name, said(error), cure)
            continue
        findings = battery_findings({name: battery}, limits)
        told = listed(
            [
                *([] if battery.percent is None else [f"{battery.percent:.0f} %"]),
                *([] if battery.voltage_v is None else [f"{battery.voltage_v:.1f} V"]),
                *([tell("on the charger")] if battery.charging else []),
            ]
        )
        yield from [of_finding(each) for each in findings] or [ok(name, told)]
    if not found:
        yield none("battery", tell("this computer has none of its own"))
