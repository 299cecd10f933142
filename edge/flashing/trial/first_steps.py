"""From the unit's file to what is run of it: as it says, or safe mode, or back to what was before.

A configuration that is wrong and on trial is taken back at once. One that is wrong otherwise runs
as far as it goes, in safe mode: a unit that says where it is and what is wrong can be mended.
"""

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from config.errors import ConfigError
from config.language import tell
from config.loading import DEFAULT_FILE, Loaded, digest_of, load
from config.safe import safe_settings, usable
from config.slots import SlotsError
from drivers.clock import SystemClock
from edge.booting.ledger import read_ledger
from edge.booting.state_folder import state_and_trust, state_folder
from edge.flashing.trial.standing import Slots, Start
from edge.running import log
from edge.running.anew import start_anew
from edge.running.sdnotify import LAUNCHED
from edge.running.state_lock import lock_state
from telemetry.contract.wire_types import text


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What is run."""

    loaded: Loaded
    start: Start

    @property
    def slots(self) -> Slots:
        return Slots(self.loaded.settings.state_dir, self.start)

    def take_back(self, error: BaseException) -> None:
        """What is on trial, for what it raised; does not return then."""
        _take_back(self.slots, f"{type(error).__name__}: {error}")

    def note_end(self) -> None:
        """It ended in order."""
        self.slots.note_ledger(lambda ledger: ledger.ended())

    def next_command(self) -> list[str] | None:
        """What the launcher would execute, found while everything still works: the pause is the
        shorter by it. None: ask the launcher, as a flashed runtime always does."""
        if sys.flags.no_site:
            return None
        from edge.booting.__main__ import prepared

        self.note_end()
        unit_file = self.start.unit_file or DEFAULT_FILE
        try:
            state_dir, trust = state_and_trust(unit_file)
            arguments = ["run", "--config", str(unit_file)]
            command, _ = prepared(state_dir, trust, arguments, lambda: None)
        except Exception:  # noqa: BLE001 - the launcher does it all over, whatever is wrong here
            structlog.get_logger().exception("not_prepared")
            return None
        return command

    def start_anew(self, command: list[str] | None = None) -> None:
        """Does not return. Raises OSError."""
        start_anew(self.start.unit_file or DEFAULT_FILE, command)


def begin(unit_file: Path, *, safe: bool = False) -> Begun:
    """Load it, have the state folder for this process alone, set up the log.

    Raises ConfigError where not even safe mode is possible, StateInUseError.
    """
    unit_file = Path(os.path.abspath(unit_file))  # noqa: PTH100 - keeps symlinks
    wrong: tuple[str, ...] = ()
    try:
        loaded = load(unit_file)
    except ConfigError as error:
        folder = state_folder(unit_file)
        lock_state(folder)
        _take_back(Slots(folder, Start(unit_file=unit_file)), str(error))
        loaded, wrong = _usable(unit_file, error), _lines(error)
    if not wrong or loaded.settings.state_dir != folder:
        lock_state(loaded.settings.state_dir)
    start = Start(
        unit_file=unit_file,
        safe=_why_safe(loaded.settings.state_dir, safe=safe, wrong=bool(wrong)),
        wrong=wrong,
    )
    if start.safe is not None and not wrong:
        settings = safe_settings(loaded.settings)
        loaded = replace(loaded, settings=settings, warnings=(), digest=digest_of(settings))
    log.set_up(loaded.settings.logging)
    log.starting(loaded)
    if start.safe is not None:
        structlog.get_logger().error("safe_mode", why=start.safe, wrong=list(wrong))
    return Begun(loaded=loaded, start=start)


def _usable(unit_file: Path, error: ConfigError) -> Loaded:
    """Raises the error where there is nothing to run."""
    found = usable(unit_file)
    if found is None:
        raise error
    return found


def _lines(error: ConfigError) -> tuple[str, ...]:
    return tuple(str(problem) for problem in error.problems)


def _why_safe(state_dir: Path, *, safe: bool, wrong: bool) -> str | None:
    if wrong:
        return tell("the configuration is wrong")
    if not safe:
        return None
    counted = read_ledger(state_dir).why_safe if LAUNCHED in os.environ else None
    return counted or tell("it was started so (--safe)")


def _take_back(slots: Slots, words: str) -> None:
    """Whatever is on trial; the process starts anew then, and this does not return."""
    utc = SystemClock().utc()
    try:
        done = slots.change(lambda known: known.roll_back("start_failed", text(words), utc))
    except (SlotsError, OSError):
        return  # the launcher counts, and takes it back after some starts
    if done is not None:
        sys.stderr.write(f"patrol-edge: {done.ended[-1].content.name} is taken back: {words}\n")
        slots.note_ledger(lambda ledger: ledger.ended().forgiven())
        start_anew(slots.start.unit_file or DEFAULT_FILE)
