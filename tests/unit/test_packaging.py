"""What is installed is what was locked, and what is built has everything in it."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted(ROOT.glob("requirements*.lock"))
ENTRY = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)(.*?)(?=^[a-z0-9]|\Z)", re.M | re.S)


def entries(lock: Path) -> dict[str, str]:
    """Name to everything that is said of it, markers and hashes."""
    return {name: rest for name, _, rest in ENTRY.findall(lock.read_text())}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_entry_is_pinned_with_hashes_and_without_an_address(lock: Path) -> None:
    found = entries(lock)
    assert found, "the search above no longer finds the entries"
    assert [name for name, rest in found.items() if "--hash=sha256:" not in rest] == []
    text = lock.read_text()
    assert "://" not in text
    assert not re.search(r"^-|@ |file:", text, re.M), "an option, a path or an address"


def test_opencv_is_the_headless_one_and_nothing_drags_in_the_other() -> None:
    names = {name for lock in LOCKS for name in entries(lock) if name.startswith("opencv")}
    assert names == {"opencv-python-headless"}


def test_every_package_and_every_data_file_is_built_in() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = ("config", "drivers", "firmware_bridge", "perception", "telemetry", "edge")
    there = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for folder in folders
        for path in (ROOT / folder).rglob("__init__.py")
    }
    assert set(tool["packages"]) == there
    data = {
        path.relative_to(ROOT)
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    built = {
        path.relative_to(ROOT)
        for package, patterns in tool["package-data"].items()
        for pattern in patterns
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    assert data == built
