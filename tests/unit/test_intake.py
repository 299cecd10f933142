"""Commands: refused with a code, or done once. Every reason, every repeat, every interruption."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry.commands.handling import OrderFailedError, OrderRefusedError
from telemetry.commands.keyring import write_keyring
from telemetry.contract.wire_types import rfc3339_ms
from telemetry.outbox.schema import StoreError
from tests import stranger_signer
from tests.commanded import HUB, Commanded, Doer

OTHER = Ed25519PrivateKey.generate()


@pytest.fixture
def unit(tmp_path: Path) -> Commanded:
    unit = Commanded(tmp_path)
    unit.handlers |= {"ping": Doer(), "mode.set": Doer(), "siren": Doer(), "config.apply": Doer()}
    unit.pass_time(10)
    return unit


def done(unit: Commanded) -> int:
    return sum(len(each.done) for each in unit.handlers.values() if isinstance(each, Doer))


def codes(replies: list[Any]) -> list[Any]:
    return [reply.code or reply.status for reply in replies]


def test_a_command_is_received_accepted_and_done(unit: Commanded) -> None:
    claims = unit.claims()
    replies = unit.send(claims)
    assert codes(replies) == ["received", "accepted", "succeeded"]
    assert {reply.command for reply in replies} == {claims["id"]}
    assert done(unit) == 1
    written = [record for record in unit.journaled() if record.get("id") == claims["id"]]
    assert [record["what"] for record in written] == ["accepted", "succeeded"]
    assert written[0]["issuer"] == "officer 7"
    assert written[0]["kid"] == "hub-1"
    assert replies[-1].journal is not None
    assert replies[-1].journal.hash == written[-1]["hash"]


def later(unit: Commanded, seconds: float) -> str:
    return rfc3339_ms(unit.clock.utc() + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("name", "more", "code"),
    [
        ("ping", {"unit": "dog-2"}, "wrong_unit"),
        ("speak", {"args": {"text": "x"}}, "unsupported"),
        ("dance", {}, "unsupported"),
        ("mode.set", {}, "invalid_arguments"),
        ("mode.set", {"args": {"mode": "x", "more": 1}}, "invalid_arguments"),
        ("mode.set", {"args": {"mode": 1}}, "invalid_arguments"),
    ],
    ids=str,
)
def test_a_known_sender_is_refused_with_the_reason(
    unit: Commanded, name: str, more: dict[str, Any], code: str
) -> None:
    claims = unit.claims(name, **more)
    assert codes(unit.send(claims)) == [code]
    assert codes(unit.send(claims)) == [code], "a repeat gets the same"
    assert done(unit) == 0
    assert [r["code"] for r in unit.journaled() if r["what"] == "refused"] == [code]


@pytest.mark.parametrize(
    ("issued_s", "expires_s", "code"),
    [
        (-60, -0.001, "expired"),
        (-301, 60, "too_old"),
        (11, 60, "not_yet_valid"),
        (0, 0, "invalid_arguments"),
        (0, -1, "invalid_arguments"),
        (9, 60, "succeeded"),
        (-299, 60, "succeeded"),
        (-9, 60, "succeeded"),
    ],
    ids=str,
)
def test_a_command_has_its_time(
    unit: Commanded, issued_s: float, expires_s: float, code: str
) -> None:
    claims = unit.claims(issued_at=later(unit, issued_s), expires_at=later(unit, expires_s))
    assert codes(unit.send(claims))[-1] == code


@pytest.mark.parametrize(
    "change",
    [
        {"id": "1"},
        {"id": "019cc1b0-2200-4000-8000-000000000001"},
        {"name": "a.b.c"},
        {"args": []},
        {"args": None},
        {"issuer": ""},
        {"issued_at": "now"},
        {"issued_at": "2026-06-01T12:00:00"},
        {"issued_at": 1780315200},
        {"expires_at": "9999-12-31T23:59:59-23:59"},
        {"issued_at": "0001-01-01T00:00:00Z"},
        {"unit": "dog 1"},
    ],
    ids=str,
)
def test_signed_nonsense_is_malformed_or_out_of_time(
    unit: Commanded, change: dict[str, Any]
) -> None:
    unit.send(unit.claims() | change)
    assert done(unit) == 0
    assert set(unit.intake.stats().refused) <= {"malformed", "too_old"}


def test_nobody_known_is_turned_away_with_the_reason(unit: Commanded) -> None:
    claims = unit.claims()
    good = stranger_signer.command(HUB, "hub-1", claims)
    assert codes(unit.send(claims, OTHER)) == ["bad_signature"]
    assert codes(unit.send(claims, HUB, "hub-9")) == ["unknown_key"]
    assert codes(unit.send_raw(b"{}")) == []
    assert codes(unit.send_raw(good, retained=True)) == ["retained"]
    assert codes(unit.send_raw(b"x" * 70_000)) == []
    assert codes(unit.send_raw(b"\xff" * 10)) == []
    assert done(unit) == 0
    assert unit.intake.stats().refused == {
        "bad_signature": 1,
        "unknown_key": 1,
        "unsigned": 1,
        "retained": 1,
        "too_large": 1,
        "malformed": 1,
    }
    assert codes(unit.send_raw(good))[-1] == "succeeded", "nothing stuck to its id"
    unit.pass_time(61)
    assert [(each.what, each.count) for each in unit.tampers] == [("command_forged", 5)]


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("{")])
def test_without_a_keyring_the_true_hub_is_no_forger(
    unit: Commanded, damage: Callable[[Path], object]
) -> None:
    """Health says that the keyring cannot be used: nobody need look for somebody who meddles."""
    damage(unit.folder / "keyring.json")
    (reply,) = unit.send(unit.claims())
    assert reply.code == "unknown_key"
    assert "keyring" in reply.text
    unit.pass_time(61)
    assert unit.tampers == []
    unit.send_raw(b"{}")
    unit.pass_time(61)
    assert [each.count for each in unit.tampers] == [1], "the control: what nobody has signed"


def test_a_forger_cannot_speak_over_a_true_answer(unit: Commanded) -> None:
    claims = unit.claims()
    unit.send(claims)
    assert unit.send(claims, OTHER) == []


def test_a_flood_of_forgeries_is_answered_little_and_counted_whole(unit: Commanded) -> None:
    for _ in range(200):
        unit.send(unit.claims(), OTHER)
    unit.pass_time(120)
    records = [r for r in unit.journaled() if r["what"] in ("turned_away", "summary")]
    single = sum("code" in record for record in records)
    summed = sum(record.get("counts", {}).get("bad_signature", 0) for record in records)
    assert single + summed == 200
    assert single <= 32
    assert len(unit.replies) <= 32
    assert unit.intake.stats().refused == {"bad_signature": 200}


@pytest.mark.parametrize(
    ("dates", "code"),
    [
        ({"revoked_at": datetime(2026, 5, 1, tzinfo=UTC)}, "key_revoked"),
        ({"not_after": datetime(2026, 5, 1, tzinfo=UTC)}, "key_expired"),
        ({"not_before": datetime(2026, 7, 1, tzinfo=UTC)}, "not_yet_valid"),
    ],
    ids=str,
)
def test_a_key_that_is_over_is_over(unit: Commanded, dates: dict[str, Any], code: str) -> None:
    unit.install("old", OTHER, "commander", **dates)
    assert codes(unit.send(unit.claims(), OTHER, "old")) == [code]
    assert codes(unit.send(unit.claims()))[-1] == "succeeded", "the other key goes on"


def test_a_camera_can_be_locked_whoever_commands(unit: Commanded) -> None:
    unit.handlers["media.lock"] = unit.handlers["media.unlock"] = Doer()
    unit.control.hand_over("local", "local:li", unit.clock.utc())
    unlock = {"cameras": ["front"], "reason": "case 7"}
    assert codes(unit.send(unit.claims("media.unlock", args=unlock))) == ["not_commander"]
    assert codes(unit.send(unit.claims("media.lock")))[-1] == "succeeded"


def test_a_role_without_the_right_is_refused(unit: Commanded) -> None:
    unit.install("op", OTHER, "operator")
    command = unit.claims("siren", args={"on": True})
    assert codes(unit.send(command, OTHER, "op")) == ["role_not_allowed"]
    assert codes(unit.send(unit.claims(), OTHER, "op"))[-1] == "succeeded"


def test_only_the_primary_hub_commands(tmp_path: Path) -> None:
    unit = Commanded(tmp_path, primary_hub="hub")
    unit.handlers["ping"] = Doer()
    unit.install("guest", OTHER, "commander", issuer="guests")
    assert codes(unit.send(unit.claims(), OTHER, "guest")) == ["not_commander"]
    assert codes(unit.send(unit.claims()))[-1] == "succeeded"


def test_whoever_is_on_the_spot_keeps_the_hub_out(unit: Commanded) -> None:
    unit.control.hand_over("local", "local:li", unit.clock.utc())
    unit.reboot()
    command = unit.claims("mode.set", args={"mode": "routine"})
    assert codes(unit.send(command)) == ["not_commander"]
    assert codes(unit.send(unit.claims("ping")))[-1] == "succeeded"
    unit.control.hand_over("hub", "local:li", unit.clock.utc())
    assert codes(unit.send(command)) == ["not_commander"], "what was refused stays refused"
    assert codes(unit.send(unit.claims("mode.set", args={"mode": "routine"})))[-1] == "succeeded"


def test_a_handler_may_refuse_and_may_fail(unit: Commanded) -> None:
    unit.handlers["ping"] = Doer(refuses="busy")
    assert codes(unit.send(unit.claims())) == ["busy"]

    def jam(*_: Any) -> None:
        raise OrderFailedError("jammed", "it does not turn")

    def change_mind(*_: Any) -> None:
        raise OrderRefusedError("interlock", "it is dark")

    unit.handlers["ping"] = Doer(act=jam)
    assert codes(unit.send(unit.claims())) == ["received", "accepted", "jammed"]
    unit.handlers["ping"] = Doer(act=change_mind)
    assert codes(unit.send(unit.claims()))[-1] == "interlock"


def test_too_often_is_refused_and_later_it_goes_on(unit: Commanded) -> None:
    told = [codes(unit.send(unit.claims("siren", args={"on": True})))[-1] for _ in range(8)]
    assert told == ["succeeded"] * 6 + ["limit"] * 2
    unit.pass_time(11)
    assert codes(unit.send(unit.claims("siren", args={"on": True})))[-1] == "succeeded"
    assert codes(unit.send(unit.claims()))[-1] == "succeeded", "others are not held up"


# --- repeats and replays ----------------------------------------------------------------------


def test_a_repeat_gets_the_same_answer_and_nothing_is_done_again(unit: Commanded) -> None:
    unit.handlers["ping"] = Doer(act=lambda *_: {"n": 7})
    claims = unit.claims()
    first = unit.send(claims)[-1]
    for passing in (lambda: None, unit.reboot, lambda: unit.reboot(crash=True)):
        passing()
        (again,) = unit.send(claims)
        assert again == first.model_copy(update={"repeat": True})
    unit.pass_time(20 * 3600)
    assert codes(unit.send(claims)) == ["succeeded"]
    assert done(unit) == 1


def test_after_a_day_it_is_forgotten_and_still_not_done_again(unit: Commanded) -> None:
    claims = unit.claims()
    unit.send(claims)
    for _ in range(3):
        unit.pass_time(10 * 3600)
    assert unit.store.find(claims["id"]) is None
    unit.clock.jump_utc(-30 * 3600)
    unit.quality = "rtc"
    assert codes(unit.send(claims)) == ["clock_unset"]
    unit.control.path.unlink()
    unit.reboot(off_s=1)  # even with the mark of the time gone: the floor stands
    assert codes(unit.send(claims | {"issuer": "x"})) in (["too_old"], ["replayed"])
    assert done(unit) == 1


def test_what_was_refused_is_not_done_once_the_memory_of_it_is_lost(unit: Commanded) -> None:
    """Found by tests/unit/test_intake_model.py: a unit that only ever refused has lived, too."""
    unit.handlers["ping"] = Doer()
    unit.pass_time(5)
    unit.clock.jump_utc(700)  # the hub's clock, and the unit's before it was set back
    claims = unit.claims()
    unit.clock.jump_utc(-1400)
    assert codes(unit.send(claims)) == ["clock_unset"]
    for _ in range(14):
        unit.pass_time(100)
    unit.intake.close()
    for path in unit.folder.glob("commands.db*"):
        path.unlink()
    unit.reboot(off_s=1)
    assert codes(unit.send(claims)) == ["too_old"]
    assert done(unit) == 0


def test_an_id_cannot_be_used_for_another_command(unit: Commanded) -> None:
    claims = unit.claims()
    unit.send(claims)
    assert codes(unit.send(claims | {"issuer": "officer 8"})) == ["replayed"]
    assert done(unit) == 1


def test_repeats_are_not_answered_without_end(unit: Commanded) -> None:
    claims = unit.claims()
    unit.send(claims)
    assert sum(len(unit.send(claims)) for _ in range(50)) <= 7


def test_what_was_begun_when_the_power_went_is_told_and_never_done_twice(
    unit: Commanded,
) -> None:
    class PowerCutError(BaseException):
        pass

    def cut(*_: Any) -> None:
        raise PowerCutError

    unit.handlers["ping"] = Doer(act=cut)
    claims = unit.claims()
    with pytest.raises(PowerCutError):
        unit.send(claims)
    unit.box.drafts.clear()
    unit.reboot(crash=True)
    assert codes(unit.replies) == ["interrupted"]
    assert unit.replies[0].status == "failed"
    unit.handlers["ping"] = Doer()
    assert codes(unit.send(claims)) == ["interrupted"]
    assert done(unit) == 0
    unit.reboot()
    assert codes(unit.replies) == ["interrupted", "interrupted"], "it is told at once only"


def test_an_answer_that_did_not_reach_the_outbox_is_told_after_the_reboot(unit: Commanded) -> None:
    unit.box.stores = False
    claims = unit.claims()
    unit.send(claims)
    unit.pass_time(2)
    told_as = unit.box.ids[-1]
    unit.box.drafts.clear()
    unit.box.stores = True
    unit.reboot(crash=True)
    assert [(reply.command, reply.repeat) for reply in unit.replies] == [(claims["id"], False)]
    assert unit.box.ids[-1] == told_as is not None, "so the hub that has it has it once"


def test_where_nothing_can_be_stored_nothing_is_done(
    unit: Commanded, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise StoreError("disk full")

    claims = unit.claims()
    monkeypatch.setattr(unit.store, "put", refuse)
    assert codes(unit.send(claims)) == ["storage"]
    monkeypatch.undo()
    assert codes(unit.send(claims))[-1] == "succeeded", "it was not done, so it may come again"
    (unit.folder / "commands.db").chmod(0o600)
    monkeypatch.setattr(unit.journal, "_append", _no_space)
    assert codes(unit.send(unit.claims())) == ["storage"]
    assert done(unit) == 1
    monkeypatch.undo()
    assert codes(unit.send(unit.claims()))[-1] == "succeeded"


def _no_space(*_: Any) -> None:
    raise OSError(28, "No space left on device")


def test_an_end_that_cannot_be_stored_is_remembered_and_stored_later(
    unit: Commanded, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(*_: Any) -> None:
        monkeypatch.setattr(unit.store, "put", _refuse)

    def _refuse(*_: Any) -> None:
        raise StoreError("disk full")

    unit.handlers["ping"] = Doer(act=fill)
    claims = unit.claims()
    assert codes(unit.send(claims))[-1] == "succeeded"
    assert codes(unit.send(claims)) == ["succeeded"]
    monkeypatch.undo()
    unit.pass_time(2)
    unit.reboot(crash=True)
    assert codes(unit.send(claims)) == ["succeeded"]


def test_a_damaged_file_is_set_aside_and_nothing_older_is_done(unit: Commanded) -> None:
    claims = unit.claims()
    unit.send(claims)
    unit.intake.close()
    (unit.folder / "commands.db").write_bytes(b"garbage" * 1000)
    unit.reboot()
    assert unit.store.set_aside == 1
    assert codes(unit.send(claims)) == ["too_old"] or codes(unit.send(claims)) == ["expired"]
    unit.pass_time(90)  # what the clocks might have lost
    assert codes(unit.send(unit.claims()))[-1] == "succeeded"
    assert done(unit) == 2


def test_a_file_that_is_damaged_while_the_unit_runs_lets_nothing_be_done_twice(
    unit: Commanded,
) -> None:
    claims = unit.claims()
    unit.send(claims)
    unit.store.close()
    for ending in ("", "-wal", "-shm"):
        path = unit.folder / f"commands.db{ending}"
        if path.exists():
            path.write_bytes(b"garbage" * 1000)
    unit.clock.advance(1)
    assert set(codes(unit.send(claims) + unit.send(claims))) <= {"storage", "too_old"}
    assert done(unit) == 1
    unit.pass_time(90)
    assert codes(unit.send(unit.claims()))[-1] == "succeeded"


# --- clocks --------------------------------------------------------------------------------------


def test_without_a_clock_nothing_is_done(tmp_path: Path) -> None:
    unit = Commanded(tmp_path)
    unit.handlers["ping"] = Doer()
    unit.quality = "none"
    unit.reboot()
    assert codes(unit.send(unit.claims())) == ["clock_unset"]
    unit.quality = "gnss"
    unit.pass_time(2)
    assert codes(unit.send(unit.claims()))[-1] == "succeeded"


@pytest.mark.parametrize("back_s", [3600, 10 * 365 * 86400, 56 * 365 * 86400], ids=str)
@pytest.mark.parametrize("reboot", [False, True], ids=["running", "rebooted"])
def test_a_clock_set_back_makes_nothing_fresh(unit: Commanded, back_s: float, reboot: bool) -> None:
    withheld = unit.claims()
    unit.pass_time(2 * 3600)
    unit.clock.jump_utc(-back_s)
    if reboot:
        unit.reboot()
    assert codes(unit.send(withheld)) == ["clock_unset"]
    unit.pass_time(3600)
    fresh = unit.claims()
    assert codes(unit.send(fresh)) in (["clock_unset"], ["received", "accepted", "succeeded"])
    assert withheld["id"] not in [each for h in unit.handlers.values() for each in h.done]


def test_a_jump_ahead_that_does_not_last_leaves_no_mark(unit: Commanded) -> None:
    unit.clock.jump_utc(10 * 365 * 86400)
    unit.pass_time(60)
    unit.clock.jump_utc(-10 * 365 * 86400)
    unit.pass_time(60)
    assert codes(unit.send(unit.claims()))[-1] == "succeeded"


def test_somebody_on_the_spot_can_say_that_the_clock_is_right(unit: Commanded) -> None:
    unit.clock.jump_utc(86400)
    for _ in range(70):
        unit.pass_time(10)
    unit.clock.jump_utc(-86400)
    assert codes(unit.send(unit.claims())) == ["clock_unset"]
    unit.control.remember(unit.time.trust_now())
    unit.pass_time(1)
    assert codes(unit.send(unit.claims()))[-1] == "succeeded"


def test_a_clock_that_is_set_back_does_not_extend_what_waits(unit: Commanded) -> None:
    slow = Doer(long_running=True)
    unit.handlers["ping"] = slow
    unit.send(unit.claims())
    unit.clock.jump_utc(-5)
    unit.clock.advance(56)  # 60 s were given, of which the unit's own clock counts 61
    unit.clock.advance(5)
    unit.carrier.work_long(0, lambda: True)
    assert codes(unit.replies)[-1] == "expired"
    assert slow.done == []


def test_what_slept_through_its_expiry_is_not_begun(unit: Commanded) -> None:
    """A suspended computer's monotonic clock stands still (clock_gettime(2))."""
    slow = Doer(long_running=True)
    unit.handlers["ping"] = slow
    unit.send(unit.claims())
    unit.clock.jump_utc(3600)
    unit.carrier.work_long(0, lambda: True)
    assert codes(unit.replies)[-1] == "expired"
    assert slow.done == []


# --- long ones --------------------------------------------------------------------------------


def test_a_long_one_tells_its_progress_at_a_bearable_rate(unit: Commanded) -> None:
    def work(_order: Any, progress: Any) -> dict[str, Any]:
        for percent in range(100):
            unit.clock.advance(0.1)
            progress(percent, f"step {percent}")
        return {"size": 1}

    unit.handlers["ping"] = Doer(act=work, long_running=True)
    claims = unit.claims()
    assert codes(unit.send(claims)) == ["received", "accepted"]
    assert codes(unit.send(claims)) == ["accepted"]
    unit.carrier.work_long(0, lambda: True)
    running = [reply for reply in unit.replies if reply.status == "running"]
    assert 9 <= len(running) <= 11
    assert running[0].progress == 0
    assert unit.replies[-1].result == {"size": 1}


def test_a_quick_one_does_not_wait_for_a_long_one_and_can_cancel_it(unit: Commanded) -> None:
    def work(_order: Any, progress: Any) -> None:
        progress(10, "on")
        assert codes(unit.send(unit.claims("siren", args={"on": True})))[-1] == "succeeded"
        unit.carrier.cancel(first["id"])
        progress(20, "on")

    unit.handlers["ping"] = Doer(act=work, long_running=True)
    first, second = unit.claims(), unit.claims()
    unit.send(first)
    unit.send(second)
    assert unit.carrier.cancel(second["id"])
    unit.carrier.work_long(0, lambda: True)
    ends = {reply.command: reply.status for reply in unit.replies if reply.status == "cancelled"}
    assert ends == {first["id"]: "cancelled", second["id"]: "cancelled"}
    assert not unit.carrier.cancel(first["id"])


def test_only_so_many_long_ones_wait(unit: Commanded) -> None:
    unit.handlers["ping"] = Doer(long_running=True)
    told = [codes(unit.send(unit.claims()))[-1] for _ in range(6)]
    assert told == ["accepted"] * 4 + ["busy"] * 2


def test_a_stop_interrupts_a_long_one(unit: Commanded) -> None:
    def work(_order: Any, progress: Any) -> None:
        progress(1, "on")

    unit.handlers["ping"] = Doer(act=work, long_running=True)
    unit.send(unit.claims())
    unit.carrier.work_long(0, lambda: False)
    assert codes(unit.replies)[-1] == "interrupted"


def test_a_crash_of_the_long_ones_thread_is_told(unit: Commanded) -> None:
    def work(*_: Any) -> None:
        raise ZeroDivisionError

    unit.handlers["ping"] = Doer(act=work, long_running=True)
    unit.send(unit.claims())
    with pytest.raises(ZeroDivisionError):
        unit.carrier.work_long(0, lambda: True)
    unit.carrier.after_crash()
    assert codes(unit.replies)[-1] == "crashed"


# --- the bench, keys that change -----------------------------------------------------------------


def test_on_the_bench_unsigned_commands_are_done(tmp_path: Path) -> None:
    unit = Commanded(tmp_path, commands="unsigned", keys=False)
    unit.handlers["ping"] = Doer()
    assert codes(unit.send_raw(json.dumps(unit.claims()).encode()))[-1] == "succeeded"
    assert codes(unit.send_raw(b'{"id":1}')) == []
    unit.install("hub-1", HUB, "commander")
    assert codes(unit.send(unit.claims()))[-1] == "succeeded"
    assert codes(unit.send(unit.claims(), OTHER)) == ["bad_signature"]


def test_keys_change_while_the_unit_runs(unit: Commanded) -> None:
    unit.install("hub-2", OTHER, "commander")
    assert codes(unit.send(unit.claims()))[-1] == "succeeded"
    assert codes(unit.send(unit.claims(), OTHER, "hub-2"))[-1] == "succeeded"
    write_keyring(unit.folder / "keyring.json", unit._ring().without("hub-1"))
    assert codes(unit.send(unit.claims())) == ["unknown_key"]


def test_whoever_signs_is_told_that_it_is_the_unit_that_knows_no_key(unit: Commanded) -> None:
    ring = unit.folder / "keyring.json"
    for change, said in (
        (lambda: ring.chmod(0o666), "the keyring cannot be used"),
        (ring.unlink, "no keyring was installed yet"),
    ):
        change()
        (reply,) = unit.send(unit.claims())
        assert (reply.code, said in reply.text) == ("unknown_key", True)


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_bytes_are_refused_and_counted(tmp_path_factory: Any, data: bytes) -> None:
    unit = _SHARED.setdefault("unit", None) or Commanded(tmp_path_factory.mktemp("any"))
    _SHARED["unit"] = unit
    before = sum(unit.intake.stats().refused.values())
    unit.send_raw(data)
    assert sum(unit.intake.stats().refused.values()) == before + 1


_SHARED: dict[str, Any] = {}
