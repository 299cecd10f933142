"""One example of each message, as a unit in a small town would send it."""

from datetime import timedelta
from typing import Any

from telemetry.contract.down import Ack, HubState
from telemetry.contract.envelope import Draft, Sender, body_of, seal
from telemetry.contract.events import (
    BodyEvent,
    GeofenceEvent,
    ModuleEvent,
    TamperEvent,
)
from telemetry.contract.example_commands import command_examples
from telemetry.contract.replies import Reply
from telemetry.contract.snapshot import SnapshotProperties
from telemetry.contract.tasks import DutyEvent
from telemetry.contract.unit import (
    Status,
)
from telemetry.contract.up_message import UpMessage
from telemetry.contract_docs.event_examples import (
    alert,
    count,
    crowd,
    detection,
    detection_without_pose,
    flash,
    sos,
    sound,
    task,
)
from telemetry.contract_docs.finder_examples import candidate, plate, progress
from telemetry.contract_docs.scene import EPISODE, NOON, pose, some_id
from telemetry.contract_docs.signed_example import signed_example
from telemetry.contract_docs.unit_examples import health, position, state, status

_SENDER = Sender(unit="dog-07", boot_id="019cc1a2-7c00-7d3b-9a51-0c5f2f6b1a01")


def _sent(data: UpMessage, number: int, *, late: bool = False) -> bytes:
    moment = NOON + timedelta(seconds=number)
    sequence = None if isinstance(data, Status) else 4100 + number
    sent = moment + timedelta(hours=1 if late else 0, milliseconds=40)
    body = body_of(_SENDER, Draft.of(data, moment, "gnss"), some_id(number))
    return seal(body, sequence, historical=late, sent=sent)


def _replies() -> dict[str, Reply]:
    """A clip that was uploaded, step by step; and a task that was refused."""
    upload: dict[str, Any] = {"command": some_id(30), "name": "clip.upload"}
    return {
        "received": Reply(**upload, status="received"),
        "accepted": Reply(**upload, status="accepted"),
        "running": Reply(**upload, status="running", progress=40, text="8 of 20 MiB"),
        "succeeded": Reply(**upload, status="succeeded", result={"clip": "front-0412"}),
        "repeat": Reply(**upload, status="succeeded", result={"clip": "front-0412"}, repeat=True),
        "rejected": Reply(
            command=some_id(31), name="task.assign", status="rejected", code="busy", text="at work"
        ),
    }


def up_examples() -> dict[str, bytes]:
    """File name, beginning with the schema's name, to the message as it is on the wire."""
    replies = _replies().items()
    return {
        "status": _sent(status(), 0),
        "status-will": _sent(status().model_copy(update={"state": "offline"}), 0),
        "state": _sent(state(), 1),
        "position": _sent(position(), 2),
        "position-historical": _sent(position(), 3, late=True),
        "health": _sent(health(), 4),
        "event.detection-new": _sent(detection("new"), 5),
        "event.detection-no-pose": _sent(detection_without_pose(), 6),
        "event.detection-update": _sent(detection("update"), 7),
        "event.detection-end": _sent(detection("end"), 8),
        "event.task": _sent(task(), 9),
        "event.duty": _sent(DutyEvent(duty="dispatched", previous="on_patrol", cause="task"), 10),
        "event.sos": _sent(sos(), 11),
        "event.geofence": _sent(GeofenceEvent(what="left", area="beat-4", pose=pose()), 12),
        "event.tamper": _sent(
            TamperEvent(
                what="command_forged",
                component="commands",
                text="the signature does not fit the key",
                count=3,
            ),
            13,
        ),
        "event.module": _sent(
            ModuleEvent(
                what="lost",
                module="front",
                kind="camera",
                since=NOON - timedelta(seconds=4),
                text="no new picture for 4 s",
                pose=pose(),
            ),
            45,
        ),
        "event.module-back": _sent(
            ModuleEvent(
                what="back",
                module="front",
                kind="camera",
                since=NOON,
                text="it was away for 12 s",
                pose=pose(),
            ),
            48,
        ),
        "event.body": _sent(
            BodyEvent(
                what="fence_breached",
                component="drone",
                text="outside of its fence: it returns",
                pose=pose(),
            ),
            46,
        ),
        "event.body-mission": _sent(
            BodyEvent(
                what="mission_item",
                component="drone",
                mission=some_id(60),
                item=3,
                items=12,
                pose=pose(),
            ),
            47,
        ),
        "event.flash": _sent(flash("committed"), 49),
        "event.flash-rolled-back": _sent(flash("rolled_back"), 50),
        "event.plate-new": _sent(plate("new", NOON, pose()), 40),
        "event.plate-end": _sent(plate("end", NOON, pose()), 41),
        "event.search-new": _sent(candidate("new", NOON, pose()), 42),
        "event.search-end": _sent(candidate("end", NOON, pose()), 43),
        "event.search_progress": _sent(progress(), 44),
        "event.alert-new": _sent(alert("new"), 30),
        "event.alert-end": _sent(alert("end"), 31),
        "event.count": _sent(count(), 32),
        "event.crowd": _sent(crowd(), 34),
        "event.sound": _sent(sound(), 33),
        **{f"reply-{name}": _sent(reply, 14 + n) for n, (name, reply) in enumerate(replies)},
    }


def down_examples() -> dict[str, bytes]:
    """The same for what comes down."""
    hub = HubState(state="online", hub="hub-1", session=some_id(9), time=NOON)
    return {
        "ack-ids": Ack(ids=(some_id(1), some_id(2))).model_dump_json(exclude_none=True).encode(),
        "ack-up-to": b'{"up_to":4107}',
        "hub-state": hub.model_dump_json().encode(),
    }


def snapshot_properties() -> bytes:
    """The user properties of a picture, as one JSON object."""
    properties = SnapshotProperties(
        episode=EPISODE, sha256="b94d" + "0" * 60, time=NOON, camera="front"
    )
    return properties.model_dump_json().encode()


def all_examples() -> dict[str, bytes]:
    """All files of the folder `examples`, by name."""
    found = {**up_examples(), **down_examples(), "snapshot": snapshot_properties()}
    return (
        {f"{name}.json": payload for name, payload in found.items()}
        | command_examples()
        | signed_example()
    )
