"""The state message: what the unit is and what it consists of, whole."""

import platform
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

from edge.reporting.parts import Parts
from edge.running.driver_loop import DriverHealth
from telemetry.contract.envelope import Draft
from telemetry.contract.unit import Component, ComponentState, Inventory, State
from telemetry.contract.wire_types import short

# Another distribution may supply the module (onnxruntime-gpu): then there is nothing to tell.
SOFTWARE = ("patrol-edge", "onnxruntime", "onnxruntime-gpu", "opencv-python-headless", "paho-mqtt")


class StateDesk:
    """Notices when the state has changed. One thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._told: State | None = None

    def due(self) -> Draft | None:
        """The state, if it differs from the last one; else None.

        The first one is not told here: it goes out at the birth of each connection.
        """
        state = state_of(self._parts)
        changed = self._told is not None and state != self._told
        self._told = state
        return Draft.of(state, *self._parts.timebase.now()) if changed else None


def state_draft(parts: Parts) -> Draft:
    """The state as it is now, for the birth of a connection. Any thread."""
    return Draft.of(state_of(parts), *parts.timebase.now())


def state_of(parts: Parts) -> State:
    settings = parts.settings
    book, task = parts.office.desk.book, parts.office.desk.book.current
    return State(
        unit_kind=settings.unit.kind,
        label=settings.unit.label,
        capabilities=_capabilities(parts),
        commander=parts.commanding.commander,
        mode=parts.office.tuning.now.mode,
        duty=book.duty,
        task=task.id if task is not None else None,
        task_state=task.state if task is not None else None,
        unlocked=_unlocked(parts),
        stealth=parts.acting.stealth,
        actuators=parts.acting.states(),
        vehicles=parts.body.vehicles(),
        components=tuple(_components(parts)),
        inventory=_inventory(parts),
        flashed=parts.flashed.told(
            parts.config_digest, safe_mode=parts.slots.start.safe is not None
        ),
    )


def _capabilities(parts: Parts) -> tuple[str, ...]:
    carriers = (each.abilities for each in parts.body.carriers.values())
    carried = any(known is not None and known.gives_position for known in carriers)
    found = ["position"] if parts.receivers or carried else []
    found += ["listen"] if parts.listening.devices else []
    found += ["detect"] if parts.vision is not None else []
    unable = parts.moving.unable() | parts.acting.unable()
    able = (each for each in parts.commanding.capabilities() if each not in unable)
    return (*found, *able)


def _unlocked(parts: Parts) -> tuple[str, ...]:
    open_now = parts.media.unlocks.now() if parts.media is not None else ()
    return tuple(short(unlock.camera) for unlock in open_now)


def _components(parts: Parts) -> list[Component]:
    found = [
        Component(name=health.name, kind=health.component, state=device_state(health))
        for health in parts.devices()
    ]
    vision = parts.vision
    if vision is not None:
        ready: ComponentState = "ok" if vision.ready.is_set() else "starting"
        state: ComponentState = "failed" if vision.model_error else ready
        found.append(Component(name=short(vision.model_name), kind="model", state=state))
    return found


def _inventory(parts: Parts) -> Inventory:
    detector = parts.vision.detector if parts.vision is not None else None
    return Inventory(
        software=software_versions(),
        models={short(detector.spec.name): detector.spec.sha256 or ""} if detector else {},
        hardware={"machine": platform.machine(), "system": platform.release()},
        modules=parts.roll_call.modules(),
    )


@cache
def software_versions() -> dict[str, str]:
    """What is installed; read once, since an upgrade does not change what already runs."""
    found = {}
    for name in SOFTWARE:
        with suppress(PackageNotFoundError):
            found[name] = installed(name)
    return found


def device_state(health: DriverHealth) -> ComponentState:
    """How a device fares, in the hub's words."""
    if health.ended or health.resting:
        return "off"
    if health.last_error:
        return "failed"
    return "ok" if health.samples else "starting"
