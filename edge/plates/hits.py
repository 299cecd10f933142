"""Hits: told once, and open until a human has judged them, or what they rest on is gone."""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from config.plates import PlatesConfig
from edge.plates.hotlist import HotList, Match
from edge.plates.vault import Vault, VaultError
from edge.reporting.places import ground_place
from edge.seeing.witness import Witness, box_of
from perception.place.placed import Scene, WorldTrack
from perception.plates.vote import Verdict as Voted
from telemetry.commands.handling import OrderRefusedError
from telemetry.contract.plates import HitEnd, PlateEvent, Vehicle, Verdict
from telemetry.contract.uuid7 import uuid7
from telemetry.contract.wire_types import UtcTime, short

MOST_OPEN = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A vehicle with the plate that its pictures mean, as it was in the best of them."""

    voted: Voted
    track: WorldTrack
    scene: Scene
    colour: str | None = None  # of the vehicle


class _Open(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    event: PlateEvent  # as it was told
    priority: int
    opened: UtcTime


class _Book(BaseModel):
    """The file: it survives a restart, so that a hit can still be judged then."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    open: dict[str, _Open] = {}


class HitDesk:
    """Any thread. Nothing on a unit acts on a hit: this desk has nobody to tell but the hub."""

    def __init__(
        self, config: PlatesConfig, hotlist: HotList, vault: Vault, witness: Witness
    ) -> None:
        self.told = 0
        self._config = config
        self._hotlist = hotlist
        self._vault = vault
        self._witness = witness
        self._lock = threading.Lock()
        self._unsaved = False  # the disk has refused the newest state
        self._open = self._loaded()

    def _loaded(self) -> dict[str, _Open]:
        try:
            content = self._vault.load()
            return {} if content is None else _Book.model_validate_json(content).open
        except (VaultError, ValidationError) as error:
            # Who was told of them judges them by the hub; here nothing hangs on it.
            structlog.get_logger().error("plate_hits_unreadable", error=str(error)[:200])
            return {}

    @property
    def open(self) -> tuple[PlateEvent, ...]:
        """Those that wait for a human, oldest first."""
        with self._lock:
            return tuple(each.event for each in self._open.values())

    def hit(self, seen: Sighting, match: Match) -> str | None:
        """Tell it. Returns the episode; None where the entry was revoked meanwhile."""
        if not self._hotlist.stands(match.list, match.entry, self._witness.now()):
            return None
        now = self._witness.now()
        event = self._event(seen, match, uuid7(now))
        with self._lock:
            while len(self._open) >= MOST_OPEN:
                self._open.pop(next(iter(self._open)))
            self._open[event.episode] = _Open(event=event, priority=match.priority, opened=now)
            self.told += 1
            self._witness.tell(event, seen.voted.best.mono_s, match.priority)
            self._save()
        self._journal("plate_hit", event)
        return event.episode

    def review(self, episode: str, verdict: Verdict, by: str) -> PlateEvent:
        """A human has looked. Raises OrderRefusedError where no such hit is open."""
        self.check(episode)
        return self._close([episode], "reviewed", verdict, by)[0]

    def check(self, episode: str) -> None:
        with self._lock:
            if episode not in self._open:
                raise OrderRefusedError("wrong_state", "no hit of this name waits for a review")

    def now(self) -> datetime:
        return self._witness.now()

    def withdraw(self, episode: str) -> None:
        """More pictures say that it was read wrongly."""
        self._close([episode], "withdrawn")

    def tick(self) -> None:
        """What is due by the clock and by the list: lists end, entries go, hits grow old."""
        now = self._witness.now()
        for name, count in self._hotlist.purge(now):
            self._witness.note("plates_expired", list=name, entries=count)
        with self._lock:
            if self._unsaved:
                self._save()
            old = [(name, self._why_not(each, now)) for name, each in list(self._open.items())]
        for name, reason in old:
            if reason is not None:
                self._close([name], reason)

    def _why_not(self, hit: _Open, now: datetime) -> HitEnd | None:
        """Why it cannot stay open; None if it can."""
        event = hit.event
        if not self._hotlist.stands(event.list, event.entry, now):
            listed = any(each.list == event.list for each in self._hotlist.status())
            gone = event.list in self._hotlist.expired and not listed
            return "expired" if gone else "revoked"
        if now - hit.opened >= timedelta(seconds=self._config.review_within_s):
            return "unreviewed"
        return None

    def _close(
        self,
        episodes: list[str],
        reason: HitEnd,
        verdict: Verdict | None = None,
        by: str | None = None,
    ) -> list[PlateEvent]:
        ended = []
        with self._lock:
            for hit in [self._open.pop(name) for name in episodes if name in self._open]:
                changes = {"phase": "end", "reason": reason}
                if verdict is not None and by is not None:
                    changes |= {"review": verdict, "reviewed_by": short(by)}
                event = PlateEvent.model_validate(hit.event.model_dump() | changes)
                self._witness.tell(event, None, hit.priority)
                ended.append(event)
            self._save()
        for event in ended:
            self._journal("plate_hit_ended", event)
        return ended

    def _save(self) -> None:
        try:
            self._vault.save(_Book(open=self._open).model_dump_json().encode())
        except VaultError as error:
            if not self._unsaved:
                structlog.get_logger().warning("plate_hits_not_kept", error=str(error))
            self._unsaved = True
        else:
            self._unsaved = False

    def _journal(self, what: str, event: PlateEvent) -> None:
        self._witness.note(
            what,
            episode=event.episode,
            list=event.list,
            entry=event.entry,
            reason=event.reason,
            verdict=None if event.review == "pending" else event.review,
            by=event.reviewed_by,
        )

    def _event(self, seen: Sighting, match: Match, episode: str) -> PlateEvent:
        voted, track, scene = seen.voted, seen.track, seen.scene
        best = voted.best
        pose, missing = self._witness.pose_at(best.mono_s)
        box, size = box_of(track, scene)
        placed = track.point is not None and scene.frame is not None
        place = ground_place(track.point, scene.frame) if placed else None  # type: ignore[arg-type]
        return PlateEvent(
            phase="new",
            episode=episode,
            list=match.list,
            entry=match.entry,
            legal_basis=match.legal_basis,
            review="pending",
            confidence=min(1.0, voted.fit.confidence),
            characters=tuple(min(1.0, each) for each in voted.fit.confidences),
            reads=voted.reads,
            kind=voted.fit.plate.kind,
            colour=voted.colour,
            vehicle=Vehicle(label=track.label, colour=seen.colour),
            camera=short(scene.camera),
            track=track.track_id,
            box=box,
            frame=size,
            seen=self._witness.at(best.mono_s)[0],
            place=place,
            pose=pose,
            pose_missing=missing,
        )
