"""What is wrong with what carries the unit: the line to it, and what it complains of itself."""

from config.language import tell
from edge.body.carrier import Carrier
from edge.reporting.finding import Finding, about
from telemetry.contract.up_message import Severity
from telemetry.contract.wire_types import text

OLD_AFTER_S = 10.0  # what a carrier said before that is no complaint of now

# Of `VehicleState.troubles`: how bad, what is wrong, and what to do about it.
TROUBLES: dict[str, tuple[Severity, str, str]] = {
    "can_bus_off": (
        "error",
        tell("the CAN controller has switched itself off after too many errors (bus-off)"),
        tell(
            "check the two wires, the 120 ohm at both ends and the bit rate; with "
            "restart-ms 100 (`ip link set ... type can restart-ms 100`) it comes back by "
            "itself"
        ),
    ),
    "can_error_passive": (
        "warning",
        tell("the CAN controller sees so many errors that it only listens (error-passive)"),
        tell(
            "check the plug, the shield and the 120 ohm at both ends; nobody else on the "
            "bus looks the same"
        ),
    ),
    "can_wrong_bitrate": (
        "error",
        tell("only damaged frames come from the CAN bus: the bit rate is wrong"),
        tell(
            "most cars have 500000, some lorries 250000: set it with `ip link` and in "
            "the unit's file"
        ),
    ),
    "can_silent": (
        "error",
        tell("nothing that is wanted comes from the CAN bus"),
        tell(
            "is the ignition on, and the plug in? `candump` shows whether there is "
            "anything at all; some cars let only OBD-II through to that socket"
        ),
    ),
    "autopilots_mixed": (
        "error",
        tell("several autopilots speak on this line; no order is passed on"),
        tell(
            "one autopilot a line; give each its own number (SYSID_THISMAV, MAV_SYS_ID), "
            "and the unit the right one: platforms.NAME.system"
        ),
    ),
    "obd_no_answer": (
        "warning",
        tell("the car answers no OBD-II question"),
        tell("is the ignition on? else try obd_ids: 11 or 29; a car that speaks none: obd: false"),
    ),
    "obd_bus_error": (
        "error",
        tell("the OBD adapter finds the car's bus damaged (CAN ERROR, BUS ERROR, BUS INIT: ERROR)"),
        tell("check that the adapter sits firmly; unplug other devices from the diagnostic socket"),
    ),
    "elm_copy": (
        "info",
        tell("the OBD adapter is a copy of an ELM327 and does less than it says"),
        tell("if values are missing or slow, take a genuine one; else leave it"),
    ),
}


def carrier_findings(carrier: Carrier, now_mono_s: float) -> list[Finding]:
    """What it said lately; where it is away, that is the fault and nothing else."""
    state = carrier.state
    if state is None or carrier.health.last_error or now_mono_s - state.mono_s > OLD_AFTER_S:
        return []
    finding = about(carrier.name)
    found = battery_doubts(carrier)
    found += [finding(code, *TROUBLES[code]) for code in state.troubles if code in TROUBLES]
    if state.faults:
        action = tell(
            "see what it means in its maker's manual; the unit goes on with what it still does"
        )
        told = tell("it says: {faults}", faults="; ".join(state.faults))
        found.append(finding("carrier_fault", "warning", text(told), action))
    return found


def battery_doubts(carrier: Carrier) -> list[Finding]:
    """A battery of which it tells what cannot be true."""
    action = tell(
        "do not trust its charge: land, measure the battery, then calibrate the "
        "power module and set the right capacity"
    )
    found = []
    for each in carrier.batteries.values():
        if each.doubt:
            finding = about(f"{carrier.name}.{each.name}" if each.name else carrier.name)
            told = text(tell("its battery: {doubt}", doubt=each.doubt))
            found.append(finding("battery_contradicts", "error", told, action))
    return found
