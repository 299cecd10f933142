"""What is told goes to the outbox in its order, whatever becomes of one message."""

from types import SimpleNamespace
from typing import Any

import pytest

from edge.work import Work


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
