"""The status messages of a session: birth, goodbye, and the Last Will left with the broker."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from config.models import UnitKind
from telemetry.contract.envelope import CONTENT_TYPE, Draft, Sender, body_of, seal
from telemetry.contract.topics import Topics
from telemetry.contract.unit import Status
from telemetry.contract.uuid7 import uuid7
from telemetry.contract.wire_types import TimeQuality
from telemetry.link.transport import WireMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusWriter:
    """Who the unit is, for its status messages. They are not stored and carry no sequence."""

    topics: Topics
    sender: Sender
    now: Callable[[], tuple[datetime, TimeQuality]]  # UTC, and what it was had from
    unit_kind: UnitKind
    software: str  # name and version, "patrol-edge 0.1.0"
    config_version: str | None = None

    def write(self, state: Literal["online", "stopping", "offline"], session: int) -> WireMessage:
        """The retained status message. `offline` is for the will."""
        now, quality = self.now()
        status = Status(
            state=state,
            session=session,
            unit_kind=self.unit_kind,
            software=self.software,
            config_version=self.config_version,
        )
        draft = Draft.of(status, now, quality)
        return WireMessage(
            topic=self.topics.up("status"),
            payload=seal(body_of(self.sender, draft, uuid7(now)), None, historical=False, sent=now),
            retain=True,
            content_type=CONTENT_TYPE,
        )
