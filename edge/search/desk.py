"""The searches of a unit: begun by a hub, ended by it or by the clock, and then forgotten whole."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from config.search import SearchConfig
from drivers.clock import Clock
from edge.running.worker import Beat
from edge.search.candidates import Candidate, Candidates
from edge.search.record import Kept, SearchBook, described, in_words
from edge.search.telling import candidate_event, progress_event
from edge.seeing.look import Ending, Look
from edge.seeing.witness import Witness
from edge.tasks.memory import Memory
from perception.search.area import AreaError, SearchedArea
from telemetry.commands.handling import OrderFailedError, OrderRefusedError
from telemetry.contract.search import LONGEST_S, CandidateEnd, SearchEnd, SearchStart
from telemetry.contract.up_message import Phase
from telemetry.contract.uuid7 import uuid7
from telemetry.contract.wire_types import rfc3339_ms

MOST_SEARCHES = 4
TICK_S = 0.5
GROWN = 0.005  # share of the area: so much more is worth telling
Answer = dict[str, Any]


@dataclass(slots=True)
class _Search:
    """One search under way."""

    asked: SearchStart
    begun: datetime
    candidates: Candidates
    looks: int = 0
    looked: int = 0  # of these, since the unit started
    told: int = 0  # candidates, ever
    told_share: float = -1.0
    told_mono_s: float = float("-inf")
    placed_mono_s: float | None = None  # of the newest picture whose ground is known

    @property
    def area(self) -> SearchedArea:
        return self.candidates.area


class SearchDesk:
    """`see` and `end` are the perception thread's, `work` a worker's; orders from anywhere."""

    def __init__(
        self,
        config: SearchConfig,
        memory: Memory[SearchBook],
        witness: Witness,
        clock: Clock,
        allowed: Callable[[], bool] = lambda: True,
    ) -> None:
        """`allowed`: false while the unit saves its strength, and leaves out what is optional."""
        self._allowed = allowed
        self.drops: Counter[str] = Counter()
        self.memory = memory
        self._config = config
        self._witness = witness
        self._clock = clock
        self._lock = threading.RLock()
        self._searches: dict[str, _Search] = {}
        self._blind: list[str] = []  # replaced whole
        self._resume()

    def _resume(self) -> None:
        book = self.memory.load() or SearchBook()
        for kept in book.searches:
            try:
                self._searches[kept.asked.search] = self._made(kept)
            except AreaError:
                self.drops["area_refused"] += 1

    def _made(self, kept: Kept) -> _Search:
        """Raises AreaError."""
        corners = [(corner.lat_deg, corner.lon_deg) for corner in kept.asked.area]
        area = SearchedArea.of(corners, kept.seen)
        candidates = Candidates(self._config, described(kept.asked), area)
        return _Search(kept.asked, kept.begun, candidates, looks=kept.looks, told=kept.candidates)

    # --- orders ---

    def check(self, wanted: SearchStart) -> None:
        """Raises OrderRefusedError."""
        now = self._witness.now()
        if wanted.expires_at <= now:
            raise OrderRefusedError("invalid_arguments", "expires_at is past")
        if wanted.expires_at > now + timedelta(seconds=LONGEST_S):
            raise OrderRefusedError("invalid_arguments", "a search lasts 24 hours at most")
        with self._lock:
            others = self._searches.keys() - {wanted.search}
        if len(others) >= MOST_SEARCHES:
            raise OrderRefusedError("busy", f"{MOST_SEARCHES} searches are under way")
        try:
            SearchedArea([(corner.lat_deg, corner.lon_deg) for corner in wanted.area])
        except AreaError as error:
            raise OrderRefusedError("invalid_arguments", f"area: {error}") from error

    def start(self, wanted: SearchStart, by: str) -> Answer:
        """Raises OrderRefusedError, OrderFailedError."""
        self.check(wanted)
        with self._lock:
            if wanted.search in self._searches:
                self._close(wanted.search, "replaced")
            search = self._made(Kept(asked=wanted, begun=self._witness.now()))
            self._searches[wanted.search] = search
            if not self._save():
                del self._searches[wanted.search]
                raise OrderFailedError("storage", f"it cannot be kept: {self.memory.fault}")
            self._progress(search, "new")
        self._note("search_started", wanted, by)
        return {"search": wanted.search, "expires_at": rfc3339_ms(wanted.expires_at)}

    def stop(self, name: str, by: str, reason: str = "") -> Answer:
        """Raises OrderRefusedError."""
        self.check_stop(name)
        with self._lock:
            search = self._close(name, "stopped")
            self._save()
        self._note("search_stopped", search.asked, by, reason)
        return {"search": name, "searched": round(search.area.share, 4), "candidates": search.told}

    def check_stop(self, name: str) -> None:
        with self._lock:
            if name not in self._searches:
                raise OrderRefusedError("wrong_state", "no search of this name is under way")

    def status(self) -> list[Answer]:
        with self._lock:
            return [
                {
                    "search": each.asked.search,
                    "kind": each.asked.kind,
                    "wanted": in_words(each.asked),
                    "expires_at": rfc3339_ms(each.asked.expires_at),
                    "legal_basis": each.asked.legal_basis,
                    "searched": round(each.area.share, 4),
                    "looks": each.looks,
                    "candidates": len(each.candidates.told()),
                    "placed": each.placed_mono_s is not None,
                    "paused": not self._allowed(),
                }
                for each in self._searches.values()
            ]

    def blind(self, after_s: float = 60.0) -> list[str]:
        """Searches that look, but never at ground that is known: their area cannot be told.

        While a slow disk holds up the searches, what was last known: the health report waits for
        nobody.
        """
        now_s = self._clock.mono_s()
        if not self._allowed():
            return []
        if self._lock.acquire(blocking=False):
            try:
                self._blind = [
                    name
                    for name, each in self._searches.items()
                    if each.looked >= 10
                    and (each.placed_mono_s is None or now_s - each.placed_mono_s > after_s)
                ]
            finally:
                self._lock.release()
        return self._blind

    # --- the perception thread ---

    def see(self, look: Look) -> None:
        if not self._searches or not self._allowed():
            return
        with self._lock:
            for search in self._searches.values():
                self._see(search, look)

    def _see(self, search: _Search, look: Look) -> None:
        search.looks += 1
        search.looked += 1
        scene, mono_s = look.scene, look.frame.mono_s
        if scene.footprint is not None and scene.frame is not None:
            search.placed_mono_s = mono_s
            search.area.see(scene.footprint, scene.frame)
        for found in search.candidates.see(look, self._unit_inside(search, mono_s)):
            self._follow(search, found, mono_s)
        for found in search.candidates.gone(mono_s):
            self._tell(search, found, "end", "left")

    def _unit_inside(self, search: _Search, mono_s: float) -> bool:
        position = self._witness.whereabouts.at(mono_s)
        return position is not None and search.area.holds(position.lat_deg, position.lon_deg)

    def _follow(self, search: _Search, found: Candidate, mono_s: float) -> None:
        """Tell of a candidate what is new."""
        if not search.candidates.likely(found):
            if found.episode is not None:
                self._tell(search, found, "end", "unlike")
            return
        if found.episode is None:
            try:
                other = search.candidates.outranked_by(found)
            except LookupError:
                self.drops["outranked"] += 1
                return
            if other is not None:
                self._tell(search, other, "end", "outranked")
            found.episode = uuid7(self._witness.at(mono_s)[0])
            search.told += 1
            self._tell(search, found, "new")
        elif mono_s - found.told_mono_s >= self._config.update_every_s:
            self._tell(search, found, "update")

    def end(self, camera: str, reason: Ending, mono_s: float) -> None:  # noqa: ARG002 - own stamps
        with self._lock:
            for search in self._searches.values():
                for found in search.candidates.of_camera(camera):
                    self._tell(search, found, "end", "left" if reason == "camera_lost" else "unit")

    # --- the worker ---

    def work(self, beat: Beat, stop: threading.Event) -> None:
        while not stop.wait(TICK_S):
            beat()
            self.tick()
        with self._lock:
            if self._searches:
                self._save()

    def tick(self) -> None:
        """What is due by the clock: searches end, and what was seen of their area is told."""
        now, now_s = self._witness.now(), self._clock.mono_s()
        with self._lock:
            for name, search in list(self._searches.items()):
                if now >= search.asked.expires_at:
                    self._close(name, "expired")
                    self._save()
                    self._note("search_expired", search.asked, None)
                elif now_s - search.told_mono_s >= self._config.progress_every_s:
                    grown = search.area.share - search.told_share
                    search.told_mono_s = now_s
                    if grown >= GROWN:
                        self._progress(search, "update")
                        self._save()

    # --- what it tells ---

    def _close(self, name: str, reason: SearchEnd) -> _Search:
        """Tell the ends, and forget all of it. Under the lock."""
        search = self._searches.pop(name)
        why: CandidateEnd = "expired" if reason == "expired" else "stopped"
        for found in search.candidates.told():
            self._tell(search, found, "end", why)
        self._progress(search, "end", reason)
        return search

    def _progress(self, search: _Search, phase: Phase, reason: SearchEnd | None = None) -> None:
        event = progress_event(search.asked, search.area, phase, reason, search.looks, search.told)
        search.told_share, search.told_mono_s = event.searched, self._clock.mono_s()
        self._witness.tell(event, None)

    def _tell(
        self, search: _Search, found: Candidate, phase: Phase, reason: CandidateEnd | None = None
    ) -> None:
        event = candidate_event(search.asked, found, phase, reason, self._witness)
        if event is None:
            return
        mono_s = found.evidence.last_mono_s
        self._witness.tell(event, mono_s, search.asked.priority)
        found.told_mono_s = mono_s
        if phase == "end":
            found.episode = None

    def _save(self) -> bool:
        """On the disk, and nothing of what is over."""
        kept = tuple(
            Kept(
                asked=each.asked,
                begun=each.begun,
                seen=each.area.packed(),
                looks=each.looks,
                candidates=each.told,
            )
            for each in self._searches.values()
        )
        if kept:
            return self.memory.save(SearchBook(searches=kept))
        self.memory.remove()
        return True

    def _note(self, what: str, asked: SearchStart, by: str | None, reason: str = "") -> None:
        self._witness.note(
            what,
            search=asked.search,
            kind=asked.kind,
            legal_basis=asked.legal_basis,
            reason=reason or asked.reason or None,
            by=by,
        )
