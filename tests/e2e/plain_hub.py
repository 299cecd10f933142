"""A hub as somebody writes it who has only our topics and schemas: none of our code is in it."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt


class PlainHub:
    """Subscribes to everything, acknowledges by id, keeps what it hears and when."""

    def __init__(self, port: int, root: str = "patrol/v1", *, acknowledge: bool = True) -> None:
        self.heard: list[tuple[float, str, dict[str, Any]]] = []
        self.acknowledge = acknowledge
        self._root = root
        self._lock = threading.Lock()
        self._client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id="plain-hub", protocol=mqtt.MQTTv5
        )
        self._client.on_connect = self._subscribe
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def __enter__(self) -> "PlainHub":
        return self

    def __exit__(self, *error: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _subscribe(self, client: mqtt.Client, *rest: object) -> None:
        client.subscribe(
            [
                (f"{self._root}/+/{leaf}", 1)
                for leaf in ("status", "state", "position", "health", "event", "reply")
            ]
        )

    def _take(self, client: mqtt.Client, data: object, message: mqtt.MQTTMessage) -> None:
        unit, leaf = message.topic.removeprefix(self._root + "/").split("/")
        if unit == "hub":
            return  # what it says of itself
        content = json.loads(message.payload)
        with self._lock:
            self.heard.append((time.monotonic(), leaf, content))
        if self.acknowledge and "sequence" in content:
            ack = json.dumps({"ids": [content["id"]]})
            client.publish(f"{self._root}/{unit}/ack", ack, qos=1)

    def command(self, unit: str, payload: bytes, *, retain: bool = False) -> None:
        self._client.publish(f"{self._root}/{unit}/command", payload, qos=1, retain=retain)

    def announce(self, state: str, session: str, at: str) -> None:
        """Say in hub/state that it is `online` or `offline`."""
        facts = {"state": state, "hub": "plain-hub", "session": session, "time": at}
        self._client.publish(f"{self._root}/hub/state", json.dumps(facts), qos=1, retain=True)

    def of(self, leaf: str) -> list[dict[str, Any]]:
        with self._lock:
            return [content for _, heard, content in self.heard if heard == leaf]

    def first_at(self, leaf: str) -> float:
        with self._lock:
            return next(moment for moment, heard, _ in self.heard if heard == leaf)

    def wait_for(self, condition: Callable[["PlainHub"], bool], timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition(self):
            if time.monotonic() > deadline:
                leaves = [leaf for _, leaf, _ in self.heard]
                raise AssertionError(f"not within {timeout_s} s; heard {leaves}")
            time.sleep(0.02)
