"""What a flash looks like: lines and a bar for people, one JSON object a line for machines."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from config.language import localized, packed, tell
from config.slots import Ended, Trial
from edge.bundles.refusal import BundleError
from edge.cli.console import CommandError, complain, harmless, note, say
from edge.cli.flash.flash_options import STDIN
from edge.flashing.unit import Unit
from edge.flashing.wish import Outcome, Step


class NotWantedError(Exception):
    """Whoever was asked has said no."""


class View(Protocol):
    """Both."""

    def shown(self) -> Any: ...
    def step(self, step: Step) -> None: ...
    def refused(self, refusal: BundleError) -> None: ...
    def on_trial(self, trial: Trial, left_s: float) -> None: ...
    def ended(self, outcome: Outcome, ended: Ended | None = None) -> None: ...


def view_of(args: argparse.Namespace, unit: Unit) -> View:
    if args.json:
        return JsonView()
    terminal = sys.stdin.isatty() and sys.stderr.isatty()
    asks = terminal and not args.yes and args.file != STDIN
    return PeopleView(unit, asks=asks)


def end_told(outcome: Outcome, ended: Ended | None) -> str:
    """How it ended, in a line."""
    name = outcome.name
    if ended is not None and ended.outcome == "committed":
        return tell("{name} (serial {serial}) has proved itself, and is kept", name=name,
                    serial=outcome.serial)  # fmt: skip
    if ended is not None:
        return tell("{name} did not prove itself, and what was in use before is back: {why}",
                    name=name, why=ended.why)  # fmt: skip
    match outcome.end:
        case "adopted":
            return tell("{name} counts from now on", name=name)
        case "flashed":
            return tell("{name} is on its boards", name=name)
        case "at_next_start":
            return tell("{name} is in use from the unit's next start on, on trial", name=name)
        case _:
            return tell("{name} is on trial; how it stands: patrol-edge slots list", name=name)


class PeopleView:
    """Each step is a line; while the bundle comes and while the trial goes on, a bar moves."""

    def __init__(self, unit: Unit, *, asks: bool) -> None:
        self._unit = unit
        self._asks = asks
        self._console = Console(stderr=True, highlight=False)
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._trial_s = 0.0

    @contextmanager
    def shown(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._still()

    def step(self, step: Step) -> None:
        if step.done_bytes is not None:
            self._move(tell("taking it"), step.done_bytes, step.of_bytes or 0, step.text)
            return
        self._line(step.text)
        if step.stage == "checked" and self._asks:
            self._ask()

    def _line(self, text: str) -> None:
        self._still()
        note(text)

    def _still(self) -> None:
        """No bar while a line is written, or somebody answers."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _move(self, what: str, done: float, of: float, told: str) -> None:
        if not self._console.is_terminal:
            return
        if self._bar is None:
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TextColumn("{task.fields[told]}", markup=False),
            )
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._task = self._bar.add_task("", total=None, told="")
            self._bar.start()
        self._bar.update(
            self._task, description=harmless(localized(what)), completed=done, total=of or None,
            told=harmless(localized(told)),
        )  # fmt: skip

    def _ask(self) -> None:
        """Raises NotWantedError."""
        question = tell("flash it onto {unit}? [Y/n] ", unit=self._unit.here.unit)
        sys.stderr.write(localized(question))
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("", "y", "yes", "是"):
            raise NotWantedError

    def refused(self, refusal: BundleError) -> None:
        self._still()
        complain(CommandError(refusal.text, refusal.cure))

    def on_trial(self, trial: Trial, left_s: float) -> None:
        if not self._trial_s:
            self._trial_s = left_s
            self._line(tell("on trial: it is kept when all has been well for a while"))
        told = tell("at most {left:.0f} s more", left=left_s)
        self._move(trial.content.name, self._trial_s - left_s, self._trial_s, told)

    def ended(self, outcome: Outcome, ended: Ended | None = None) -> None:
        for text in outcome.notes:
            self._line(text)
        self._still()
        say(localized(end_told(outcome, ended)))


class JsonView:
    """Lines for programs; English, with what is needed to say it in another language (`told`)."""

    def __init__(self) -> None:
        self._percent = -1
        self._last: tuple[int, int] | None = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        yield

    def step(self, step: Step) -> None:
        if step.done_bytes is not None and step.percent == self._percent:
            return
        self._percent = step.percent
        self._line({"step": step.stage, "percent": step.percent}, step.text)

    def refused(self, refusal: BundleError) -> None:
        facts = {"end": "refused", "ok": False, "code": refusal.code, "cure": str(refusal.cure)}
        if (cure := packed(refusal.cure)) is not None:
            facts["cure_told"] = cure
        self._line(facts, refusal.text)

    def on_trial(self, trial: Trial, left_s: float) -> None:
        now = (trial.starts, round(left_s) // 5)
        if now != self._last:
            self._last = now
            told = tell("at most {left:.0f} s more", left=left_s)
            facts = {"step": "on_trial", "starts": trial.starts, "left_s": round(left_s, 1)}
            self._line(facts, told)

    def ended(self, outcome: Outcome, ended: Ended | None = None) -> None:
        end = outcome.end if ended is None else ended.outcome
        facts: dict[str, Any] = {
            "end": end,
            "ok": end != "rolled_back",
            "kind": outcome.kind,
            "bundle": outcome.bundle,
            "name": outcome.name,
            "serial": outcome.serial,
            "lane": outcome.lane,
            "slot": outcome.slot,
            "code": None if ended is None else ended.code,
            "notes": [str(text) for text in outcome.notes] or None,
        }
        kept = {name: value for name, value in facts.items() if value is not None}
        self._line(kept, end_told(outcome, ended))

    def _line(self, facts: dict[str, Any], text: str) -> None:
        told = packed(text)
        say(json.dumps(facts | {"text": str(text)} | ({} if told is None else {"told": told})))
        sys.stdout.flush()
