"""Commands, repeats, crashes, clocks and damage in any order: at most once, and never late."""

import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from telemetry.commands.handling import Order, Progress
from telemetry.commands.trusted_time import BACK_S
from telemetry.commands.upkeep import REMEMBER_S
from telemetry.contract.wire_types import rfc3339_ms
from tests.commanded import Commanded, Doer

GIVEN_S = 60.0
# What a clock that was set back may gain at most: the tolerance for steering, and after a crash the
# time since the mark was last written.
SLACK_S = BACK_S + REMEMBER_S + 5
EPOCH = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Commanding(RuleBasedStateMachine):
    """The hub's clock is right, and is the monotonic one; the unit's goes as somebody sets it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="model-"))
        self.unit = Commanded(self.folder)
        self.doer = Doer(act=self._act)
        self.unit.handlers["ping"] = self.doer
        self.begun_s = self.unit.clock.mono_s()
        self.sent: list[dict[str, Any]] = []
        self.issued_s: dict[str, float] = {}
        self.done_s: dict[str, float] = {}
        self.shift_s = 0.0
        self.not_remembered: set[str] = set()
        self.unit.pass_time(5)

    def teardown(self) -> None:
        self.unit.intake.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _act(self, order: Order, _progress: Progress) -> None:
        self.done_s[order.id] = self.unit.clock.mono_s()

    def _true_utc(self) -> datetime:
        return EPOCH + timedelta(seconds=self.unit.clock.mono_s() - self.begun_s)

    @rule(withhold=st.booleans())
    def command(self, withhold: bool) -> None:
        now = self._true_utc() + timedelta(milliseconds=1)
        ends = now + timedelta(seconds=GIVEN_S)
        claims = self.unit.claims(issued_at=rfc3339_ms(now), expires_at=rfc3339_ms(ends))
        self.sent.append(claims)
        self.issued_s[claims["id"]] = self.unit.clock.mono_s()
        if not withhold:
            self.unit.send(claims)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def again(self, data: st.DataObject) -> None:
        self.unit.send(data.draw(st.sampled_from(self.sent)))

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def another_under_this_id(self, data: st.DataObject) -> None:
        self.unit.send(data.draw(st.sampled_from(self.sent)) | {"issuer": "somebody else"})

    @rule(seconds=st.sampled_from([1, 30, 61, 700, 90_000]))
    def wait(self, seconds: int) -> None:
        for _ in range(min(seconds, 20)):
            self.unit.pass_time(seconds / min(seconds, 20))

    @rule(seconds=st.sampled_from([-1, -9, -700, -90_000, -86_400 * 3650, 5, 3600, 86_400 * 3650]))
    def set_clock(self, seconds: int) -> None:
        self.shift_s += seconds
        self.unit.clock.jump_utc(seconds)
        self.unit.intake.tend()

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), crash=st.booleans())
    def replay_under_the_clock_of_then(self, data: st.DataObject, crash: bool) -> None:
        claims = data.draw(st.sampled_from(self.sent))
        then = datetime.fromisoformat(claims["issued_at"]) + timedelta(seconds=1)
        back_s = (then - self.unit.clock.utc()).total_seconds()
        self.shift_s += back_s
        self.unit.clock.jump_utc(back_s)
        if crash:
            self.unit.reboot(crash=True, off_s=1)
        self.unit.send(claims)

    @rule()
    def set_clock_right(self) -> None:
        self.unit.clock.jump_utc(-self.shift_s)
        self.shift_s = 0.0
        self.unit.intake.tend()

    @rule(crash=st.booleans(), off_s=st.sampled_from([1, 100]))
    def reboot(self, crash: bool, off_s: int) -> None:
        """With the first minute, in which the time that it finds must stand before it counts."""
        self.unit.reboot(crash=crash, off_s=off_s)
        for _ in range(13):
            self.unit.pass_time(5)

    @rule()
    def damage(self) -> None:
        # Of these the unit knew that it had refused them, for a clock that was wrong, say. Without
        # its memory, and under a clock that is wrong anew, it may do one, once; never one it did.
        self.not_remembered |= self.issued_s.keys() - self.done_s.keys()
        self.unit.intake.close()
        for ending in ("-wal", "-shm"):
            (self.folder / f"commands.db{ending}").unlink(missing_ok=True)
        (self.folder / "commands.db").write_bytes(b"garbage" * 999)
        self.unit.reboot(off_s=1)

    @invariant()
    def nothing_is_done_twice(self) -> None:
        assert len(self.doer.done) == len(set(self.doer.done))

    @invariant()
    def nothing_is_done_late(self) -> None:
        for command, done_s in self.done_s.items():
            if command in self.not_remembered:
                continue
            assert done_s - self.issued_s[command] <= GIVEN_S + SLACK_S

    @invariant()
    def the_journal_knows_all_that_was_done(self) -> None:
        assert self.unit.journal.broken is None


TestCommanding = Commanding.TestCase
TestCommanding.settings = settings(
    max_examples=50,
    derandomize=True,  # the same each time: a find is for whoever looks, not for a busy machine
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
