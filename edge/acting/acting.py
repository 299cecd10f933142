"""What the unit says and shines, under one roof: who may, for how long, and what forbids it."""

import threading
from collections.abc import Callable

from config.models import Settings
from drivers.clock import Clock
from edge.body.body import Body
from edge.reporting.finding import Finding
from edge.running.driver_loop import DriverHealth
from edge.running.worker import Beat
from edge.seeing.witness import Witness
from edge.tasks.local import Control
from edge.tasks.modes import Tuned
from telemetry.commands.handling import Handler
from telemetry.contract.body import Actuator

WorkOf = Callable[[Beat, threading.Event], None]


class Acting:
    """Made before anything runs."""

    def __init__(self, settings: Settings, body: Body, witness: Witness, clock: Clock) -> None:
        self._settings = settings
        self._body = body
        self._witness = witness
        self._clock = clock
        self._stealth = False

    def tune(self, tuned: Tuned) -> None:
        """A component of `Tuning`: the mode has changed."""
        self._stealth = tuned.stealth

    def link(self, connected: bool) -> None:
        """Whether the hub can be heard. Called again and again, by the publisher's thread."""

    def works(self) -> dict[str, WorkOf]:
        return {}

    def handlers(self) -> dict[str, Handler]:
        return {}

    def controls(self) -> dict[str, Control]:
        return {}

    def devices(self) -> list[DriverHealth]:
        return []

    def states(self) -> tuple[Actuator, ...]:
        """For the state message."""
        return ()

    def findings(self, now_mono_s: float) -> list[Finding]:  # noqa: ARG002 - for those to come
        return []
