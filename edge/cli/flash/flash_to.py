"""`patrol-edge flash FILE --to ...`: from a laptop onto a unit, over SSH or its serial console."""

import argparse
import getpass
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from config.language import Told, localized, said, tell, unpacked
from edge.cli.console import DONE, FAILED, USAGE, CommandError, harmless, note, say
from edge.cli.flash.flash_options import STDIN
from edge.flashing.lines.console_line import ConsoleLine
from edge.flashing.lines.handover import CONSOLE_BYTES, PIPE_BYTES
from edge.flashing.lines.sending import Line, LineLostError, Offer, Sender
from edge.flashing.lines.ssh_line import Host, SshLine

SERIAL_MOST_BYTES = 32 * 1024 * 1024  # three quarters of an hour at that speed


def flash_to(args: argparse.Namespace) -> int:
    """Hand the file over, and say what becomes of it. Raises CommandError."""
    from drivers.clock import SystemClock

    if args.file in (None, STDIN):
        raise CommandError(
            tell("--to sends a file"), tell("name it: patrol-edge flash FILE --to HOST"), USAGE
        )
    options = {"force": args.force, "wait_s": 0.0 if args.no_wait else args.wait}
    offer = _offer(Path(args.file), options)
    view = _JsonView() if args.json else _View()
    try:
        with _line(args, offer) as (line, sizes), view.shown():
            sender = Sender(line, SystemClock(), *sizes)
            try:
                end = sender.hand_over(offer, view.sent, view.step)
            except KeyboardInterrupt:
                sender.stop()
                raise
    except LineLostError as error:
        raise CommandError(said(error), error.cure) from error
    return view.end(end)


def _offer(path: Path, options: dict[str, Any]) -> Offer:
    try:
        offer = Offer.of(path, options)
    except OSError as error:
        told = tell("{file} cannot be read: {why}", file=str(path), why=error.strerror or error)
        raise CommandError(told, tell("check the name"), USAGE) from error
    if offer.size_bytes == 0:
        raise CommandError(tell("{file} is empty", file=str(path)), "", USAGE)
    return offer


@contextmanager
def _line(args: argparse.Namespace, offer: Offer) -> Iterator[tuple[Line, tuple[int, int]]]:
    """The line, with the receiver at its other end. Raises LineLostError, CommandError."""
    if args.to.startswith(("/", "./")):
        with _console(args, offer) as line:
            yield line, (CONSOLE_BYTES, 4 * CONSOLE_BYTES)
        return
    host = Host.read(args.to)
    if host is None:
        told = tell("{to} is neither a host nor a serial port", to=args.to)
        cure = tell("--to dog-07.local, --to admin@192.168.1.20, or --to /dev/ttyUSB0")
        raise CommandError(told, cure, USAGE)
    with _ssh(host) as line:
        yield line, (PIPE_BYTES, 40 * PIPE_BYTES)


@contextmanager
def _ssh(host: Host) -> Iterator[SshLine]:
    """Over SSH; with sudo's password, if the unit asks for it."""
    line = SshLine.open(host)
    try:
        first = line.await_word()
        if not first and line.asks_for_password:
            line.close()
            line = SshLine.open(host, _secret(tell("password on the unit (sudo): ")))
        yield line
    finally:
        line.close()


@contextmanager
def _console(args: argparse.Namespace, offer: Offer) -> Iterator[ConsoleLine]:
    from drivers.clock import SystemClock

    if offer.size_bytes > SERIAL_MOST_BYTES:
        told = tell("{size} MiB are too much for a serial line", size=offer.size_bytes // 2**20)
        cure = tell("use a stick, or SSH: --to HOST")
        raise CommandError(told, cure, USAGE)
    line = ConsoleLine.open(args.to, args.baud, SystemClock())
    try:
        line.start_receiver(args.user, _secret)
        yield line
    finally:
        line.close()


def _secret(question: Told) -> str:
    """Asked on the terminal, not shown. Raises CommandError where there is none."""
    if not sys.stdin.isatty():
        told = tell("a password is needed, and there is no terminal to ask for it")
        cure = tell("let this user act as root there without one, or use a terminal")
        raise CommandError(told, cure)
    return getpass.getpass(localized(question))


# --- what is shown ---


class _JsonView:
    """For machines: a line for each thing."""

    def __init__(self) -> None:
        self._percent = -1

    @contextmanager
    def shown(self) -> Iterator[None]:
        yield

    def sent(self, done_bytes: int, size_bytes: int) -> None:
        percent = 100 * done_bytes // size_bytes
        if percent != self._percent:
            self._percent = percent
            say(json.dumps({"step": "sending", "percent": percent}))
            sys.stdout.flush()

    def step(self, content: dict[str, Any]) -> None:
        say(json.dumps(content))
        sys.stdout.flush()

    def end(self, content: dict[str, Any]) -> int:
        if "exit_code" not in content:
            say(json.dumps(content))
        return _code(content)


class _View:
    """For people: a line for each step, and a bar for what takes its time."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        console = Console(stderr=True, highlight=False)
        words = ("{task.description}", "{task.fields[told]}")  # the unit's: no markup of ours
        told, more = (TextColumn(each, markup=False) for each in words)
        self._bar = Progress(
            told, BarColumn(), more, console=console, transient=True,
            disable=not console.is_terminal,
        )  # fmt: skip
        self._task = self._bar.add_task("", total=None, visible=False, told="")
        self._last = ""

    @contextmanager
    def shown(self) -> Iterator[None]:
        with self._bar:
            yield

    def sent(self, done_bytes: int, size_bytes: int) -> None:
        kib = tell("{done} of {size} KiB", done=done_bytes // 1024, size=size_bytes // 1024)
        self._move(tell("sending"), done_bytes / size_bytes, kib)

    def step(self, content: dict[str, Any]) -> None:
        text = unpacked(str(content.get("text", "")), content.get("told"))
        if content.get("step") == "on_trial":
            self._move(tell("on trial"), None, text)
            return
        if content.get("step") == "received" or not text or text == self._last:
            return
        self._last = text
        cure = unpacked(str(content.get("cure", "")), content.get("cure_told"))
        note(localized(text) + (f"\n  → {localized(cure)}" if cure else ""))

    def _move(self, what: str, share: float | None, told: str) -> None:
        total = None if share is None else 1.0
        self._bar.update(
            self._task, description=localized(what), completed=share or 0.0, total=total,
            told=harmless(localized(told)), visible=True,
        )  # fmt: skip

    def end(self, content: dict[str, Any]) -> int:
        self._bar.stop()
        return _code(content)


def _code(content: dict[str, Any]) -> int:
    code = content.get("exit_code")
    if isinstance(code, int):
        return code
    return DONE if content.get("ok") is True else FAILED
