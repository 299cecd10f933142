"""What nobody known has signed: answered a little, counted whole, told as tampering."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from telemetry.commands.answers import Answers, members_of
from telemetry.commands.journal import Journal, JournalError
from telemetry.commands.judging import UnprovedError
from telemetry.commands.limits import Limits

TELL_S = 60.0  # between two summaries
PER_MINUTE = 30  # answers, and journal records of their own
# What nobody sends by mistake of a date: somebody may be meddling.
SUSPICIOUS = frozenset(
    {"bad_signature", "unknown_key", "key_revoked", "unsigned", "malformed", "too_large"}
)


class Strangers:
    """One thread."""

    def __init__(self, journal: Journal, answers: Answers, limits: Limits) -> None:
        self._journal = journal
        self._answers = answers
        self._limits = limits
        self._suspicious: Counter[str] = Counter()  # since the last event
        self._crowd: Counter[str] = Counter()  # not journaled one by one
        self._told_s = float("-inf")

    def turn_away(self, error: UnprovedError, is_known: Callable[[str], bool]) -> None:
        """Nothing is remembered under the id that the message claims.

        `is_known`: whether a true command has this id; a forger shall not speak over its answer.
        """
        if error.code in SUSPICIOUS and not error.keyless:
            self._suspicious[error.code] += 1
        if not self._limits.allows("unproved", PER_MINUTE):
            self._crowd[error.code] += 1
            return
        command, name = error.command or (None, None)
        with suppress(JournalError):
            self._journal.write(
                "turned_away", sync=False, code=error.code, id=command, name=name, kid=error.kid
            )
        if command is not None and name is not None and not is_known(command):
            self._answers.step(command, name, **members_of("rejected", error.code, str(error)))

    def note(self, what: str) -> None:
        """A repeat, or a known sender's refusal among too many: no forgery, but whoever reads the
        journal shall see how many there were."""
        self._crowd[what] += 1

    def tell(self, now_s: float) -> None:
        """Sum up what was not told one by one, if it is time. Raises nothing."""
        if now_s - self._told_s < TELL_S or not (self._crowd or self._suspicious):
            return
        self._told_s = now_s
        if self._crowd:
            with suppress(JournalError):
                self._journal.write("summary", sync=False, counts=dict(self._crowd))
                self._crowd.clear()
        if self._suspicious:
            causes = ", ".join(f"{n} {code}" for code, n in sorted(self._suspicious.items()))
            words = f"commands that nobody known has signed: {causes}"
            self._answers.tamper("command_forged", words, self._suspicious.total())
            self._suspicious.clear()
