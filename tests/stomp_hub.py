"""A hub's reader for tests: one of several that share a queue of a RabbitMQ, over STOMP 1.2.

python -m tests.stomp_hub RECORD QUEUE PORT [PORT ...]

Each message is written to RECORD (a line of JSON: topic, unit, sequence, id), then acknowledged to
its unit, and taken off the queue when the broker confirms that it has the acknowledgement: in this
order a kill at any point repeats and never loses. When its node dies, or does not confirm, it goes
on at the next one: after a change of leaders, RabbitMQ 3.10 let all that one connection published
to one unit's queue vanish, for as long as the connection stood.
"""

import contextlib
import json
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

Frame = tuple[str, dict[str, str], bytes]
PREFETCH = 100
RETRY_S = 0.3
CONFIRM_S = 5.0


class Stomp:
    """One connection. Raises OSError when it ends."""

    def __init__(self, port: int) -> None:
        self._link = socket.create_connection(("127.0.0.1", port), 5)
        self._link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._link.settimeout(1)
        self._pending = b""
        try:
            self._greet()
        except OSError:
            self.close()
            raise

    def _greet(self) -> None:
        headers = {"accept-version": "1.2", "host": "/", "login": "guest", "passcode": "guest"}
        self.send("CONNECT", headers)
        answer = next(self.frames())
        if answer is None or answer[0] != "CONNECTED":
            raise ConnectionError(f"no welcome: {answer}")

    def send(self, command: str, headers: dict[str, str], body: bytes = b"") -> None:
        head = "".join(f"{name}:{value}\n" for name, value in headers.items())
        length = f"content-length:{len(body)}\n" if body else ""
        self._link.sendall(f"{command}\n{head}{length}\n".encode() + body + b"\0")

    def close(self) -> None:
        self._link.close()

    def frames(self) -> Iterator[Frame | None]:
        """As they come; None about every second in which none comes."""
        while True:
            head, found, rest = self._pending.lstrip(b"\n").partition(b"\n\n")
            if found and (frame := self._cut(head.decode(), rest)) is not None:
                yield frame
                continue
            try:
                data = self._link.recv(65_536)
            except TimeoutError:
                yield None  # a quiet queue
                continue
            if not data:
                raise ConnectionError("the node ended the connection")
            self._pending += data

    def _cut(self, head: str, rest: bytes) -> Frame | None:
        """The frame, if its body is whole."""
        command, *lines = head.split("\n")
        headers = dict(line.partition(":")[::2] for line in lines)
        end = int(headers["content-length"]) if "content-length" in headers else rest.find(b"\0")
        if end < 0 or len(rest) <= end:
            return None
        self._pending = rest[end + 1 :]
        return command, headers, rest[:end]


class Reader:
    """What is under way on one connection."""

    def __init__(self, connection: Stomp, record: IO[str]) -> None:
        self._connection = connection
        self._record = record
        self._unconfirmed: dict[str, float] = {}  # since when, by the queue's ack id

    def serve(self, queue: str) -> None:
        """Until the connection ends, or does not keep its word, with OSError."""
        headers = {"id": "0", "destination": f"/amq/queue/{queue}", "ack": "client-individual"}
        self._connection.send("SUBSCRIBE", headers | {"prefetch-count": str(PREFETCH)})
        for frame in self._connection.frames():
            if frame is not None:
                self.take(*frame)
            oldest_s = next(iter(self._unconfirmed.values()), None)
            if oldest_s is not None and time.monotonic() - oldest_s > CONFIRM_S:
                raise ConnectionError(f"no confirmation within {CONFIRM_S:.0f} s")

    def take(self, command: str, headers: dict[str, str], body: bytes) -> None:
        match command:
            case "ERROR":
                raise ConnectionError(body.decode(errors="replace"))
            case "MESSAGE":
                self._keep(headers, body)
            case "RECEIPT":
                del self._unconfirmed[headers["receipt-id"]]
                self._connection.send("ACK", {"id": headers["receipt-id"]})

    def _keep(self, headers: dict[str, str], body: bytes) -> None:
        message = json.loads(body)
        topic = headers["destination"].removeprefix("/topic/")
        unit = message["source"].removeprefix("/units/")
        sequence = message.get("sequence")
        line = {"topic": topic, "unit": unit, "sequence": sequence, "id": message["id"]}
        self._record.write(json.dumps(line) + "\n")
        self._record.flush()
        if sequence is None:
            self._connection.send("ACK", {"id": headers["ack"]})
            return
        ack = json.dumps({"ids": [message["id"]]}).encode()
        address = f"/topic/{topic.rpartition('.')[0]}.ack"
        sent = {"destination": address, "persistent": "true", "receipt": headers["ack"]}
        self._unconfirmed[headers["ack"]] = time.monotonic()
        self._connection.send("SEND", sent, ack)


def main(record: Path, queue: str, ports: list[int]) -> None:
    with record.open("a", encoding="utf-8") as file:
        while True:
            for port in ports:
                try:
                    with contextlib.closing(Stomp(port)) as connection:
                        Reader(connection, file).serve(queue)
                except OSError as error:
                    sys.stderr.write(f"{port}: {error}\n")
                    time.sleep(RETRY_S)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], [int(word) for word in sys.argv[3:]])
