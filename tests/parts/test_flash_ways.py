"""A bundle from a laptop and from a stick, through the whole program at both ends."""

import errno
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import pytest

from config.slots import read_slots
from edge.cli.main import main
from tests.flashing_stand import Stand, made

ROOT = Path(__file__).parents[2]


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


def bundle(stand: Stand, content: bytes = b"position:\n  patrol_every_s: 4\n") -> bytes:
    now = datetime.now(UTC)
    dates = {
        "issued_at": now - timedelta(hours=1),
        "not_before": now - timedelta(hours=1),
        "not_after": now + timedelta(days=1),
    }
    return made({"unit.yaml": content}, "config", 3, name="north", **dates)


def in_use(stand: Stand) -> str | None:
    content = read_slots(stand.unit.folder).lane("config").content
    return None if content is None else content.name


@pytest.fixture
def laptop(stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its ssh leads to this computer, where the unit's own program is."""
    programs = tmp_path / "programs"
    programs.mkdir()
    run = f"exec {sys.executable} -m edge.cli.start"
    for name, text in {
        "ssh": '#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n',
        "sudo": '#!/bin/sh\n[ "$1" = -n ] && shift\nexec "$@"\n',
        "patrol-edge": f'#!/bin/sh\nexport PYTHONPATH={ROOT}\n{run} "$@" '
        f"--config {stand.unit.config}\n",
    }.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    path = tmp_path / "north.peb"
    path.write_bytes(bundle(stand))
    return path


def test_from_a_laptop_over_ssh(
    stand: Stand, laptop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["flash", str(laptop), "--to", "anna@dog-07"]) == 0
    told = capsys.readouterr().err
    assert "signed by anna, bert" in told
    assert "from the unit's next start on, on trial" in told
    assert in_use(stand) == "north"
    assert list((stand.unit.folder / "spool").iterdir()) == []


def test_a_refusal_comes_back_with_its_cure(
    stand: Stand, laptop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    laptop.write_bytes(laptop.read_bytes()[:-600])
    assert main(["flash", str(laptop), "--to", "dog-07"]) == 1
    told = capsys.readouterr().err
    assert "→" in told
    assert in_use(stand) is None


def test_lines_for_programs(laptop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["flash", str(laptop), "--to", "dog-07", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0]["step"] == "sending"
    assert (lines[-1]["end"], lines[-1]["ok"]) == ("at_next_start", True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-", "--to", "dog-07"], "--to sends a file"),
        (["{bundle}", "--to", "a b"], "neither a host nor a serial port"),
        (["/nowhere.peb", "--to", "dog-07"], "cannot be read"),
        (["{bundle}", "--to", "/dev/no-such-port"], "no-such-port"),
    ],
)
def test_wrong_words_are_told(
    laptop: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["flash", *(word.format(bundle=laptop) for word in words)])
    told = capsys.readouterr().err
    assert code in (1, 2)
    assert said in told
    assert "→" in told


# --- a stick ---


def stick(tmp_path: Path, **files: bytes) -> Path:
    root = tmp_path / "stick"
    root.mkdir()
    for name, data in files.items():
        (root / name.replace("__", ".")).write_bytes(data)
    return root


def put_in(stand: Stand, root: Path) -> int:
    return main(["usb", str(root), "--config", str(stand.unit.config)])


def test_a_stick_with_one_bundle(
    stand: Stand, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    root = stick(tmp_path, north__peb=bundle(stand), __north__peb=b"mac")
    (root / ".north.peb").rename(root / "._north.peb")
    assert put_in(stand, root) == 0
    assert "the stick may be pulled" in capfd.readouterr().err
    assert in_use(stand) == "north"
    assert list((stand.unit.folder / "spool").iterdir()) == []


def test_copies_do_not_fill_the_disk(
    stand: Stand, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = stand.unit.folder / "spool"
    spool.mkdir(parents=True)
    for age_s in (30, 20, 10):  # what power cuts have left
        left = spool / f"usb-{age_s}.peb"
        left.write_bytes(b"x")
        os.utime(left, (1e9 - age_s, 1e9 - age_s))

    def full(_source: object, copy: BinaryIO, _piece: int) -> None:
        copy.write(b"x" * 100)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfileobj", full)
    assert put_in(stand, stick(tmp_path, north__peb=bundle(stand))) == 1
    assert "cannot be copied: No space left on device" in capfd.readouterr().err
    assert [path.name for path in spool.iterdir()] == ["usb-10.peb"]


def test_what_lies_in_somebodys_folder_is_not_run(
    stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever calls it with sudo is in some folder, into which others may write."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    trap, sprung = tmp_path / "trap", tmp_path / "sprung"
    (trap / "edge").mkdir(parents=True)
    (trap / "edge" / "__init__.py").write_text(f"open({str(sprung)!r}, 'w')")
    monkeypatch.chdir(trap)
    assert put_in(stand, stick(tmp_path, north__peb=bundle(stand))) == 0
    assert in_use(stand) == "north"
    assert not sprung.exists()


def test_no_command_starts_an_interpreter_that_looks_around() -> None:
    for path in (ROOT / "edge").rglob("*.py"):
        assert 'sys.executable, "-m"' not in path.read_text(), path


def test_a_stick_is_mounted_as_what_udev_lets_in_and_brings_nothing_down() -> None:
    from edge.cli.flash.usb import FILE_SYSTEMS

    rule = (ROOT / "systemd" / "71-patrol-edge-usb.rules").read_text()
    kinds = ",".join(kinds for kinds, _ in FILE_SYSTEMS).replace(",", "|")
    assert f'ENV{{ID_FS_TYPE}}=="{kinds}"' in rule
    for _, options in FILE_SYSTEMS:
        # An ext4 may ask for errors=panic by itself (tune2fs -e).
        assert {"ro", "nosuid", "nodev", "noexec", "errors=continue"} <= set(options.split(","))


def test_two_bundles_are_refused(
    stand: Stand, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = stick(tmp_path, a__peb=bundle(stand), b__peb=bundle(stand))
    assert put_in(stand, root) == 1
    assert "2 bundles are on the stick: a.peb, b.peb; leave one" in capsys.readouterr().err
    assert in_use(stand) is None


def test_somebodys_music_is_nothing_to_do_with_us(stand: Stand, tmp_path: Path) -> None:
    assert put_in(stand, stick(tmp_path, song__mp3=b"la")) == 0


def test_a_unit_that_takes_no_sticks(
    stand: Stand, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with stand.unit.config.open("a") as file:
        file.write("flash:\n  usb: false\n")
    assert put_in(stand, stick(tmp_path, a__peb=bundle(stand))) == 0
    assert "flash.usb is off" in capsys.readouterr().err
    assert in_use(stand) is None


def test_a_real_file_system_is_mounted_for_reading_only(
    stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a loop device, as root where that can be done."""
    image = tmp_path / "stick.img"
    image.write_bytes(b"\0" * (8 << 20))
    folder = stick(tmp_path, north__peb=bundle(stand))
    made_it = subprocess.run(
        ["mkfs.ext4", "-q", "-d", str(folder), str(image)], capture_output=True, check=False
    )
    if os.geteuid() != 0 or made_it.returncode != 0:
        pytest.skip("needs root and mkfs.ext4")
    loop = subprocess.run(
        ["losetup", "--find", "--show", str(image)], capture_output=True, text=True, check=False
    )
    if loop.returncode != 0:
        pytest.skip("no loop device can be had here")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    try:
        assert put_in(stand, Path(loop.stdout.strip())) == 0
    finally:
        subprocess.run(["losetup", "--detach", loop.stdout.strip()], check=True)
    assert in_use(stand) == "north"
    assert str(tmp_path) not in Path("/proc/mounts").read_text()


def test_a_stick_that_was_pulled_while_it_was_written_is_left_as_it_is(
    stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ext4 with a journal to be played back: not even a mount for reading may do that."""
    image, pulled, place = tmp_path / "stick.img", tmp_path / "pulled.img", tmp_path / "place"
    image.write_bytes(b"\0" * (16 << 20))
    folder = stick(tmp_path, north__peb=bundle(stand))
    place.mkdir()
    commands = (
        ["mkfs.ext4", "-q", "-d", str(folder), str(image)],
        ["mount", "-o", "loop", str(image), str(place)],
    )
    if os.geteuid() != 0 or any(
        subprocess.run(each, capture_output=True, check=False).returncode for each in commands
    ):
        pytest.skip("needs root, mkfs.ext4 and a loop device")
    try:
        (place / "half").write_bytes(b"x" * 100_000)
        os.sync()
        pulled.write_bytes(image.read_bytes())  # as it is while somebody writes
    finally:
        subprocess.run(["umount", str(place)], check=True)
    loop = subprocess.run(
        ["losetup", "--find", "--show", str(pulled)], capture_output=True, text=True, check=True
    ).stdout.strip()
    before = pulled.read_bytes()
    assert int.from_bytes(before[1024 + 0x60 : 1024 + 0x64], "little") & 4, "needs recovery"
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    try:
        assert put_in(stand, Path(loop)) == 0
    finally:
        subprocess.run(["losetup", "--detach", loop], check=True)
    assert in_use(stand) == "north"
    assert pulled.read_bytes() == before


def test_a_device_without_a_file_system_is_told(
    stand: Stand, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = tmp_path / "stick.img"
    image.write_bytes(b"\0" * (1 << 20))
    loop = subprocess.run(
        ["losetup", "--find", "--show", str(image)], capture_output=True, text=True, check=False
    )
    if os.geteuid() != 0 or loop.returncode != 0:
        pytest.skip("no loop device can be had here")
    try:
        assert put_in(stand, Path(loop.stdout.strip())) == 1
    finally:
        subprocess.run(["losetup", "--detach", loop.stdout.strip()], check=True)
    assert "the stick cannot be read" in capsys.readouterr().err


# --- what a unit says that means harm ---

EVIL = "\x1b]52;c;cm0gLXJmIH4=\x07\x1b[2Jall is well\r\u202e[bold]x[/nonsense]"


def test_a_laptops_terminal_obeys_no_unit(capsys: pytest.CaptureFixture[str]) -> None:
    from edge.cli.console import CommandError, complain, say
    from edge.cli.flash.flash_to import _View

    view = _View()
    with view.shown():
        view.step({"step": "checked", "text": EVIL, "cure": EVIL})
        view.step({"step": "on_trial", "text": EVIL})
    complain(CommandError(EVIL, EVIL))
    say(EVIL)
    out, err = capsys.readouterr()
    assert "all is well" in out
    assert "all is well" in err
    assert not set("\x1b\x07\r\u202e") & set(out + err)


def test_no_markup_of_a_unit_is_followed_in_a_bar() -> None:
    from edge.cli.flash.flash_to import _View

    view = _View()
    view.step({"step": "on_trial", "text": EVIL})
    (task,) = view._bar.tasks
    drawn = [str(column(task)) for column in view._bar.columns]
    assert any("[/nonsense]" in text for text in drawn)
    assert not any("\x1b" in text for text in drawn)
