"""The commanding of a unit as it runs: its inbox, its two workers, its time to answer."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.loading import load
from drivers.clock import SystemClock
from edge.commands import inbox
from edge.commands.commanding import Commanding
from edge.local.asking import NoUnitError, ask
from edge.local.control import Call, LocalControl
from edge.reporting.command_findings import command_findings
from edge.running.worker import Worker
from edge.timebase import Timebase
from telemetry.commands.handling import OrderRefusedError
from telemetry.commands.journal import journal_files
from telemetry.commands.journal_check import check
from telemetry.commands.keyring import KeyringFile, write_keyring
from telemetry.commands.keys import KeyEntry
from telemetry.contract.events import TamperEvent
from telemetry.contract.replies import Reply
from telemetry.contract.uuid7 import uuid7
from telemetry.contract.wire_types import rfc3339_ms
from telemetry.link.transport import Arrived
from tests import stranger_signer
from tests.commanded import Box, Doer
from tests.e2e.unit_process import write_unit_file
from tests.unit_under_test import wait_for

HUB = Ed25519PrivateKey.generate()


class Unit:
    """Its commanding alone, with the outbox's place taken by a list."""

    def __init__(self, folder: Path, **security: Any) -> None:
        self.box = Box()
        self.state = folder / "state"
        self.state.mkdir(mode=0o700, exist_ok=True)
        self.install("hub-1", days=365)
        file = write_unit_file(folder, "mqtt://127.0.0.1:1", security=security)
        clock = SystemClock()
        timebase = Timebase(clock, synchronised=True)
        self.made = Commanding(load(file).settings, clock, timebase, self.box)
        self.stop = threading.Event()

    def install(self, kid: str, *, days: float, **more: Any) -> None:
        entry = KeyEntry(
            kid=kid,
            public=stranger_signer.public_text(HUB),
            issuer="hub",
            roles=("commander",),
            not_after=datetime.now(UTC) + timedelta(days=days),
            **more,
        )
        write_keyring(self.state / "keyring.json", KeyringFile(keys=(entry,)))

    def send(self, name: str = "ping") -> str:
        now = datetime.now(UTC)
        claims = {
            "id": uuid7(now),
            "name": name,
            "args": {"text": "x"} if name == "speak" else {},
            "issuer": "officer 7",
            "issued_at": rfc3339_ms(now),
            "expires_at": rfc3339_ms(now + timedelta(seconds=60)),
            "unit": "car-07",
        }
        self.made.hear(Arrived("c", stranger_signer.command(HUB, "hub-1", claims), retained=False))
        return str(claims["id"])

    def end_of(self, command: str) -> Reply | None:
        replies = [d.data for d in self.box.drafts if isinstance(d.data, Reply)]
        over = ("succeeded", "rejected", "failed", "cancelled")
        return next((r for r in replies if r.command == command and r.status in over), None)


@contextmanager
def working(unit: Unit) -> Iterator[list[Worker]]:
    clock = SystemClock()
    workers = [
        Worker(name, lambda beat, w=work: w(beat, unit.stop), unit.stop, clock, essential=False)
        for name, work in (("commands", unit.made.work), ("long", unit.made.work_long))
    ]
    for worker in workers:
        worker.start()
    try:
        assert wait_for(lambda: unit.made.health().intake.ready)
        yield workers
    finally:
        unit.stop.set()
        assert all(worker.join(10) for worker in workers)


def test_what_it_cannot_do_is_refused_within_200_ms(tmp_path: Path) -> None:
    unit = Unit(tmp_path)
    with working(unit):
        taken = []
        for _ in range(10):
            begun_s = time.monotonic()
            command = unit.send("speak")
            assert wait_for(lambda c=command: unit.end_of(c))
            taken.append(time.monotonic() - begun_s)
            end = unit.end_of(command)
            assert end is not None
            assert end.code == "unsupported"
    assert min(taken) < 0.2


def test_a_quick_one_is_done_while_a_long_one_is_busy(tmp_path: Path) -> None:
    unit, go = Unit(tmp_path), threading.Event()

    def slow(_order: Any, progress: Any) -> None:
        while not go.wait(0.05):
            progress(1, "on it")

    unit.made.register("config.apply", Doer())
    unit.made.register("ping", Doer())
    unit.made.register("rebirth", Doer(act=slow, long_running=True))
    with working(unit):
        long = unit.send("rebirth")
        assert wait_for(lambda: unit.end_of(unit.send("ping")) or unit.made._carrier.step_of(long))
        quick = unit.send("ping")
        assert wait_for(lambda: unit.end_of(quick))
        assert unit.end_of(long) is None
        go.set()
        assert wait_for(lambda: unit.end_of(long))


def test_a_long_one_that_crashes_its_worker_is_told_and_the_next_is_done(tmp_path: Path) -> None:
    unit, crash = Unit(tmp_path), [True]

    def act(*_: Any) -> None:
        if crash.pop():
            raise ZeroDivisionError

    unit.made.register("ping", Doer(act=act, long_running=True))
    with working(unit) as workers:
        first = unit.send()
        assert wait_for(lambda: unit.end_of(first), 15)
        crash.append(False)
        second = unit.send()
        assert wait_for(lambda: unit.end_of(second), 15)
    assert workers[1].crashes == 1
    ends = [unit.end_of(first), unit.end_of(second)]
    assert [each.code or each.status for each in ends if each] == ["crashed", "succeeded"]


def test_a_full_inbox_is_counted_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "INBOX", 5)
    unit = Unit(tmp_path)
    unit.made.register("ping", Doer())
    sent = [unit.send() for _ in range(8)]
    assert unit.made.health().overflow == 3
    with working(unit):
        assert wait_for(lambda: all(unit.end_of(each) for each in sent[:5]))
        assert not any(unit.end_of(each) for each in sent[5:])
        again = unit.send()
        assert wait_for(lambda: unit.end_of(again))


def test_what_the_broker_kept_takes_no_place_of_a_true_command(tmp_path: Path) -> None:
    unit = Unit(tmp_path)
    unit.made.register("ping", Doer())
    for _ in range(1000):
        unit.made.hear(Arrived("c", b"kept long ago", retained=True))
    sent = unit.send()
    with working(unit):
        assert wait_for(lambda: unit.end_of(sent))
        refused = unit.made.health().intake.refused
    assert 0 < refused["retained"] < 1000
    assert unit.made.health().overflow == 1000 - refused["retained"]


def test_no_words_of_the_crew_break_the_journal(tmp_path: Path) -> None:
    unit = Unit(tmp_path)
    local = LocalControl(unit.state, SystemClock())
    unit.made.serve_locally(local)
    with working(unit):
        crew = threading.Thread(target=lambda: local.work(lambda: None, unit.stop))
        crew.start()
        assert wait_for(lambda: answers(unit.state))
        ask(unit.state, "control.take", {"reason": "x" * 65_400})
    crew.join(10)
    verdict = check(journal_files(unit.state / "journal"))
    assert (verdict.bad, verdict.torn_bytes) == (None, 0)


def test_refusals_of_the_crew_do_not_push_the_evidence_out(tmp_path: Path) -> None:
    unit = Unit(tmp_path)
    local = LocalControl(unit.state, SystemClock())
    unit.made.serve_locally(local)
    local.register("duty.set", _refuse)
    with working(unit):
        crew = threading.Thread(target=lambda: local.work(lambda: None, unit.stop))
        crew.start()
        assert wait_for(lambda: answers(unit.state))
        for _ in range(60):
            with pytest.raises(OrderRefusedError):
                ask(unit.state, "duty.set", {"duty": "?"})
    crew.join(10)
    written = b"".join(path.read_bytes() for path in journal_files(unit.state / "journal"))
    assert 30 <= written.count(b'"code":"wrong_state"') <= 45


def _refuse(_call: Call) -> None:
    raise OrderRefusedError("wrong_state", "for the test")


def answers(state: Path) -> bool:
    try:
        ask(state, "ping")
    except NoUnitError:
        return False
    return True


def test_only_what_the_contract_names_can_have_a_handler(tmp_path: Path) -> None:
    unit = Unit(tmp_path)
    unit.made.register("ping", Doer())
    for name in ("ping", "dance"):
        with pytest.raises(ValueError, match="no command of the contract"):
            unit.made.register(name, Doer())
    assert unit.made.capabilities() == ("cancel", "ping")


def faults(unit: Unit) -> list[str]:
    return [finding.code for finding in command_findings(unit.made.health())]


def test_what_is_wrong_with_keys_is_a_fault(tmp_path: Path) -> None:
    unit = Unit(tmp_path)
    with working(unit):
        assert faults(unit) == []
        unit.install("hub-1", days=20)
        assert wait_for(lambda: faults(unit) == ["keys_expiring"])
        unit.install("hub-1", days=20, revoked_at=datetime.now(UTC))
        assert wait_for(lambda: faults(unit) == ["keys_over"])
        unit.install("hub-1", days=400)
        assert wait_for(lambda: faults(unit) == [])
        unit.install("hub-1", days=-1)
        assert wait_for(lambda: faults(unit) == ["keys_over"])
        (unit.state / "keyring.json").write_text("{")
        assert wait_for(lambda: faults(unit) == ["keyring_unreadable"])
        (unit.state / "keyring.json").unlink()
        assert wait_for(lambda: faults(unit) == ["keyring_missing"])


def test_the_bench_is_a_fault(tmp_path: Path) -> None:
    assert faults(Unit(tmp_path, commands="unsigned")) == ["commands_unsigned"]


def test_a_state_folder_that_takes_nothing_is_told(tmp_path: Path) -> None:
    unit = Unit(tmp_path)
    (unit.state / "journal").write_text("in the way")
    unit.made.register("ping", Doer())
    with working(unit):
        command = unit.send()
        assert wait_for(lambda: unit.end_of(command))
        end = unit.end_of(command)
        assert end is not None
        assert end.code == "storage"
        assert wait_for(lambda: "journal_fault" in faults(unit))
        (unit.state / "journal").unlink()
        again = unit.send()
        assert wait_for(lambda: unit.end_of(again))
        assert wait_for(lambda: faults(unit) == [])


def test_a_control_file_that_is_damaged_is_a_fault_until_somebody_says_who_commands(
    tmp_path: Path,
) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "control.json").write_text('{"commander": "nobody"}')
    unit = Unit(tmp_path)
    assert unit.made.commander == "hub"
    control = unit.made._control
    with working(unit):
        assert wait_for(lambda: control.now.latest), "the time is remembered all the same"
        assert faults(unit) == ["control_lost"]
        control.hand_over("local", "local:li", datetime.now(UTC))
        assert faults(unit) == []


def test_what_waits_when_the_unit_stops_is_still_answered(tmp_path: Path) -> None:
    unit = Unit(tmp_path)
    unit.made.register("ping", Doer())
    with working(unit):
        pass
    sent = unit.send()
    assert unit.made.health().overflow == 1, "it is closed, and counts"
    again = Unit(tmp_path)
    again.made.register("ping", Doer())
    waiting = [again.send() for _ in range(3)]
    again.stop.set()
    again.made.work(lambda: None, again.stop)
    assert all(again.end_of(each) for each in waiting)
    assert again.end_of(sent) is None


def test_a_journal_that_was_changed_is_a_fault(tmp_path: Path) -> None:
    unit = Unit(tmp_path)
    with working(unit):
        unit.made.journal.write("accepted", id="a")
    (path,) = (unit.state / "journal").iterdir()
    path.write_bytes(path.read_bytes().replace(b'"a"', b'"b"'))
    again = Unit(tmp_path)
    with working(again):
        assert wait_for(lambda: faults(again) == ["journal_broken"])
        told = [d.data for d in again.box.drafts if isinstance(d.data, TamperEvent)]
        assert [each.what for each in told] == ["journal_broken"]
