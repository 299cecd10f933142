"""Pictures on the disk: whole or not there, bounded, the least given up first; raw ones never."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.pictures.picture import BadPictureError, Picture, Rank, from_bytes
from telemetry.pictures.spool import LEAST_FREE_BYTES, PictureSpool
from tests.pictures import picture

MIB = 2**20


def spool(folder: Path, max_bytes: int = MIB) -> PictureSpool:
    return PictureSpool(folder / "pictures", max_bytes)


def drained(box: PictureSpool) -> list[Picture]:
    """All that waits, in the order in which it would go."""
    found = []
    box.work()
    while (each := box.newest()) is not None:
        found.append(each)
        box.gone(each)
        box.work()
    return found


def test_a_picture_goes_to_the_disk_and_comes_back_the_same(tmp_path: Path) -> None:
    kept = picture()
    assert spool(tmp_path).put(kept)
    after = spool(tmp_path)  # another process
    after.work()
    assert after.newest() == kept
    assert after.stats().waiting == 1


def test_what_has_left_is_off_the_disk(tmp_path: Path) -> None:
    box = spool(tmp_path)
    box.put(picture())
    assert len(drained(box)) == 1
    assert list((tmp_path / "pictures").iterdir()) == []
    assert box.stats().sent == 1


def test_what_was_asked_for_goes_first_and_of_equals_the_newest(tmp_path: Path) -> None:
    box = spool(tmp_path)
    ranks = [Rank.DETECTION, Rank.ALERT, Rank.ASKED, Rank.ALERT, Rank.DETECTION]
    put = [picture(rank, seed=number) for number, rank in enumerate(ranks)]
    for each in put:
        box.put(each)
    assert [each.id for each in drained(box)] == [put[n].id for n in (2, 3, 1, 4, 0)]


def test_a_better_one_takes_the_place_of_one_that_was_read_ahead(tmp_path: Path) -> None:
    box = spool(tmp_path)
    box.put(picture(Rank.DETECTION))
    urgent = picture(Rank.ALERT, seed=2)
    box.put(urgent)
    assert box.newest() == urgent


def test_a_full_spool_gives_up_detections_before_alerts_and_old_ones_before_new(
    tmp_path: Path,
) -> None:
    box = spool(tmp_path, 5 * 4400)
    ranks = [Rank.ALERT, Rank.DETECTION, Rank.DETECTION, Rank.ALERT, Rank.ALERT, Rank.ALERT]
    put = [picture(rank, size_bytes=4000, seed=number) for number, rank in enumerate(ranks)]
    for each in put:
        box.put(each)
    assert {each.id for each in drained(box)} == {put[n].id for n in (0, 2, 3, 4, 5)}
    assert box.stats().drops == {"spool_full": 1}


def test_a_detection_finds_no_room_among_alerts(tmp_path: Path) -> None:
    box = spool(tmp_path, 9000)
    kept = [picture(Rank.ALERT, seed=number) for number in range(2)]
    assert all(box.put(each) for each in kept)
    assert not box.put(picture(Rank.DETECTION, seed=9))
    assert {each.id for each in drained(box)} == {each.id for each in kept}


def test_what_is_larger_than_the_spool_is_dropped_and_counted(tmp_path: Path) -> None:
    box = spool(tmp_path, 3000)
    assert not box.put(picture(size_bytes=4000))
    assert box.stats().drops == {"spool_full": 1}
    assert box.stats().waiting == 0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(Rank), st.integers(1000, 9000)), max_size=20))
def test_it_never_holds_more_than_it_may(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[tuple[Rank, int]]
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    box = spool(folder, 20_000)
    for number, (rank, size) in enumerate(wanted):
        box.put(picture(rank, size_bytes=size, seed=number))
        on_disk = sum(path.stat().st_size for path in (folder / "pictures").iterdir())
        assert on_disk == box.stats().size_bytes <= 20_000


def test_an_unredacted_picture_never_comes_near_the_disk(tmp_path: Path) -> None:
    box = spool(tmp_path)
    raw = picture(redacted=False)
    assert box.put(raw)
    assert box.newest() == raw
    folder = tmp_path / "pictures"
    assert not folder.exists() or not list(folder.iterdir())
    after = spool(tmp_path)
    after.work()
    assert after.newest() is None


def test_at_most_two_unredacted_pictures_wait(tmp_path: Path) -> None:
    box = spool(tmp_path)
    for seed in range(3):
        box.put(picture(redacted=False, seed=seed))
    assert box.stats().waiting == 2
    assert box.stats().drops == {"memory_full": 1}


def test_a_file_that_says_it_is_not_redacted_is_not_believed(tmp_path: Path) -> None:
    """Whoever can write into the folder cannot have the unit send what it would not."""
    raw = picture(redacted=False)
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / raw.name).write_bytes(raw.to_bytes())
    box = spool(tmp_path)
    assert drained(box) == []
    assert box.stats().drops == {"damaged": 1}
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("change", ["cut", "flipped", "empty", "renamed"])
def test_a_damaged_file_is_removed_and_counted_and_the_others_go(
    tmp_path: Path, change: str
) -> None:
    box = spool(tmp_path)
    good, bad = picture(seed=1), picture(seed=2)
    box.put(good)
    box.put(bad)
    path = tmp_path / "pictures" / bad.name
    data = path.read_bytes()
    if change == "renamed":
        path.rename(path.with_name("0-zzz.picture"))
    else:
        path.write_bytes(
            {"cut": data[:-9], "empty": b"", "flipped": data[:-5] + b"x" + data[-4:]}[change]
        )
    after = spool(tmp_path)
    assert [each.id for each in drained(after)] == [good.id]
    assert after.stats().drops == {"damaged": 1}


def test_half_a_write_is_cleared_away_at_the_next_start(tmp_path: Path) -> None:
    box = spool(tmp_path)
    box.put(picture())
    (tmp_path / "pictures" / "1-x.picture.new").write_bytes(b"{half")
    after = spool(tmp_path)
    after.work()
    assert [path.suffix for path in (tmp_path / "pictures").iterdir()] == [".picture"]


def test_the_last_of_a_disk_is_for_events(tmp_path: Path) -> None:
    """Where somebody else fills the disk, pictures give way, also those that wait already."""
    free = [LEAST_FREE_BYTES]
    box = PictureSpool(tmp_path / "pictures", MIB, lambda _folder: free[0])
    assert box.put(picture(seed=1))
    free[0] -= 1
    assert not box.put(picture(seed=2))
    box.work()
    assert box.stats().waiting == 0
    assert box.newest() is None
    assert list((tmp_path / "pictures").iterdir()) == []
    assert box.stats().drops == {"disk_low": 2}
    free[0] += 1
    assert box.put(picture(seed=3))


def test_a_disk_that_takes_nothing_is_told_and_survived(tmp_path: Path) -> None:
    (tmp_path / "pictures").write_bytes(b"a file where the folder should be")
    box = spool(tmp_path)
    assert not box.put(picture())
    assert box.stats().fault
    assert box.stats().drops == {"disk": 1}


@given(st.binary(max_size=400))
def test_bytes_of_any_kind_are_a_picture_or_an_error(data: bytes) -> None:
    for tried in (data, b'{"v": 1}\n' + data, b'{"v":1,"id":1,"rank":9}\n' + data):
        with pytest.raises(BadPictureError):
            from_bytes(tried)
