"""The call for help: told first, told again while it stands, and remembered over a restart.

It has a file, a worker and a lock of its own: nothing that is wrong with tasks can hold it up.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from edge.positioning.whereabouts import UnitPosition
from edge.tasks.desk import Now
from edge.tasks.memory import Memory
from edge.tasks.record import Stamp, Untold
from edge.tasks.teller import Teller
from telemetry.commands.handling import OrderRefusedError
from telemetry.contract.envelope import Draft
from telemetry.contract.events import Pose, SosCause, SosEvent, TrackPoint
from telemetry.contract.up_message import Phase
from telemetry.contract.uuid7 import uuid7
from telemetry.contract.wire_types import short, text

TRACK_S = 60.0
TRACK_EVERY_S = 0.5
TRACK_POINTS = 120  # what the message holds
UPDATE_EVERY_S = 5.0
PATIENT_AFTER_S = 600.0  # a call that stands for longer is told again less often,
PATIENT_EVERY_S = 60.0  # so that a unit that nobody hears does not fill its disk with it
POSE_TOO_OLD_S = 600.0
TIDY_EVERY_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call for help that stands."""

    episode: str
    cause: SosCause
    begun: Stamp
    issuer: str
    track: tuple[TrackPoint, ...] = ()  # of the minute before


@dataclass(frozen=True, slots=True, kw_only=True)
class SosBook:
    """What is remembered: the call, and what the outbox does not have yet."""

    call: Call | None = None
    untold: tuple[Untold, ...] = ()


class SosDesk:
    """Any thread may raise and cancel; one worker calls `tick` a few times a second."""

    def __init__(
        self,
        memory: Memory[SosBook],
        teller: Teller,
        now: Now,
        report: Callable[[Draft], None],
    ) -> None:
        self.memory = memory
        book = memory.load() or SosBook()
        self.book = replace(book, untold=teller.resume(book.untold))  # replaced, never changed
        self._teller = teller
        self._now = now
        self._report = report
        self._lock = threading.Lock()
        self._track: deque[tuple[float, TrackPoint]] = deque()
        self._pose: Pose | None = None
        self._started_s = now(None).mono_s
        self._told_s = float("-inf")
        self._tidied_s = float("-inf")

    # --- any thread ---

    def call(self, cause: SosCause, issuer: str, words: str = "") -> Call:
        """Call for help. A call that stands already is told again at once, and stays the same."""
        with self._lock:
            standing = self.book.call
            if standing is not None:
                self._update(standing, words)
                return standing
            begun = self._now(None)
            call = Call(
                episode=uuid7(begun.utc),
                cause=cause,
                begun=begun,
                issuer=issuer,
                track=tuple(point for _, point in self._track)[-TRACK_POINTS:],
            )
            self._write(call, self._event(call, "new", words, whole=True), standing=True)
            self._told_s = begun.mono_s
            structlog.get_logger().warning("sos", episode=call.episode, cause=cause, issuer=issuer)
            return call

    def cancel(self, episode: str | None, issuer: str, words: str = "") -> Call:
        """End the call. Raises OrderRefusedError if there is none, or another one."""
        with self._lock:
            call = self._standing(episode)
            self._write(
                call, self._event(call, "end", words, ended_by=short(issuer)), standing=False
            )
            structlog.get_logger().warning("sos_ended", episode=call.episode, issuer=issuer)
            return call

    def check_cancel(self, episode: str | None) -> None:
        with self._lock:
            self._standing(episode)

    def _standing(self, episode: str | None) -> Call:
        call = self.book.call
        if call is None:
            raise OrderRefusedError("wrong_state", "there is no call for help")
        if episode not in (None, call.episode):
            raise OrderRefusedError("wrong_state", f"the call that stands is {call.episode}")
        return call

    def birth(self) -> list[Draft]:
        """What a hub must know before all else when a connection stands: that a call does.

        With the track: the call's first message may wait behind others. Takes no lock.
        """
        call, now = self.book.call, self._now(None)
        if call is None:
            return []
        return [Draft.of(self._event(call, "update", "", whole=True), now.utc, now.quality)]

    # --- the worker's thread ---

    def tick(self, position: UnitPosition | None) -> None:
        """Keep the track; say again that the call stands."""
        with self._lock:
            self._note(position)
            call, now_s = self.book.call, self._now(None).mono_s
            if call is not None and now_s - self._told_s >= self._every_s(call):
                self._update(call, "")
            self._tidy(now_s)

    def _note(self, position: UnitPosition | None) -> None:
        if position is None:
            self._pose = None
            return
        self._pose = position.pose() if position.age_s <= POSE_TOO_OLD_S else None
        epoch = position.epoch
        if position.source == "last_known":
            return
        if not self._track or epoch.mono_s - self._track[-1][0] >= TRACK_EVERY_S:
            point = TrackPoint(
                time=self._now(epoch.mono_s).utc,
                lat_deg=position.lat_deg,
                lon_deg=position.lon_deg,
                error_m=position.error_m,
                speed_mps=epoch.speed_mps,
                course_deg=epoch.course_deg,
            )
            self._track.append((epoch.mono_s, point))
        while epoch.mono_s - self._track[0][0] > TRACK_S:
            self._track.popleft()

    def _every_s(self, call: Call) -> float:
        """By this run's clock: after a restart the calling begins anew."""
        now = self._now(None)
        runs_s, stands_s = now.mono_s - self._started_s, now.since_s(call.begun)
        patient = (runs_s if stands_s is None else min(runs_s, stands_s)) > PATIENT_AFTER_S
        return PATIENT_EVERY_S if patient else UPDATE_EVERY_S

    def _tidy(self, now_s: float) -> None:
        """Cross out what the outbox has; hand on what it does not, again after a crash."""
        self._teller.tell(self.book.untold)
        left = self._teller.settled(self.book.untold)
        due = left != self.book.untold or self.memory.fault is not None
        if due and now_s - self._tidied_s >= TIDY_EVERY_S:
            self._tidied_s = now_s
            self._save(replace(self.book, untold=left))

    # --- writing ---

    def _event(
        self,
        call: Call,
        phase: Phase,
        words: str,
        *,
        whole: bool = False,
        ended_by: str | None = None,
    ) -> SosEvent:
        return SosEvent(
            phase=phase,
            episode=call.episode,
            cause=call.cause,
            begun=call.begun.utc,
            pose=self._pose,
            track=call.track if whole else (),
            text=text(words),
            ended_by=ended_by,
        )

    def _write(self, call: Call, event: SosEvent, *, standing: bool) -> None:
        """Into the file, then to the outbox: a crash in between tells it again."""
        now = self._now(None)
        untold = Untold(
            id=uuid7(now.utc),
            type=event.TYPE,
            time=now.utc,
            quality=now.quality,
            priority=event.PRIORITY,
            data=event.model_dump(mode="json", exclude_none=True),
        )
        kept = self._teller.settled(self.book.untold)
        self._save(SosBook(call=call if standing else None, untold=(*kept, untold)))
        self._teller.tell(self.book.untold)
        self._save(replace(self.book, untold=self._teller.settled(self.book.untold)))

    def _save(self, book: SosBook) -> None:
        self.book = book
        self.memory.save(book)

    def _update(self, call: Call, words: str) -> None:
        """Not written down: the next one says the same."""
        now = self._now(None)
        self._told_s = now.mono_s
        self._report(Draft.of(self._event(call, "update", words), now.utc, now.quality))
