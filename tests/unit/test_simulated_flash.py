"""The simulated board's flash and boot loader: no power cut leaves it without an image to start."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.simulated.boot_log import SIZE_BYTES, BootLog
from firmware_bridge.simulated.flash import SECTOR_BYTES, Flash, PowerLostError
from firmware_bridge.simulated.images import body, image
from firmware_bridge.simulated.slots import Boot, Slots

SLOT_BYTES = 2 * SECTOR_BYTES
OLD, NEW = image("1.0.0", body(6000, seed=0)), image("1.1.0", body(6500, seed=1))


def test_flash_only_clears_bits_until_it_is_erased(tmp_path: Path) -> None:
    flash = Flash(tmp_path / "flash.bin", SECTOR_BYTES)
    flash.program(10, b"\xf0")
    flash.program(10, b"\x3c")
    assert flash.read(9, 3) == b"\xff\x30\xff"
    flash.close()
    again = Flash(tmp_path / "flash.bin", SECTOR_BYTES)
    assert again.read(10, 1) == b"\x30"
    again.erase(0, 1)
    assert again.read(0, SECTOR_BYTES) == b"\xff" * SECTOR_BYTES


def test_a_write_that_the_power_cuts_is_torn(tmp_path: Path) -> None:
    flash = Flash(tmp_path / "flash.bin", SECTOR_BYTES)
    flash.fuse = 1
    with pytest.raises(PowerLostError):
        flash.program(0, bytes(1024))
    assert flash.read(0, 256) == bytes(256)
    assert flash.read(512, 512) == b"\xff" * 512


@settings(max_examples=6, deadline=None)
@given(cuts=st.lists(st.integers(0, 20), max_size=8), seed=st.integers(0, 99))
def test_the_log_remembers_what_was_written_last(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], seed: int
) -> None:
    flash = Flash(tmp_path_factory.mktemp("log") / "flash.bin", SIZE_BYTES)
    log, dice, last = BootLog(flash, 0), random.Random(seed), 0
    for step in range(1, 720):  # more than both sectors hold
        if cuts and dice.random() < 0.01:
            flash.fuse = cuts.pop()
        try:
            log.write(Boot.TO_TRIAL, step)
        except PowerLostError:
            flash.fuse = None
            entry = log.last()
            assert (entry.step if entry else 0) in (last, step)
            log.write(Boot.TO_TRIAL, step)
        last = step
        entry = log.last()
        assert entry is not None
        assert entry.step == step


def delivered(folder: Path) -> Slots:
    slots = Slots(folder / "flash.bin", SLOT_BYTES)
    slots.deliver(OLD)
    slots.erase()
    slots.write(0, NEW)
    return slots


def runs(slots: Slots) -> str:
    """What it runs after a start that may be cut, and was made again."""
    while True:
        try:
            running = slots.boot()
        except PowerLostError:
            slots.flash.fuse = None
            continue
        assert running is not None, "no image can be started"
        return running.version


def test_an_image_runs_on_trial_and_goes_unless_it_is_confirmed(tmp_path: Path) -> None:
    slots = delivered(tmp_path)
    assert runs(slots) == "1.0.0"
    slots.mark(for_good=False)
    assert [runs(slots), runs(slots), runs(slots)] == ["1.1.0", "1.0.0", "1.0.0"]
    slots.mark(for_good=False)
    assert runs(slots) == "1.1.0"
    slots.confirm()
    assert [runs(slots), runs(slots)] == ["1.1.0", "1.1.0"]
    slots.mark(for_good=True)
    assert [runs(slots), runs(slots)] == ["1.0.0", "1.0.0"]


def test_an_image_that_is_damaged_is_never_started(tmp_path: Path) -> None:
    slots = delivered(tmp_path)
    slots.mark(for_good=False)
    slots.flash.program(SLOT_BYTES + 100, b"\0")
    assert runs(slots) == "1.0.0"
    assert slots.state is Boot.SETTLED


@pytest.mark.parametrize("cut", range(0, 260, 9))
def test_power_that_fails_during_a_swap_costs_nothing(tmp_path: Path, cut: int) -> None:
    slots = delivered(tmp_path)
    slots.mark(for_good=False)
    slots.flash.fuse = cut
    assert runs(slots) == "1.1.0"
    slots.flash.fuse = cut  # and on the way back
    assert runs(slots) == "1.0.0"
    other = slots.image(1)
    assert other is not None
    assert other.version == "1.1.0"


def test_the_control_a_swap_that_is_not_logged_breaks(tmp_path: Path) -> None:
    slots = delivered(tmp_path)
    slots.flash.fuse = 40
    with pytest.raises(PowerLostError):
        hasty_update(slots)
    slots.flash.fuse = None
    assert slots.image(0) is None


def hasty_update(slots: Slots) -> None:
    for sector in range(0, SLOT_BYTES, SECTOR_BYTES):
        slots.flash.copy(SLOT_BYTES + sector, sector)
