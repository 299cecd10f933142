"""What a hub must know first: stored and sent when a connection stands, before anything else."""

from collections.abc import Callable, Iterable, Sequence

from drivers.clock import Clock
from telemetry.contract.envelope import Draft
from telemetry.outbox.facts import Receipt
from telemetry.outbox.outbox import Outbox

BIRTH_S = 2.0  # how long other messages wait for it to be on its way
AGAIN_S = 60.0  # one that is still on its way after so long is repeated


class Births:
    """Used by the publisher's thread."""

    def __init__(self, outbox: Outbox, birth: Callable[[], Sequence[Draft]], clock: Clock) -> None:
        self._outbox = outbox
        self._birth = birth
        self._clock = clock
        self._given_s = clock.mono_s()
        self.receipts: list[Receipt] = []  # until they have left the unit

    def give(self, *, again: bool = False) -> None:
        """Store one; unless the last is still on its way, or a hub asks for it `again`."""
        now_s = self._clock.mono_s()
        if again or not self.receipts or now_s - self._given_s > AGAIN_S:
            self._given_s = now_s
            self.receipts = [self._outbox.put(draft, durable=False) for draft in self._birth()]

    def held_until_s(self, connected_s: float) -> float:
        """Nothing passes the birth, unless the disk takes too long over it."""
        born = all(receipt.stored or receipt.dropped for receipt in self.receipts)
        return 0.0 if born else connected_s + BIRTH_S

    def left(self, sequences: Iterable[int]) -> None:
        """These have left the unit."""
        gone = set(sequences)
        self.receipts = [each for each in self.receipts if each.sequence not in gone]
