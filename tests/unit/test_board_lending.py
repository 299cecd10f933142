"""A board that the unit lends to a technician, and takes back."""

import threading
from contextlib import closing, suppress

import pytest

from drivers.base import DeviceLostError, DeviceUnavailableError
from edge.firmware.lending import Lending
from edge.local.control import Call
from telemetry.commands.handling import OrderRefusedError
from tests.fakes import ManualClock


class Driver:
    closed = False

    def read(self) -> str | None:
        return "sample"

    def close(self) -> None:
        self.closed = True

    def counters(self) -> dict[str, int]:
        return {"frames": 1}


def lending(why: list[str | None], clock: ManualClock | None = None) -> Lending:
    return Lending(["lamp"], clock or ManualClock(), lambda: why[0])


def test_a_board_is_let_go_of_before_it_is_lent() -> None:
    desk, driver, begun = lending([None]), Driver(), threading.Event()
    opened = desk.opener("lamp", lambda: driver)

    def work() -> None:
        with suppress(DeviceLostError), closing(opened()) as open_driver:
            begun.set()
            while open_driver.read() is not None:
                pass

    worker = threading.Thread(target=work)
    worker.start()
    begun.wait(5)
    desk.lend("lamp", "local:li", 60)
    assert driver.closed
    worker.join(5)
    with pytest.raises(DeviceUnavailableError, match="lent to local:li"):
        opened()
    desk.take_back("lamp", "local:wang")  # it is not his
    assert desk.borrower("lamp") == "local:li"
    desk.take_back("lamp", "local:li")
    assert desk.borrower("lamp") is None
    assert desk.away_with("lamp") == "local:li"  # so it is not missing
    assert opened().counters() == {"frames": 1}
    assert desk.away_with("lamp") is None


def test_a_loan_that_nobody_renews_ends() -> None:
    clock = ManualClock()
    desk = lending([None], clock)
    desk.lend("lamp", "local:li", 60)
    clock.advance(50)
    desk.lend("lamp", "local:li", 60)
    clock.advance(50)
    assert desk.borrower("lamp") == "local:li"
    clock.advance(11)
    assert desk.borrower("lamp") is None


def test_an_active_unit_keeps_its_boards_but_lets_a_flash_end() -> None:
    why: list[str | None] = ["it is on the way to a task"]
    desk = lending(why)
    with pytest.raises(OrderRefusedError, match="active: it is on the way"):
        desk.lend("lamp", "local:li", 60)
    why[0] = None
    desk.lend("lamp", "local:li", 60)
    why[0] = "it is on the way to a task"
    desk.lend("lamp", "local:li", 60)  # renewed: to stop in the middle would be worse


def test_who_else_may_not_have_it() -> None:
    desk = lending([None])
    desk.lend("lamp", "local:li", 60)
    with pytest.raises(OrderRefusedError, match="local:li has lamp now"):
        desk.lend("lamp", "local:wang", 60)
    with pytest.raises(OrderRefusedError, match="no board horn here; there is: lamp"):
        desk.lend("horn", "local:li", 60)


def test_a_worker_that_does_not_let_go_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.firmware.lending.LET_GO_WITHIN_S", 0.05)
    desk = lending([None])
    desk.opener("lamp", Driver)()
    with pytest.raises(OrderRefusedError, match="not let go of"):
        desk.lend("lamp", "local:li", 60)
    assert desk.borrower("lamp") is None


def test_a_board_that_cannot_be_opened_is_free() -> None:
    desk = lending([None])

    def away() -> Driver:
        raise DeviceUnavailableError("it is not there")

    with pytest.raises(DeviceUnavailableError):
        desk.opener("lamp", away)()
    desk.lend("lamp", "local:li", 60)


def test_what_is_asked_on_the_spot_is_checked() -> None:
    desk = lending([None])
    controls = desk.controls()

    def asked(name: str, **args: object) -> object:
        call = Call(name=name, args=args, issuer="local:li", uid=0, progress=lambda _p, _t: None)
        return controls[name](call)

    assert asked("board.release", board="lamp", for_s=60) == {"board": "lamp"}
    assert asked("board.take", board="lamp") == {}
    assert desk.borrower("lamp") is None
    for args in ({}, {"board": 7, "for_s": 1}, {"board": "lamp", "for_s": 0}, {"board": "lamp"}):
        with pytest.raises(OrderRefusedError, match="for_s"):
            asked("board.release", **args)
