"""Known senders that are refused: each is told why, as long as there are not too many of them."""

from collections import Counter
from contextlib import suppress
from typing import Any

from telemetry.commands.answers import Answers, members_of
from telemetry.commands.journal import ARGS_BYTES, Journal, JournalError
from telemetry.commands.journal_check import Head
from telemetry.commands.judging import Claimed
from telemetry.commands.limits import Limits
from telemetry.commands.strangers import Strangers
from telemetry.commands.strict_json import canonical
from telemetry.contract.commands import COMMANDS

TALK_PER_MINUTE = 60  # refusals, and answers to repeats, of one sender; more are only counted


class Refusals:
    """One thread; others may look at `by_code`."""

    def __init__(
        self, journal: Journal, answers: Answers, strangers: Strangers, limits: Limits
    ) -> None:
        self.by_code: Counter[str] = Counter()  # since start; of strangers, too
        self._journal = journal
        self._answers = answers
        self._strangers = strangers
        self._limits = limits

    def count(self, code: str) -> None:
        self.by_code = self.by_code + Counter([code])  # replaced: others read it meanwhile

    def is_heard(self, claimed: Claimed, code: str) -> bool:
        """Count a refusal. Whether it is answered and written down by itself: whoever is refused
        without end must fill neither the journal nor the outbox."""
        self.count(code)
        heard = self._limits.allows(("refused", claimed.kid or claimed.issuer), TALK_PER_MINUTE)
        if not heard:
            self._strangers.note(code)
        return heard

    def journal(self, claimed: Claimed, code: str) -> Head | None:
        """Write it down, if the disk takes it. Returns the head that covers it."""
        with suppress(JournalError):
            return self._journal.write("refused", sync=False, code=code, **facts_of(claimed))
        return None

    def unkept(self, claimed: Claimed, code: str, words: str) -> None:
        """One of which nothing is kept: it cannot be stored, or its id is another command's."""
        if not self.is_heard(claimed, code):
            return
        self.journal(claimed, code)
        command = claimed.command
        self._answers.step(command.id, command.name, **members_of("rejected", code, words))


def facts_of(claimed: Claimed) -> dict[str, Any]:
    """Who asked for what, for the journal."""
    command = claimed.command
    args = canonical(command.args)
    kind = COMMANDS.get(command.name)
    long = len(args) > ARGS_BYTES or (kind is not None and kind.confidential)
    return {
        "id": command.id,
        "name": command.name,
        "args": None if long else command.args,
        "digest": claimed.digest if long else None,
        "issuer": command.issuer,
        "kid": claimed.kid,
        "key_of": claimed.issuer if claimed.kid else None,
    }
