"""What the publisher tells about itself."""

from dataclasses import dataclass
from datetime import datetime

from telemetry.link.metering import BudgetFigures
from telemetry.link.transport import ProtocolVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class PublisherStats:
    """How the link is doing."""

    connected: bool
    protocol: ProtocolVersion | None  # in use
    since: datetime | None  # of the present state
    session: int  # connections begun since start
    reconnects: int
    unacked: int  # on the wire
    awaiting_hub: int  # with the broker, and the hub has not acknowledged
    sent: int
    resent: int
    acked: int  # left the disk
    hub_online: bool | None  # as hub/state says; None if it was never heard
    last_error: str | None  # fits the wire's `Text`
    refused: dict[str, int]  # PUBACKs by failure code
    refused_s: float | None = None  # since the last of them
    unheard_s: float | None = None  # so long has no hub acknowledged what the broker has
    unheard_topics: tuple[str, ...] = ()  # that the broker does not let us hear
    down: dict[str, int]  # what came down and was not obeyed, by cause
    budget: BudgetFigures | None = None  # of a metered link
    certificate_error: str | None = None  # of new files that cannot be used
