"""`config.apply`: what is refused at once, what the engine refuses, and firmware for boards."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from config.loading import load
from drivers.clock import SystemClock
from edge.bundles.manifest import MOST_BYTES
from edge.flashing.orders import FOLDER, FlashDesk, flasher
from telemetry.commands.handling import (
    Order,
    OrderFailedError,
    OrderGoesOnError,
    OrderRefusedError,
)
from telemetry.contract.flash import ConfigApply
from telemetry.contract.uuid7 import uuid7
from tests.bundle_maker import trust_of
from tests.flashing_stand import made
from tests.parts.test_firmware_command import Workshop
from tests.parts.test_simulated_board import simulated


class Desk:
    """The unit of a workshop, which can be ordered to flash; nobody runs it."""

    def __init__(self, shop: Workshop) -> None:
        self.shop, self.state = shop, shop.folder / "state"
        trust = trust_of("anna", "bert")
        (self.state / "trust.json").write_text(trust.model_dump_json(exclude_none=True))
        (self.state / "trust.json").chmod(0o600)
        self.busy: str | None = None
        self.told: list[tuple[int, str]] = []
        settings = load(shop.config).settings
        flash = flasher(shop.config, settings.state_dir, SystemClock())
        self.desk = FlashDesk(settings, flash, lambda: self.busy)

    def bundle(self, kind: str, files: dict[str, bytes], *signers: str, **changes: Any) -> Path:
        now = datetime.now(UTC).replace(microsecond=0)
        dates = {
            "issued_at": now, "not_before": now - timedelta(days=1),
            "not_after": now + timedelta(days=1), "made_for": {"units": ("car-07",)},
        }  # fmt: skip
        path = self.shop.folder / f"{kind}.peb"
        path.write_bytes(made(files, kind, 1, *(signers or ("anna",)), **dates | changes))
        return path

    def order(self, path: Path, *, role: Any = "commander", **changes: Any) -> Order:
        data = path.read_bytes()
        args = {
            "url": path.as_uri(),
            "sha256": hashlib.sha256(data).hexdigest(),
            "size_bytes": len(data),
        }
        return Order(
            id=uuid7(datetime.now(UTC)), name="config.apply",
            args=ConfigApply.model_validate(args | changes), issuer="wang", role=role,
            origin="hub", received=datetime.now(UTC), expires_mono_s=1e12,
        )  # fmt: skip

    def carry_out(self, order: Order) -> dict[str, Any]:
        self.desk.check(order)
        result = self.desk.carry_out(order, lambda percent, text: self.told.append((percent, text)))
        assert result is not None
        return result

    def fails(self, order: Order) -> str:
        with pytest.raises(OrderFailedError) as caught:
            self.carry_out(order)
        assert not list((self.state / FOLDER).glob("*"))
        return caught.value.code


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Its board is not plugged in."""
    return Desk(Workshop(tmp_path, tmp_path / "board", tmp_path / "control"))


@pytest.fixture
def desk_with_board(tmp_path: Path) -> Iterator[Desk]:
    with simulated(tmp_path) as (port, control):
        yield Desk(Workshop(tmp_path, port, control))


def test_firmware_in_a_bundle_goes_to_its_board_if_both_are_signed(desk_with_board: Desk) -> None:
    desk = desk_with_board
    package = Path(desk.shop.package("1.1.0", 5)).read_bytes()
    told = desk.carry_out(desk.order(desk.bundle("firmware", {"lamp.pefw": package})))
    assert (told["kind"], told["serial"]) == ("firmware", 1)
    assert told["notes"] == ["board lamp: 1.1.0, confirmed"]
    percents = [percent for percent, _ in desk.told]
    assert percents == sorted(percents)
    assert "board lamp: " in " ".join(words for _, words in desk.told)

    strange = desk.bundle("firmware", {"lamp.pefw": package}, "carl")
    assert desk.fails(desk.order(strange)) == "unknown_key"
    forged = package[:9000] + bytes([package[9000] ^ 1]) + package[9001:]
    bundle = desk.bundle("firmware", {"lamp.pefw": forged})
    assert desk.fails(desk.order(bundle)) == "bad_signature"
    older = Path(desk.shop.package("1.0.9", 4)).read_bytes()
    assert desk.fails(desk.order(desk.bundle("firmware", {"lamp.pefw": older}))) == "replayed"


def test_what_cannot_be_now_is_refused_at_once(desk: Desk) -> None:
    path = desk.bundle("config", {"unit.yaml": b"{}\n"})
    desk.busy = "it works on a task (en_route)"
    cases = {
        "busy": desk.order(path),
        "too_large": desk.order(path, size_bytes=MOST_BYTES + 2**21, force=True),
        "role_not_allowed": desk.order(path, role="operator", force=True),
    }
    for code, order in cases.items():
        with pytest.raises(OrderRefusedError) as caught:
            desk.desk.check(order)
        assert caught.value.code == code
    with pytest.raises(OrderGoesOnError):
        desk.carry_out(desk.order(path, force=True))
    desk.busy = None
    assert desk.fails(desk.order(path)) == "busy", "the first is on trial"


def test_what_does_not_come_or_is_cancelled_leaves_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.commands.fetching.TRIES", 1)
    path = desk.bundle("config", {"unit.yaml": b"{}\n"})
    assert desk.fails(desk.order(path, sha256="0" * 64)) == "fetch_failed"
    assert desk.fails(desk.order(path, url=f"file://{path}.gone")) == "fetch_failed"
    assert desk.fails(desk.order(desk.shop.config)) == "malformed"

    def cancelled(_percent: int, text: str) -> None:
        if "every file is here" in text:
            raise OrderFailedError("cancelled", "cancelled while it was being done")

    with pytest.raises(OrderFailedError, match="cancelled"):
        desk.desk.carry_out(desk.order(path), cancelled)
    assert not list((desk.state / FOLDER).glob("*"))
    with pytest.raises(OrderGoesOnError):
        desk.carry_out(desk.order(path))


def test_what_a_cut_left_of_a_file_is_cleared_away(desk: Desk) -> None:
    (desk.state / FOLDER).mkdir()
    (desk.state / FOLDER / "incoming.peb").write_bytes(b"half of it")
    Desk(desk.shop)
    assert not list((desk.state / FOLDER).glob("*"))
