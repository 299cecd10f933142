"""Several brokers: a unit gets past a dead one; and the reader of the cluster's trial reads."""

import contextlib
import io
import itertools
import json
import socket
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.hub import ReferenceHub
from telemetry.contract.envelope import Sender, body_of, seal
from telemetry.contract.uuid7 import uuid7
from tests.broker import MOSQUITTO, Broker, free_port
from tests.stomp_hub import Reader, Stomp
from tests.unit_under_test import now, position, running, wait_for

needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")


@needs_mosquitto
def test_a_unit_goes_on_at_the_next_broker_and_takes_along_what_it_has(tmp_path: Path) -> None:
    with Broker() as first, Broker() as second:
        hub = ReferenceHub(second.url)
        hub.start()
        assert hub.wait_connected(20)
        others = {"fallback_urls": [second.url]}
        with running(tmp_path, first.port, hub=others, resend_after_s=2) as unit:
            assert wait_for(lambda: unit.publisher.connected, 20)
            receipts = [unit.put(position(number, 1)) for number in range(20)]
            assert wait_for(lambda: unit.publisher.stats().awaiting_hub >= 20, 20)  # nobody reads
            first.kill()
            assert wait_for(lambda: unit.outbox.pending() == 0, 40), unit.publisher.stats()
            (view,) = hub.snapshot().units
        hub.stop()

    assert all(receipt.stored for receipt in receipts)
    assert view.missing == 0
    assert view.types["patrol.position.v1"] == 20


@needs_mosquitto
def test_a_first_broker_that_never_was_there_costs_a_second(tmp_path: Path) -> None:
    with Broker() as second:
        others = {"fallback_urls": [second.url]}
        with running(tmp_path, free_port(), hub=others, ack="broker") as unit:
            unit.put(position(1, 1))
            assert wait_for(lambda: unit.outbox.pending() == 0, 20), unit.publisher.stats()


class FakeNode:
    """Answers CONNECT, then sends the given bytes in pieces; keeps what it is told."""

    def __init__(self, data: bytes, piece: int) -> None:
        self._data, self._piece = data, piece
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.told = b""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        link, _ = self._listener.accept()
        # Who closes without having read the last line end resets the connection.
        with link, contextlib.suppress(ConnectionError):
            self.told += link.recv(65_536)
            data = b"CONNECTED\nversion:1.2\n\n\0" + self._data
            for begin in range(0, len(data), self._piece):
                link.sendall(data[begin : begin + self._piece])
            link.settimeout(5)
            while chunk := link.recv(65_536):
                self.told += chunk

    def close(self) -> None:
        self._thread.join(10)
        self._listener.close()


def frame(body: bytes, number: int) -> bytes:
    head = (
        f"MESSAGE\ndestination:/topic/patrol.v1.dog-1.position\nack:{number}\n"
        f"content-length:{len(body)}\n\n"
    )
    return head.encode() + body + b"\0\n"


@settings(deadline=None, max_examples=30)
@given(bodies=st.lists(st.binary(max_size=300), min_size=1, max_size=5), piece=st.integers(1, 500))
def test_frames_come_whole_however_they_are_cut(bodies: list[bytes], piece: int) -> None:
    node = FakeNode(b"".join(frame(body, n) for n, body in enumerate(bodies)), piece)
    connection = Stomp(node.port)
    frames = connection.frames()

    found = [each for _, each in zip(bodies, (f for f in frames if f is not None), strict=False)]
    connection.close()
    node.close()
    assert [body for _, _, body in found] == bodies
    assert [headers["ack"] for _, headers, _ in found] == [str(n) for n in range(len(bodies))]


def test_it_writes_down_then_acknowledges_and_takes_off_the_queue_what_is_confirmed() -> None:
    sender = Sender(unit="dog-1", boot_id=uuid7(now()))
    message_id = uuid7(now())
    payload = seal(body_of(sender, position(1), message_id), 7, historical=False, sent=now())
    receipt = b"RECEIPT\nreceipt-id:41\n\n\0"
    node = FakeNode(frame(payload, 41) + frame(payload, 42) + receipt, 1000)
    connection, record = Stomp(node.port), io.StringIO()
    reader = Reader(connection, record)
    for found in itertools.islice((f for f in connection.frames() if f is not None), 3):
        reader.take(*found)
    connection.close()
    node.close()

    first, second = map(json.loads, record.getvalue().splitlines())
    assert first == second
    assert (first["unit"], first["sequence"], first["id"]) == ("dog-1", "7", message_id)
    ack, off = node.told.index(b"SEND\n"), node.told.index(b"ACK\nid:41")
    assert ack < off
    assert b"ACK\nid:42" not in node.told  # nobody confirmed its acknowledgement
    assert b"destination:/topic/patrol.v1.dog-1.ack" in node.told
    assert message_id.encode() in node.told


def test_a_node_that_says_no_or_hangs_up_is_a_lost_connection() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True).start()
    with pytest.raises(OSError, match=r"ended|reset"):
        Stomp(int(listener.getsockname()[1]))
    listener.close()
