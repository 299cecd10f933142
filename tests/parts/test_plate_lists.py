"""The list of plates on the disk: what it takes, what it forgets, and that nobody can read it."""

import json
import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.models import Settings
from edge.plates.hotlist import HotList
from edge.plates.parts import Plates
from edge.plates.stick import SignedLists, signed
from edge.plates.vault import Secret, Vault, VaultError
from telemetry.commands.handling import OrderFailedError, OrderRefusedError
from telemetry.commands.jws import PrivateKey
from telemetry.commands.keyring import Keyring, KeyringFile, write_keyring
from telemetry.commands.keys import KeyEntry
from telemetry.commands.signed_files import SignedFileError
from telemetry.contract.plates import PlatesList
from tests.commanded import Commanded
from tests.finders import BLIND, Field, ends_in, plates_list, revocation

PLATES = ("鲁A12345", "鲁A·12345", "A12345", "京AD12345", "AD12345")


def opened(folder: Path) -> HotList:
    secret = Secret(folder / "plates.key", make=True)
    return HotList(Vault(folder / "plates.list", secret), secret)


@pytest.fixture
def field(tmp_path: Path) -> Field:
    return Field(tmp_path)


def test_what_was_installed_is_found_and_nothing_else(field: Field) -> None:
    hotlist = opened(field.folder)
    change = hotlist.put(plates_list(), field.now())

    assert (change.what, change.entries) == ("installed", 2)
    found = hotlist.match("鲁A12345", field.now())
    assert [(each.list, each.entry, each.legal_basis) for each in found] == [
        ("stolen", "e-1", "case 1180")
    ]
    assert hotlist.match("鲁A12346", field.now()) == []


def test_it_survives_a_restart(field: Field) -> None:
    opened(field.folder).put(plates_list(), field.now())

    again = opened(field.folder)
    assert again.match("京AD12345", field.now())[0].entry == "e-2"
    assert (field.folder / "plates.list").stat().st_mode & 0o777 == 0o600
    assert (field.folder / "plates.key").stat().st_mode & 0o777 == 0o600


def test_no_plate_of_the_list_is_on_the_disk(field: Field) -> None:
    hotlist = opened(field.folder)
    hotlist.put(plates_list(), field.now())
    hotlist.put(plates_list(version=2, mode="add", expires_at=None), field.now())

    disk = field.disk()
    for word in (*PLATES, "stolen", "e-1", "case 1180"):
        for form in (word.encode(), word.encode("utf-16-le"), json.dumps(word)[1:-1].encode()):
            assert form not in disk, word
    assert b"plates.list" in disk, "the search sees what there is"


def test_without_the_secret_the_file_says_nothing(field: Field) -> None:
    opened(field.folder).put(plates_list(), field.now())
    (field.folder / "plates.key").write_text("00" * 32)

    robbed = opened(field.folder)
    assert robbed.fault is not None
    assert "secret" in robbed.fault
    assert robbed.match("鲁A12345", field.now()) == []
    robbed.put(plates_list(version=2), field.now())
    assert robbed.fault is None, "a new list begins anew"


def test_the_same_plate_has_another_hash_in_each_list(field: Field) -> None:
    hotlist = opened(field.folder)
    hotlist.put(plates_list(), field.now())
    hotlist.put(plates_list(list="missing"), field.now())
    secret = Secret(field.folder / "plates.key", make=False)
    content = json.loads(Vault(field.folder / "plates.list", secret).load() or b"")

    first, second = (set(each["entries"]) for each in content["lists"].values())
    assert not first & second
    assert [each.list for each in hotlist.match("鲁A12345", field.now())] == ["stolen", "missing"]


@pytest.mark.parametrize("where", [0, 5, 20, -1], ids=["magic", "nonce", "content", "tag"])
def test_a_file_that_was_changed_is_refused(field: Field, where: int) -> None:
    opened(field.folder).put(plates_list(), field.now())
    path = field.folder / "plates.list"
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(content)

    assert opened(field.folder).fault is not None


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_any_bytes_in_place_of_the_file_are_a_fault(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "plates.list"
    path.write_bytes(b"PEV1" + junk)
    path.chmod(0o600)

    assert opened(tmp_path).fault is not None


@pytest.mark.parametrize("text", ["", "xyz", "00" * 31, "\xff"])
def test_a_secret_that_is_none_is_refused_with_its_cure(tmp_path: Path, text: str) -> None:
    path = tmp_path / "own.key"
    path.write_text(text, encoding="latin-1")
    path.chmod(0o600)
    with pytest.raises(VaultError) as caught:
        Secret(path, make=False).key("x")
    assert "openssl rand -hex 32" in caught.value.cure


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.key"
    path.write_text("00" * 32)
    path.chmod(0o644)
    with pytest.raises(VaultError, match="is open to"):
        Secret(path, make=False).key("x")


# --- versions and parts ---


def test_an_old_version_is_refused(field: Field) -> None:
    hotlist = opened(field.folder)
    hotlist.put(plates_list(version=5), field.now())
    for wanted in (plates_list(version=5), plates_list(version=4), revocation(5)):
        with pytest.raises(OrderRefusedError, match="version 5"):
            hotlist.put(wanted, field.now())


def test_a_list_that_is_gone_does_not_come_back_by_a_replay(field: Field) -> None:
    hotlist = opened(field.folder)
    hotlist.put(plates_list(version=5), field.now())
    hotlist.put(revocation(6), field.now())
    assert hotlist.empty

    with pytest.raises(OrderRefusedError, match="version 6"):
        opened(field.folder).put(plates_list(version=5), field.now())


def test_a_long_list_is_in_force_when_all_its_parts_are_there(field: Field) -> None:
    hotlist = opened(field.folder)
    hotlist.put(plates_list(), field.now())

    def part(number: int) -> PlatesList:
        entries = [{"entry": f"n-{number}", "plate": f"鲁B1234{number}"}]
        return plates_list(version=2, part=number, parts=3, entries=entries)

    first = hotlist.put(part(3), field.now())
    assert (first.what, first.parts_missing) == ("staged", (1, 2))
    hotlist.put(part(1), field.now())
    assert hotlist.match("鲁A12345", field.now()), "until then the one before is in force"
    assert not hotlist.match("鲁B12343", field.now())
    last = hotlist.put(part(2), field.now())
    assert (last.what, last.entries) == ("installed", 3)
    assert hotlist.match("鲁B12343", field.now())
    assert not hotlist.match("鲁A12345", field.now())


def test_entries_are_added_changed_and_revoked(field: Field) -> None:
    hotlist = opened(field.folder)
    hotlist.put(plates_list(), field.now())
    changed = [{"entry": "e-1", "plate": "鲁A99999"}, {"entry": "e-3", "plate": "WJ京12345"}]
    hotlist.put(plates_list(version=2, mode="add", entries=changed), field.now())
    assert not hotlist.match("鲁A12345", field.now()), "an entry has one plate"
    assert hotlist.match("鲁A99999", field.now())[0].entry == "e-1"

    change = hotlist.put(revocation(3, "e-1", "nobody"), field.now())
    assert (change.what, change.entries) == ("revoked", 2)
    assert not hotlist.match("鲁A99999", field.now())
    assert hotlist.match("WJ京12345", field.now())


def test_what_is_no_plate_is_left_out_and_named_by_its_entry(field: Field) -> None:
    entries = [{"entry": "bad", "plate": "hello"}, {"entry": "good", "plate": "鲁AO2345"}]
    change = opened(field.folder).put(plates_list(entries=entries), field.now())

    assert (change.entries, change.not_plates) == (1, ("bad",))


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "revoke"},
        {"mode": "revoke", "entries": (), "parts": 2},
        {"entries": ()},
        {"revoke": ("e-1",)},
        {"legal_basis": None},
        {"expires_at": None},
        {"part": 2},
        {"mode": "add", "parts": 2},
        {"blind": "short"},
        {"version": 0},
    ],
)
def test_lists_that_make_no_sense_cannot_be_written(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        plates_list(**wrong)


def test_a_list_that_is_over_before_it_begins_is_refused(field: Field) -> None:
    with pytest.raises(OrderRefusedError, match="past"):
        opened(field.folder).put(plates_list(expires_at=field.now()), field.now())


# --- time ---


def test_a_list_that_has_ended_is_gone_from_the_disk(field: Field) -> None:
    hotlist = opened(field.folder)
    hotlist.put(plates_list(expires_at=ends_in(field.clock, 60)), field.now())
    size = (field.folder / "plates.list").stat().st_size
    field.clock.advance(59)
    assert hotlist.match("鲁A12345", field.now())
    assert hotlist.purge(field.now()) == []
    field.clock.advance(1)

    assert not hotlist.match("鲁A12345", field.now())
    assert hotlist.purge(field.now()) == [("stolen", 2)]
    assert hotlist.expired == ("stolen",)
    assert (field.folder / "plates.list").stat().st_size < size
    again = opened(field.folder)
    assert again.empty
    assert field.files() == {"plates.list", "plates.key"}


def test_an_entry_may_end_before_its_list(field: Field) -> None:
    soon = ends_in(field.clock, 10)
    entries = [{"entry": "e-1", "plate": "鲁A12345", "expires_at": soon},
               {"entry": "e-2", "plate": "京AD12345"}]  # fmt: skip
    hotlist = opened(field.folder)
    hotlist.put(plates_list(entries=entries), field.now())
    field.clock.advance(10)

    assert not hotlist.match("鲁A12345", field.now())
    assert hotlist.purge(field.now()) == [("stolen", 1)]
    assert hotlist.expired == ()
    assert hotlist.match("京AD12345", field.now())


def test_a_clock_that_is_set_back_makes_no_list_live_longer_than_when_it_was_stored(
    field: Field,
) -> None:
    hotlist = opened(field.folder)
    hotlist.put(plates_list(expires_at=ends_in(field.clock, 60)), field.now())
    field.clock.advance(50)
    hotlist.put(plates_list(list="other", expires_at=ends_in(field.clock, 600)), field.now())
    field.clock.jump_utc(-86_400)
    field.clock.advance(5)
    assert hotlist.match("鲁A12345", field.now()), "as late as it was when that was stored"
    assert hotlist.match("鲁A12345", field.now() + timedelta(days=2)) == []


def test_a_disk_that_refuses_leaves_the_list_as_it_was_but_what_is_revoked_is_not_used(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    hotlist = opened(field.folder)
    hotlist.put(plates_list(), field.now())

    def full(*_args: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("edge.plates.vault.replace", full)
    entries = [{"entry": "e-9", "plate": "鲁A99999"}]
    with pytest.raises(OrderFailedError, match="No space"):
        hotlist.put(plates_list(version=2, mode="add", entries=entries), field.now())
    assert not hotlist.match("鲁A99999", field.now())
    assert hotlist.match("鲁A12345", field.now())
    with pytest.raises(OrderFailedError):
        hotlist.put(revocation(3, "e-1"), field.now())
    assert not hotlist.match("鲁A12345", field.now())
    assert hotlist.fault is not None


def test_what_a_full_disk_did_not_take_is_on_it_once_there_is_room(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    hotlist = opened(field.folder)
    hotlist.put(plates_list(), field.now())

    def full(*_args: object) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr("edge.plates.vault.replace", full)
        with pytest.raises(OrderFailedError):
            hotlist.put(revocation(2, "e-1"), field.now())
        hotlist.purge(field.now() + timedelta(seconds=11))
        assert hotlist.fault is not None
    hotlist.purge(field.now() + timedelta(seconds=22))
    assert hotlist.fault is None

    again = opened(field.folder)
    assert not again.match("鲁A12345", field.now()), "revoked, also after a restart"
    assert again.match("京AD12345", field.now())


def test_of_a_list_whose_parts_have_not_all_come_no_plate_is_kept(field: Field) -> None:
    hotlist = opened(field.folder)
    hotlist.put(plates_list(part=1, parts=2), field.now())

    assert "e-1" in repr(hotlist._staged)
    assert "12345" not in repr(hotlist._staged)


def test_a_long_list_costs_no_more_than_a_short_one_while_nothing_is_due(field: Field) -> None:
    """The worker asks both for each open hit, twice a second."""

    def cost_s(size: int) -> float:
        hotlist = opened(field.folder)
        for part in range(size // 500):
            numbers = range(500 * part, 500 * part + 500)
            entries = [{"entry": f"e-{n}", "plate": f"鲁A{n:05d}"} for n in numbers]
            hotlist.put(
                plates_list(list=f"l-{size}", part=part + 1, parts=size // 500, entries=entries),
                field.now(),
            )
        now, times = field.now(), []
        for _ in range(20):
            began_s = time.perf_counter()
            assert hotlist.stands(f"l-{size}", f"e-{size - 1}", now)
            assert hotlist.purge(now) == []
            times.append(time.perf_counter() - began_s)
        return min(times)

    short_s = cost_s(500)
    assert cost_s(10_000) < 5 * short_s


@pytest.mark.parametrize("damaged", [False, True])
def test_a_unit_that_reads_plates_no_more_keeps_none_and_takes_no_old_list_later(
    field: Field, *, damaged: bool
) -> None:
    folder = field.folder / "state"
    off = {"unit": {"id": "dog-1", "kind": "robot_dog"}, "state_dir": str(folder)}
    opened(folder).put(plates_list(version=5), field.now())
    (folder / "plates.hits").write_bytes(b"x")
    if damaged:
        (folder / "plates.list").write_bytes(b"junk")
    else:
        small = (folder / "plates.list").stat().st_size

    assert Plates.open(Settings.model_validate(off), field.clock, field.witness) is None
    assert not (folder / "plates.hits").exists()
    if damaged:
        assert not (folder / "plates.list").exists()
        return
    assert (folder / "plates.list").stat().st_size < small / 2
    again = opened(folder)
    assert again.empty
    with pytest.raises(OrderRefusedError, match="version 5"):
        again.put(plates_list(version=5), field.now())
    size = (folder / "plates.list").stat().st_size
    Plates.open(Settings.model_validate(off), field.clock, field.witness)
    assert (folder / "plates.list").stat().st_size == size


# --- commands and sticks ---


def test_a_command_leaves_no_plate_in_journal_store_or_reply(tmp_path: Path) -> None:
    unit = Commanded(tmp_path)
    hotlist = opened(tmp_path)

    class Install:
        long_running = False

        def check(self, order: object) -> None: ...

        def carry_out(self, order: object, progress: object) -> dict[str, object]:
            change = hotlist.put(order.args, unit.clock.utc())  # type: ignore[attr-defined]
            return {"list": change.list, "entries": change.entries}

    unit.handlers["plates.list"] = Install()  # type: ignore[assignment]
    args = plates_list().model_dump(mode="json", exclude_none=True)
    done = unit.send(unit.claims("plates.list", args=args))
    assert [reply.status for reply in done] == ["received", "accepted", "succeeded"]
    refused = unit.send(unit.claims("plates.list", args=args | {"blind": "no"}))
    assert refused[-1].code == "invalid_arguments"
    unit.intake.close()

    told = "".join(reply.model_dump_json() for reply in unit.replies).encode()
    disk = Field(tmp_path).disk()
    for plate in PLATES:
        for form in (plate.encode(), json.dumps(plate)[1:-1].encode()):
            assert form not in disk
            assert form not in told
    accepted = next(row for row in unit.journaled() if row["what"] == "accepted")
    assert "args" not in accepted
    assert len(accepted["digest"]) == 64


KEY = PrivateKey.new()


def keyring_at(folder: Path, **changes: object) -> Keyring:
    content = {"kid": "hub-1", "public": KEY.public.text, "issuer": "hub", "roles": ["commander"]}
    path = folder / "keyring.json"
    entry = KeyEntry.model_validate_json(json.dumps(content | changes, default=str))
    write_keyring(path, KeyringFile(keys=(entry,)))
    return Keyring(path)


def test_a_list_on_a_stick_is_taken_if_a_commander_has_signed_it_for_this_unit(
    field: Field,
) -> None:
    lists = SignedLists("car-07", keyring_at(field.folder))
    long_ago = field.now() - timedelta(days=20)
    for units in (("car-07",), ("dog-01", "car-07"), ("*",)):
        line = signed(plates_list(), units, long_ago, KEY, "hub-1")
        wanted, signer = lists.verified(line, field.now())
        assert (wanted, signer) == (plates_list(), "hub")


@pytest.mark.parametrize(
    ("changes", "units", "code"),
    [
        ({"roles": ["operator", "technician"]}, ("car-07",), "role_not_allowed"),
        ({"not_after": "2026-05-01T00:00:00Z"}, ("car-07",), "key_expired"),
        ({"revoked_at": "2026-05-01T00:00:00Z"}, ("car-07",), "key_revoked"),
        ({"kid": "hub-2"}, ("car-07",), "unknown_key"),
        ({"public": PrivateKey.new().public.text}, ("car-07",), "bad_signature"),
        ({}, ("dog-01",), "wrong_unit"),
        ({}, (), "wrong_unit"),
    ],
)
def test_a_stick_of_somebody_else_is_refused(
    field: Field, changes: dict[str, object], units: tuple[str, ...], code: str
) -> None:
    lists = SignedLists("car-07", keyring_at(field.folder, **changes))
    line = signed(plates_list(), units, field.now(), KEY, "hub-1")
    with pytest.raises(SignedFileError) as caught:
        lists.verified(line, field.now())
    assert caught.value.code == code


@given(st.text(max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_any_other_text_on_a_stick_is_refused(tmp_path: Path, text: str) -> None:
    field = Field(tmp_path)
    lists = SignedLists("car-07", keyring_at(field.folder))
    with pytest.raises(SignedFileError):
        lists.verified(text, field.now())


def test_a_command_is_no_stick_and_a_stick_is_no_command(tmp_path: Path) -> None:
    unit = Commanded(tmp_path)
    unit.handlers["plates.list"] = None  # type: ignore[assignment]  # it must not come so far
    write_keyring(
        tmp_path / "keyring.json",
        KeyringFile(
            keys=(
                KeyEntry(kid="hub-1", public=KEY.public.text, issuer="hub", roles=("commander",)),
            )
        ),
    )
    line = signed(plates_list(), ("dog-1",), unit.clock.utc(), KEY, "hub-1")
    assert unit.send_raw(line.encode()) == []
    assert unit.intake.stats().refused == {"malformed": 1}
    assert BLIND in plates_list().model_dump_json()
