"""What a keyholder, a replayer or a restored backup could do to the memory of commands."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from telemetry.commands import store
from telemetry.contract.wire_types import rfc3339_ms
from telemetry.outbox.schema import StoreError
from tests.commanded import HUB, Commanded, Doer

TECHNICIAN = Ed25519PrivateKey.generate()


@pytest.fixture
def unit(tmp_path: Path) -> Commanded:
    unit = Commanded(tmp_path)
    unit.handlers |= {"ping": Doer(), "siren": Doer(), "config.apply": Doer(long_running=True)}
    unit.install("technician-1", TECHNICIAN, "technician", issuer="workshop")
    unit.pass_time(10)
    return unit


def codes(replies: list[Any]) -> list[Any]:
    return [reply.code or reply.status for reply in replies]


def bundle(unit: Commanded) -> dict[str, Any]:
    args = {"url": "https://x/b", "sha256": "0" * 64, "size_bytes": 1}
    return unit.claims("config.apply", args=args)


# --- the memory ----------------------------------------------------------------------------------


def test_a_command_from_the_future_does_not_lock_out_those_of_the_present(unit: Commanded) -> None:
    far = unit.clock.utc() + timedelta(days=3000)
    claims = unit.claims(
        issued_at=rfc3339_ms(far), expires_at=rfc3339_ms(far + timedelta(seconds=60))
    )
    assert codes(unit.send(claims, TECHNICIAN, "technician-1")) == ["not_yet_valid"]
    for _ in range(3):
        unit.pass_time(10 * 3600)
    assert unit.store.find(claims["id"]) is None, "it is forgotten"
    assert codes(unit.send(unit.claims()))[-1] == "succeeded"


def test_the_oldest_goes_first_also_among_those_from_the_future(
    unit: Commanded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MAX_ROWS", 5)
    true = unit.claims()
    assert codes(unit.send(true))[-1] == "succeeded"
    far = unit.clock.utc() + timedelta(days=3000)
    for _ in range(20):
        claims = unit.claims(
            issued_at=rfc3339_ms(far), expires_at=rfc3339_ms(far + timedelta(seconds=60))
        )
        unit.send(claims, TECHNICIAN, "technician-1")
    unit.pass_time(601)
    assert codes(unit.send(unit.claims()))[-1] == "succeeded"
    assert codes(unit.send(true))[-1] in ("succeeded", "too_old", "expired")
    handler = unit.handlers["ping"]
    assert isinstance(handler, Doer)
    assert len(handler.done) == 2


def test_answers_that_never_reached_the_outbox_do_not_fill_the_file(unit: Commanded) -> None:
    unit.box.stores = False
    claims = unit.claims()
    unit.send(claims)
    for _ in range(3):
        unit.pass_time(10 * 3600)
    assert unit.store.find(claims["id"]) is None


def test_a_file_that_is_nearly_full_forgets_before_it_refuses(
    unit: Commanded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MAX_BYTES", 100 * store.PAGE_BYTES)
    unit.reboot()
    unit.handlers["ping"] = Doer(act=lambda *_: {"words": "x" * 3000})
    told = []
    for _ in range(40):
        unit.pass_time(601)
        told += [codes(unit.send(unit.claims()))[-1] for _ in range(5)]
    assert set(told) == {"succeeded"}


def test_a_file_from_a_backup_lets_nothing_be_done_twice(unit: Commanded) -> None:
    unit.send(unit.claims())
    unit.intake.close()
    shutil.copy(unit.folder / "commands.db", unit.folder / "backup")
    unit.reboot(off_s=1)
    claims = unit.claims()
    assert codes(unit.send(claims))[-1] == "succeeded"
    unit.intake.close()
    shutil.copy(unit.folder / "backup", unit.folder / "commands.db")
    unit.reboot(off_s=1)
    assert codes(unit.send(claims)) == ["too_old"]
    assert [r["what"] for r in unit.journaled()].count("memory_behind") == 1
    unit.pass_time(100)
    assert codes(unit.send(unit.claims()))[-1] == "succeeded"
    unit.reboot(off_s=1)
    assert codes(unit.send(unit.claims()))[-1] == "succeeded", "it is told once only"


def test_after_a_reboot_what_was_issued_before_it_is_still_taken(unit: Commanded) -> None:
    unit.send(unit.claims())
    waiting = unit.claims()
    unit.reboot(off_s=5)
    assert codes(unit.send(waiting))[-1] == "succeeded"


# --- limits --------------------------------------------------------------------------------------


def test_repeats_of_others_do_not_lift_the_limit_of_a_command(
    unit: Commanded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telemetry.commands.limits.MAX_BUCKETS", 20)
    siren = {"on": True}
    seen = [unit.claims() for _ in range(60)]
    for claims in seen:
        unit.send(claims)
    told = [codes(unit.send(unit.claims("siren", args=siren)))[-1] for _ in range(7)]
    assert told[-1] == "limit"
    for claims in seen:
        unit.send(claims)
    assert codes(unit.send(unit.claims("siren", args=siren))) == ["limit"]


def test_a_keyholder_that_is_refused_without_end_fills_no_disk(unit: Commanded) -> None:
    for _ in range(500):
        unit.send(unit.claims("siren", args={"on": True}), TECHNICIAN, "technician-1")
    unit.pass_time(61)
    assert codes(unit.send(unit.claims()))[-1] == "succeeded", "others are not held up"
    refused = [r for r in unit.journaled() if r["what"] == "refused"]
    summed = sum(
        r["counts"].get("role_not_allowed", 0) for r in unit.journaled() if r["what"] == "summary"
    )
    assert len(refused) <= 70
    assert len(refused) + summed == 500
    assert unit.intake.stats().refused == {"role_not_allowed": 500}
    assert len([r for r in unit.replies if r.code == "role_not_allowed"]) == len(refused)


def test_repeats_of_many_ids_are_not_answered_without_end(unit: Commanded) -> None:
    seen = [unit.claims() for _ in range(100)]
    for claims in seen:
        unit.send(claims)
    before = len(unit.replies)
    for _ in range(5):
        for claims in seen:
            unit.send(claims)
    assert len(unit.replies) - before <= 130


# --- between the order and the deed ------------------------------------------------------------


def test_what_waits_is_not_begun_once_its_key_is_revoked(unit: Commanded) -> None:
    claims = bundle(unit)
    assert codes(unit.send(claims))[-1] == "accepted"
    unit.install(
        "hub-1", HUB, "commander", "technician", revoked_at=datetime(2026, 5, 1, tzinfo=UTC)
    )
    unit.pass_time(1)
    unit.carrier.work_long(0, lambda: True)
    assert codes(unit.replies)[-1] == "key_revoked"
    handler = unit.handlers["config.apply"]
    assert isinstance(handler, Doer)
    assert not handler.done


def test_what_waits_is_not_begun_once_somebody_on_the_spot_commands(unit: Commanded) -> None:
    claims = bundle(unit)
    assert codes(unit.send(claims))[-1] == "accepted"
    unit.control.hand_over("local", "local:crew", unit.clock.utc())
    unit.carrier.work_long(0, lambda: True)
    assert codes(unit.replies)[-1] == "not_commander"
    assert unit.replies[-1].status == "rejected"
    handler = unit.handlers["config.apply"]
    assert isinstance(handler, Doer)
    assert not handler.done


def test_what_is_over_can_no_more_be_cancelled(unit: Commanded) -> None:
    claims, told = bundle(unit), []
    unit.send(claims)
    put = unit.store.put

    def cancel_meanwhile(*row: Any) -> None:
        told.append(unit.carrier.cancel(claims["id"]))
        put(*row)

    unit.store.put = cancel_meanwhile  # type: ignore[method-assign]
    unit.carrier.work_long(0, lambda: True)
    assert told == [False]
    assert codes(unit.replies)[-1] == "succeeded"


def test_an_order_that_the_disk_kept_after_all_is_told_as_interrupted(unit: Commanded) -> None:
    """The disk reported an error, and had stored it: the hub was told `storage`, and asks again."""
    put = unit.store.put

    def store_and_fail(*row: Any) -> None:
        put(*row)
        raise StoreError("input/output error")

    claims = unit.claims()
    unit.store.put = store_and_fail  # type: ignore[method-assign]
    assert codes(unit.send(claims)) == ["storage"]
    unit.store.put = put  # type: ignore[method-assign]
    assert codes(unit.send(claims)) == ["interrupted"]
    unit.reboot(off_s=1)
    assert codes(unit.send(claims)) == ["interrupted"]
    handler = unit.handlers["ping"]
    assert isinstance(handler, Doer)
    assert not handler.done


def test_a_new_file_of_the_journal_still_knows_what_was_begun(
    unit: Commanded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telemetry.commands.journal.FILE_BYTES", 1)
    unit.send(unit.claims())
    begun = unit.journal.begun
    assert begun > 0
    for _ in range(3):
        unit.pass_time(61)
        unit.send(unit.claims(unit="dog-2"))
    assert len(list((unit.folder / "journal").iterdir())) > 2
    unit.reboot(crash=True)
    assert unit.journal.begun == begun
    assert codes(unit.send(unit.claims()))[-1] == "succeeded"
