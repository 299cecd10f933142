"""Lists of plates and searches to a real unit, over a broker and on a stick; and its disk then."""

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from telemetry.contract.uuid7 import uuid7
from telemetry.contract.wire_types import rfc3339_ms
from tests.broker import MOSQUITTO, Broker
from tests.e2e.dispatcher import Dispatcher
from tests.e2e.unit_process import CLI, running_unit, write_unit_file
from tests.finders import BLIND

UNIT = "car-07"
SECTIONS: dict[str, Any] = {
    "perception": {"enabled": False},
    "plates": {"enabled": True},
    "search": {"enabled": True},
    "security": {"commands": "unsigned"},
}


@pytest.fixture
def broker() -> Iterator[Broker]:
    if MOSQUITTO is None:
        pytest.skip("needs mosquitto (apt-get install mosquitto)")
    with Broker() as broker:
        yield broker


def cli(*words: str) -> tuple[int, str, str]:
    done = subprocess.run([*CLI, *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def wanted(version: int, *entries: tuple[str, str], **more: Any) -> dict[str, Any]:
    ends = rfc3339_ms(datetime.now(UTC) + timedelta(hours=1))
    plates = [{"entry": entry, "plate": plate} for entry, plate in entries]
    return {
        "list": "stolen", "version": version, "mode": "replace", "legal_basis": "case 1180",
        "expires_at": ends, "entries": plates, "blind": BLIND,
    } | more  # fmt: skip


def look_for_a_child(hub: Dispatcher, folder: tuple[str, str]) -> None:
    search = uuid7(datetime.now(UTC))
    places = ((36.65, 117.0), (36.65, 117.002), (36.652, 117.002))
    order = hub.order(
        UNIT, "search.start", search=search, kind="person", upper=["red", "orange"],
        area=[{"lat_deg": lat, "lon_deg": lon} for lat, lon in places],
        expires_at=rfc3339_ms(datetime.now(UTC) + timedelta(hours=1)),
        legal_basis="missing child 77", reason="lost at the market",
    )  # fmt: skip
    assert hub.final(order)["status"] == "succeeded"
    code, out, _ = cli("search", "status", *folder)
    assert code == 0
    assert out.startswith(f"{search}  person, upper red or orange\n")
    assert hub.final(hub.order(UNIT, "search.stop", search=search))["result"]["searched"] == 0
    assert cli("search", "status", *folder)[1] == "nothing is looked for\n"
    hub.wait_for(lambda h: len([e for e in h.of("event") if e["data"].get("search")]) == 2, 10)
    ends = [e["data"] for e in hub.of("event") if e["data"].get("search") == search]
    assert [(each["phase"], each.get("reason")) for each in ends] == [
        ("new", None), ("end", "stopped"),
    ]  # fmt: skip
    assert not (Path(folder[1]) / "search.json").exists()


def test_a_list_comes_by_the_hub_and_by_a_stick_and_no_plate_is_on_the_disk(
    broker: Broker, tmp_path: Path
) -> None:
    folder = ("--state-dir", str(tmp_path / "state"))
    unit_file = write_unit_file(tmp_path, broker.url, **SECTIONS)
    code, out, _ = cli("keys", "new", "hub-1", "--out", str(tmp_path / "hub-1.key"))
    assert code == 0, out
    pub = str(tmp_path / "hub-1.pub")
    install = ("keys", "install", pub, "--role", "commander", "--config", str(unit_file))
    (tmp_path / "state").mkdir()
    assert cli(*install)[0] == 0
    (tmp_path / "more.csv").write_text("m-1,沪C·77777\nm-2,粤B12345D\n", encoding="utf-8")
    sign = ("plates", "sign", str(tmp_path / "more.csv"), "--list", "missing", "--version", "1",
            "--days", "2", "--basis", "case 9", "--unit", UNIT,
            "--key", str(tmp_path / "hub-1.key"),
            "--out", str(tmp_path / "more.plates"))  # fmt: skip
    assert cli(*sign)[0] == 0

    with (
        running_unit(unit_file, tmp_path / "log"),
        Dispatcher(broker.port) as hub,
    ):
        hub.wait_until_online(UNIT)
        order = hub.order(UNIT, "plates.list", **wanted(1, ("e-1", "鲁A·98765"), ("e-2", "hello")))
        assert hub.final(order)["result"] == {
            "list": "stolen", "version": 1, "state": "installed", "entries": 1,
            "not_plates": ["e-2"],
        }  # fmt: skip
        old = hub.order(UNIT, "plates.list", **wanted(1, ("e-1", "鲁A·98765")))
        assert hub.final(old)["code"] == "wrong_state"
        code, out, err = cli("plates", "import", str(tmp_path / "more.plates"), *folder)
        assert (code, out) == (0, "missing, version 1: installed, 2 plates\n"), err
        _, out, _ = cli("plates", "status", "--json", *folder)
        assert [(each["list"], each["entries"]) for each in json.loads(out)["lists"]] == [
            ("stolen", 1), ("missing", 2),
        ]  # fmt: skip
        code, _, err = cli("plates", "import", str(tmp_path / "more.plates"), *folder)
        assert (code, err.splitlines()[0]) == (
            1, "error: missing had version 1 already; send a higher one",
        )  # fmt: skip
        look_for_a_child(hub, folder)
        revoke = {"list": "stolen", "version": 2, "mode": "revoke", "blind": BLIND}
        assert hub.final(hub.order(UNIT, "plates.list", **revoke))["result"]["entries"] == 0

    disk = b"".join(p.read_bytes() for p in (tmp_path / "state").rglob("*") if p.is_file())
    for plate in ("鲁A98765", "鲁A·98765", "98765", "沪C77777", "77777"):
        assert plate.encode() not in disk
        assert json.dumps(plate)[1:-1].encode() not in disk
    assert b"plates_changed" in disk
    assert "98765" not in (tmp_path / "log").read_text()


def test_wrong_words_are_told_with_their_cure(tmp_path: Path) -> None:
    folder = ("--state-dir", str(tmp_path))
    (tmp_path / "junk").write_bytes(b"\xff\xfe")
    for words, first in (
        (("plates", "import", str(tmp_path / "nothing"), *folder), "No such file"),
        (("plates", "import", str(tmp_path / "junk"), *folder), "is no signed list"),
        (("plates", "status", *folder), "no unit runs"),
        (("plates", "review", "x", "perhaps", *folder), "there is no 'perhaps'"),
    ):
        code, out, err = cli(*words)
        assert code in (1, 2)
        assert out == ""
        assert first in err
        assert "  → " in err
