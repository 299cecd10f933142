"""Simulated boards as processes of their own, and links with them."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from config.boards import BoardConfig
from drivers.clock import SystemClock
from drivers.samples import Done
from firmware_bridge.runtime.frames import MAX_PAYLOAD_BYTES, Frame, encode
from firmware_bridge.runtime.link import BoardLink
from firmware_bridge.runtime.orders import BoardRequest, BoardSample
from tests.simulators import order, simulator

S = TypeVar("S")


@contextmanager
def simulated(folder: Path, *options: str, name: str = "board") -> Iterator[tuple[Path, Path]]:
    """A board as a process; its pseudo-terminal, and its control socket."""
    link, control = folder / name, folder / f"{name}.control"
    with simulator("board", "--link", str(link), *options, control=control) as said:
        assert str(link) in said
        yield link, control


def inside(control: Path) -> dict[str, Any]:
    """What the board itself knows of its outputs."""
    found: dict[str, Any] = json.loads(order(control, "state").removeprefix("ok "))
    return found


def on(control: Path) -> set[str]:
    """The outputs that are on, as the board itself knows."""
    return {name for name, one in inside(control)["outputs"].items() if one["on"]}


def open_link(port: Path, **config: Any) -> BoardLink:
    return BoardLink.open("payload", BoardConfig(port=str(port), **config), SystemClock())


def read_until(
    link: BoardLink, wanted: Callable[[BoardSample | Done], S | None], within_s: float = 5.0
) -> S:
    """What `wanted` makes of the first sample that it makes something of."""
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        sample = link.read()
        if sample is not None and (found := wanted(sample)) is not None:
            return found
    raise AssertionError(f"it did not come within {within_s} s")


def asked(link: BoardLink, request: BoardRequest, token: int = 1) -> Done:
    link.ask(token, request)
    return read_until(
        link, lambda each: each if isinstance(each, Done) and each.token == token else None
    )


class ToldPort:
    """A line on which a board says what it is told to say, in whole frames."""

    def __init__(self) -> None:
        self._waiting = b""

    def say(self, script: bytes) -> None:
        """Type, sequence, length, payload, and again."""
        at = 0
        while at + 3 <= len(script):
            kind, sequence, length = script[at : at + 3]
            payload = script[at + 3 : at + 3 + min(length, MAX_PAYLOAD_BYTES)]
            self._waiting += encode(Frame(kind, sequence, payload))
            at += 3 + length

    def read(self, _wait_s: float) -> bytes:
        waiting, self._waiting = self._waiting, b""
        return waiting

    def send(self, data: bytes) -> None:
        pass

    def close(self) -> None:
        pass
