"""Firmware on the unit itself: `firmware.apply` from the hub, boards on loan, and what is amiss."""

import shutil
import threading
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from config.models import Settings
from drivers.clock import Clock
from drivers.samples import Identity
from edge.commands.fetching import Fetching, fetch_bundle
from edge.firmware.ledger import Ledger, LedgerError, LedgerFile
from edge.firmware.lending import Lending
from edge.local.control import LocalHandler
from telemetry.commands.handling import (
    Handler,
    Order,
    OrderFailedError,
    OrderRefusedError,
    Progress,
    Result,
)
from telemetry.commands.keyring import Keyring
from telemetry.contract.bundle import Bundle
from telemetry.contract.wire_types import short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.firmware.flasher import Flasher
    from edge.firmware.package import Package

FOLDER = "firmware"  # below the state folder: what is being fetched
FETCH_WITHIN_S = 900.0
IDLE_WITHIN_S = 600.0  # other long orders wait behind this one
LOOK_EVERY_S = 1.0
LOAN_S = 300.0
SPARE_BYTES = 64 * 1024 * 1024  # what the disk keeps besides
FETCHED, IDLE = 30, 35  # percent, when that is done
READ_LEDGER_EVERY_S = 5.0


class FirmwareDesk:
    """Made by `edge.assembly`. The order is carried out by the worker for long ones."""

    def __init__(
        self,
        settings: Settings,
        lending: Lending,
        identities: Callable[[], tuple[Identity, ...]],
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._lending = lending
        self._identities = identities
        self._clock = clock
        self._folder = settings.state_dir / FOLDER
        self.ledger = Ledger(settings.state_dir)
        self.fault: LedgerError | None = None
        self._known, self._read_s = LedgerFile(), float("-inf")
        self._pause = threading.Event()  # never set: something to wait on

    def handlers(self) -> dict[str, Handler]:
        """For the orders of the hub."""
        return {"firmware.apply": _Apply(self)} if self._settings.boards else {}

    def controls(self) -> dict[str, LocalHandler]:
        """For the technician's commands on this computer."""
        return self._lending.controls()

    def lent(self) -> str | None:
        """A board that is being worked on, so that the unit must not sleep; None: none is."""
        return self._lending.lent()

    def remembered(self, now_mono_s: float) -> LedgerFile:
        """What the ledger says, for the health report: looked at now and then."""
        if now_mono_s - self._read_s >= READ_LEDGER_EVERY_S:
            self._read_s = now_mono_s
            try:
                self._known, self.fault = self.ledger.read(), None
            except LedgerError as error:
                self.fault = error
        return self._known

    # --- firmware.apply ---

    def check(self, bundle: Bundle) -> None:
        """Raises OrderRefusedError."""
        from edge.firmware.package import MOST_BYTES

        if bundle.size_bytes > MOST_BYTES:
            raise OrderRefusedError("too_large", f"a package has at most {MOST_BYTES} bytes")
        with suppress(OSError):  # that it cannot be written is told when it is
            free = shutil.disk_usage(self._settings.state_dir).free
            if free < bundle.size_bytes + SPARE_BYTES:
                raise OrderRefusedError("storage", f"only {free // 2**20} MiB are free")

    def apply(self, order: Order, progress: Progress) -> dict[str, Any]:
        """Fetch, check, wait until the unit is idle, flash each board that it is for.

        Raises OrderFailedError.
        """
        from edge.firmware.package import PackageError, read_package

        fetching = Fetching("fetching the package", FETCHED, FETCH_WITHIN_S)
        incoming = self._folder / "incoming.pefw"
        path = fetch_bundle(cast(Bundle, order.args), incoming, fetching, progress)
        keyring = self._settings.security.keyring or self._settings.state_dir / "keyring.json"
        try:
            package = read_package(path, Keyring(keyring), self._clock.utc())
        except PackageError as error:
            raise OrderFailedError(error.code, f"{error}; {error.cure}".rstrip("; ")) from error
        finally:
            path.unlink(missing_ok=True)
        boards = self._meant(package)
        done = []
        for number, name in enumerate(boards):
            first = IDLE + (100 - IDLE) * number // len(boards)
            last = IDLE + (100 - IDLE) * (number + 1) // len(boards)
            with self._borrowed(name, order.issuer, progress) as renew:
                watch = _Watch(name, progress, renew, first, last)
                done.append(self._flashed(name, package, order, watch))
        return {"version": package.manifest.version, "boards": done}

    def _meant(self, package: "Package") -> list[str]:
        """The boards of its model, by what they say or the unit file does."""
        told = {each.name: each.model for each in self._identities() if each.kind == "board"}
        model = package.manifest.model
        names = [
            name
            for name, config in self._settings.boards.items()
            if (told.get(name) or config.model) == model
        ]
        if not names:
            raise OrderFailedError("invalid_arguments", f"this unit has no board of model {model}")
        return names

    def _flashed(
        self, name: str, package: "Package", order: Order, watch: "_Watch"
    ) -> dict[str, Any]:
        from edge.firmware.flasher import FlashError, Wish

        wish = Wish(by=short(order.issuer))
        try:
            outcome = self._flasher().flash(name, self._settings.boards[name], package, wish, watch)
        except FlashError as error:
            words = "; ".join(part for part in (str(error), error.cure, error.state) if part)
            raise OrderFailedError(error.code, words) from error
        except LedgerError as error:
            raise OrderFailedError("storage", f"{error}; {error.cure}") from error
        return asdict(outcome)

    def _flasher(self) -> "Flasher":
        from edge.firmware.flasher import Flasher

        return Flasher(self.ledger, self._clock)

    @contextmanager
    def _borrowed(self, name: str, by: str, progress: Progress) -> "Iterator[Callable[[], None]]":
        """The board from its own worker, once the unit is idle. Gives what renews the loan."""
        ends_s = self._clock.mono_s() + IDLE_WITHIN_S
        while True:
            try:
                self._lending.lend(name, by, LOAN_S)
                break
            except OrderRefusedError as error:
                if error.code != "busy" or self._clock.mono_s() >= ends_s:
                    raise OrderFailedError(error.code, f"{name}: {error}") from error
                progress(IDLE, f"waiting: {error}")
                self._pause.wait(LOOK_EVERY_S)
        try:
            yield lambda: self._lending.lend(name, by, LOAN_S)
        finally:
            self._lending.take_back(name, by)


class _Apply:
    """The handler of `firmware.apply`."""

    long_running = True

    def __init__(self, desk: FirmwareDesk) -> None:
        self._desk = desk

    def check(self, order: Order) -> None:
        self._desk.check(cast(Bundle, order.args))

    def carry_out(self, order: Order, progress: Progress) -> Result:
        return self._desk.apply(order, progress)


class _Watch:
    """Progress of one board, as a share of the order's."""

    def __init__(
        self, name: str, progress: Progress, renew: Callable[[], None], first: int, last: int
    ) -> None:
        self._name = name
        self._progress = progress
        self._renew = renew
        self._first, self._last = first, last
        self._percent = first

    def step(self, text: str) -> None:
        self._renew()
        self._progress(self._percent, f"{self._name}: {text}")

    def sent(self, done_bytes: int, size_bytes: int) -> None:
        span = self._last - self._first - 1
        percent = self._first + span * done_bytes // max(1, size_bytes)
        if percent != self._percent:
            self._percent = percent
            self.step(f"{done_bytes} of {size_bytes} bytes")
