"""esptool and dfu-util as programs: their progress followed, their errors in our words."""

import os
import shutil
from pathlib import Path

import pytest

from firmware_bridge.management.dfu import DfuBoard
from firmware_bridge.management.errors import ManagementError, MissingProgramError
from firmware_bridge.management.esp32 import Esp32
from firmware_bridge.management.programs import find, follow

FAKE = "#!/bin/sh\n"
ESPTOOL_5 = r"""
case "$1" in version) echo "esptool v5.6.0"; echo 5.6.0; exit 0;; esac
echo "$@" > "$0.asked"
echo "Connected to ESP32-S3 on /dev/ttyX:"
printf 'Writing at 0x00000000 [====>      ]  40.0%% 400/1000 bytes...\r'
printf 'Writing at 0x00000400 [==========>] 100.0%% 1000/1000 bytes...\n'
echo "Hash of data verified."
printf 'Writing at 0x00010000 [=====>     ]  50.0%% 1500/3000 bytes...\r'
printf 'Writing at 0x00011000 [==========>] 100.0%% 3000/3000 bytes...\n'
"""
ESPTOOL_4 = r"""
case "$1" in version) echo "esptool.py v4.7.0"; exit 0;; esac
echo "$@" > "$0.asked"
printf 'Writing at 0x00010000... (7 %%)\r'
printf 'Writing at 0x00010400... (100 %%)\n'
echo "Hash of data verified."
"""
DFU = r"""
case "$1" in --version) echo "dfu-util 0.11"; exit 0;; esac
echo "$@" >> "$0.asked"
printf 'Erase   \t[=========================] 100%%         1000 bytes\n'
printf 'Download\t[                         ]   0%%            0 bytes\r'
printf 'Download\t[============             ]  50%%          500 bytes\r'
printf 'Download\t[=========================] 100%%         1000 bytes\n'
echo "Download done."
echo "File downloaded successfully"
"""


class Heard:
    def __init__(self) -> None:
        self.steps: list[str] = []
        self.progress: list[tuple[int, int]] = []

    def step(self, text: str) -> None:
        self.steps.append(text)

    def sent(self, done_bytes: int, size_bytes: int) -> None:
        self.progress.append((done_bytes, size_bytes))


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that comes first on PATH; put programs into it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return folder


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(FAKE + text)
    path.chmod(0o755)
    return path


def parts(folder: Path, *sizes: int) -> dict[int, tuple[Path, int]]:
    found = {}
    for number, size in enumerate(sizes):
        path = folder / f"part{number}.bin"
        path.write_bytes(bytes(size))
        found[0x10000 * number] = (path, size)
    return found


def test_esptool_is_asked_in_its_own_spelling_and_followed(
    programs: Path, tmp_path: Path, heard: Heard
) -> None:
    put(programs, "esptool", ESPTOOL_5 + 'echo "Hash of data verified."\n')
    board = Esp32(port="/dev/ttyX", chip="esp32s3")
    board.flash(parts(tmp_path, 1000, 3000), heard)
    asked = (programs / "esptool.asked").read_text()
    assert "--before default-reset --after hard-reset write-flash 0x0 " in asked
    assert " 0x10000 " in asked
    assert heard.progress == [(400, 4000), (1000, 4000), (2500, 4000), (4000, 4000), (4000, 4000)]


def test_the_older_esptool_is_spelled_as_it_was(
    programs: Path, tmp_path: Path, heard: Heard
) -> None:
    put(programs, "esptool.py", ESPTOOL_4)
    Esp32(port="/dev/ttyX", chip="esp32").flash(parts(tmp_path, 1000), heard)
    assert "--after hard_reset write_flash 0x0" in (programs / "esptool.py.asked").read_text()
    assert heard.progress[:2] == [(70, 1000), (1000, 1000)]


def test_a_file_that_esptool_did_not_compare_is_not_believed(
    programs: Path, tmp_path: Path, heard: Heard
) -> None:
    put(programs, "esptool", ESPTOOL_5)
    with pytest.raises(ManagementError, match="did not say that what was written is right"):
        Esp32(port="/dev/ttyX", chip="esp32s3").flash(parts(tmp_path, 1000, 3000), heard)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("A fatal error occurred: Failed to connect to ESP32-S3: No serial data received.",
         "does not come into its boot loader"),
        ("A fatal error occurred: Could not open /dev/ttyX, the port is busy or doesn't exist.",
         "port cannot be opened"),
        ("A fatal error occurred: This chip is ESP32-C3, not ESP32-S3. Wrong chip argument?",
         "another chip answers"),
        ("serial.serialutil.SerialException: device disconnected or multiple access on port?",
         "gone during the flash"),
        ("A fatal error occurred: something new", "it failed: A fatal error occurred: something"),
    ],
    ids=["boot", "port", "chip", "gone", "new"],
)  # fmt: skip
def test_esptool_s_errors_are_told_in_our_words(
    programs: Path, tmp_path: Path, heard: Heard, told: str, words: str
) -> None:
    fake = 'case "$1" in version) echo 5.6.0; exit 0;; esac\n'
    put(programs, "esptool", f'{fake}cat <<"END"\n{told}\nEND\nexit 2\n')
    with pytest.raises(ManagementError, match=words):
        Esp32(port="/dev/ttyX", chip="esp32s3").flash(parts(tmp_path, 10), heard)


def test_dfu_util_writes_each_file_and_starts_after_the_last(
    programs: Path, tmp_path: Path, heard: Heard
) -> None:
    put(programs, "dfu-util", DFU)
    DfuBoard(usb="0483:df11", serial="357F").flash(parts(tmp_path, 1000, 1000), heard)
    first, last = (programs / "dfu-util.asked").read_text().splitlines()
    assert "--dfuse-address 0x00000000 --serial 357F" in first
    assert "--dfuse-address 0x00010000:leave" in last
    assert heard.progress == [
        (0, 2000), (500, 2000), (1000, 2000), (1000, 2000), (1500, 2000), (2000, 2000),
        (2000, 2000),
    ]  # fmt: skip


def test_a_board_that_leaves_before_its_last_answer_is_done(
    programs: Path, tmp_path: Path, heard: Heard
) -> None:
    put(programs, "dfu-util", DFU + 'echo "dfu-util: Error during download get_status"; exit 74\n')
    DfuBoard(usb="0483:df11").flash(parts(tmp_path, 1000), heard)
    with pytest.raises(ManagementError, match="gone during the flash"):
        DfuBoard(usb="0483:df11").flash(parts(tmp_path, 1000, 1000), heard)  # not the last file


def test_dfu_util_itself_finds_no_board(tmp_path: Path, heard: Heard) -> None:
    if shutil.which("dfu-util") is None:
        pytest.skip("needs dfu-util, which is not on this machine")
    with pytest.raises(ManagementError, match="no board is in its DFU boot loader") as caught:
        DfuBoard(usb="0483:df11").flash(parts(tmp_path, 1000), heard)
    assert "BOOT0" in caught.value.cure


def test_esptool_itself_finds_no_port(tmp_path: Path, heard: Heard) -> None:
    if shutil.which("esptool") is None and shutil.which("esptool.py") is None:
        pytest.skip("needs esptool, which is not on this machine")
    with pytest.raises(ManagementError, match="port cannot be opened"):
        Esp32(port="/dev/ttyNONE", chip="esp32s3").flash(parts(tmp_path, 1000), heard)


def test_a_missing_and_an_old_program_are_told_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingProgramError, match="dfu-util is not installed") as caught:
        find(("dfu-util",), ("--version",), (0, 9), "apt install dfu-util")
    assert caught.value.cure == "apt install dfu-util"
    put(tmp_path, "dfu-util", "echo dfu-util 0.5\n")
    with pytest.raises(MissingProgramError, match=r"version 0\.5\.0; 0\.9 is needed"):
        find(("dfu-util",), ("--version",), (0, 9), "apt install dfu-util")


def test_a_program_that_falls_silent_is_stopped(tmp_path: Path) -> None:
    path = put(tmp_path, "quiet", f"echo $$ > {tmp_path}/pid\nexec sleep 60\n")
    with pytest.raises(ManagementError, match="said nothing"):
        follow([str(path)], lambda _line: None, 0.3)
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


def test_a_program_that_does_not_end_after_its_last_word_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firmware_bridge.management.programs.ENDS_S", 0.3)
    quiet = f"echo $$ > {tmp_path}/pid\necho begun\nexec sleep 60 >&- 2>&-\n"
    lines: list[str] = []
    with pytest.raises(ManagementError, match="does not end"):
        follow([str(put(tmp_path, "closed", quiet))], lines.append, 5.0)
    assert lines == ["begun"]
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


def test_what_is_raised_meanwhile_stops_the_program(tmp_path: Path) -> None:
    class CancelledError(Exception):
        pass

    def cancel(_line: str) -> None:
        raise CancelledError

    path = put(tmp_path, "long", f"echo $$ > {tmp_path}/pid\necho one\nexec sleep 60\n")
    with pytest.raises(CancelledError):
        follow([str(path)], cancel, 30)
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()
