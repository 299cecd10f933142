"""What the reference hub says of each message: a line for a person, an object for a machine."""

import json

from config.wording import one_line
from telemetry.contract.body import Actuator, Vehicle
from telemetry.contract.events import BodyEvent, DetectionEvent, ModuleEvent
from telemetry.contract.flash import FlashEvent
from telemetry.contract.unit import State
from telemetry.contract.up_message import UpMessage
from telemetry.hub.ledger import Arrival

LONGEST_LINE = 300


def in_words(arrival: Arrival) -> str:
    """One line for a person; what strangers wrote in it cannot move the cursor."""
    return one_line(_in_words(arrival), LONGEST_LINE)


def _in_words(arrival: Arrival) -> str:
    who = arrival.unit or arrival.topic
    if arrival.verdict != "accepted":
        return f"{who}: {arrival.verdict.replace('_', ' ')} {arrival.reason}".rstrip()
    if arrival.received is None:
        return f"{who}: {arrival.leaf}, {len(arrival.payload)} bytes"
    kind = arrival.received.envelope.type.removeprefix("patrol.")
    number = arrival.received.envelope.sequence or "-"
    return f"{who}: {kind} #{number}{_told(arrival.received.data)}"


def _told(data: UpMessage | None) -> str:
    match data:
        case DetectionEvent():
            return _of_detection(data)
        case ModuleEvent():
            words = f", {data.kind} {data.module} {data.what}"
            return words + (f": {data.text}" if data.text else "")
        case BodyEvent():
            return _of_body(data)
        case FlashEvent():
            return _of_flash(data)
        case _:
            return ""


def _of_body(event: BodyEvent) -> str:
    """What befell whom: `, drone mission_item 2/12`."""
    words = f", {event.component} {event.what}"
    if event.item is not None:
        words += f" {event.item}/{event.items}" if event.items is not None else f" {event.item}"
    return words + (f": {event.text}" if event.text else "")


def _of_flash(event: FlashEvent) -> str:
    """`, config harbour-13 (serial 13) rolled back, by wang (hub): unhealthy: no picture`."""
    what = " ".join(part for part in (event.kind, event.name) if part) or "a bundle"
    serial = f" (serial {event.serial})" if event.serial is not None else ""
    way = f" ({event.way})" if event.way is not None else ""
    why = ": ".join(part for part in (event.code, event.text) if part)
    words = f", {what}{serial} {event.what.replace('_', ' ')}, by {event.by}{way}"
    return words + (f": {why}" if why else "")


def flashed_words(state: State | None) -> str:
    """What is in use, and what has to prove itself: `config 13 on trial, overlay 3`."""
    if state is None or state.flashed is None:
        return "-"
    trial = state.flashed.trial
    words = ["SAFE MODE"] if state.flashed.safe_mode else []
    for lane in state.flashed.lanes:
        if lane.serial is not None:
            tried = trial is not None and trial.lane == lane.lane
            words.append(f"{lane.lane} {lane.serial}" + (" on trial" if tried else ""))
    return ", ".join(words) or "as it came"


def _of_detection(data: DetectionEvent) -> str:
    """What was seen, and where: `, person new at 54.17813, 12.09137 within 4.6 m, 1.4 m/s`."""
    words = f", {data.label} {data.phase}"
    if data.place is None:
        return words + (f", no place: {data.place_missing}" if data.place_missing else "")
    place, motion = data.place, data.motion
    words += f" at {place.lat_deg:.5f}, {place.lon_deg:.5f} within {place.error.major_m:.1f} m"
    return words + ("" if motion is None else f", {motion.speed_mps:.1f} m/s")


def as_json(arrival: Arrival) -> dict[str, object]:
    """The message and what became of it, for `--json` and the record."""
    try:
        message: object = json.loads(arrival.payload)
    except (ValueError, RecursionError):
        message = None
    found: dict[str, object] = {"topic": arrival.topic, "verdict": arrival.verdict}
    if arrival.reason:
        found["reason"] = arrival.reason
    if message is None:
        found["size_bytes"] = len(arrival.payload)
    return found | {"message": message}


def body_words(state: State | None) -> str:
    """What is on, and how the carrier fares: `search 50 %, horn (emergency); dog walk STOPPED`."""
    if state is None:
        return "-"
    lit = ", ".join(_lit(each) for each in state.actuators if each.on)
    carried = ", ".join(_carried(each) for each in state.vehicles)
    dark = "stealth" if state.stealth else ""
    return "; ".join(words for words in (dark, lit, carried) if words) or "-"


def _lit(actuator: Actuator) -> str:
    level = f" {actuator.level:.0%}" if 0 < actuator.level < 1 else ""
    whose = f" ({actuator.by})" if actuator.by not in (None, "operator") else ""
    return f"{actuator.name}{level}{whose}"


def _carried(vehicle: Vehicle) -> str:
    words = [vehicle.name, vehicle.mode or ""]
    if vehicle.mission_state in ("active", "paused"):
        item = "" if vehicle.mission_item is None else f" {vehicle.mission_item}"
        items = "" if vehicle.mission_items is None else f"/{vehicle.mission_items}"
        words.append(f"mission {vehicle.mission_state}{item}{items}")
    words.append("STOPPED" if vehicle.estop else "")
    return " ".join(word for word in words if word)
