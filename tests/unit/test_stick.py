"""Which bundle on a stick is meant."""

from pathlib import Path

import pytest

from edge.flashing.stick import StickError, bundle_on


def put(root: Path, *names: str, data: bytes = b"x") -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)


def test_the_one_bundle_is_taken_whatever_macos_has_put_beside_it(tmp_path: Path) -> None:
    put(tmp_path, "._car.peb", "car.peb", ".Trashes/old.peb", ".Spotlight-V100/x.peb", "notes.txt")
    assert bundle_on(tmp_path, "car-07") == tmp_path / "car.peb"


@pytest.mark.parametrize("name", ["CAR.PEB", "patrol-edge/x.peb", "car-07/x.peb"])
def test_places_where_it_may_lie(tmp_path: Path, name: str) -> None:
    put(tmp_path, name)
    assert bundle_on(tmp_path, "car-07") == tmp_path / name


def test_a_folder_with_the_units_name_goes_before_all_else(tmp_path: Path) -> None:
    put(tmp_path, "car-06/x.peb", "patrol-edge/car-07/y.peb", "old.peb", "older.peb")
    assert bundle_on(tmp_path, "car-07").name == "y.peb"


def test_two_are_refused_by_name(tmp_path: Path) -> None:
    put(tmp_path, "a.peb", "patrol-edge/b.peb")
    with pytest.raises(StickError, match=r"2 bundles.*a\.peb, patrol-edge/b\.peb") as raised:
        bundle_on(tmp_path, "car-07")
    assert raised.value.meant


def test_an_empty_file_was_pulled_too_early(tmp_path: Path) -> None:
    put(tmp_path, "a.peb", data=b"")
    with pytest.raises(StickError, match="0 bytes") as raised:
        bundle_on(tmp_path, "car-07")
    assert "eject" in raised.value.cure


@pytest.mark.parametrize(
    ("names", "meant"),
    [
        (("music/song.mp3",), False),
        (("patrol-edge/readme.txt",), True),
        (("car.peb.zip",), True),
        (("car.peb.part",), True),
        (("car-07/readme",), True),
    ],
)
def test_none_is_told_and_only_somebody_who_meant_it_is_bothered(
    tmp_path: Path, names: tuple[str, ...], *, meant: bool
) -> None:
    put(tmp_path, *names)
    with pytest.raises(StickError) as raised:
        bundle_on(tmp_path, "car-07")
    assert raised.value.meant == meant
    assert raised.value.cure


def test_links_are_not_followed(tmp_path: Path) -> None:
    put(tmp_path, "elsewhere/a.peb")
    root = tmp_path / "stick"
    root.mkdir()
    (root / "a.peb").symlink_to(tmp_path / "elsewhere/a.peb")
    (root / "patrol-edge").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StickError):
        bundle_on(root, "car-07")


def test_a_stick_that_has_gone_says_so(tmp_path: Path) -> None:
    with pytest.raises(StickError, match="no bundle is on the stick"):
        bundle_on(tmp_path / "gone", "car-07")
