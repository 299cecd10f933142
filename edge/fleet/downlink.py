"""What a simulated unit hears: acknowledgements, whether the hub is there, commands."""

from collections.abc import Callable
from typing import Any

from edge.fleet.delivery import Delivery
from edge.fleet.orders import UnreadableCommandError, answer, read_command
from edge.fleet.parts import UnitParts
from telemetry.contract.commands import COMMANDS
from telemetry.contract.down import Ack, HubState
from telemetry.contract.envelope import BadMessageError, read_down
from telemetry.contract.topics import Topics
from telemetry.contract.up_message import UpMessage
from telemetry.link.transport import Arrived


class Downlink:
    """Of one unit. What cannot be read is counted."""

    def __init__(
        self,
        topics: Topics,
        delivery: Delivery,
        parts: UnitParts[Any],
        tell: Callable[[UpMessage], None],
        say_state: Callable[[], None],
        say_all: Callable[[], None],
    ) -> None:
        """`say_state` for a new hub, `say_all` (state and health) for one that asks for it."""
        self._topics = topics
        self._delivery = delivery
        self._figures, self._clock = parts.figures, parts.clock
        self._tell, self._say_state, self._say_all = tell, say_state, say_all
        self._hub: str | None = None  # its session

    def hear(self, message: Arrived) -> None:
        topics = self._topics
        try:
            if message.topic == topics.hub_state:
                self._hear_hub(read_down(HubState, message.payload))
            elif message.topic == topics.command:
                self._obey(message)
            elif message.topic == topics.ack and not message.retained:
                self._hear_ack(read_down(Ack, message.payload))
            else:
                self._figures.bad_down["retained"] += 1
        except BadMessageError as error:
            self._figures.bad_down[error.cause] += 1

    def _hear_ack(self, ack: Ack) -> None:
        now_s = self._clock.mono_s()
        for item in self._delivery.hub_has(ack.ids, ack.up_to):
            self._figures.hub_acked += 1
            self._figures.hub_ack.add(now_s - (item.first_sent_s or now_s))

    def _hear_hub(self, hub: HubState) -> None:
        new = self._hub is not None and hub.session != self._hub
        self._hub = hub.session
        if new and hub.state == "online":
            self._delivery.hub_is_new()
            self._say_state()

    def _obey(self, message: Arrived) -> None:
        try:
            command = read_command(message.payload)
        except UnreadableCommandError as error:
            self._figures.bad_down[f"command_{error}"] += 1
            return
        unit, now = self._topics.unit, self._clock.utc()
        answered = answer(command, unit, now, retained=message.retained)
        name = command.name if command.name in COMMANDS else "other"
        self._figures.commands[f"{name}.{answered.replies[-1].status}"] += 1
        for reply in answered.replies:
            self._tell(reply)
        if answered.rebirth:
            self._say_all()
