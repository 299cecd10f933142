"""The hub's desk for tests: orders go out, replies and events come in. Unsigned, for the bench."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from telemetry.contract.uuid7 import uuid7
from tests.e2e.plain_hub import PlainHub


class Dispatcher(PlainHub):
    """A plain hub that commands."""

    def __init__(self, port: int) -> None:
        self._sent: dict[str, tuple[str, bytes]] = {}
        super().__init__(port)

    def order(self, unit: str, name: str, *, for_s: float = 60.0, **args: Any) -> str:
        """Send an order that expires so long from now. Returns its id."""
        now = datetime.now(UTC)
        command = {
            "id": uuid7(now),
            "name": name,
            "args": args,
            "issuer": "dispatch-1",
            "issued_at": _told(now - timedelta(seconds=max(0.0, 10.0 - for_s))),
            "expires_at": _told(now + timedelta(seconds=for_s)),
            "unit": unit,
        }
        order = str(command["id"])
        self._sent[order] = (unit, json.dumps(command).encode())
        self.repeat(order)
        return order

    def repeat(self, order: str) -> None:
        """Send it (again), the same bytes."""
        self.command(*self._sent[order])

    def replies(self, order_id: str) -> list[dict[str, Any]]:
        return [r["data"] for r in self.of("reply") if r["data"]["command"] == order_id]

    def final(self, order_id: str, timeout_s: float = 20.0) -> dict[str, Any]:
        """How the order ended."""
        ends = ("rejected", "succeeded", "failed", "expired", "cancelled")

        def found() -> list[dict[str, Any]]:
            return [reply for reply in self.replies(order_id) if reply["status"] in ends]

        self.wait_for(lambda _: bool(found()), timeout_s)
        return found()[-1]

    def steps(self, task: str) -> list[str]:
        """The states that a task went through."""
        return [
            event["data"]["state"]
            for event in self.of("event")
            if event["data"].get("task") == task and event["data"].get("kind") == "transition"
        ]

    def heard_at(self, leaf: str, **fields: Any) -> float | None:
        """When the first message with these fields came (monotonic seconds)."""
        with self._lock:
            for moment, heard, content in self.heard:
                data = content["data"]
                if heard == leaf and all(data.get(k) == v for k, v in fields.items()):
                    return moment
        return None

    def when(self, leaf: str, timeout_s: float = 20.0, **fields: Any) -> float:
        """The same, waited for."""
        self.wait_for(lambda _: self.heard_at(leaf, **fields) is not None, timeout_s)
        moment = self.heard_at(leaf, **fields)
        assert moment is not None
        return moment

    def wait_until_online(self, unit: str, timeout_s: float = 60.0) -> None:
        """Also that it hears orders: a ping is answered."""
        self.wait_for(lambda h: bool(h.of("state")), timeout_s)
        ends = time.monotonic() + timeout_s
        while True:
            order = self.order(unit, "ping")
            try:
                self.final(order, 2.0)
            except AssertionError:
                if time.monotonic() > ends:
                    raise
            else:
                return


def _told(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
