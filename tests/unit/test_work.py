"""What is told goes to the outbox in its order, whatever becomes of one message."""

from types import SimpleNamespace
from typing import Any

import pytest

from edge.work import Work
from telemetry.link.transport import Arrived


class Outbox:
    def __init__(self) -> None:
        self.put_in: list[tuple[Any, bool]] = []

    def put(self, draft: Any, *, durable: bool) -> None:
        self.put_in.append((draft, durable))


class Writer:
    """Writes what it is given, but for one thing."""

    def news(self, each: str) -> str:
        if each == "bad":
            raise ValueError("no message holds this")
        return each.upper()


@pytest.mark.parametrize(
    "news", [["bad", "new", "end"], ["new", "bad", "end"], ["new", "end", "bad"]]
)
def test_one_that_cannot_be_written_costs_the_others_nothing(news: list[str]) -> None:
    outbox = Outbox()
    parts = SimpleNamespace(outbox=outbox, media=None, vision=None)
    work = Work(parts, Writer())  # type: ignore[arg-type]

    with pytest.raises(ValueError, match="no message holds this"):
        work.tell_news(news)  # type: ignore[arg-type]

    assert outbox.put_in == [("NEW", False), ("END", True)]


def test_whoever_commands_was_heard_before_his_command_is_judged() -> None:
    """After minutes of silence the command itself is what is heard."""
    told: list[Any] = []
    parts = SimpleNamespace(
        acting=SimpleNamespace(link=told.append),
        publisher=SimpleNamespace(heard_mono_s=17.0),
        commanding=SimpleNamespace(hear=told.append),
    )
    command = Arrived("patrol/v1/car-07/command", b"{}", False, 1)
    Work(parts, Writer()).hear_command(command)  # type: ignore[arg-type]

    assert told == [17.0, command]
