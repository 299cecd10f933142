"""A hub's reader for tests: one of several that share a queue of a RabbitMQ, over STOMP 1.2.

python -m tests.stomp_hub RECORD QUEUE PORT [PORT ...]

Each message is written to RECORD (a line of JSON: topic, unit, sequence, id), then acknowledged to
its unit, then taken off the queue: in this order a kill at any point repeats and never loses. When
its node dies it goes on at the next one.
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


class Stomp:
    """One connection. Raises OSError when it ends."""

    def __init__(self, port: int) -> None:
        self._link = socket.create_connection(("127.0.0.1", port), 5)
        self._link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._link.settimeout(30)
        self._pending = b""
        try:
            self._greet()
        except OSError:
            self.close()
            raise

    def _greet(self) -> None:
        headers = {"accept-version": "1.2", "host": "/", "login": "guest", "passcode": "guest"}
        self.send("CONNECT", headers)
        command, told, body = next(self.frames())
        if command != "CONNECTED":
            raise ConnectionError(f"{command} {told} {body!r}")

    def send(self, command: str, headers: dict[str, str], body: bytes = b"") -> None:
        head = "".join(f"{name}:{value}\n" for name, value in headers.items())
        length = f"content-length:{len(body)}\n" if body else ""
        self._link.sendall(f"{command}\n{head}{length}\n".encode() + body + b"\0")

    def close(self) -> None:
        self._link.close()

    def frames(self) -> Iterator[Frame]:
        """As they come; waits for them."""
        while True:
            head, found, rest = self._pending.lstrip(b"\n").partition(b"\n\n")
            if found and (frame := self._cut(head.decode(), rest)) is not None:
                yield frame
                continue
            try:
                data = self._link.recv(65_536)
            except TimeoutError:
                continue  # a quiet queue
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


def serve(connection: Stomp, queue: str, record: IO[str]) -> None:
    """Until the connection ends, with OSError."""
    connection.send(
        "SUBSCRIBE",
        {
            "id": "0",
            "destination": f"/amq/queue/{queue}",
            "ack": "client-individual",
            "prefetch-count": str(PREFETCH),
        },
    )
    for command, headers, body in connection.frames():
        if command == "ERROR":
            raise ConnectionError(body.decode(errors="replace"))
        if command == "MESSAGE":
            take(connection, headers, body, record)


def take(connection: Stomp, headers: dict[str, str], body: bytes, record: IO[str]) -> None:
    message = json.loads(body)
    topic = headers["destination"].removeprefix("/topic/")
    unit = message["source"].removeprefix("/units/")
    sequence = message.get("sequence")
    line = {"topic": topic, "unit": unit, "sequence": sequence, "id": message["id"]}
    record.write(json.dumps(line) + "\n")
    record.flush()
    if sequence is not None:
        ack = json.dumps({"ids": [message["id"]]}).encode()
        address = f"/topic/{topic.rpartition('.')[0]}.ack"
        connection.send("SEND", {"destination": address, "persistent": "true"}, ack)
    connection.send("ACK", {"id": headers["ack"]})


def main(record: Path, queue: str, ports: list[int]) -> None:
    with record.open("a", encoding="utf-8") as file:
        while True:
            for port in ports:
                try:
                    with contextlib.closing(Stomp(port)) as connection:
                        serve(connection, queue, file)
                except OSError as error:
                    sys.stderr.write(f"{port}: {error}\n")
                    time.sleep(RETRY_S)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], [int(word) for word in sys.argv[3:]])
