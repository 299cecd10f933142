"""The orders of a hub that concern pictures: snapshot, media.unlock, media.lock."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, cast

import structlog

from config.models import Settings
from drivers.clock import Clock
from edge.media.album import Album
from edge.media.jobs import Job, JobBoard
from edge.media.unlocks import Unlock, Unlocks
from edge.seeing.look import Look
from telemetry.commands.handling import (
    Order,
    OrderFailedError,
    OrderRefusedError,
    Progress,
    Result,
)
from telemetry.commands.journal import Journal, JournalError
from telemetry.contract.media import MediaLock, MediaUnlock, TakeSnapshot
from telemetry.contract.wire_types import rfc3339_ms
from telemetry.pictures.picture import Rank

FRESH_S = 3.0  # an older picture is not one of now; where nothing moves, looks are rarer
MAKE_S = 20.0
LOOK_S = 0.2


class SnapshotOrder:
    """`snapshot`: one picture of now, under the id of the command."""

    long_running = True

    def __init__(
        self,
        settings: Settings,
        album: Album,
        board: JobBoard,
        unlocks: Unlocks,
        journal: Journal,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._album = album
        self._board = board
        self._unlocks = unlocks
        self._journal = journal
        self._clock = clock

    def check(self, order: Order) -> None:
        self._fresh(cast(TakeSnapshot, order.args).camera)

    def carry_out(self, order: Order, progress: Progress) -> Result:
        wanted = cast(TakeSnapshot, order.args)
        look = self._fresh(wanted.camera)
        unredacted = self._unlocks.is_open(wanted.camera)
        job = Job(look=look, rank=Rank.ASKED, episode=order.id, unredacted=unredacted)
        self._board.put(job)
        ends_s = self._clock.mono_s() + MAKE_S
        while not job.done.wait(LOOK_S) and self._clock.mono_s() < ends_s:
            progress(50, "redacting")
        if job.picture is None or job.error:
            raise OrderFailedError("storage" if job.picture else "busy", job.error or "too slow")
        told = job.picture.properties
        self._note(order, wanted, told.sha256, redacted=told.redacted)
        return {
            "episode": told.episode,
            "sha256": told.sha256,
            "size_bytes": len(job.picture.jpeg),
            "time": rfc3339_ms(told.time),
            "redacted": told.redacted,
        }

    def _note(self, order: Order, wanted: TakeSnapshot, sha256: str, *, redacted: bool) -> None:
        """What left is on record, with who wanted it and why."""
        with suppress(JournalError):  # the order itself is on record
            self._journal.write(
                "picture",
                id=order.id,
                by=order.issuer,
                camera=wanted.camera,
                reason=wanted.reason or None,
                sha256=sha256,
                redacted=redacted,
            )

    def _fresh(self, camera: str) -> Look:
        """The newest look of this camera. Raises OrderRefusedError."""
        known = self._settings.cameras.get(camera)
        if known is None:
            names = ", ".join(self._settings.cameras) or "none"
            raise OrderRefusedError("invalid_arguments", f"cameras here: {names}")
        if not known.detect:
            raise OrderRefusedError(
                "invalid_arguments", f"nothing is detected in {camera}, so nothing can be covered"
            )
        look = self._album.newest(camera)
        age_s = None if look is None else self._clock.mono_s() - look.frame.mono_s
        fresh_s = FRESH_S + self._settings.perception.parked.look_every_s
        if look is None or age_s is None or age_s > fresh_s:
            raise OrderRefusedError("wrong_state", f"no picture comes from {camera} now")
        return look


class UnlockOrder:
    """`media.unlock`: only signed, only from a hub, for a time that ends by itself."""

    long_running = False

    def __init__(self, settings: Settings, unlocks: Unlocks, clock: Clock) -> None:
        self._settings = settings
        self._unlocks = unlocks
        self._clock = clock

    def check(self, order: Order) -> None:
        if self._settings.security.commands != "signed" or order.origin != "hub":
            raise OrderRefusedError("unsigned", "only a signed command lifts the redaction")
        unknown = set(cast(MediaUnlock, order.args).cameras) - set(self._settings.cameras)
        if unknown:
            names = ", ".join(self._settings.cameras) or "none"
            raise OrderRefusedError("invalid_arguments", f"cameras here: {names}")

    def carry_out(self, order: Order, progress: Progress) -> Result:  # noqa: ARG002 - it is brief
        self.check(order)
        wanted = cast(MediaUnlock, order.args)
        until_mono_s = self._clock.mono_s() + wanted.for_s
        self._unlocks.open(
            [
                Unlock(
                    camera=camera,
                    by=order.issuer,
                    why=wanted.reason,
                    command=order.id,
                    until_mono_s=until_mono_s,
                )
                for camera in wanted.cameras
            ]
        )
        structlog.get_logger().warning(
            "media_unlocked", cameras=wanted.cameras, by=order.issuer, for_s=wanted.for_s
        )
        until = order.received + timedelta(seconds=wanted.for_s)
        return {"cameras": list(wanted.cameras), "until": rfc3339_ms(until)}


class LockOrder:
    """`media.lock`."""

    long_running = False

    def __init__(self, unlocks: Unlocks, locked: Callable[[Unlock, str], None]) -> None:
        self._unlocks = unlocks
        self._locked = locked

    def check(self, order: Order) -> None:
        """It can always be locked."""

    def carry_out(self, order: Order, progress: Progress) -> Result:  # noqa: ARG002 - it is brief
        ended = self._unlocks.close(cast(MediaLock, order.args).cameras)
        for unlock in ended:
            self._locked(unlock, order.issuer)
        return {"cameras": [unlock.camera for unlock in ended]}


def lock_noter(journal: Journal) -> Callable[[Unlock, str], None]:
    """Puts the end of an unlock on record: `by` is who ended it, or `expired`."""

    def note(unlock: Unlock, by: str) -> None:
        facts: dict[str, Any] = {"camera": unlock.camera, "unlocked_by": unlock.by, "by": by}
        with suppress(JournalError):
            journal.write("media_locked", id=unlock.command, **facts)
        structlog.get_logger().info("media_locked", **facts)

    return note
