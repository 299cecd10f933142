"""The doctor's lines about what was flashed, about rights, and about the service's walls."""

import grp
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from config.loading import load
from config.slots import FILE, FILES, read_slots, slot_folder, write_slots
from edge.cli.main import main
from edge.doctor import permissions, service, slots, unit_file
from edge.doctor.case import Case
from edge.doctor.kept_files import kept_files
from edge.slots import serials
from tests.examined import Examined, of, states
from tests.flashing_stand import Stand


@pytest.fixture
def examined(tmp_path: Path) -> Examined:
    return Examined(tmp_path)


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path / "unit")


def case_of(stand: Stand) -> Case:
    return Case(file=stand.unit.config, loaded=load(stand.unit.config, {}))


def found(stand: Stand) -> dict[str, str]:
    return states(list(slots.examine(case_of(stand))))


# --- slots ---


def test_a_unit_that_was_never_flashed(stand: Stand) -> None:
    assert found(stand) == {"keys": "ok", "slots": "none", "serials": "ok"}
    stand.unit.trust.unlink()
    assert found(stand)["keys"] == "none", "nothing needs them"


def test_what_is_in_use_is_as_it_was_signed_or_not(stand: Stand) -> None:
    stand.kept(stand.base(3))
    lines = list(slots.examine(case_of(stand)))
    assert states(lines) == {"keys": "ok", "config": "ok", "serials": "ok"}
    assert "serial 3" in of(lines, "config").text
    name = next((slot_folder(stand.unit.folder, "config", "a") / FILES).rglob("*.yaml"))
    name.chmod(0o600)
    name.write_text("position:\n  patrol_every_s: 5\n")
    lines = list(slots.examine(case_of(stand)))
    assert of(lines, "config").code == "slot_damaged"
    assert of(lines, "config").cure
    stand.unit.trust.unlink()
    told = found(stand)
    assert (told["keys"], told["config"]) == ("slots_unproved", "none")


def test_what_is_on_trial_and_what_was_taken_back(stand: Stand) -> None:
    stand.flash(stand.base(1))
    assert found(stand)["on trial"] == "none"
    stand.roll_back()
    line = of(list(slots.examine(case_of(stand))), "config")
    assert (line.state, line.code) == ("warning", "rolled_back")
    assert "gnss.main is silent" in line.text
    stand.kept(stand.base(2))
    assert found(stand)["config"] == "ok", "a later success ends it"


def test_a_damaged_slots_file_and_serials_that_do_not_agree(stand: Stand) -> None:
    stand.kept(stand.base(7))
    before = read_slots(stand.unit.folder)
    second = serials.second_place(stand.unit.state_dir)
    second.unlink(missing_ok=True)
    assert found(stand)["serials"] == "none", "root makes it at the next start"
    serials.write_second(second, serials.SerialsFile(lanes={"config": 9}))
    assert found(stand)["serials"] == "serials_doubtful"
    serials.write_second(second, serials.highest(before, serials.SerialsFile()))
    assert found(stand)["serials"] == "ok"
    (stand.unit.folder / FILE).write_text("{rubbish")
    case = replace(case_of(stand))
    assert states(list(slots.examine(case))) == {"slots": "slots_damaged"}
    write_slots(stand.unit.folder, before)
    assert "slots" not in found(stand)


def test_which_bundles_are_in_effect(stand: Stand) -> None:
    stand.kept(stand.base(4, b"health:\n  every_s: 33\n"))
    with stand.unit.config.open("a") as file:
        file.write("health: {every_s: 20}\n")
    lines = list(unit_file.examine(case_of(stand)))
    assert "config" in of(lines, "file").text
    assert "health.every_s" in of(lines, "own keys").text


def test_faults_of_the_unit_that_these_lines_tell_are_not_told_twice(examined: Examined) -> None:
    told = {"component": "config", "text": "t", "action": "a"}
    codes = ("rolled_back", "on_trial", "slot_damaged", "slots_damaged", "configuration_wrong")
    examined.facts = {"faults": [{"code": code} | told for code in codes]}
    case = examined.case()
    list(slots.examine(case))
    list(unit_file.examine(case))
    assert case.unit is not None
    assert list(case.unit.left()) == []


def test_what_safe_mode_leaves_alone_is_not_called_well(examined: Examined) -> None:
    fault = {"code": "safe_mode", "component": "runtime", "text": "t", "action": "a"}
    examined.facts = {"faults": [fault], "devices": [], "config": "0" * 12}
    case = examined.case()
    assert case.unit is not None
    assert [line.state for line in case.unit.device("camera", "front")] == ["none"]
    assert "running" not in states(list(unit_file.examine(case))), "another digest is no wonder"


def test_a_wrong_file_is_told_and_the_rest_is_looked_at(
    examined: Examined, capsys: pytest.CaptureFixture[str]
) -> None:
    file = examined.case().file
    file.write_text(file.read_text() + "colour: blue\n")
    words = ["doctor", "--config", str(file), "--only", "config,modules", "--collect"]
    out = examined.folder / "home.tar.gz"
    assert main([*words, str(out)]) == 2
    told = capsys.readouterr().out
    assert "[configuration_wrong]" in told
    assert "colour" in told
    assert out.exists(), "whoever helps needs it most then"


# --- rights ---


def kept(examined: Examined) -> dict[str, object]:
    for name in ("unit.pem", "unit.key", "password"):
        (examined.folder / name).write_text("x")
        (examined.folder / name).chmod(0o600)
    tls = {
        key: str(examined.folder / f"unit.{end}") for key, end in (("cert", "pem"), ("key", "key"))
    }
    hub = {"url": "mqtts://hub.example", "tls": tls, "username": "x"}
    return {"hub": hub | {"password_file": str(examined.folder / "password")}}


def test_secrets_that_are_kept_and_one_that_is_open(examined: Examined) -> None:
    sections = kept(examined)
    named = {file.key for file in kept_files(examined.case(**sections).settings)}
    assert {"hub.tls.key", "hub.tls.cert", "hub.password_file"} <= named
    assert states(examined.lines(permissions.examine, **sections))["secrets"] == "ok"
    (examined.folder / "password").chmod(0o644)
    lines = examined.lines(permissions.examine, **sections)
    assert of(lines, "hub.password_file").code == "secret_unfit"
    assert "chmod 600" in (of(lines, "hub.password_file").cure or "")
    assert states(examined.lines(permissions.examine))["secrets"] == "none"


def test_a_unit_file_that_others_may_change(examined: Examined) -> None:
    case = examined.case()
    case.file.chmod(0o640)
    assert states(list(permissions.examine(case)))["unit file"] == "ok"
    case.file.chmod(0o662)
    assert states(list(permissions.examine(case)))["unit file"] == "config_open"


def test_the_list_of_trusted_keys_is_roots(examined: Examined, tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir(mode=0o755)
    trust = {"security": {"trust": str(folder / "trust.json")}}
    assert states(examined.lines(permissions.examine, **trust))["trust"] == "none"
    (folder / "trust.json").write_text("{}")
    (folder / "trust.json").chmod(0o644)
    root = os.geteuid() == 0
    told = states(examined.lines(permissions.examine, **trust))["trust"]
    assert told == ("ok" if root else "trust_open")
    folder.chmod(0o775)
    assert states(examined.lines(permissions.examine, **trust))["trust"] == "trust_open"


@pytest.mark.parametrize(
    ("names", "word"), [([], "nobody but root"), (["ben", "anna"], "anna, ben")]
)
def test_who_may_give_orders_on_the_spot(
    examined: Examined, monkeypatch: pytest.MonkeyPatch, names: list[str], word: str
) -> None:
    there = grp.struct_group(("patrol-edge", "x", 990, names))
    monkeypatch.setattr(grp, "getgrnam", lambda _name: there)
    assert word in of(examined.lines(permissions.examine), "on the spot").text


# --- the service ---


class Systemd:
    """Answers as `systemctl` does."""

    def __init__(self, sandbox: str, units: str = "") -> None:
        self._answers = {"list-units": units, "LoadState": "", "DropInPaths": sandbox}

    def __call__(self, *words: str) -> str | None:
        if words[0] != "systemctl":
            return None
        if words[1] == "list-units":
            return self._answers["list-units"]
        return self._answers["DropInPaths"] if "DropInPaths" in words[-1] else WELL


WELL = (
    "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nWatchdogUSec=30s\nNRestarts=0\n"
)
AS_SHIPPED = "".join(f"{name}={value}\n" for name, value in service.SANDBOX.items())


def looked_at(examined: Examined, systemd: Systemd) -> Iterator[tuple[str, str, str]]:
    case = examined.case()
    for line in service.examine(replace(case, host=replace(case.host, ask=systemd))):
        yield line.name, line.code or line.state, line.text


def test_walls_that_a_drop_in_takes_away(examined: Examined) -> None:
    assert ("sandbox", "ok", "as it is shipped") in looked_at(examined, Systemd(AS_SHIPPED))
    path = "DropInPaths=/etc/systemd/system/patrol-edge.service.d/override.conf\n"
    weaker = AS_SHIPPED.replace("ProtectSystem=strict", "ProtectSystem=no") + path
    told = {name: (code, text) for name, code, text in looked_at(examined, Systemd(weaker))}
    assert told["sandbox"][0] == "sandbox_weakened"
    assert "ProtectSystem=no" in told["sandbox"][1]
    assert "override.conf" in told["sandbox"][1]
    told = {
        name: (code, text) for name, code, text in looked_at(examined, Systemd(AS_SHIPPED + path))
    }
    assert told["sandbox"][0] == "ok"


def test_the_shipped_unit_is_what_the_doctor_compares_with() -> None:
    text = (Path(__file__).parents[2] / "systemd/patrol-edge.service").read_text()
    said = dict(
        line.split("=", 1) for line in text.splitlines() if line[:1].isalpha() and "=" in line
    )
    assert {name: said.get(name) for name in service.SANDBOX} == service.SANDBOX


def test_helpers_that_have_failed(examined: Examined) -> None:
    units = (
        "patrol-edge.service loaded active running Patrol Edge\n"
        "patrol-edge-clock.service loaded failed failed The clock\n"
        "patrol-edge-usb@sda1.service loaded inactive dead A stick\n"
    )
    told = {name: code for name, code, _ in looked_at(examined, Systemd(AS_SHIPPED, units))}
    assert told["patrol-edge-clock.service"] == "unit_failed"
    assert told["beside it"] == "ok"
