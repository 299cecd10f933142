"""A small unit of ours, whole and with single flaws, on a broker that is a few lines of Python.

Both live in the time of a `StepClock`, so that minutes pass in milliseconds. None of the runtime's
delivery code is in it: what the conformance kit thinks of a unit must not depend on ours.
"""

import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from telemetry.commands.jws import BadTokenError, PrivateKey, verify
from telemetry.contract.alerts import AlertEvent
from telemetry.contract.commands import COMMANDS
from telemetry.contract.envelope import CONTENT_TYPE, Draft, Sender, body_of, seal
from telemetry.contract.events import DetectionEvent, SosEvent
from telemetry.contract.replies import Reply
from telemetry.contract.tasks import TaskEvent, TaskTimes
from telemetry.contract.unit import Fault, Health, Position, State, Status
from telemetry.contract.up_message import UpMessage
from telemetry.contract.uuid7 import uuid7
from telemetry.contract.wire_types import rfc3339_ms
from telemetry.contract_docs.examples import up_examples
from telemetry.link.transport import (
    Acknowledged,
    Arrived,
    Connected,
    LinkOptions,
    ProtocolVersion,
    TransportEvent,
    WireMessage,
)
from tests.bench_body import body_told
from tests.bench_flash import flash_told

UNIT = "dog-07"
ROOT = "patrol/v1"
KID = "bench"
CAN = ("ping", "rebirth", "task.assign", "task.cancel", "rate.set", "config.apply")


class StepClock:
    """Both clocks; they move when they are told to."""

    def __init__(self) -> None:
        self._now_s = 100.0

    def mono_s(self) -> float:
        return self._now_s

    def utc(self) -> datetime:
        return datetime(2026, 11, 22, 12, tzinfo=UTC) + timedelta(seconds=self._now_s)

    def step(self, by_s: float) -> None:
        self._now_s += by_s


@dataclass(slots=True)
class Row:
    sequence: int
    id: str
    leaf: str
    body: bytes
    stored_s: float
    due_s: float
    sent: int = 0
    historical: bool = False


@dataclass
class BenchUnit:
    """`flaws` are the names of what it does wrong."""

    clock: StepClock
    key: PrivateKey
    flaws: frozenset[str] = frozenset()
    publish: Callable[..., None] = lambda *_, **__: None
    rows: dict[int, Row] = field(default_factory=dict)
    sequence: int = 40
    session: int = 0
    connected: bool = False
    hub_session: str = ""
    answers: dict[str, tuple[str, list[Reply]]] = field(default_factory=dict)
    tasks: dict[str, TaskTimes] = field(default_factory=dict)
    next_position_s: float = 0.0
    next_health_s: float = 0.0
    deaf: bool = False
    silent: bool = False
    episodes_done: int = 0

    def __post_init__(self) -> None:
        self.sender = Sender(unit=UNIT, boot_id=uuid7(self.clock.utc()))

    # --- connection ---

    def will(self) -> tuple[str, bytes]:
        session = self.session + ("wrong_will" in self.flaws)
        return f"{ROOT}/{UNIT}/status", self._status("offline", session)

    def connect(self) -> None:
        self.connected = True
        self.session += "same_session" not in self.flaws
        self.session = max(self.session, 1)
        for row in self.rows.values():
            row.historical, row.due_s = "never_historical" not in self.flaws, self.clock.mono_s()
        if "state_before_online" in self.flaws:
            self._tell(self._state())
            self.step()
        self._send("status", self._status("online", self.session), retain=True)
        if "health_before_state" in self.flaws:
            self._first(self._health())
        if "no_state" not in self.flaws:
            self._first(self._state())

    def _status(self, state: Any, session: int) -> bytes:
        data = Status(state=state, session=session, unit_kind="robot_dog", software="bench 1")
        if "contract_2" in self.flaws:
            data = data.model_copy(update={"contract": "2.0"})
        now = self.clock.utc()
        body = body_of(self.sender, Draft.of(data, now, "ntp"), uuid7(now))
        number = 7 if "numbered_status" in self.flaws else None
        return seal(body, number, historical=False, sent=now)

    # --- what it tells ---

    def _state(self) -> State:
        can = CAN if "hides_capabilities" not in self.flaws else CAN[2:]
        label = f"{self.clock.mono_s():.0f}" if "restless" in self.flaws else ""
        return State(unit_kind="robot_dog", label=label, capabilities=can)

    def _health(self) -> Health:
        since = (
            self.clock.utc() if "faults_anew" in self.flaws else datetime(2026, 1, 1, tzinfo=UTC)
        )
        fault = Fault(
            code="camera_missing", severity="error", component="front", text="t", action="a",
            since=since,
        )  # fmt: skip
        return Health(faults=(fault,) * (1 + ("fault_twice" in self.flaws)))

    def _tell(self, data: UpMessage) -> Row:
        self.sequence += 2 if "gaps" in self.flaws and self.sequence % 5 == 0 else 1
        if "reuses_numbers" in self.flaws and self.sequence % 6 == 0:
            self.sequence -= 1
        now = self.clock.utc()
        draft = Draft.of(data, now, "ntp")
        if "wrong_priority" in self.flaws:
            draft = Draft(data=data, time=now, time_quality="ntp", priority=2)
        sender = self.sender
        if "other_boot" in self.flaws:
            sender = Sender(unit=UNIT, boot_id="another")
        message_id = uuid7(now) if "same_ids" not in self.flaws else self.sender.boot_id
        row = Row(
            self.sequence, message_id, data.LEAF, body_of(sender, draft, message_id),
            self.clock.mono_s(), self.clock.mono_s(),
            historical=not self.connected and "never_historical" not in self.flaws,
        )  # fmt: skip
        self.rows[row.sequence] = row
        return row

    def _first(self, data: UpMessage) -> None:
        self._transmit(self._tell(data))

    def step(self) -> None:
        now_s = self.clock.mono_s()
        if self.silent:
            return
        if "babbles" in self.flaws:
            self._babble(now_s)
        if now_s >= self.next_position_s:
            self.next_position_s = now_s + 2.0
            self._tell(Position(lat_deg=1, lon_deg=2, source="gnss", fix="3d"))
            self._episode()
            if "restless" in self.flaws:  # no flaw: something changes all the time
                self._tell(self._state())
        if now_s >= self.next_health_s:
            self.next_health_s = now_s + (1000 if "rare_health" in self.flaws else 10)
            self._tell(self._health())
        if self.connected:
            for row in sorted(self.rows.values(), key=lambda row: row.sequence):
                if row.due_s <= now_s:
                    self._transmit(row)

    def _babble(self, now_s: float) -> None:
        """Now and then, on all its topics, what no reader expects."""
        nonsense = (
            [{}],
            {"data": [1]},
            {"sequence": "9" * 400},
            {"id": {}, "data": {"repeat": []}},
        )
        payloads = [json.dumps(each).encode() for each in nonsense] + [
            b"\xff\x00",
            b"[" * 3000,
            b"",
        ]
        payload = payloads[int(now_s * 10) % len(payloads)]
        leaf = ("status", "state", "event", "reply", "position", "else/where")[int(now_s * 3) % 6]
        self.publish(f"{ROOT}/{UNIT}/{leaf}", payload, False, None, 1)

    def _episode(self) -> None:
        """One step of an episode with each position."""
        phases = ["new", "update", "end"]
        if "no_new" in self.flaws:
            phases = ["update", "update", "end"]
        if "after_end" in self.flaws:
            phases = ["new", "end", "update"]
        step = self.episodes_done % 3
        if step == 0:
            self.episode, self.begun = uuid7(self.clock.utc()), self.clock.utc()
        self.episodes_done += 1
        example = json.loads(up_examples()["event.detection-new"])["data"]
        example |= {
            "phase": phases[step],
            "episode": self.episode,
            "first_seen": self.begun.isoformat(),
            "label": "car" if "changes_label" in self.flaws and step == 1 else "person",
        }
        if phases[step] == "end":
            example["reason"] = "left"
        self._tell(DetectionEvent.model_validate_json(json.dumps(example)))

    def _transmit(self, row: Row) -> None:
        row.sent += 1
        patience_s = (
            10_000 if "stops_resending" in self.flaws else min(30 * 2 ** (row.sent - 1), 120)
        )
        row.due_s = self.clock.mono_s() + patience_s
        body = row.body
        if row.sent > 1 and "new_id" in self.flaws:
            body = body.replace(row.id.encode(), uuid7(self.clock.utc()).encode())
        if row.sent > 1 and "changes_retries" in self.flaws:
            body = body.replace(b'"timequality":"ntp"', b'"timequality":"rtc"')
        sequence = None if "no_sequence" in self.flaws and row.leaf == "health" else row.sequence
        payload = seal(body, sequence, historical=row.historical, sent=self.clock.utc())
        self._send(row.leaf, self._spoilt(payload), retain=row.leaf in ("state", "health"))

    def _spoilt(self, payload: bytes) -> bytes:
        """What is wrong with the message itself."""
        for flaw, old, new in (
            ("bad_envelope", b'"specversion":"1.0"', b'"specversion":"0.3"'),
            ("bad_data", b'"lat_deg":1.0', b'"lat_deg":100.0'),
            ("wrong_source", b"/units/dog-07", b"/units/dog-08"),
            ("wrong_schema", b"urn:patrol-edge:schema", b"urn:other:schema"),
            ("local_time", b'Z","dataschema"', b'+00:00","dataschema"'),
            ("nulls", b'"source":"gnss"', b'"source":"gnss","alt_msl_m":null'),
            ("face", b'"label":"person"', b'"label":"person","face_id":"A. Smith"'),
            ("huge", b'"fix":"3d"', b'"fix":"3d","x":"' + b"x" * 300_000 + b'"'),
            ("thin_state", b'"capabilities":', b'"abilities":'),
            ("decides_itself", b'"review":"pending"', b'"review":"confirmed"'),
        ):
            if flaw in self.flaws:
                payload = payload.replace(old, new)
        return payload

    def _send(self, leaf: str, payload: bytes, *, retain: bool = False) -> None:
        if "retains_events" in self.flaws and leaf == "event":
            retain = True
        if "retains_nothing" in self.flaws or ("old_retained" in self.flaws and self.sequence > 50):
            retain = False
        if "wrong_leaf" in self.flaws and leaf == "health":
            leaf = "state"
        if "own_topic" in self.flaws and leaf == "health":
            leaf = "diagnostics"
        content_type = None if "no_content_type" in self.flaws else CONTENT_TYPE
        qos = 0 if "qos_0" in self.flaws else 1
        self.publish(f"{ROOT}/{UNIT}/{leaf}", payload, retain, content_type, qos)

    def call_for_help(self) -> None:
        sos = json.loads(up_examples()["event.sos"])["data"]
        if "track_backwards" in self.flaws:
            sos["track"].reverse()
        self._tell(SosEvent.model_validate_json(json.dumps(sos)))

    def raise_alert(self) -> None:
        """Whole, from its `new` to its `end`."""
        for name in ("event.alert-new", "event.alert-end"):
            data = json.loads(up_examples()[name])["data"]
            self._tell(AlertEvent.model_validate_json(json.dumps(data)))

    def show_body(self) -> None:
        for told in body_told(self.clock.utc(), self._state(), self.flaws):
            self._tell(told)
            self.clock.step(1.5)

    def show_flash(self) -> None:
        for told in flash_told(self._state(), self.flaws):
            self._tell(told)
            self.clock.step(1.5)

    def take_picture(self) -> None:
        """Of the episode that is on."""
        picture = b"GIF89a" if "no_jpeg" in self.flaws else b"\xff\xd8\xff\xd9"
        properties = {
            "episode": self.episode,
            "sha256": hashlib.sha256(picture).hexdigest(),
            "time": rfc3339_ms(self.clock.utc()),
            "camera": "front",
            "redacted": "false" if "raw_pictures" in self.flaws else "true",
        }
        if "wrong_sha256" in self.flaws:
            properties["sha256"] = "0" * 64
        topic = f"{ROOT}/{UNIT}/snapshot/{self.episode}"
        self.publish(topic, picture, False, "image/jpeg", 1, tuple(properties.items()))

    def stop(self) -> None:
        self._send("status", self._status("stopping", self.session), retain=True)
        if "will_after_stop" in self.flaws:
            self._send("status", self._status("offline", self.session), retain=True)

    # --- what it hears ---

    def hear(self, topic: str, payload: bytes, *, retained: bool) -> None:
        leaf = topic.rpartition("/")[2]
        if self.silent or (self.deaf and "deaf_after_cut" in self.flaws):
            return
        try:
            content = json.loads(payload)
        except (ValueError, RecursionError):
            content = None
        if leaf == "state":
            self._hub(content)
        elif leaf == "ack" and (not retained or "takes_retained_acks" in self.flaws):
            self._ack(content)
        elif leaf == "command":
            self._command(payload, content, retained=retained)

    def _hub(self, content: Any) -> None:
        if content["state"] != "online" or content["session"] == self.hub_session:
            return
        self.hub_session = content["session"]
        if "ignores_sessions" in self.flaws:
            return
        for row in self.rows.values():
            if row.sent:
                row.due_s = self.clock.mono_s()
        if "no_state" not in self.flaws:
            self._first(self._state())

    def _ack(self, content: Any) -> None:
        if "bad_ack_acks_all" in self.flaws and not isinstance(content, dict):
            self.rows.clear()
        if "dies_of_bad_acks" in self.flaws and not isinstance(content, dict):
            self.silent = True
        if not isinstance(content, dict) or ("strict_acks" in self.flaws and len(content) > 1):
            return
        ids, up_to = content.get("ids"), content.get("up_to")
        for row in list(self.rows.values()):
            late = row.sent > 1 and "no_late_acks" in self.flaws
            by_id = isinstance(ids, list) and row.id in ids and "no_id_acks" not in self.flaws
            by_number = type(up_to) is int and row.sequence <= up_to and row.sent
            if (by_id and not late) or (by_number and "no_up_to" not in self.flaws):
                del self.rows[row.sequence]

    # --- commands ---

    def _command(self, payload: bytes, content: Any, *, retained: bool) -> None:
        try:
            claims = verify(payload, lambda kid: self.key.public if kid == KID else None)
        except BadTokenError as error:
            claims = self._unproved(payload, content)
            if "dies_of_garbage" in self.flaws and len(payload) > 60_000:
                self.silent = True
            code = "unsigned" if isinstance(content, dict) else error.code
            if claims is None or not isinstance(claims.get("id"), str):
                return
            if not self.flaws & {"obeys_forgeries", f"obeys_{code}"}:
                self._refuse(claims, code)
                return
        self._judge(claims, retained=retained)

    def _unproved(self, payload: bytes, content: Any) -> dict[str, Any] | None:
        if isinstance(content, dict):
            return content
        try:
            import base64

            part = payload.split(b".")[1]
            found = json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
        except (ValueError, IndexError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def _judge(self, claims: dict[str, Any], *, retained: bool) -> None:
        now, name = self.clock.utc(), claims["name"]
        issued = datetime.fromisoformat(claims["issued_at"])
        kind = COMMANDS.get(name)
        refusals = (
            ("retained", retained),
            ("wrong_unit", claims["unit"] != UNIT),
            ("not_yet_valid", issued > now + timedelta(seconds=10)),
            ("too_old", issued < now - timedelta(seconds=300)),
            ("expired", datetime.fromisoformat(claims["expires_at"]) <= now),
        )
        for code, wrong in refusals:
            if wrong and f"obeys_{code}" not in self.flaws:
                self._refuse(claims, code)
                return
        if claims["id"] in self.answers and "acts_twice" not in self.flaws:
            for reply in self.answers[claims["id"]][1]:
                repeat = "hides_repeats" not in self.flaws
                self._first(reply.model_copy(update={"repeat": repeat}))
            return
        if kind is None or name not in CAN:
            if "slow_unsupported" in self.flaws:
                self.clock.step(0.5)
            self._refuse(claims, "unsupported")
            return
        try:
            kind.args.model_validate_json(json.dumps(claims["args"]))
        except ValueError:
            self._refuse(claims, "invalid_arguments")
            return
        self._act(claims)

    def _refuse(self, claims: dict[str, Any], code: str) -> None:
        if "wrong_codes" in self.flaws:
            code = "busy"
        if "silent_refusals" in self.flaws:
            return
        self._reply(claims, "rejected", code=code, text="no")

    def _act(self, claims: dict[str, Any]) -> None:
        if "never_answers" in self.flaws:
            return
        order = ["received", "accepted", "running", "running", "succeeded"]
        if "wrong_order" in self.flaws:
            order = ["succeeded", "accepted"]
        progress = [80, 20] if "falling_progress" in self.flaws else [20, 80]
        for status in order:
            more = {"progress": progress.pop(0)} if status == "running" else {}
            self._reply(claims, status, **more)
        if claims["name"] == "rebirth" and "no_rebirth" not in self.flaws:
            self._first(self._state())
            self._first(self._health())
        if claims["name"].startswith("task."):
            self._task(claims)

    def _reply(self, claims: dict[str, Any], status: Any, **more: Any) -> None:
        name = "other" if "wrong_reply_name" in self.flaws else str(claims.get("name"))[:64]
        reply = Reply(command=claims["id"], name=name, status=status, **more)
        self.answers.setdefault(claims["id"], (claims["name"], []))[1].append(reply)
        self._first(reply)

    def _task(self, claims: dict[str, Any]) -> None:
        task, now = claims["args"]["task"], self.clock.utc()
        times = self.tasks.get(task, TaskTimes(received=now))
        state, previous = "assigned", None
        if claims["name"] == "task.cancel":
            state, previous = "cancelled", "assigned"
            if "illegal_step" in self.flaws:
                state, previous = "arrived", "assigned"
            if "wrong_previous" in self.flaws:
                previous = "en_route"
            if "undated_steps" not in self.flaws:
                times = times.model_copy(update={"cleared": now})
            if "moves_times" in self.flaws:
                times = times.model_copy(update={"received": now + timedelta(seconds=1)})
        self.tasks[task] = times
        if "no_task_events" in self.flaws:
            return
        event = TaskEvent(
            task=task, kind="transition", state=state, previous=previous,  # type: ignore[arg-type]
            command=claims["id"], times=times,
        )  # fmt: skip
        self._first(event)
        if "bare_overdue" in self.flaws:
            self._first(event.model_copy(update={"kind": "overdue"}))


class BenchBroker:
    """Passes messages between one unit and the kit; keeps what is retained; knows wills."""

    def __init__(self, unit: BenchUnit) -> None:
        self.unit = unit
        self.retained: dict[str, tuple[bytes, str | None]] = {}
        self.kit: BenchTransport | None = None
        self.back_s: float | None = None
        unit.publish = self.from_unit
        unit.connect()

    def from_unit(
        self,
        topic: str,
        payload: bytes,
        retain: bool,
        content_type: str | None,
        qos: int,
        properties: tuple[tuple[str, str], ...] = (),
    ) -> None:
        if retain:
            self.retained[topic] = (payload, content_type)
        if self.kit is not None:
            self.kit.arrive(topic, payload, False, content_type, qos, properties)

    def from_kit(self, message: WireMessage) -> None:
        if message.retain:
            self.retained[message.topic] = (message.payload, None)
            if not message.payload:
                del self.retained[message.topic]
        if self.kit is not None:
            self.kit.arrive(message.topic, message.payload, False, None, 1)
        if self.unit.connected:
            self.unit.hear(message.topic, message.payload, retained=False)

    def cut(self) -> None:
        """Somebody took the unit's client id."""
        if "cannot_be_cut" in self.unit.flaws:  # the broker's doing
            return
        self.unit.connected = False
        self.back_s = self.unit.clock.mono_s() + (60 if "slow_return" in self.unit.flaws else 5.0)
        if "no_will" not in self.unit.flaws:
            topic, payload = self.unit.will()
            self.from_unit(topic, payload, True, CONTENT_TYPE, 1)

    def step(self) -> None:
        self.unit.clock.step(0.1)
        if self.back_s is not None and self.unit.clock.mono_s() >= self.back_s:
            self.back_s = None
            self.unit.deaf = True
            self.unit.connect()
            for topic, (payload, _) in list(self.retained.items()):
                if topic.endswith(("/ack", "/command", "hub/state")):
                    self.unit.hear(topic, payload, retained=True)
        self.unit.step()


class BenchTransport:
    """The kit's side of the seam."""

    def __init__(self, broker: BenchBroker) -> None:
        self._broker = broker
        self._events: list[TransportEvent] = []
        self._bell = threading.Event()
        self._token = 0

    def start(self, options: LinkOptions, protocol: ProtocolVersion, will: Any) -> None:
        if options.client_id == UNIT:
            self._broker.cut()
        else:
            self._broker.kit = self
        self._events.append(Connected(protocol))

    def events(self) -> list[TransportEvent]:
        found, self._events = self._events, []
        return found

    def wait(self, timeout_s: float) -> None:
        ends_s = self._broker.unit.clock.mono_s() + timeout_s
        while not self._events and self._broker.unit.clock.mono_s() < ends_s:
            self._broker.step()

    def publish(self, message: WireMessage) -> int:
        self._token += 1
        self._events.append(Acknowledged(self._token, 0))
        self._broker.from_kit(message)
        return self._token

    def subscribe(self, topics: tuple[str, ...]) -> None:
        for topic, (payload, content_type) in list(self._broker.retained.items()):
            self.arrive(topic, payload, True, content_type, 1)

    def arrive(
        self,
        topic: str,
        payload: bytes,
        retained: bool,
        content_type: str | None,
        qos: int,
        properties: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self._events.append(Arrived(topic, payload, retained, qos, content_type, properties))

    def disconnect(self) -> None:
        pass

    def abandon(self) -> None:
        pass

    @property
    def bell(self) -> threading.Event:
        return self._bell

    @property
    def idle(self) -> bool:
        return True
