"""Which orders of the hub this part of the unit carries out, and how each is answered."""

from edge.acting import wishes
from edge.acting.claims import Kind
from edge.acting.desk import Desk
from edge.acting.switching import Switching
from edge.acting.wishes import Asker, Outlets, Reader
from edge.commands.handlers import Quick
from telemetry.commands.handling import (
    Handler,
    Order,
    OrderRefusedError,
    Progress,
    Result,
)
from telemetry.contract.acting import Beacon, Light, PanTilt, Relay, Siren
from telemetry.contract.wire_types import Message

# By command: its arguments, the kind of actuator that it needs, and what is made of it.
SWITCHING: dict[str, tuple[type[Message], Kind, Reader]] = {
    "light": (Light, "light", wishes.light),
    "beacon": (Beacon, "beacon", wishes.beacon),
    "siren": (Siren, "siren", wishes.siren),
    "relay": (Relay, "relay", wishes.relay),
    "ptz": (PanTilt, "pan_tilt", wishes.ptz),
}


class SwitchOrder:
    """An order that something goes on or off."""

    long_running = False

    def __init__(self, outlets: Outlets, switching: Switching, reader: Reader) -> None:
        self._outlets = outlets
        self._switching = switching
        self._reader = reader

    def check(self, order: Order) -> None:
        self._switching.check(self._read(order))

    def carry_out(self, order: Order, progress: Progress) -> Result:  # noqa: ARG002 - it is brief
        return self._switching.carry_out(self._read(order))

    def _read(self, order: Order) -> wishes.Order:
        if order.name == "siren" and order.role != "commander":  # whatever the unit's file allows
            raise OrderRefusedError("role_not_allowed", "a siren is for commanders only")
        return self._reader(self._outlets, order.args, Asker(order.issuer, order.origin))


def readers(outlets: Outlets) -> dict[str, tuple[type[Message], Reader]]:
    """Of those commands for which there is an actuator."""
    kinds = {outlet.kind for outlet in outlets.values()}
    return {
        name: (args, reader) for name, (args, kind, reader) in SWITCHING.items() if kind in kinds
    }


def order_handlers(desk: Desk, switching: Switching) -> dict[str, Handler]:
    """By the names of the contract."""
    found: dict[str, Handler] = {
        name: SwitchOrder(desk.outlets, switching, reader)
        for name, (_, reader) in readers(desk.outlets).items()
    }
    if desk.outlets:
        found["quiet"] = Quick(lambda order: switching.quiet(Asker(order.issuer, order.origin)))
    return found
