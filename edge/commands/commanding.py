"""Being commanded: the inbox, the workers, who is in command, and what is wrong with it.

The publisher's thread only puts what arrives into the inbox. One worker takes, judges and carries
out; a second one does what takes long.
"""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.models import Settings
from config.slots import slots_folder
from drivers.clock import Clock
from edge.commands.handlers import stopper
from edge.commands.inbox import Inbox
from edge.commands.key_facts import expiring
from edge.commands.on_the_spot import OnTheSpot
from edge.flashing.records import Heard, take_over
from edge.local.control import LocalControl
from edge.running.worker import Beat
from edge.timebase import Timebase
from telemetry.commands.answers import Answers, Put
from telemetry.commands.carrying import Carrier
from telemetry.commands.control_state import Commander, ControlState
from telemetry.commands.device_key import DeviceKey
from telemetry.commands.handling import Fates, Handler, no_fates
from telemetry.commands.intake import Intake, IntakeStats
from telemetry.commands.journal import Journal
from telemetry.commands.judging import UNABLE, Judge
from telemetry.commands.keyring import Keyring
from telemetry.commands.store import CommandStore
from telemetry.commands.trusted_time import TrustedTime
from telemetry.contract.commands import COMMANDS
from telemetry.link.transport import Arrived

WAIT_S = 0.2
LAST_S = 0.3  # when the unit stops, for what waits in the inbox


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandingHealth:
    """For the health report."""

    signed: bool
    keyring: Path
    keyring_missing: bool
    keyring_fault: str | None
    keyring_cure: str
    keys_expiring: tuple[str, ...]  # "KID of ISSUER on DATE"
    keys_over: bool  # there are keys, and none of them is valid now
    journal_broken: str | None
    journal_fault: str | None
    keys_damaged: tuple[str, ...]  # files: own device keys that were set aside
    store_fault: str | None
    store_set_aside: int
    clock_set_back: bool
    control_fault: str | None
    overflow: int  # of the inbox, since start
    intake: IntakeStats


class Commanding:
    """One unit's. Making it reads the control file and nothing else."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        timebase: Timebase,
        put: Put,
        fates: Fates = no_fates,
    ) -> None:
        folder, security = settings.state_dir, settings.security
        self._clock, self._timebase = clock, timebase
        self._slots = slots_folder(folder)  # where whoever flashes leaves records for the journal
        self._handlers: dict[str, Handler] = {}
        self.unable = UNABLE  # what is said of a command that has no handler
        self._security = security
        self._control = ControlState.load(folder / "control.json")
        self._keyring = Keyring(security.keyring or folder / "keyring.json")
        self._time = TrustedTime(timebase.at, clock, self._control.now.latest)
        own = security.device_key is None
        self._device_key = DeviceKey(security.device_key or folder / "device.key", make=own)
        self.journal = Journal(
            folder / "journal",
            settings.unit.id,
            self._device_key,
            timebase.now,
            clock,
        )
        self._store = CommandStore(folder / "commands.db")
        answers = Answers(put, timebase.now)
        self._carrier = Carrier(
            self._handlers,
            self._store,
            self.journal,
            answers,
            clock,
            lambda: timebase.now()[0],
            fates,
        )
        judge = Judge(
            unit=settings.unit.id,
            security=security,
            keyring=self._keyring,
            time=self._time,
            handles=self._handlers.__contains__,
            unable=lambda: self.unable,
        )
        self._intake = Intake(
            judge,
            self._handlers,
            self._store,
            self.journal,
            answers,
            self._carrier,
            self._control,
            clock,
        )
        self._inbox = Inbox(clock)
        self.register("cancel", stopper(self._carrier.cancel))
        self.hear_record: Heard = lambda _record: True  # what was flashed, before it is journaled

    # --- what it can do ---

    def register(self, name: str, handler: Handler) -> None:
        """Before the workers start."""
        if name not in COMMANDS or name in self._handlers:
            raise ValueError(f"{name} is no command of the contract, or has a handler")
        self._handlers[name] = handler

    def capabilities(self) -> tuple[str, ...]:
        """The commands that have a handler."""
        return tuple(sorted(self._handlers))

    @property
    def commander(self) -> Commander:
        return self._control.now.commander

    # --- threads ---

    def hear(self, message: Arrived) -> None:
        """The publisher's thread: takes note, and returns at once."""
        self._inbox.put(message)

    def work(self, beat: Beat, stop: threading.Event) -> None:
        """Take what arrives. One worker, which the unit cannot do without."""
        while not stop.is_set():
            beat()
            self._intake.tend()
            take_over(self._slots, self.journal, self.hear_record)
            self._take_one(WAIT_S)
        ends_mono_s = self._clock.mono_s() + LAST_S  # the broker thinks that these have arrived
        while self._take_one(0) and self._clock.mono_s() < ends_mono_s:
            beat()
        self._inbox.close()
        self._intake.close()

    def _take_one(self, timeout_s: float) -> bool:
        """Take the next message, if one comes within the time."""
        next_one = self._inbox.take(timeout_s)
        if next_one is None:
            return False
        message, received_mono_s = next_one
        self._intake.take(message.payload, received_mono_s, retained=message.retained)
        return True

    def work_long(self, beat: Beat, stop: threading.Event) -> None:
        """Do what takes long. A second worker; if it crashes, the order has failed."""

        def alive() -> bool:
            beat()
            return not stop.is_set()

        self._carrier.after_crash()
        while alive():
            self._carrier.work_long(WAIT_S, alive)

    def serve_locally(self, local: LocalControl) -> None:
        """What the crew may ask of it, and that what the crew asks of others is on record."""
        OnTheSpot(
            self.journal,
            self._control,
            self._time,
            self._timebase,
            self._about_orders,
            self._clock,
        ).register(local)

    def _about_orders(self) -> dict[str, Any]:
        stats = self._intake.stats()
        return {
            "commands": self._security.commands,
            "primary_hub": self._security.primary_hub,
            "accepted": stats.accepted,
            "refused": stats.refused,
        }

    # --- how it fares ---

    def health(self) -> CommandingHealth:
        """Any thread."""
        return CommandingHealth(
            signed=self._security.commands == "signed",
            keyring=self._keyring.path,
            keyring_missing=self._keyring.missing,
            keyring_fault=self._keyring.fault,
            keyring_cure=self._keyring.cure,
            keys_expiring=tuple(expiring(self._keyring.known, self._timebase.now()[0])),
            keys_over=self._keyring.over(self._timebase.now()[0]),
            journal_broken=self.journal.broken,
            journal_fault=self.journal.fault,
            keys_damaged=self._device_key.damaged(),
            store_fault=self._intake.stats().fault,
            store_set_aside=self._store.set_aside,
            clock_set_back=self._time.set_back,
            control_fault=self._control.fault,
            overflow=self._inbox.overflow,
            intake=self._intake.stats(),
        )
