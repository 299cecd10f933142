"""Commands from everybody who should not, and clocks that jump: nothing is done that must not."""

import json
import math
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from drivers.clock import SystemClock
from edge.timebase import Timebase
from telemetry.commands.journal import Journal, journal_files
from telemetry.commands.journal_check import START, check, fits
from telemetry.commands.jws import BadTokenError, PrivateKey, PublicKey, verify
from telemetry.contract.envelope import Draft
from telemetry.contract.wire_types import rfc3339_ms
from tests import stranger_signer
from tests.broker import Broker
from tests.commanded import HUB, Commanded, Doer
from tests.e2e.plain_hub import PlainHub
from tests.fakes import ManualClock
from tests.torture.trials import Stage, held, trial
from tests.unit_under_test import UnitUnderTest, position

STRANGER, OPERATOR = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
YEAR_S = 365 * 86_400.0
NAMES = ("ping", "mode.set", "siren")


# --- S-CMD-1 -------------------------------------------------------------------------------------


class Enemy:
    """Has heard every true command so far, and sends what is none."""

    def __init__(self, unit: Commanded, dice: random.Random) -> None:
        self._unit = unit
        self._dice = dice
        self.heard: list[bytes] = []  # true ones that were done
        self.kinds: dict[str, Callable[[], tuple[bytes, bool]]] = {
            "forged": lambda: (self._signed(self._claims(), STRANGER), False),
            "unknown key": lambda: (self._signed(self._claims(), STRANGER, "hub-9"), False),
            "changed": lambda: (self._changed(), False),
            "unsigned": lambda: (json.dumps(self._claims()).encode(), False),
            "replayed": lambda: (self._dice.choice(self.heard), False),
            "expired": lambda: (self._signed(self._claims(expires_at=self._at(-1))), False),
            "too old": lambda: (self._signed(self._claims(issued_at=self._at(-400))), False),
            "early": lambda: (self._signed(self._claims(issued_at=self._at(60))), False),
            "other unit": lambda: (self._signed(self._claims(unit="dog-2")), False),
            "no right": lambda: (self._siren(), False),
            "retained": lambda: (self._signed(self._claims()), True),
            "id again": lambda: (self._id_again(), False),
            "garbage": lambda: (dice.randbytes(dice.randrange(400)), False),
        }

    def _claims(self, name: str = "ping", **more: Any) -> dict[str, Any]:
        return self._unit.claims(name, **more)

    def _signed(
        self, claims: dict[str, Any], key: Ed25519PrivateKey = HUB, kid: str = "hub-1"
    ) -> bytes:
        return stranger_signer.command(key, kid, claims)

    def _at(self, seconds: float) -> str:
        return rfc3339_ms(self._unit.clock.utc() + timedelta(seconds=seconds))

    def _changed(self) -> bytes:
        data = bytearray(self._signed(self._claims()))
        data[self._dice.randrange(len(data))] ^= 1 << self._dice.randrange(7)
        return bytes(data)

    def _siren(self) -> bytes:
        return self._signed(self._claims("siren", args={"on": True}), OPERATOR, "op")

    def _id_again(self) -> bytes:
        payload = self._dice.choice(self.heard).split(b".")[1]
        claims = json.loads(stranger_signer.unb64(payload))
        return self._signed(claims | {"issuer": "somebody else", "issued_at": self._at(0)})


def audited(unit: Commanded) -> int:
    """How many messages that were not done the journal speaks of."""
    found = 0
    for record in unit.journaled():
        if record["what"] == "summary":
            found += sum(record["counts"].values())
        found += record["what"] in ("turned_away", "refused")
    return found


@trial("S-CMD-1", "no forged, replayed, late, early or stray command is ever done")
def hostile_commands(stage: Stage) -> str:
    count = stage.sized(10_000, 100_000)
    unit = Commanded(stage.folder)
    unit.install("op", OPERATOR, "operator")
    doer = Doer()
    unit.handlers |= dict.fromkeys(NAMES, doer)
    unit.pass_time(5)
    enemy, dice = Enemy(unit, random.Random(1)), random.Random(2)
    true = 0
    for number in range(count):
        if number % 50 == 0:
            true += _true_command(unit, enemy)
        payload, retained = dice.choice(list(enemy.kinds.values()))()
        unit.send_raw(payload, retained=retained)
        unit.pass_time(dice.choice((0.0, 0.2, 2.0)))
        if number % 997 == 996:
            unit.reboot(crash=dice.random() < 0.5)
        _shift_clock(unit, dice, number)
    unit.pass_time(120)
    unit.intake.close()
    held(len(doer.done) == true, f"{len(doer.done)} were done, {true} were true")
    held(len(set(doer.done)) == true, "a command was done twice")
    told = audited(unit)
    held(told >= count, f"{count} were sent, the journal speaks of {told}")
    held(check(journal_files(stage.folder / "journal")).bad is None, "the journal is not whole")
    fooled = _naive(enemy)
    held(fooled > 0, "the naive control was not fooled")
    quick_ms = _verify_ms(unit)
    held(quick_ms <= 1.0, f"verifying takes {quick_ms:.2f} ms")
    return (
        f"{count} hostile of {len(enemy.kinds)} kinds, 0 done, all in the journal; {true} true "
        f"ones done once; signature alone would do {fooled} again; verify {quick_ms:.2f} ms"
    )


def _true_command(unit: Commanded, enemy: Enemy) -> int:
    payload = stranger_signer.command(HUB, "hub-1", unit.claims())
    replies = unit.send_raw(payload)
    held(replies and replies[-1].status == "succeeded", f"a true one was not done: {replies}")
    enemy.heard.append(payload)
    return 1


def _shift_clock(unit: Commanded, dice: random.Random, number: int) -> None:
    """Now and then set the clock wrong, replay under it, and set it right."""
    if number % 100 != 99:
        return
    shift_s = dice.choice((-3600.0, 3600.0, -10 * YEAR_S, 10 * YEAR_S, -56 * YEAR_S))
    unit.clock.jump_utc(shift_s)
    unit.intake.tend()
    unit.send(unit.claims() | {"issued_at": "2026-06-01T12:00:00Z"})
    unit.clock.jump_utc(-shift_s)
    unit.pass_time(1.1)


def _naive(enemy: Enemy) -> int:
    """How many replays a unit would do that looks at nothing but the signature."""
    key = PublicKey(stranger_signer.public_text(HUB))
    done = 0
    for payload in enemy.heard:
        try:
            verify(payload, lambda _kid: key)
        except BadTokenError:
            continue
        done += 1
    return done


def _verify_ms(unit: Commanded) -> float:
    """The median of what it takes to prove and judge one."""
    taken = []
    for _ in range(200):
        payload = stranger_signer.command(HUB, "hub-1", unit.claims())
        begun_s = time.perf_counter()
        claimed = unit.judge.identify(payload, unit.clock.mono_s(), retained=False)
        unit.judge.judge(claimed, "hub", 0)
        taken.append(time.perf_counter() - begun_s)
    return statistics.median(taken) * 1e3


# --- S-LOG-1 -------------------------------------------------------------------------------------


@trial("S-LOG-1", "every change of the command journal is found", short=True)
def changed_journal(stage: Stage) -> str:
    count = stage.sized(10_000, 100_000)
    key, clock = PrivateKey.new(), ManualClock()
    journal = Journal(
        stage.folder / "journal", "dog-1", lambda: key, lambda: (clock.utc(), "ntp"), clock
    )
    for number in range(60):
        journal.write("accepted", sync=False, id=f"id-{number}", name="ping", issuer="officer 7")
    journal.close()
    data = journal_files(stage.folder / "journal")[0].read_bytes()
    path, dice = stage.folder / "journal-000001.jsonl", random.Random(3)
    missed: list[str] = []
    plain: Counter[str] = Counter()
    for _ in range(count):
        what, changed = _edited(data, dice)
        path.unlink(missing_ok=True)  # ext4 waits for the disk where a file is emptied and written
        path.write_bytes(changed)
        if check([path], key.public, [journal.head]).bad is None:
            missed.append(what)
        plain[what] += _reads_as_lines(changed)
    held(not missed, f"not found: {Counter(missed)}")
    held(plain["swap"] > 0 and plain["cut"] > 0, "the control, a plain log, found all")
    path.write_bytes(data)
    held(check([path], key.public, [journal.head]).bad is None, "the sound one is refused")
    micros = _hash_us(data)
    held(micros <= 5.0, f"hashing a record takes {micros:.1f} us")
    unseen = sum(plain.values())
    return (
        f"{count} edits, deletions, swaps and cuts, all found; a plain log shows nothing of "
        f"{unseen}; {micros:.1f} us a record"
    )


def _edited(data: bytes, dice: random.Random) -> tuple[str, bytes]:
    lines = data.splitlines(keepends=True)
    first, second = sorted(dice.sample(range(len(lines)), 2))
    match dice.randrange(4):
        case 0:
            place = dice.randrange(len(data))
            new = bytes([data[place] ^ dice.randrange(1, 256)])
            return "byte", data[:place] + new + data[place + 1 :]
        case 1:
            return "deletion", b"".join(lines[:first] + lines[first + 1 :])
        case 2:
            lines[first], lines[second] = lines[second], lines[first]
            return "swap", b"".join(lines)
        case _:
            return "cut", data[: dice.randrange(len(data))]


def _reads_as_lines(data: bytes) -> bool:
    try:
        for line in data.splitlines():
            json.loads(line)
    except ValueError:
        return False
    return True


def _hash_us(data: bytes) -> float:
    lines = data.splitlines(keepends=True)
    best_s = float("inf")
    for _ in range(50):
        begun_s, before = time.perf_counter(), START
        for line in lines:
            held(fits(before, line), "the sound one does not fit")
            before = line[9:73].decode()
        best_s = min(best_s, time.perf_counter() - begun_s)
    return best_s / len(lines) * 1e6


# --- R-CLK-1 -------------------------------------------------------------------------------------


class JumpingClock(SystemClock):
    """The computer's monotonic clock, and a time of day that somebody sets."""

    def __init__(self) -> None:
        self.shift_s = 0.0

    def utc(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self.shift_s, UTC)

    def set_to(self, moment: datetime) -> None:
        self.shift_s = moment.timestamp() - time.time()


JUMPS_S = (3600.0, -3600.0, 10 * YEAR_S, -10 * YEAR_S)
SOON_S = 3.0  # group commit, window and hub together take a tenth of it


@trial("R-CLK-1", "a clock that jumps loses nothing, stops nothing and makes nothing fresh")
def jumping_clock(stage: Stage) -> str:
    sent, slowest_s = _delivery(stage)
    steps = _messages_say_so()
    commands = _commands_under_jumps(stage.folder / "commands")
    return (
        f"{sent} messages over {len(JUMPS_S) + 1} jumps and 1,000 steps back: 0 lost, in order, "
        f"none later than {slowest_s:.1f} s; {steps} times flagged; {commands}"
    )


def _delivery(stage: Stage) -> tuple[int, float]:
    """Outbox, publisher and a real broker, while the time of day jumps."""
    clock, slowest_s, expected = JumpingClock(), 0.0, 0
    with Broker() as broker, PlainHub(broker.port) as hub:
        unit = UnitUnderTest(stage.folder, broker.port, clock=clock)

        def batch(count: int) -> float:
            nonlocal expected
            for _ in range(count):
                unit.put(_stamped(position(expected), clock), durable=False)
                expected += 1
            begun_s = time.monotonic()
            hub.wait_for(lambda h: len(h.of("position")) >= expected, 30)
            return time.monotonic() - begun_s

        try:
            batch(20)
            for jump_s in JUMPS_S:
                clock.shift_s += jump_s
                slowest_s = max(slowest_s, batch(20))
            clock.set_to(datetime(1970, 1, 1, tzinfo=UTC))
            slowest_s = max(slowest_s, batch(20))
            for _ in range(50):
                for _ in range(20):
                    clock.shift_s -= 1
                    unit.put(_stamped(position(expected), clock), durable=False)
                    expected += 1
                slowest_s = max(slowest_s, batch(1))
        finally:
            unit.stop()
        numbers = [round(each["data"]["lon_deg"] * 1e6) for each in hub.of("position")]
        sequences = [int(each["sequence"]) for each in hub.of("position")]
    held(sorted(set(numbers)) == list(range(expected)), "a position was lost")
    by_sequence = [n for _, n in sorted(zip(sequences, numbers, strict=True))]
    held(list(dict.fromkeys(by_sequence)) == list(range(expected)), "the order was lost")
    held(slowest_s <= SOON_S, f"after a jump a batch took {slowest_s:.1f} s")
    return expected, slowest_s


def _stamped(draft: Draft, clock: JumpingClock) -> Draft:
    return Draft(data=draft.data, time=clock.utc(), time_quality="rtc", priority=draft.priority)


def _messages_say_so() -> int:
    """What the time is worth stands in each message: none before it was ever set."""
    clock, told = ManualClock(datetime(1970, 1, 1, tzinfo=UTC)), 0
    timebase = Timebase(clock, synchronised=False)
    held(timebase.now()[1] == "none", "1970 was believed")
    for jump_s in (56.5 * YEAR_S, -YEAR_S * 5, YEAR_S * 5, -56.5 * YEAR_S):
        clock.jump_utc(jump_s)
        wanted = "rtc" if clock.utc().year >= 2026 else "none"
        held(timebase.now()[1] == wanted, f"{clock.utc()} was told as {timebase.now()[1]}")
        told += 1
    return told


def _commands_under_jumps(folder: Path) -> str:
    """What was given for 60 s is never begun later; what was withheld is never fresh."""
    cases = expired = withheld = 0
    for jump_s in (*JUMPS_S, -1.0, -59.0, 59.0, -56 * YEAR_S):
        for wait_s in (10.0, 61.0):
            cases += 1
            case = folder / f"{cases}"
            case.mkdir(parents=True)
            unit = Commanded(case)
            doer = Doer(long_running=True)
            unit.handlers["ping"] = doer
            unit.pass_time(5)
            kept = unit.claims()
            unit.send(unit.claims())
            unit.clock.jump_utc(jump_s)
            unit.pass_time(wait_s)
            unit.carrier.work_long(0, lambda: True)
            late = wait_s + max(0.0, jump_s) >= 60  # by either clock
            held(bool(doer.done) != late, f"jump {jump_s}, after {wait_s} s")
            expired += not doer.done
            unit.pass_time(7200)
            unit.clock.jump_utc(-7200 if jump_s > 0 else 0)
            unit.send(kept)
            unit.carrier.work_long(0, lambda: True)
            held(kept["id"] not in doer.done, f"a withheld command was done after {jump_s}")
            withheld += 1
    held(_naive_timer(folder / "naive"), "the control, expiry by the time of day, was not fooled")
    return f"{cases} commands, {expired} expired in time, {withheld} withheld ones refused"


def _naive_timer(folder: Path) -> bool:
    """The control: the same unit, but that only the time of day ends its commands."""
    folder.mkdir(parents=True)
    unit, doer = Commanded(folder), Doer(long_running=True)
    unit.handlers["ping"] = doer
    order = unit.intake._order
    unit.intake._order = lambda claimed, judged: replace(  # type: ignore[method-assign]
        order(claimed, judged), expires_mono_s=math.inf
    )
    unit.pass_time(5)
    unit.send(unit.claims())
    unit.clock.jump_utc(-3600)
    unit.pass_time(61)
    unit.carrier.work_long(0, lambda: True)
    return bool(doer.done)
