"""Flashing with real bundles onto a unit that nobody runs: taken, refused, mended, on record."""

import errno
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from config.loading import load
from config.slots import FILE, SlotsFile, slot_folder
from edge.bundles.manifest import BaseOf
from edge.bundles.refusal import BundleError
from edge.flashing import engine, records, space, staging
from edge.flashing.lock import sole_use
from edge.flashing.telling import crossed_out
from edge.flashing.trial.standing import Slots
from edge.slots import mending, serials
from edge.slots.mending import INCOMING, clean
from telemetry.commands.journal import journal_files
from telemetry.commands.journal_check import check
from tests.bundle_maker import NOW, trust_of
from tests.commanded import DEVICE, Commanded
from tests.flashing_stand import Stand, made

AREA = {
    "type": "FeatureCollection",
    "crs": "wgs84",
    "features": [
        {
            "type": "Feature",
            "properties": {"name": "park", "kind": "area"},
            "geometry": {
                "type": "Polygon",
                "coordinates": [
                    [[116.59, 35.41], [116.60, 35.41], [116.60, 35.42], [116.59, 35.41]]
                ],
            },
        }
    ],
}


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


def refused(stand: Stand, data: bytes) -> BundleError:
    """The refusal; nothing but the records has changed."""
    before = tree(stand.unit.folder)
    with pytest.raises(BundleError) as found:
        stand.flash(data)
    assert tree(stand.unit.folder) == before
    last = records.waiting(stand.unit.folder)[-1]
    assert (last["step"], last["code"]) == ("refused", found.value.code)
    return found.value


def tree(folder: Path) -> dict[str, bytes]:
    """All files of the slots but the records and the lock."""
    skipped = ("lock", records.PENDING, "serials.json")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in skipped and path.read_bytes() != EMPTY
    }


EMPTY = (SlotsFile().model_dump_json(indent=1) + "\n").encode()


# --- what is taken ---


def test_a_configuration_is_on_trial_from_the_next_start_and_in_effect(stand: Stand) -> None:
    outcome = stand.flash(stand.base(3))

    assert (outcome.end, outcome.lane, outcome.slot) == ("at_next_start", "config", "a")
    trial = stand.slots.trial
    assert trial is not None
    assert (trial.back_to, trial.by, trial.hub_was_there) == (None, "local:anna", False)
    assert load(stand.unit.config).settings.position.patrol_every_s == 4
    assert [step.stage for step in stand.steps if step.done_bytes is None] == [
        "received", "checked", "unpacked", "tried", "staged", "switched",
    ]  # fmt: skip
    assert [each["step"] for each in records.waiting(stand.unit.folder)] == ["staged", "switched"]


def test_the_next_one_goes_into_the_other_slot_and_the_serial_only_goes_up(stand: Stand) -> None:
    stand.kept(stand.base(3))
    outcome = stand.flash(stand.base(7))
    assert outcome.slot == "b"
    stand.commit()

    for serial in (3, 6, 7):
        assert refused(stand, stand.base(serial)).code == "replayed"
    assert stand.flash(stand.base(8)).slot == "a"


def test_what_was_rolled_back_may_come_again_and_the_old_was_there_all_the_time(
    stand: Stand,
) -> None:
    stand.kept(stand.base(3))
    stand.flash(stand.base(7, b"position:\n  patrol_every_s: 2\n"))
    stand.roll_back()
    assert load(stand.unit.config).settings.position.patrol_every_s == 4
    assert stand.flash(stand.base(7)).slot == "b"


def test_zones_and_overlay_and_what_a_new_base_does_to_them(stand: Stand) -> None:
    base = stand.base(3, overlay_keys=("position.*", "position"))
    stand.kept(base)
    active = stand.slots.lane("config").content
    assert active is not None
    over = {"overlay.yaml": b"position:\n  patrol_every_s: 2\n"}
    goes_onto = BaseOf(bundle=active.bundle, serial=3)
    stand.kept(made(over, "overlay", 1, base=goes_onto))
    stand.kept(made({"zones/park.geojson": json.dumps(AREA).encode()}, "zones", 1))
    settings = load(stand.unit.config).settings
    assert settings.position.patrol_every_s == 2
    assert len(settings.zones.files) == 1

    outcome = stand.flash(stand.base(4))
    assert "made for another configuration" in " ".join(outcome.notes)
    assert stand.slots.overlay is None
    assert load(stand.unit.config).settings.position.patrol_every_s == 4
    stand.roll_back()
    assert load(stand.unit.config).settings.position.patrol_every_s == 2


def test_a_new_list_of_keys_counts_at_once_and_never_an_older_one(stand: Stand) -> None:
    new = trust_of("anna", "carl", serial=2)
    content = {"trust.json": new.model_dump_json(exclude_none=True).encode()}
    bundle = made(content, "trust", 2, "anna", "bert", "carl")
    assert stand.flash(bundle).end == "adopted"
    assert refused(stand, bundle).code == "replayed"
    assert stand.flash(made({"unit.yaml": b"{}\n"}, "config", 1, "carl")).end == "at_next_start"


# --- what is refused ---


def test_a_configuration_that_would_not_load_is_refused_with_its_line(stand: Stand) -> None:
    stand.kept(stand.base(3))
    refusal = refused(stand, stand.base(4, b"position:\n  patrol_every_s: 4000\n"))
    assert refusal.code == "invalid_config"
    assert "patrol_every_s" in str(refusal)


def test_a_configuration_that_names_a_missing_model_is_refused(stand: Stand) -> None:
    wrong = b"perception:\n  model: nanodet_h\n"
    assert refused(stand, stand.base(4, wrong)).code == "invalid_config"


def test_an_overlay_that_reaches_too_far_or_is_for_another_base_is_refused(stand: Stand) -> None:
    stand.kept(stand.base(3, overlay_keys=("position",)))
    active = stand.slots.lane("config").content
    assert active is not None
    goes_onto = BaseOf(bundle=active.bundle, serial=3)
    far = {"overlay.yaml": b"hub:\n  url: mqtt://elsewhere\n"}
    assert refused(stand, made(far, "overlay", 1, base=goes_onto)).code == "invalid_config"
    near = {"overlay.yaml": b"position:\n  patrol_every_s: 2\n"}
    other = BaseOf(bundle=active.bundle, serial=2)
    assert refused(stand, made(near, "overlay", 1, base=other)).code == "wrong_base"


def test_zones_that_cross_themselves_are_refused(stand: Stand) -> None:
    ring = [[116.59, 35.41], [116.60, 35.42], [116.60, 35.41], [116.59, 35.42], [116.59, 35.41]]
    crossed = json.loads(json.dumps(AREA))
    crossed["features"][0]["geometry"]["coordinates"] = [ring]
    data = made({"zones/park.geojson": json.dumps(crossed).encode()}, "zones", 1)
    assert refused(stand, data).code == "invalid_config"


def test_nothing_is_taken_while_something_is_on_trial_or_being_flashed(stand: Stand) -> None:
    stand.flash(stand.base(3))
    assert refused(stand, stand.base(4)).code == "busy"
    stand.commit()
    with sole_use(stand.unit.folder):
        assert refused(stand, stand.base(4)).code == "busy"


def test_a_bundle_that_is_cut_off_leaves_nothing(stand: Stand) -> None:
    stand.kept(stand.base(3))
    assert refused(stand, stand.base(4)[:-700]).code == "malformed"
    assert not (stand.unit.folder / "config" / INCOMING).exists()


def test_what_the_unit_does_not_change_over_to_leaves_both_slots_as_they_were(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.kept(stand.base(3))
    stand.kept(stand.base(4))

    def busy(*_given: object) -> SlotsFile:
        raise BundleError("busy", "a task has just begun")

    monkeypatch.setattr(engine, "begin_here", busy)
    assert refused(stand, stand.base(5)).code == "busy"
    assert stand.slots.lane("config").previous == "a"


def test_no_room_is_told_before_a_byte_is_written(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(space, "KEPT_BYTES", 2**60)
    refusal = refused(stand, stand.base(4))
    assert refusal.code == "storage"
    assert "MiB" in str(refusal)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_while_it_is_put_in_place_leaves_the_old(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    stand.kept(stand.base(3))

    def fails(_folder: Path) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(staging, "sync_folder", fails)
    with pytest.raises(BundleError) as found:
        stand.flash(stand.base(4))
    assert found.value.code == "storage"
    assert load(stand.unit.config).settings.position.patrol_every_s == 4
    monkeypatch.undo()
    assert stand.flash(stand.base(4)).slot == "b"


# --- serials, in two places ---


def test_the_higher_of_both_serials_counts_and_an_old_slots_file_is_told(stand: Stand) -> None:
    stand.kept(stand.base(3))
    old = (stand.unit.folder / FILE).read_bytes()
    stand.kept(stand.base(7))
    mending.remember(stand.unit.state_dir, stand.slots)
    (stand.unit.folder / FILE).write_bytes(old)

    refused_again = stand.base(6)
    with pytest.raises(BundleError) as found:
        stand.flash(refused_again)
    assert found.value.code == "replayed"
    told = [each for each in records.waiting(stand.unit.folder) if each["step"] == "mended"]
    assert "put back" in told[0]["text"]
    assert stand.slots.lane("config").serial == 7


@pytest.mark.parametrize("damage", [b"{", b"", None])
def test_a_slots_file_that_was_lost_is_made_anew_with_what_had_been_kept(
    stand: Stand, damage: bytes | None
) -> None:
    stand.kept(stand.base(3))
    stand.kept(stand.base(7, b"position:\n  patrol_every_s: 2\n"))
    mending.remember(stand.unit.state_dir, stand.slots)
    if damage is None:
        (stand.unit.folder / FILE).unlink()
    else:
        (stand.unit.folder / FILE).write_bytes(damage)

    assert stand.flash(stand.base(8)).slot == "a"
    stand.roll_back()
    state = stand.slots.lane("config")
    assert (state.active, state.serial) == ("b", 7)
    assert load(stand.unit.config).settings.position.patrol_every_s == 2


def test_where_both_places_are_lost_none_goes_below_what_lies_in_the_slots(stand: Stand) -> None:
    stand.kept(stand.base(3))
    stand.kept(stand.base(7))
    (stand.unit.folder / FILE).write_bytes(b"\0" * 40)
    serials.second_place(stand.unit.state_dir).write_bytes(b"\0" * 40)

    with pytest.raises(BundleError) as found:
        stand.flash(stand.base(7))
    assert found.value.code == "replayed"
    assert stand.slots.lane("config").active == "a"  # the newer may have been on trial


def test_the_sealed_place_counts_for_the_packaged_unit_alone(tmp_path: Path) -> None:
    assert serials.second_place(tmp_path, tmp_path) == tmp_path / serials.FILE
    sealed = serials.second_place(serials.SERVICE_STATE, tmp_path)
    assert sealed == tmp_path / serials.FILE
    missing = serials.second_place(serials.SERVICE_STATE, tmp_path / "none")
    assert missing == serials.SERVICE_STATE / serials.FILE


# --- what a power cut leaves ---


def test_leftovers_are_cleaned_away(stand: Stand) -> None:
    stand.kept(stand.base(3))
    left = stand.unit.folder / "config" / INCOMING / "files"
    left.mkdir(parents=True)
    (left / "unit.yaml").write_text("half")
    assert clean(stand.unit.folder) == [f"config/{INCOMING}"]
    assert not left.exists()
    assert slot_folder(stand.unit.folder, "config", "a").exists()


# --- records ---


def test_records_of_many_at_once_are_all_there(tmp_path: Path) -> None:
    def write(name: str) -> None:
        for number in range(20):
            records.note(tmp_path, "refused", NOW, by=name, number=number)

    writers = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(records.waiting(tmp_path)) == 80


def test_the_journal_of_the_unit_takes_them_over_once_and_stays_whole(tmp_path: Path) -> None:
    unit, folder = Commanded(tmp_path), tmp_path / "slots"
    for number in range(5):
        records.note(folder, "refused", NOW, code="replayed", number=number)
    with (folder / records.PENDING).open("ab") as file:
        file.write(b'{"record":"torn')  # by a power cut
    records.note(folder, "staged", NOW, name="north")

    assert records.take_over(folder, unit.journal) == 6
    assert records.take_over(folder, unit.journal) == 0
    unit.journal.close()
    found = [each for each in unit.journaled() if each["what"] == records.WHAT]
    assert [each["step"] for each in found] == ["refused"] * 5 + ["staged"]
    verdict = check(journal_files(tmp_path / "journal"), DEVICE.public)
    assert verdict.bad is None


def test_nothing_is_taken_by_a_list_that_is_not_the_newest(stand: Stand) -> None:
    """Its chain was deleted, by somebody who has become the service, or lost by the disk."""
    from edge.slots.mending import remember

    stand.kept(stand.base(3))
    remember(stand.unit.state_dir, stand.slots, trust=5)
    with pytest.raises(BundleError) as caught:
        stand.flash(stand.base(4))
    assert caught.value.code == "no_trust"
    assert "5 was in use" in caught.value.text
    assert stand.slots.lane("config").serial == 3


def test_what_the_unit_writes_while_it_is_mended_stands(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.kept(stand.base(3))
    second = serials.second_place(stand.unit.state_dir)
    assert serials.write_second(second, serials.SerialsFile(lanes={"config": 9}))
    real, folder, state_dir = mending.look_at, stand.unit.folder, stand.unit.state_dir
    unit = threading.Thread(
        target=lambda: Slots(state_dir).change(lambda slots: crossed_out(slots, [*slots.ended]))
    )

    def while_it_writes(*given: Any) -> mending.Known:
        known = real(*given)
        unit.start()
        unit.join(0.2)
        return known

    monkeypatch.setattr(mending, "look_at", while_it_writes)
    mending.mend(folder, state_dir, lambda _slot: pytest.fail("nothing is lost"))
    unit.join(5)
    assert stand.slots.lane("config").serial == 9
    assert all(ended.told for ended in stand.slots.ended)
