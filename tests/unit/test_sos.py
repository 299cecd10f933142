"""The call for help: first, again and again, over restarts, and ended once."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.gnss.route import moved
from edge.tasks.memory import Memory
from edge.tasks.sos import SosBook, SosDesk
from edge.tasks.soundness import is_sound_call
from edge.tasks.teller import Teller
from telemetry.commands.handling import OrderRefusedError
from tests.duty_desk import TOWN, ListedOutbox, World, changed, fix


class Caller:
    """A call desk in a world of our own."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.outbox: ListedOutbox = self.world.outbox
        self.restart()

    def restart(self) -> None:
        self.sos = SosDesk(
            Memory(self.world.folder / "sos.json", SosBook, is_sound_call),
            Teller(self.outbox),  # type: ignore[arg-type]
            self.world.now,
            lambda draft: self.outbox.put(draft, durable=False) and None,
        )

    def wait(self, seconds: float, *, hz: float = 8.0) -> None:
        for step in range(round(seconds * hz)):
            self.world.clock.advance(1 / hz)
            position = fix(self.world.clock.mono_s(), moved(TOWN, step / 10, 0), 1.0)
            self.sos.tick(position)

    @property
    def events(self) -> list[object]:
        return self.outbox.of("patrol.event.sos.v1")

    def phases(self) -> list[str]:
        return [event.phase for event in self.events]  # type: ignore[attr-defined]


def test_the_call_holds_the_last_minute_of_the_track(tmp_path: Path) -> None:
    caller = Caller(tmp_path)
    caller.wait(200)
    caller.sos.call("collision", "local:crew", "rear-ended")
    (event,) = caller.events
    assert event.phase == "new"  # type: ignore[attr-defined]
    track = event.track  # type: ignore[attr-defined]
    assert 110 <= len(track) <= 120
    seconds = [point.time.timestamp() for point in track]
    assert seconds == sorted(seconds)
    assert 58 < seconds[-1] - seconds[0] <= 60
    assert event.pose is not None  # type: ignore[attr-defined]
    assert caller.outbox.told[0][1].priority == 0


def test_without_a_position_it_goes_out_all_the_same(tmp_path: Path) -> None:
    caller = Caller(tmp_path)
    caller.sos.tick(None)
    caller.sos.call("button", "local:crew")
    (event,) = caller.events
    assert (event.pose, event.track) == (None, ())  # type: ignore[attr-defined]


def test_it_is_told_again_while_it_stands_and_ended_once(tmp_path: Path) -> None:
    caller = Caller(tmp_path)
    call = caller.sos.call("button", "local:crew")
    caller.wait(60)
    assert caller.phases() == ["new"] + ["update"] * 12
    caller.sos.cancel(call.episode, "dispatcher", "false alarm")
    caller.wait(60)
    last = caller.events[-1]
    assert (last.phase, last.ended_by, last.text) == (  # type: ignore[attr-defined]
        "end",
        "dispatcher",
        "false alarm",
    )
    assert caller.phases().count("end") == 1
    with pytest.raises(OrderRefusedError, match="no call"):
        caller.sos.cancel(None, "local:crew")


def test_calling_twice_is_one_call(tmp_path: Path) -> None:
    caller = Caller(tmp_path)
    first = caller.sos.call("button", "local:crew")
    assert caller.sos.call("fall", "local:crew") == first
    assert caller.phases() == ["new", "update"]


def test_a_restart_does_not_end_it(tmp_path: Path) -> None:
    caller = Caller(tmp_path)
    call = caller.sos.call("button", "local:crew")
    caller.restart()
    caller.wait(12)
    assert caller.sos.book.call == call
    assert caller.phases().count("new") == 1
    assert caller.phases().count("update") >= 2
    with pytest.raises(OrderRefusedError, match="the call that stands is"):
        caller.sos.cancel("01890a5d-ac96-774b-bcce-b302099a8057", "dispatcher")
    caller.sos.cancel(call.episode, "dispatcher")
    caller.restart()
    caller.wait(20)
    assert caller.phases()[-1] == "end"


def test_a_crash_before_the_outbox_had_it_tells_it_under_the_same_id(tmp_path: Path) -> None:
    caller = Caller(tmp_path)
    caller.outbox.stuck = True
    caller.sos.call("button", "local:crew")
    caller.outbox.stuck = False
    caller.restart()
    caller.wait(1)
    ids = [id_ for id_, draft in caller.outbox.told if draft.data.phase == "new"]  # type: ignore[attr-defined]
    assert len(ids) == 2
    assert len(set(ids)) == 1


def test_a_new_connection_hears_of_it_before_all_else(tmp_path: Path) -> None:
    caller = Caller(tmp_path)
    assert caller.sos.birth() == []
    caller.wait(30)
    caller.sos.call("button", "local:crew")
    caller.restart()
    (draft,) = caller.sos.birth()
    assert draft.priority == 0
    assert draft.data.phase == "update"  # type: ignore[attr-defined]
    assert len(draft.data.track) > 50  # type: ignore[attr-defined]
    caller.sos.cancel(None, "dispatcher")
    assert caller.sos.birth() == []


def test_a_call_that_nobody_hears_does_not_fill_the_disk(tmp_path: Path) -> None:
    caller = Caller(tmp_path)
    caller.sos.call("button", "local:crew")
    caller.wait(6 * 3600, hz=0.5)
    assert len(caller.events) < 600 / 5 + 6 * 60 + 20
    caller.world.reboot()
    caller.restart()
    before = len(caller.events)
    caller.wait(6 * 3600, hz=0.5)
    assert 60 < len(caller.events) - before < 600 / 5 + 6 * 60 + 20, "after a reboot, too"


def test_a_disk_that_refuses_does_not_silence_it(tmp_path: Path) -> None:
    caller = Caller(tmp_path / "state")
    (tmp_path / "state").write_text("a file is in the way")
    caller.sos.call("button", "local:crew")
    assert caller.phases() == ["new"]
    assert caller.sos.memory.fault is not None
    (tmp_path / "state").unlink()
    caller.wait(10)
    assert caller.sos.memory.fault is None
    caller.restart()
    assert caller.sos.book.call is not None


@settings(max_examples=60, deadline=None)
@given(
    path=st.lists(st.integers(0, 40), min_size=1, max_size=5),
    value=st.sampled_from([None, True, [], {}]) | st.integers() | st.floats() | st.text(),
)
def test_whatever_stands_in_the_file_help_can_be_called(
    tmp_path_factory: pytest.TempPathFactory, path: list[int], value: object
) -> None:
    folder = tmp_path_factory.mktemp("w")
    caller = Caller(folder)
    caller.wait(3)
    caller.outbox.stuck = True
    caller.sos.call("button", "local:crew")
    content = json.loads((folder / "sos.json").read_text())
    (folder / "sos.json").write_text(json.dumps(changed(content, path, value)))
    caller.restart()
    caller.wait(6)
    caller.sos.call("fall", "local:crew")
    caller.sos.cancel(None, "local:crew")
    assert caller.phases()[-1] == "end"
