"""A unit's process for kill tests: says on stdout what it was told is safe.

python -m tests.producer hub|broker|naive FOLDER PORT [UNIT]

`hub` and `broker`: whose acknowledgement lets a message leave its outbox.
"""

import itertools
import sys
import time
from pathlib import Path

from tests.unit_under_test import UnitUnderTest, now, position

EVERY_S = 0.003  # with the commit, some 200 a second


def careful(folder: Path, port: int, name: str, ack: str) -> None:
    """Through the outbox: what is printed has been committed."""
    unit = UnitUnderTest(folder, port, unit=name, resend_after_s=1, ack=ack)
    for number in itertools.count():
        receipt = unit.put(position(number, 1))
        if receipt.stored:
            sys.stdout.write(f"{receipt.id}\n")
            sys.stdout.flush()
        time.sleep(EVERY_S)


def naive(port: int, name: str) -> None:
    """The control: paho's own publish(), which accepts into its memory."""
    from paho.mqtt.client import MQTT_ERR_NO_CONN, MQTT_ERR_SUCCESS, Client
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

    from telemetry.contract.envelope import Draft, Sender, body_of, seal
    from telemetry.contract.uuid7 import uuid7

    client = Client(
        CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTProtocolVersion.MQTTv5
    )
    client.connect_async("127.0.0.1", port)
    client.loop_start()
    sender = Sender(unit=name, boot_id=uuid7(now()))
    for number in itertools.count():
        draft: Draft = position(number, 1)
        message_id = uuid7(now())
        body = body_of(sender, draft, message_id)
        payload = seal(body, time.time_ns() // 1000, historical=False, sent=now())
        info = client.publish(f"patrol/v1/{name}/position", payload, 1)
        if info.rc in (MQTT_ERR_SUCCESS, MQTT_ERR_NO_CONN):  # either way it keeps the message
            sys.stdout.write(f"{message_id}\n")
            sys.stdout.flush()
        time.sleep(EVERY_S)


if __name__ == "__main__":
    kind, where, link_port, unit_name = (*sys.argv[1:], "kill-1")[:4]
    if kind == "naive":
        naive(int(link_port), unit_name)
    else:
        careful(Path(where), int(link_port), unit_name, kind)
