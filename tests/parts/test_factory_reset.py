"""`patrol-edge factory-reset`, and what any cut does to it and to provisioning."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509

from config.loading import load
from drivers.clock import SystemClock
from edge.bundles.refusal import BundleError
from edge.cli.main import main
from edge.flashing.unit import unit_of
from edge.provisioning import machine as machine_module
from edge.provisioning.authority import Authority
from edge.provisioning.errors import WrongInputError
from edge.provisioning.identity import Places
from edge.provisioning.standing import standing
from edge.provisioning.wiping import in_config
from edge.running.state_lock import lock_state
from telemetry.commands.journal import journal_files
from telemetry.commands.journal_check import check
from tests.computers import computer
from tests.flashing_stand import Stand, made
from tests.provisioning import (
    HERE,
    be_another,
    judge_another,
    judge_reset,
    judge_set_up,
    keys_in,
    live,
    places_in,
    set_up,
    wipe_all,
)
from tests.terminal import Terminal


@pytest.fixture
def unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A unit that has lived for a while."""
    monkeypatch.setattr(machine_module, "ROOT", computer(tmp_path / "nothing"))
    folder = tmp_path / "unit"
    assert set_up(folder).state == "provisioned"
    live(folder)
    return folder


def here(folder: Path) -> list[str]:
    return ["--config", str(folder / "etc" / "unit.yaml"), "--state-dir", str(folder / "state")]


def run(folder: Path, *words: str) -> int:
    return main(["factory-reset", *words, *here(folder)])


def test_it_wipes_all_but_the_serials_and_says_so(
    unit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (unit / "etc" / "site-notes.txt").write_text("not the unit's")
    (unit / "state" / "of-a-later-release.db").write_text("personal")
    with (unit / "etc" / "unit.yaml").open("a") as file:
        file.write("cameras:\n  rear:\n    kind: stream\n    url: rtsp://10.0.0.1/a\n"
                   "    credentials_file: rear.credentials\n")  # fmt: skip
    (unit / "etc" / "rear.credentials").write_text("user:secret\n")
    (unit / "etc" / "rear.credentials").chmod(0o600)
    assert run(unit, "--yes", "--unit-id", "dog-01") == 0
    told = capsys.readouterr()
    left = {str(path.relative_to(unit)) for path in unit.rglob("*") if path.is_file()}
    assert left == {
        "etc/site-notes.txt", "state/serials.json", "state/lock", "state/factory-reset.json",
    }  # fmt: skip
    assert json.loads((unit / "state" / "serials.json").read_text())["lanes"] == {"config": 7}
    for word in ("queue", "journal", "pictures and sound", "what was flashed", "keys"):
        assert f"wiped: {word}" in told.err
    assert "stays: serials.json" in told.err
    assert "flash memory keeps" in told.err
    record = json.loads((unit / "state" / "factory-reset.json").read_text())
    assert record["complete"] is True
    assert record["journal_head"]["n"] >= 2
    assert set_up(unit, "dog-05").state == "provisioned"  # and it can be a unit again


def test_it_wants_to_know_which_unit_is_meant(
    unit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in ((), ("--yes",), ("--yes", "--unit-id", "dog-02")):
        assert run(unit, *words) == 2
        assert "dog-01" in capsys.readouterr().err
    assert len(keys_in(unit)) == 2


def test_a_unit_that_was_made_by_hand_has_its_name_as_well(tmp_path: Path) -> None:
    folder = tmp_path / "unit"
    (folder / "etc").mkdir(parents=True)
    (folder / "etc" / "unit.yaml").write_text("unit: {id: car-1, kind: patrol_car}\n")
    assert run(folder, "--yes", "--unit-id", "car-2") == 2
    assert run(folder, "--yes", "--unit-id", "car-1") == 0
    assert not (folder / "etc" / "unit.yaml").exists()
    assert run(folder, "--yes", "--unit-id", "nobody") == 0  # again is harmless


def test_on_a_terminal_it_asks_twice(unit: Path) -> None:
    before = (
        "from pathlib import Path\nfrom edge.provisioning import machine\n"
        f"machine.ROOT = Path({str(unit.parent / 'nothing')!r})"
    )
    for answers in (("", None), ("y", "")):
        with Terminal(["factory-reset", *here(unit)], before) as terminal:
            terminal.sees("journal is lost; to keep it: --export")
            terminal.answers("Wipe it? [n]", answers[0])
            if answers[1] is not None:
                terminal.answers("write its name, dog-01", answers[1])
            terminal.sees("nothing was wiped")
            assert terminal.ends() == 1
    assert len(keys_in(unit)) == 2
    with Terminal(["factory-reset", *here(unit)], before) as terminal:
        terminal.answers("Wipe it? [n]", "y")
        terminal.answers("write its name, dog-01", "dog-1")
        terminal.answers("that is not its name", "dog-01")
        terminal.sees("dog-01 is no unit any more")
        assert terminal.ends() == 0
    assert keys_in(unit) == {}


def test_not_while_a_unit_runs(unit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = lock_state(unit / "state")
    assert lock is not None
    try:
        assert run(unit, "--yes", "--unit-id", "dog-01") == 1
    finally:
        os.close(lock)
    assert "a unit runs here" in capsys.readouterr().err
    assert len(keys_in(unit)) == 2


def test_the_journal_can_be_taken_along(unit: Path, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    assert run(unit, "--yes", "--unit-id", "dog-01", "--export", str(unit / "state" / "x")) == 2
    assert run(unit, "--yes", "--unit-id", "dog-01", "--export", str(stick)) == 0
    folder = stick / "journal-of-dog-01"
    found = check(journal_files(folder))
    assert found.bad is None
    assert json.loads((folder / "head.json").read_text())["hash"] == found.head.hash
    assert (folder / "device.pub").exists()


def test_a_button_asks_by_a_file_that_only_root_can_have_written(
    unit: Path, tmp_path: Path
) -> None:
    asked = tmp_path / "reset-asked"
    assert run(unit, "--if-asked", str(asked)) == 0  # nobody asks
    asked.write_text("dog-02\n")
    asked.chmod(0o644)
    assert run(unit, "--if-asked", str(asked)) == 2
    asked.write_text("dog-01\n")
    asked.chmod(0o666)
    assert run(unit, "--if-asked", str(asked)) == 1
    assert len(keys_in(unit)) == 2
    asked.chmod(0o644)
    assert run(unit, "--if-asked", str(asked)) == 0
    assert keys_in(unit) == {}
    assert not asked.exists()


def test_credentials_of_systemd_go_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = tmp_path / "etc" / "patrol-edge"
    packaged.mkdir(parents=True)
    monkeypatch.setattr("edge.provisioning.wiping.PACKAGED", packaged)
    store = tmp_path / "etc" / "credstore"
    store.mkdir()
    for name in ("patrol-edge.unit.key", "other.key"):
        (store / name).write_text("x")
    (packaged / "unit.key.cred").write_text("x")
    found = in_config(Places(packaged / "unit.yaml", tmp_path / "state"), tmp_path)
    assert {path.name for path in found} == {"patrol-edge.unit.key", "unit.key.cred"}


# --- cut off ---


class Cut(BaseException):
    """The power goes."""


WRITES = ("fsync", "link", "replace", "unlink", "mkdir", "rename", "rmdir")


def cut_everywhere(
    monkeypatch: pytest.MonkeyPatch,
    prepared: Callable[[], Path],
    work: Callable[[Path], object],
    judge: Callable[[Path], str | None],
) -> tuple[int, list[str]]:
    """Cut `work` off at each step to the disk. Returns how many there were, and what was wrong."""
    count, wrong = 0, []
    while True:
        folder, count = prepared(), count + 1
        left = count

        def counted(real: Callable[..., object]) -> Callable[..., object]:
            def call(*words: object, **more: object) -> object:
                nonlocal left
                left -= 1
                if left == 0:
                    raise Cut
                return real(*words, **more)

            return call

        with monkeypatch.context() as patch:
            for name in WRITES:
                patch.setattr(os, name, counted(getattr(os, name)))
            try:
                work(folder)
            except Cut:
                cut = True
            else:
                cut = False
        if not cut:
            return count - 1, wrong
        if (found := judge(folder)) is not None:
            wrong.append(f"cut {count}: {found}")


def fresh(tmp_path: Path, template: Path | None = None) -> Callable[[], Path]:
    def prepared() -> Path:
        folder = tmp_path / "cut"
        shutil.rmtree(folder, ignore_errors=True)
        if template is not None:
            shutil.copytree(template, folder)
            record = folder / "etc" / "identity.json"
            record.write_text(record.read_text().replace(str(template), str(folder)))
            config = folder / "etc" / "unit.yaml"
            config.write_text(config.read_text().replace(str(template), str(folder)))
        return folder

    return prepared


def test_provisioning_goes_on_wherever_it_was_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, wrong = cut_everywhere(monkeypatch, fresh(tmp_path), set_up, judge_set_up)
    assert wrong == []
    assert count > 30


def test_a_reset_goes_on_wherever_it_was_cut_off(
    tmp_path: Path, unit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, wrong = cut_everywhere(monkeypatch, fresh(tmp_path, unit), wipe_all, judge_reset)
    assert wrong == []
    assert count > 30


def test_a_copy_becomes_another_unit_wherever_it_was_cut_off(
    tmp_path: Path, unit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, wrong = cut_everywhere(monkeypatch, fresh(tmp_path, unit), be_another, judge_another)
    assert wrong == []
    assert count > 30


def test_an_identity_survives_whatever_is_flashed(tmp_path: Path) -> None:
    folder = tmp_path / "unit"
    places = places_in(folder)
    assert set_up(folder, "dog-07").state == "provisioned"
    signed = Stand(tmp_path / "bench").trust.model_dump_json(exclude_none=True)
    (places.state / "trust.json").write_text(signed)
    (places.state / "trust.json").chmod(0o600)
    identity = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    stand = Stand(tmp_path / "bench")
    stand.unit = unit_of(places.config)
    for number, content in enumerate((b"position:\n  patrol_every_s: 4\n", OTHER_HUB), 1):
        stand.kept(made({"unit.yaml": content}, "config", number))
    with pytest.raises(BundleError):  # nor by a bundle that says it is another unit
        stand.flash(made({"unit.yaml": b"unit: {id: dog-08, kind: drone}\n"}, "config", 3))
    assert load(places.config).settings.position.patrol_every_s != 4
    assert {path: path.read_bytes() for path in identity} == identity
    assert standing(places, HERE).unit == "dog-07"


OTHER_HUB = b"health:\n  every_s: 20\n"


def test_an_authority_is_whole_wherever_it_was_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is out is in the index; and what was cut off is done by the same command."""

    def work(folder: Path) -> None:
        try:
            authority = Authority.make(folder / "ca", SystemClock())
        except WrongInputError:  # it is there
            authority = Authority(folder / "ca", SystemClock())
        authority.issue("dog-1", "unit")
        authority.revoke("dog-1")

    def judge(folder: Path) -> str | None:
        work(folder)
        authority = Authority(folder / "ca", SystemClock())
        known = {each.serial for each in authority.issued()}
        for path in (*(folder / "ca" / "issued").glob("*.pem"), folder / "ca" / "dog-1.crt"):
            if x509.load_pem_x509_certificate(path.read_bytes()).serial_number not in known:
                return f"{path.name} is not in the index"
        crl = x509.load_pem_x509_crl((folder / "ca" / "crl.pem").read_bytes())
        return None if {each.serial_number for each in crl} == known else "not all withdrawn"

    count, wrong = cut_everywhere(monkeypatch, fresh(tmp_path), work, judge)
    assert wrong == []
    assert count > 30


@pytest.mark.parametrize("led", ["file", "folder"])
def test_an_export_follows_no_link_out_of_the_state_folder(
    led: str, unit: Path, tmp_path: Path
) -> None:
    """Whoever has become the service could have root copy any file onto the stick."""
    secret, journal = tmp_path / "secrets", unit / "state" / "journal"
    secret.mkdir()
    (secret / "journal-00000000.jsonl").write_text("root's alone")
    if led == "file":
        (journal / "journal-00000000.jsonl").symlink_to(secret / "journal-00000000.jsonl")
    else:
        shutil.rmtree(journal)
        journal.symlink_to(secret)
    out = tmp_path / "stick"
    assert run(unit, "--yes", "--unit-id", "dog-01", "--export", str(out)) == 1
    assert not any(b"alone" in path.read_bytes() for path in out.rglob("*") if path.is_file())
