"""A hub that was away and is back: each connection is a session of its own."""

import json
import time

import paho.mqtt.client as mqtt
import pytest

from edge.hub import ReferenceHub
from tests.broker import MOSQUITTO, Broker


def test_a_hub_that_reconnects_announces_a_new_session() -> None:
    if MOSQUITTO is None:
        pytest.skip("needs mosquitto (apt-get install mosquitto)")
    with Broker() as broker:
        hub = ReferenceHub(broker.url)
        hub.start()
        try:
            first = announced(broker.port, after="")
            broker.restart()
            second = announced(broker.port, after=first)
        finally:
            hub.stop()
    assert second != first


def announced(port: int, after: str) -> str:
    """The session in the hub's retained state, once it is online and another than `after`."""
    heard: list[str] = []
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.on_connect = lambda link, *rest: link.subscribe("patrol/v1/hub/state", qos=1)
    client.on_message = lambda link, data, message: heard.append(message.payload.decode())
    client.connect("127.0.0.1", port)
    client.loop_start()
    deadline = time.monotonic() + 15
    try:
        while time.monotonic() < deadline:
            for state in map(json.loads, list(heard)):
                if state["state"] == "online" and state["session"] != after:
                    return str(state["session"])
            time.sleep(0.05)
    finally:
        client.disconnect()
        client.loop_stop()
    raise AssertionError(f"no new session of the hub's; heard {heard}")


def test_an_empty_message_says_nothing() -> None:
    if MOSQUITTO is None:
        pytest.skip("needs mosquitto (apt-get install mosquitto)")
    with Broker() as broker:
        hub = ReferenceHub(broker.url)
        hub.start()
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        try:
            announced(broker.port, after="")
            client.connect("127.0.0.1", broker.port)
            client.loop_start()
            for payload in (b"", b"x"):
                client.publish("patrol/v1/dog-1/event", payload, qos=1).wait_for_publish(5)
            deadline = time.monotonic() + 10
            while not hub.snapshot().units and time.monotonic() < deadline:
                time.sleep(0.05)
            assert [view.invalid for view in hub.snapshot().units] == [1], "what has a letter in it"
        finally:
            client.disconnect()
            client.loop_stop()
            hub.stop()
