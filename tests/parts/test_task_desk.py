"""The desk on a real disk with a real outbox: killed in the middle, damaged, and refused."""

import json
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.clock import SystemClock
from edge.tasks import moves
from edge.tasks.memory import Memory
from edge.tasks.record import Book
from edge.tasks.teller import Teller, draft_of
from telemetry.contract.envelope import Sender
from telemetry.contract.uuid7 import uuid7
from telemetry.outbox.outbox import Outbox
from tests.dispatched_kills import kill_again_and_again
from tests.duty_desk import World, changed, wire_route


def ordered(world: World) -> None:
    order = world.order()
    world.desk.do(lambda page: moves.assign(page, world.config, order, uuid7(page.now.utc)))


def test_kills_in_the_middle_leave_state_and_events_in_agreement(tmp_path: Path) -> None:
    found = kill_again_and_again(tmp_path, 6)
    assert found.broken == []
    assert found.lost == 0
    assert found.promised > 12


def test_a_damaged_file_is_set_aside_and_the_unit_goes_on(tmp_path: Path) -> None:
    world = World(tmp_path)
    ordered(world)
    whole = (tmp_path / "orders.json").read_bytes()
    for damage in (
        b"",
        b"\0" * 500,
        whole[: len(whole) // 2],
        b"[" * 100_000,
        b'{"duty": "asleep"}',
    ):
        (tmp_path / "orders.json").write_bytes(damage)
        world.restart()
        world.desk.begin()
        assert world.desk.book.tasks == ()
        assert world.desk.memory.lost is not None
        assert (tmp_path / "orders.json.damaged").read_bytes() == damage
        last = world.outbox.duties[-1]
        assert (last.cause, last.duty) == ("start", "on_patrol"), "the hub is told"
        ordered(world)
        world.restart()
        assert len(world.desk.book.tasks) == 1


@pytest.mark.parametrize("share", range(0, 100, 7))
def test_a_file_cut_anywhere_never_stops_the_unit(tmp_path: Path, share: int) -> None:
    world = World(tmp_path)
    ordered(world)
    path = tmp_path / "orders.json"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * share // 100])
    world.restart()
    ordered(world)


def test_a_disk_that_refuses_is_a_fault_and_the_task_goes_on(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs a folder that root cannot write either")
    world = World(tmp_path / "state")
    ordered(world)
    (tmp_path / "state").rename(tmp_path / "gone")
    (tmp_path / "state").write_text("a file is in the way")
    world.desk.do(lambda page: moves.act(page, None, "acknowledge"))
    assert world.desk.memory.fault is not None
    assert world.outbox.tasks[-1].state == "acknowledged", "told nevertheless"
    (tmp_path / "state").unlink()
    world.wait(10)
    assert world.desk.memory.fault is None
    content = json.loads((tmp_path / "state" / "orders.json").read_text())
    assert content["tasks"][0]["state"] == "acknowledged"


def test_what_the_outbox_has_not_stored_is_told_again_after_a_restart_as_it_was(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    world.outbox.stuck = True
    ordered(world)
    first = [id_ for id_, _ in world.outbox.told]
    world.wait(20)
    assert [id_ for id_, _ in world.outbox.told] == first, "it is with the outbox already"
    world.outbox.stuck = False
    world.restart()
    world.wait(1)
    again = world.outbox.told[len(first) :]
    assert [id_ for id_, _ in again] == first
    assert [draft for _, draft in again] == [draft for _, draft in world.outbox.told[: len(first)]]
    world.wait(10)
    world.restart()
    world.wait(1)
    assert len(world.outbox.told) == 2 * len(first), "now it is crossed out"


def test_the_real_outbox_keeps_the_id(tmp_path: Path) -> None:
    clock = SystemClock()
    sender = Sender(unit="car-07", boot_id=uuid7(clock.utc()))
    outbox = Outbox(tmp_path / "outbox.db", sender, clock, 64 * 2**20)
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            outbox.work(0.1)

    thread = threading.Thread(target=work)
    thread.start()
    world = World(tmp_path)
    world.desk._teller = Teller(outbox)
    ordered(world)
    stop.set()
    thread.join()
    assert world.desk.book.untold == (), "stored, and crossed out at once"
    assert outbox.stats().by_priority[0] == 1
    outbox.close()


def test_what_the_queue_has_is_not_told_again(tmp_path: Path) -> None:
    """The crash came after the outbox had stored it, and before the desk could cross it out."""
    world = World(tmp_path)
    world.outbox.stuck = True
    ordered(world)
    book = world.desk.book
    clock, queue = SystemClock(), tmp_path / "outbox.db"
    outbox = Outbox(queue, Sender(unit="car-07", boot_id=uuid7(clock.utc())), clock, 64 * 2**20)
    assert len(Teller(outbox, queue).resume(book.untold)) == 2, "there is no queue yet"
    first, second = book.untold
    outbox.put(draft_of(first), durable=False, event_id=first.id)
    outbox.close()
    assert Teller(outbox, queue).resume(book.untold) == (second,)
    queue.write_bytes(b"no database")
    assert len(Teller(outbox, queue).resume(book.untold)) == 2


def test_a_small_file_holds_what_a_reboot_needs(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "deep" / "orders.json", Book)
    assert memory.load() is None
    assert memory.lost is None
    book = Book(duty="standby", mode="special", post=(52.5, 13.4))
    assert memory.save(book)
    assert memory.load() == book
    names = {"orders.json", "orders.json.reserve"}
    assert {path.name for path in (tmp_path / "deep").iterdir()} == names
    for name in names:
        assert (tmp_path / "deep" / name).stat().st_mode & 0o777 == 0o600


def test_a_folder_in_place_of_a_file_is_set_aside_and_the_next_is_kept(tmp_path: Path) -> None:
    for _ in range(2):  # the second one cannot go where the first is
        (tmp_path / "orders.json").mkdir()
        (tmp_path / "orders.json" / "x").touch()
        memory = Memory(tmp_path / "orders.json", Book)
        assert memory.load() is None
        assert memory.lost is not None
        assert "it is a folder" in memory.lost
        assert memory.save(Book(duty="standby")) is not (tmp_path / "orders.json").is_dir()
        if (tmp_path / "orders.json").is_dir():
            assert memory.fault is not None
        else:
            assert memory.load() == Book(duty="standby")
            (tmp_path / "orders.json").unlink()


def test_a_file_that_cannot_be_read_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "orders.json"
    path.symlink_to(path.name)  # ELOOP, in the place of a sector that cannot be read
    memory = Memory(path, Book)
    assert memory.load() is None
    assert memory.lost is not None
    assert "cannot be read" in memory.lost
    assert memory.save(Book())
    assert (tmp_path / "orders.json.damaged").is_symlink()


def test_a_book_that_contradicts_itself_counts_as_damaged(tmp_path: Path) -> None:
    """A unit that believed it could neither take a task nor be set on patrol, ever."""
    world = World(tmp_path)
    ordered(world)
    whole = json.loads((tmp_path / "orders.json").read_text())
    for change in (
        {"tasks": []},
        {"duty": "on_patrol"},
        {"ended": whole["tasks"]},
        {"tasks": [whole["tasks"][0] | {"place": [float("nan"), 0.0]}]},
        {"tasks": [whole["tasks"][0] | {"disposition": "\N{BEL}"}]},
    ):
        (tmp_path / "orders.json").write_text(json.dumps(whole | change))
        world.restart()
        assert world.desk.memory.lost is not None, change
        assert world.desk.book == Book()


def test_an_event_of_another_version_is_left_out_and_the_rest_is_told(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.outbox.stuck = True
    ordered(world)
    content = json.loads((tmp_path / "orders.json").read_text())
    first, second = content["untold"]
    content["untold"] = [first | {"type": "patrol.event.future.v9"}, second | {"data": {}}, first]
    (tmp_path / "orders.json").write_text(json.dumps(content))
    world.restart()
    world.wait(1)
    assert [event.id for event in world.desk.book.untold] == [first["id"]]
    assert world.outbox.told[-1][0] == first["id"]


@settings(max_examples=60, deadline=None)
@given(
    path=st.lists(st.integers(0, 40), min_size=1, max_size=5),
    value=st.sampled_from([None, True, [], {}]) | st.integers() | st.floats() | st.text(),
)
def test_whatever_stands_in_the_file_the_unit_starts_and_takes_a_task(
    tmp_path_factory: pytest.TempPathFactory, path: list[int], value: object
) -> None:
    folder = tmp_path_factory.mktemp("w")
    world = World(folder)
    world.outbox.stuck = True
    order = world.order(route=wire_route([(52.5, 13.4), (52.6, 13.4)]))
    world.desk.do(lambda page: moves.assign(page, world.config, order, uuid7(page.now.utc)))
    content = json.loads((folder / "orders.json").read_text())
    (folder / "orders.json").write_text(json.dumps(changed(content, path, value)))
    world.restart()
    world.desk.begin()
    if world.desk.book.duty in ("off_duty", "out_of_service"):
        return
    urgent = world.order(priority=0)
    current = world.desk.book.current
    if current is None or current.priority > 0:
        world.desk.do(lambda page: moves.assign(page, world.config, urgent, uuid7(page.now.utc)))
    world.be_at((52.5, 13.4), 8.0)
    world.wait(30, 10)
