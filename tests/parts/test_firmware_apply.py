"""`firmware.apply`: fetched, checked, flashed when the unit is idle; and a board on loan."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config.models import Settings
from drivers.clock import SystemClock
from edge.firmware.desk import FirmwareDesk
from edge.firmware.ledger import BoardRecord, Entry, Ledger, LedgerError, LedgerFile
from edge.firmware.lending import Lending
from edge.reporting.firmware_findings import firmware_findings
from telemetry.commands.handling import Order, OrderFailedError, OrderRefusedError
from telemetry.contract.bundle import Bundle
from tests.parts.test_firmware_command import Workshop
from tests.parts.test_simulated_board import order as tell_board
from tests.parts.test_simulated_board import simulated


class Unit:
    """What of a unit has to do with its firmware."""

    def __init__(self, shop: Workshop, port: Path) -> None:
        self.clock = SystemClock()
        self.active: list[str | None] = [None]
        content = {
            "unit": {"id": "car-07", "kind": "patrol_car"},
            "state_dir": shop.folder / "state",
            "boards": {"lamp": {"port": str(port), "model": "patrol-io"}},
        }
        settings = Settings.model_validate(content)
        self.lending = Lending(settings.boards, self.clock, lambda: self.active[0])
        self.desk = FirmwareDesk(settings, self.lending, tuple, self.clock)
        self.told: list[tuple[int, str]] = []

    def order(self, package: str, **changes: Any) -> Order:
        data = Path(package).read_bytes()
        args = {
            "url": Path(package).as_uri(),
            "sha256": hashlib.sha256(data).hexdigest(),
            "size_bytes": len(data),
        }
        return Order(
            id="x",
            name="firmware.apply",
            args=Bundle.model_validate(args | changes),
            issuer="li@hub",
            role="technician",
            origin="hub",
            received=datetime.now(UTC),
            expires_mono_s=1e12,
        )

    def carry_out(self, order: Order) -> dict[str, Any]:
        handler = self.desk.handlers()["firmware.apply"]
        assert handler.long_running
        handler.check(order)
        result = handler.carry_out(order, lambda percent, text: self.told.append((percent, text)))
        assert result is not None
        return result


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    with simulated(tmp_path) as (port, control):
        yield Workshop(tmp_path, port, control)


@pytest.fixture
def unit(shop: Workshop, tmp_path: Path) -> Unit:
    return Unit(shop, tmp_path / "board")


def test_a_package_is_fetched_flashed_and_told(shop: Workshop, unit: Unit) -> None:
    told = unit.carry_out(unit.order(shop.package("1.1.0", 5)))
    assert told["version"] == "1.1.0"
    assert [(each["board"], each["end"]) for each in told["boards"]] == [("lamp", "confirmed")]
    percents = [percent for percent, _ in unit.told]
    assert percents == sorted(percents)
    assert 0 <= percents[0] <= percents[-1] <= 100
    assert unit.lending.borrower("lamp") is None
    assert not list((shop.folder / "state/firmware").iterdir())
    assert unit.desk.ledger.serial_of("lamp", "patrol-io") == 5
    assert unit.desk.ledger.read().entries[-1].by == "li@hub"


def test_what_must_not_be_flashed_ends_in_a_code(shop: Workshop, unit: Unit) -> None:
    good = shop.package("1.1.0", 5)
    other = shop.package("1.1.0", 6, "--model", "patrol-horn")
    cases = {
        "invalid_arguments": unit.order(other),
        "fetch_failed": unit.order(good, sha256="0" * 64),
        "malformed": unit.order(str(shop.config)),
    }
    for code, order in cases.items():
        with pytest.raises(OrderFailedError) as caught:
            unit.carry_out(order)
        assert caught.value.code == code
    with pytest.raises(OrderRefusedError, match="at most"):
        unit.carry_out(unit.order(good, size_bytes=2**31))
    unit.carry_out(unit.order(good))
    with pytest.raises(OrderFailedError, match="older than 5"):
        unit.carry_out(unit.order(shop.package("1.0.9", 4)))
    tell_board(shop.control, "power off")
    with pytest.raises(OrderFailedError, match="is it powered") as caught:
        unit.carry_out(unit.order(shop.package("1.2.0", 7)))
    assert caught.value.code == "device"
    assert unit.lending.borrower("lamp") is None


def test_an_active_unit_is_waited_for(
    shop: Workshop, unit: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.firmware.desk.LOOK_EVERY_S", 0.01)
    unit.active[0] = "it moves at 9.0 m/s"
    told = unit.told.append

    class Stops(list[tuple[int, str]]):
        def append(self, step: tuple[int, str]) -> None:
            told(step)
            if step[1].startswith("waiting"):
                unit.active[0] = None

    steps, unit.told = unit.told, Stops()
    unit.carry_out(unit.order(shop.package("1.1.0", 5)))
    assert any("active: it moves at 9.0 m/s" in text for _, text in steps)
    monkeypatch.setattr("edge.firmware.desk.IDLE_WITHIN_S", 0.0)
    unit.active[0], unit.told = "it calls for help", []
    with pytest.raises(OrderFailedError, match="it calls for help") as caught:
        unit.carry_out(unit.order(shop.package("1.2.0", 6)))
    assert caught.value.code == "busy"


# --- what is amiss -------------------------------------------------------------------------------


def remembered(end: str, *, on_trial: bool = False) -> LedgerFile:
    entry = Entry(
        at=datetime(2026, 11, 27, tzinfo=UTC), board="lamp", before="1.0.0", after="1.1.0",
        serial=5, by="li", end=end, text="it fell silent",
    )  # fmt: skip
    record = BoardRecord(model="patrol-io", version="1.1.0", serial=4, on_trial=on_trial)
    return LedgerFile(boards={"lamp": record}, entries=(entry,))


@pytest.mark.parametrize(
    ("known", "running", "code"),
    [
        (LedgerFile(), {}, None),
        (remembered("confirmed"), {"lamp": "1.1.0"}, None),
        (remembered("on_trial", on_trial=True), {"lamp": "1.1.0"}, "firmware_unconfirmed"),
        (remembered("on_trial", on_trial=True), {}, "firmware_unconfirmed"),
        (remembered("on_trial", on_trial=True), {"lamp": "1.0.0"}, "firmware_reverted"),
        (remembered("reverted"), {}, "firmware_reverted"),
        (remembered("failed"), {}, "firmware_failed"),
    ],
    ids=["nothing", "well", "on trial", "silent on trial", "went back", "reverted", "failed"],
)
def test_what_is_amiss_with_a_board_s_firmware(
    known: LedgerFile, running: dict[str, str], code: str | None
) -> None:
    found = firmware_findings(known, None, ["lamp", "horn"], running)
    assert [each.code for each in found] == ([code] if code else [])
    assert all(each.component == "lamp" and each.action for each in found)


def test_a_ledger_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.path.write_text("{")
    with pytest.raises(LedgerError) as caught:
        ledger.read()
    found = firmware_findings(LedgerFile(), caught.value, ["lamp"], {})
    assert [each.code for each in found] == ["firmware_ledger"]
