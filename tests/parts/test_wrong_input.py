"""What somebody who meets the tools for the first time gets wrong, and what he is told."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.cli.main import main
from tests.sounds import write_wav


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what people point tools at."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    (tmp_path / "recording.yaml").write_text("version: 9\nmodel: x\n")
    (tmp_path / "zones.geojson").write_text(ZONES)
    (tmp_path / "plates.csv").write_text("one,鲁H12345\n")
    write_wav(tmp_path / "quiet.wav", np.zeros(16_000, np.float32), 16_000)
    return tmp_path


ZONES = json.dumps({"type": "FeatureCollection", "crs": "wgs84", "features": []})
SIGN = "plates sign plates.csv --list a --basis b --unit car-07 --key no.key --out a.plates "


def ended(line: str) -> Any:
    """The exit code, also where the parser itself ends the program."""
    try:
        return main(line.split())
    except SystemExit as end:
        return end.code


@pytest.mark.parametrize(
    ("line", "code", "told", "cure"),
    [
        ("replay nowhere", 2, "nowhere: No such file", "a recording is a folder with"),
        ("replay empty", 2, "empty: holds no keys", "patrol-edge replay --help shows one"),
        ("replay .", 2, "unit is missing, begins is missing", "patrol-edge replay --help shows"),
        ("replay .", 2, "version: Input should be 1", ""),
        ("replay .", 2, "model is not known here", ""),
        ("replay . -o folder", 2, "folder is a folder", "name a file to write"),
        ("zones check folder", 2, "folder: is a folder; name the file in it", ""),
        ("zones check none.geojson", 2, "there is no such file; check the name", ""),
        ("audio listen none.wav", 2, "there is no file none.wav", "check the name"),
        ("audio listen folder", 2, "folder is no file", "name a WAV file"),
        ("audio listen empty", 2, "no PCM WAV file (it ends too early)", "save it as 16-bit"),
        ("audio listen quiet.wav --channel 0", 2, "--channel: 0 is not within 1..32", "--help"),
        ("audio listen quiet.wav --channel 2", 2, "has no channel 2", "give one from 1 to 1"),
        ("audio listen quiet.wav --for siren,loud", 2, "siren: only heard with a model",
         "give --model yamnet"),
        (SIGN + "--version 1 --days nan", 2, "--days: nan is not within", "--help"),
        (SIGN + "--version 1 --days 99999", 2, "--days: 99999 is not within", "--help"),
        ("eval track empty --truth empty", 1, "empty holds no truth", "give what people"),
        ("detect empty --heads-only", 2, "--heads-only is about --redact", "add it"),
        ("models list --models-dir empty", 2, "empty is no folder", "name the one that holds"),
        ("eval detect folder --truth folder", 2, "folder is a folder", "name the file in it"),
    ],
)  # fmt: skip
def test_it_is_told_with_the_cure(
    desk: Path, capsys: pytest.CaptureFixture[str], line: str, code: int, told: str, cure: str
) -> None:
    assert ended(line) == code
    shown = capsys.readouterr()
    assert told in shown.out + shown.err
    assert cure in shown.err


def test_a_map_is_written_as_what_its_name_says(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example = Path(__file__).parents[2] / "docs" / "examples" / "zones.geojson"
    assert main(["zones", "check", str(example), "--draw", "map.txt"]) == 2
    assert "→ name it map.png" in capsys.readouterr().err
    assert not (desk / "map.txt").exists()


def test_without_a_model_it_says_what_is_not_listened_for(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audio", "listen", "quiet.wav"]) == 0
    assert "not listened for: siren, scream, glass, shot, explosion" in capsys.readouterr().err
