"""`patrol-edge config check` looks into what the unit file names."""

import json
import os
from pathlib import Path

import pytest

from edge.cli.main import main
from tests.access import pair

UNIT = "unit: {id: dog-01, kind: drone}\nstate_dir: state\n"
GGA = b"$GNGGA,120000.00,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*7D\r\n"
CERT, KEY = pair("dog-01")
LOCKED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"


def warned(
    tmp_path: Path, text: str, path: str, capsys: pytest.CaptureFixture[str]
) -> list[tuple[int, str]]:
    """Lines and texts of the warnings at this path; the check ends with 0 all the same."""
    file = tmp_path / "unit.yaml"
    file.write_text(UNIT + text)
    assert main(["config", "check", str(file), "--json"]) == 0
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert {item["severity"] for item in problems} <= {"warning"}
    return [
        (item["line"], item["text"].replace(f"{tmp_path}/", ""))
        for item in problems
        if item["path"] == path
    ]


def warning(
    tmp_path: Path, text: str, path: str, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    (only,) = warned(tmp_path, text, path, capsys)
    return only


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "x.nmea holds no NMEA sentence in its first 64 KiB; look into it: "),
        (b"hello\n" * 50_000, "x.nmea holds no NMEA sentence in its first 64 KiB"),
        (b"\x00" * 70_000 + GGA, "x.nmea holds no NMEA sentence in its first 64 KiB"),
        (None, "x.nmea is a folder; give the log file in it"),
    ],
    ids=["empty", "text", "too late", "folder"],
)
def test_a_log_that_is_none(
    content: bytes | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "x.nmea"
    log.mkdir() if content is None else log.write_bytes(content)
    text = "gnss: {a: {kind: replay, path: x.nmea}}\n"
    line, told = warning(tmp_path, text, "gnss.a.path", capsys)
    assert line == 3
    assert told.startswith(said)


def test_what_is_right_gets_no_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.nmea").write_bytes(b"\xb5\x62\x00" + GGA)
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "1.JPG").write_bytes(b"x")
    (tmp_path / "c.pem").write_bytes(CERT)
    (tmp_path / "k.pem").write_bytes(KEY)
    (tmp_path / "k.pem").chmod(0o600)
    file = tmp_path / "unit.yaml"
    file.write_text(
        UNIT + "gnss: {a: {kind: replay, path: x.nmea}}\n"
        "cameras: {a: {kind: file, path: pictures}}\n"
        "hub: {url: 'mqtts://h', tls: {ca: c.pem, cert: c.pem, key: k.pem}}\n"
    )
    assert main(["config", "check", str(file)]) == 0
    assert capsys.readouterr().out == ""


def test_cameras_without_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "void").mkdir()
    for path, said in (
        ("empty.mp4", "empty.mp4 is empty; copy it again"),
        ("void", "void is a folder without pictures"),
        ("/dev/zero", "/dev/zero is not a regular file; give one that is"),
    ):
        text = f"cameras: {{a: {{kind: file, path: {path}}}}}\n"
        line, told = warning(tmp_path, text, "cameras.a.path", capsys)
        assert line == 3
        assert told.startswith(said)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("ca", b"", "f.pem holds no certificate in PEM"),
        ("ca", bytes(range(256)), "f.pem holds no certificate in PEM"),
        ("cert", KEY, "f.pem holds no certificate in PEM"),
        ("key", CERT, "f.pem holds no private key in PEM"),
        ("key", LOCKED, "f.pem is locked with a password; unlock it: openssl pkey"),
    ],
)
def test_keys_and_certificates_that_are_none(
    name: str, content: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "f.pem").write_bytes(content)
    (tmp_path / "f.pem").chmod(0o600)
    (tmp_path / "cert.pem").write_bytes(CERT)
    (tmp_path / "key.pem").write_bytes(KEY)
    (tmp_path / "key.pem").chmod(0o600)
    files = {"cert": "cert.pem", "key": "key.pem"} | {name: "f.pem"}
    text = f"hub: {{url: 'mqtts://h', tls: {json.dumps(files)}}}\n"
    _, told = warning(tmp_path, text, f"hub.tls.{name}", capsys)
    assert told.startswith(said)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("nanodet-g-461", "there is no model nanodet-g-461; do you mean nanodet-g-416?"),
        ("zzz", "there is no model zzz; known: nanodet-g-416, "),
        ("yamnet", "yamnet is a model for audio, not for detection; patrol-edge models list shows"),
        (
            "yolox-nano-416",
            "model yolox-nano-416 is not on this computer; patrol-edge models pull yolox-nano-416",
        ),
        ("./empty.onnx", "empty.onnx is empty; copy or pull it again"),
        ("./folder.onnx", "folder.onnx is a folder; give the ONNX file itself"),
        ("./none.onnx", "none.onnx is not there; copy it there"),
    ],
)
def test_a_model_that_cannot_be_used(
    model: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.onnx").touch()
    (tmp_path / "folder.onnx").mkdir()
    text = f"perception: {{model: {model}, models_dir: models}}\n"
    line, told = warning(tmp_path, text, "perception.model", capsys)
    assert line == 3
    assert told.startswith(said)
    off = f"perception: {{model: {model}, enabled: false}}\n"
    assert warned(tmp_path, off, "perception.model", capsys) == []


def test_a_broken_catalogue_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "models.yaml").write_text("version: 1\nmodels: {mine: {}}\n")
    _, told = warning(tmp_path, "perception: {models_dir: .}\n", "perception.models_dir", capsys)
    assert told.startswith("models.yaml: models.mine.file: Field required")


def test_a_state_folder_that_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "state").touch()
    assert warning(tmp_path, "", "state_dir", capsys) == (
        2,
        "state is a file, not a folder; name another state_dir:",
    )


def test_a_state_folder_that_is_closed_to_us(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root may write anywhere: ask as if we were not.
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != tmp_path)
    _, told = warning(tmp_path, "", "state_dir", capsys)
    assert told.startswith(f"{tmp_path} may not be written by this user; ")


def test_a_value_from_the_environment_has_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATROL_EDGE__PERCEPTION__MODEL", "zzz")
    line, told = warning(tmp_path, "", "perception.model", capsys)
    assert line == 0
    assert told.endswith("(set by PATROL_EDGE__PERCEPTION__MODEL)")


def test_plates_without_a_reader_are_told_with_the_command_that_installs_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perception.plates.reader.PACKAGE", "no_such_package_of_ours")
    line, told = warning(tmp_path, "plates: {enabled: true}\n", "plates.enabled", capsys)
    assert line == 3
    assert told.endswith("pip install 'patrol-edge[plates]'")


def test_a_search_without_a_detector_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "perception: {enabled: false}\nsearch: {enabled: true}\n"
    _, told = warning(tmp_path, text, "search.enabled", capsys)
    assert told == "nothing is seen while perception is off; set perception.enabled: true"
