"""All messages of a unit, by their CloudEvents type."""

from telemetry.contract.alerts import AlertEvent, CountEvent
from telemetry.contract.crowd import CrowdEvent
from telemetry.contract.events import (
    BodyEvent,
    DetectionEvent,
    GeofenceEvent,
    ModuleEvent,
    SosEvent,
    TamperEvent,
)
from telemetry.contract.flash import FlashEvent
from telemetry.contract.plates import PlateEvent
from telemetry.contract.replies import Reply
from telemetry.contract.search import SearchEvent, SearchProgressEvent
from telemetry.contract.sounds import SoundEvent
from telemetry.contract.tasks import DutyEvent, TaskEvent
from telemetry.contract.unit import Health, Position, State, Status
from telemetry.contract.up_message import UpMessage

UP_MESSAGES: tuple[type[UpMessage], ...] = (
    Status,
    State,
    Position,
    Health,
    DetectionEvent,
    AlertEvent,
    CountEvent,
    CrowdEvent,
    TaskEvent,
    DutyEvent,
    SosEvent,
    GeofenceEvent,
    TamperEvent,
    ModuleEvent,
    BodyEvent,
    FlashEvent,
    SoundEvent,
    PlateEvent,
    SearchEvent,
    SearchProgressEvent,
    Reply,
)
BY_TYPE: dict[str, type[UpMessage]] = {model.TYPE: model for model in UP_MESSAGES}
