"""One flash at a time, by the kernel's lock; and what an overlay is worth without its base."""

import subprocess
import sys
from pathlib import Path

import pytest

from config.slots import Content, LaneState, SlotsFile
from edge.bundles.refusal import BundleError
from edge.flashing.lock import sole_use


def test_a_second_flash_is_told_that_one_is_under_way(tmp_path: Path) -> None:
    folder = tmp_path / "slots"
    with sole_use(folder), pytest.raises(BundleError) as refusal, sole_use(folder):
        pass
    assert refusal.value.code == "busy"
    assert refusal.value.cure


def test_the_lock_of_a_process_that_was_killed_is_gone(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys\n"
        "from edge.flashing.lock import sole_use\n"
        "with sole_use(pathlib.Path(sys.argv[1])):\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "slots")], check=False)
    assert done.returncode == -9
    with sole_use(tmp_path / "slots"):
        assert [path.name for path in (tmp_path / "slots").iterdir()] == ["lock"]


def _with_overlay(active_base: str) -> SlotsFile:
    base = Content(bundle=active_base, name="base", serial=3, kind="config")
    overlay = Content(bundle="o", name="overlay", serial=1, kind="overlay", base="one")
    return SlotsFile(
        lanes={
            "config": LaneState(slots={"a": base}, active="a"),
            "overlay": LaneState(slots={"b": overlay}, active="b"),
        }
    )


def test_an_overlay_rests_while_another_base_is_in_use() -> None:
    assert _with_overlay("one").overlay == "b"
    assert _with_overlay("another").overlay is None
