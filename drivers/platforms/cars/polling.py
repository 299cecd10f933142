"""Whose turn it is: questions to a car, the urgent ones on time, the others when there is time."""

from drivers.platforms.cars.obd import (
    ARE_YOU_THERE,
    CURRENT_DATA,
    QUERIES,
    Query,
    lists_for_queries,
)

GIVEN_UP_AFTER = 6  # times that it was never answered, while others are
AGAIN_AFTER_S = 5.0  # what was missed
AWAY_AFTER = 4  # questions in a row without an answer: the car sleeps, or is not there
AWAY_EVERY_S = 10.0  # seldom: a question may wake a sleeping car and drain its battery


class Polling:
    """One question at a time. What the car does not do is asked no more; a car that answers
    nothing is asked whether it is there, seldom."""

    def __init__(self, never: frozenset[int] = frozenset()) -> None:
        """`never`: what is not asked, since something else tells it better."""
        self._never = never
        self._due_s: dict[Query, float] = {}
        self._misses: dict[Query, int] = {}
        self._answered: set[Query] = set()
        self._missed_in_a_row = 0
        self._missed_s = 0.0
        self.answering = False
        self._restart()

    def _restart(self) -> None:
        """Another car, or the same after a night: everything may be asked again."""
        queries = (*lists_for_queries(), *QUERIES)
        self._due_s = dict.fromkeys(queries, float("-inf"))
        self._misses = dict.fromkeys(queries, 0)
        self._answered = set()
        self.drop(self._never)

    @property
    def away(self) -> bool:
        """Nobody answers."""
        return self._missed_in_a_row >= AWAY_AFTER

    def next(self, now_s: float, *, awake: bool = False) -> Query | None:
        """The question that is most overdue for its pace; None: nothing is due.

        `awake`: something else says that the car is, so that a question wakes nobody.
        """
        if not self.answering:
            every_s = ARE_YOU_THERE.every_s if awake else AWAY_EVERY_S
            return ARE_YOU_THERE if now_s - self._missed_s >= every_s or not self.away else None
        due = [query for query, due_s in self._due_s.items() if due_s <= now_s]
        # Never asked before late; of those, what is asked most often.
        return max(due, key=lambda each: (now_s - self._due_s[each]) / each.every_s, default=None)

    def answered(self, query: Query, now_s: float) -> None:
        if self.away:
            self._restart()
        self._missed_in_a_row = 0
        self.answering = True
        self._answered.add(query)
        self._misses[query] = 0
        self._due_s[query] = now_s + query.every_s

    def missed(self, query: Query, now_s: float) -> None:
        if not self.answering or query in self._answered:
            self._missed_in_a_row += 1  # of one that it never answered nothing follows
        if self.away:
            self.answering = False
            self._missed_s = now_s
            return
        self._misses[query] = self._misses.get(query, 0) + 1
        never = self.answering and query not in self._answered
        if never and self._misses[query] >= GIVEN_UP_AFTER:
            self._due_s.pop(query, None)
        elif query in self._due_s:
            self._due_s[query] = now_s + min(query.every_s, AGAIN_AFTER_S)

    def refused(self, query: Query, now_s: float) -> None:
        """The car said that it does not do this one."""
        self.answered(query, now_s)
        self._due_s.pop(query, None)

    def drop(self, pids: frozenset[int]) -> None:
        """The car listed what it does, and these are not among it."""
        for query in list(self._due_s):
            if query.service == CURRENT_DATA and query.pid in pids:
                del self._due_s[query]
