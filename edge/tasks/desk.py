"""The desk where all that concerns tasks and duty comes together: one lock, one book, one file.

Orders, the crew and the clock make their moves here, from whatever thread. A move is made on a
page; the page is written to the disk with its events, and only then are the events handed on.
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import structlog

from config.operations import TasksConfig
from drivers.gnss.guard import distance_m
from edge.positioning.whereabouts import UnitPosition
from edge.tasks import moves
from edge.tasks.arrival import ArrivalWatch, Sight
from edge.tasks.journey import Journey, News
from edge.tasks.life import Act
from edge.tasks.memory import Memory
from edge.tasks.page import Page, Signs
from edge.tasks.record import Book, Place, Stamp, Task
from edge.tasks.teller import Teller
from telemetry.contract.envelope import Draft
from telemetry.contract.tasks import PRIORITY_OF_KIND, Ring

T = TypeVar("T")

TIDY_EVERY_S = 5.0  # what the outbox was late to store is crossed out
SAVE_EVERY_S = 60.0  # what was learned under way

Report = Callable[[Draft], None]
Now = Callable[[float | None], Stamp]  # of a monotonic stamp; None: now


class Desk:
    """See the module. `book` may be read from any thread: it is replaced, never changed."""

    def __init__(
        self,
        config: TasksConfig,
        journey: Journey,
        memory: Memory[Book],
        teller: Teller,
        now: Now,
        report: Report,
    ) -> None:
        self.memory = memory
        self._config = config
        self._journey = journey
        self._teller = teller
        self._now = now
        self._report = report
        self._lock = threading.RLock()
        self._log = structlog.get_logger()
        book = memory.load() or Book()
        self.book = replace(book, untold=teller.resume(book.untold))
        self._journey.paces = dict(self.book.paces)
        self._homecoming: tuple[Place, ArrivalWatch] | None = None
        self._saved_s = self._now(None).mono_s
        self._told_s = float("-inf")
        self._told_ring: Ring | None = None
        self._begun = False

    def begin(self) -> None:
        """The first words of this run."""
        if self.memory.lost is not None and not self._begun:
            self.do(Page.start_anew)
        self._begun = True

    # --- moves, any thread ---

    def do(self, move: Callable[[Page], T]) -> T:
        """Make a move, write it down, tell of it. Raises what the move raises; then nothing was."""
        with self._lock:
            page = self._page()
            result = move(page)
            self._commit(page)
            return result

    def would(self, move: Callable[[Page], T]) -> T:
        """What the move would give; nothing is changed. Raises what the move raises."""
        with self._lock:
            return move(self._page())

    def signs(self, task: Task) -> Signs:
        with self._lock:
            return self._journey.signs(task)

    def _page(self) -> Page:
        return Page(self.book, self._now(None), self._journey.signs)

    def _commit(self, page: Page) -> None:
        if page.book is self.book and not page.events:
            return
        untold = (*self._teller.settled(self.book.untold), *page.events)
        self._save(replace(page.book, untold=untold))
        for event in page.events:
            self._log.info("told", type=event.type, **_in_short(event.data))
        self._teller.tell(untold)
        # Crossed out at once: only a crash between the two disks repeats an event.
        left = self._teller.settled(untold)
        if left != untold:
            self._save(replace(self.book, untold=left))

    def _save(self, book: Book) -> None:
        """Into the file, with what was learned under way; in memory at least."""
        current = book.current
        if current is not None and current.route:
            book = book.with_task(replace(current, way_m=self._journey.way_m(current)))
        self.book = replace(book, paces=dict(self._journey.paces))
        self._saved_s = self._now(None).mono_s
        self.memory.save(self.book)

    # --- the clock and the fixes: the worker's thread ---

    def tick(self, position: UnitPosition | None) -> None:
        """Look at the clock and the newest position. A few times a second."""
        with self._lock:
            self._journey.mode = self.book.mode
            page = self._page()
            for news, since_s in self._journey.see(position, page.book.current):
                self._take_note(page, news, since_s)
            moves.keep_time(page)
            self._look_for_home(page, position)
            self._commit(page)
            self._tidy()
            self._tell_progress()

    def _take_note(self, page: Page, news: News, since_s: float) -> None:
        """What the motion shows; what the crew has said already is not said again."""
        task = page.book.current
        if task is None:
            return
        if news in ("off_route", "back_on_route"):
            page.note(replace(task, off_route=news == "off_route"), news)
        elif (news, task.state) in _SHOWN:
            page.step(task, _SHOWN[news, task.state], at=self._at(task, since_s))

    def _at(self, task: Task, since_s: float) -> Stamp:
        """When it was, but no earlier than the step before: a fix may be a little older."""
        before = task.moving or task.acknowledged or task.received
        same_boot = before.boot == self._now(None).boot
        return self._now(max(since_s, before.mono_s) if same_boot else since_s)

    def _look_for_home(self, page: Page, position: UnitPosition | None) -> None:
        """A unit that returns to its post stands by when it is there."""
        post = page.book.post
        if page.book.duty != "returning" or post is None or position is None:
            self._homecoming = None
            return
        if self._homecoming is None or self._homecoming[0] != post:
            self._homecoming = (post, ArrivalWatch(self._config, self._config.arrive_within_m))
        sight = Sight(
            mono_s=position.epoch.mono_s,
            distance_m=distance_m((position.lat_deg, position.lon_deg), post),
            error_m=position.error_m,
            speed_mps=self._journey.speed_mps,
        )
        if self._homecoming[1].see(sight) is not None:
            page.set_duty("standby", "task")

    def _tidy(self) -> None:
        """Cross out what was told, keep what was learned, try again where the disk refused."""
        since_s = self._now(None).mono_s - self._saved_s
        self._teller.tell(self.book.untold)
        left = self._teller.settled(self.book.untold)
        changed = left != self.book.untold or self.memory.fault is not None
        learned = self._journey.paces != self.book.paces
        if (changed and since_s >= TIDY_EVERY_S) or (learned and since_s >= SAVE_EVERY_S):
            self._save(replace(self.book, untold=left))

    def _tell_progress(self) -> None:
        task, now = self.book.current, self._now(None)
        if task is None or task.state != "en_route":
            self._told_ring = None
            return
        ring = self._journey.signs(task).ring
        if now.mono_s - self._told_s < self._config.progress_every_s and ring == self._told_ring:
            return
        self._told_s, self._told_ring = now.mono_s, ring
        event = Page(self.book, now, self._journey.signs).event(task, "progress")
        self._report(
            Draft(
                data=event,
                time=now.utc,
                time_quality=now.quality,
                priority=PRIORITY_OF_KIND["progress"],
            )
        )

    def close(self) -> None:
        """The last words of this run: what the next one need not say again."""
        with self._lock:
            left = self._teller.settled(self.book.untold)
            if left != self.book.untold or self._journey.paces != self.book.paces:
                self._save(replace(self.book, untold=left))


_SHOWN: dict[tuple[News, str], Act] = {
    ("set_out", "acknowledged"): "set_out",
    ("arrive", "acknowledged"): "arrive",
    ("arrive", "en_route"): "arrive",
    ("leave", "arrived"): "leave",
}


def _in_short(data: dict[str, object]) -> dict[str, object]:
    """An event for the log: which one, not all it says."""
    names = ("task", "kind", "state", "duty", "previous", "step", "cause")
    return {name if name != "kind" else "what": data[name] for name in names if name in data}
