"""Units as a hub sees them that flashes: they fetch, say how far they are, and tell what they have.

None of the runtime is in them; what they take is a real bundle, over a real broker.
"""

import hashlib
import json
import threading
import urllib.request
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import paho.mqtt.client as mqtt
import yaml

from edge.bundles.container import Tape
from edge.bundles.judging import parsed
from edge.bundles.signatures import read_envelope
from telemetry.contract.envelope import Draft, Sender, body_of, seal
from telemetry.contract.flash import Flashed, FlashedLane
from telemetry.contract.replies import Reply
from telemetry.contract.unit import State
from telemetry.contract.up_message import UpMessage
from telemetry.contract.uuid7 import uuid7

BASE = "019cc1b0-2200-7000-8000-000000000070"
CONFIG = FlashedLane(lane="config", bundle=BASE, name="harbour", serial=12, slot="a", highest=12)


class Units:
    """All units of one broker. `ill`: by unit, the code that its flash ends with."""

    def __init__(self, port: int, *names: str) -> None:
        self.lanes: dict[str, dict[str, FlashedLane]] = {n: {"config": CONFIG} for n in names}
        self.ill: dict[str, str] = {}
        self.mute: set[str] = set()
        self.orders: list[tuple[str, dict[str, Any]]] = []  # unit, claims; in their order
        self.overlays: dict[str, Any] = {}  # by unit, what its newest overlay says
        self._finals: dict[str, Reply] = {}
        self._sequence = 0
        self._ready = threading.Event()
        self._client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id="units", protocol=mqtt.MQTTv5
        )
        self._client.on_connect = lambda *_: self._client.subscribe("patrol/v1/+/command", 1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)

    def __enter__(self) -> "Units":
        self._client.loop_start()
        assert self._ready.wait(10)
        for unit in self.lanes:
            self.tell_state(unit)
        return self

    def __exit__(self, *error: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def tell_state(self, unit: str) -> None:
        flashed = Flashed(lanes=tuple(self.lanes[unit].values()))
        self._send(unit, State(unit_kind="patrol_car", flashed=flashed), retain=True)

    def _send(self, unit: str, data: UpMessage, *, retain: bool = False) -> None:
        self._sequence += 1
        now = datetime.now(UTC)
        sender = Sender(unit=unit, boot_id=BASE)
        body = body_of(sender, Draft.of(data, now, "ntp"), uuid7(now))
        payload = seal(body, self._sequence, historical=False, sent=now)
        self._client.publish(f"patrol/v1/{unit}/{data.LEAF}", payload, qos=1, retain=retain)

    def _take(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        claims = json.loads(message.payload)
        threading.Thread(target=self._obey, args=(claims,), daemon=True).start()

    def _obey(self, claims: dict[str, Any]) -> None:
        unit, order = claims["unit"], claims["id"]

        def reply(status: str, **more: Any) -> Reply:
            content = {"command": order, "name": claims["name"], "status": status} | more
            told = Reply.model_validate(content)
            self._send(unit, told)
            return told

        if unit in self.mute:
            return
        if order in self._finals:
            self._send(unit, self._finals[order].model_copy(update={"repeat": True}))
            return
        self.orders.append((unit, claims))
        reply("received")
        reply("accepted")
        args = claims["args"]
        with urllib.request.urlopen(args["url"], timeout=10) as source:
            data = source.read()
        assert hashlib.sha256(data).hexdigest() == args["sha256"]
        reply("running", progress=40, text="fetching the bundle")
        if unit in self.ill:
            code = self.ill[unit]
            self._finals[order] = reply("failed", code=code, text="camera front gives no picture")
            return
        self._finals[order] = reply("succeeded", result=self._flashed(unit, data))

    def _flashed(self, unit: str, data: bytes) -> dict[str, Any]:
        tape = Tape(BytesIO(data))
        manifest = parsed(read_envelope(tape.manifest()).content)
        for file in manifest.files:
            content = b"".join(tape.file(file.name, file.size_bytes))
            if manifest.kind == "overlay":
                self.overlays[unit] = yaml.safe_load(content)
        self.lanes[unit][manifest.kind] = FlashedLane(
            lane=manifest.kind, bundle=manifest.id, name=manifest.name, serial=manifest.serial,
            slot="b", highest=manifest.serial,
        )  # fmt: skip
        self.tell_state(unit)
        return {"kind": manifest.kind, "bundle": manifest.id, "serial": manifest.serial}
