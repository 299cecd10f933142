"""`patrol-edge gnss` as a technician runs it: results, exit codes, one line for each fault."""

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from config.devices import SerialGnssConfig
from drivers.clock import SystemClock
from drivers.gnss.nmea_framing import frame
from drivers.gnss.serial import SerialGnss
from edge.cli.main import main
from tests.unit_under_test import wait_for

RMC = frame("GNRMC,120000.00,A,4807.038,N,01131.000,E,10.0,77.5,221126,,,A,V")
GGA = frame("GNGGA,120000.00,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,")
VOID = frame("GNRMC,120001.00,V,,,,,,,221126,,,N,V")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "drive.log"
    path.write_bytes(b"\xb5\x62" + GGA + RMC + VOID + RMC[:20] + b"\x00")
    return path


def test_one_object_per_fix_and_a_summary(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gnss", "replay", str(log), "--json"]) == 0
    out, err = capsys.readouterr()
    assert [json.loads(line) for line in out.splitlines()] == [
        {
            "utc": "2026-11-22T12:00:00.000Z",
            "lat_deg": 48.1173,
            "lon_deg": 11.516666667,
            "alt_msl_m": 545.4,
            "speed_mps": 5.144,
            "course_deg": 77.5,
            "fix": "3d",
            "satellites_used": 8,
            "hdop": 0.9,
            "talkers": ["GN"],
        }
    ]
    assert err.splitlines()[-1] == (
        "1 fixes in 2 epochs; 3 sentences: RMC 2 GGA 1; dropped: cut 1 other_bytes 3"
    )


def test_all_shows_the_epochs_without_a_fix(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gnss", "replay", str(log), "--json", "--all"]) == 0
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [item["fix"] for item in objects] == ["3d", "none"]
    assert objects[1]["lat_deg"] is None


def test_rows_for_people(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gnss", "replay", str(log), "--all"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert "48.1173000°" in rows[0]
    assert len({row.index("hdop") for row in rows}) == 1  # the columns stand below each other


@pytest.mark.parametrize("data", [b"", bytes(range(256)) * 100, GGA[:-4]])
def test_a_log_without_sentences_fails_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes
) -> None:
    log = tmp_path / "bad.log"
    log.write_bytes(data)
    assert main(["gnss", "replay", str(log), "--json"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: no NMEA sentence")
    assert err.splitlines()[-1].startswith("0 fixes in 0 epochs; 0 sentences")


def test_no_such_log_and_a_folder_are_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (tmp_path, tmp_path / "none.log", Path("/dev/zero")):
        assert main(["gnss", "replay", str(path)]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        ["--rate", "0"],
        ["--rate", "nan"],
        ["--outage", "60"],
        ["--garbage", "2"],
        ["--tcp", "1", "--stdout"],
        ["--tcp", "99999"],
        ["--fast"],
        ["--route", "/not/there.yaml"],
    ],
)
def test_wrong_wishes_are_wrong_usage(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(["gnss", "simulate", *wrong])
    except SystemExit as end:
        code = int(end.code or 0)
    assert code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_simulated_to_stdout_and_replayed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge.cli.main", "gnss"]
    wishes = ["--stdout", "--fast", "--duration", "30", "--rate", "5", "--outage", "10:5"]
    log = tmp_path / "sim.log"
    with log.open("wb") as file:
        subprocess.run([*command, "simulate", *wishes], stdout=file, check=True, timeout=30)
    done = subprocess.run(
        [*command, "replay", str(log), "--json"], capture_output=True, text=True, check=True
    )
    assert len(done.stdout.splitlines()) == 125
    assert "125 fixes in 150 epochs" in done.stderr


def test_simulated_on_a_pseudo_terminal_until_told_to_stop(tmp_path: Path) -> None:
    link = tmp_path / "gnss"
    command = [sys.executable, "-m", "edge.cli.main", "gnss", "simulate", "--rate", "10"]
    with subprocess.Popen([*command, "--link", str(link)], stderr=subprocess.PIPE) as process:
        try:
            assert wait_for(link.is_symlink, 30)
            config = SerialGnssConfig(kind="serial", port=str(link))
            with closing(SerialGnss.open(config, SystemClock())) as gnss:
                epochs = [gnss.read() for _ in range(5)]
            process.terminate()
            _, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 0
    assert any(epoch is not None and epoch.has_fix for epoch in epochs)
    assert str(link).encode() in err
    assert not link.is_symlink()


def test_replay_starts_without_the_heavy_libraries(log: Path) -> None:
    code = (
        "import sys; from edge.cli.main import main; main(sys.argv[1:]);"
        "heavy = {'cv2', 'onnxruntime', 'numba', 'paho', 'serial'} & set(sys.modules);"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    subprocess.run(
        [sys.executable, "-c", code, "gnss", "replay", str(log)],
        check=True,
        capture_output=True,
        timeout=30,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
