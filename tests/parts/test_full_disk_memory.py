"""On a disk that somebody else has filled, a call for help and orders are still remembered."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from drivers.gnss.route import moved
from edge.tasks import moves
from edge.tasks.memory import RESERVE_BYTES, Memory
from edge.tasks.sos import SosBook, SosDesk
from edge.tasks.soundness import is_sound_call
from edge.tasks.teller import Teller
from telemetry.contract.uuid7 import uuid7
from tests.duty_desk import TOWN, World, fix


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small tmpfs")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=False)


def fill(folder: Path) -> None:
    """To the last byte, again and again: whatever is given up and not used is gone."""
    with suppress(OSError), (folder / "ballast").open("ab", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass


def sos_of(world: World) -> SosDesk:
    return SosDesk(
        Memory(world.folder / "sos.json", SosBook, is_sound_call),
        Teller(world.outbox),  # type: ignore[arg-type]
        world.now,
        lambda _draft: None,
    )


def test_a_call_on_a_full_disk_outlives_a_kill(small_disk: Path) -> None:
    world = World(small_disk)
    world.outbox.stuck = True  # the outbox has only memory, too
    sos = sos_of(world)
    for step in range(480):
        world.clock.advance(0.125)
        sos.tick(fix(world.clock.mono_s(), moved(TOWN, step / 10, 0), 1.0))
    fill(small_disk)
    call = sos.call("collision", "local:crew")
    assert sos.memory.fault is None
    fill(small_disk)
    again = sos_of(world)  # killed: only the file is left
    assert again.book.call == call
    assert [event.data["phase"] for event in again.book.untold] == ["new"]
    again.cancel(call.episode, "local:crew")
    assert again.memory.fault is None
    fill(small_disk)
    assert sos_of(world).book.call is None, "its end is remembered, too"


def test_a_task_on_a_full_disk_outlives_a_kill(small_disk: Path) -> None:
    world = World(small_disk)
    world.be_at(TOWN, 0.0)
    fill(small_disk)
    for priority in (3, 2, 1):
        order, command = world.order(priority=priority), uuid7(world.clock.utc())
        world.desk.do(partial(moves.assign, config=world.config, order=order, command=command))
        assert world.desk.memory.fault is None
        fill(small_disk)
    world.restart()
    assert len(world.desk.book.tasks) == 3


def test_the_room_is_kept_again_when_there_is_some(small_disk: Path) -> None:
    memory = Memory(small_disk / "sos.json", SosBook)
    fill(small_disk)
    assert not memory.save(SosBook()), "the control: nothing was kept yet"
    (small_disk / "ballast").unlink()
    assert memory.save(SosBook())
    assert (small_disk / "sos.json.reserve").stat().st_blocks * 512 == RESERVE_BYTES
