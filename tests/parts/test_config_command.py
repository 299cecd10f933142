"""`patrol-edge config` as a person uses it: files, exit codes, a terminal that asks."""

import json
import os
import pty
import select
import stat
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from config.writing import write_atomically
from edge.cli.main import main
from tests.flashed_slots import FlashedSlots

ROOT = Path(__file__).parents[2]
GOOD = ROOT / "tests" / "data" / "config" / "good.yaml"
NEW = ("config", "init", "--profile", "robot_dog", "--unit-id", "dog-01")


class NoTerminal:
    """A standard input that is no terminal; reading it would be a fault."""

    def isatty(self) -> bool:
        return False

    def readline(self) -> str:
        raise AssertionError("asked without a terminal")


@pytest.fixture(autouse=True)
def _no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", NoTerminal())


def run(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, list[str], list[str]]:
    """The exit code, the lines of the result, and the lines beside it."""
    code = main([str(arg) for arg in args])
    captured = capsys.readouterr()
    return code, captured.out.splitlines(), captured.err.splitlines()


def test_init_makes_a_file_that_check_accepts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "unit.yaml"
    assert run(capsys, *NEW, "--output", file, "--hub", "mqtts://hub") == (
        0,
        [str(file)],
        [f"next: add the devices to {file}, then: patrol-edge config check {file}"],
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["unit.yaml"]
    monkeypatch.setenv("PATROL_EDGE__STATE_DIR", str(tmp_path))  # the default one needs root
    code, out, err = run(capsys, "config", "check", file)
    assert code == 0
    assert all(": warning: " in line for line in out)
    assert err == [
        "unit.yaml: 2 warnings",
        "ok: dog-01, robot_dog, 0 receivers, 0 cameras → mqtts://hub",
    ]


def test_init_can_write_to_stdout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *NEW, "--output", "-")
    assert (code, err, list(tmp_path.iterdir())) == (0, [], [])
    run(capsys, *NEW, "--output", "unit.yaml")
    assert (tmp_path / "unit.yaml").read_text().splitlines() == out
    code, _, err = run(capsys, *NEW, "--output", "-", "--schema")
    assert (code, err[0]) == (2, "error: --schema needs a file to stand beside")


def test_init_writes_the_schema_that_its_first_line_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "unit.yaml"
    run(capsys, *NEW, "--output", file, "--schema")
    name = file.read_text().splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    schema = json.loads((tmp_path / name).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    other = tmp_path / "other.yaml"  # a second unit beside it: the same schema is no obstacle
    assert run(capsys, *NEW, "--output", other, "--schema")[0] == 0


def test_init_loses_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "unit.yaml"
    file.write_text("mine")
    assert run(capsys, *NEW, "--output", file) == (
        2,
        [],
        [f"error: {file} is there already", "  → another --output, or --force"],
    )
    assert file.read_text() == "mine"
    assert run(capsys, *NEW, "--output", file, "--force")[0] == 0
    assert "dog-01" in file.read_text()


@pytest.mark.parametrize(
    ("args", "error", "cure"),
    [
        (
            [],
            "missing: --profile, --unit-id and --output",
            "add --profile (robot_dog, drone or patrol_car), --unit-id (e.g. dog-01) "
            "and --output (a path; - for stdout)",
        ),
        (
            ["--profile", "drone"],
            "missing: --unit-id and --output",
            "add --unit-id (e.g. dog-01) and --output (a path; - for stdout)",
        ),
        (
            ["--profile", "drone", "--unit-id", "d"],
            "missing: --output",
            "add --output (a path; - for stdout)",
        ),
        (
            ["--profile", "robotdog"],
            "--profile: 'robotdog' is not known here; "
            "write robot_dog, drone or patrol_car; do you mean robot_dog?",
            "",
        ),
        (
            ["--profile", "drone", "--unit-id", "Dog_1"],
            "--unit-id: 'Dog_1' does not fit; write 1 to 32 of a-z, 0-9 and -, e.g. dog-1",
            "",
        ),
        (
            ["--profile", "drone", "--unit-id", "d", "--output", "x", "--hub", "tcp://u:geheim@h"],
            "--hub: 'tcp://***@h' is no MQTT address; write mqtt://h:1883",
            "",
        ),
    ],
)
def test_init_without_a_terminal_names_the_flag(
    args: list[str], error: str, cure: str, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = [f"error: {error}", f"  → {cure}"] if cure else [f"error: {error}"]
    assert run(capsys, "config", "init", *args) == (2, [], expected)


def test_init_where_nothing_can_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, *NEW, "--output", tmp_path / "no" / "unit.yaml")
    assert (code, out) == (1, [])
    assert err[1] == f"  → make its folder: mkdir -p {tmp_path / 'no'}"
    code, _, err = run(capsys, *NEW, "--output", tmp_path)
    assert code == 2
    assert err[0] == f"error: {tmp_path} is a folder"


def test_init_asks_on_a_terminal_until_the_answer_fits(tmp_path: Path) -> None:
    file = tmp_path / "unit.yaml"
    terminal, stdin = pty.openpty()
    command = [sys.executable, "-m", "edge.cli.main", "config", "init", "--output", str(file)]
    process = subprocess.Popen(command, stdin=stdin, stdout=stdin, stderr=stdin, cwd=ROOT)
    os.close(stdin)
    screen = ""
    try:
        for question, answer in (
            ("profile (", "dog"),
            ("profile (", "robot_dog"),
            ("unit id", "Dog 1"),
            ("unit id", "dog-1"),
            ("[mqtt://localhost:1883]", ""),
        ):
            screen += until(terminal, question)
            os.write(terminal, f"{answer}\n".encode())
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
    assert "'dog' is not known here; write robot_dog, drone or patrol_car" in screen
    assert "e.g. dog-1" in screen
    assert 'id: "dog-1"' in file.read_text()


def until(terminal: int, text: str) -> str:
    """What the terminal shows, up to this text."""
    shown, deadline = "", time.monotonic() + 30
    while text not in shown:
        ready, _, _ = select.select([terminal], [], [], deadline - time.monotonic())
        assert ready, f"never saw {text!r}, but {shown!r}"
        shown += os.read(terminal, 4096).decode()
    return shown


def test_check_tells_everything_and_ends_with_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "unit.yaml"
    file.write_text("unit: {id: dog-01, kind: cat}\ngps: {}\nhealth: {every_s: 0}\n")
    code, out, err = run(capsys, "config", "check", file)
    assert code == 2
    assert out == [
        f"{file}:1:26: unit.kind: 'cat' is not known here; write robot_dog, drone or patrol_car",
        f"{file}:2:1: gps: is not known here; do you mean gnss?",
        f"{file}:3:19: health.every_s: '0' is out of range; write a number from 1 to 3600",
    ]
    assert err == ["unit.yaml: 3 errors"]


def test_check_speaks_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "unit.yaml"
    file.write_text("unit: {id: dog-01, kind: cat}\n")
    code, out, _ = run(capsys, "config", "check", file, "--json")
    found = json.loads("\n".join(out))
    assert code == 2
    assert found["ok"] is False
    assert found["problems"][0]["line"] == 1
    assert found["problems"][0]["path"] == "unit.kind"
    code, out, _ = run(capsys, "config", "check", GOOD, "--json")
    found = json.loads("\n".join(out))
    assert code == 0
    assert found["ok"] is True
    assert len(found["digest"]) == 64
    assert {problem["severity"] for problem in found["problems"]} == {"warning"}


@pytest.mark.parametrize("action", ["check", "show"])
def test_a_file_that_is_not_there_is_one_line(
    tmp_path: Path, action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "config", action, tmp_path / "none.yaml")
    text = f"{tmp_path}/none.yaml: there is no such file; make one with: patrol-edge config init"
    assert code == 2
    assert text in out + err


def test_show_and_schema_print_what_can_be_piped(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "config", "show", GOOD)
    assert code == 0
    assert any(line.endswith("# from good.yaml:2") for line in out)
    code, out, _ = run(capsys, "config", "show", GOOD, "--json")
    shown = json.loads("\n".join(out))
    assert code == 0
    assert shown["settings"]["unit"]["id"] == "dog-01"
    assert shown["origins"]["unit.id"]["line"] == 2
    code, out, err = run(capsys, "config", "schema")
    jsonschema.Draft202012Validator.check_schema(json.loads("\n".join(out)))
    assert (code, err) == (0, [])


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "unit.yaml"
    write_atomically(file, "old")

    def full_disk(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(file, "new")
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["unit.yaml"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to any group")
def test_a_file_of_root_can_be_read_by_the_folders_group(tmp_path: Path) -> None:
    os.chown(tmp_path, -1, 4321)
    write_atomically(tmp_path / "unit.yaml", "new")
    assert (tmp_path / "unit.yaml").stat().st_gid == 4321
    os.chown(tmp_path / "unit.yaml", -1, 1234)
    write_atomically(tmp_path / "unit.yaml", "newer")
    assert (tmp_path / "unit.yaml").stat().st_gid == 1234


def test_the_order_of_a_write_survives_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, steps = tmp_path / "unit.yaml", []
    fsync = os.fsync

    def noted(handle: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"
        steps.append((kind, file.exists()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    write_atomically(file, "new")
    assert steps == [("file", False), ("folder", True)]


# --- with what was flashed -----------------------------------------------------------------------


def flashed_unit(tmp_path: Path) -> Path:
    """The file of a unit that has a base with a secret in one of its addresses."""
    file = tmp_path / "unit.yaml"
    file.write_text(f"unit:\n  id: dog-01\n  kind: robot_dog\nstate_dir: {tmp_path}\n")
    base = "health: {every_s: 20}\ncameras: {a: {kind: stream, url: 'rtsp://h/?token=abc'}}\n"
    FlashedSlots(tmp_path).flash("config", {"unit.yaml": base}, serial=7)
    return file


def test_check_and_show_name_the_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = flashed_unit(tmp_path)
    code, _, err = run(capsys, "config", "check", file)
    assert (code, err[-1]) == (0, "flashed config: north, serial 7")
    code, out, _ = run(capsys, "config", "check", "--json", file)
    assert json.loads("".join(out))["flashed"]["config"]["serial"] == 7
    _, out, _ = run(capsys, "config", "show", file)
    assert out[1] == "# flashed config: north, serial 7"
    line = next(line for line in out if line.startswith("  every_s: 20"))
    assert line.endswith("# from north#7/unit.yaml:1")


def test_diff_tells_what_is_new_gone_and_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = flashed_unit(tmp_path)
    old = tmp_path / "old.yaml"
    text = "unit: {id: dog-01, kind: robot_dog}\ngnss: {main: {kind: gpsd}}\nstate_dir: none\n"
    old.write_text(text)
    code, out, _ = run(capsys, "config", "diff", old, new)
    assert code == 0
    assert "~ health.every_s: 30 → 20" in out
    assert "+ cameras.a.kind: stream" in out
    assert "- gnss.main.kind: gpsd" in out
    assert not any("abc" in line for line in out)
    code, out, _ = run(capsys, "config", "diff", old, old, "--json")
    assert json.loads("".join(out)) == {"changes": []}
